"""From a config to a data set: the only place in which the order of the stages is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ghostload.anomalies.apply import Outcome, apply_events
from ghostload.anomalies.base import Family
from ghostload.anomalies.events import Events, join
from ghostload.anomalies.look_alikes import draw_look_alikes
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.theft import draw_thefts
from ghostload.config.model import GeneratorConfig
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.customers import Customers, draw_customers
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.tables import events_table, labels_table, meters_table, transformers_table
from ghostload.metering.register import registered_kwh
from ghostload.streams import BLOCK, FloatArray, IntArray, Streams
from ghostload.territory import Territory, build_territory, diversified_peak_kva, fit_capacity_kva, region_geojson

METERS_PER_BLOCK = 16 * BLOCK
"""Meters that are computed at once: the unit of parallel work and of resume. Not part of the data."""

Arrays = dict[str, np.ndarray[Any, Any]]
Progress = Callable[[str, int, int], None]


class Store(Protocol):
    """Keeps finished blocks, so that a killed run can be resumed."""

    def get(self, name: str) -> Arrays | None:
        """Return the arrays kept under a name, or None."""
        ...

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep arrays under a name."""
        ...


@dataclass(frozen=True)
class World:
    """All of a data set but the energies.

    Attributes
    ----------
    config : GeneratorConfig
    streams : Streams
    numbers : (T,) array of int
        Month numbers.
    territory : Territory
    customers : Customers
    capacity_kva : (transformers,) array
    events : Events
    """

    config: GeneratorConfig
    streams: Streams
    numbers: IntArray
    territory: Territory
    customers: Customers
    capacity_kva: FloatArray
    events: Events


def build_world(config: GeneratorConfig) -> World:
    """Place the grid's points, draw the customers, fit the transformers, and choose who steals."""
    streams = Streams(config.random_seed)
    numbers = month_numbers(config.months)
    territory = build_territory(config, streams)
    customers = draw_customers(config, streams)
    peak = diversified_peak_kva(
        customers.peak_kva, customers.class_index, territory.meter_transformer, config.transformers
    )
    capacity = fit_capacity_kva(peak, config.transformer_capacity_range, streams)
    thefts = draw_thefts(config, customers, territory.meter_transformer, territory.meter_barangay, streams)
    events = join([thefts, draw_look_alikes(config, customers, numbers, streams)])
    return World(config, streams, numbers, territory, customers, capacity, events)


def simulate(world: World, start: int, stop: int) -> tuple[Outcome, FloatArray]:
    """Return what the meters ``start .. stop - 1`` drew and showed, and what their registers recorded; (n, T) kWh."""
    customers = world.customers.rows(start, stop)
    drawn = monthly_true_kwh(customers, world.numbers, world.streams)
    outcome = apply_events(drawn, world.events.of_meters(start, stop), customers, world.numbers, world.streams)
    return outcome, registered_kwh(outcome.shown_kwh, world.config.metering, world.streams, start)


