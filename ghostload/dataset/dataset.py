"""The one object that validation, detection, export and reports read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.readings import (
    Readings,
    arrow_schema,
    files_as_dataset,
    missing_readings,
    moment,
    partition_of,
    select,
    whose,
)
from ghostload.dataset.stored import StoredFile
from ghostload.schema import METERS
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Dataset:
    """A data set in memory.

    Attributes
    ----------
    tables : mapping of name to pyarrow.Table
        By the names of :data:`ghostload.schema.TABLES`; ``anomaly_events`` and ``anomaly_labels`` may be missing in a
        folder of foreign make.
    geojson : mapping, optional
        The FeatureCollection of the transformers, parsed.
    region : mapping, optional
        FeatureCollection of the districts that are land, parsed.
    config : GeneratorConfig, optional
        What it was made from; None for a folder of foreign make.
    manifest : mapping, optional
    path : Path, optional
        The folder it was read from.
    files : mapping of name to StoredFile
        Parquet files of the readings in time, by their paths inside the data set.
    network : pyarrow.Table, optional
        The lines of a data set that was just made, as ``network.geojson`` holds them.
    keep : object, optional
        What has to live as long as the data set: a temporary folder of such files.
    """

    tables: Mapping[str, pa.Table]
    geojson: Mapping[str, Any] | None = None
    region: Mapping[str, Any] | None = None
    config: GeneratorConfig | None = None
    manifest: Mapping[str, Any] | None = None
    path: Path | None = None
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    network: pa.Table | None = field(default=None, compare=False)
    keep: Any = field(default=None, repr=False, compare=False)
    _frames: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def frame(self, name: str) -> pd.DataFrame:
        """Return a table as a pandas DataFrame (converted once)."""
        if name not in self._frames:
            self._frames[name] = _plain(self.tables[name]).to_pandas()
        frame: pd.DataFrame = self._frames[name]
        return frame

    @property
    def transformers(self) -> pd.DataFrame:
        """The transformers."""
        return self.frame("transformers")

    @property
    def meters(self) -> pd.DataFrame:
        """The meters with their registered months."""
        return self.frame("meters")

    @property
    def anomaly_labels(self) -> pd.DataFrame:
        """Ground truth: meters with theft."""
        return self.frame("anomaly_labels")

    @property
    def anomaly_events(self) -> pd.DataFrame:
        """Ground truth: every theft, fault and look-alike."""
        return self.frame("anomaly_events")

    @property
    def num_meters(self) -> int:
        """Number of meters."""
        return int(self.tables["meters"].num_rows)

    @cached_property
    def month_columns(self) -> tuple[str, ...]:
        """Names of the consumption columns, in the order of the file."""
        fixed = set(METERS.column_names)
        return tuple(n for n in self.tables["meters"].column_names if n.startswith("monthly_") and n not in fixed)

    @cached_property
    def months(self) -> tuple[str, ...]:
        """Calendar months "YYYYMM", in the order of the file."""
        return tuple(name.rsplit("_", 1)[-1] for name in self.month_columns)

    @cached_property
    def registered_kwh(self) -> FloatArray:
        """(meters, months) registered energy in kWh."""
        table = self.tables["meters"]
        if not self.month_columns:
            return np.empty((self.num_meters, 0))
        return np.column_stack([np.asarray(table[name], dtype=np.float64) for name in self.month_columns])

    @cached_property
    def transformer_index(self) -> IntArray:
        """(meters,) row of each meter's transformer in the transformers table, -1 where there is none."""
        known = _flat(self.tables["transformers"]["transformer_id"])
        found = pc.index_in(self.tables["meters"]["transformer_id"], value_set=known)
        return np.asarray(pc.fill_null(found, -1), dtype=np.int64)

    @cached_property
    def is_theft(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(meters,) ground truth: whether the meter is listed in the labels."""
        listed = pc.is_in(self.tables["meters"]["meter_id"], value_set=_flat(self.tables["anomaly_labels"]["meter_id"]))
        return np.asarray(listed)

    def readings(
        self,
        meters: Sequence[str] | None = None,
        *,
        transformers: Sequence[str] | None = None,
        feeder: str | Sequence[str] | None = None,
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        columns: Sequence[str] | None = None,
        truth: bool = False,
        of: str = "meters",
        of_transformers: bool = False,
    ) -> Readings:
        """Return readings in time; nothing is read before rows are asked for.

        Parameters
        ----------
        meters : sequence of str, optional
            Ids of the wanted meters; all when none of meters, transformers and feeder is given.
        transformers : sequence of str, optional
            Ids of transformers, all meters of which are wanted.
        feeder : str or sequence of str, optional
            Ids of feeders.
        start, end : str or datetime, optional
            First moment, and the first one no longer wanted; local time unless an offset is given.
        columns : sequence of str, optional
            Names of the wanted columns; ``registered_kwh`` for ``registered_wh`` and the like too, and ``feeder``.
        truth : bool
            Whether what the utility cannot see is wanted.
        of : {"meters", "transformers", "feeders"}
            Whose readings are wanted: those of the customers' meters, or of the transformers or feeders that serve
            what is named.
        of_transformers : bool
            An older way to say ``of="transformers"``.

        Returns
        -------
        Readings
            With ``to_table()``, ``to_pandas()``, ``batches()`` and ``count_rows()``.

        Raises
        ------
        DataError
            The data set has months only.
        UsageError
            Something named is not there.

        Examples
        --------
        >>> from ghostload import GeneratorConfig, SyntheticDataPipeline
        >>> config = GeneratorConfig(num_meters=20, num_months=1, interval="1h", physics="none")
        >>> dataset = SyntheticDataPipeline(config).build()
        >>> dataset.readings(["MTR_000001"], end="2025-01-02", columns=["time", "registered_kwh"]).to_table().shape
        (24, 2)
        """
        of = whose(of, of_transformers)
        table = partition_of(truth, of)
        names = (name for name in self.files if name.startswith(f"{table.folder}/"))
        files = [self.files[name].path for name in sorted(names, key=lambda name: (len(name), name))]
        if not files or self.config is None:
            raise missing_readings(str(self.path or "the data set"), table.folder)
        return self.wanted_readings(
            lambda wanted: self._stored(files, wanted), meters, transformers=transformers,
            feeder=feeder, start=start, end=end, columns=columns, truth=truth, of=of,
        )  # fmt: skip

    def wanted_readings(
        self,
        source: Callable[[Readings], Any],
        meters: Sequence[str] | None,
        *,
        transformers: Sequence[str] | None,
        feeder: str | Sequence[str] | None,
        start: str | datetime | None,
        end: str | datetime | None,
        columns: Sequence[str] | None,
        truth: bool,
        of: str,
    ) -> Readings:
        """Return readings of whatever source; see :meth:`readings`, which has the other parameters.

        Parameters
        ----------
        source : callable (Readings) -> pyarrow.dataset.Dataset
            Gives at least the wanted rows, with a column ``feeder``.
        """
        table, config = partition_of(truth, of), self.config
        if config is None:
            raise missing_readings(str(self.path or "the data set"), table.folder)
        offset = config.territory.utc_offset_minutes
        selection = select(
            meters=meters,
            transformers=transformers,
            feeder=feeder,
            start=moment(start, offset, "start"),
            end=moment(end, offset, "end"),
            homes=self._homes,
            of=of,
        )
        schema = arrow_schema(table, offset, flow=config.physics != "none")
        return Readings(source, table, schema, selection, columns)

    def _stored(self, files: Sequence[Path], wanted: Readings) -> Any:
        """Return files as a dataset; bound to this object, so that a temporary folder of them stays."""
        return files_as_dataset(files, wanted.table, wanted.schema)

    def _homes(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return each meter's transformer and each transformer's feeder."""
        meters, transformers = self.tables["meters"], self.tables["transformers"]
        return (
            dict(zip(meters["meter_id"].to_pylist(), meters["transformer_id"].to_pylist(), strict=True)),
            dict(zip(transformers["transformer_id"].to_pylist(), transformers["feeder_id"].to_pylist(), strict=True)),
        )

    def summary(self) -> dict[str, str]:
        """Say in a few lines what the data set holds."""
        rows = {
            "meters": f"{self.num_meters:,}",
            "transformers": f"{self.tables['transformers'].num_rows:,}",
            "months": f"{self.months[0]} to {self.months[-1]} ({len(self.months)})" if self.months else "none",
        }
        if "anomaly_labels" in self.tables:
            rows["with theft"] = f"{self.tables['anomaly_labels'].num_rows:,}"
        if self.config is not None:
            rows["difficulty"] = self.config.difficulty
            rows["seed"] = str(self.config.random_seed)
        return rows

    def __repr__(self) -> str:
        """One line."""
        return f"<Dataset {', '.join(f'{key}: {value}' for key, value in self.summary().items())}>"

    def _repr_html_(self) -> str:
        """Return a small table for notebooks."""
        from html import escape

        rows = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self.summary().items())
        head = self.meters.head(5).to_html(index=False, max_cols=10)
        return f"<table><caption>ghostload data set</caption>{''.join(rows)}</table>{head}"


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """Return text as one contiguous array, plain."""
    return column.cast(pa.string()).combine_chunks()


def _plain(table: pa.Table) -> pa.Table:
    """Return a table with coded text as plain text."""
    types = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in table.schema.types]
    return table.cast(pa.schema(zip(table.column_names, types, strict=True)))
