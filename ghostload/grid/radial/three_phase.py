"""Unbalanced radial feeders as data: three wires, or four with the neutral and its earth electrodes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.radial.windings import vector_group

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]

CONDUCTORS = "abcn"


@dataclass(frozen=True, slots=True, eq=False)
class LineCode:
    """Construction of a line: matrices over its conductors.

    Attributes
    ----------
    z_ohm_per_km : (k, k) complex array
    c_nf_per_km : (k, k) array, optional
        Nodal capacitances: mutual terms are negative.
    max_i_ka : float, optional
        Thermal limit of each conductor; loadings are NaN where it is not given.
    """

    z_ohm_per_km: ComplexArray
    c_nf_per_km: FloatArray | None = None
    max_i_ka: float | None = None


@dataclass(frozen=True, slots=True)
class Bus3:
    """A place with up to four conductors.

    Attributes
    ----------
    name : str
    vn_kv : float
        Rated voltage, line to line.
    conductors : str
        Out of ``"abcn"``. Where there is no ``n``, wye loads and star points are on solid earth.
    earth_ohm : float, optional
        Resistance between neutral and earth; none where it is not given.
    """

    name: str
    vn_kv: float
    conductors: str = "abc"
    earth_ohm: float | None = None


@dataclass(frozen=True, slots=True)
class Line3:
    """A line; ``conductors`` are what the rows of the code stand for, by default all that its far bus has."""

    name: str
    from_bus: str
    to_bus: str
    code: str
    length_km: float
    conductors: str = ""


@dataclass(frozen=True, slots=True)
class Transformer3:
    """A two-winding transformer of any vector group.

    Attributes
    ----------
    name, hv_bus, lv_bus : str
    sn_kva, vn_hv_kv, vn_lv_kv, vk_percent, vkr_percent : float
    vector_group : str
        ``"Dyn11"``, ``"Yyn0"`` ... A star point that is brought out (N, n) is on the neutral of its bus where the bus
        has one, else on earth through the resistance given below.
    pfe_kw, i0_percent : float
        Losses and current of the open transformer; across the low side.
    tap_pu : float
        Turns of the high side over rated turns.
    hv_star_ohm, lv_star_ohm : float
        Between a star point and earth, where its bus has no neutral.
    """

    name: str
    hv_bus: str
    lv_bus: str
    sn_kva: float
    vn_hv_kv: float
    vn_lv_kv: float
    vk_percent: float
    vkr_percent: float
    vector_group: str = "Dyn11"
    pfe_kw: float = 0.0
    i0_percent: float = 0.0
    tap_pu: float = 1.0
    hv_star_ohm: float = 0.0
    lv_star_ohm: float = 0.0


@dataclass(frozen=True, slots=True)
class Transformer1:
    """A single-phase transformer, from one phase to the neutral of each bus, or to earth where it has none.

    Attributes
    ----------
    name, hv_bus, lv_bus : str
    phase : str
        ``"a"``, ``"b"`` or ``"c"``: the same on both sides, so that the low side is in phase with it.
    sn_kva, vn_hv_kv, vn_lv_kv, vk_percent, vkr_percent : float
        Of the one unit; the voltages are those of its windings, phase to neutral.
    pfe_kw, i0_percent : float
        Losses and current of the open transformer; across the low side.
    tap_pu : float
        Turns of the high side over rated turns.
    """

    name: str
    hv_bus: str
    lv_bus: str
    phase: str
    sn_kva: float
    vn_hv_kv: float
    vn_lv_kv: float
    vk_percent: float
    vkr_percent: float
    pfe_kw: float = 0.0
    i0_percent: float = 0.0
    tap_pu: float = 1.0


@dataclass(frozen=True, slots=True)
class Load3:
    """A load between phases and neutral (wye) or between phases (delta), shared equally among its elements.

    Attributes
    ----------
    name, bus : str
    p_kw, q_kvar : float
        Of all elements together, at rated voltage.
    phases : str
        ``"abc"``, ``"a"``, ``"ab"`` ... A delta load on two phases is one element, on three phases three.
    connection : str
        ``"wye"`` or ``"delta"``.
    z_share, i_share : float
        Shares of the power that grow with the square of the voltage and with the voltage.
    """

    name: str
    bus: str
    p_kw: float
    q_kvar: float = 0.0
    phases: str = "abc"
    connection: str = "wye"
    z_share: float = 0.0
    i_share: float = 0.0

    def elements(self) -> tuple[str, ...]:
        """Return pairs of terminals; ``"an"`` is phase a to neutral or earth."""
        if self.connection == "wye":
            return tuple(phase + "n" for phase in self.phases)
        if len(self.phases) == 2:
            return (self.phases,)
        return tuple(self.phases[k] + self.phases[(k + 1) % 3] for k in range(3))


@dataclass(frozen=True, slots=True)
class Source3:
    """A balanced voltage behind an impedance; both impedances zero is a stiff source."""

    bus: str
    vm_pu: float = 1.0
    va_degree: float = 0.0
    z1_ohm: complex = 0.0
    z0_ohm: complex = 0.0


@dataclass(frozen=True, slots=True)
class ThreePhaseGrid:
    """A radial feeder with one source.

    Raises
    ------
    UsageError
        An element names a bus or line code that is not there, or conductors that its bus does not have.
    """

    buses: tuple[Bus3, ...]
    source: Source3
    lines: tuple[Line3, ...] = ()
    transformers: tuple[Transformer3, ...] = ()
    loads: tuple[Load3, ...] = ()
    codes: dict[str, LineCode] = field(default_factory=dict)
    f_hz: float = 50.0
    name: str = ""
    single_phase: tuple[Transformer1, ...] = ()

    @property
    def units(self) -> tuple[Transformer3 | Transformer1, ...]:
        """All transformers, single-phase ones last."""
        return (*self.transformers, *self.single_phase)

    def __post_init__(self) -> None:
        places = {bus.name: bus for bus in self.buses}
        if len(places) < len(self.buses):
            seen: set[str] = set()
            twice = next(b.name for b in self.buses if b.name in seen or seen.add(b.name))  # type: ignore[func-returns-value]
            raise UsageError(f"bus {twice!r} is there twice; give each its own name")
        for bus in self.buses:
            if not bus.vn_kv > 0 or not bus.conductors or set(bus.conductors) - set(CONDUCTORS):
                raise UsageError(f"bus {bus.name!r}: needs vn_kv above 0 and conductors out of {CONDUCTORS!r}")
            if bus.earth_ohm is not None and ("n" not in bus.conductors or not bus.earth_ohm > 0):
                raise UsageError(f"bus {bus.name!r}: earth_ohm needs a neutral and a positive value")
        _bus_of(places, self.source.bus, "the source")
        for line in self.lines:
            self._check_line(line, places)
        for transformer in self.transformers:
            _check_transformer(transformer, places)
        for unit in self.single_phase:
            _check_single_phase(unit, places)
        for load in self.loads:
            _check_load(load, places)

    def _check_line(self, line: Line3, places: dict[str, Bus3]) -> None:
        what = f"line {line.name!r}"
        ends = (_bus_of(places, line.from_bus, what), _bus_of(places, line.to_bus, what))
        if line.code not in self.codes:
            raise UsageError(f"{what}: there is no line code {line.code!r}")
        if ends[0].vn_kv != ends[1].vn_kv:
            raise UsageError(f"{what} joins {ends[0].vn_kv} kV and {ends[1].vn_kv} kV; put a transformer between them")
        wires = line.conductors or ends[1].conductors
        shape = np.shape(self.codes[line.code].z_ohm_per_km)
        if shape != (len(wires), len(wires)):
            raise UsageError(f"{what}: code {line.code!r} is {shape}, but the line has conductors {wires!r}")
        for bus in ends:
            if set(wires) - set(bus.conductors):
                raise UsageError(f"{what} has conductors {wires!r}, but bus {bus.name!r} has {bus.conductors!r}")
        if not (line.length_km >= 0 and np.isfinite(line.length_km)):
            raise UsageError(f"{what}: length_km is {line.length_km}; give 0 or more")


def _bus_of(places: dict[str, Bus3], name: str, what: str) -> Bus3:
    if name not in places:
        raise UsageError(f"{what}: there is no bus {name!r}")
    return places[name]


def _check_transformer(transformer: Transformer3, places: dict[str, Bus3]) -> None:
    what = f"transformer {transformer.name!r}"
    vector_group(transformer.vector_group)
    for name in (transformer.hv_bus, transformer.lv_bus):
        if set("abc") - set(_bus_of(places, name, what).conductors):
            raise UsageError(f"{what}: bus {name!r} must have all three phases")
    _check_ratings(transformer, what)


def _check_single_phase(unit: Transformer1, places: dict[str, Bus3]) -> None:
    what = f"transformer {unit.name!r}"
    if unit.phase not in ("a", "b", "c"):
        raise UsageError(f"{what}: phase is {unit.phase!r}; a, b or c")
    for name in (unit.hv_bus, unit.lv_bus):
        if unit.phase not in _bus_of(places, name, what).conductors:
            raise UsageError(f"{what}: bus {name!r} has no phase {unit.phase!r}")
    if not (unit.vn_hv_kv > 0 and unit.vn_lv_kv > 0):
        raise UsageError(f"{what}: vn_hv_kv and vn_lv_kv must be positive")
    _check_ratings(unit, what)


def _check_ratings(transformer: Transformer3 | Transformer1, what: str) -> None:
    if not (transformer.sn_kva > 0 and transformer.vk_percent > 0 and transformer.tap_pu > 0):
        raise UsageError(f"{what}: sn_kva, vk_percent and tap_pu must be positive")
    if abs(transformer.vkr_percent) > transformer.vk_percent:
        raise UsageError(f"{what}: vkr_percent is {transformer.vkr_percent}, more than vk_percent")


def _check_load(load: Load3, places: dict[str, Bus3]) -> None:
    what = f"load {load.name!r}"
    bus = _bus_of(places, load.bus, what)
    if load.connection not in ("wye", "delta"):
        raise UsageError(f"{what}: connection is {load.connection!r}; wye or delta")
    if not load.phases or set(load.phases) - (set("abc") & set(bus.conductors)):
        raise UsageError(f"{what} has phases {load.phases!r}, but bus {bus.name!r} has {bus.conductors!r}")
    if not (np.isfinite(load.p_kw) and np.isfinite(load.q_kvar)):
        raise UsageError(f"{what}: p_kw is {load.p_kw} and q_kvar is {load.q_kvar}; give finite values")
    if load.connection == "delta" and len(load.phases) < 2:
        raise UsageError(f"{what}: a delta load needs two or three phases")
