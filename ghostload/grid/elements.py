"""Elements of a grid, found by where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.handles import (
    HANDLES,
    BusHandle,
    ElementHandle,
    ExtGridHandle,
    GenHandle,
    ImpedanceHandle,
    LineHandle,
    LoadHandle,
    SGenHandle,
    ShuntHandle,
    SwitchHandle,
    Trafo3wHandle,
    TrafoHandle,
)
from ghostload.grid.lookup import Epoch, element_id
from ghostload.grid.schema import COMPONENTS

if TYPE_CHECKING:
    from ghostload.grid.power_grid import PowerGrid

H = TypeVar("H")


class Elements:
    """The part of :class:`ghostload.PowerGrid` that hands out elements.

    What is not found is None, or an empty list. Of several in one place, the lowest id comes first.
    """

    _epoch: Epoch

    def element(self, component: str, id: int) -> ElementHandle | None:
        """Return an element of any component by its id, or None."""
        if component not in COMPONENTS:
            raise UsageError(f"unknown component {component!r}{did_you_mean(component, COMPONENTS)}")
        number = element_id(id, f"{component} id")
        if number not in self._epoch.rows(component):
            return None
        return self._handle(component, number)

    def bus(self, id: int) -> BusHandle | None:
        """Return a bus, or None."""
        return cast("BusHandle | None", self.element("bus", id))

    def switch(self, id: int) -> SwitchHandle | None:
        """Return a switch by its id, or None."""
        return cast("SwitchHandle | None", self.element("switch", id))

    def load(self, bus: int | None = None, name: str | None = None) -> LoadHandle | None:
        """Return the first load of a bus, by id, or None."""
        return _first(self.loads(bus, name))

    def loads(self, bus: int | None = None, name: str | None = None) -> list[LoadHandle]:
        """Return all loads, or those of a bus, lowest id first."""
        return cast(list[LoadHandle], self._on("load", bus, name))

    def sgen(self, bus: int | None = None, name: str | None = None) -> SGenHandle | None:
        """Return the first static generator of a bus, by id, or None."""
        return _first(self.sgens(bus, name))

    def sgens(self, bus: int | None = None, name: str | None = None) -> list[SGenHandle]:
        """Return all static generators, or those of a bus, lowest id first."""
        return cast(list[SGenHandle], self._on("sgen", bus, name))

    def gen(self, bus: int | None = None, name: str | None = None) -> GenHandle | None:
        """Return the first generator of a bus, by id, or None."""
        return _first(self.gens(bus, name))

    def gens(self, bus: int | None = None, name: str | None = None) -> list[GenHandle]:
        """Return all generators, or those of a bus, lowest id first."""
        return cast(list[GenHandle], self._on("gen", bus, name))

    def ext_grid(self, bus: int | None = None, name: str | None = None) -> ExtGridHandle | None:
        """Return the first external grid of a bus, by id, or None."""
        return _first(self.ext_grids(bus, name))

    def ext_grids(self, bus: int | None = None, name: str | None = None) -> list[ExtGridHandle]:
        """Return all external grids, or those of a bus, lowest id first."""
        return cast(list[ExtGridHandle], self._on("ext_grid", bus, name))

    def shunt(self, bus: int | None = None, name: str | None = None) -> ShuntHandle | None:
        """Return the first shunt of a bus, by id, or None."""
        return _first(self.shunts(bus, name))

    def shunts(self, bus: int | None = None, name: str | None = None) -> list[ShuntHandle]:
        """Return all shunts, or those of a bus, lowest id first."""
        return cast(list[ShuntHandle], self._on("shunt", bus, name))

    def line(self, from_bus: int, to_bus: int) -> LineHandle | None:
        """Return the first line between two buses, in either order, or None."""
        return _first(self.lines(from_bus, to_bus))

    def lines(self, from_bus: int | None = None, to_bus: int | None = None) -> list[LineHandle]:
        """Return all lines, or those between two buses, lowest id first."""
        return cast(list[LineHandle], self._between("line", from_bus=from_bus, to_bus=to_bus))

    def trafo(self, hv_bus: int, lv_bus: int) -> TrafoHandle | None:
        """Return the first transformer between two buses, in either order, or None."""
        return _first(self.trafos(hv_bus, lv_bus))

    def trafos(self, hv_bus: int | None = None, lv_bus: int | None = None) -> list[TrafoHandle]:
        """Return all transformers, or those between two buses, lowest id first."""
        return cast(list[TrafoHandle], self._between("trafo", hv_bus=hv_bus, lv_bus=lv_bus))

    def trafo3w(self, hv_bus: int, mv_bus: int, lv_bus: int) -> Trafo3wHandle | None:
        """Return the first three-winding transformer between three buses, in any order, or None."""
        found = self._between("trafo3w", hv_bus=hv_bus, mv_bus=mv_bus, lv_bus=lv_bus)
        return cast("Trafo3wHandle | None", _first(found))

    def impedance(self, from_bus: int, to_bus: int) -> ImpedanceHandle | None:
        """Return the first impedance between two buses, in either order, or None."""
        return cast("ImpedanceHandle | None", _first(self._between("impedance", from_bus=from_bus, to_bus=to_bus)))

    def _handle(self, component: str, number: int) -> ElementHandle:
        return HANDLES[component](cast("PowerGrid", self), number, birth=self._birth_of(component, number))

    def _on(self, component: str, bus: int | None, name: str | None) -> list[ElementHandle]:
        if name is not None and not isinstance(name, str):
            raise UsageError(f"{component}: name is {name!r}, must be text")
        ids = self._epoch.ids(component, name) if bus is None or name is not None else None
        if bus is not None:
            here = self._epoch.at(component, element_id(bus, f"{component}: bus"))
            ids = here if ids is None else [number for number in here if number in set(ids)]
        return [self._handle(component, number) for number in ids or ()]

    def _between(self, component: str, **ends: int | None) -> list[ElementHandle]:
        buses = [element_id(bus, f"{component}: {end}") for end, bus in ends.items() if bus is not None]
        if len(buses) not in (0, len(ends)):
            raise UsageError(f"{component}: give all of {', '.join(ends)}, or none for all elements")
        ids = self._epoch.at(component, *buses) if buses else self._epoch.ids(component)
        return [self._handle(component, number) for number in ids]

    def _birth_of(self, component: str, number: int) -> int:
        raise NotImplementedError


def _first(found: list[H]) -> H | None:
    return found[0] if found else None
