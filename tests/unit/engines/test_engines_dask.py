"""The Dask engine on a real cluster: a scheduler and workers in processes of their own, over TCP."""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from ghostload.engines import open_engine
from ghostload.engines.dask_cluster import _Checked, versions
from ghostload.errors import DataError, GhostloadError, UsageError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from dask_processes import cluster, free_port  # noqa: E402
from engine_tasks import FeederTask, fail_at_three  # noqa: E402

FEEDERS = 12
pytestmark = pytest.mark.skipif(
    find_spec("distributed") is None and not os.environ.get("CI"), reason="the extra dask is not installed"
)


def reference(place: Path) -> list[tuple[str, str]]:
    place.mkdir()
    return [FeederTask(42, str(place))(number) for number in range(FEEDERS)]


def files(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.glob("*.parquet"))}


def test_a_local_cluster_gives_the_bytes_of_a_serial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, sys.path)]))
    expected = reference(tmp_path / "serial")
    place = tmp_path / "dask"
    place.mkdir()
    with open_engine("dask", 2) as engine:
        engine.check_folder(place)
        assert list(engine.run(FeederTask(42, str(place)), range(FEEDERS))) == expected
        with pytest.raises(DataError, match=r"^feeder 3: is broken; mend it$"):
            list(engine.run(fail_at_three, range(6)))
    assert files(place) == files(tmp_path / "serial")


def test_two_workers_over_tcp_give_the_bytes_of_a_serial_run_and_share_the_work(tmp_path: Path) -> None:
    expected = reference(tmp_path / "serial")
    place = tmp_path / "out"
    place.mkdir()
    with cluster(tmp_path / "cluster", 2) as made, open_engine("dask", scheduler=made.address) as engine:
        _wait_for_workers(engine, 2)
        assert list(engine.run(FeederTask(42, str(place), 0.05), range(FEEDERS))) == expected
        assert {name.split("-")[2] for name in _begun(place)} == {str(worker.pid) for worker in made.workers}
        with pytest.raises(UsageError, match=r"the worker tcp://127\.0\.0\.1:.* does not see it"):
            _check_as_if_elsewhere(engine, tmp_path)
    assert files(place) == files(tmp_path / "serial")


def test_a_worker_that_is_killed_in_the_midst_of_a_feeder_loses_nothing(tmp_path: Path) -> None:
    expected = reference(tmp_path / "serial")
    place = tmp_path / "out"
    place.mkdir()
    with cluster(tmp_path / "cluster", 2) as made, open_engine("dask", scheduler=made.address) as engine:
        _wait_for_workers(engine, 2)
        victim = made.workers[0]

        def kill() -> None:
            deadline = time.monotonic() + 30
            while sum(name.endswith(f"-{victim.pid}") for name in _begun(place)) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            victim.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        found = list(engine.run(FeederTask(42, str(place), 0.2), range(FEEDERS)))
        killer.join()
        assert victim.wait(10) != 0
    assert found == expected
    assert files(place) == files(tmp_path / "serial")
    begun = _begun(place)
    again = {name.split("-")[1] for name in begun if name.endswith(f"-{victim.pid}")} & {
        name.split("-")[1] for name in begun if not name.endswith(f"-{victim.pid}")
    }
    assert again, "the killed worker's feeder was not begun again by the other"


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ghostload.engines.dask_cluster.CONNECT_S", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(UsageError, match=f"^--scheduler {address}: does not answer .*; check the address$"):
        open_engine("dask", scheduler=address)


def test_a_cluster_without_workers_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ghostload.engines.dask_cluster.WORKERS_S", 1)
    with (
        cluster(tmp_path / "cluster", 0) as made,
        pytest.raises(UsageError, match=r"has no worker after 1 s; start some$"),
    ):
        open_engine("dask", scheduler=made.address)


def test_a_worker_of_another_version_is_refused() -> None:
    other = versions() | {"numpy": "1.0"}
    with pytest.raises(GhostloadError, match=r"a worker has numpy .*, this machine 1\.0"):
        _Checked(fail_at_three, other)(1)
    assert _Checked(fail_at_three, versions())(1) == 1


def _begun(place: Path) -> list[str]:
    return [path.name for path in place.glob("began-*")]


def _wait_for_workers(engine: object, count: int) -> None:
    engine._client.wait_for_workers(count, timeout=30)  # type: ignore[attr-defined]


def _check_as_if_elsewhere(engine: object, folder: Path) -> None:
    """Check a folder of which the workers are told another name, as where a disk is not shared."""
    client = engine._client  # type: ignore[attr-defined]

    class Elsewhere:
        def run(self, function: object, path: str) -> object:
            return client.run(function, path + "-not-there")

    engine._client = Elsewhere()  # type: ignore[attr-defined]
    try:
        engine.check_folder(folder)  # type: ignore[attr-defined]
    finally:
        engine._client = client  # type: ignore[attr-defined]
