"""Finding elements by the buses they stand on."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.results import places
from ghostload.grid.schema import COMPONENTS
from ghostload.grid.working import WorkingCopy

Key = int | tuple[int, ...]


class Epoch:
    """The time between two edits, in which no element comes, goes or moves; handles compare epochs by identity.

    Attributes
    ----------
    copy : WorkingCopy
        The grid, with what was written in this epoch.
    """

    __slots__ = ("_at", "_places", "copy")

    def __init__(self, copy: WorkingCopy) -> None:
        self.copy = copy
        self._at: dict[str, dict[Key, list[int]]] = {}
        self._places = -1

    @property
    def places(self) -> int:
        """Length of a vector in the order of bus ids."""
        if self._places < 0:
            self._places = places(self.copy.column("bus", "id"))
        return self._places

    def rows(self, component: str) -> Mapping[int, int]:
        """Row of each id."""
        return self.copy.positions(component)

    def ids(self, component: str, name: str | None = None) -> list[int]:
        """Return all ids of a component, lowest first, or those with a name."""
        ids = self.copy.column(component, "id")
        if name is not None:
            ids = ids[self.copy.column(component, "name") == name]
        return sorted(ids.tolist())

    def at(self, component: str, *buses: int) -> list[int]:
        """Return ids of what stands on a bus, or between several buses in any order; lowest first."""
        if component not in self._at:
            self._at[component] = self._sorted_by_bus(component)
        return self._at[component].get(buses[0] if len(buses) == 1 else tuple(sorted(buses)), [])

    def _sorted_by_bus(self, component: str) -> dict[Key, list[int]]:
        columns = [self.copy.column(component, field) for field in COMPONENTS[component].bus_fields]
        ids = self.copy.column(component, "id")
        order = np.argsort(ids, kind="stable")
        found: dict[Key, list[int]] = {}
        if len(columns) == 1:
            for bus, element in zip(columns[0][order].tolist(), ids[order].tolist(), strict=True):
                found.setdefault(bus, []).append(element)
            return found
        ends = np.sort(np.stack(columns, axis=1)[order], axis=1).tolist()
        for buses, element in zip(ends, ids[order].tolist(), strict=True):
            found.setdefault(tuple(buses), []).append(element)
        return found


def element_id(value: Any, what: str) -> int:
    """Return an id given by a caller, or refuse it."""
    if isinstance(value, bool | np.bool_):
        raise UsageError(f"{what} is {value!r}, must be a whole number")
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(f"{what} is {value!r}, must be a whole number") from None
