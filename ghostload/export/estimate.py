"""How many rows and bytes a data set will have, and how long it will take, from a small one of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter, process_time
from typing import Any

import numpy as np

from ghostload.config.model import GeneratorConfig
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.intervals import RESOLUTIONS, steps_in_month
from ghostload.dataset.dataset import Dataset
from ghostload.export.network import MOST_LINES
from ghostload.export.write import file_sizes
from ghostload.schema import (
    ANOMALY_LABELS,
    FEEDER_ENERGY,
    FEEDER_READINGS,
    TRANSFORMER_ENERGY,
    TRANSFORMER_READINGS,
    TRANSFORMERS,
)

SAMPLE_METERS = 1000
"""Meters of the small data set. One with no more meters than this is not estimated but counted."""
LARGER_METERS = 3000
"""Meters of another, which tells what each meter more takes."""


@dataclass(frozen=True)
class FileEstimate:
    """A file to be.

    Attributes
    ----------
    rows : int, optional
        Rows of a table, features of a GeoJSON file. Exact but for ``anomaly_events.csv``, ``network_losses.csv``
        and readings of transformers.
    bytes : int
    """

    rows: int | None
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """A data set to be.

    Attributes
    ----------
    files : mapping of name to FileEstimate
        A folder of readings in time stands as one, its name ending in ``/``.
    seconds : float
        Of the whole command on this machine, without compiling.
    """

    files: Mapping[str, FileEstimate]
    seconds: float


def estimate(
    config: GeneratorConfig,
    build: Callable[[GeneratorConfig], Dataset],
    validate: Callable[[Dataset], Any],
    *,
    jobs: int = 1,
) -> Estimate:
    """Return the files that a config will give, and the time it will take.

    What a run takes is a start, which does not grow, and a time for each meter: two small data sets tell them apart.
    Readings in time are measured on a second month of as many feeders as there are jobs.

    Parameters
    ----------
    config : GeneratorConfig
    build : callable (config) -> Dataset
        Makes a data set in memory, with that many jobs.
    validate : callable (Dataset) -> ValidationReport
    jobs : int
        Threads.
    """
    started = process_time()
    months = config.replace(interval=None)
    sample, larger = _sample_config(months), _sample_config(months, LARGER_METERS)
    begin = perf_counter()
    files = dict(estimate_files(months, build, validate))
    seconds = started + perf_counter() - begin
    if larger.num_meters > sample.num_meters:

        def whole(size: GeneratorConfig) -> object:
            dataset = build(size)
            return file_sizes(dataset, validate(dataset))

        each = _growth(whole, sample, larger) / (larger.num_meters - sample.num_meters)
        seconds += each * (config.num_meters - sample.num_meters)
    if config.interval is None:
        return Estimate(files, seconds)
    return _with_readings(config, Estimate(files, seconds), build, validate, jobs)


def _with_readings(
    config: GeneratorConfig,
    months: Estimate,
    build: Callable[[GeneratorConfig], Dataset],
    validate: Callable[[Dataset], Any],
    jobs: int,
) -> Estimate:
    """Return an estimate for months with the readings in time beside them."""
    files = dict(months.files)
    sample = _sample_feeders(config, jobs)
    longer = sample.replace(num_months=2)
    begin = perf_counter()
    build(_sample_feeders(config, 1, share=0.1))
    seconds = perf_counter() - begin
    made: dict[int, Dataset] = {}

    def whole(size: GeneratorConfig) -> object:
        made[size.num_months] = build(size)
        return validate(made[size.num_months])

    each = _growth(whole, sample, longer) / (_readings(longer) - _readings(sample))
    scale = _readings(config) / _readings(sample)
    for name, (rows, size) in _folders(made[1]).items():
        longer_by = _steps(config) / _steps(sample)
        of_transformers = config.transformers / sample.transformers * longer_by
        of_feeders = _feeders(config) / _feeders(sample) * longer_by
        more = {"transformers/": of_transformers, "feeders/": of_feeders}.get(name.rsplit("_", 1)[-1], scale)
        files[name] = FileEstimate(round(rows * more), round(size * more))
    return Estimate(files, months.seconds + seconds + each * _readings(config))


def _growth(work: Callable[[GeneratorConfig], object], small: GeneratorConfig, large: GeneratorConfig) -> float:
    """Return how much longer, in seconds, a larger data set takes; each the faster of two, in turn."""
    took: list[list[float]] = []
    for _ in range(2):
        moments = [perf_counter()]
        for config in (small, large):
            work(config)
            moments.append(perf_counter())
        took.append([after - before for before, after in pairwise(moments)])
    least: list[float] = [min(times) for times in zip(*took, strict=True)]
    return max(0.0, least[1] - least[0])


def _folders(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Return rows and bytes of each folder of readings in time."""
    found: dict[str, tuple[int, int]] = {}
    for name, file in dataset.files.items():
        folder = f"{name.split('/')[0]}/"
        rows, size = found.get(folder, (0, 0))
        found[folder] = rows + (file.rows or 0), size + file.bytes
    return found


def _steps(config: GeneratorConfig) -> int:
    """Count the steps of a config with an interval."""
    return int(np.sum(steps_in_month(month_numbers(config.months), RESOLUTIONS[config.interval or "1h"])))


def _feeders(config: GeneratorConfig) -> int:
    return -(-config.transformers // config.territory.transformers_per_feeder)


def _readings(config: GeneratorConfig) -> int:
    return config.num_meters * _steps(config)


def _sample_feeders(config: GeneratorConfig, feeders: int, share: float = 1.0) -> GeneratorConfig:
    """Return one month of some feeders, or of a share of the meters of one."""
    transformers = min(config.transformers, max(1, round(share * feeders * config.territory.transformers_per_feeder)))
    meters = max(transformers, round(config.num_meters * transformers / config.transformers))
    return config.replace(num_meters=meters, num_transformers=transformers, num_months=1)


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
        rows = _rows(name, file.rows, config, sample, growth)
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


def _sample_config(config: GeneratorConfig, meters: int = SAMPLE_METERS) -> GeneratorConfig:
    if config.num_meters <= meters:
        return config
    share = meters / config.num_meters
    return config.replace(num_meters=meters, num_transformers=max(1, round(config.transformers * share)))


def _rows(
    name: str, sampled: int | None, config: GeneratorConfig, sample: GeneratorConfig, growth: float
) -> int | None:
    """Return the rows of a file of the whole data set."""
    stem = name.rsplit(".", 1)[0]
    if sampled is None or stem == "region":
        return sampled
    if stem == TRANSFORMERS.file.removesuffix(".csv"):
        return config.transformers
    if stem == TRANSFORMER_ENERGY.file.removesuffix(".csv"):
        return config.transformers * config.num_months
    if f"{stem}.csv" in (FEEDER_ENERGY.file, FEEDER_READINGS.file):
        return _feeders(config) * config.num_months
    if stem == ANOMALY_LABELS.file.removesuffix(".csv"):
        return config.num_anomalies
    if stem == TRANSFORMER_READINGS.file.removesuffix(".csv"):
        return round(sampled / sample.transformers * config.transformers)
    if stem == "network" and sampled * growth > MOST_LINES:
        return max(round(sampled * growth) - config.num_meters, 1)
    return round(sampled * growth)
