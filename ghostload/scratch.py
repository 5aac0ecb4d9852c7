"""Arrays and tables of a run that lie in files without names, so that memory need not hold them.

The files are mapped: what is asked for is read, and the system may take any page of them back. :func:`let_go` has it do
so at once. A file goes when nothing refers to what is in it.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ghostload.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa

_MAPS: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_LOCK = threading.Lock()


class Scratch:
    """Makes arrays and tables that lie in files; small ones are in memory.

    Parameters
    ----------
    folder : Path, optional
        Where the files are; made when it is not there. The system's temporary folder by default.
    """

    IN_MEMORY = 1 << 20
    """Bytes up to which no file is made."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir())

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return an array of zeros that can be written to.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : numpy dtype

        Raises
        ------
        OutputError
            The disk does not take it.
        """
        kind = np.dtype(dtype)
        shape = (shape,) if isinstance(shape, int) else shape
        size = math.prod(shape) * kind.itemsize
        if size <= self.IN_MEMORY:
            return np.zeros(shape, kind)
        with self.opened() as file:
            _reserve(file, size)
            return np.frombuffer(_mapped(file), kind).reshape(shape)

    def kept(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of an array; an array that is small, itself."""
        if array.nbytes <= self.IN_MEMORY:
            return array
        copy = self.zeros(array.shape, array.dtype)
        copy[...] = array
        return copy

    def table(self) -> KeptTable:
        """Return a table to be filled piece by piece."""
        return KeptTable(self)

    def array(self) -> KeptArray:
        """Return an array to be filled piece by piece, of a length that need not be known."""
        return KeptArray(self)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open a new file without a name; it is closed at the end, but for the maps of it.

        Raises
        ------
        OutputError
            The disk does not take the file, or what is written to it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                yield file
        except OSError as error:
            raise refused(self.folder, error) from None


class KeptArray:
    """An array to which rows are added at the end.

    Parameters
    ----------
    scratch : Scratch
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._rows: NDArray[Any] = np.empty(0)
        self._count = 0

    def add(self, piece: NDArray[Any]) -> None:
        """Add rows.

        Parameters
        ----------
        piece : (n, ...) array
            Of the type and width of those before it.

        Raises
        ------
        OutputError
            The disk does not take them.
        """
        before, self._count = self._count, self._count + len(piece)
        if before == 0 or self._count > len(self._rows):
            larger = self._scratch.zeros((max(self._count, 2 * before), *piece.shape[1:]), piece.dtype)
            if before:
                larger[:before] = self._rows[:before]
            self._rows = larger
        self._rows[before : self._count] = piece

    def whole(self) -> NDArray[Any]:
        """Return all rows."""
        return self._rows[: self._count]


class KeptTable:
    """A table to which pieces are added; when they grow large they go to a file, as one piece.

    Parameters
    ----------
    scratch : Scratch
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._pieces: list[pa.Table] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def add(self, piece: pa.Table) -> None:
        """Add rows at the end.

        Parameters
        ----------
        piece : pyarrow.Table
            Of the schema of those before it. Coded text has the same codes in all of them.

        Raises
        ------
        OutputError
            The disk does not take it.
        """
        self._pieces.append(piece)
        self._bytes += piece.nbytes
        if self._bytes > Scratch.IN_MEMORY:
            with self._reported():
                self._write()

    def whole(self) -> pa.Table:
        """Return all rows; nothing can be added any more."""
        import pyarrow as pa

        if self._writer is None or self._file is None:
            return pa.concat_tables(self._pieces)
        with self._reported():
            self._write()
            self._writer.close()
            self._file.flush()
            mapped = _mapped(self._file, mmap.ACCESS_READ)
        _end(self._file)
        return pa.ipc.open_file(pa.py_buffer(mapped)).read_all()

    def _write(self) -> None:
        import pyarrow as pa

        if self._writer is None:
            self._scratch.folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._scratch.folder)  # noqa: SIM115 - closed when it is mapped
            weakref.finalize(self, _end, self._file)
            self._writer = pa.ipc.new_file(self._file, self._pieces[0].schema)
        if self._pieces:
            self._writer.write_table(pa.concat_tables(self._pieces).combine_chunks())
        self._pieces, self._bytes = [], 0

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refused(self._scratch.folder, error) from None


class NamedBytes:
    """Bytes in a file with a name, for other processes to read; it goes with this object, or when it is closed.

    Parameters
    ----------
    path : Path
        Not there yet.
    size : int
        Above 0.

    Attributes
    ----------
    path : Path
    mapped : mmap.mmap
        Zeros at first.

    Raises
    ------
    OutputError
        The disk does not take them.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x+b") as file, ExitStack() as stack:
                self._end = weakref.finalize(self, _unlink, path)
                stack.callback(self.close)
                _reserve(file, size)
                self.mapped = _mapped(file)
                stack.pop_all()
        except OSError as error:
            raise refused(path.parent, error) from None

    def close(self) -> None:
        """Take the file away."""
        self._end()


def let_go() -> None:
    """Have the system take back the memory of all such files; what is asked for again is read again."""
    advice = getattr(mmap, "MADV_DONTNEED", None)
    if advice is None:
        return
    with _LOCK:
        maps = list(_MAPS)
    for mapped in maps:
        mapped.madvise(advice)


def taken(array: NDArray[Any], rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return some rows of an array of any size; what had to be read for them is let go.

    The system reads the neighbours of a page too: rows here and there of a large array would bring in most of it.
    """
    found: NDArray[Any] = array[rows]
    let_go()
    return found


def refused(folder: Path, error: OSError) -> OutputError:
    """Return what is said when the disk does not take what a run keeps beside its output."""
    reason = error.strerror or error
    return OutputError(f"{folder}: cannot keep what does not fit in memory: {reason}; free some space")


def _reserve(file: IO[bytes], size: int) -> None:
    """Make a file of zeros whose place on the disk is taken, so that no write to its map can fail."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:  # pragma: no cover - no such call on this system; the map's writes may fail there
        file.truncate(size)


def _mapped(file: IO[bytes], access: int = mmap.ACCESS_WRITE) -> mmap.mmap:
    mapped = mmap.mmap(file.fileno(), 0, access=access)
    with _LOCK:
        _MAPS.add(mapped)
    return mapped


def _end(file: IO[bytes]) -> None:
    with suppress(OSError):
        file.close()


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
