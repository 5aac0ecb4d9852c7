"""Every error that ghostload raises on purpose.

::

    GhostloadError              exit code 1
    ├── ConfigError             exit code 2   a setting is wrong; names its path, the value and the cure
    │   └── RegionError                       a region file is wrong; names the file and the feature
    ├── UsageError              exit code 2   a command or call was asked for something that cannot be
    ├── DataError               exit code 1   a data set cannot be read; names the file and the column
    │   └── MissingError        exit code 2   a folder or file that was named is not there
    ├── OutputError             exit code 1   a data set cannot be written; what was there is untouched
    └── RegistrationError       exit code 2   a name is taken, unknown, or the class does not keep the contract

Each message is one line that names the place, the value and the cure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GhostloadError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line ends with."""

    exit_code = 1


class ConfigError(GhostloadError):
    """A setting is unknown, of the wrong type, out of range, or contradicts another."""

    exit_code = 2


class RegionError(ConfigError):
    """A region file cannot be used; the message names the file and the feature."""


class UsageError(GhostloadError):
    """A call or command asks for something that cannot be done."""

    exit_code = 2


class DataError(GhostloadError):
    """A data set cannot be read; the message names the file and, where known, the column."""


class MissingError(DataError):
    """A folder or file that was named is not there, or is the other of the two."""

    exit_code = 2


class OutputError(GhostloadError):
    """A result cannot be written; what was on disk before is untouched."""


class RegistrationError(GhostloadError):
    """A registered name is taken or unknown, or the class does not keep its contract."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``', did you mean X?'`` for the nearest known name, or the list of known names when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean {near[0]}?"
    return f"; known: {', '.join(names)}" if names else ""
