"""Engines of this machine: one task after the other, threads, processes."""

from __future__ import annotations

import multiprocessing
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ghostload.engines.base import Engine
from ghostload.errors import GhostloadError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""Tasks that are handed out for each worker: enough that none waits for a slow one before it, few enough to hold."""


class SerialEngine(Engine):
    """One task after the other, in this thread."""

    name = "serial"
    shares_memory = True

    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Generator[R]:
        """Yield the results in order."""
        for task in tasks:
            yield function(task)


class _PoolEngine(Engine):
    """Tasks in a pool, at most :data:`AHEAD` for each worker handed out."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: Executor | None = None

    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Generator[R]:
        """Yield the results in order."""
        if self._pool is None:
            self._pool = self._open()
        left, futures = iter(tasks), deque[Future[R]]()
        try:
            for task in left:
                futures.append(self._pool.submit(function, task))
                if len(futures) >= AHEAD * self._jobs:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        except BrokenProcessPool:
            self._pool = None
            raise GhostloadError(
                "a worker process ended before its work did (killed, or out of memory); give fewer --jobs"
            ) from None
        finally:
            for future in futures:
                future.cancel()

    @abstractmethod
    def _open(self) -> Executor:
        """Start the workers."""

    def close(self) -> None:
        """Wait for the tasks that have begun, and let the workers go."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


class ThreadEngine(_PoolEngine):
    """Threads of this process; for work that leaves Python's lock alone."""

    name = "threads"
    shares_memory = True

    def _open(self) -> Executor:
        return ThreadPoolExecutor(self._jobs)


class ProcessEngine(_PoolEngine):
    """Fresh processes, started as on every system: nothing is inherited."""

    name = "processes"
    shares_memory = False

    def _open(self) -> Executor:
        return ProcessPoolExecutor(self._jobs, mp_context=multiprocessing.get_context("spawn"))
