"""From a config to a data set: the only place in which the order of the stages is written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.anomalies.apply import apply_events, partner_part
from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import Part, partners_needed
from ghostload.anomalies.look_alikes import with_look_alikes
from ghostload.anomalies.theft import draw_thefts
from ghostload.config.model import GeneratorConfig
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.customers import known_customers
from ghostload.consumption.interval_demand import intervals_of
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.readings import Readings, table_as_dataset, whose
from ghostload.engines import Engine, open_engine
from ghostload.errors import DataError, UsageError
from ghostload.metering.intervals import record_intervals
from ghostload.metering.register import registered_kwh
from ghostload.metering.voltage import known_voltage_v, recorded_voltage_v
from ghostload.scratch import Scratch, let_go
from ghostload.simulation.assembly import assembled
from ghostload.simulation.balance import energies
from ghostload.simulation.blocks import Found, run_blocks
from ghostload.simulation.feeder import Feeder, FeederMonth
from ghostload.simulation.months import Months, blocks_of
from ghostload.simulation.run import Arrays, Progress, Store
from ghostload.simulation.world import World
from ghostload.streams import BLOCK, FloatArray, IntArray, Streams
from ghostload.territory import build_territory, diversified_peak_kva, fit_capacity_kva

METERS_PER_BLOCK = 16 * BLOCK
"""Meters that are computed at once: the unit of parallel work and of resume. Not part of the data."""


def build_world(config: GeneratorConfig, scratch: Scratch | None = None) -> World:
    """Place the grid's points, draw the customers, fit the transformers, and choose who steals.

    Parameters
    ----------
    config : GeneratorConfig
    scratch : Scratch, optional
        Where all that is as long as the meters lies; the system's temporary folder by default.

    Returns
    -------
    World
    """
    streams, scratch = Streams(config.random_seed), scratch or Scratch()
    numbers = month_numbers(config.months)
    territory = build_territory(config, streams, scratch=scratch)
    let_go()
    customers = known_customers(config, streams, scratch)
    let_go()
    home, barangay = territory.meter_transformer, territory.meter_barangay
    peak = diversified_peak_kva(customers.peak_kva, customers.class_index, home, config.transformers)
    capacity = fit_capacity_kva(peak, config.transformer_capacity_range, streams, scratch)
    thefts = draw_thefts(config, customers, home, barangay, streams, scratch)
    let_go()
    events = with_look_alikes(thefts, config, customers, numbers, streams, scratch)
    let_go()
    return World(config, streams, numbers, territory, customers, capacity, events, scratch)


def simulate_block(world: World, start: int, stop: int) -> Arrays:
    """Return the months of the meters ``start .. stop - 1``.

    Returns
    -------
    dict
        ``drawn_kwh``, ``true_kwh`` and ``registered_kwh`` (n, T): what would be drawn without events, what was drawn,
        and what registers recorded;
        ``lost_kwh`` and ``exposed_kwh`` (E,) of the events of these meters, and by month ``cut_wh``, ``lost_wh``
        (E, T) in whole watt-hours.
    """
    customers, events, streams = world.customers_of(start, stop), world.events.of_meters(start, stop), world.streams
    drawn = monthly_true_kwh(customers, world.numbers, streams)

    def hours_of(meters: IntArray, month_kwh: FloatArray) -> IntArray:
        hours = intervals_of(meters, world.habits_of(meters), world.numbers, month_kwh, 60, streams)
        return hours.astype(np.int64)

    partners = _partners(world, events, start, stop)
    outcome = apply_events(drawn, events, customers, world.numbers, streams, hours_of=hours_of, partners=partners)
    return {
        "drawn_kwh": drawn,
        "true_kwh": outcome.true_kwh,
        "registered_kwh": registered_kwh(outcome.shown_kwh, world.config.metering, streams, start),
        "lost_kwh": outcome.lost_kwh,
        "exposed_kwh": outcome.exposed_kwh,
        "cut_wh": np.rint(1000.0 * outcome.month_cut_kwh).astype(np.int64),
        "lost_wh": np.rint(1000.0 * outcome.month_lost_kwh).astype(np.int64),
    }


def _partners(world: World, events: Events, start: int, stop: int) -> list[Part]:
    """Return the parts of the meters of other blocks that events of this one go with."""
    needed = partners_needed(events, np.arange(start, stop))
    found = []
    for first, last in blocks_of(needed, BLOCK, len(world.known)):
        customers = world.customers_of(first, last)
        drawn = monthly_true_kwh(customers, world.numbers, world.streams)
        part = partner_part(drawn, world.events.of_meters(first, last), customers, world.numbers, world.streams)
        found.append(part.of_meters(needed[(needed >= first) & (needed < last)]))
    return found


def simulate_month(world: World, feeder: Feeder, offset: int) -> FeederMonth:
    """Return one month of a feeder in time: true demand, anomalies, readings, power flow, voltages.

    Parameters
    ----------
    world : World
    feeder : Feeder
    offset : int
        Position of the month in the data.
    """
    config, streams, minutes = world.config, world.streams, world.minutes
    number, month = world.numbers[offset : offset + 1], slice(offset, offset + 1)
    demand = intervals_of(feeder.meters, feeder.habits, number, feeder.demand_kwh[:, month], minutes, streams)
    recorded = record_intervals(
        demand,
        feeder.registered_kwh[:, month],
        feeder.part,
        number,
        minutes,
        config.metering,
        streams,
        first_offset=offset,
    )
    lost = recorded.lost_wh.sum(axis=1, dtype=np.int64)
    if feeder.plan is None or feeder.shares is None:
        return FeederMonth(recorded.true_wh, recorded.registered_wh, recorded.flags, lost)
    reactive = interval_q_varh(recorded.true_wh, minutes, feeder.shares)
    flows = feeder.solve(recorded.true_wh, reactive, minutes)
    return FeederMonth(
        recorded.true_wh,
        recorded.registered_wh,
        recorded.flags,
        lost,
        voltage_v=recorded_voltage_v(flows.service_v, feeder.meters, config.metering, streams),
        true_voltage_v=known_voltage_v(flows.service_v),
        flow=energies(feeder, flows.without_services(), recorded.true_wh, recorded.registered_wh, reactive),
        unsolved=len(flows.reason),
    )


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

    def build(
        self,
        progress: Progress | None = None,
        *,
        jobs: int = 1,
        store: Store | None = None,
        engine: Engine | None = None,
    ) -> Dataset:
        """Make the data set.

        All of it is in memory, but for readings in time: their Parquet files are made in the folder of the store, or in
        a temporary one that lasts as long as the data set.

        Parameters
        ----------
        progress : callable (stage, done, total), optional
            Called as work goes on.
        jobs : int
            Threads; the result does not depend on it.
        store : Store, optional
            Where finished blocks and feeders are kept and looked for.
        engine : Engine, optional
            Spreads the feeders of readings in time; threads by default, as many as there are jobs.

        Returns
        -------
        Dataset
        """
        report = progress or _silent
        report("territory and customers", 0, 1)
        world = build_world(self.config, Scratch(store.folder if store is not None else None))
        report("territory and customers", 1, 1)
        shared = self.config.interval is not None and engine is not None and not engine.shares_memory
        found = run_blocks(
            world, METERS_PER_BLOCK, simulate_block, jobs=jobs, store=store, report=report, shared=shared
        )
        with closing(found.kept):
            return self._with_feeders(world, found, report, jobs, store, engine)

    def _with_feeders(
        self, world: World, found: Found, report: Progress, jobs: int, store: Store | None, engine: Engine | None
    ) -> Dataset:
        """Return the data set with what follows feeder by feeder."""
        dataset = assembled(world, found)
        if self.config.interval is None and not world.flow:
            return dataset
        world.prepare()
        if self.config.interval is None:
            from ghostload.simulation.by_days import balance_by_days

            grid = balance_by_days(world, found.kept.months, jobs=jobs, report=report)
            return replace(dataset, tables={**dataset.tables, **grid.tables()}, network=grid.lines())
        from ghostload.simulation.in_time import run_feeders

        with ExitStack() as stack:
            if engine is None:
                engine = stack.enter_context(open_engine("threads" if jobs > 1 else "serial", jobs))
            return run_feeders(
                world,
                found.kept,
                dataset,
                engine=engine,
                store=store,
                report=report,
                simulate=simulate_month,
                remote=RemoteFeeders,
            )

    def generate_all(self) -> dict[str, Any]:
        """Make the data set and return its tables as the seed's guide names them.

        Returns
        -------
        dict
            ``transformers_df``, ``meters_df``, ``anomaly_labels_df``, ``anomaly_events_df`` (pandas), ``geojson``
            (dict), ``network`` (Arrow table of the lines, or None), and ``dataset``
            (:class:`~ghostload.dataset.Dataset`); with physics also ``transformer_energy_df``,
            ``transformer_readings_df``, ``feeder_energy_df``, ``feeder_readings_df`` and ``network_losses_df``.
        """
        from ghostload.export.geojson import transformers_geojson

        dataset = self.build()
        return {
            **{f"{name}_df": dataset.frame(name) for name in dataset.tables},
            "geojson": transformers_geojson(dataset),
            "network": dataset.network,
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


@dataclass(frozen=True)
class RemoteFeeders:
    """Makes feeders in another process; the world is built once a process, the months of the meters are read.

    Attributes
    ----------
    config : GeneratorConfig
    folder : Path
        Where finished feeders are kept.
    key : str
        Hash of all that the numbers follow from.
    rows, effects : Path
        The months, as :meth:`~ghostload.simulation.months.Months.shared` takes them.
    """

    config: GeneratorConfig
    folder: Path
    key: str
    rows: Path
    effects: Path

    def __call__(self, feeder: int) -> Arrays:
        """Return the balance of a feeder and the list of its files."""
        from ghostload.export.blocks import BlockStore
        from ghostload.simulation.in_time import FeederMaker

        world = self._world()
        rows = world.row_of_meter
        months = Months.shared(self.rows, self.effects, rows, world.events, len(world.numbers), self.key)
        return FeederMaker(world, months, BlockStore(self.folder), simulate_month)(feeder)

    def _world(self) -> World:
        from ghostload.export.identity import work_key

        with _WORLD_LOCK:
            if self.key not in _WORLDS:
                if work_key(self.config) != self.key:
                    raise UsageError(
                        "a worker has other packages, or other files that the settings name, than this machine; "
                        "make them the same, or the bytes differ"
                    )
                world = build_world(self.config)
                world.prepare()
                _WORLDS.clear()
                _WORLDS[self.key] = world
            return _WORLDS[self.key]


_WORLDS: dict[str, World] = {}
"""The world that this process works on for others, by its key."""
_WORLD_LOCK = threading.Lock()


def compute_readings(
    dataset: Dataset,
    meters: Sequence[str] | None = None,
    *,
    interval: str | None = None,
    transformers: Sequence[str] | None = None,
    feeder: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    columns: Sequence[str] | None = None,
    truth: bool = False,
    of: str = "meters",
    of_transformers: bool = False,
) -> Readings:
    """Compute readings in time of a data set, without those that are not asked for.

    They equal the same cells of a data set that was made with this interval.

    Parameters
    ----------
    dataset : Dataset
        With its config; it need not have readings in time.
    interval : {"1h", "30min", "15min", "5min"}, optional
        The data set's by default.
    meters, transformers, feeder, start, end, columns, truth, of, of_transformers
        As :meth:`ghostload.dataset.Dataset.readings` takes them.

    Returns
    -------
    Readings

    Raises
    ------
    UsageError
        Something named is not there, or there is no interval.
    DataError
        The data set has no config, or its months are not those that the config gives.
    """
    from ghostload.simulation.access import computed_table

    if dataset.config is None:
        raise DataError(f"{dataset.path or 'the data set'}: has no config.yaml, from which readings are computed")
    interval = interval or dataset.config.interval
    if interval is None:
        raise UsageError("interval: the data set has months only; name one of 1h, 30min, 15min, 5min")
    config = dataset.config.replace(interval=interval)

    def source(readings: Readings) -> Any:
        table = computed_table(
            build_world(config),
            dataset,
            readings.table,
            readings.selection,
            readings.columns,
            simulate_block=simulate_block,
            simulate_month=simulate_month,
        )
        return table_as_dataset(table)

    return dataset.wanted_readings(
        source, meters, transformers=transformers, feeder=feeder, start=start, end=end, columns=columns, truth=truth,
        of=whose(of, of_transformers),
    )  # fmt: skip


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
