"""Unbalanced feeders: what follows from the voltages of one solve, as columns with the names of pandapower.

Powers are those of conductors: the voltage of a conductor to earth times the conjugate of its current. Those of a, b, c
and the neutral add up to what an element takes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.radial.fold3 import base_v
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.grid.radial.three_phase import CONDUCTORS, Line3, Load3, Transformer1, Transformer3

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
Columns = Mapping[str, FloatArray]

_A = np.exp(2j * np.pi / 3)


class Flows3:
    """Currents and powers of a feeder.

    Parameters
    ----------
    plan : ThreePhasePlan
    v : (places,) complex array
        Voltages of all conductors, in the order of ``plan.places``, per unit; NaN where there is no solution.
    p_kw, q_kvar : (L,) arrays
        Powers of the loads at rated voltage.
    """

    def __init__(self, plan: ThreePhasePlan, v: ComplexArray, p_kw: FloatArray, q_kvar: FloatArray) -> None:
        self.plan, self.grid = plan, plan.grid
        self.c = len(plan.folded.v_root)
        self._position = {bus.name: int(plan.folded.order.position[1 + i]) for i, bus in enumerate(self.grid.buses)}
        places = np.array([self._position[name] for name, _ in plan.places], np.int64)
        conductor = np.array([CONDUCTORS.index(x) for _, x in plan.places], np.int64)
        self.v = np.zeros((len(plan.folded.links), self.c), np.complex128)
        self.v[places, conductor] = v
        self._has = np.zeros(self.v.shape, np.bool_)
        self._has[places, conductor] = True
        with np.errstate(invalid="ignore"):
            drawn = [self._drawn(k, float(p), float(q)) for k, (p, q) in enumerate(zip(p_kw, q_kvar, strict=True))]
            self._loads = np.stack(drawn or [self.v[0] * 0.0])
            self._branches()

    def _drawn(self, number: int, p_kw: float, q_kvar: float) -> ComplexArray:
        """Return the current that a load takes from each conductor, per unit."""
        load = self.grid.loads[number]
        v, out = self.v[self._position[load.bus]], np.zeros(self.c, np.complex128)
        for a, b, share, constant, per_size, per_square in self.plan.elements(load):
            u = v[a] - (v[b] if b >= 0 else 0.0)
            factor = constant + per_size * abs(u) + per_square * abs(u) ** 2
            current = np.conj(complex(p_kw, q_kvar) * share * factor / u)
            out[a] += current
            if b >= 0:
                out[b] -= current
        return out

    def _branches(self) -> None:
        """Sum currents from the leaves: what enters each branch at its end towards the source, and at the other."""
        folded, v = self.plan.folded, self.v
        self.near, self.far = np.zeros_like(v), np.zeros_like(v)
        taken = np.einsum("kij,kj->ki", folded.shunt, v)
        for load, current in zip(self.grid.loads, self._loads, strict=False):
            taken[self._position[load.bus]] += current
        parent = folded.order.parent.tolist()
        for k in range(len(parent) - 1, 0, -1):
            link = folded.links[k]
            if link is None or parent[k] == 0:
                self.far[k], self.near[k] = -taken[k], taken[k]
                continue
            above, here = v[parent[k]], v[k]
            if link.y_up is None or link.y_down is None:
                self.far[k] = -taken[k]
                self.near[k] = taken[k] + link.y_child @ here + link.y_parent @ above
            else:
                self.far[k] = link.y_child @ here + link.y_down @ above
                self.near[k] = link.y_parent @ above + link.y_up @ here
            taken[parent[k]] += self.near[k]

    # -- tables ------------------------------------------------------------------------------------------------------

    def bus(self) -> Columns:
        """Voltages, what hangs on each bus takes (the source gives), and how unbalanced it is."""
        at = np.array([self._position[bus.name] for bus in self.grid.buses], np.int64)
        v = np.where(self._has[at], self.v[at], complex(np.nan, np.nan))
        out: dict[str, FloatArray] = {}
        for i, x in enumerate("abc"):
            out[f"vm_{x}_pu"], out[f"va_{x}_degree"] = np.abs(v[:, i]), np.degrees(np.angle(v[:, i]))
        taken = np.zeros_like(self.v)
        for load, current in zip(self.grid.loads, self._loads, strict=False):
            taken[self._position[load.bus]] += current
        source = self._position[self.grid.source.bus]
        taken[source] -= self.near[source]
        power = self.v[at] * np.conj(taken[at]) / 1e3
        out |= _parts("p_{}_mw", "q_{}_mvar", power, self._has[at])
        neutral = v[:, 3] if self.c > 3 else np.full(len(at), complex(np.nan, np.nan))
        out["vm_n_pu"], out["va_n_degree"] = np.abs(neutral), np.degrees(np.angle(neutral))
        if self.c > 3:
            out |= _parts("p_{}_mw", "q_{}_mvar", power, self._has[at], "n")
        turned = v[:, :3] @ np.array([[1.0, 1.0], [_A, _A**2], [_A**2, _A]]) / 3.0
        out["unbalance_percent"] = 100.0 * np.abs(turned[:, 1]) / np.abs(turned[:, 0])
        return out

    def line(self) -> Columns:
        """Flows, losses, currents and loadings of lines."""
        lines = self.grid.lines
        buses = {bus.name: bus for bus in self.grid.buses}
        out, current, has = self._ends([(line.from_bus, line.to_bus) for line in lines], lines, ("from", "to"))
        names = CONDUCTORS[: self.c] if self.c > 3 else "abcn"
        limit = np.array([self.grid.codes[line.code].max_i_ka or np.nan for line in lines])
        per = np.array([1.0 / base_v(buses[line.from_bus]) for line in lines])[:, None]
        size = [np.where(has, np.abs(end) * per, np.nan) for end in current]
        if self.c == 3:
            # Without a conductor of its own, what returns through earth is the sum of the phases.
            size = [
                np.column_stack([s, np.abs(end.sum(axis=1)) * per[:, 0]]) for s, end in zip(size, current, strict=True)
            ]
        for i, x in enumerate(names):
            out[f"i_{x}_from_ka"], out[f"i_{x}_to_ka"] = size[0][:, i], size[1][:, i]
            out[f"i_{x}_ka"] = np.maximum(size[0][:, i], size[1][:, i])
            out[f"loading_{x}_percent"] = 100.0 * out[f"i_{x}_ka"] / limit
        out["loading_percent"] = _largest([out[f"loading_{x}_percent"] for x in names[: self.c]], len(lines))
        return out

    def trafo(self) -> Columns:
        """Flows, losses, currents and loadings of transformers, single-phase ones last."""
        trafos = self.grid.units
        out, current, has = self._ends([(t.hv_bus, t.lv_bus) for t in trafos], trafos, ("hv", "lv"))
        buses = {bus.name: bus for bus in self.grid.buses}
        # Of a single-phase unit the rated voltages are those of its windings, and all its power is in one phase.
        phases = np.array([[np.sqrt(3.0) if isinstance(t, Transformer3) else 1.0] for t in trafos]).reshape(-1, 1)
        rated = np.array([[t.vn_hv_kv, t.vn_lv_kv] for t in trafos]).reshape(-1, 2) * phases
        limit = np.array([t.sn_kva / 1e3 for t in trafos])
        per = np.array([[1.0 / base_v(buses[t.hv_bus]), 1.0 / base_v(buses[t.lv_bus])] for t in trafos]).reshape(-1, 2)
        for i, x in enumerate(CONDUCTORS[: self.c]):
            sizes = [np.where(has[:, i], np.abs(current[end][:, i]) * per[:, end], np.nan) for end in (0, 1)]
            out[f"i_{x}_hv_ka"], out[f"i_{x}_lv_ka"] = sizes
            if x != "n":
                out[f"loading_{x}_percent"] = 100.0 * np.maximum(sizes[0] * rated[:, 0], sizes[1] * rated[:, 1]) / limit
        out["loading_percent"] = _largest([out[f"loading_{x}_percent"] for x in "abc"], len(trafos))
        return out

    def load(self) -> Columns:
        """Powers that loads take at their voltage: in all, and from each conductor."""
        loads: tuple[Load3, ...] = self.grid.loads
        at = np.array([self._position[load.bus] for load in loads], np.int64)
        power = self.v[at] * np.conj(self._loads[: len(loads)]) / 1e3
        total = power.sum(axis=1)
        out = {"p_mw": total.real, "q_mvar": total.imag}
        return out | _parts("p_{}_mw", "q_{}_mvar", power, self._has[at], CONDUCTORS[: self.c])

    def source(self) -> Columns:
        """Powers that the source gives at its bus."""
        at = np.array([self._position[self.grid.source.bus]])
        power = self.v[at] * np.conj(self.near[at]) / 1e3
        return _parts("p_{}_mw", "q_{}_mvar", power, self._has[at])

    def _ends(
        self,
        buses: list[tuple[str, str]],
        items: tuple[Line3 | Transformer3 | Transformer1, ...],
        ends: tuple[str, str],
    ) -> tuple[dict[str, FloatArray], list[ComplexArray], NDArray[np.bool_]]:
        """Return powers and losses, the currents into both ends, and which conductors a branch joins."""
        at = np.array([[self._position[name] for name in pair] for pair in buses], np.int64).reshape(-1, 2)
        outward = (self.plan.folded.order.parent[at[:, 1]] == at[:, 0])[:, None]
        first = np.where(outward, self.near[at[:, 1]], self.far[at[:, 0]])
        second = np.where(outward, self.far[at[:, 1]], self.near[at[:, 0]])
        has = self._has[at[:, 0]] & self._has[at[:, 1]]
        if items and not isinstance(items[0], Line3):
            has = self._has[at[:, 0]] | self._has[at[:, 1]]
        for row, item in enumerate(items):
            wires = item.conductors if isinstance(item, Line3) else ""
            wires = item.phase + "n" if isinstance(item, Transformer1) else wires
            if wires:
                has[row] &= np.isin(list(CONDUCTORS[: self.c]), list(wires))
        power = [self.v[at[:, 0]] * np.conj(first) / 1e3, self.v[at[:, 1]] * np.conj(second) / 1e3]
        out: dict[str, FloatArray] = {}
        for names in ("abc", CONDUCTORS[3 : self.c]):
            for end, flow in zip(ends, power, strict=True):
                out |= _parts(f"p_{{}}_{end}_mw", f"q_{{}}_{end}_mvar", flow, has, names)
            out |= _parts("pl_{}_mw", "ql_{}_mvar", power[0] + power[1], has, names)
        return out, [first, second], has


def _parts(
    active: str, reactive: str, power: ComplexArray, has: NDArray[np.bool_], names: str = "abc"
) -> dict[str, FloatArray]:
    """Return columns of each conductor; NaN where there is none."""
    out: dict[str, FloatArray] = {}
    for x in names:
        i = CONDUCTORS.index(x)
        out[active.format(x)] = np.where(has[:, i], power[:, i].real, np.nan)
        out[reactive.format(x)] = np.where(has[:, i], power[:, i].imag, np.nan)
    return out


def _largest(columns: list[FloatArray], rows: int) -> FloatArray:
    return np.fmax.reduce(columns) if columns else np.full(rows, np.nan)
