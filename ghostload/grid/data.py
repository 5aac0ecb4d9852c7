"""A grid as immutable tables of arrays: what is there, and nothing that follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError, UsageError, did_you_mean
from ghostload.grid.coerce import Array, convert, empty, filled
from ghostload.grid.schema import COMPONENTS, Component

if TYPE_CHECKING:
    import pandas as pd

IntArray = NDArray[np.int64]


class Table:
    """Columns of one component: 1-D read-only arrays of one length.

    ``len(table)`` is the number of rows; ``table["p_mw"]`` a column; iteration gives the names of the columns.
    """

    __slots__ = ("_columns", "_order", "_positions", "_rows")

    def __init__(self, columns: Mapping[str, Array]) -> None:
        """Take the arrays over; they are made read-only, so hand in none that others write to."""
        for array in columns.values():
            array.setflags(write=False)
        self._columns: Mapping[str, Array] = MappingProxyType(dict(columns))
        self._rows = len(columns["id"])
        self._positions: dict[int, int] | None = None
        self._order: tuple[IntArray, IntArray] | None = None

    def __len__(self) -> int:
        """Count the rows."""
        return self._rows

    def __getitem__(self, column: str) -> Array:
        """Return a column."""
        try:
            return self._columns[column]
        except KeyError:
            raise UsageError(f"no column {column!r}{did_you_mean(column, self._columns)}") from None

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the columns."""
        return iter(self._columns)

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def keys(self) -> Iterable[str]:
        """Names of the columns, in the order of the schema."""
        return self._columns.keys()

    def items(self) -> Iterable[tuple[str, Array]]:
        """Names and arrays."""
        return self._columns.items()

    @property
    def positions(self) -> Mapping[int, int]:
        """Row of each id; the first one where an id is given twice."""
        if self._positions is None:
            ids = self._columns["id"].tolist()
            self._positions = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1), strict=True))
        return self._positions

    def rows_of(self, ids: Array) -> IntArray:
        """Return the row of each id, -1 where there is none.

        Parameters
        ----------
        ids : (k,) int array

        Returns
        -------
        (k,) int64 array
        """
        if self._order is None:
            order = np.argsort(self._columns["id"], kind="stable")
            self._order = (order.astype(np.int64), self._columns["id"][order])
        order, ordered = self._order
        if len(ordered) == 0 or len(ids) == 0:
            return np.full(len(ids), -1, np.int64)
        at = np.searchsorted(ordered, ids)
        at[at == len(ordered)] = 0
        return np.where(ordered[at] == ids, order[at], -1)

    def __eq__(self, other: object) -> bool:
        """Equal columns and cells; NaN equals NaN."""
        if not isinstance(other, Table):
            return NotImplemented
        if self is other:
            return True
        return self._columns.keys() == other._columns.keys() and all(
            _same(array, other._columns[name]) for name, array in self._columns.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (dict(self._columns),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Table:
        return self

    def __repr__(self) -> str:
        return f"Table({self._rows} rows: {', '.join(self._columns)})"


def _same(a: Array, b: Array) -> bool:
    if a is b:
        return True
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f"))


@dataclass(frozen=True, eq=True)
class GridData:
    """A grid: tables by component, and what per unit and reactances refer to.

    Attributes
    ----------
    tables : mapping of str to Table
        Every component of :data:`ghostload.grid.schema.COMPONENTS`; of no rows where the grid has none.
    sn_mva : float
        Power that per unit refers to.
    f_hz : float
        Frequency, for the susceptance of lines.
    name : str
    """

    tables: Mapping[str, Table]
    sn_mva: float = 1.0
    f_hz: float = 50.0
    name: str = ""

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Complete missing components; refuse unknown ones and impossible base values."""
        for component in self.tables:
            _component(component)
        for what, value in (("sn_mva", self.sn_mva), ("f_hz", self.f_hz)):
            if not (isinstance(value, int | float | np.number) and math.isfinite(value) and value > 0):
                raise DataError(f"grid.{what}: is {value!r}, must be a positive number")
            object.__setattr__(self, what, float(value))
        object.__setattr__(self, "name", str(self.name))
        complete = {name: self.tables[name] if name in self.tables else _EMPTY[name] for name in COMPONENTS}
        object.__setattr__(self, "tables", MappingProxyType(complete))

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, pd.DataFrame | Mapping[str, Any]],
        *,
        sn_mva: float = 1.0,
        f_hz: float = 50.0,
        name: str = "",
    ) -> GridData:
        """Build a grid from data frames or mappings of columns.

        Parameters
        ----------
        tables : mapping of component to DataFrame or mapping of column to sequence
            Columns that the schema does not know are left out. Without a column ``id``, the index of a frame is the id,
            and rows of a mapping are numbered from 0. Missing columns and empty cells take the defaults of the schema.
        sn_mva, f_hz, name
            As the attributes.

        Raises
        ------
        DataError
            An unknown component, a missing column, or a cell that is not of the column's kind.
        """
        built = {key: make_table(key, columns) for key, columns in tables.items()}
        return cls(MappingProxyType(built), sn_mva, f_hz, name)

    def __getitem__(self, component: str) -> Table:
        """Return the table of a component."""
        _component(component)
        return self.tables[component]

    def positions(self, component: str) -> Mapping[int, int]:
        """Row of each id of a component; made once and kept."""
        return self[component].positions

    def replace(self, component: str, **columns: Any) -> GridData:
        """Return a grid with columns of one component exchanged; everything else is shared.

        Parameters
        ----------
        component : str
        columns : sequences or scalars
            One value a row. When ``id`` is given with another number of rows, all columns have to be.
        """
        kind, old = _component(component), self[component]
        unknown = [name for name in columns if name not in kind.by_name]
        if unknown:
            raise UsageError(f"{component} has no column {unknown[0]!r}{did_you_mean(unknown[0], kind.by_name)}")
        rows = np.size(columns["id"]) if "id" in columns else len(old)
        if rows != len(old) and len(columns) < len(kind.fields):
            missing = next(f.name for f in kind.fields if f.name not in columns)
            raise UsageError(
                f"{component}: {rows} rows take the place of {len(old)}; give every column, also {missing!r}"
            )
        new = dict(old.items())
        for name, values in columns.items():
            new[name] = _column(kind, name, values, rows)
        return self.with_tables({component: Table(new)})

    def with_tables(self, tables: Mapping[str, Table]) -> GridData:
        """Return a grid with whole tables exchanged."""
        return GridData(MappingProxyType({**self.tables, **tables}), self.sn_mva, self.f_hz, self.name)

    def append(self, component: str, columns: Mapping[str, Any]) -> GridData:
        """Return a grid with rows added at the end; missing columns take their defaults, missing ids the next free."""
        old = self[component]
        given = dict(columns)
        if "id" not in given:
            rows = max((np.size(values) for values in given.values()), default=0)
            first = int(old["id"].max()) + 1 if len(old) else 0
            given["id"] = np.arange(first, first + rows)
        kind = _component(component)
        for name in given:
            if name not in kind.by_name:
                raise UsageError(f"{component} has no column {name!r}{did_you_mean(name, kind.by_name)}")
        added = make_table(component, given)
        joined = {name: np.concatenate([array, added[name]]) for name, array in old.items()}
        return self.with_tables({component: Table(joined)})

    def keep(self, component: str, mask: NDArray[np.bool_]) -> GridData:
        """Return a grid with only those rows of a component where ``mask`` is true."""
        return self.with_tables({component: Table({name: array[mask] for name, array in self[component].items()})})

    def frame(self, component: str) -> pd.DataFrame:
        """Return a component as a new DataFrame, its ids as the index."""
        import pandas as pd

        table = self[component]
        columns = {name: array.copy() for name, array in table.items() if name != "id"}
        return pd.DataFrame(columns, index=pd.Index(table["id"].copy(), name="id"))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (dict(self.tables), self.sn_mva, self.f_hz, self.name)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(table)} {name}" for name, table in self.tables.items() if len(table))
        return f"GridData({self.name!r}: {counts or 'empty'})"


def _rebuild(tables: dict[str, Table], sn_mva: float, f_hz: float, name: str) -> GridData:
    return GridData(MappingProxyType(tables), sn_mva, f_hz, name)


def make_table(component: str, columns: pd.DataFrame | Mapping[str, Any], *, place: str = "") -> Table:
    """Return a table of a component with all its columns, converted and completed.

    Parameters
    ----------
    component : str
    columns : DataFrame or mapping of column to sequence
        As for :meth:`GridData.from_tables`.
    place : str
        What messages name; default is the component.
    """
    kind, place = _component(component), place or component
    names = list(columns.keys())
    index = getattr(columns, "index", None)
    given = {name: columns[name] for name in kind.by_name if name in columns}
    rows = len(index) if index is not None else max((np.size(columns[name]) for name in names), default=0)
    if "id" not in given:
        given["id"] = index if index is not None else np.arange(rows)
    out: dict[str, Array] = {}
    for field in kind.fields:
        if field.name in given:
            out[field.name] = _column(kind, field.name, given[field.name], rows, place=place, fill=True)
        elif not field.required:
            out[field.name] = filled(field, rows)
        elif rows == 0:
            out[field.name] = empty(field)
        else:
            near = did_you_mean(field.name, [str(n) for n in names if n not in kind.by_name]) or "; it has no columns"
            raise DataError(f"{place}: column {field.name!r} is missing{near.replace('known:', 'it has:')}")
    return Table(out)


def _column(kind: Component, name: str, values: Any, rows: int, *, place: str = "", fill: bool = False) -> Array:
    place = place or kind.name
    if np.ndim(values) == 0:
        values = [values] * rows
    array = convert(kind.by_name[name], values, place=place, fill=fill)
    if len(array) != rows:
        raise DataError(f"{place}.{name}: has {len(array)} values, must have {rows}, one a row")
    return array


def _component(name: str) -> Component:
    if name not in COMPONENTS:
        raise UsageError(f"unknown component {name!r}{did_you_mean(name, COMPONENTS)}")
    return COMPONENTS[name]


_EMPTY = {name: Table({f.name: empty(f) for f in kind.fields}) for name, kind in COMPONENTS.items()}
