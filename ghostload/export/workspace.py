"""The claim on an output folder: all files appear at once, one run at a time, and nothing is lost when one is killed.

Everything is written into a hidden folder beside the target, ``.NAME.ghostload-partial``::

    data/     the new data set, until it is complete
    blocks/   finished blocks of the computation, for ``--resume``
    old/      the data set that is being replaced, for a moment

A complete set is put in place by two renames: target to ``old/``, ``data/`` to target. A run that finds ``old/`` and no
target takes the old set back first; one that finds both takes over what is left to do.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from ghostload.errors import OutputError
from ghostload.export.blocks import BlockStore
from ghostload.export.existing import foreign_files
from ghostload.export.partial import sweep

try:
    import fcntl
except ImportError:  # pragma: no cover - no POSIX locks on this system; two runs at once are not told apart there
    fcntl = None  # type: ignore[assignment]

_ATTEMPTS = 20


class Workspace:
    """Exclusive claim on an output folder; a context manager.

    Parameters
    ----------
    target : path
        The folder that the data set will be.

    Raises
    ------
    OutputError
        The target is a file, the working folder or a mount point, cannot be made, or another run is writing to it.
    """

    def __init__(self, target: str | Path) -> None:
        self.given = Path(target)
        self.target = Path(os.path.realpath(self.given))
        self.root = self.target.parent / f".{self.target.name}.ghostload-partial"
        self.data = self.root / "data"
        self._old = self.root / "old"
        self._blocks = self.root / "blocks"
        self._made: list[Path] = []
        self._lock = -1

    def __enter__(self) -> Workspace:
        """Claim the target, and mend what a killed run left."""
        _refuse_place(self.given, self.target)
        with reported(self.given):
            self._make_parents()
            try:
                self._lock = self._claim()
                self._settle()
                shutil.rmtree(self.data, ignore_errors=True)
            except BaseException:
                self._give_back()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give the claim back; keep finished blocks of a run that failed, and nothing else."""
        with suppress(OSError):
            self._settle()
        shutil.rmtree(self.data, ignore_errors=True)
        unfinished = kind is not None and any(path.is_file() for path in self._blocks.rglob("*"))
        if not unfinished and not self._old.exists():
            shutil.rmtree(self.root, ignore_errors=True)
        self._give_back()

    def block_store(self, key: str, *, resume: bool) -> BlockStore:
        """Return the store for finished blocks of this computation.

        Parameters
        ----------
        key : str
            Hash of all that the blocks follow from; blocks of another key are thrown away.
        resume : bool
            Whether blocks of the same key are used.
        """
        store = BlockStore(self._blocks / key)
        if self._blocks.exists():
            for folder in self._blocks.iterdir():
                if not resume or folder.name != key:
                    shutil.rmtree(folder, ignore_errors=True)
            sweep(self._blocks)
        return store

    def commit(self) -> Path:
        """Put ``data/`` in the place of the target and return it; what is not ours in the old folder is kept."""
        with reported(self.given):
            _sync_folders(self.data)
            if self.target.exists():
                _refuse_clash(self.given, self.target, self.data)
                if any(self.target.iterdir()):
                    self.target.rename(self._old)
                else:
                    self.target.rmdir()
            self.data.rename(self.target)
            _sync(self.target.parent)
            self._settle()
            shutil.rmtree(self._blocks, ignore_errors=True)
        return self.given

    def _settle(self) -> None:
        """End a replacement, from whichever point it had reached."""
        if not self._old.exists():
            return
        if not self.target.exists():
            self._old.rename(self.target)
            return
        for name in foreign_files(self._old):
            place = self.target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(place):
                (self._old / name).rename(place)
        shutil.rmtree(self._old)

    def _give_back(self) -> None:
        """Unlock, and take away the folders that were made and are empty."""
        if self._lock >= 0:
            os.close(self._lock)
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()

    def _make_parents(self) -> None:
        missing = [folder for folder in self.target.parents if not folder.exists()]
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._made = missing[::-1]

    def _claim(self) -> int:
        """Make the hidden folder and lock it; the lock ends with the process."""
        for _ in range(_ATTEMPTS):
            self.root.mkdir(exist_ok=True)
            try:
                lock = os.open(self.root, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(lock), self.root.stat()):
                    return lock
            except BlockingIOError:
                os.close(lock)
                break
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
        raise OutputError(
            f"{self.given}: another run is writing to it; wait for its end, or choose another --output-dir"
        )


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn a failure of the disk into one line that names the place and the cure."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: {_disk_words(error)}") from error


def _disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "cannot be written: the disk is full; free some space, or choose another --output-dir"
    if error.errno == errno.EFBIG:
        return "cannot be written: a file grows beyond what is allowed here; raise the limit (ulimit -f)"
    if error.errno == errno.EROFS:
        return "cannot be written: the file system is read-only; choose another --output-dir"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"cannot be written: no permission for {error.filename}; choose another --output-dir"
    return f"cannot be written: {error.strerror or error}; choose another --output-dir"


def _refuse_place(given: Path, target: Path) -> None:
    above = next((folder for folder in target.parents if folder.exists()), target)
    if not above.is_dir():
        raise OutputError(f"{given}: cannot be made: {above} is a file, not a folder; choose another --output-dir")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{given}: is a file, must be a folder; choose another --output-dir")
    if target == Path.cwd() or target in Path.cwd().parents:
        raise OutputError(f"{given}: is the working folder or holds it; choose a folder inside it as --output-dir")
    if target.is_mount():
        raise OutputError(
            f"{given}: is a mount point and cannot be replaced; choose a folder inside it as --output-dir"
        )


def _refuse_clash(given: Path, target: Path, data: Path) -> None:
    """Refuse to cover a file that is not ours."""
    for name in foreign_files(target):
        if (data / name).exists():
            raise OutputError(f"{given}: holds {name}, which is no part of the data set there; move it away first")


def _sync_folders(folder: Path) -> None:
    for inner, _, _ in os.walk(folder):
        _sync(Path(inner))


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
