"""Finished blocks of a run, kept so that a killed run can go on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.errors import OutputError
from ghostload.export.partial import whole_or_not

Arrays = dict[str, np.ndarray[Any, Any]]

_DIGEST = hashlib.sha256().digest_size


class BlockStore:
    """Keeps arrays by name, one file a block.

    A block is there whole or not at all; a file that was damaged is as good as none.

    Parameters
    ----------
    folder : Path
        Made when the first block is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Names of the blocks that are kept, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.block")))

    def get(self, name: str) -> Arrays | None:
        """Return the arrays kept under a name; None when there are none, or the file is damaged."""
        try:
            data = bytearray(self._path(name).read_bytes())
        except OSError:
            return None
        if hashlib.sha256(memoryview(data)[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        return _unpack(data, _DIGEST)

    def put(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Keep arrays under a name.

        Raises
        ------
        OutputError
            An array holds Python objects, the name is no plain file name, or the disk does not take it.
        """
        path = self._path(name)
        content = _pack(name, arrays)
        try:
            with whole_or_not(path) as stream:
                stream.write(hashlib.sha256(content).digest() + content)
        except OSError as error:
            raise OutputError(f"{path}: cannot keep a finished block: {error.strerror}; free some space") from None

    def _path(self, name: str) -> Path:
        if not name or "/" in name or name.startswith("."):
            raise OutputError(f"block {name!r}: must be a plain file name")
        return self.folder / f"{name}.block"


def _pack(name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return one line of JSON that says what follows, and the numbers."""
    head, body = [], []
    for key, array in arrays.items():
        if array.dtype.hasobject or array.dtype.fields:
            raise OutputError(f"block {name!r}: {key} is {array.dtype}; keep plain numbers or text")
        head.append([key, array.dtype.str, list(array.shape)])
        body.append(np.ascontiguousarray(array).tobytes())
    return b"".join([json.dumps(head).encode(), b"\n", *body])


def _unpack(data: bytearray, start: int) -> Arrays:
    """Return the arrays that stand in ``data`` from ``start`` on."""
    end = data.index(b"\n", start)
    arrays: Arrays = {}
    at = end + 1
    for key, kind, shape in json.loads(data[start:end]):
        dtype, count = np.dtype(kind), int(np.prod(shape, dtype=np.int64))
        arrays[key] = np.frombuffer(data, dtype, count, at).reshape(shape) if count else np.empty(shape, dtype)
        at += count * dtype.itemsize
    return arrays
