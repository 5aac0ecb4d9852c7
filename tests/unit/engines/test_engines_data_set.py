"""Every engine makes the same data set, byte for byte, also when a worker is killed in the midst of it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.engines import Engine, open_engine
from ghostload.engines.local import SerialEngine
from ghostload.errors import DataError, UsageError
from ghostload.export.blocks import BlockStore
from ghostload.pipeline import RemoteFeeders, SyntheticDataPipeline

sys.path.insert(0, str(Path(__file__).parent))

from dask_processes import HERE, cluster
from engine_tasks import WithoutMonths

CONFIG = GeneratorConfig(
    num_meters=240, num_months=1, interval="1h", territory=TerritoryConfig(transformers_per_feeder=1)
)
MONTHS = ".*-of-months.*"
needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None and not os.environ.get("CI"), reason="the extra dask is not installed"
)


def made(engine: Engine, store: BlockStore) -> dict[str, str]:
    """Make the data set, and return the hashes of its readings and the values of its tables."""
    dataset = SyntheticDataPipeline(CONFIG).build(engine=engine, store=store)
    return {name: file.sha256 for name, file in dataset.files.items()} | {
        name: str(table.to_pylist()) for name, table in dataset.tables.items()
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with open_engine("serial") as engine:
        found = made(engine, BlockStore(tmp_path_factory.mktemp("serial")))
    assert sum(key.startswith("readings/") for key in found) >= 4
    return found


@pytest.mark.parametrize("name", ["threads", "processes", pytest.param("dask", marks=needs_dask)])
def test_the_data_set_does_not_depend_on_the_engine(name: str, reference: dict[str, str], tmp_path: Path) -> None:
    with open_engine(name, 2) as engine:
        assert made(engine, BlockStore(tmp_path)) == reference


@pytest.mark.parametrize("name", ["processes", pytest.param("dask", marks=needs_dask)])
def test_workers_read_the_months_and_leave_nothing(
    name: str, reference: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, sys.path)]))
    seen: list[str] = []
    with open_engine(name, 2) as engine:
        run = engine.run

        def without_months(function: Callable[[int], Any], tasks: Sequence[int]) -> Generator[Any]:
            seen.extend(path.name for path in tmp_path.glob(MONTHS))
            return run(WithoutMonths(function), tasks)

        monkeypatch.setattr(engine, "run", without_months)
        assert made(engine, BlockStore(tmp_path)) == reference
    assert len(seen) == 2
    assert not list(tmp_path.rglob(".*"))


class Elsewhere(SerialEngine):
    """Work that is pickled, as for another process, and shown the files of months before."""

    shares_memory = False

    def __init__(self, place: Path, harm: Callable[[Path], None]) -> None:
        self._place, self._harm = place, harm

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Generator[Any]:
        for file in self._place.glob(MONTHS):
            self._harm(file)
        return super().run(pickle.loads(pickle.dumps(function)), tasks)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 8)


def _of_other_settings(file: Path) -> None:
    file.write_bytes(bytes(8) + file.read_bytes()[8:])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_cut, "is cut short, or holds the months of other settings"),
        (_of_other_settings, "is cut short, or holds the months of other settings"),
        (Path.unlink, "cannot be read by a worker: No such file"),
    ],
)
def test_months_that_were_harmed_are_refused_and_taken_away(
    harm: Callable[[Path], None], words: str, reference: dict[str, str], tmp_path: Path
) -> None:
    store = BlockStore(tmp_path)
    with pytest.raises(DataError, match=f"^{tmp_path}/.*-of-months.*: {words}.*; run the same command with --resume$"):
        made(Elsewhere(tmp_path, harm), store)
    assert not list(tmp_path.rglob(".*"))
    assert made(Elsewhere(tmp_path, lambda file: None), store) == reference


def test_a_worker_that_finds_other_input_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ghostload.pipeline._WORLDS", {})
    work = RemoteFeeders(CONFIG, tmp_path, "another key", tmp_path / "rows", tmp_path / "effects")
    with pytest.raises(UsageError, match=r"^a worker has other packages, or other files that the settings name"):
        work(0)


@needs_dask
def test_a_worker_that_comes_late_and_alone_finds_the_months(reference: dict[str, str], tmp_path: Path) -> None:
    store = BlockStore(tmp_path / "blocks")
    with cluster(tmp_path / "cluster", 1) as workers, open_engine("dask", scheduler=workers.address) as engine:
        kept: list[int] = []

        def replaced() -> None:
            kept.append(_wait_for_a_feeder(store))
            workers.workers[0].kill()
            workers.add_worker()

        thread = threading.Thread(target=replaced)
        thread.start()
        found = made(engine, store)
        thread.join()
    assert 0 < kept[0] < sum(name.startswith("readings/") for name in reference)
    assert found == reference
    assert not list((tmp_path / "blocks").rglob(".*-of-months*"))


def _wait_for_a_feeder(store: BlockStore) -> int:
    """Return how many feeders are finished, as soon as one is."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := sum(name.startswith("feeder-") for name in store.names()):
            return found
        time.sleep(0.01)
    return 0


@needs_dask
def test_two_workers_over_tcp_of_which_one_is_killed_make_the_same_data_set(
    reference: dict[str, str], tmp_path: Path
) -> None:
    store = BlockStore(tmp_path / "blocks")
    with cluster(tmp_path / "cluster", 2) as workers, open_engine("dask", scheduler=workers.address) as engine:
        engine._client.wait_for_workers(2, timeout=30)  # type: ignore[attr-defined]
        kept: list[int] = []

        def kill() -> None:
            kept.append(_wait_for_a_feeder(store))
            workers.workers[0].kill()

        killer = threading.Thread(target=kill)
        killer.start()
        found = made(engine, store)
        killer.join()
        assert workers.workers[0].wait(10) == -signal.SIGKILL
        assert workers.workers[1].poll() is None
    assert 0 < kept[0] < sum(name.startswith("readings/") for name in reference), "killed when all was done"
    assert found == reference
