"""Rows of numbers, one a meter or an event, of which only what is asked for need be in memory."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError, OutputError
from ghostload.scratch import NamedBytes, Scratch, taken
from ghostload.streams import IntArray

Rows = NDArray[np.void]

_MARK = sha256().digest_size
"""Bytes at the head of a file, zero until it is whole."""


class RowSource(Protocol):
    """Where rows can be had."""

    def take(self, wanted: IntArray) -> Rows:
        """Return the rows at some places, in their order; threads may ask at once."""
        ...


class KeptRows:
    """Rows of a structured type; those that were not put are zeros.

    They lie in a file without a name, or in memory when they are small. With a name, other processes can read the file:
    see :class:`SharedRows`; then it goes when this is closed, when the object goes, or the process.

    Parameters
    ----------
    kind : numpy.dtype
        Of a row, with fields.
    count : int
        How many there will be.
    scratch : Scratch
        Where they lie.
    name : str, optional
        Of the file, in the folder of the scratch; not there yet.

    Raises
    ------
    OutputError
        The disk does not take them.
    """

    def __init__(self, kind: np.dtype[Any], count: int, scratch: Scratch, name: str | None = None) -> None:
        self.kind, self._count = kind, count
        self._named = NamedBytes(scratch.folder / name, _MARK + count * kind.itemsize) if name is not None else None
        self._rows: Rows
        if self._named is None:
            self._rows = scratch.zeros(count, kind)
        else:
            self._rows = np.frombuffer(self._named.mapped, kind, count, _MARK)

    def put(self, places: slice | IntArray, rows: Rows) -> None:
        """Keep rows at some places."""
        self._rows[places] = rows

    def take(self, wanted: IntArray) -> Rows:
        """Return the rows at some places, in their order; threads may ask at once."""
        return taken(self._rows, wanted)

    def share(self, key: str) -> Path:
        """Say that all rows are there, for other processes, and return the file, which has a name.

        Parameters
        ----------
        key : str
            Hash of all that the rows follow from.
        """
        if self._named is None:
            raise OutputError("rows without a name cannot be read by another process; name their file")
        self._named.mapped[:_MARK] = _mark(key, self.kind, self._count)
        self._named.mapped.flush()
        return self._named.path

    def close(self) -> None:
        """Take the file away."""
        self._rows = np.empty(0, self.kind)
        if self._named is not None:
            self._named.close()


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
        """Return the rows at some places, in their order; threads may ask at once.

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
                return self._taken(file, wanted)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read by a worker: {error.strerror or error}; {again}") from None

    def _taken(self, file: IO[bytes], wanted: IntArray) -> Rows:
        """Read rows by a map of their own: what an old map has touched would stay in memory.

        It is not closed, but goes with the last that refers to it: a profiler of a worker may still look at it.
        """
        if not len(wanted):
            return np.empty(0, self.kind)
        mapped = mmap.mmap(file.fileno(), _MARK + self.count * self.kind.itemsize, access=mmap.ACCESS_READ)
        rows: Rows = np.frombuffer(mapped, self.kind, self.count, _MARK)[wanted]
        return rows


def _mark(key: str, kind: np.dtype[Any], count: int) -> bytes:
    return sha256(f"{key} {kind.descr} {count}".encode()).digest()
