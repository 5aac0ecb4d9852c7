"""Handles: one element of a grid in the hand, its parameters to read and write, its results to read.

The properties are made from :mod:`ghostload.grid.schema`, so a handle has exactly the columns of its component, under
the same names. Results are those of pandapower's result tables; where a result has the name of a parameter (``p_mw`` of
a load, ``vm_pu`` of a generator) the property is the parameter, and the result is in the data frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.lookup import Epoch
from ghostload.grid.results import RESULT_COLUMNS
from ghostload.grid.schema import COMPONENTS, Field
from ghostload.grid.working import checked

if TYPE_CHECKING:
    from ghostload.grid.power_grid import PowerGrid

FIXED: Final = frozenset({"id", "bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus", "element", "et"})
"""Columns that say what an element is connected to: they change by removing and adding, never by writing."""


class ElementHandle:
    """One element of a grid.

    Parameter properties read and write the grid at once; :meth:`ghostload.PowerGrid.solve` takes note of what was
    written. Result properties are of the last solve, and NaN where it did not converge or the element had no voltage.

    Raises
    ------
    UsageError
        On any use after the element was removed, and on a value that its column cannot hold.
    """

    __slots__ = ("_birth", "_epoch", "_grid", "_id", "_row")
    component: ClassVar[str] = ""

    def __init__(self, grid: PowerGrid, element_id: int, *, birth: int) -> None:
        self._grid = grid
        self._id = element_id
        self._birth = birth
        self._epoch: Epoch | None = None
        self._row = -1

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    @property
    def id(self) -> int:
        """Number of the element, which never changes and is never given again."""
        return self._id

    @property
    def exists(self) -> bool:
        """Whether the element is in the grid."""
        return self._grid._row_of(self.component, self._id, self._birth) is not None

    def set(self, **values: Any) -> None:
        """Write several parameters; all are checked before any is written."""
        kind = COMPONENTS[self.component]
        row = self._here()
        ready = [(name, checked(_writable(kind.name, name), value, str(self))) for name, value in values.items()]
        for name, value in ready:
            self._grid._epoch.copy.write((kind.name, name), row, value)

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters by name."""
        return {name: getattr(self, name) for name in COMPONENTS[self.component].by_name}

    def _here(self) -> int:
        """Return the row, looked up again when the grid was edited since."""
        epoch = self._grid._epoch
        if self._epoch is not epoch:
            row = self._grid._row_of(self.component, self._id, self._birth)
            if row is None:
                raise UsageError(self._grid._why_missing(self.component, self._id, self._birth))
            self._row, self._epoch = row, epoch
        return self._row

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self.component, self._grid, self._id, self._birth)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ElementHandle):
            return NotImplemented
        mine, theirs = (self.component, self._id, self._birth), (other.component, other._id, other._birth)
        return self._grid is other._grid and mine == theirs

    def __hash__(self) -> int:
        return hash((id(self._grid), self.component, self._id, self._birth))

    def __str__(self) -> str:
        return f"{self.component} {self._id}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._id})"


def _revive(component: str, grid: PowerGrid, element_id: int, birth: int) -> ElementHandle:
    return HANDLES[component](grid, element_id, birth=birth)


def _writable(component: str, name: str) -> Field:
    field = COMPONENTS[component].field(name)
    if field is None:
        known = [known for known in COMPONENTS[component].by_name if known not in FIXED]
        raise UsageError(f"{component}: there is no {name}{did_you_mean(name, known)}")
    if name in FIXED:
        raise UsageError(f"{component}: {name} cannot be written; remove the element in grid.edit() and add another")
    return field


def _parameter(component: str, field: Field) -> property:
    """Return the property of a column."""
    key = (component, field.name)
    is_float = field.kind == "float"
    plain: Callable[[Any], Any] = {"float": float, "int": int, "bool": bool, "text": str}[field.kind]

    def read(self: ElementHandle) -> Any:
        epoch = self._grid._epoch
        row = self._row if self._epoch is epoch else self._here()
        return plain(epoch.copy.column(component, field.name)[row])

    def write(self: ElementHandle, value: Any) -> None:
        epoch = self._grid._epoch
        row = self._row if self._epoch is epoch else self._here()
        if not is_float or type(value) is not float or value - value != 0.0:
            value = checked(field, value, str(self))
        epoch.copy.write(key, row, value)

    unit = f", {field.unit}" if field.unit else ""
    return property(read, None if field.name in FIXED else write, doc=f"{field.description}{unit}.")


