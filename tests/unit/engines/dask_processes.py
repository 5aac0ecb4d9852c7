"""A Dask cluster for tests: a scheduler and workers, each a process of its own, over TCP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack, self.workers = stack, list[subprocess.Popen[bytes]]()
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
        self._folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show"
        )
        _wait_until_it_listens(self.port, scheduler)

    def add_worker(self) -> subprocess.Popen[bytes]:
        place = self._folder / f"worker-{len(self.workers)}"
        worker = self._start(
            "dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--local-directory", str(place), "--memory-limit", "0",
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{module}-{len(self.workers)}.log").open("wb"))
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._stack.callback(_end, process)
        return process


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    folder.mkdir()
    with ExitStack() as stack:
        made = Cluster(folder, stack)
        for _ in range(workers):
            made.add_worker()
        yield made
