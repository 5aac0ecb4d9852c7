"""Cells written over an immutable grid, and which of them nobody has taken notice of yet."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.coerce import Array
from ghostload.grid.data import GridData, Table
from ghostload.grid.schema import Field, Kind

Column = tuple[str, str]
"""Component and column."""
Cell = tuple[Column, int]
"""Column and row."""


class WorkingCopy:
    """A grid of which single cells change.

    The grid that it stands on is never written to. A column is copied when one of its cells is first written; a grid
    with all that was written is made when it is asked for, and shares every column that nobody wrote.

    Attributes
    ----------
    written : dict of (component, column) to array
        The columns that were copied.
    pending : dict of cell to value
        Cells written since the last :meth:`take`, with the value they had at that time.
    """

    __slots__ = ("_base", "_behind", "pending", "written")

    def __init__(self, data: GridData) -> None:
        self._base = data
        self._behind: set[Column] = set()
        self.written: dict[Column, Array] = {}
        self.pending: dict[Cell, Any] = {}

    def column(self, component: str, field: str) -> Array:
        """Return a column as it is now; not to be written to."""
        written = self.written.get((component, field))
        return self._base[component][field] if written is None else written

    @property
    def f_hz(self) -> float:
        """Frequency of the grid."""
        return self._base.f_hz

    def positions(self, component: str) -> Mapping[int, int]:
        """Row of each id of a component."""
        return self._base.positions(component)

    def open(self, key: Column) -> Array:
        """Return a column that may be written to, by who also notes what it does in ``pending``."""
        component, field = key
        written = self.written[key] = self._base[component][field].copy()
        return written

    def opened(self, key: Column) -> Array:
        """Return the column that is, or will be, written to; the same one as long as this copy lives."""
        written = self.written.get(key)
        return self.open(key) if written is None else written

    def write(self, key: Column, row: int, value: Any) -> None:
        """Write a cell that was checked already."""
        column = self.written.get(key)
        if column is None:
            column = self.open(key)
        old = column.item(row)
        if old == value:
            return
        column[row] = value
        self.pending.setdefault((key, row), old)
        self._behind.add(key)

    def take(self) -> dict[Cell, Any]:
        """Return what is pending, and begin anew."""
        taken, self.pending = self.pending, {}
        return taken

    def data(self) -> GridData:
        """Return the grid as it is now."""
        if self._behind:
            behind, self._behind = self._behind, set()
            self._base = _with_columns(self._base, {key: self.written[key].copy() for key in behind})
        return self._base

    def data_before(self, cells: Mapping[Cell, Any]) -> GridData:
        """Return the grid as it was before some cells were written."""
        now = self.data()
        columns: dict[Column, Array] = {}
        for (key, row), old in cells.items():
            if key not in columns:
                columns[key] = now[key[0]][key[1]].copy()
            columns[key][row] = old
        return _with_columns(now, columns)


def _with_columns(data: GridData, columns: Mapping[Column, Array]) -> GridData:
    tables: dict[str, dict[str, Array]] = {}
    for (component, field), array in columns.items():
        tables.setdefault(component, dict(data[component].items()))[field] = array
    return data.with_tables({component: Table(arrays) for component, arrays in tables.items()}) if tables else data


def checked(field: Field, value: Any, place: str) -> Any:
    """Return a value as the type of its column, or refuse it in one line.

    Parameters
    ----------
    field : Field
    value : anything
    place : str
        Component and id, for the message: ``load 3``.
    """
    checker = _CHECKERS[field.kind]
    try:
        result = checker(value)
    except (TypeError, ValueError):
        raise UsageError(f"{place}: {field.name} is {value!r}, must be {_NEEDS[field.kind]}") from None
    if field.kind == "float" and not math.isfinite(result) and not field.may_be_nan:
        raise UsageError(f"{place}: {field.name} is {result}, must be a finite number{_unit(field)}")
    if field.domain is not None and result not in field.domain:
        known = ", ".join(repr(name) for name in field.domain)
        raise UsageError(f"{place}: {field.name} is {result!r}, must be one of {known}")
    return result


def _unit(field: Field) -> str:
    return f" of {field.unit}" if field.unit else ""


def _float(value: Any) -> float:
    if isinstance(value, bool | np.bool_ | str | bytes):
        raise TypeError
    return float(value)


def _int(value: Any) -> int:
    if isinstance(value, bool | np.bool_):
        raise TypeError
    return operator.index(value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if operator.index(value) in (0, 1):
        return bool(value)
    raise ValueError


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_CHECKERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {"float": _float, "int": _int, "bool": _bool, "text": _text}
_NEEDS: Final[Mapping[Kind, str]] = {
    "float": "a number",
    "int": "a whole number",
    "bool": "True or False",
    "text": "text",
}
