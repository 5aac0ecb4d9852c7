"""Solving a batch: one base case, then chunks of scenarios in lanes, then whatever failed one by one with pivoting."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ghostload.grid.batch_fallback import solve_scenario
from ghostload.grid.batch_inputs import POWER, Inputs
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.kernels import scenarios as lanes
from ghostload.grid.kernels.compensation import Correction, compensate, no_correction
from ghostload.grid.kernels.compiled import first_call
from ghostload.grid.kernels.desk import CHORD, NEWTON, work_size
from ghostload.grid.kernels.lanes import Load
from ghostload.grid.kernels.outages import Patches, no_patches, patches_of
from ghostload.grid.kernels.plan import aligned
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray
from ghostload.grid.network import init_voltage

NONE: Final = np.zeros(0)

SAMPLE_GROUPS = 4
"""Groups of eight, spread over the batch, on which the chord method is tried."""

NEWTON_STEPS = 4.0
"""Steps after which the last lane of a group has usually converged with Newton's method, from a base case."""

FEW = 256
"""Batches of no more scenarios than this are not worth a trial: they take the chord method."""

CHEAP_FACTOR = 2.5
"""A factorisation that costs less than so many chord steps is cheap: correcting chord steps for outages costs more."""

STEP_NS, SOLVE_NS, FACTOR_NS, UPDATE_NS = 3.5, 2.4, 4.0, 8.0
"""Relative cost of eight lanes: of an admittance in the mismatch, of a block in a substitution with common factors, of
a block and of a product of blocks in a factorisation. Measured; only their ratios matter."""


@dataclass(slots=True, eq=False)
class Chunk:
    """What the lanes gave for some scenarios.

    Attributes
    ----------
    v : (scenarios, n) complex array
        NaN where a scenario has no voltage.
    iterations, mismatch : (scenarios,) arrays
    fallback : (scenarios,) bool array
        Which were given to the pivoting solver.
    reasons : dict
        Why a scenario failed, by its number.
    """

    v: ComplexArray
    iterations: IntArray
    mismatch: FloatArray
    fallback: Any
    reasons: dict[int, str]


