"""Tasks of the tests, importable by workers: one feeder by its number, as files in a folder."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ghostload.errors import DataError
from ghostload.streams import Stage, Streams

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class FeederTask:
    """Write one feeder's Parquet file and return its name and SHA-256.

    Attributes
    ----------
    seed : int
    folder : str
    pause_s : float
        Slept before the file is put in place, so that a test can end a worker in the midst of it.
    """

    seed: int
    folder: str
    pause_s: float = 0.0

    def __call__(self, number: int) -> tuple[str, str]:
        folder = Path(self.folder)
        (folder / f"began-{number}-{os.getpid()}").touch()
        draws = Streams(self.seed).normal(Stage.GAP, 256 * number, 256 * (number + 1), 200)
        path = folder / f"FD_{number + 1:02d}.parquet"
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        pq.write_table(pa.table({"value": draws.ravel()}), partial, compression="zstd")
        time.sleep(self.pause_s)
        partial.replace(path)
        return path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def fail_at_three(number: int) -> int:
    """Return the number, but not of three."""
    if number == 3:
        raise DataError("feeder 3: is broken; mend it")
    return number


@dataclass(frozen=True)
class WithoutMonths(Generic[T, R]):
    """Do a task where months cannot be simulated."""

    function: Callable[[T], R]

    def __call__(self, task: T) -> R:
        from ghostload import pipeline

        pipeline.simulate_block = pipeline.monthly_true_kwh = _refuse  # type: ignore[assignment]
        return self.function(task)


def _refuse(*_: object) -> NoReturn:
    raise DataError("a worker simulates months")


def end_process(number: int) -> int:
    """End the worker."""
    os._exit(number + 1)
