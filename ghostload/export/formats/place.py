"""Where an export goes: all at once or not at all, and never over what is there without being told to."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from ghostload.errors import OutputError


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Give the path of a hidden sibling to write, and rename it into place when all went well.

    Parameters
    ----------
    path : Path
    force : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    OutputError
        It cannot or may not be written; what stood there is untouched.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file with -o")
    _refuse_parent(path)
    if path.exists() and not force:
        raise OutputError(f"{path}: exists; choose another -o, or replace it with --force")
    partial = _partial(path)
    try:
        with in_words(path):
            yield partial
            _sync(partial)
            partial.replace(path)
    finally:
        for leftover in path.parent.glob(f"{partial.name}*"):
            with suppress(OSError):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


@contextmanager
def new_folder(path: Path, *, force: bool, ours: Callable[[PurePosixPath], bool]) -> Iterator[Path]:
    """Give a hidden sibling folder to fill, and rename it into place when all went well.

    Parameters
    ----------
    path : Path
    force : bool
        Whether a folder may be replaced that holds nothing but files of an export.
    ours : callable
        Whether a path inside the folder is a file that such an export writes.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: is a file; give the name of a folder with -o")
    _refuse_parent(path)
    _refuse_content(path, force=force, ours=ours)
    partial = _partial(path)
    try:
        with in_words(path):
            partial.mkdir()
            yield partial
            for file in partial.rglob("*"):
                _sync(file)
            _swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn a failure of the disk into one line that names the place and the cure."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full; free some space, or" if full else f"{error.strerror or error};"
        raise OutputError(f"{path}: cannot be written: {reason} choose another place with -o") from error


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _refuse_parent(path: Path) -> None:
    if not path.name:
        raise OutputError(f"{path}: has no name of its own; give the name of a file or folder with -o")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")


def _refuse_content(path: Path, *, force: bool, ours: Callable[[PurePosixPath], bool]) -> None:
    if not path.exists() or not any(path.iterdir()):
        return
    if not force:
        raise OutputError(f"{path}: is not empty; choose another -o, or replace it with --force")
    inside = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    foreign = [name for name in inside if not ours(PurePosixPath(name))]
    if foreign or path.is_symlink() or path.is_mount():
        what = f"holds {foreign[0]}, which this export does not write" if foreign else "is a link or a mount point"
        raise OutputError(f"{path}: {what}; choose another -o")


def _swap(partial: Path, path: Path) -> None:
    """Put a folder in the place of another, by two renames."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
