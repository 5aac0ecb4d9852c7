"""One circuit, kept from solve to solve: what has changed is written into it, and only that."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.grid.data import GridData
from ghostload.grid.injections import load_shares, scales, scatter
from ghostload.grid.kernels.solution import PQ, PV, REF, ComplexArray, FloatArray, IntArray, Solution
from ghostload.grid.network import Network, build_network, init_voltage
from ghostload.grid.options import SolveOptions
from ghostload.grid.schema import COMPONENTS
from ghostload.grid.working import Cell, Column, WorkingCopy

Effect = Literal["power", "voltage", "limits", "values", "topology", "none"]

_EFFECTS: Final[Mapping[Effect, tuple[str, ...]]] = {
    "power": ("load.p_mw", "load.q_mvar", "load.scaling", "sgen.p_mw", "sgen.q_mvar", "sgen.scaling", "gen.p_mw",
              "gen.scaling"),
    "voltage": ("gen.vm_pu", "ext_grid.vm_pu", "ext_grid.va_degree"),
    "limits": ("gen.min_q_mvar", "gen.max_q_mvar"),
    "topology": ("switch.closed", "gen.slack"),
    "none": ("bus.min_vm_pu", "bus.max_vm_pu", "bus.x", "bus.y", "line.max_i_ka", "line.df", "trafo.df",
             "trafo.tap_min", "trafo.tap_max", "trafo.vector_group", "trafo3w.tap_min", "trafo3w.tap_max",
             "gen.slack_weight", "ext_grid.slack_weight"),
}  # fmt: skip

EFFECT: Final[Mapping[Column, Effect]] = {
    **{(c.name, f.name): "values" for c in COMPONENTS.values() for f in c.fields},
    **{(c.name, "name"): "none" for c in COMPONENTS.values()},
    **{(c.name, "in_service"): "topology" for c in COMPONENTS.values()},
    **{(c, f): effect for effect, names in _EFFECTS.items() for c, f in (name.split(".") for name in names)},
}
"""What a written cell changes: injections, set points, reactive limits, values on the same pattern, the pattern."""

SHARES: Final = ("const_z_p_percent", "const_i_p_percent", "const_z_q_percent", "const_i_q_percent")
"""Columns of a load that let its power follow the voltage."""

AT_NODES: Final = ("load", "sgen", "gen", "ext_grid")

MANY = 32
"""Nodes from which on all injections are summed anew at once, rather than node by node."""

TypeArray = NDArray[np.int8]


def changes_topology(cells: Mapping[Cell, Any]) -> bool:
    """Whether the pattern of the circuit may have changed."""
    return any(EFFECT[key] == "topology" for key, _ in cells)


def network_of(data: GridData, options: SolveOptions) -> Network:
    """Build the network of a grid as the options want it."""
    return build_network(
        data, trafo_model=options.trafo_model, calculate_voltage_angles=options.calculate_voltage_angles
    )


class Pattern:
    """Where the admittances of a network stand in its matrix."""

    __slots__ = ("_position", "indices", "indptr", "n")

    def __init__(self, network: Network) -> None:
        n = self.n = network.n
        f, t, each = network.branch_from, network.branch_to, np.arange(n)
        key = np.concatenate([each, f, f, t, t]) * max(n, 1) + np.concatenate([each, f, t, f, t])
        unique, self._position = np.unique(key, return_inverse=True)
        self.indices = (unique % max(n, 1)).astype(np.int32)
        self.indptr = np.searchsorted(unique, np.arange(n + 1) * max(n, 1)).astype(np.int32)

    def fill(self, network: Network) -> ComplexArray:
        """Return the values of the matrix, in the order of ``indices``."""
        values = np.concatenate([network.y_shunt, network.yff, network.yft, network.ytf, network.ytt])
        size = len(self.indices)
        real = np.bincount(self._position, values.real, size)
        return np.asarray(real + 1j * np.bincount(self._position, values.imag, size), dtype=np.complex128)

    def matrix(self, values: ComplexArray) -> csr_matrix:
        """Return the matrix with its values."""
        matrix = csr_matrix((values, self.indices, self.indptr), shape=(self.n, self.n))
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = True
        return matrix


class Circuit:
    """A network with all that a solve needs beside it.

    Attributes
    ----------
    network : Network
        As it was built; injections and set points that were written since are in the arrays here.
    """

    def __init__(self, network: Network, options: SolveOptions, data: GridData) -> None:
        self.options = options
        self.plan: Any = None
        self._load(network, data)
        self._bus_of_node = _buses_of_nodes(data, network)
        self.pattern = Pattern(network)
        self.y = self.pattern.fill(network)

    def _load(self, network: Network, data: GridData) -> None:
        self.network = network
        self._nodes: dict[str, IntArray] = {name: getattr(network, f"{name}_node") for name in AT_NODES}
        follows = np.logical_or.reduce([data["load"][share] != 0.0 for share in SHARES])
        self._following = frozenset(np.flatnonzero(follows).tolist())
        self.s = network.s_bus.copy()
        self.vm_set = network.vm_set.copy()
        self.va_set_rad = network.va_set_rad.copy()
        self.i_bus = network.i_bus if np.any(network.i_bus) else np.zeros(0, np.complex128)
        held = network.node_type == PV
        limited = np.isfinite(network.q_min[held]) | np.isfinite(network.q_max[held])
        self._has_limits = self.options.qlim and bool(limited.any())
        self._members: dict[int, list[tuple[str, float, list[int]]]] = {}

    def current(self) -> Network:
        """Return the network with the injections and set points that were written since it was built."""
        return replace(self.network, s_bus=self.s.copy(), vm_set=self.vm_set.copy(), va_set_rad=self.va_set_rad.copy())

    def as_solved(self, data: GridData) -> Network:
        """Return the network as it was solved, with the scalings of the grid at that time."""
        load, sgen, gen = (scales(data, name, self._nodes[name]) for name in ("load", "sgen", "gen"))
        return replace(self.current(), load_scale=load, sgen_scale=sgen, gen_scale=gen)

    def bus_of(self, node: int) -> int | None:
        """Id of the bus at a node, or next to it; None for node -1."""
        return self._bus_of_node.item(node) if node >= 0 else None

    def copy(self) -> Circuit:
        """Return another circuit in the same state, without the plan."""
        other = Circuit.__new__(Circuit)
        other.__dict__.update(self.__dict__)
        other.plan = None
        other.s, other.vm_set, other.va_set_rad = self.s.copy(), self.vm_set.copy(), self.va_set_rad.copy()
        return other

    # -- taking notice of what was written ---------------------------------------------------------------------------

    def update(self, copy: WorkingCopy, cells: Mapping[Cell, Any], v: ComplexArray | None) -> ComplexArray | None:
        """Write changed cells into the circuit; return the voltages to start from, with changed set points in them."""
        nodes: set[int] = set()
        held = v
        for key, row in cells:
            effect = EFFECT[key]
            if effect == "power" and not (key[0] == "load" and row in self._following):
                node = int(self._nodes[key[0]].item(row))
                if node >= 0:
                    nodes.add(node)
            elif effect == "voltage" and self._is_alone(key[0], row):
                held = v.copy() if v is not None and held is v else held
                self._hold(copy, key, row, held)
            elif effect != "none":
                return self._load_values(copy, v)
        if len(nodes) > MANY:
            self._sum_all(copy.data())
        else:
            for node in nodes:
                self.s[node] = self._sum(copy, node)
        return held

    def _is_alone(self, component: str, row: int) -> bool:
        """Whether no other element holds the voltage of its node."""
        node = self._nodes[component][row]
        both = np.count_nonzero(self.network.gen_node == node) + np.count_nonzero(self.network.ext_grid_node == node)
        return bool(node < 0 or both == 1)

    def _hold(self, copy: WorkingCopy, key: Column, row: int, v: ComplexArray | None) -> None:
        component, field = key
        node = int(self._nodes[component][row])
        if node < 0:
            return
        value = float(copy.column(component, field)[row])
        if field == "vm_pu":
            self.vm_set[node] = value
            if v is not None:
                v[node] *= value / abs(v[node])
            return
        if not self.options.calculate_voltage_angles:
            return
        turn = math.radians(value) - float(self.va_set_rad[node])
        slacks = (self.network.node_type == REF) & (self.network.island == self.network.island[node])
        if np.count_nonzero(slacks) == 1:
            island = self.network.island == self.network.island[node]
            self.va_set_rad[island] += turn
            if v is not None:
                v[island] *= cmath.exp(1j * turn)
        else:
            self.va_set_rad[node] += turn
            if v is not None:
                v[node] *= cmath.exp(1j * turn)

    def _sum(self, copy: WorkingCopy, node: int) -> complex:
        """Power given at a node, per unit."""
        members = self._members.get(node)
        if members is None:
            members = self._members[node] = [
                (component, sign, rows)
                for component, sign in (("sgen", 1.0), ("gen", 1.0), ("load", -1.0))
                if (rows := np.flatnonzero(self._nodes[component] == node).tolist())
            ]
        p = q = 0.0
        for component, sign, rows in members:
            p_mw, scaling = copy.column(component, "p_mw"), copy.column(component, "scaling")
            if component == "gen":
                for row in rows:
                    p += p_mw.item(row) * scaling.item(row)
                continue
            q_mvar = copy.column(component, "q_mvar")
            for row in rows:
                if component == "load" and row in self._following:
                    share = self._constant_power(copy, row)
                    p -= share.real
                    q -= share.imag
                    continue
                scale = sign * scaling.item(row)
                p += p_mw.item(row) * scale
                q += q_mvar.item(row) * scale
        return complex(p, q) / self.network.sn_mva

    def _constant_power(self, copy: WorkingCopy, row: int) -> complex:
        """Part of a load whose power does not follow the voltage, in MVA."""

        def of(field: str) -> float:
            return float(copy.column("load", field)[row])

        p = of("p_mw") * (1.0 - (of("const_z_p_percent") + of("const_i_p_percent")) / 100.0)
        q = of("q_mvar") * (1.0 - (of("const_z_q_percent") + of("const_i_q_percent")) / 100.0)
        return complex(p, q) * of("scaling")

    def _sum_all(self, data: GridData) -> None:
        """Sum the power given at every node anew."""
        network, n = self.network, self.network.n
        sgen, gen, load = data["sgen"], data["gen"], data["load"]
        self.s = (
            scatter(n, network.sgen_node, (sgen["p_mw"] + 1j * sgen["q_mvar"]) * sgen["scaling"])
            + scatter(n, network.gen_node, (gen["p_mw"] * gen["scaling"]).astype(np.complex128))
            - scatter(n, network.load_node, load_shares(data).power * load["scaling"])
        ) / network.sn_mva

    def _load_values(self, copy: WorkingCopy, v: ComplexArray | None) -> ComplexArray | None:
        """Take all values anew, on the same pattern."""
        data = copy.data()
        self._load(network_of(data, self.options), data)
        self.y = self.pattern.fill(self.network)
        if v is not None:
            v = v.copy()
            self.pin(v)
        return v

    # -- voltages ----------------------------------------------------------------------------------------------------

    def pin(self, v: ComplexArray) -> None:
        """Put the set points into voltages: magnitudes where they are held, angles of slacks."""
        held = self.network.node_type != PQ
        slack = self.network.node_type == REF
        v[held] *= self.vm_set[held] / np.abs(v[held])
        v[slack] = self.vm_set[slack] * np.exp(1j * self.va_set_rad[slack])

    def start(self, init: Literal["auto", "flat", "dc"]) -> ComplexArray:
        """Voltages to start from when there are none."""
        return init_voltage(self.current(), init)

    # -- solving -----------------------------------------------------------------------------------------------------

    def solve(self, v: ComplexArray, tolerance: float, max_iter: int) -> Solution:
        """Solve from given voltages; what does not go is tried again from the start, then with controlled steps."""
        if self.plan is None:
            from ghostload.grid.kernels.plan import make_plan

            self.plan = make_plan(self.pattern.indptr, self.pattern.indices, self.network.node_type)
        if self._has_limits:
            return self._within_limits(v, tolerance, max_iter)
        solution: Solution = self.plan.solve(self.y, self.s, v, tolerance, max_iter, i_bus=self.i_bus)
        if solution.converged:
            return solution
        return self._controlled(self.s, self.network.node_type, tolerance, max_iter, solution.iterations)

    def _controlled(
        self, s: ComplexArray, node_type: TypeArray, tolerance: float, max_iter: int, spent: int
    ) -> Solution:
        """Solve with the factorisation that pivots, from the DC power flow."""
        from ghostload.grid.kernels.pivoting import solve

        start = self.start("dc")
        if not np.isfinite(start).all():
            start = self.start("flat")
        current = self.i_bus if len(self.i_bus) else None
        solution = solve(
            self.pattern.matrix(self.y), s, current, node_type, start, tol_pu=tolerance, max_iter=max_iter,
            step_control=self.options.step_control,
        )  # fmt: skip
        return replace(solution, iterations=spent + solution.iterations)

    def _within_limits(self, v: ComplexArray, tolerance: float, max_iter: int) -> Solution:
        """Solve with the reactive limits of generators in force."""
        from ghostload.grid.kernels.qlimits import solve_within_limits

        matrix, network = self.pattern.matrix(self.y), self.network

        def reactive(v: ComplexArray) -> FloatArray:
            power = v * np.conj(matrix @ v)
            return np.asarray((power - self.i_bus * np.abs(v) if len(self.i_bus) else power).imag)

        def solver(s: ComplexArray, node_type: TypeArray, start: ComplexArray) -> Solution:
            found: Solution = self.plan.solve(
                self.y, s, start, tolerance, max_iter, i_bus=self.i_bus, node_type=node_type
            )
            if found.converged:
                return found
            return self._controlled(s, node_type, tolerance, max_iter, found.iterations)

        return solve_within_limits(
            solver, reactive, self.s, network.node_type, self.vm_set, network.q_min, network.q_max, v, tol_pu=tolerance
        ).solution


def _buses_of_nodes(data: GridData, network: Network) -> IntArray:
    """Id of the first bus at each node; where there is none, that of a neighbour."""
    bus = np.full(network.n, -1, np.int64)
    rows = np.flatnonzero(network.node_of_bus >= 0)[::-1]
    bus[network.node_of_bus[rows]] = data["bus"]["id"][rows]
    for here, there in ((network.branch_from, network.branch_to), (network.branch_to, network.branch_from)):
        bare = bus[here] < 0
        bus[here[bare]] = bus[there[bare]]
    return bus
