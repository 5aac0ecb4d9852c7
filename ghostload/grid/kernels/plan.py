"""What is prepared once for a pattern of admittances and used in every solve: order, layout of the factor, scratch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.kernels import newton
from ghostload.grid.kernels.compiled import first_call
from ghostload.grid.kernels.solution import PQ, REF, ComplexArray, FloatArray, Solution
from ghostload.grid.kernels.symbolic import Symbolic, analyse

NO_CURRENT: ComplexArray = np.zeros(0, np.complex128)
"""No constant-current injections."""


def aligned(size: int) -> FloatArray:
    """Return ``size`` zeroed doubles that start at a cache line."""
    buffer = np.zeros(size + 8)
    start = (-buffer.ctypes.data // 8) % 8
    part: FloatArray = buffer[start : start + size]
    return part


class Plan:
    """Newton's method on one pattern, for any admittances, injections and voltages.

    A plan may be used from several threads at once; it pickles without its scratch.

    Attributes
    ----------
    symbolic : Symbolic
    node_type : (n,) int8 array
        The types it was made for. A solve may turn PV into PQ nodes and back; reference nodes stay.
    """

    def __init__(
        self, indptr: NDArray[np.integer[Any]], indices: NDArray[np.integer[Any]], node_type: NDArray[np.int8]
    ) -> None:
        self.indptr = np.ascontiguousarray(indptr, np.int32)
        self.indices = np.ascontiguousarray(indices, np.int32)
        self.node_type = np.array(node_type, np.int8)
        with first_call("the order of elimination"):
            self.symbolic: Symbolic = analyse(self.indptr, self.indices, self.node_type)
        self._perm = self.symbolic.part("perm")[: self.symbolic.free]
        self.pq = self.pq_of(self.node_type)
        self.entries = int(self.symbolic.part("entry_col").size)
        self._size = newton.work_size(self.symbolic.nodes, self.symbolic.free, self.symbolic.slots, self.entries)
        self._scratch: list[FloatArray] = []

    def pq_of(self, node_type: NDArray[np.int8]) -> FloatArray:
        """Return 1 for PQ and 0 for PV nodes, in the order of elimination."""
        return np.asarray(node_type[self._perm] == PQ, np.float64)

    def solve(
        self,
        y: ComplexArray,
        s: ComplexArray,
        v0: ComplexArray,
        tol: float = 1e-8,
        max_iter: int = 20,
        *,
        i_bus: ComplexArray | None = None,
        node_type: NDArray[np.int8] | None = None,
    ) -> Solution:
        """Solve the power flow with full Newton steps.

        Parameters
        ----------
        y : (nnz,) complex array
            Admittances, in the order of the pattern.
        s : (n,) complex array
            Power fed in, per unit; not read where it is not given.
        v0 : (n,) complex array
            Where to start; magnitudes of PV and REF nodes and angles of REF nodes are the set points.
        tol : float
            Largest mismatch allowed, per unit.
        i_bus : (n,) complex array, optional
            Constant-current injections: ``i_bus * |v|`` is fed in besides.
        node_type : (n,) array, optional
            Types for this solve, where they differ from the plan's between PV and PQ.
        """
        return self._solve(y, s, v0, tol, max_iter, i_bus, node_type, None)

    def in_place(
        self, y: ComplexArray, s: ComplexArray, i_bus: ComplexArray, pq: FloatArray, v: ComplexArray, tol: float,
        max_iter: int,
    ) -> tuple[int, float, int]:  # fmt: skip
        """Iterate from ``v``, which is changed: :meth:`solve` for callers whose arrays are known to fit.

        Returns
        -------
        Iterations, largest mismatch, node of it (-1 for none).
        """
        if not self._scratch:
            with first_call("the power flow"):
                work = aligned(self._size)
                found: tuple[int, float, int] = newton.solve_one(
                    self.symbolic.code, y, s, i_bus, pq, v, work, tol, max_iter, False
                )
        else:
            work = self._scratch.pop()
            found = newton.solve_one(self.symbolic.code, y, s, i_bus, pq, v, work, tol, max_iter, False)
        self._scratch.append(work)
        return found

    def solve_and_factor(
        self, y: ComplexArray, s: ComplexArray, v0: ComplexArray, tol: float, max_iter: int, i_bus: ComplexArray | None
    ) -> tuple[Solution, FloatArray]:
        """Solve, and return the factors of the Jacobian at the solution beside it."""
        factors = aligned(4 * self.symbolic.slots)
        return self._solve(y, s, v0, tol, max_iter, i_bus, None, factors), factors

    def _solve(
        self,
        y: ComplexArray,
        s: ComplexArray,
        v0: ComplexArray,
        tol: float,
        max_iter: int,
        i_bus: ComplexArray | None,
        node_type: NDArray[np.int8] | None,
        factors: FloatArray | None,
    ) -> Solution:
        if len(y) != len(self.indices) or len(s) != len(v0) or len(v0) != self.symbolic.nodes:
            raise UsageError(
                f"power flow: {len(y)} admittances, {len(s)} injections and {len(v0)} voltages do not fit a plan for "
                f"{len(self.indices)} admittances and {self.symbolic.nodes} nodes"
            )
        v = np.array(v0, np.complex128)
        current = NO_CURRENT if i_bus is None else i_bus
        pq = self.pq if node_type is None else self.pq_of(node_type)
        work = self._scratch.pop() if self._scratch else aligned(self._size)
        code = self.symbolic.code
        with first_call("the power flow"):
            steps, worst, node = newton.solve_one(code, y, s, current, pq, v, work, tol, max_iter, factors is not None)
        if factors is not None:
            factors[:] = work[-factors.size :]
        self._scratch.append(work)
        if worst <= tol:
            return Solution(v, steps, True, worst, node)
        return Solution(v, steps, False, worst, node, "newton", _why(steps, worst))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scratch": []}


def _why(steps: int, worst: float) -> str:
    """Say in words why an iteration did not converge."""
    if not math.isfinite(worst):
        return f"broke down after {steps} steps: the Jacobian became singular"
    return f"mismatch is still {worst:.3g} pu after {steps} steps"


def make_plan(indptr: NDArray[np.integer[Any]], indices: NDArray[np.integer[Any]], node_type: NDArray[np.int8]) -> Plan:
    """Order the nodes and lay out the factor for a pattern of admittances.

    Parameters
    ----------
    indptr, indices : arrays
        CSR pattern of the admittance matrix: symmetric, indices sorted, every diagonal element stored.
    node_type : (n,) array
        1 PQ, 2 PV, 3 REF.
    """
    if not np.any(np.asarray(node_type) == REF):
        raise UsageError("power flow: the circuit has no reference node; add an ext_grid or a slack generator")
    return Plan(indptr, indices, node_type)
