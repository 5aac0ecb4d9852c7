"""Three phases: a feeder in per unit, folded into small matrices, and reduced to the buses that matter.

The same elimination from the leaves as in :mod:`ghostload.grid.radial.fold`, with a matrix for each number:
``V_k = N_k V_p + Z_k J_k`` outwards and ``J_p`` gathering ``F_k J_k`` inwards. Where nothing is connected to earth
below a line, ``N`` and ``F`` are exactly one and the sweep is the classical one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError, UsageError
from ghostload.grid.radial.fold import Reduced, reduce_tree
from ghostload.grid.radial.three_phase import CONDUCTORS, Bus3, Line3, ThreePhaseGrid, Transformer1, Transformer3
from ghostload.grid.radial.tree import NotRadial, RadialOrder, radial_order
from ghostload.grid.radial.windings import vector_group, winding_admittance

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Branch3 = Line3 | Transformer3 | Transformer1

BASE_VA = 1e3
"""Per-unit power of one phase, so that per-unit powers are kW."""

ANTI_FLOAT = 1e-6
"""Susceptance to earth, on the rating, of windings that nothing else holds (delta, or star point not brought out).

One part in a million is what OpenDSS takes, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A branch as seen from its parent: a series impedance with shunts at both ends, or four admittance blocks.

    Attributes
    ----------
    z : (c, c) complex array or None
    y_parent, y_child : (c, c) complex array
        Admittance at either end.
    y_up, y_down : (c, c) complex array or None
        From the child's voltage to the parent's current, and back; None where there is ``z``.
    """

    z: ComplexArray | None
    y_parent: ComplexArray
    y_child: ComplexArray
    y_up: ComplexArray | None = None
    y_down: ComplexArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Folded3:
    """Matrices by position; position 0 is the voltage behind the source's impedance.

    Attributes
    ----------
    order : RadialOrder
        Of the inner voltage (node 0) and the buses (node 1 + its number).
    n, z, f : (positions, c, c) complex arrays
    root_g : (c, c) complex array
        The current into the root is ``root_g V - J``.
    root_z : (c, c) complex array
        Impedance of the source.
    v_root : (c,) complex array
    links : list of Link or None
        The branch above each position; None above the first.
    shunt : (positions, c, c) complex array
        Earth electrodes.
    """

    order: RadialOrder
    n: ComplexArray
    z: ComplexArray
    f: ComplexArray
    root_g: ComplexArray
    root_z: ComplexArray
    v_root: ComplexArray
    links: list[Link | None]
    shunt: ComplexArray


def width(grid: ThreePhaseGrid) -> int:
    """Return 4 where any bus has a neutral, else 3."""
    return 4 if any("n" in bus.conductors for bus in grid.buses) else 3


def base_v(bus: Bus3) -> float:
    """Return the per-unit voltage of a conductor to earth."""
    return float(bus.vn_kv * 1e3 / np.sqrt(3.0))


def fold3(grid: ThreePhaseGrid) -> Folded3:
    """Order a feeder and eliminate it from the leaves.

    Raises
    ------
    UsageError
        The feeder is not radial, or a neutral is earthed nowhere.
    """
    number = {bus.name: 1 + i for i, bus in enumerate(grid.buses)}
    branches: list[Branch3] = [*grid.lines, *grid.transformers, *grid.single_phase]
    ends = [(0, number[grid.source.bus])]
    for item in branches:
        pair = (item.from_bus, item.to_bus) if isinstance(item, Line3) else (item.hv_bus, item.lv_bus)
        ends.append((number[pair[0]], number[pair[1]]))
    order = radial_order([a for a, _ in ends], [b for _, b in ends], [0], len(number) + 1)
    if isinstance(order, NotRadial):
        names = ", ".join(repr(grid.buses[node - 1].name) for node in order.nodes[:4] if node)
        raise UsageError(f"the feeder cannot be swept: {order.reason} (buses {names})")
    if len(ends) > len(number):
        raise UsageError("the feeder has parallel branches between two buses; merge them into one")
    c = width(grid)
    link = _Links(grid, c)
    links: list[Link | None] = [None] * len(order.order)
    items: list[Branch3 | None] = [None, *branches]
    for (a, b), entry in zip(ends, items, strict=True):
        outward = order.parent[order.position[b]] == order.position[a]
        child = b if outward else a
        links[order.position[child]] = _source_link(grid, c) if entry is None else link(entry, bool(outward))
    shunt = np.zeros((len(order.order), c, c), dtype=np.complex128)
    for i, bus in enumerate(grid.buses):
        if bus.earth_ohm is not None:
            shunt[order.position[1 + i], 3, 3] = base_v(bus) ** 2 / BASE_VA / bus.earth_ohm
    return _eliminated(grid, order, links, shunt, c)


def _eliminated(
    grid: ThreePhaseGrid, order: RadialOrder, links: list[Link | None], shunt: ComplexArray, c: int
) -> Folded3:
    g = shunt.copy()
    one = np.eye(c, dtype=np.complex128)
    n, f = np.repeat(one[None], len(links), axis=0), np.repeat(one[None], len(links), axis=0)
    z = np.zeros((len(links), c, c), dtype=np.complex128)
    parent = order.parent.tolist()
    for k in range(len(links) - 1, 0, -1):
        link = links[k]
        if link is None:
            raise DataError(f"position {k} of the feeder has no branch")
        below = g[k] + link.y_child
        if link.z is not None:
            if not below.any():
                z[k] = link.z
                g[parent[k]] += link.y_parent
                continue
            n[k], f[k] = np.linalg.inv(np.stack([one + link.z @ below, one + below @ link.z]))
            z[k] = n[k] @ link.z
            g[parent[k]] += link.y_parent + f[k] @ below
            continue
        if link.y_up is None or link.y_down is None:
            raise DataError(f"position {k} of the feeder has half a branch")
        bus = grid.buses[order.order[k] - 1]
        inverse = _inverse(below, bus)
        n[k], z[k], f[k] = -inverse @ link.y_down, inverse, -link.y_up @ inverse
        g[parent[k]] += link.y_parent - link.y_up @ inverse @ link.y_down
    source = grid.source
    phases = np.exp(-2j * np.pi / 3 * np.arange(3)) * source.vm_pu * np.exp(1j * np.deg2rad(source.va_degree))
    v_root = np.append(phases, np.zeros(c - 3))
    first = links[order.position[1 + [b.name for b in grid.buses].index(source.bus)]]
    root_z = first.z if first is not None and first.z is not None else np.zeros((c, c), dtype=np.complex128)
    return Folded3(order, n, z, f, g[0], root_z, v_root, links, shunt)


def _inverse(y: ComplexArray, bus: Bus3) -> ComplexArray:
    """Invert over the conductors that the bus has; the others stay at zero."""
    has = np.array([name in bus.conductors for name in CONDUCTORS[: len(y)]])
    inner = y[np.ix_(has, has)]
    if np.linalg.cond(inner) > 1e13:
        raise UsageError(f"bus {bus.name!r}: nothing holds it against earth; give it or a bus below it an earth_ohm")
    result = np.zeros_like(y)
    result[np.ix_(has, has)] = np.linalg.inv(inner)
    return result


def _source_link(grid: ThreePhaseGrid, c: int) -> Link:
    source = grid.source
    bus = next(bus for bus in grid.buses if bus.name == source.bus)
    own, mutual = (source.z0_ohm + 2 * source.z1_ohm) / 3, (source.z0_ohm - source.z1_ohm) / 3
    z = np.zeros((c, c), dtype=np.complex128)
    z[:3, :3] = (np.full((3, 3), mutual) + np.eye(3) * (own - mutual)) * BASE_VA / base_v(bus) ** 2
    return Link(z, np.zeros_like(z), np.zeros_like(z))


class _Links:
    """Makes the link of each branch; lines of one construction share its matrices."""

    def __init__(self, grid: ThreePhaseGrid, c: int) -> None:
        self._grid, self._c = grid, c
        self._buses = {bus.name: bus for bus in grid.buses}
        self._per_km: dict[tuple[str, str, float], tuple[ComplexArray, ComplexArray]] = {}

    def __call__(self, item: Branch3, outward: bool) -> Link:
        if isinstance(item, Transformer1):
            return _single_phase_link(self._buses, item, outward, self._c)
        if isinstance(item, Transformer3):
            return _transformer_link(self._buses, item, outward, self._c)
        bus = self._buses[item.to_bus]
        key = (item.code, item.conductors or bus.conductors, bus.vn_kv)
        if key not in self._per_km:
            self._per_km[key] = self._line(*key)
        z, half = self._per_km[key]
        at_ends = half * item.length_km
        return Link(z * item.length_km, at_ends, at_ends)

    def _line(self, name: str, conductors: str, vn_kv: float) -> tuple[ComplexArray, ComplexArray]:
        """Return the series impedance and half of the admittance to earth of a kilometre."""
        code, c = self._grid.codes[name], self._c
        wires = [CONDUCTORS.index(conductor) for conductor in conductors]
        per_unit = BASE_VA * 3.0 / (vn_kv * 1e3) ** 2
        z, half = np.zeros((c, c), dtype=np.complex128), np.zeros((c, c), dtype=np.complex128)
        z[np.ix_(wires, wires)] = np.asarray(code.z_ohm_per_km) * per_unit
        if code.c_nf_per_km is not None:
            farad = np.asarray(code.c_nf_per_km) * 1e-9
            half[np.ix_(wires, wires)] = 1j * np.pi * self._grid.f_hz * farad / per_unit
        return z, half


def _anti_float(sn_kva: float, bus: Bus3, group: str) -> FloatArray:
    """Return the susceptance that holds a, b, c and the star point: half of that of a winding at each of its ends."""
    winding = ANTI_FLOAT * sn_kva * 1e3 / 3 / base_v(bus) ** 2
    if group.lower() == "d":
        return np.array([1.0, 1.0, 1.0, 0.0]) * winding / 3
    return np.array([1.0, 1.0, 1.0, 3.0]) * winding / 2


def _magnetising(item: Transformer3 | Transformer1) -> complex:
    """Return the admittance of the open transformer on its rating."""
    loss, current = item.pfe_kw / item.sn_kva, item.i0_percent / 100
    return complex(loss, -np.sqrt(max(current**2 - loss**2, 0.0)))


def _single_phase_link(buses: dict[str, Bus3], item: Transformer1, outward: bool, c: int) -> Link:
    """Return one winding pair between phase and neutral, or earth, of both buses."""
    sides = (buses[item.hv_bus], buses[item.lv_bus])
    r, size = item.vkr_percent / 100, item.vk_percent / 100
    pair = np.array([[1, -1], [-1, 1]]) / complex(r, np.sqrt(size**2 - r**2)) + np.diag([0, _magnetising(item)])
    phase = CONDUCTORS.index(item.phase)
    across = np.zeros((2, 2 * c))
    for side, (bus, rated_kv) in enumerate(zip(sides, (item.vn_hv_kv * item.tap_pu, item.vn_lv_kv), strict=True)):
        across[side, c * side + phase] = base_v(bus) / (rated_kv * 1e3)
        if "n" in bus.conductors:
            across[side, c * side + 3] = -across[side, c * side + phase]
    whole = across.T @ pair @ across * (item.sn_kva * 1e3 / BASE_VA)
    up, low = (slice(None, c), slice(c, None)) if outward else (slice(c, None), slice(None, c))
    return Link(None, whole[up, up], whole[low, low], whole[up, low], whole[low, up])


def _transformer_link(buses: dict[str, Bus3], item: Transformer3, outward: bool, c: int) -> Link:
    sides = (buses[item.hv_bus], buses[item.lv_bus])
    r, size = item.vkr_percent / 100, item.vk_percent / 100
    magnetising = _magnetising(item)
    y = winding_admittance(
        item.vector_group, item.sn_kva, (item.vn_hv_kv, item.vn_lv_kv), complex(r, np.sqrt(size**2 - r**2)),
        magnetising, item.tap_pu,
    )  # fmt: skip
    groups = vector_group(item.vector_group)[:2]
    keep: list[int] = []
    target: list[int] = []
    gone: list[int] = []
    for side, (bus, group, ohm) in enumerate(zip(sides, groups, (item.hv_star_ohm, item.lv_star_ohm), strict=True)):
        keep += [4 * side + k for k in range(3)]
        target += [c * side + k for k in range(3)]
        child = (side == 1) == outward
        # A star point on earth holds its side only if a zero-sequence current can flow: through the other side, or
        # through the iron.
        free = group.lower() == "yn" and groups[1 - side].lower() == "y" and magnetising == 0
        if child and (group.lower() in ("y", "d") or free):
            held = _anti_float(item.sn_kva, bus, group)
            y[4 * side : 4 * side + 4, 4 * side : 4 * side + 4] -= 1j * np.diag(held)
        if group.lower() == "yn" and "n" in bus.conductors:
            keep.append(4 * side + 3)
            target.append(c * side + 3)
        elif group.lower() == "y" or (group.lower() == "yn" and ohm > 0):
            y[4 * side + 3, 4 * side + 3] += 1 / ohm if group.lower() == "yn" else 0.0
            gone.append(4 * side + 3)
    inner = y[np.ix_(keep, keep)]
    if gone:
        inner = inner - y[np.ix_(keep, gone)] @ np.linalg.solve(y[np.ix_(gone, gone)], y[np.ix_(gone, keep)])
    whole = np.zeros((2 * c, 2 * c), dtype=np.complex128)
    whole[np.ix_(target, target)] = inner
    base = np.repeat([base_v(bus) for bus in sides], c)
    whole *= base[:, None] * base / BASE_VA
    up, low = (slice(None, c), slice(c, None)) if outward else (slice(c, None), slice(None, c))
    return Link(None, whole[up, up], whole[low, low], whole[up, low], whole[low, up])


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Every position seen from the kept ones: ``V = n V_above + z J_below``; ``f`` takes a kept one's ``J`` upwards."""

    reduced: Reduced
    n: ComplexArray
    z: ComplexArray
    f: ComplexArray
    plain: BoolArray


