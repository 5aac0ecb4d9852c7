"""Every engine makes the same data set, byte for byte, also when a worker is killed in the midst of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.engines import Engine, open_engine
from ghostload.export.blocks import BlockStore
from ghostload.pipeline import SyntheticDataPipeline

sys.path.insert(0, str(Path(__file__).parent))

from dask_processes import cluster

CONFIG = GeneratorConfig(
    num_meters=240, num_months=1, interval="1h", territory=TerritoryConfig(transformers_per_feeder=1)
)
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


@needs_dask
def test_two_workers_over_tcp_of_which_one_is_killed_make_the_same_data_set(
    reference: dict[str, str], tmp_path: Path
) -> None:
    store = BlockStore(tmp_path / "blocks")
    with cluster(tmp_path / "cluster", 2) as workers, open_engine("dask", scheduler=workers.address) as engine:
        engine._client.wait_for_workers(2, timeout=30)  # type: ignore[attr-defined]
        finished: list[str] = []
        left: list[int] = []

        def kill() -> None:
            deadline = time.monotonic() + 60
            while not finished and time.monotonic() < deadline:
                finished.extend(name for name in store.names() if name.startswith("feeder-"))
                time.sleep(0.01)
            left.append(sum(name.startswith("readings/") for name in reference) - len(finished))
            workers.workers[0].kill()

        killer = threading.Thread(target=kill)
        killer.start()
        found = made(engine, store)
        killer.join()
        assert workers.workers[0].wait(10) == -signal.SIGKILL
        assert workers.workers[1].poll() is None
    assert finished
    assert left[0] > 0, "the worker was killed when all was done"
    assert found == reference
