"""Newton's method on any grid, with a factorisation that pivots: the reference, and the fallback of the fast kernels.

When full steps do not converge, two further methods are tried. First the angles are found with all magnitudes held,
by steps cut to where the mismatch is smallest along them [1]_; the power that this state lacks is then brought in
little by little. If that fails too, all injections grow from nothing towards their full size, each solution leading to
the next along the tangent [2]_. Where that ends is the nose of the case, and the share that was reached is told.

References
----------
.. [1] S. Iwamoto, Y. Tamura, "A load flow calculation method for ill-conditioned power systems", IEEE Transactions on
   Power Apparatus and Systems PAS-100 (1981). :doi:`10.1109/TPAS.1981.316511`
.. [2] V. Ajjarapu, C. Christy, "The continuation power flow: a tool for steady state voltage stability analysis", IEEE
   Transactions on Power Systems 7 (1992). :doi:`10.1109/59.141737`
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from ghostload.grid.kernels.equations import Equations
from ghostload.grid.kernels.solution import PQ, PV, REF, ComplexArray, FloatArray, Solution

LARGEST_TURN_RAD, LARGEST_RISE = 0.8, 0.3
"""Cut steps turn and raise no voltage by more than this (pu): beyond, the second-order model says nothing."""

SMALLEST_CUT = 1e-4
"""A cut step shorter than this share of the Newton step counts as no way out."""

SMALLEST_STRIDE = 1e-3
"""Bringing in what is lacking is given up when it does not go forward by this share of it."""

SMALLEST_GROWTH = 1e-4
"""Growth of the injections ends when it does not go forward by this share of their full size."""

HOPELESS = 1e10
"""Mismatch (pu) at which full steps are not pursued further."""

NEARLY = 1e-4
"""Mismatch (pu) allowed on the way."""

CORRECTIONS = 7
"""Full steps allowed at each stop on the way."""


@dataclass(slots=True)
class _Walk:
    """Where an iteration stands."""

    v: ComplexArray
    f: FloatArray
    iterations: int = 0
    converged: bool = False

    @property
    def size(self) -> float:
        """Largest mismatch."""
        return float(np.max(np.abs(self.f), initial=0.0))


def _direction(eq: Equations, v: ComplexArray, f: FloatArray, i_bus: ComplexArray) -> FloatArray | None:
    """Newton step, or None where the Jacobian is singular or not finite."""
    jacobian = eq.jacobian(v, i_bus)
    if not np.isfinite(jacobian.data).all():
        return None
    try:
        step = splu(jacobian, permc_spec="COLAMD").solve(-f)
    except RuntimeError:
        return None
    return np.asarray(step) if np.isfinite(step).all() else None


def _full_steps(
    eq: Equations, v: ComplexArray, s: ComplexArray, i_bus: ComplexArray, tol: float, max_iter: int
) -> _Walk:
    """Plain Newton."""
    walk = _Walk(v, eq.mismatch(v, s, i_bus))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while not walk.size < tol:
            if walk.iterations >= max_iter or not walk.size < HOPELESS:
                return walk
            step = _direction(eq, walk.v, walk.f, i_bus)
            if step is None:
                return walk
            walk.v = eq.move(walk.v, step)
            walk.f = eq.mismatch(walk.v, s, i_bus)
            walk.iterations += 1
    walk.converged = True
    return walk


def _best_cut(before: FloatArray, after: FloatArray) -> float:
    """Share of the step at which the mismatch is smallest, when it is quadratic along the step.

    ``before`` and ``after`` are the mismatches at both ends of the step; with the Newton step's linear part,
    ``F(mu) = (1 - mu) before + mu**2 after``, and the derivative of its square is a cubic.
    """
    aa, ac, cc = float(before @ before), float(before @ after), float(after @ after)
    if not np.isfinite(cc) or cc == 0.0:
        return 1.0 if cc == 0.0 else 0.5
    roots = np.roots([2.0 * cc, -3.0 * ac, aa + 2.0 * ac, -aa])
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0) & (roots.real <= 2.0)]
    if len(real) == 0:
        return 1.0
    left = [(1.0 - mu) ** 2 * aa + 2.0 * (1.0 - mu) * mu**2 * ac + mu**4 * cc for mu in real]
    return float(real[int(np.argmin(left))])


def _cut_step(
    eq: Equations, walk: _Walk, step: FloatArray, s: ComplexArray, i_bus: ComplexArray
) -> tuple[ComplexArray, FloatArray] | None:
    """Go along the step as far as the mismatch falls most; None when it falls nowhere."""
    turn = float(np.max(np.abs(step[: eq.angles]), initial=0.0))
    rise = float(np.max(np.abs(step[eq.angles :]), initial=0.0))
    whole = min(1.0, LARGEST_TURN_RAD / max(turn, 1e-300), LARGEST_RISE / max(rise, 1e-300))
    now = float(walk.f @ walk.f)
    end = eq.mismatch(eq.move(walk.v, whole * step), s, i_bus)
    # Along a shortened step the linear part leaves (1 - whole) of the mismatch; the rest of ``end`` is second order.
    second = (end - (1.0 - whole) * walk.f) / whole**2
    cut = min(_best_cut(walk.f, second), whole) if np.isfinite(second).all() else 0.5 * whole
    while cut > SMALLEST_CUT:
        v = eq.move(walk.v, cut * step)
        f = eq.mismatch(v, s, i_bus)
        if float(f @ f) < (1.0 - 1e-4 * cut) * now:
            return v, f
        cut *= 0.5
    return None


def _cut_steps(
    eq: Equations, v: ComplexArray, s: ComplexArray, i_bus: ComplexArray, tol: float, max_iter: int
) -> _Walk:
    """Newton with the optimal multiplier, and the mismatch falling at every step."""
    walk = _Walk(v, eq.mismatch(v, s, i_bus))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while not walk.size < tol:
            step = _direction(eq, walk.v, walk.f, i_bus) if walk.iterations < max_iter else None
            moved = None if step is None else _cut_step(eq, walk, step, s, i_bus)
            if moved is None:
                return walk
            walk.v, walk.f = moved
            walk.iterations += 1
    walk.converged = True
    return walk


def _bring_in(eq: Equations, at: _Walk, s: ComplexArray, i_bus: ComplexArray, tol: float) -> _Walk:
    """Go from a state to the solution by taking away little by little what it lacks."""
    missing = eq.power(at.v) - i_bus * np.abs(at.v) - s
    walk, share, stride = at, 0.0, 0.25
    steps = at.iterations
    while share < 1.0 and stride >= SMALLEST_STRIDE:
        aim = min(1.0, share + stride)
        ahead = _full_steps(eq, walk.v, s + (1.0 - aim) * missing, i_bus, tol if aim == 1.0 else NEARLY, CORRECTIONS)
        steps += ahead.iterations
        if ahead.converged and _is_near(walk.v, ahead.v):
            walk, share = ahead, aim
            stride *= 2.0 if ahead.iterations <= 4 else 1.0
        else:
            stride *= 0.5
    return _Walk(walk.v, eq.mismatch(walk.v, s, i_bus), steps, share == 1.0)


def _angles_first(
    eq: Equations, v0: ComplexArray, s: ComplexArray, i_bus: ComplexArray, tol: float, max_iter: int
) -> _Walk:
    """Find the angles with all magnitudes held, then bring in the reactive power that this lacks."""
    held = Equations(eq.ybus, np.where(eq.node_type == PQ, PV, eq.node_type).astype(np.int8))
    return _bring_in(eq, _cut_steps(held, v0, s, i_bus, NEARLY, max_iter), s, i_bus, tol)


def _grow(
    eq: Equations, v0: ComplexArray, s: ComplexArray, i_bus: ComplexArray, tol: float, max_iter: int
) -> tuple[_Walk, float]:
    """Let the injections grow from nothing, each solution leading to the next along the tangent.

    Returns
    -------
    walk : _Walk
        The last solution found; its mismatch is against the full injections.
    share : float
        Share of the injections that it solves; NaN when there is none even for 0.
    """
    walk = _full_steps(eq, v0, 0.0 * s, 0.0 * i_bus, NEARLY, max_iter)
    steps = walk.iterations
    if not walk.converged:
        walk = _angles_first(eq, v0, 0.0 * s, 0.0 * i_bus, NEARLY, max_iter)
        steps += walk.iterations
    share, stride, solved = 0.0, 0.25, walk.converged
    while solved and share < 1.0 and stride >= SMALLEST_GROWTH:
        aim = min(1.0, share + stride)
        push = eq.select((aim - share) * (s + i_bus * np.abs(walk.v)))
        tangent = _direction(eq, walk.v, -push, share * i_bus)
        start = walk.v if tangent is None else eq.move(walk.v, tangent)
        ahead = _full_steps(eq, start, aim * s, aim * i_bus, tol if aim == 1.0 else NEARLY, CORRECTIONS)
        steps += ahead.iterations
        if ahead.converged and _is_near(walk.v, ahead.v):
            walk, share = ahead, aim
            stride *= 2.0 if ahead.iterations <= 4 else 1.0
        else:
            stride *= 0.5
    end = _Walk(walk.v, eq.mismatch(walk.v, s, i_bus), steps, solved and share == 1.0)
    return end, share if solved else float("nan")


def _is_near(a: ComplexArray, b: ComplexArray) -> bool:
    """Whether two states can be neighbours on one branch of solutions: no magnitude halves or doubles."""
    ratio = np.abs(b) / np.abs(a)
    return bool(np.all((ratio > 0.5) & (ratio < 2.0)))


def solve(
    ybus: csr_matrix,
    s: ComplexArray,
    i_bus: ComplexArray | None,
    node_type: NDArray[np.int8],
    v0: ComplexArray,
    *,
    tol_pu: float = 1e-8,
    max_iter: int = 20,
    step_control: bool = True,
) -> Solution:
    """Solve the power flow.

    Parameters
    ----------
    ybus : (n, n) complex CSR
        From :func:`ghostload.grid.network.ybus`: indices sorted, every diagonal entry stored.
    s : (n,) complex array
        Power fed in, per unit; its imaginary part is not read at PV nodes, nor any of it at REF nodes.
    i_bus : (n,) complex array or None
        Constant-current injections: ``i_bus * |v|`` is fed in besides.
    node_type : (n,) int8 array
        1 PQ, 2 PV, 3 REF; every island needs a REF.
    v0 : (n,) complex array
        Where to start. Magnitudes of PV and REF nodes, and angles of REF nodes, are the set points.
    tol_pu : float
        Largest mismatch of active or reactive power allowed.
    max_iter : int
        Full steps, before anything else is tried.
    step_control : bool
        Whether continuation is tried when full steps fail.

    Returns
    -------
    Solution
    """
    current = np.zeros(len(v0), dtype=np.complex128) if i_bus is None else i_bus
    if len(v0) == 0:
        return Solution(np.empty(0, dtype=np.complex128), 0, True, 0.0, -1)
    lost = ~(np.isfinite(v0) & (np.abs(v0) > 0.0))
    if lost.any():
        node = int(np.flatnonzero(lost)[0])
        return Solution(v0, 0, False, float("nan"), node, reason=f"the start voltage of node {node} is 0 or NaN")
    eq = Equations(ybus, node_type)
    walk = _full_steps(eq, v0, s, current, tol_pu, max_iter)
    if walk.converged or not step_control or walk.size < eq.rounding(walk.v):
        return _report(eq, walk, "newton")
    return _by_continuation(eq, v0, s, current, tol_pu, max_iter, walk.iterations)


def _by_continuation(
    eq: Equations, v0: ComplexArray, s: ComplexArray, i_bus: ComplexArray, tol: float, max_iter: int, spent: int
) -> Solution:
    """Go further than full steps can: from the angles of the start, then from no load, then from equal angles."""
    held = eq.node_type != PQ
    level = float(np.mean(np.abs(v0[held]))) if held.any() else 1.0
    start = np.where(held, v0, v0 / np.abs(v0) * level)
    walk = _angles_first(eq, start, s, i_bus, tol, max_iter)
    spent += walk.iterations
    share = float("nan")
    if not walk.converged:
        walk, share = _grow(eq, start, s, i_bus, tol, max_iter)
        spent += walk.iterations
    if np.isnan(share) and not walk.converged:
        slack = eq.node_type == REF
        turn = np.exp(1j * np.angle(v0[slack][0])) if slack.any() else 1.0
        walk, share = _grow(eq, np.where(slack, v0, np.abs(start) * turn), s, i_bus, tol, max_iter)
        spent += walk.iterations
    walk.iterations = spent
    return _report(eq, walk, "continuation" if np.isnan(share) and walk.converged else "growth", share)


def _report(eq: Equations, walk: _Walk, method: str, share: float = float("nan")) -> Solution:
    """Tell how an iteration ended."""
    size = np.where(np.isnan(walk.f), np.inf, np.abs(walk.f))
    worst = eq.node_of(int(np.argmax(size))) if len(size) else -1
    reason = ""
    if not walk.converged:
        if walk.size < eq.rounding(walk.v):
            reason = f"mismatch does not fall below {walk.size:.3g} pu, the rounding of its flows; allow as much"
        elif share > 0.0:
            reason = f"no solution found beyond {share:.2%} of the injections: past its nose, or far from the start"
        elif method == "growth":
            reason = f"no solution found, not even without load; mismatch is still {walk.size:.3g} pu"
        elif not np.isfinite(walk.size):
            reason = f"broke down after {walk.iterations} steps: the Jacobian became singular"
        else:
            reason = f"mismatch is still {walk.size:.3g} pu after {walk.iterations} steps"
    return Solution(walk.v, walk.iterations, walk.converged, walk.size, worst, method, reason, share)
