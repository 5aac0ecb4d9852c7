"""Transactions: elements come and go all together, or not at all."""

from __future__ import annotations

import math
import operator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.data import GridData
from ghostload.grid.edit_checks import check_edit, dependants
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
from ghostload.grid.schema import COMPONENTS, SWITCHED
from ghostload.grid.working import checked

if TYPE_CHECKING:
    from ghostload.grid.power_grid import PowerGrid

H = TypeVar("H", bound=ElementHandle)
Bus = int | BusHandle
"""A bus, by its id or its handle."""


class GridEditor:
    """An open transaction on a grid, made by :meth:`ghostload.PowerGrid.edit`.

    ::

        with grid.edit() as e:
            new_bus, _ = e.add_bus(110.0)
            e.add_line(0, new_bus, length_km=10.0, r_ohm_per_km=0.1, x_ohm_per_km=0.4)

    What is added and removed is collected, checked as a whole when the block ends, and then takes effect at once. An
    exception in the block, :meth:`abort`, or a grid that would not be valid leaves the grid exactly as it was, and so
    are parameters that were written through handles while the transaction was open. Elements that were added are in the
    grid when the block has ended; their handles work from then on.

    Every ``add_*`` takes the further columns of its component by name (``in_service=False``, ``scaling=0.5``,
    ``id=17``); :mod:`ghostload.grid.schema` lists them. Ids are given upwards from the highest one that the grid ever
    had, so no id stands for two elements.
    """

    def __init__(self, grid: PowerGrid, serial: int) -> None:
        self._grid = grid
        self._serial = serial
        self._open = True
        self._before = grid._epoch.copy.data()
        self._pending_before = dict(grid._epoch.copy.pending)
        self._start_before = grid._v_next
        self._added: dict[str, dict[int, dict[str, Any]]] = {}
        self._removed: dict[str, set[int]] = {}
        self._next_id = dict(grid._next_id)

    # -- the transaction ---------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it was neither committed nor aborted."""
        return self._open

    def __enter__(self) -> GridEditor:
        self._check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if not self._open:
            return
        if kind is None:
            self.commit()
        else:
            self.abort()

    def commit(self) -> None:
        """Check the grid as it would be, and put it in force.

        Raises
        ------
        UsageError
            The grid would not be valid; it is left as it was before the transaction.
        """
        self._check_open()
        if not any(self._added.values()) and not any(self._removed.values()):
            self._open = False
            return
        try:
            data = self._result()
            valid = check_edit(self._before, data)
        except BaseException:
            self.abort()
            raise
        self._open = False
        for component, removed in self._removed.items():
            self._next_id[component] = max(self._next_id.get(component, 0), max(removed) + 1)
        births = {(component, new_id): self._serial for component, rows in self._added.items() for new_id in rows}
        self._grid._install(data, births, self._next_id, checked=valid)

    def abort(self) -> None:
        """Leave the grid exactly as it was before the transaction; nothing happens when it has ended already."""
        if not self._open:
            return
        self._open = False
        self._grid._restore(self._before, self._pending_before, self._start_before)

    # -- adding ------------------------------------------------------------------------------------------------------

    def add_bus(
        self,
        vn_kv: float,
        name: str | None = None,
        vm_min: float = math.nan,
        vm_max: float = math.nan,
        **fields: Any,
    ) -> tuple[int, BusHandle]:
        """Add a bus with a rated voltage in kV; return its id and its handle."""
        _take(fields, min_vm_pu=vm_min, max_vm_pu=vm_max)
        handle = self.add("bus", vn_kv=vn_kv, name=name, **fields)
        return handle.id, _as(BusHandle, handle)

    def add_line(
        self,
        from_bus: Bus,
        to_bus: Bus,
        length_km: float,
        *,
        r_ohm_per_km: float = 0.1,
        x_ohm_per_km: float = 0.1,
        **fields: Any,
    ) -> LineHandle:
        """Add a line; without impedances it has 0.1 + 0.1j ohm per km, as in RustPower."""
        values = {"length_km": length_km, "r_ohm_per_km": r_ohm_per_km, "x_ohm_per_km": x_ohm_per_km, **fields}
        return _as(LineHandle, self.add("line", from_bus=from_bus, to_bus=to_bus, **values))

    def add_load(
        self, bus: Bus, p_mw: float, q_mvar: float = 0.0, name: str | None = None, **fields: Any
    ) -> LoadHandle:
        """Add a load; positive powers are drawn."""
        return _as(LoadHandle, self.add("load", bus=bus, p_mw=p_mw, q_mvar=q_mvar, name=name, **fields))

    def add_sgen(
        self, bus: Bus, p_mw: float, q_mvar: float = 0.0, name: str | None = None, **fields: Any
    ) -> SGenHandle:
        """Add a static generator; positive powers are fed in."""
        return _as(SGenHandle, self.add("sgen", bus=bus, p_mw=p_mw, q_mvar=q_mvar, name=name, **fields))

    def add_gen(
        self,
        bus: Bus,
        p_mw: float,
        vm_pu: float = 1.0,
        *,
        q_min: float = math.nan,
        q_max: float = math.nan,
        p_min: float | None = None,
        p_max: float | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> GenHandle:
        """Add a generator that holds a voltage; ``q_min`` and ``q_max`` in Mvar bind with ``qlim=True``.

        ``p_min`` and ``p_max`` are taken for scripts written for RustPower; a power flow has no use for them, and they
        are not kept.
        """
        del p_min, p_max
        _take(fields, min_q_mvar=q_min, max_q_mvar=q_max)
        return _as(GenHandle, self.add("gen", bus=bus, p_mw=p_mw, vm_pu=vm_pu, name=name, **fields))

    def add_ext_grid(
        self, bus: Bus, vm_pu: float = 1.0, va_degree: float = 0.0, name: str | None = None, **fields: Any
    ) -> ExtGridHandle:
        """Add a connection to a grid that holds voltage and angle."""
        return _as(ExtGridHandle, self.add("ext_grid", bus=bus, vm_pu=vm_pu, va_degree=va_degree, name=name, **fields))

    def add_trafo(
        self,
        hv_bus: Bus,
        lv_bus: Bus,
        sn_mva: float = 1.0,
        vn_hv_kv: float | None = None,
        vn_lv_kv: float | None = None,
        vk_percent: float = 10.0,
        vkr_percent: float = 0.1,
        **fields: Any,
    ) -> TrafoHandle:
        """Add a transformer; its rated voltages are those of its buses unless given."""
        fields = {"sn_mva": sn_mva, "vk_percent": vk_percent, "vkr_percent": vkr_percent, **fields}
        fields["vn_hv_kv"] = self._vn_kv(hv_bus) if vn_hv_kv is None else vn_hv_kv
        fields["vn_lv_kv"] = self._vn_kv(lv_bus) if vn_lv_kv is None else vn_lv_kv
        if "tap_pos" in fields or "tap_step_percent" in fields:
            defaults = {"tap_side": "hv", "tap_pos": 0.0, "tap_neutral": 0.0, "tap_step_percent": 1.25}
            fields = {**defaults, "tap_changer_type": "Ratio", **fields}
        return _as(TrafoHandle, self.add("trafo", hv_bus=hv_bus, lv_bus=lv_bus, **fields))

    def add_trafo3w(self, hv_bus: Bus, mv_bus: Bus, lv_bus: Bus, **fields: Any) -> Trafo3wHandle:
        """Add a transformer with three windings; its rated voltages are those of its buses unless given."""
        for winding, bus in (("hv", hv_bus), ("mv", mv_bus), ("lv", lv_bus)):
            if fields.get(f"vn_{winding}_kv") is None:
                fields[f"vn_{winding}_kv"] = self._vn_kv(bus)
        return _as(Trafo3wHandle, self.add("trafo3w", hv_bus=hv_bus, mv_bus=mv_bus, lv_bus=lv_bus, **fields))

    def add_shunt(
        self, bus: Bus, q_mvar: float, p_mw: float = 0.0, vn_kv: float = math.nan, step: int = 1, **fields: Any
    ) -> ShuntHandle:
        """Add a shunt; a capacitor has a negative ``q_mvar``."""
        return _as(ShuntHandle, self.add("shunt", bus=bus, q_mvar=q_mvar, p_mw=p_mw, vn_kv=vn_kv, step=step, **fields))

    def add_impedance(self, from_bus: Bus, to_bus: Bus, **fields: Any) -> ImpedanceHandle:
        """Add a branch given in per unit: ``rft_pu, xft_pu, sn_mva``, and ``rtf_pu, xtf_pu`` where they differ."""
        for back, there in (("rtf_pu", "rft_pu"), ("xtf_pu", "xft_pu")):
            if there in fields:
                fields.setdefault(back, fields[there])
        return _as(ImpedanceHandle, self.add("impedance", from_bus=from_bus, to_bus=to_bus, **fields))

    def add_switch(
        self, bus: Bus, element: int | ElementHandle, et: str | None = None, closed: bool = True, **fields: Any
    ) -> SwitchHandle:
        """Add a switch between a bus and another bus or a branch.

        ``element`` is a handle, or an id; then ``et`` says of what: ``"b"`` a bus, ``"l"`` a line, ``"t"`` or ``"t3"``
        a transformer.
        """
        if isinstance(element, ElementHandle):
            kind = next((et for et, component in SWITCHED.items() if component == element.component), None)
            if kind is None:
                raise UsageError(f"add_switch: {element} cannot be switched; give a bus, a line or a transformer")
            if et not in (None, kind):
                raise UsageError(f"add_switch: et is {et!r}, but {element} needs {kind!r}; leave et out")
            element, et = element.id, kind
        return _as(SwitchHandle, self.add("switch", bus=bus, element=element, et=et or "b", closed=closed, **fields))

    def add(self, component: str, **fields: Any) -> ElementHandle:
        """Add an element of any component, its columns by name.

        Parameters
        ----------
        component : str
            One of :data:`ghostload.grid.schema.COMPONENTS`.
        **fields
            Columns; what is not given takes the default of the schema. Buses are ids or handles.
        """
        self._check_open()
        if component not in COMPONENTS:
            raise UsageError(f"unknown component {component!r}{did_you_mean(component, COMPONENTS)}")
        kind = COMPONENTS[component]
        for name in fields:
            if name not in kind.by_name:
                raise UsageError(f"add_{component}: unknown argument {name}{did_you_mean(name, kind.by_name)}")
        new_id = self._new_id(component, fields.pop("id", None))
        place = f"{component} {new_id}"
        row: dict[str, Any] = {"id": new_id}
        for field in kind.fields[1:]:
            value = fields.get(field.name)
            if value is None:
                if field.required:
                    raise UsageError(f"add_{component}: {field.name} is missing ({field.description.lower()})")
                value = field.default
            elif field.refers == "bus":
                value = self._existing("bus", value, f"{place}: {field.name}")
            row[field.name] = checked(field, value, place)
        if component == "switch":
            row["element"] = self._existing(SWITCHED[row["et"]], row["element"], f"{place}: element")
        self._added.setdefault(component, {})[new_id] = row
        self._next_id[component] = max(self._next_id.get(component, 0), new_id + 1)
        return HANDLES[component](self._grid, new_id, birth=self._serial)

    # -- removing ----------------------------------------------------------------------------------------------------

    def remove(self, element: ElementHandle, *, cascade: bool = False) -> None:
        """Remove an element.

        Elements that are connected to it (everything on a bus, switches on a branch) have to be removed in the same
        transaction, before or after; else the commit is refused and names them.

        Parameters
        ----------
        element : handle
        cascade : bool
            Remove what is connected to it as well.
        """
        self._check_open()
        if not isinstance(element, ElementHandle):
            raise UsageError(f"remove: {element!r} is not a handle; give grid.load(5), grid.line(1, 2) ...")
        if element._grid is not self._grid:
            raise UsageError(f"remove: {element} belongs to another grid; get the handle from this one")
        component, element_id = element.component, element.id
        if element._birth == self._serial and element_id in self._added.get(component, {}):
            del self._added[component][element_id]
        elif element_id in self._removed.get(component, ()):
            raise UsageError(f"remove: {element} is removed already in this edit")
        else:
            element._here()
            self._removed.setdefault(component, set()).add(element_id)
        if cascade:
            for other, dependant in self._dependants(component, element_id):
                if self._has(other, dependant):
                    self.remove(self._handle(other, dependant), cascade=True)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError("this edit has ended; open another: with grid.edit() as e: ...")

    def _knows(self, component: str, element_id: int, birth: int) -> bool:
        """Whether an element was added in this transaction."""
        return birth == self._serial and element_id in self._added.get(component, {})

    def _handle(self, component: str, element_id: int) -> ElementHandle:
        added = element_id in self._added.get(component, {})
        birth = self._serial if added else self._grid._birth_of(component, element_id)
        return HANDLES[component](self._grid, element_id, birth=birth)

    def _has(self, component: str, element_id: int) -> bool:
        if element_id in self._added.get(component, {}):
            return True
        return element_id in self._before.positions(component) and element_id not in self._removed.get(component, ())

    def _new_id(self, component: str, wanted: Any) -> int:
        if wanted is None:
            highest = self._before[component]["id"].max(initial=-1)
            return max(self._next_id.get(component, 0), int(highest) + 1)
        new_id = int(checked(COMPONENTS[component].by_name["id"], wanted, f"add_{component}"))
        if new_id < 0:
            raise UsageError(f"add_{component}: id is {new_id}, must not be negative")
        if self._has(component, new_id) or new_id in self._removed.get(component, ()):
            raise UsageError(f"add_{component}: id {new_id} is taken; leave id out to get a free one")
        return new_id

    def _existing(self, component: str, value: Any, place: str) -> int:
        if isinstance(value, ElementHandle):
            if value.component != component or value._grid is not self._grid:
                raise UsageError(f"{place} is the handle of {value}, must be a {component} of this grid")
            value = value.id
        try:
            element_id = operator.index(value)
        except TypeError:
            raise UsageError(f"{place} is {value!r}, must be the id of a {component}") from None
        if not self._has(component, element_id):
            raise UsageError(f"{place} is {element_id}, and there is no such {component}; add it first")
        return element_id

    def _vn_kv(self, bus: Bus) -> float:
        bus_id = self._existing("bus", bus, "add_trafo: bus")
        if bus_id in self._added.get("bus", {}):
            return float(self._added["bus"][bus_id]["vn_kv"])
        return float(self._grid._epoch.copy.column("bus", "vn_kv")[self._before.positions("bus")[bus_id]])

    def _dependants(self, component: str, element_id: int) -> list[tuple[str, int]]:
        """Return what is connected to an element and stays, added elements included."""
        found = dependants(self._before, self._added, component, element_id)
        return [(other, number) for other, number in found if self._has(other, number)]

    def _result(self) -> GridData:
        """Return the grid as it would be."""
        for component, removed in self._removed.items():
            for element_id in sorted(removed):
                left = [f"{other} {dependant}" for other, dependant in self._dependants(component, element_id)]
                if left:
                    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
                    raise UsageError(
                        f"{component} {element_id} cannot be removed, {', '.join(left[:3])}{more} would be left on it; "
                        f"remove them too, or call remove(handle, cascade=True)"
                    )
        data = self._grid._epoch.copy.data()
        for component, removed in self._removed.items():
            data = data.keep(component, ~np.isin(data[component]["id"], list(removed)))
        for component, rows in self._added.items():
            if rows:
                columns = {name: [row[name] for row in rows.values()] for name in COMPONENTS[component].by_name}
                data = data.append(component, columns)
        return data


def _take(fields: dict[str, Any], **given: float) -> None:
    """Put arguments that go by another name under the name of the column, unless that was given."""
    for name, value in given.items():
        fields.setdefault(name, value)


def _as(kind: type[H], handle: ElementHandle) -> H:
    """Narrow the type: ``add`` makes handles by component."""
    return cast(H, handle)
