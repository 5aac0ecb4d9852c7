"""MATPOWER case files as they are: matrices of the format's columns.

The format is described in the MATPOWER User's Manual, appendix B (https://matpower.org/doc/).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.io.matlab import Workspace
from ghostload.grid.io.matlab_text import statements_of

FloatArray = NDArray[np.float64]


class Bus(IntEnum):
    """Columns of ``mpc.bus``."""

    BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, VA, BASE_KV, ZONE, VMAX, VMIN = range(13)


class Gen(IntEnum):
    """Columns of ``mpc.gen``."""

    GEN_BUS, PG, QG, QMAX, QMIN, VG, MBASE, GEN_STATUS, PMAX, PMIN = range(10)


class Branch(IntEnum):
    """Columns of ``mpc.branch``."""

    F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, RATE_B, RATE_C, TAP, SHIFT, BR_STATUS, ANGMIN, ANGMAX = range(13)


class BusType(IntEnum):
    """Values of ``BUS_TYPE``."""

    PQ, PV, REF, NONE = 1, 2, 3, 4


_IDX_BUS: Final = (*range(1, 5), *range(1, 18))
_IDX_BRCH: Final = (*range(1, 12), *range(14, 20), 12, 13, 20, 21)
_IDX_GEN: Final = (*range(1, 11), *range(22, 26), *range(11, 22))
_BUS_NAMES: Final = tuple(BusType.__members__) + tuple(Bus.__members__) + ("LAM_P", "LAM_Q", "MU_VMAX", "MU_VMIN")
_GEN_NAMES: Final = (
    *Gen.__members__,
    *("MU_PMAX", "MU_PMIN", "MU_QMAX", "MU_QMIN", "PC1", "PC2", "QC1MIN", "QC1MAX", "QC2MIN", "QC2MAX"),
    *("RAMP_AGC", "RAMP_10", "RAMP_30", "RAMP_Q", "APF"),
)
_BRANCH_NAMES: Final = (
    *tuple(Branch.__members__)[:11],
    *("PF", "QF", "PT", "QT", "MU_SF", "MU_ST", "ANGMIN", "ANGMAX", "MU_ANGMIN", "MU_ANGMAX"),
)
_CONSTANTS: Final = {
    **dict(zip(_BUS_NAMES, map(float, _IDX_BUS), strict=True)),
    **dict(zip(_GEN_NAMES, map(float, _IDX_GEN), strict=True)),
    **dict(zip(_BRANCH_NAMES, map(float, _IDX_BRCH), strict=True)),
}
_TUPLES: Final = {
    "idx_bus": tuple(map(float, _IDX_BUS)),
    "idx_brch": tuple(map(float, _IDX_BRCH)),
    "idx_gen": tuple(map(float, _IDX_GEN)),
}
_LEAST_COLUMNS: Final = {"bus": 13, "gen": 8, "branch": 11}
_WANTED: Final = ("baseMVA", "bus", "gen", "branch", "gencost", "bus_name", "version")


@dataclass(frozen=True)
class MatpowerCase:
    """Matrices of a case file.

    Attributes
    ----------
    name : str
    base_mva : float
    bus : (B, >=13) array
    gen : (G, >=8) array
    branch : (L, >=11) array
    gencost : (C, k) array
        Of no rows where the file has none.
    bus_names : tuple of str
        Empty where the file has none.
    """

    name: str
    base_mva: float
    bus: FloatArray
    gen: FloatArray
    branch: FloatArray
    gencost: FloatArray
    bus_names: tuple[str, ...] = ()

    def bus_rows(self, numbers: FloatArray, what: str) -> NDArray[np.int64]:
        """Return the row of each bus number."""
        order = np.argsort(self.bus[:, Bus.BUS_I], kind="stable")
        ordered = self.bus[order, Bus.BUS_I]
        at = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
        missing = ordered[at] != numbers
        if missing.any():
            row = int(np.argmax(missing))
            raise DataError(
                f"{self.name}: {what} row {row + 1} refers to bus {numbers[row]:g}, which is not in mpc.bus"
            )
        return order[at].astype(np.int64)


def parse(text: str, source: str = "case.m") -> MatpowerCase:
    """Read the text of a case file.

    Parameters
    ----------
    text : str
    source : str
        File, for messages; its stem names the case where the file does not.

    Raises
    ------
    DataError
        The text is no case file, or does what is not understood; names the line.
    """
    statements = statements_of(text)
    workspace = Workspace(source, _CONSTANTS, _TUPLES)
    prefix = "mpc."
    name = source.rpartition("/")[2].removesuffix(".m")
    for statement in statements[:1]:
        if statement.text.startswith("function"):
            left, _, right = statement.text.removeprefix("function").partition("=")
            name = right.strip().partition("(")[0].strip() or name
            prefix = "" if left.strip().startswith("[") else left.strip() + "."
    if not any(statement.text.startswith(f"{prefix}bus") for statement in statements):
        raise DataError(f"{source}: holds no case, for no line sets mpc.bus; give a MATPOWER case file")
    fields = {prefix + key for key in _WANTED}
    structure = prefix.rstrip(".")
    workspace.run(statements, lambda key: key in fields or not (structure and key.startswith(prefix)))
    return _case(workspace, prefix, name, source)


def _case(workspace: Workspace, prefix: str, name: str, source: str) -> MatpowerCase:
    found = {key: workspace.variables.get(prefix + key) for key in _WANTED}
    for key in ("baseMVA", "bus", "gen", "branch"):
        if found[key] is None:
            raise DataError(f"{source}: {prefix}{key} is missing, or the file is cut short; give a whole case file")
    base = found["baseMVA"]
    if not (isinstance(base, float) and np.isfinite(base) and base > 0):
        raise DataError(f"{source}: {prefix}baseMVA is {base!r}, must be a positive number")
    matrices = {key: _matrix(found[key], key, prefix, source) for key in _LEAST_COLUMNS}
    if len(matrices["bus"]) == 0:
        raise DataError(f"{source}: {prefix}bus has no rows; a case has at least one bus")
    types = matrices["bus"][:, Bus.BUS_TYPE]
    known = np.isin(types, [int(kind) for kind in BusType])
    if not known.all():
        row = int(np.argmin(known))
        raise DataError(f"{source}: {prefix}bus row {row + 1}: type is {types[row]:g}, must be 1, 2, 3 or 4")
    cost = found["gencost"]
    names = found["bus_name"]
    return MatpowerCase(
        name,
        base,
        matrices["bus"],
        matrices["gen"],
        matrices["branch"],
        cost if isinstance(cost, np.ndarray) and cost.ndim == 2 else np.empty((0, 0)),
        tuple(names) if isinstance(names, list) and len(names) == len(matrices["bus"]) else (),
    )


def _matrix(value: object, key: str, prefix: str, source: str) -> FloatArray:
    least = _LEAST_COLUMNS[key]
    if not isinstance(value, np.ndarray) or value.ndim != 2:
        raise DataError(f"{source}: {prefix}{key} is not a matrix")
    if len(value) == 0:
        return np.empty((0, least))
    if value.shape[1] < least:
        raise DataError(f"{source}: {prefix}{key} has {value.shape[1]} columns, must have at least {least}")
    ids = value[:, :2] if key == "branch" else value[:, :1]
    wrong = ~np.isfinite(ids).all(axis=1) | (ids != np.floor(ids)).any(axis=1)
    if wrong.any():
        raise DataError(
            f"{source}: {prefix}{key} row {int(np.argmax(wrong)) + 1}: the bus number is not a whole number"
        )
    return value
