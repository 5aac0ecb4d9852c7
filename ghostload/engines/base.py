"""What an engine is, and how one is opened."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from ghostload.errors import UsageError, did_you_mean

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("serial", "threads", "processes", "dask")


class Engine(ABC):
    """Does tasks and gives their results in order; a context manager.

    A task is a small value, such as the number of a feeder. The function computes it from nothing else, so no result
    depends on the engine. It may be called again for a task whose worker was lost: a file has to be written beside its
    place and renamed into it.

    Attributes
    ----------
    name : str
    shares_memory : bool
        Whether the function runs in this process; where not, it and the results are pickled.
    """

    name: ClassVar[str]
    shares_memory: ClassVar[bool]

    @abstractmethod
    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Generator[R]:
        """Yield ``function(task)`` for each task, in the order of the tasks.

        When a task fails, its error is raised in its turn and the tasks that have not begun are dropped; so they are
        when the generator is closed.

        Raises
        ------
        GhostloadError
            What the function raised, or that workers were lost which cannot be replaced.
        """

    def check_folder(self, folder: Path) -> None:  # noqa: B027 - nothing to refuse where the disk is the same
        """Refuse a folder that some worker does not see.

        Raises
        ------
        UsageError
            Naming the worker.
        """

    def close(self) -> None:  # noqa: B027 - nothing to let go
        """Let the workers go."""

    def __enter__(self) -> Self:
        """Use the engine."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let the workers go."""
        self.close()


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_engine(name: str, jobs: int = 1, *, scheduler: str | None = None) -> Engine:
    """Open an engine.

    Parameters
    ----------
    name : {"serial", "threads", "processes", "dask"}
    jobs : int
        Threads or processes; with ``dask`` and no scheduler, worker processes on this machine.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, ``tcp://host:8786``; its workers are used, however many there are.

    Raises
    ------
    UsageError
        There is no such engine, its extra is not installed, or the scheduler does not answer.
    """
    if name not in ENGINES:
        raise UsageError(f"--engine {name}: is not known{did_you_mean(name, ENGINES)}")
    if scheduler is not None and name != "dask":
        raise UsageError(f"--scheduler: belongs to --engine dask, not {name}; leave it out")
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: must be 1 at least")
    from ghostload.engines.local import ProcessEngine, SerialEngine, ThreadEngine

    if name == "dask":
        from ghostload.engines.dask_cluster import DaskEngine

        return DaskEngine(jobs, scheduler)
    if name == "processes":
        return ProcessEngine(jobs)
    return ThreadEngine(jobs) if name == "threads" else SerialEngine()
