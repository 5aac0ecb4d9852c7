"""Chord steps for scenarios in which a branch is out, with the factors of the base case.

Branches that are out in a lane change a few rows and columns E of its Jacobian by D; with the factors ``L U`` of the
base case the step is corrected between the two substitutions [1]_, from ``y = L^-1 b`` to
``y - P W Q^T y`` with ``P = L^-1 E``, ``Q = U^-T E`` and ``W = (1 + D Q^T P)^-1 D``. P and Q are zero but for the rows
on the way from E to the root of the elimination tree.

References
----------
.. [1] O. Alsac, B. Stott and W. F. Tinney, "Sparsity-oriented compensation methods for modified network solutions",
   IEEE Trans. Power App. Syst. 102(5), 1983. :doi:`10.1109/TPAS.1983.317980`
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.compiled import bare, inlined, kernel
from ghostload.grid.kernels.vectors import fma, fnma, load4, mul, spread4, store

FloatArray = NDArray[np.float64]
Int32Array = NDArray[np.int32]
ComplexArray = NDArray[np.complex128]

_section: Any = inlined(_symbolic.section)

RANK = 4
"""Rows that a correction may touch: P and Q at the two ends of one branch."""


class Correction(NamedTuple):
    """What the steps of some scenarios are corrected with; one row for each scenario.

    ``counts``: nodes whose rows are changed, -1 when there are too many. ``weights``: W. ``ways``, ``sizes``: rows in
    which P and Q are not zero, and how many; ``p``, ``q``: eight numbers for each of them.
    """

    counts: Int32Array
    weights: FloatArray
    ways: Int32Array
    sizes: Int32Array
    p: FloatArray
    q: FloatArray


def no_correction() -> Correction:
    """Return the correction of no scenario."""
    none, wide = np.zeros(0, np.int32), np.zeros((0, 0))
    return Correction(none, np.zeros((0, RANK, RANK)), np.zeros((0, 0), np.int32), none, wide, wide)


@kernel
def changed_rows(p_first: int, p_last: int, row: Int32Array, flag: Int32Array, rows: Int32Array) -> int:
    """List the rows whose blocks the patches of one scenario change; -1 when there are more than the rank allows."""
    count = 0
    for p in range(p_first, p_last):
        if flag[p] & 6 == 0:
            continue
        known = False
        for r in range(count):
            known = known or rows[r] == row[p]
        if not known:
            if 2 * count + 2 > RANK:
                return -1
            rows[count] = row[p]
            count += 1
    return count


@bare
def _change(
    p_first: int,
    p_last: int,
    row: Int32Array,
    column: Int32Array,
    slot: Int32Array,
    flag: Int32Array,
    value: FloatArray,
    rows: Int32Array,
    count: int,
    pq: FloatArray,
    v: ComplexArray,
    change: FloatArray,
) -> None:
    """Fill ``change`` (RANK x RANK): by how much patches change the rows and columns in ``rows``."""
    change[:, :] = 0.0
    for p in range(p_first, p_last):
        if flag[p] & 6 == 0:
            continue
        r = c = -1
        for j in range(count):
            if rows[j] == row[p]:
                r = 2 * j
            if rows[j] == column[p]:
                c = 2 * j
        at, k = row[p], column[p]
        vr, vi = v[at].real, v[at].imag
        m = pq[at]
        ir = value[4 * p + 2] * v[k].real - value[4 * p + 3] * v[k].imag
        ii = value[4 * p + 2] * v[k].imag + value[4 * p + 3] * v[k].real
        a, b = vr * ir + vi * ii, vi * ir - vr * ii
        if flag[p] & 2 and slot[p] >= 0 and c >= 0:
            change[r, c] -= b
            change[r, c + 1] -= a
            change[r + 1, c] += m * a
            change[r + 1, c + 1] -= m * b
        if flag[p] & 4:
            square = vr * vr + vi * vi
            a_own, b_own = value[4 * p] * square, -value[4 * p + 1] * square
            power_p, power_q = a + a_own, b + b_own
            change[r, r] -= b_own - power_q
            change[r, r + 1] -= power_p + a_own
            change[r + 1, r] -= m * (power_p - a_own)
            change[r + 1, r + 1] -= m * (power_q + b_own)


@bare
def _divide(matrix: FloatArray, right: FloatArray, size: int) -> None:
    """Solve ``matrix @ x = right`` for a square ``right``, in place, with partial pivoting."""
    for k in range(size):
        best = k
        for r in range(k + 1, size):
            if abs(matrix[r, k]) > abs(matrix[best, k]):
                best = r
        if best != k:
            for c in range(size):
                matrix[k, c], matrix[best, c] = matrix[best, c], matrix[k, c]
                right[k, c], right[best, c] = right[best, c], right[k, c]
        scale = 1.0 / matrix[k, k]
        for r in range(k + 1, size):
            ratio = matrix[r, k] * scale
            for c in range(size):
                matrix[r, c] -= ratio * matrix[k, c]
                right[r, c] -= ratio * right[k, c]
    for k in range(size - 1, -1, -1):
        scale = 1.0 / matrix[k, k]
        for c in range(size):
            value = right[k, c]
            for j in range(k + 1, size):
                value -= matrix[k, j] * right[j, c]
            right[k, c] = value * scale


@kernel
def mirrors(code: Int32Array) -> Int32Array:
    """Return the slot of the block (j, i) for each block (i, j)."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    mirror = np.empty(col.size, np.int32)
    filled = row[: diag.size].copy()
    for i in range(diag.size):
        mirror[diag[i]] = diag[i]
        for p in range(diag[i] + 1, row[i + 1]):
            j = col[p]
            mirror[p] = filled[j]
            mirror[filled[j]] = p
            filled[j] += 1
    return mirror


