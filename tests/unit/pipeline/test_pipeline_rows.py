"""Rows of meters in a file: what was put is what is taken, and a full disk is told."""

from __future__ import annotations

import dataclasses
import gc
import os
import pickle
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.errors import DataError, OutputError
from ghostload.pipeline import METERS_PER_BLOCK, build_world, simulate_block
from ghostload.scratch import Scratch
from ghostload.simulation.blocks import run_blocks
from ghostload.simulation.months import habits_in, row_type
from ghostload.simulation.rows import KeptRows, SharedRows

KIND = row_type(2)


def filled(count: int) -> np.ndarray:
    rows = np.zeros(count, KIND)
    rows["reactive"] = np.arange(count)
    rows["registered_kwh"] = np.arange(2 * count).reshape(count, 2) / 7
    return rows


@pytest.mark.parametrize("in_memory", [0, 1 << 30])
def test_rows_are_taken_as_they_were_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(Scratch, "IN_MEMORY", in_memory)
    rows, kept = filled(500), KeptRows(KIND, 600, Scratch(tmp_path / "made"))
    kept.put(np.arange(300, 500), rows[300:])
    kept.put(slice(0, 200), rows[:200])
    wanted = np.array([0, 7, 199, 300, 499, 7])
    assert (kept.take(wanted) == rows[wanted]).all()
    assert (kept.take(np.array([200, 299, 599])) == np.zeros(3, KIND)).all()
    assert (tmp_path / "made").exists() == (in_memory == 0)
    assert not list(tmp_path.rglob("*.*")), "the file has a name, so a killed run would leave it"


def test_rows_with_a_name_are_read_elsewhere_until_they_are_closed(tmp_path: Path) -> None:
    rows = filled(500)
    kept = KeptRows(KIND, 500, Scratch(tmp_path), "rows")
    kept.put(slice(0, 500), rows)
    shared = SharedRows(kept.share("key"), KIND, 500, "key")
    wanted = np.array([499, 0, 7, 7])
    for source in (shared, pickle.loads(pickle.dumps(shared)), kept):
        assert (source.take(wanted) == rows[wanted]).all()
    assert len(shared.take(wanted[:0])) == 0
    kept.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match=r"rows: cannot be read by a worker: .*; run the same command with --resume$"):
        shared.take(wanted)


def test_a_file_that_nobody_closed_goes_with_its_rows(tmp_path: Path) -> None:
    kept = KeptRows(KIND, 500, Scratch(tmp_path), "rows")
    assert list(tmp_path.iterdir())
    del kept
    gc.collect()
    assert not list(tmp_path.iterdir())


REFUSED = r"rows: is cut short, or holds the months of other settings; run the same command with --resume$"


def test_rows_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    kept = KeptRows(KIND, 500, Scratch(tmp_path), "rows")
    kept.put(slice(0, 500), filled(500))
    shared = SharedRows(tmp_path / "rows", KIND, 500, "key")
    with pytest.raises(DataError, match=REFUSED):
        shared.take(np.arange(3))
    kept.share("key")
    assert len(shared.take(np.arange(3))) == 3
    os.truncate(tmp_path / "rows", (tmp_path / "rows").stat().st_size - 1)
    with pytest.raises(DataError, match=REFUSED):
        shared.take(np.arange(3))


@pytest.mark.parametrize(
    "other", [{"key": "other"}, {"count": 499}, {"count": 250, "kind": np.dtype([("a", KIND), ("b", KIND)])}]
)
def test_rows_of_something_else_are_refused(tmp_path: Path, other: dict[str, object]) -> None:
    kept = KeptRows(KIND, 500, Scratch(tmp_path), "rows")
    shared = SharedRows(kept.share("key"), KIND, 500, "key")
    assert (shared.take(np.array([499])) == np.zeros(1, KIND)).all()
    with pytest.raises(DataError, match=REFUSED):
        dataclasses.replace(shared, **other).take(np.arange(3))


def test_rows_without_a_name_are_not_shared(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="name their file"):
        KeptRows(KIND, 5, Scratch(tmp_path)).share("key")


@pytest.fixture
def small_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_does_not_take_them_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    for name in (None, "rows"):
        with pytest.raises(OutputError, match=r"cannot keep what does not fit in memory: .*; free some space"):
            KeptRows(KIND, 500, Scratch(tmp_path), name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("interval", [None, "1h"])
def test_feeders_get_the_same_rows_from_a_file_as_from_memory(
    monkeypatch: pytest.MonkeyPatch, interval: str | None
) -> None:
    world = build_world(GeneratorConfig(num_meters=300, num_months=2, interval=interval))
    world.prepare()

    def feeder() -> object:
        found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)
        return found, world.feeder(0, found.kept.months)

    found, one = feeder()
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    other = feeder()[1]
    assert np.array_equal(one.registered_kwh, found.registered_kwh[:, one.meters].T)
    assert np.array_equal(one.registered_kwh, other.registered_kwh)
    assert np.array_equal(one.demand_kwh, other.demand_kwh)
    assert np.array_equal(one.habits.columns(), other.habits.columns())
    assert np.array_equal(one.habits.columns(), world.habits_of(one.meters).columns())
    assert np.array_equal(one.shares.below, other.shares.below)
    assert habits_in(found.kept.months.take(one.meters)).archetype.dtype == np.int64
