"""Rows of numbers, one a meter or an event, in memory or in a file of which only what is asked for is read."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError, OutputError
from ghostload.streams import IntArray

Rows = NDArray[np.void]

_MARK = sha256().digest_size
"""Bytes at the head of a file, zero until it is whole."""


class RowSource(Protocol):
    """Where rows can be had."""

    def take(self, wanted: IntArray) -> Rows:
        """Return the rows of some meters or events, in their order; threads may ask at once."""
        ...


class KeptRows:
    """Rows of a structured type; those that were not put are zeros.

    They are in a file without a name, or in memory when they are small. With a name, other processes can read the file:
    see :class:`SharedRows`. Either file goes when this is closed, when the object goes, or the process.

    Parameters
    ----------
    kind : numpy.dtype
        Of a row, with fields.
    count : int
        How many there will be.
    folder : Path, optional
        Where the file is made; the system's temporary folder by default.
    name : str, optional
        Of the file; not there yet.
    """

    IN_MEMORY = 1 << 22
    """Bytes up to which no file is made."""

    def __init__(self, kind: np.dtype[Any], count: int, folder: Path | None = None, name: str | None = None) -> None:
        self.kind, self._count = kind, count
        self._folder = folder or Path(tempfile.gettempdir())
        self.path = self._folder / name if name is not None else None
        self._file: IO[bytes] | None = None
        self._memory: Rows = np.empty(0, kind)
        if name is None and count * kind.itemsize <= self.IN_MEMORY:
            self._memory = np.zeros(count, kind)
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._opened()
            self._end = weakref.finalize(self, _end, self._file, self.path)
            self._file.truncate(_MARK + count * kind.itemsize)
        except OSError as error:
            self.close()
            raise self._refused(error) from None

    def put(self, start: int, rows: Rows) -> None:
        """Keep rows from ``start`` on.

        Raises
        ------
        OutputError
            The disk does not take them.
        """
        if self._file is None:
            self._memory[start : start + len(rows)] = rows
            return
        try:
            _write(self._file, _MARK + start * self.kind.itemsize, np.ascontiguousarray(rows).view(np.uint8).data)
        except OSError as error:
            raise self._refused(error) from None

    def take(self, wanted: IntArray) -> Rows:
        """Return the rows of some meters or events, in their order; threads may ask at once."""
        if self._file is None:
            return self._memory[wanted]
        return _taken(self._file, self.kind, self._count, wanted)

    def share(self, key: str) -> Path:
        """Say that all rows are there, for other processes, and return the file, which has a name.

        Parameters
        ----------
        key : str
            Hash of all that the rows follow from.
        """
        if self._file is None or self.path is None:
            raise OutputError("rows without a name cannot be read by another process; name their file")
        try:
            _write(self._file, 0, memoryview(_mark(key, self.kind, self._count)))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._refused(error) from None
        return self.path

    def close(self) -> None:
        """Take the file away."""
        if self._file is not None:
            self._end()

    def _opened(self) -> IO[bytes]:
        if self.path is None:
            return tempfile.TemporaryFile(dir=self._folder, buffering=0)
        return self.path.open("x+b", buffering=0)

    def _refused(self, error: OSError) -> OutputError:
        reason = error.strerror or error
        return OutputError(f"{self._folder}: cannot keep the months of the meters: {reason}; free some space")


@dataclass(frozen=True)
class SharedRows:
    """Rows that another process keeps in a file with a name; nothing stays open between two questions.

    Attributes
    ----------
    path : Path
    kind : numpy.dtype
    count : int
    key : str
        As it was given to :meth:`KeptRows.share`.
    """

    path: Path
    kind: np.dtype[Any]
    count: int
    key: str

    def take(self, wanted: IntArray) -> Rows:
        """Return the rows of some meters or events, in their order; threads may ask at once.

        Raises
        ------
        DataError
            The file is gone, cut short, or holds other rows than those expected.
        """
        again = "run the same command with --resume"
        try:
            with self.path.open("rb", buffering=0) as file:
                size = _MARK + self.count * self.kind.itemsize
                if os.fstat(file.fileno()).st_size != size or file.read(_MARK) != _mark(
                    self.key, self.kind, self.count
                ):
                    raise DataError(f"{self.path}: is cut short, or holds the months of other settings; {again}")
                return _taken(file, self.kind, self.count, wanted)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read by a worker: {error.strerror or error}; {again}") from None


def _taken(file: IO[bytes], kind: np.dtype[Any], count: int, wanted: IntArray) -> Rows:
    """Read rows by a map of their own: what an old map has touched would stay in memory."""
    if not len(wanted):
        return np.empty(0, kind)
    with mmap.mmap(file.fileno(), _MARK + count * kind.itemsize, access=mmap.ACCESS_READ) as mapped:
        return np.take(np.frombuffer(mapped, kind, count, _MARK), wanted)


def _mark(key: str, kind: np.dtype[Any], count: int) -> bytes:
    return sha256(f"{key} {kind.descr} {count}".encode()).digest()


def _write(file: IO[bytes], at: int, left: memoryview) -> None:
    file.seek(at)
    while len(left):
        left = left[file.write(left) :]


def _end(file: IO[bytes], path: Path | None) -> None:
    file.close()
    if path is not None:
        with suppress(OSError):
            path.unlink()