@kernel
def longest_way(code: Int32Array) -> int:
    """Return the most rows that lie on the ways of two rows to the root of the elimination tree."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    depth = np.zeros(diag.size, np.int32)
    deepest = 0
    for i in range(diag.size - 1, -1, -1):
        depth[i] = 1 + (depth[col[diag[i] + 1]] if diag[i] + 1 < row[i + 1] else 0)
        deepest = max(deepest, depth[i])
    return int(min(2 * deepest, diag.size))


@kernel
def _way(
    rows: Int32Array, count: int, row: Int32Array, diag: Int32Array, col: Int32Array, on: Int32Array, way: Int32Array
) -> int:
    """List the rows on the ways of ``rows`` to the root, ascending; ``on[i]`` becomes the place of row i, else -1."""
    size = 0
    for r in range(count):
        i = rows[r]
        while i >= 0 and on[i] < 0:
            on[i] = 0
            at = size
            while at > 0 and way[at - 1] > i:
                way[at] = way[at - 1]
                at -= 1
            way[at] = i
            size += 1
            i = col[diag[i] + 1] if diag[i] + 1 < row[i + 1] else -1
    for at in range(size):
        on[way[at]] = at
    return size


@bare
def _spread_way(
    rows: Int32Array,
    count: int,
    way: Int32Array,
    size: int,
    on: Int32Array,
    row: Int32Array,
    diag: Int32Array,
    col: Int32Array,
    mirror: Int32Array,
    factors: FloatArray,
    p_part: FloatArray,
    q_part: FloatArray,
) -> None:
    """Fill the rows of P and Q on the way: eight numbers a row, four columns for active, then reactive power."""
    p_part[: 8 * size] = 0.0
    q_part[: 8 * size] = 0.0
    for r in range(count):
        at = 8 * on[rows[r]]
        p_part[at + 2 * r] = p_part[at + 4 + 2 * r + 1] = 1.0
        q_part[at + 2 * r] = q_part[at + 4 + 2 * r + 1] = 1.0
    for at in range(size):
        i = way[at]
        p0, p1 = load4(p_part, 8 * at), load4(p_part, 8 * at + 4)
        q0, q1 = load4(q_part, 8 * at), load4(q_part, 8 * at + 4)
        for slot in range(row[i], diag[i]):
            k = on[col[slot]]
            if k < 0:
                continue
            k0, k1 = load4(p_part, 8 * k), load4(p_part, 8 * k + 4)
            b = 4 * slot
            p0 = fnma(spread4(factors[b + 1]), k1, fnma(spread4(factors[b]), k0, p0))
            p1 = fnma(spread4(factors[b + 3]), k1, fnma(spread4(factors[b + 2]), k0, p1))
            k0, k1 = load4(q_part, 8 * k), load4(q_part, 8 * k + 4)
            b = 4 * mirror[slot]
            q0 = fnma(spread4(factors[b + 2]), k1, fnma(spread4(factors[b]), k0, q0))
            q1 = fnma(spread4(factors[b + 3]), k1, fnma(spread4(factors[b + 1]), k0, q1))
        store(p_part, 8 * at, p0)
        store(p_part, 8 * at + 4, p1)
        b = 4 * diag[i]
        store(q_part, 8 * at, fma(spread4(factors[b + 2]), q1, mul(spread4(factors[b]), q0)))
        store(q_part, 8 * at + 4, fma(spread4(factors[b + 3]), q1, mul(spread4(factors[b + 1]), q0)))


@bare
def _couple(size: int, p_part: FloatArray, q_part: FloatArray, inner: FloatArray) -> None:
    """Fill ``inner`` (RANK * RANK) with Q^T P: rows and columns E of the inverse of the base case's Jacobian."""
    r0, r1, r2, r3 = spread4(0.0), spread4(0.0), spread4(0.0), spread4(0.0)
    for at in range(0, 8 * size, 4):
        p = load4(p_part, at)
        r0 = fma(spread4(q_part[at]), p, r0)
        r1 = fma(spread4(q_part[at + 1]), p, r1)
        r2 = fma(spread4(q_part[at + 2]), p, r2)
        r3 = fma(spread4(q_part[at + 3]), p, r3)
    store(inner, 0, r0)
    store(inner, 4, r1)
    store(inner, 8, r2)
    store(inner, 12, r3)


