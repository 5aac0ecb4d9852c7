"""Where the files of a data set go: a folder, or nowhere when only their sizes are wanted."""

from __future__ import annotations

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ghostload.dataset.stored import StoredFile
from ghostload.errors import OutputError

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written.

    Attributes
    ----------
    rows : int, optional
        Rows of a table, features of a GeoJSON file.
    bytes : int
    sha256 : str
        Hexadecimal.
    """

    rows: int | None
    bytes: int
    sha256: str


class OutFile:
    """A file that is being written; takes anything with bytes in it.

    Parameters
    ----------
    stream : binary file, optional
        Where the bytes go; None to count and hash them only.
    """

    def __init__(self, stream: BinaryIO | None) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Bytes) -> int:
        """Write bytes (or an Arrow buffer) and return how many."""
        self._hash.update(data)
        size = memoryview(data).nbytes
        self.bytes += size
        if self._stream is not None:
            self._stream.write(data)
        return size

    @property
    def sha256(self) -> str:
        """Hash of all that was written so far, hexadecimal."""
        return self._hash.hexdigest()


class Sink(ABC):
    """Takes the files of a data set and remembers them in :attr:`files`, by name."""

    def __init__(self) -> None:
        self.files: dict[str, WrittenFile] = {}

    @contextmanager
    def open(self, name: str, *, rows: int | None = None) -> Iterator[OutFile]:
        """Open one new file for writing.

        Parameters
        ----------
        name : str
            Path inside the data set, with ``/``.
        rows : int, optional
            Rows of a table, features of a GeoJSON file.
        """
        path = PurePosixPath(name)
        if name in self.files or path.is_absolute() or ".." in path.parts or path.as_posix() != name or name == ".":
            raise OutputError(f"{name}: is written already, or is no path inside a data set; choose another name")
        with self._stream(name) as stream:
            file = OutFile(stream)
            yield file
        self.files[name] = WrittenFile(rows, file.bytes, file.sha256)

    def adopt(self, name: str, file: StoredFile) -> None:
        """Take in a finished file as it is.

        Parameters
        ----------
        name : str
            Path inside the data set, with ``/``.
        file : StoredFile
        """
        self.files[name] = WrittenFile(file.rows, file.bytes, file.sha256)

    @abstractmethod
    @contextmanager
    def _stream(self, name: str) -> Iterator[BinaryIO | None]:
        """Open what takes the bytes."""


class FolderSink(Sink):
    """Writes into a folder; each file is on the disk when it is closed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def adopt(self, name: str, file: StoredFile) -> None:
        """Link a finished file into the folder, or copy it where it belongs to another data set or cannot be linked."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (file.ours and _linked(file.path, path)):
            shutil.copyfile(file.path, path)
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        super().adopt(name, file)

    @contextmanager
    def _stream(self, name: str) -> Iterator[BinaryIO | None]:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())


def _linked(old: Path, new: Path) -> bool:
    try:
        os.link(old, new)
    except OSError:
        return False
    return True


class CountingSink(Sink):
    """Writes nowhere."""

    @contextmanager
    def _stream(self, name: str) -> Iterator[BinaryIO | None]:
        yield None
