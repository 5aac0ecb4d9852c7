from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from ghostload.engines import ENGINES, open_engine, processors
from ghostload.engines.local import AHEAD
from ghostload.errors import DataError, GhostloadError, UsageError

sys.path.insert(0, str(Path(__file__).parent))

from engine_tasks import FeederTask, end_process, fail_at_three


@pytest.fixture
def reference(tmp_path: Path) -> list[tuple[str, str]]:
    place = tmp_path / "reference"
    place.mkdir()
    return [FeederTask(42, str(place))(number) for number in range(9)]


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_every_engine_gives_the_same_bytes_in_the_same_order(
    name: str, tmp_path: Path, reference: list[tuple[str, str]]
) -> None:
    place = tmp_path / name
    place.mkdir()
    with open_engine(name, 2) as engine:
        assert list(engine.run(FeederTask(42, str(place)), range(9))) == reference
        assert list(engine.run(FeederTask(42, str(place)), range(2))) == reference[:2]
    for file, _ in reference:
        assert (place / file).read_bytes() == (tmp_path / "reference" / file).read_bytes()


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_an_error_of_a_task_comes_in_its_turn(name: str) -> None:
    with open_engine(name, 2) as engine:
        results = engine.run(fail_at_three, range(50))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(DataError, match=r"^feeder 3: is broken; mend it$"):
            next(results)


def test_threads_hold_no_more_than_a_few_tasks_ahead() -> None:
    begun, gate = [], threading.Event()

    def wait(number: int) -> int:
        begun.append(number)
        gate.wait(10)
        return number

    with open_engine("threads", 2) as engine:
        results = engine.run(wait, range(100))
        gate.set()
        assert next(results) == 0
        assert len(begun) <= AHEAD * 2
        results.close()
    assert len(begun) <= AHEAD * 2 + 2


def test_a_process_that_is_killed_is_said_in_one_line() -> None:
    with open_engine("processes", 1) as engine:
        with pytest.raises(GhostloadError, match="a worker process ended before its work did"):
            list(engine.run(end_process, [0]))
        assert list(engine.run(fail_at_three, [1])) == [1]


@pytest.mark.parametrize(
    ("name", "jobs", "scheduler", "words"),
    [
        ("thread", 1, None, "--engine thread: is not known, did you mean threads?"),
        ("threads", 0, None, "--jobs 0: must be 1 at least"),
        ("threads", 1, "tcp://x:1", "--scheduler: belongs to --engine dask"),
    ],
)
def test_what_cannot_be_opened_is_named(name: str, jobs: int, scheduler: str | None, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_engine(name, jobs, scheduler=scheduler)
    assert words in str(caught.value)


def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'^--engine dask: .* pip install "ghostload\[dask\]"$'):
        open_engine("dask")


def test_engines_that_share_memory_are_those_of_this_process() -> None:
    opened = [open_engine(name) for name in ENGINES if name != "dask"]
    assert [engine.shares_memory for engine in opened] == [True, True, False]


def test_processors_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