class SyntheticDataPipeline:
    """Makes a data set from a config.

    Parameters
    ----------
    config : GeneratorConfig, optional
        The defaults when not given.

    Examples
    --------
    >>> pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=100))
    >>> outputs = pipeline.generate_all()
    >>> outputs["meters_df"].shape
    (100, 19)
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        self.config = config if config is not None else GeneratorConfig()

    def build(self, progress: Progress | None = None, *, jobs: int = 1, store: Store | None = None) -> Dataset:
        """Make the data set in memory.

        Parameters
        ----------
        progress : callable (stage, done, total), optional
            Called as work goes on.
        jobs : int
            Threads; the result does not depend on it.
        store : Store, optional
            Where finished blocks are kept and looked for.

        Returns
        -------
        Dataset
        """
        report = progress or _silent
        report("territory and customers", 0, 1)
        world = build_world(self.config)
        report("territory and customers", 1, 1)
        count, months = self.config.num_meters, self.config.num_months
        registered = np.empty((months, count))
        lost, exposed = np.empty(len(world.events)), np.empty(len(world.events))
        blocks = [(a, min(a + METERS_PER_BLOCK, count)) for a in range(0, count, METERS_PER_BLOCK)]
        keep = store if len(blocks) > 1 else None
        done = 0
        for (start, stop), arrays in _run(world, blocks, jobs, keep):
            registered[:, start:stop] = arrays["registered_kwh"]
            first, last = np.searchsorted(world.events.meter, [start, stop])
            lost[first:last], exposed[first:last] = arrays["lost_kwh"], arrays["exposed_kwh"]
            done += stop - start
            report("meters", done, count)
        return _assemble(world, registered, lost, exposed)

    def generate_all(self) -> dict[str, Any]:
        """Make the data set and return its tables as the seed's guide names them.

        Returns
        -------
        dict
            ``transformers_df``, ``meters_df``, ``anomaly_labels_df``, ``anomaly_events_df`` (pandas), ``geojson``
            (dict), and ``dataset`` (:class:`~ghostload.dataset.Dataset`).
        """
        from ghostload.export.geojson import transformers_geojson

        dataset = self.build()
        return {
            "transformers_df": dataset.transformers,
            "meters_df": dataset.meters,
            "anomaly_labels_df": dataset.anomaly_labels,
            "anomaly_events_df": dataset.anomaly_events,
            "geojson": transformers_geojson(dataset),
            "dataset": dataset,
        }

    def save_outputs(self, outputs: dict[str, Any], output_dir: Path | None = None, *, force: bool = False) -> Path:
        """Write what :meth:`generate_all` returned into a folder, all of it or nothing.

        Parameters
        ----------
        outputs : dict
            Tables that were changed in between are written as they are now.
        output_dir : Path, optional
            The config's by default.
        force : bool
            Whether a data set of another config may be replaced.

        Returns
        -------
        Path of the folder.
        """
        from ghostload.dataset.frames import from_outputs
        from ghostload.export import write_dataset

        return write_dataset(from_outputs(outputs, self.config), output_dir or self.config.output_dir, force=force)


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def _run(
    world: World, blocks: list[tuple[int, int]], jobs: int, store: Store | None
) -> Iterator[tuple[tuple[int, int], Arrays]]:
    """Compute the blocks, in threads, and yield them in order, holding no more than the threads need."""

    def compute(block: tuple[int, int]) -> Arrays:
        name = f"meters-{block[0]}-{block[1]}"
        kept = store.get(name) if store is not None else None
        if kept is not None:
            return kept
        outcome, registered = simulate(world, *block)
        arrays = {
            "registered_kwh": np.ascontiguousarray(registered.T),
            "lost_kwh": outcome.lost_kwh,
            "exposed_kwh": outcome.exposed_kwh,
        }
        if store is not None:
            store.put(name, arrays)
        return arrays

    if jobs == 1 or len(blocks) == 1:
        yield from ((block, compute(block)) for block in blocks)
        return
    with ThreadPoolExecutor(jobs) as pool:
        for at in range(0, len(blocks), 2 * jobs):
            batch = blocks[at : at + 2 * jobs]
            yield from zip(batch, pool.map(compute, batch), strict=True)


def _assemble(world: World, registered: FloatArray, lost: FloatArray, exposed: FloatArray) -> Dataset:
    config, events = world.config, world.events
    theft = np.array([KINDS.get(name).family is Family.THEFT for name in events.kinds], dtype=bool)
    stolen = np.flatnonzero(theft[events.kind])
    tables = {
        "transformers": transformers_table(world.territory, world.capacity_kva),
        "meters": meters_table(world.territory, world.customers, config.months, registered),
        "anomaly_labels": labels_table(events.rows(stolen), lost[stolen], exposed[stolen], config.num_months),
        "anomaly_events": events_table(events, lost, exposed, int(world.numbers[0]), config.num_months),
    }
    return Dataset(tables, region=region_geojson(world.territory.region), config=config)
