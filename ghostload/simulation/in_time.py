"""Readings in time of all feeders, written as they are made."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.stored import StoredFile
from ghostload.engines import Engine
from ghostload.errors import GhostloadError
from ghostload.export.blocks import BlockStore
from ghostload.export.identity import work_key
from ghostload.export.readings import FeederFiles
from ghostload.export.workspace import reported
from ghostload.schema import feeder_id
from ghostload.schema_in_time import PARTITIONED
from ghostload.scratch import let_go
from ghostload.simulation.balance import month_balance, stacked
from ghostload.simulation.feeder import Feeder, FeederMonth
from ghostload.simulation.grid_tables import GridTables
from ghostload.simulation.months import KeptMonths, Months
from ghostload.simulation.run import Arrays, Progress, Store, Tally, files_in, kept_feeder, with_files
from ghostload.simulation.tables import month_tables, starts_ms, wanted_tables
from ghostload.simulation.world import World
from ghostload.streams import FloatArray

Simulate = Callable[[World, Feeder, int], FeederMonth]


def run_feeders(
    world: World,
    kept: KeptMonths,
    dataset: Dataset,
    *,
    engine: Engine,
    store: Store | None,
    report: Progress,
    simulate: Simulate,
    remote: Callable[[GeneratorConfig, Path, str, Path, Path], Callable[[int], Arrays]],
) -> Dataset:
    """Make the readings in time of all feeders.

    Parameters
    ----------
    world : World
        With an interval, prepared.
    kept : KeptMonths
        Of all meters; for others to read, where the engine does not share memory.
    dataset : Dataset
        What there is without readings in time.
    engine : Engine
        Spreads the work; no byte depends on it.
    store : Store, optional
        Keeps finished feeders; without it they are made in a temporary folder.
    report : callable (stage, done, total)
    simulate : callable (world, feeder, offset) -> FeederMonth
    remote : callable (config, folder, key, rows, effects) -> callable (feeder) -> arrays
        Makes the work for another process, which can be pickled.

    Returns
    -------
    Dataset
        With :attr:`~ghostload.dataset.Dataset.files`, and where the power flow is solved the tables of energies and the
        lines.
    """
    keep = None
    if store is None:
        keep = TemporaryFolder()
        store = BlockStore(keep.path)
    engine.check_folder(_made(store.folder))
    tally = Tally("readings", _readings(world), report)
    grid = GridTables(world) if world.flow else None
    if engine.shares_memory:
        work: Callable[[int], Arrays] = FeederMaker(world, kept.months, store, simulate, tally, grid)
    else:
        key = work_key(world.config)
        work = remote(world.config, store.folder, key, *kept.share(key))
    files: dict[str, StoredFile] = {}
    feeders = world.busy_feeders
    for number, arrays in zip(feeders, engine.run(work, feeders), strict=True):
        if not engine.shares_memory:
            tally.add(len(world.meters_of(number)) * int(world.steps.sum()))
        files |= files_in(arrays, store.folder)
        if grid is not None:
            grid.add(number, arrays)
        let_go()
    made = replace(dataset, files=files, keep=keep)
    if grid is None:
        return made
    return replace(made, tables={**dataset.tables, **grid.tables()}, network=grid.lines())


class TemporaryFolder:
    """A folder that is there as long as this object is.

    Attributes
    ----------
    path : Path
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="ghostload-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class FeederMaker:
    """Makes the files of one feeder, or finds them made.

    Parameters
    ----------
    world : World
        Prepared.
    months : Months
    store : Store
    simulate : callable (world, feeder, offset) -> FeederMonth
    tally : Tally, optional
        Told of each month.
    grid : GridTables, optional
        Told of each feeder that is made, where the power flow is solved.
    """

    def __init__(
        self,
        world: World,
        months: Months,
        store: Store,
        simulate: Simulate,
        tally: Tally | None = None,
        grid: GridTables | None = None,
    ) -> None:
        self._world, self._months, self._store = world, months, store
        self._simulate = simulate
        self._tally, self._grid = tally, grid
        self._failed = False

    def __call__(self, number: int) -> Arrays:
        """Return the balance of a feeder and the list of its files."""
        kept = kept_feeder(self._store, f"feeder-{feeder_id(number)}")
        if kept is not None:
            self._add(len(self._world.meters_of(number)) * int(self._world.steps.sum()))
            return kept
        try:
            return self._made(number)
        except BaseException:
            self._failed = True
            raise

    def _made(self, number: int) -> Arrays:
        world, name = self._world, feeder_id(number)
        config = world.config
        offset_min = config.territory.utc_offset_minutes
        folders = [PARTITIONED[folder] for folder in wanted_tables(flow=world.flow)]
        if self._grid is not None:
            self._grid.see(number)
        feeder = world.feeder(number, self._months)
        balances = []
        with (
            reported(config.output_dir),
            FeederFiles(self._store.folder, name, folders, offset_min, flow=world.flow) as files,
        ):
            for offset, month in enumerate(world.numbers.tolist()):
                if self._failed:
                    raise GhostloadError(f"feeder {name}: given up, because another feeder failed")
                made = self._simulate(world, feeder, offset)
                starts = starts_ms(month, world.minutes, offset_min)
                for folder, table in month_tables(feeder, made, starts, files.schemas).items():
                    files.write(folder, table)
                if world.flow:
                    balances.append(month_balance(feeder, made))
                self._add(len(feeder.meters) * len(starts))
        arrays = with_files(stacked(balances, _hours(world)) if balances else {}, files.stored())
        self._store.put(f"feeder-{name}", arrays)
        return arrays

    def _add(self, readings: int) -> None:
        if self._tally is not None:
            self._tally.add(readings)


def _made(folder: Path) -> Path:
    """Return a folder, made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _hours(world: World) -> FloatArray:
    """Return the hours of each month."""
    return np.asarray(world.steps * (world.minutes / 60.0))


def _readings(world: World) -> int:
    """Count the readings of all meters."""
    return len(world.known) * int(np.sum(world.steps))