def paths(folded: Folded3, loaded: BoolArray) -> Paths:
    """Reduce to the loaded positions and the joints between them; ``plain`` where n and f are exactly one."""
    order = folded.order
    reduced = reduce_tree(order, loaded)
    parent, fed = order.parent.tolist(), reduced.fed.tolist()
    count, c = folded.n.shape[:2]
    kept = np.zeros(count, dtype=bool)
    kept[reduced.kept] = True
    one = np.eye(c, dtype=np.complex128)
    unit = ((folded.n == one) & (folded.f == one)).all(axis=(1, 2)).tolist()
    to_kept, from_kept = np.repeat(one[None], count, axis=0), np.repeat(one[None], count, axis=0)
    n, z = np.repeat(one[None], count, axis=0), np.zeros((count, c, c), dtype=np.complex128)
    plain = [True] * count
    for k in range(count - 1, 0, -1):
        p = parent[k]
        if fed[k] and not kept[p]:
            to_kept[p] = to_kept[k] if unit[k] else folded.f[k] @ to_kept[k]
    for k in range(1, count):
        p = parent[k]
        plain[k] = unit[k] and (bool(kept[p]) or plain[p])
        current = folded.z[k] @ to_kept[k] if fed[k] else 0.0
        if kept[p]:
            n[k], z[k], from_kept[k] = folded.n[k], current, folded.f[k]
        elif plain[k]:
            z[k] = z[p] + current
        else:
            n[k], z[k] = folded.n[k] @ n[p], folded.n[k] @ z[p] + current
            from_kept[k] = from_kept[p] @ folded.f[k]
    return Paths(reduced, n, z, from_kept, np.array(plain))
