"""Files that several workers may make at once: each writes its own, and the finished one takes the name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_ENDING = ".partial"


@contextmanager
def whole_or_not(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name when it is finished and on the disk.

    Until then it stands beside its place under a name that no other worker has, on whichever machine. A file that has
    the name already is replaced by a finished one only; when this one fails, it is taken away and the other stays.

    Parameters
    ----------
    path : Path
        Its folder is made when it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(unfinished(path.name))
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def unfinished(name: str) -> str:
    """Return a name that no other worker has, on whichever machine; :func:`sweep` knows it."""
    return f".{name}.{secrets.token_hex(8)}{_ENDING}"


def sweep(folder: Path) -> None:
    """Take away what killed workers left unfinished in a folder and below."""
    for partial in list(folder.rglob(f".*{_ENDING}")):
        partial.unlink(missing_ok=True)
