"""Files of a data set that are on the disk already: too large to hold, and made before the rest is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StoredFile:
    """A finished file.

    Attributes
    ----------
    path : Path
    rows : int, optional
    bytes : int
    sha256 : str
        Hexadecimal.
    ours : bool
        Whether it was made for the data set to be written, so that it may be linked, not copied.
    """

    path: Path
    rows: int | None
    bytes: int
    sha256: str
    ours: bool = False
