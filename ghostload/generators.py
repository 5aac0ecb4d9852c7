"""The seed's generator classes: thin faces over the rooms, for scripts that use them one by one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.frames import table_from_frame
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.schema import METERS, TRANSFORMERS

if TYPE_CHECKING:
    import pandas as pd


class _FromConfig:
    """What both generators share: the data set of a config, made once."""

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        self.config = config if config is not None else GeneratorConfig()

    @cached_property
    def _dataset(self) -> Dataset:
        return SyntheticDataPipeline(self.config).build()


class TransformerGenerator(_FromConfig):
    """Transformers of a config.

    Parameters
    ----------
    config : GeneratorConfig, optional

    Examples
    --------
    >>> TransformerGenerator(GeneratorConfig(num_meters=80)).generate().shape
    (2, 6)
    """

    def generate(self) -> pd.DataFrame:
        """Return the table of ``transformers.csv``. Their ratings are fitted to the meters of the same config."""
        return self._dataset.transformers


class MeterGenerator(_FromConfig):
    """Meters of a config, with their registered months and labels.

    Parameters
    ----------
    config : GeneratorConfig, optional
    """

    def generate(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the tables of ``meter_consumption.csv`` and ``anomaly_labels.csv``."""
        return self._dataset.meters, self._dataset.anomaly_labels


class GeoJSONGenerator:
    """Map data from the two tables, also from tables that were made elsewhere.

    Parameters
    ----------
    transformers_df, meters_df : pandas.DataFrame
        As in ``transformers.csv`` and ``meter_consumption.csv``.
    """

    def __init__(self, transformers_df: pd.DataFrame, meters_df: pd.DataFrame) -> None:
        self.transformers_df = transformers_df
        self.meters_df = meters_df

    def generate(self) -> dict[str, Any]:
        """Return the FeatureCollection of ``transformers.geojson``."""
        from ghostload.export.geojson import transformers_geojson

        tables = {
            "transformers": table_from_frame(self.transformers_df, TRANSFORMERS),
            "meters": table_from_frame(self.meters_df, METERS),
        }
        return transformers_geojson(Dataset(tables))