@bare
def _weigh(count: int, inner: FloatArray, weight: FloatArray, matrix: FloatArray) -> None:
    """Turn ``weight`` from D into W = (1 + D Q^T P)^-1 D; ``inner`` is Q^T P, ``matrix`` scratch."""
    width = 2 * count
    for a in range(width):
        for b in range(width):
            total = 1.0 if a == b else 0.0
            for j in range(width):
                total += weight[a, j] * inner[RANK * j + b]
            matrix[a, b] = total
    _divide(matrix, weight, width)


@bare
def _push(
    p_first: int,
    p_last: int,
    row: Int32Array,
    column: Int32Array,
    flag: Int32Array,
    value: FloatArray,
    rows: Int32Array,
    count: int,
    pq: FloatArray,
    v: ComplexArray,
    push: FloatArray,
) -> None:
    """Fill ``push`` with the mismatch that patches cause in ``rows``."""
    push[:] = 0.0
    for p in range(p_first, p_last):
        if flag[p] & 1 == 0:
            continue
        r = 0
        for j in range(count):
            r = 2 * j if rows[j] == row[p] else r
        own, other = v[row[p]], v[column[p]]
        current = complex(value[4 * p], value[4 * p + 1]) * own + complex(value[4 * p + 2], value[4 * p + 3]) * other
        power = own * current.conjugate()
        push[r] += power.real
        push[r + 1] += power.imag * pq[row[p]]


@kernel
def _first_step(width: int, inner: FloatArray, weight: FloatArray, push: FloatArray, pull: FloatArray) -> float:
    """Return the largest turn or stretch, at the ends of what is out, of the first corrected step."""
    for a in range(width):
        pull[a] = 0.0
        for b in range(width):
            pull[a] += inner[RANK * a + b] * push[b]
    for a in range(width):
        for b in range(width):
            push[a] -= weight[a, b] * pull[b]
    worst = 0.0
    for a in range(width):
        total = 0.0
        for b in range(width):
            total += inner[RANK * a + b] * push[b]
        worst = max(worst, abs(total))
    return worst


