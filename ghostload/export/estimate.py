"""How many rows and bytes a data set will have, from a small one of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.export.write import file_sizes
from ghostload.schema import ANOMALY_LABELS, TRANSFORMERS

SAMPLE_METERS = 1000
"""Meters of the small data set. One with no more meters than this is not estimated but counted."""


@dataclass(frozen=True)
class FileEstimate:
    """A file to be.

    Attributes
    ----------
    rows : int, optional
        Rows of a table, features of a GeoJSON file. Exact but for ``anomaly_events.csv``.
    bytes : int
    """

    rows: int | None
    bytes: int


def estimate_files(
    config: GeneratorConfig,
    build: Callable[[GeneratorConfig], Dataset],
    validate: Callable[[Dataset], Any],
) -> Mapping[str, FileEstimate]:
    """Return the files that a config will give, by name.

    A data set of :data:`SAMPLE_METERS` meters is built in memory, with as many transformers for each meter, and what
    grows with the meters is scaled up.

    Parameters
    ----------
    config : GeneratorConfig
    build : callable (config) -> Dataset
        Makes a data set in memory.
    validate : callable (Dataset) -> ValidationReport
    """
    sample = _sample_config(config)
    dataset = build(sample)
    sizes, first = file_sizes(dataset, validate(dataset)), file_sizes(_first_rows(dataset, sample))
    growth = config.num_meters / sample.num_meters
    found = {}
    for name, file in sizes.items():
        rows = _rows(name, file.rows, config, growth)
        scale = (rows - 1) / (file.rows - 1) if rows is not None and file.rows is not None and file.rows > 1 else 1.0
        if name == "transformers.geojson":
            scale = growth
        fixed = first[name].bytes if name in first else 0
        found[name] = FileEstimate(rows, round(fixed + (file.bytes - fixed) * scale))
    return found


def _first_rows(dataset: Dataset, config: GeneratorConfig) -> Dataset:
    """Return the same with one row a table, for what a file takes whatever its rows; in our own formats only."""
    tables = {name: table.slice(0, 1) for name, table in dataset.tables.items()}
    return Dataset(tables, config=config.replace(export=replace(config.export, others=())))


def _sample_config(config: GeneratorConfig) -> GeneratorConfig:
    if config.num_meters <= SAMPLE_METERS:
        return config
    share = SAMPLE_METERS / config.num_meters
    return config.replace(num_meters=SAMPLE_METERS, num_transformers=max(1, round(config.transformers * share)))


def _rows(name: str, sampled: int | None, config: GeneratorConfig, growth: float) -> int | None:
    """Return the rows of a file of the whole data set."""
    stem = name.rsplit(".", 1)[0]
    if sampled is None or stem == "region":
        return sampled
    if stem == TRANSFORMERS.file.removesuffix(".csv"):
        return config.transformers
    if stem == ANOMALY_LABELS.file.removesuffix(".csv"):
        return config.num_anomalies
    return round(sampled * growth)
