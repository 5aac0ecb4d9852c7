"""From pandas tables back to a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.errors import UsageError
from ghostload.schema import TABLES, TableSchema

if TYPE_CHECKING:
    import pandas as pd

_OUTPUTS = {f"{name}_df": name for name in TABLES}
_REQUIRED = ("transformers_df", "meters_df", "anomaly_labels_df")
_TYPES = {"string": pa.string(), "month": pa.string(), "float": pa.float64(), "integer": pa.int64()}


def from_outputs(outputs: Mapping[str, Any], config: GeneratorConfig) -> Dataset:
    """Turn the dict of :meth:`~ghostload.pipeline.SyntheticDataPipeline.generate_all` into a data set.

    Parameters
    ----------
    outputs : mapping
        At least ``transformers_df``, ``meters_df`` and ``anomaly_labels_df``, changed or not.
    config : GeneratorConfig

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        When a table or a column is missing, or a column is of another type.
    """
    missing = [name for name in _REQUIRED if name not in outputs]
    if missing:
        raise UsageError(f"outputs: has no {missing[0]!r}; pass what generate_all() returned")
    tables = {
        _OUTPUTS[key]: table_from_frame(outputs[key], TABLES[_OUTPUTS[key]]) for key in _OUTPUTS if key in outputs
    }
    made = outputs.get("dataset")
    if isinstance(made, Dataset):
        return Dataset(
            tables, region=made.region, config=made.config, files=made.files, network=made.network, keep=made.keep
        )
    from ghostload.territory import build_region, region_geojson

    return Dataset(tables, region=region_geojson(build_region(config)), config=config, network=outputs.get("network"))


def table_from_frame(frame: pd.DataFrame, schema: TableSchema) -> pa.Table:
    """Turn a pandas DataFrame into an Arrow table of a schema.

    Parameters
    ----------
    frame : pandas.DataFrame
    schema : TableSchema

    Returns
    -------
    pyarrow.Table with the schema's columns first to last; further columns are refused.
    """
    months = [str(name).rsplit("_", 1)[-1] for name in frame.columns if str(name).startswith("monthly_")]
    columns = schema.columns_for(months) if schema.has_months else schema.columns
    names = [column.name for column in columns]
    for name in names:
        if name not in frame.columns:
            raise UsageError(f"{schema.name}_df: has no column {name!r}")
    for name in frame.columns:
        if name not in names:
            raise UsageError(f"{schema.name}_df: has the column {name!r}, which {schema.file} does not; drop it")
    arrays = []
    for column in columns:
        try:
            arrays.append(pa.Array.from_pandas(frame[column.name], type=_TYPES[column.kind]))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise UsageError(f"{schema.name}_df: column {column.name!r} must be {column.kind}: {error}") from None
    return pa.table(arrays, names=names)