class Engine:
    """A circuit, prepared for a batch.

    Attributes
    ----------
    method : str
        ``"chord"`` or ``"newton"``; with ``"auto"`` it is settled by :meth:`choose`.
    base_converged : bool
        Whether there is a base case: the mean of all scenarios, or else the network as it is, or without injections.
    """

    def __init__(
        self, prepared: Prepared, inputs: Inputs, *, method: str, tol: float, max_iter: int, qlim: bool, fallback: str
    ) -> None:
        self.prepared, self.network, self.plan, self.inputs = prepared, prepared.network, prepared.plan, inputs
        self.tol, self.max_iter, self.fallback = tol, max_iter, fallback
        self._free = self.plan.symbolic.free
        self._perm = self.plan.symbolic.part("perm")
        self._branches = prepared.branches if len(inputs.outage) else None
        free = self._perm[: self._free]
        self._limits = (self.network.q_min[free], self.network.q_max[free]) if qlim else (NONE, NONE)
        self.method = "newton" if qlim else method
        self._local, self._borrowed = threading.local(), list[dict[str, FloatArray]]()
        self._solve_base()

    def _solve_base(self) -> None:
        """Solve the mean of all scenarios, or else the network as it is, or else without any injection."""
        inputs, prepared = self.inputs, self.prepared
        if inputs.terms or inputs.set_node.size:
            v0 = prepared.start.copy()
            if inputs.set_node.size:
                v0[inputs.set_node] *= inputs.set_vm.mean(axis=0) / np.abs(v0[inputs.set_node])
            solution, factors = self.plan.solve_and_factor(
                prepared.y, self._mean_power(), v0, self.tol, self.max_iter, prepared.current
            )
            if solution.converged:
                self._set_base(solution.v, factors, True)
                return
        solution, factors = prepared.base(self.tol, self.max_iter)
        if solution.converged:
            self._set_base(solution.v, factors, True)
            return
        idle = replace(self.network, s_bus=np.zeros_like(self.network.s_bus))
        solution, factors = self.plan.solve_and_factor(
            prepared.y, idle.s_bus, init_voltage(idle), self.tol, self.max_iter, None
        )
        self._set_base(solution.v if solution.converged else init_voltage(idle, "flat"), factors, solution.converged)
        self.method = "newton"

    def _set_base(self, v: ComplexArray, factors: FloatArray, converged: bool) -> None:
        self.v0, self.base_converged = v, converged
        self._base = lanes.Base(self.prepared.y, self.plan.pq, v, factors)

    def _mean_power(self) -> ComplexArray:
        s = self.inputs.base_s.copy()
        for term in self.inputs.terms:
            if term.kind == POWER:
                here = term.node >= 0
                unit = 1j if term.part else 1.0
                np.add.at(s, term.node[here], unit * (term.scale * term.mean)[here])
        return s

    # -- choice of the method ----------------------------------------------------------------------------------------

    def choose(self) -> str:
        """Settle the method.

        Outages of several branches take Newton's method, those of single ones the chord method unless a factorisation
        is cheap. For series the chord method is tried on a
        few groups, and its steps are weighed against those that Newton's usually takes; in operations, not in time, so
        that the choice is the same on every machine.
        """
        if self.method != "auto":
            return self.method
        total = self.inputs.scenarios
        self.method = "chord"
        if self._branches is not None:
            several = len(self.inputs.outage) > total
            self.method = "newton" if several or self._factor_cost() < CHEAP_FACTOR * self._chord_cost(1.0) else "chord"
        elif total > FEW:
            starts = np.linspace(0, total // 8 - 1, SAMPLE_GROUPS).astype(np.int64) * 8
            chord = self._lanes((starts[:, None] + np.arange(8)).ravel(), CHORD)
            lost = float(np.mean(~(chord.mismatch <= self.tol)))
            chord_cost = self._chord_cost(chord.iterations.reshape(-1, 8).max(axis=1).mean())
            if chord_cost + lost * self._newton_cost(NEWTON_STEPS) > self._newton_cost(NEWTON_STEPS):
                self.method = "newton"
        return self.method

    def _chord_cost(self, steps: float) -> float:
        symbolic = self.plan.symbolic
        step = STEP_NS * (self.plan.entries + 2 * symbolic.free) + SOLVE_NS * symbolic.slots
        return step * steps

    def _factor_cost(self) -> float:
        return FACTOR_NS * self.plan.symbolic.slots + UPDATE_NS * self.plan.symbolic.updates

    def _newton_cost(self, steps: float) -> float:
        symbolic = self.plan.symbolic
        factors = np.ceil(max(steps - 1.0, 0.0) / lanes.RENEW)
        step = STEP_NS * (self.plan.entries + 2 * symbolic.free) + 2.0 * SOLVE_NS * symbolic.slots
        return float(step * steps + self._factor_cost() * factors)

    # -- solving -----------------------------------------------------------------------------------------------------

    def room(self, scenarios: int) -> ComplexArray:
        """Return room for the voltages of a chunk: this thread's, until it asks again."""
        size = 2 * scenarios * self.network.n
        return self._scratch("v", size)[:size].view(np.complex128).reshape(scenarios, self.network.n)

    def solve(self, first: int, last: int, v: ComplexArray | None = None) -> Chunk:
        """Solve scenarios ``first`` to ``last - 1``; ``v`` takes the voltages, where given."""
        ks = np.arange(first, last)
        chunk = self._lanes(ks, CHORD if self.method == "chord" else NEWTON, v)
        if self.method == "chord":
            self._again(ks, chunk, ~(chunk.mismatch <= self.tol))
        failed = np.flatnonzero(~(chunk.mismatch <= self.tol))
        for at in failed:
            self._pivot(int(ks[at]), int(at), chunk)
        return chunk

    def _again(self, ks: IntArray, chunk: Chunk, bad: Any) -> None:
        """Give what the chord method left to Newton's."""
        at = np.flatnonzero(bad)
        if at.size == 0:
            return
        again = self._lanes(ks[at], NEWTON)
        chunk.v[at] = again.v
        chunk.iterations[at] += again.iterations
        chunk.mismatch[at] = again.mismatch

    def _lanes(self, ks: IntArray, method: int, v: ComplexArray | None = None) -> Chunk:
        """Run the lanes on scenarios ``ks``."""
        inputs, symbolic, count = self.inputs, self.plan.symbolic, len(ks)
        patches, dead_start, dead = self._patches(ks)
        correction, order = self._correction(patches, method, count)
        load = self._load(ks[order])
        set_node, set_vm = symbolic.position[inputs.set_node], np.ascontiguousarray(inputs.set_vm[ks[order]])
        task = lanes.Task(order, load, set_node, set_vm, patches.start, patches.row, *self._limits)
        patched = patches.row.size > 0
        rules = lanes.Rules(method, self.base_converged and not patched, self.tol, self.max_iter)
        v = np.empty((count, self.network.n), np.complex128) if v is None else v
        iterations, mismatch = np.zeros(count, np.int64), np.zeros(count)
        with first_call("batches"):
            lanes.run(
                symbolic.code, symbolic.position, self._base, task, rules, patches.for_lanes(self._free), correction,
                self._work(method), v, iterations, mismatch,
            )  # fmt: skip
        if dead.size:
            v[np.repeat(np.arange(count), np.diff(dead_start)), self._perm[dead]] = complex(np.nan, np.nan)
        return Chunk(v, iterations, mismatch, np.zeros(count, np.bool_), {})

    def _work(self, method: int) -> FloatArray:
        symbolic = self.plan.symbolic
        size = work_size(symbolic.nodes, symbolic.free, symbolic.slots, self.plan.entries, method)
        return self._scratch("work", size)

    def _scratch(self, name: str, size: int) -> FloatArray:
        """Return at least ``size`` doubles of this thread, whatever is in them: new memory is slow at first touch."""
        mine: dict[str, FloatArray] | None = getattr(self._local, "scratch", None)
        if mine is None:
            mine = self._local.scratch = self.prepared.borrow()
            self._borrowed.append(mine)
        scratch = mine.get(name)
        if scratch is None or scratch.size < size:
            scratch = mine[name] = aligned(size)
        return scratch

    def release(self) -> None:
        """Give the scratch of all threads back; the engine is not used any more."""
        while self._borrowed:
            self.prepared.give_back(self._borrowed.pop())
        self._local = threading.local()

    def _patches(self, ks: IntArray) -> tuple[Patches, IntArray, Any]:
        if self._branches is None:
            return no_patches(len(ks)), np.zeros(len(ks) + 1, np.int64), np.zeros(0, np.int32)
        first = self.inputs.outage_start[ks]
        start = np.zeros(len(ks) + 1, np.int64)
        np.cumsum(self.inputs.outage_start[ks + 1] - first, out=start[1:])
        outage = self.inputs.outage[np.repeat(first - start[:-1], np.diff(start)) + np.arange(start[-1])]
        return patches_of(self._branches, self._free, start, outage)

    def _correction(self, patches: Patches, method: int, count: int) -> tuple[Correction, IntArray]:
        """Return what chord steps are corrected with, and an order in which scenarios alike are neighbours."""
        if method != CHORD or self._branches is None:
            return no_correction(), np.arange(count)
        p, severity = patches, np.zeros(count)
        correction = compensate(
            self.plan.symbolic.code, self._base.factors, self._branches.mirror, p.start, p.row, p.column, p.slot,
            p.flag, p.value, self.plan.pq, self.v0, severity,
        )  # fmt: skip
        return correction, np.argsort(severity, kind="stable")

    def _load(self, ks: IntArray) -> Load:
        """Return the injections of scenarios in the layout of the lanes."""
        inputs, symbolic = self.inputs, self.plan.symbolic
        alike = not inputs.terms and self._limits[0].size == 0
        size = 16 * self._free * (1 if alike else -(-len(ks) // 8))
        wide = size if inputs.follows_voltage else 0
        sizes = {"power": size, "current": wide, "impedance": wide}
        out = tuple(self._scratch(name, length)[:length] for name, length in sizes.items())
        bases = (inputs.base_s, inputs.base_current, inputs.base_impedance)
        for target, base in zip(out, bases, strict=True):
            if target.size:
                lanes.spread_base(target, self._perm, base, self._free)
        whole = bool(np.all(np.diff(ks) == 1))
        for term in inputs.terms:
            values = term.values[ks[0] : ks[-1] + 1] if whole else term.values[ks]
            lanes.scatter(out[term.kind], symbolic.position, term.node, values, term.scale, term.part, self._free)
        return Load(*out)

    # -- one by one --------------------------------------------------------------------------------------------------

    def _pivot(self, k: int, at: int, chunk: Chunk) -> None:
        """Solve one scenario with the pivoting solver, or say why it cannot be."""
        if self.fallback == "none":
            chunk.v[at] = complex(np.nan, np.nan)
            chunk.reasons[k] = _reason(int(chunk.iterations[at]), float(chunk.mismatch[at]))
            chunk.mismatch[at] = np.nan
            return
        found = solve_scenario(
            self.network,
            self.prepared.matrix,
            self.inputs,
            k,
            self._alive(k),
            self.v0,
            tol=self.tol,
            max_iter=self.max_iter,
            qlim=self._limits[0].size > 0,
            thorough=self.fallback == "thorough",
        )
        chunk.fallback[at], chunk.v[at] = True, found.v
        chunk.iterations[at] += found.iterations
        chunk.mismatch[at] = found.mismatch_pu if found.converged else np.nan
        if not found.converged:
            chunk.reasons[k] = found.reason

    def _alive(self, k: int) -> Any:
        """Return which nodes a scenario's outages leave under voltage."""
        alive = np.ones(self.network.n, np.bool_)
        _, _, dead = self._patches(np.array([k]))
        alive[self._perm[dead]] = False
        return alive


def _reason(iterations: int, mismatch: float) -> str:
    if np.isnan(mismatch) or np.isinf(mismatch):
        return f"broke down after {iterations} steps"
    return f"mismatch is still {mismatch:.3g} pu after {iterations} steps"
