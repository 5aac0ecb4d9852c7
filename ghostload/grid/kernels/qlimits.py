"""Reactive limits: generators give up their voltage where holding it takes more than they have, and take it back.

A node at its upper limit keeps it as long as its voltage does not exceed the set point (with more voltage it would need
less); one at its lower limit as long as the voltage does not fall below. In between it holds the set point [1]_.

References
----------
.. [1] W. F. Tinney, C. E. Hart, "Power flow solution by Newton's method", IEEE Transactions on Power Apparatus and
   Systems PAS-86 (1967). :doi:`10.1109/TPAS.1967.291823`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.solution import PQ, PV, ComplexArray, FloatArray, Solution

Solver = Callable[[ComplexArray, NDArray[np.int8], ComplexArray], Solution]
"""Solves for given injections, node types and start voltages."""

RETURNS = 5
"""Times that a node may take its voltage back; from then on it stays at its limit, so that the rounds end."""

TOGETHER = 2
"""Times that nodes come back all at once."""

ROUNDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Limited:
    """A solution within reactive limits.

    Attributes
    ----------
    solution : Solution
        Iterations are those of all rounds.
    side : (n,) int8 array
        1 where a node stands at its upper limit, -1 at its lower, 0 elsewhere.
    rounds : int
        Power flows solved.
    """

    solution: Solution
    side: NDArray[np.int8]
    rounds: int


class _Rounds:
    """The search for the nodes that stand at limits."""

    def __init__(
        self,
        solver: Solver,
        s: ComplexArray,
        node_type: NDArray[np.int8],
        vm_set: FloatArray,
        q_min: FloatArray,
        q_max: FloatArray,
        last_resort: Solver | None,
    ) -> None:
        self.last_resort = last_resort
        self.solver, self.s, self.node_type, self.vm_set = solver, s, node_type, vm_set
        self.q_min, self.q_max = q_min, q_max
        self.side = np.zeros(len(s), dtype=np.int8)
        self.returned = np.zeros(len(s), dtype=np.int64)
        self.rounds = 0
        self.iterations = 0

    def solve(self, side: NDArray[np.int8], v: ComplexArray, *, patient: bool) -> Solution:
        """Solve with the nodes of ``side`` at their limits, and those that hold a voltage brought to it.

        ``patient``: by the last resort where the solver fails.
        """
        limit = np.where(side > 0, self.q_max, np.where(side < 0, self.q_min, 0.0))
        node_type = np.where(side != 0, PQ, self.node_type).astype(np.int8)
        holds = node_type == PV
        start = v.copy()
        start[holds] *= self.vm_set[holds] / np.abs(v[holds])
        power = self.s + 1j * limit
        solution = self.solver(power, node_type, start)
        if patient and self.last_resort is not None and not solution.converged:
            self.iterations += solution.iterations
            solution = self.last_resort(power, node_type, start)
        self.rounds += 1
        self.iterations += solution.iterations
        return solution

    def leave(self, excess: FloatArray, sign: NDArray[np.int8], last: Solution) -> Solution:
        """Put violated nodes at their limits: all at once, or where that fails the worst quarter, or the worst one.

        The last resort, which takes long to find that there is no solution, is tried with the worst one alone.
        """
        worst_first = np.flatnonzero(excess > 0.0)[np.argsort(-excess[excess > 0.0], kind="stable")]
        counts = sorted({len(worst_first), (len(worst_first) + 3) // 4, 1}, reverse=True)
        for count in counts:
            side = self.side.copy()
            side[worst_first[:count]] = sign[worst_first[:count]]
            solution = self.solve(side, last.v, patient=count == 1)
            if solution.converged:
                break
        self.side = side
        return solution

    def come_back(self, back: NDArray[np.bool_], last: Solution) -> Solution:
        """Let nodes hold their voltage again: all at once, and of those that came back before, a quarter.

        Nodes near each other that return and leave together, round by round, are parted by this.
        """
        first = back & (self.returned < TOGETHER)
        if first.any():
            back = first
        else:
            off = np.where(back, np.abs(np.abs(last.v) - self.vm_set), -1.0)
            farthest = np.argsort(-off, kind="stable")[: (int(np.count_nonzero(back)) + 3) // 4]
            back = np.zeros(len(back), np.bool_)
            back[farthest] = True
        self.returned[back] += 1
        self.side = np.where(back, 0, self.side).astype(np.int8)
        return self.solve(self.side, last.v, patient=True)


def solve_within_limits(
    solver: Solver,
    reactive: Callable[[ComplexArray], FloatArray],
    s: ComplexArray,
    node_type: NDArray[np.int8],
    vm_set: FloatArray,
    q_min: FloatArray,
    q_max: FloatArray,
    v0: ComplexArray,
    *,
    tol_pu: float = 1e-8,
    may_return: bool = True,
    last_resort: Solver | None = None,
) -> Limited:
    """Solve the power flow with the reactive limits of PV nodes in force.

    Every round puts all nodes that exceed their limit at it; when none does, those whose voltage says that they need
    not stay there come back. Slacks have no limits.

    Parameters
    ----------
    solver : callable
        ``solver(s, node_type, v0)`` solves one power flow.
    reactive : callable
        ``reactive(v)``: (n,) reactive power that each node sends out less what follows its voltage, per unit; that of
        the generators is this less ``s.imag``.
    s, node_type, v0
        As for ``solver``.
    vm_set, q_min, q_max : (n,) array
        As in :class:`ghostload.grid.network.Network`; limits are read at PV nodes.
    tol_pu : float
        A limit counts as kept within ten times this.
    may_return : bool
        Whether nodes take their voltage back. pandapower lets none.
    last_resort : callable, optional
        As ``solver``, slower and surer: tried where that fails and there is nothing left to make smaller.

    Returns
    -------
    Limited
        Not converged, with the reason, where no state was found in which every node is on the right side of its limit.
    """
    search = _Rounds(solver, s, node_type, vm_set, q_min, q_max, last_resort)
    held = node_type == PV
    solution = search.solve(search.side, v0, patient=True)
    margin = max(10.0 * tol_pu, 1e-9)
    stuck = 0
    while solution.converged and search.rounds < ROUNDS:
        q = reactive(solution.v) - s.imag
        above, below = q - q_max, q_min - q
        excess = np.where(held & (search.side == 0), np.maximum(above, below), -1.0)
        if (excess > margin).any():
            sign = np.where(above > below, 1, -1).astype(np.int8)
            solution = search.leave(np.where(excess > margin, excess, 0.0), sign, solution)
            continue
        rise = search.side * (np.abs(solution.v) - vm_set)
        wants = (rise > margin) & (q_max - q_min > margin)
        back = wants & (search.returned < RETURNS)
        if not may_return or not back.any():
            stuck = int(np.count_nonzero(wants)) if may_return else 0
            break
        solution = search.come_back(back, solution)
    solution = replace(solution, iterations=search.iterations)
    if not solution.converged:
        solution = replace(solution, reason=f"with reactive limits in force: {solution.reason}")
    elif stuck:
        reason = (
            f"reactive limits contradict each other: generators of {stuck} nodes exceed a limit at their set point, "
            f"and at the limit need not stay there; {RETURNS} returns tried"
        )
        solution = replace(solution, converged=False, reason=reason)
    elif search.rounds >= ROUNDS:
        reason = f"reactive limits did not settle in {ROUNDS} rounds"
        solution = replace(solution, converged=False, reason=reason)
    return Limited(solution, search.side, search.rounds)