def _result(component: str, column: str) -> property:
    """Return the property of a result."""

    def read(self: ElementHandle) -> float:
        grid = self._grid
        row = self._row if self._epoch is grid._epoch else self._here()
        return grid._result_of(component, column, self._id, row)

    return property(read, doc=f"{column} of the last solve.")


def _properties(component: str) -> dict[str, Any]:
    kind = COMPONENTS[component]
    results = {column: _result(component, column) for column in RESULT_COLUMNS.get(component, ())}
    parameters = {field.name: _parameter(component, field) for field in kind.fields if field.name != "id"}
    return {**results, **parameters}


def _kind(component: str) -> Callable[[type[ElementHandle]], type[ElementHandle]]:
    """Give a class the properties of its component."""

    def furnish(cls: type[ElementHandle]) -> type[ElementHandle]:
        cls.component = component
        for name, prop in _properties(component).items():
            setattr(cls, name, prop)
        return cls

    return furnish


class BusHandle(ElementHandle):
    """A bus. Its ``p_mw`` and ``q_mvar`` are what it takes from the grid, as in ``res_bus``."""

    __slots__ = ()

    def set_load(self, p_mw: float, q_mvar: float) -> None:
        """Write the powers of every load of this bus."""
        for load in self._some(self._grid.loads(self.id), "load"):
            load.set(p_mw=p_mw, q_mvar=q_mvar)

    def set_gen(self, p_mw: float, vm_pu: float) -> None:
        """Write the active power and the voltage of every generator of this bus."""
        for gen in self._some(self._grid.gens(self.id), "gen"):
            gen.set(p_mw=p_mw, vm_pu=vm_pu)

    def _some(self, found: list[Any], what: str) -> list[Any]:
        if not found:
            raise UsageError(f"bus {self.id} has no {what}; add one in grid.edit()")
        return found


class LoadHandle(ElementHandle):
    """A load; positive when it consumes."""

    __slots__ = ()

    def set_p(self, value: float) -> None:
        """Write ``p_mw``."""
        self.p_mw = value

    def set_q(self, value: float) -> None:
        """Write ``q_mvar``."""
        self.q_mvar = value


class GenHandle(ElementHandle):
    """A generator that holds a voltage; ``vm_pu`` is what it holds."""

    __slots__ = ()

    def set_p(self, value: float) -> None:
        """Write ``p_mw``."""
        self.p_mw = value

    def set_vm(self, value: float) -> None:
        """Write ``vm_pu``."""
        self.vm_pu = value


class SGenHandle(ElementHandle):
    """A static generator: given power, positive when it produces."""

    __slots__ = ()


class ExtGridHandle(ElementHandle):
    """A connection to a grid that holds voltage and angle."""

    __slots__ = ()


class LineHandle(ElementHandle):
    """A line."""

    __slots__ = ()


class TrafoHandle(ElementHandle):
    """A transformer with two windings."""

    __slots__ = ()


class Trafo3wHandle(ElementHandle):
    """A transformer with three windings."""

    __slots__ = ()


class ImpedanceHandle(ElementHandle):
    """A branch given in per unit."""

    __slots__ = ()


class ShuntHandle(ElementHandle):
    """An admittance to earth."""

    __slots__ = ()


class SwitchHandle(ElementHandle):
    """A switch; writing ``closed`` changes the topology."""

    __slots__ = ()


HANDLES: Final[Mapping[str, type[ElementHandle]]] = {
    component: _kind(component)(cls)
    for component, cls in (
        ("bus", BusHandle),
        ("line", LineHandle),
        ("trafo", TrafoHandle),
        ("trafo3w", Trafo3wHandle),
        ("load", LoadHandle),
        ("sgen", SGenHandle),
        ("gen", GenHandle),
        ("ext_grid", ExtGridHandle),
        ("shunt", ShuntHandle),
        ("switch", SwitchHandle),
        ("impedance", ImpedanceHandle),
    )
}
"""Class of the handles of each component."""
