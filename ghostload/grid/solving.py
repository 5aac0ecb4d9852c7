"""One circuit, kept from solve to solve: what has changed is written into it, and only that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.at_branches import BRANCHES_ANEW, AtBranches
from ghostload.grid.at_nodes import NO_CURRENT, AtNodes
from ghostload.grid.data import GridData
from ghostload.grid.effects import EFFECT
from ghostload.grid.injections import scales
from ghostload.grid.kernels.dc import dc_angles
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray, Solution
from ghostload.grid.network import Network, build_network, mean_magnitude, with_injections
from ghostload.grid.options import Init, SolveOptions
from ghostload.grid.working import Cell, WorkingCopy

TypeArray = NDArray[np.int8]


class Update(NamedTuple):
    """How a circuit took notice of what was written.

    Attributes
    ----------
    v : (n,) complex array or None
        Voltages to start from, with changed set points in them; None where the solve starts anew.
    anew : bool
        Whether it was found anew what is in service, and with it what is under voltage.
    """

    v: ComplexArray | None
    anew: bool


def network_of(data: GridData, options: SolveOptions) -> Network:
    """Build the network of a grid as the options want it."""
    return build_network(
        data, trafo_model=options.trafo_model, calculate_voltage_angles=options.calculate_voltage_angles
    )


class Circuit(AtNodes, AtBranches):
    """A network with all that a solve needs beside it.

    Attributes
    ----------
    network : Network
        As it was built; injections, set points and admittances that were written since are in the arrays here.
    is_new : bool
        Not solved yet since nodes came or went or changed their type.
    """

    def __init__(self, network: Network, options: SolveOptions, data: GridData) -> None:
        super().__init__(network, options, data)
        self._plan: Any = None
        self.is_new = True
        self._place_of_node, self._bus_of_node = _buses_of_nodes(data, network)
        self._begin_branches(network)

    def as_solved(self, data: GridData) -> Network:
        """Return the network as it was solved, given the grid at that time."""
        if self._branches_written:
            return network_of(data, self.options)
        load, sgen, gen = (scales(data, name, self._nodes[name]) for name in ("load", "sgen", "gen"))
        s, vm_set, va_set_rad = self.s.copy(), self.vm_set.copy(), self.va_set_rad.copy()
        return replace(
            self.network, s_bus=s, vm_set=vm_set, va_set_rad=va_set_rad,
            load_scale=load, sgen_scale=sgen, gen_scale=gen,
        )  # fmt: skip

    def bus_of(self, node: int) -> int | None:
        """Id of the bus at a node, or next to it; None for node -1."""
        return self._bus_of_node.item(node) if node >= 0 else None

    def copy(self) -> Circuit:
        """Return another circuit in the same state, without the order of elimination."""
        other = Circuit.__new__(Circuit)
        other.__dict__.update(self.__dict__)
        other._plan = other._copy = other._columns_of = None
        other._members, other.is_new = {}, True
        for name in ("s", "vm_set", "va_set_rad", "y", "_values", "_dc_b", "_shift", "_out", "_live", "_rewritten"):
            value = getattr(self, name)
            setattr(other, name, None if value is None else value.copy())
        return other

    # -- taking notice of what was written ---------------------------------------------------------------------------

    def update(self, copy: WorkingCopy, cells: Mapping[Cell, Any], v: ComplexArray | None) -> Update | None:
        """Write changed cells into the circuit.

        Returns
        -------
        Update or None
            None where nodes come or go: then a new circuit has to be built.
        """
        if len(cells) == 1:
            ((key, row),) = cells
            component, effect = key[0], EFFECT[key]
            if effect == "power" and not (component == "load" and row in self._following):
                node = self._nodes[component].item(row)
                if node >= 0:
                    self.s[node] = self._sum(copy, node)
                return Update(v, False)
            if component in BRANCHES_ANEW and (effect == "branch" or effect == "service"):
                if not self._renew_branch(copy, component, row, written=effect == "branch"):
                    return None
                return Update(v, False) if effect == "branch" else Update(None, True)
        nodes = self._nodes_of_powers(cells)
        if nodes is None:
            return self._update_more(copy, cells, v)
        self._sum_at(copy, nodes)
        return Update(v, False)

    def _update_more(self, copy: WorkingCopy, cells: Mapping[Cell, Any], v: ComplexArray | None) -> Update | None:
        """Write cells into the circuit of which some are more than the power of an element."""
        effects = {EFFECT[key] for key, _ in cells}
        if "topology" in effects or ("values" in effects and self._out):
            return None
        if "values" in effects:
            return Update(self._load_values(copy.data(), v), anew=False)
        anew = "service" in effects
        powers: list[Cell] = []
        rows: dict[str, dict[int, bool]] = {}
        again = False
        held = None if anew else v
        for cell in cells:
            key, row = cell
            effect, component = EFFECT[key], key[0]
            if effect == "power" and not (component == "load" and row in self._following):
                powers.append(cell)
            elif effect == "voltage" and self._is_alone(component, row):
                held = held.copy() if held is not None and held is v else held
                self._hold(copy, key, row, held)
            elif component in BRANCHES_ANEW and effect != "none":
                which = rows.setdefault(component, {})
                which[row] = which.get(row, False) or effect == "branch"
            elif effect != "none":
                again = True
        if any(not self._renew_branches(copy, *part) for part in rows.items()):
            return None
        if again:
            return self._load_injections(copy.data(), held, anew=anew)
        self._sum_at(copy, self._nodes_of_powers(powers) or ())
        return Update(held, anew)

    def _load_values(self, data: GridData, v: ComplexArray | None) -> ComplexArray | None:
        """Take all values anew, on the same pattern."""
        network = network_of(data, self.options)
        self._load_branches(network)
        self._load(network, data)
        return self._pinned(v)

    def _load_injections(self, data: GridData, v: ComplexArray | None, *, anew: bool) -> Update:
        """Take anew what stands at the nodes."""
        angles = self.options.calculate_voltage_angles
        network = with_injections(self.network, data, calculate_voltage_angles=angles)
        if not np.array_equal(network.node_type, self.network.node_type):
            self._plan, self.is_new = None, True
        self._load(network, data)
        self._values[: network.n] = network.y_shunt
        self.y = self.pattern.fill(self._values)
        return Update(self._pinned(v), anew)

    def _pinned(self, v: ComplexArray | None) -> ComplexArray | None:
        if v is not None:
            from ghostload.grid.kernels.starting import pin

            v = v.copy()
            pin(v, self.network.node_type, self.vm_set, self.va_set_rad)
        return v

    # -- voltages ----------------------------------------------------------------------------------------------------

    def start(self, init: Init) -> ComplexArray:
        """Voltages to start from when there are none; see :func:`ghostload.grid.network.init_voltage`."""
        network, va = self.network, self.va_set_rad
        apart = self._many_slacks and bool(np.any(va[network.branch_from] != va[network.branch_to]))
        if init == "flat" or (init == "auto" and not (apart or self._turned or self._has_pv)):
            return np.asarray(self.vm_set * np.exp(1j * va))
        v = None if apart else self._dc_by_plan()
        return self._dc_by_pivoting() if v is None else v

    def _dc_by_plan(self) -> ComplexArray | None:
        """Solve the DC power flow in the order of elimination that there is; None where that breaks down."""
        from ghostload.grid.kernels import starting

        network, pattern, plan = self.network, self.pattern, self.plan
        y, power, v = starting.dc_problem(
            pattern.position, len(pattern.indices), self._dc_b, self._shift, (network.branch_from, network.branch_to),
            (self.s, self._values[: pattern.n], self.i_bus), self.va_set_rad,
        )  # fmt: skip
        plan.in_place(y, power, NO_CURRENT, np.zeros(len(plan.pq)), v, 0.0, 1)
        return v if starting.with_magnitudes(v, network.node_type, network.island, self.vm_set) else None

    def _dc_by_pivoting(self) -> ComplexArray:
        """Solve the DC power flow with pivoting; flat voltages where it has no solution."""
        network = self.network
        given = self.s - self._values[: self.pattern.n]
        angle = dc_angles(
            network.branch_from, network.branch_to, self._dc_b, self._shift,
            (given + self.i_bus if len(self.i_bus) else given).real, network.node_type, self.va_set_rad,
        )  # fmt: skip
        angle = angle if np.isfinite(angle).all() else self.va_set_rad
        return np.asarray(mean_magnitude(network, self.vm_set) * np.exp(1j * angle))

    def started_from(self, given: ComplexArray, init: Init) -> ComplexArray:
        """Voltages to start from, where there are some, by bus id; NaN or 0 where there is nothing to say."""
        from ghostload.grid.kernels import starting

        network = self.network
        v = np.empty(network.n, np.complex128)
        if not starting.gather(given, self._place_of_node, v):
            v = self.start(init)
            starting.gather(given, self._place_of_node, v)
        starting.pin(v, network.node_type, self.vm_set, self.va_set_rad)
        return v

    # -- solving -----------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Any:
        """The order of elimination, found when it is first needed."""
        if self._plan is None:
            self.make_plan()
        return self._plan

    def make_plan(self) -> None:
        """Find the order of elimination."""
        from ghostload.grid.kernels.plan import make_plan

        self._plan = make_plan(self.pattern.indptr, self.pattern.indices, self.network.node_type)

    def solve(self, v: ComplexArray, tolerance: float, max_iter: int) -> Solution:
        """Solve from given voltages; what does not go is tried again from the start, then with controlled steps."""
        if self._has_limits:
            return self._within_limits(v, tolerance, max_iter)
        plan, v = self._plan or self.plan, v.copy()
        steps, worst, node = plan.in_place(self.y, self.s, self.i_bus, plan.pq, v, tolerance, max_iter)
        if worst <= tolerance:
            return Solution(v, steps, True, worst, node)
        return self._controlled(self.s, self.network.node_type, tolerance, max_iter, steps)

    def _controlled(
        self, s: ComplexArray, node_type: TypeArray, tolerance: float, max_iter: int, spent: int
    ) -> Solution:
        """Solve with the factorisation that pivots, from the DC power flow."""
        from ghostload.grid.kernels.pivoting import solve

        start = self._dc_by_pivoting()
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
            return found

        def controlled(s: ComplexArray, node_type: TypeArray, start: ComplexArray) -> Solution:
            return self._controlled(s, node_type, tolerance, max_iter, 0)

        return solve_within_limits(
            solver, reactive, self.s, network.node_type, self.vm_set, network.q_min, network.q_max, v,
            tol_pu=tolerance, last_resort=controlled,
        ).solution  # fmt: skip


def _buses_of_nodes(data: GridData, network: Network) -> tuple[IntArray, IntArray]:
    """Id of the first bus at each node; where there is none, -1, and that of a neighbour."""
    bus = np.full(network.n, -1, np.int64)
    rows = np.flatnonzero(network.node_of_bus >= 0)[::-1]
    bus[network.node_of_bus[rows]] = data["bus"]["id"][rows]
    at = bus.copy()
    for here, there in ((network.branch_from, network.branch_to), (network.branch_to, network.branch_from)):
        bare = bus[here] < 0
        bus[here[bare]] = bus[there[bare]]
    return at, bus
