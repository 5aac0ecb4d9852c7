"""Work on a Dask cluster: one that runs already, or worker processes on this machine."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from ghostload.engines.base import Engine
from ghostload.errors import GhostloadError, UsageError

T = TypeVar("T")
R = TypeVar("R")

PACKAGES = ("ghostload", "numpy", "pyarrow", "numba", "scipy", "shapely")
"""Packages whose versions have to be the same everywhere: bytes follow from them."""
CONNECT_S, WORKERS_S = 15, 60
"""Seconds to wait for the scheduler to answer, and for its first worker to come."""


class DaskEngine(Engine):
    """The workers of a Dask cluster.

    A task whose worker is lost is done again by another. Workers may come and go. Files are written by the workers, so
    the folder has to be on a file system that all of them see; see :meth:`check_folder`.

    Parameters
    ----------
    jobs : int
        Worker processes on this machine, when no scheduler is given.
    scheduler : str, optional
        ``tcp://host:8786``.
    """

    name = "dask"
    shares_memory = False

    def __init__(self, jobs: int = 1, scheduler: str | None = None) -> None:
        self._stack = ExitStack()
        self._where = f"--scheduler {scheduler}" if scheduler is not None else "--engine dask"
        try:
            import distributed
        except ImportError:
            cure = 'pip install "ghostload[dask]"'
            raise UsageError(f"--engine dask: the package distributed is not installed; {cure}") from None
        with ExitStack() as stack:
            _quiet(stack)
            address: Any = scheduler
            if scheduler is None:
                address = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None
                    )
                )
            try:
                self._client = stack.enter_context(distributed.Client(address, timeout=CONNECT_S, set_as_default=False))
                self._client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError:
                raise UsageError(f"{self._where}: has no worker after {WORKERS_S} s; start some") from None
            except (OSError, ValueError) as error:
                raise UsageError(f"{self._where}: does not answer ({_line(error)}); check the address") from None
            self._stack = stack.pop_all()

    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Generator[R]:
        """Yield the results in order."""
        from distributed import CancelledError, KilledWorker

        run = uuid.uuid4().hex
        keys = [f"ghostload-{run}-{number}" for number in range(len(tasks))]
        futures = self._client.map(_Checked(function, versions()), list(tasks), key=keys, pure=False)
        try:
            while futures:
                yield futures.pop(0).result()
        except KilledWorker as error:
            raise GhostloadError(
                f"{self._where}: a task lost its worker again and again ({_line(error)}); give the workers more memory"
            ) from None
        except CancelledError:
            raise GhostloadError(
                f"{self._where}: the scheduler is gone; start it again and go on with --resume"
            ) from None
        except ImportError as error:
            raise GhostloadError(
                f"{self._where}: a worker cannot load the work ({_line(error)}); install the same ghostload there"
            ) from None
        finally:
            with suppress(Exception):
                self._client.cancel(futures)

    def check_folder(self, folder: Path) -> None:
        """Refuse a folder that some worker does not see: it is looked for by a file that is put there."""
        token = folder.absolute() / f".ghostload-{uuid.uuid4().hex}"
        token.touch()
        try:
            seen: Mapping[str, bool] = self._client.run(_exists, str(token))
        finally:
            token.unlink()
        for worker, sees in sorted(seen.items()):
            if not sees:
                raise UsageError(
                    f"{folder}: the worker {worker} does not see it; choose an --output-dir that all workers share"
                )

    def close(self) -> None:
        """Let the workers of this machine go; those of a cluster stay."""
        self._stack.close()


@dataclass(frozen=True)
class _Checked(Generic[T, R]):
    """A function that is called only where the versions are those of the caller."""

    function: Callable[[T], R]
    expected: dict[str, str]

    def __call__(self, task: T) -> R:
        here = versions()
        for name, wanted in self.expected.items():
            if here[name] != wanted:
                raise GhostloadError(
                    f"a worker has {name} {here[name]}, this machine {wanted}; install the same, or the bytes differ"
                )
        return self.function(task)


def versions() -> dict[str, str]:
    """Return the versions of the packages that bytes follow from."""
    return {name: version(name) for name in PACKAGES}


def _quiet(stack: ExitStack) -> None:
    """Let Dask say nothing of lost workers while the engine is open: the work goes on, or an error says why not."""
    for name in ("distributed.client", "distributed.core", "distributed.nanny", "distributed.scheduler"):
        logger = logging.getLogger(name)
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.CRITICAL)


def _exists(path: str) -> bool:
    return Path(path).exists()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
