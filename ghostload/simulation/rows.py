"""Rows of numbers, one a meter, in memory or in a file of which only what is asked for is read."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import OutputError
from ghostload.streams import IntArray

Rows = NDArray[np.void]


class MeterRows:
    """Rows of a structured type in a nameless file; those that were not put are zeros.

    The file goes when the object does, or the process. A small one stays in memory.

    Parameters
    ----------
    kind : numpy.dtype
        Of a row, with fields.
    count : int
        How many there will be.
    folder : Path, optional
        Where the file is made; the system's temporary folder by default.
    """

    IN_MEMORY = 1 << 22
    """Bytes up to which no file is made."""

    def __init__(self, kind: np.dtype[Any], count: int, folder: Path | None = None) -> None:
        self.kind, self._count = kind, count
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._memory: Rows = np.empty(0, kind)
        try:
            if count * kind.itemsize > self.IN_MEMORY:
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open as long as the object is
                weakref.finalize(self, self._file.close)
                self._file.truncate(count * kind.itemsize)
            else:
                self._memory = np.zeros(count, kind)
        except OSError as error:
            raise self._refused(error) from None

    def put(self, start: int, rows: Rows) -> None:
        """Keep the rows of the meters from ``start`` on.

        Raises
        ------
        OutputError
            The disk does not take them.
        """
        if self._file is None:
            self._memory[start : start + len(rows)] = rows
            return
        try:
            self._file.seek(start * self.kind.itemsize)
            left = np.ascontiguousarray(rows).view(np.uint8).data
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._refused(error) from None

    def take(self, meters: IntArray) -> Rows:
        """Return the rows of some meters, in their order; threads may ask at once."""
        if self._file is None:
            return self._memory[meters]
        # Mapped anew each time: what an old map has touched would stay in memory.
        return np.array(np.memmap(self._file, self.kind, "r", shape=(self._count,))[meters])

    def _refused(self, error: OSError) -> OutputError:
        place, reason = self._folder or tempfile.gettempdir(), error.strerror or error
        return OutputError(f"{place}: cannot keep the months of the meters: {reason}; free some space")
