"""Rows of meters in a file: what was put is what is taken, and a full disk is told."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.errors import OutputError
from ghostload.pipeline import METERS_PER_BLOCK, build_world, simulate_block
from ghostload.simulation.blocks import run_blocks
from ghostload.simulation.months import habits_in, row_type
from ghostload.simulation.rows import MeterRows

KIND = row_type(2)


def filled(count: int) -> np.ndarray:
    rows = np.zeros(count, KIND)
    rows["reactive"] = np.arange(count)
    rows["registered_kwh"] = np.arange(2 * count).reshape(count, 2) / 7
    return rows


@pytest.mark.parametrize("in_memory", [0, 1 << 30])
def test_rows_are_taken_as_they_were_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(MeterRows, "IN_MEMORY", in_memory)
    rows, kept = filled(500), MeterRows(KIND, 600, tmp_path / "made")
    kept.put(300, rows[300:])
    kept.put(0, rows[:200])
    wanted = np.array([0, 7, 199, 300, 499, 7])
    assert (kept.take(wanted) == rows[wanted]).all()
    assert (kept.take(np.array([200, 299, 599])) == np.zeros(3, KIND)).all()
    assert (tmp_path / "made").exists() == (in_memory == 0)
    assert not list(tmp_path.rglob("*.*")), "the file has a name, so a killed run would leave it"


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
    monkeypatch.setattr(MeterRows, "IN_MEMORY", 0)
    with pytest.raises(OutputError, match=r"cannot keep the months of the meters: .*; free some space"):
        MeterRows(KIND, 500, tmp_path).put(0, filled(500))


@pytest.mark.parametrize("interval", [None, "1h"])
def test_feeders_get_the_same_rows_from_a_file_as_from_memory(
    monkeypatch: pytest.MonkeyPatch, interval: str | None
) -> None:
    world = build_world(GeneratorConfig(num_meters=300, num_months=2, interval=interval))
    world.prepare()

    def feeder() -> object:
        found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)
        return found, world.feeder(0, found.months)

    found, one = feeder()
    monkeypatch.setattr(MeterRows, "IN_MEMORY", 0)
    other = feeder()[1]
    assert np.array_equal(one.registered_kwh, found.registered_kwh[:, one.meters].T)
    assert np.array_equal(one.registered_kwh, other.registered_kwh)
    assert np.array_equal(one.demand_kwh, other.demand_kwh)
    assert np.array_equal(one.habits.columns(), other.habits.columns())
    assert np.array_equal(one.habits.columns(), world.habits_of(one.meters).columns())
    assert np.array_equal(one.shares.below, other.shares.below)
    assert habits_in(found.months.rows.take(one.meters)).archetype.dtype == np.int64
