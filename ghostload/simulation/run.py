"""Feeders as units of work: each one is kept when it is finished, with its files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ghostload.dataset.stored import StoredFile

Arrays = dict[str, np.ndarray[Any, Any]]
Progress = Callable[[str, int, int], None]


class Store(Protocol):
    """Keeps finished blocks, so that a killed run can be resumed."""

    @property
    def folder(self) -> Path:
        """Where files of finished feeders are kept."""
        ...

    def get(self, name: str) -> Arrays | None:
        """Return the arrays kept under a name, or None."""
        ...

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep arrays under a name."""
        ...


class Tally:
    """Counts what is done, from several threads, and tells a progress."""

    def __init__(self, stage: str, total: int, report: Progress) -> None:
        self._stage, self._total, self._report = stage, total, report
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Say that ``count`` more are done."""
        with self._lock:
            self._done += count
            self._report(self._stage, self._done, self._total)


def with_files(arrays: Arrays, files: dict[str, StoredFile]) -> Arrays:
    """Return arrays with a list of files beside them, so that both are kept as one block."""
    listed = {name: [file.rows, file.bytes, file.sha256] for name, file in files.items()}
    return {**arrays, "files": np.frombuffer(json.dumps(listed).encode(), dtype=np.uint8)}


def files_in(arrays: Arrays, folder: Path) -> dict[str, StoredFile]:
    """Return the files that are listed in a block."""
    listed = json.loads(arrays["files"].tobytes())
    return {
        name: StoredFile(folder / name, rows, size, digest, ours=True) for name, (rows, size, digest) in listed.items()
    }


def kept_feeder(store: Store, name: str) -> Arrays | None:
    """Return the block of a finished feeder; None when there is none, or a file of it is gone or was changed."""
    arrays = store.get(name)
    if arrays is None or not all(_is_whole(file) for file in files_in(arrays, store.folder).values()):
        return None
    return arrays


def _is_whole(file: StoredFile) -> bool:
    try:
        if file.path.stat().st_size != file.bytes:
            return False
        with file.path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False
