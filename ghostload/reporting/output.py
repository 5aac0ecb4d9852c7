"""Where a page is written: never over a file that is not ours, all at once or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ghostload.errors import OutputError

MARK = '<meta name="generator" content="ghostload '
"""Every page of ours carries this near its start; a file with it may be written over without being asked."""

_MARK_WITHIN = 2048


def default_path(folder: Path, kind: str) -> Path:
    """Return ``<folder name>_<kind>.html`` in the current directory; a data set folder itself is never added to."""
    name = folder.resolve().name or "data"
    return Path(f"{name}_{kind}.html")


def is_ours(path: Path) -> bool:
    """Tell whether a file is a page that this program wrote."""
    try:
        with path.open("rb") as stream:
            return MARK.encode() in stream.read(_MARK_WITHIN)
    except OSError:
        return False


def check_target(path: Path, *, force: bool) -> None:
    """Refuse a place that cannot or should not be written, before any work is done.

    Raises
    ------
    OutputError
        The folder is missing, the path is a folder, or a file of other make stands there and ``force`` is not set.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file, such as {path / 'page.html'}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and not force and not is_ours(path):
        raise OutputError(f"{path}: exists and was not written by ghostload; choose another -o, or use --force")


def write_html(path: Path, text: str, *, force: bool) -> int:
    """Write a page by way of a hidden sibling that is renamed into place.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    OutputError
        It cannot be written; what stood there before is untouched.
    """
    check_target(path, force=force)
    content = text.encode("utf-8")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        reason = error.strerror or str(error)
        raise OutputError(f"{path}: cannot be written ({reason}); choose another place with -o") from error
    return len(content)