@kernel
def compensate(
    code: Int32Array,
    factors: FloatArray,
    mirror: Int32Array,
    start: Int32Array,
    row: Int32Array,
    column: Int32Array,
    slot: Int32Array,
    flag: Int32Array,
    value: FloatArray,
    pq: FloatArray,
    v0: ComplexArray,
    severity: FloatArray,
) -> Correction:
    """Prepare the correction of some scenarios.

    Parameters
    ----------
    start : (scenarios + 1,) array
        Where the patches of each scenario begin; ``row`` to ``value`` are those of :class:`.Patches`.
    v0 : (n,) array
        Voltages of the base case, in the order of the grid.
    severity : (scenarios,) array
        Filled with the size of the first step. Scenarios in which that is alike need about as many steps. Infinite
        where more rows change than the rank allows.
    """
    f_row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    v = v0[_section(code, 0)]
    scenarios, longest = severity.size, longest_way(code)
    counts, sizes = np.zeros(scenarios, np.int32), np.zeros(scenarios, np.int32)
    weights, ways = np.empty((scenarios, RANK, RANK)), np.empty((scenarios, longest), np.int32)
    p_part, q_part = np.empty((scenarios, 8 * longest)), np.empty((scenarios, 8 * longest))
    on, rows = np.full(diag.size, -1, np.int32), np.zeros(RANK, np.int32)
    inner, matrix, push, pull = np.empty(RANK * RANK), np.empty((RANK, RANK)), np.empty(RANK), np.empty(RANK)
    for k in range(scenarios):
        a, b = start[k], start[k + 1]
        count = counts[k] = changed_rows(a, b, row, flag, rows)
        severity[k] = 0.0 if count == 0 else np.inf
        if count <= 0:
            continue
        size = sizes[k] = _way(rows, count, f_row, diag, col, on, ways[k])
        _spread_way(rows, count, ways[k], size, on, f_row, diag, col, mirror, factors, p_part[k], q_part[k])
        for at in range(size):
            on[ways[k, at]] = -1
        _change(a, b, row, column, slot, flag, value, rows, count, pq, v, weights[k])
        _couple(size, p_part[k], q_part[k], inner)
        _weigh(count, inner, weights[k], matrix)
        _push(a, b, row, column, flag, value, rows, count, pq, v, push)
        severity[k] = _first_step(2 * count, inner, weights[k], push, pull)
    return Correction(counts, weights, ways, sizes, p_part, q_part)


@bare
def correct(correction: Correction, k: int, lane: int, f: FloatArray, pull: FloatArray) -> None:
    """Correct ``f`` between the substitutions for scenario ``k`` in ``lane``; ``pull``: scratch, 2 * RANK doubles."""
    width = 2 * correction.counts[k]
    if width <= 0:
        return
    way, size, weight = correction.ways[k], correction.sizes[k], correction.weights[k]
    p, q = correction.p[k], correction.q[k]
    total = spread4(0.0)
    for at in range(size):
        i = 16 * way[at] + lane
        total = fma(load4(q, 8 * at), spread4(f[i]), total)
        total = fma(load4(q, 8 * at + 4), spread4(f[i + 8]), total)
    store(pull, 0, total)
    for a in range(RANK):
        pull[RANK + a] = 0.0
    for a in range(width):
        for b in range(width):
            pull[RANK + a] += weight[a, b] * pull[b]
    for at in range(size):
        i = 16 * way[at] + lane
        less = more = 0.0
        for a in range(RANK):
            less += p[8 * at + a] * pull[RANK + a]
            more += p[8 * at + 4 + a] * pull[RANK + a]
        f[i] -= less
        f[i + 8] -= more
