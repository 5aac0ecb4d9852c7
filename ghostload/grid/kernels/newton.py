r"""Newton's method for one set of injections, in polar form, on the flat lists of :mod:`.symbolic`.

With :math:`T_{ik} = V_i \overline{Y_{ik} V_k}` and the unknowns :math:`(\theta_k, \ln|V_k|)` the block of the Jacobian
off the diagonal is :math:`[[\Im T, \Re T], [-\Re T, \Im T]]`, and on it
:math:`[[\Im T - Q, P + \Re T], [P - \Re T, Q + \Im T]]` (less the slope of constant-current loads) [1]_. The row of Q
of a PV node is replaced by the identity. Blocks are eliminated without pivoting between them: the order was chosen for
little fill, and a case in which that breaks down goes to the pivoting solver.

References
----------
.. [1] W. F. Tinney and C. E. Hart, "Power flow solution by Newton's method", IEEE Trans. Power App. Syst. 86(11), 1967.
   :doi:`10.1109/TPAS.1967.291823`
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.compiled import bare, inlined, kernel
from ghostload.grid.kernels.vectors import fma, fnma, left_column, load4, lower_row, mul, right_column, store, upper_row

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Int32Array = NDArray[np.int32]

_section: Any = inlined(_symbolic.section)

SMALL_ANGLE = 0.03
"""Below this a turn is (1 + jt/2) / (1 - jt/2), whose angle is off by t**3 / 12, without sine and cosine."""


def work_size(nodes: int, free: int, slots: int, entries: int) -> int:
    """Return the doubles of scratch that :func:`solve_one` needs."""
    return 2 * nodes + 4 * free + 2 * entries + 2 * free + 4 * slots


@bare
def gather(code: Int32Array, y: ComplexArray, yo: FloatArray, yd: FloatArray) -> None:
    """Bring the elements of the admittance matrix into the order of the walk."""
    source = _section(code, 7)
    for e in range(source.size):
        value = y[source[e]]
        yo[2 * e] = value.real
        yo[2 * e + 1] = value.imag
    source = _section(code, 8)
    for i in range(source.size):
        value = y[source[i]]
        yd[2 * i] = value.real
        yd[2 * i + 1] = value.imag


@bare
def mismatch(
    code: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    s: ComplexArray,
    i_bus: ComplexArray,
    pq: FloatArray,
    v: FloatArray,
    power: FloatArray,
    f: FloatArray,
) -> tuple[float, int]:
    """Fill ``power`` (P, Q drawn into the grid) and ``f`` (specified less that); return the largest and its row."""
    perm, row, col = _section(code, 0), _section(code, 4), _section(code, 5)
    worst = 0.0
    where = -1
    total = 0.0
    for i in range(row.size - 1):
        vr, vi = v[2 * i], v[2 * i + 1]
        ir = yd[2 * i] * vr - yd[2 * i + 1] * vi
        ii = yd[2 * i] * vi + yd[2 * i + 1] * vr
        for e in range(row[i], row[i + 1]):
            k = col[e]
            yr, yi = yo[2 * e], yo[2 * e + 1]
            kr, ki = v[2 * k], v[2 * k + 1]
            ir += yr * kr - yi * ki
            ii += yr * ki + yi * kr
        p = vr * ir + vi * ii
        q = vi * ir - vr * ii
        node = perm[i]
        fp = s[node].real - p
        fq = s[node].imag - q
        if i_bus.size:
            size = math.sqrt(vr * vr + vi * vi)
            fp += i_bus[node].real * size
            fq += i_bus[node].imag * size
        if pq[i] == 0.0:
            fq = 0.0
        power[2 * i], power[2 * i + 1] = p, q
        f[2 * i], f[2 * i + 1] = fp, fq
        total += fp + fq
        size = max(abs(fp), abs(fq))
        if size > worst:
            worst = size
            where = i
    if not math.isfinite(total):
        worst = math.nan
    return worst, where


@inlined
def _assemble(
    i: int,
    first: int,
    last: int,
    col: Int32Array,
    slot: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    v: FloatArray,
    power: FloatArray,
    pq: float,
    slope_p: float,
    slope_q: float,
    here: int,
    blocks: FloatArray,
) -> None:
    """Write the blocks of the Jacobian in row i."""
    vr, vi = v[2 * i], v[2 * i + 1]
    for e in range(first, last):
        if slot[e] < 0:
            continue
        k = col[e]
        ir = yo[2 * e] * v[2 * k] - yo[2 * e + 1] * v[2 * k + 1]
        ii = yo[2 * e] * v[2 * k + 1] + yo[2 * e + 1] * v[2 * k]
        a = vr * ir + vi * ii
        b = vi * ir - vr * ii
        at = 4 * slot[e]
        blocks[at] = b
        blocks[at + 1] = a
        blocks[at + 2] = -pq * a
        blocks[at + 3] = pq * b
    square = vr * vr + vi * vi
    a = yd[2 * i] * square
    b = -yd[2 * i + 1] * square
    p, q = power[2 * i], power[2 * i + 1]
    blocks[here] = b - q
    blocks[here + 1] = p + a - slope_p
    blocks[here + 2] = pq * (p - a)
    blocks[here + 3] = pq * (q + b - slope_q) + (1.0 - pq)


@bare
def factor(
    code: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    i_bus: ComplexArray,
    pq: FloatArray,
    v: FloatArray,
    power: FloatArray,
    f: FloatArray,
    blocks: FloatArray,
) -> None:
    """Fill the Jacobian row by row and eliminate each row at once; ``f`` goes through the forward substitution.

    Afterwards ``blocks`` holds L (each block times the inverse of its diagonal), the inverse diagonal blocks, and U.
    """
    perm, row, diag, col = _section(code, 0), _section(code, 1), _section(code, 2), _section(code, 3)
    entry_row, entry_col, entry_slot = _section(code, 4), _section(code, 5), _section(code, 6)
    fill_row, fill_slot, update = _section(code, 9), _section(code, 10), _section(code, 11)
    u = 0
    for i in range(diag.size):
        for p in range(fill_row[i], fill_row[i + 1]):
            at = 4 * fill_slot[p]
            blocks[at : at + 4] = 0.0
        slope_p = slope_q = 0.0
        if i_bus.size:
            size = math.sqrt(v[2 * i] ** 2 + v[2 * i + 1] ** 2)
            slope_p = i_bus[perm[i]].real * size
            slope_q = i_bus[perm[i]].imag * size
        here = 4 * diag[i]
        _assemble(
            i, entry_row[i], entry_row[i + 1], entry_col, entry_slot, yo, yd, v, power, pq[i], slope_p, slope_q, here,
            blocks,
        )  # fmt: skip
        fp, fq = f[2 * i], f[2 * i + 1]
        for p in range(row[i], diag[i]):
            k = col[p]
            block = load4(blocks, 4 * p)
            inverse = load4(blocks, 4 * diag[k])
            block = fma(left_column(block), upper_row(inverse), mul(right_column(block), lower_row(inverse)))
            store(blocks, 4 * p, block)
            left, right = left_column(block), right_column(block)
            fp -= blocks[4 * p] * f[2 * k] + blocks[4 * p + 1] * f[2 * k + 1]
            fq -= blocks[4 * p + 2] * f[2 * k] + blocks[4 * p + 3] * f[2 * k + 1]
            for j in range(diag[k] + 1, row[k + 1]):
                source = load4(blocks, 4 * j)
                target = 4 * update[u]
                u += 1
                value = fnma(left, upper_row(source), load4(blocks, target))
                store(blocks, target, fnma(right, lower_row(source), value))
        f[2 * i], f[2 * i + 1] = fp, fq
        a, b, c, d = blocks[here], blocks[here + 1], blocks[here + 2], blocks[here + 3]
        scale = 1.0 / (a * d - b * c)
        blocks[here], blocks[here + 1] = d * scale, -b * scale
        blocks[here + 2], blocks[here + 3] = -c * scale, a * scale


@bare
def back(code: Int32Array, blocks: FloatArray, f: FloatArray) -> None:
    """Backward substitution: ``f`` becomes the step."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    for i in range(diag.size - 1, -1, -1):
        fp, fq = f[2 * i], f[2 * i + 1]
        for j in range(diag[i] + 1, row[i + 1]):
            k = 2 * col[j]
            fp -= blocks[4 * j] * f[k] + blocks[4 * j + 1] * f[k + 1]
            fq -= blocks[4 * j + 2] * f[k] + blocks[4 * j + 3] * f[k + 1]
        at = 4 * diag[i]
        f[2 * i] = blocks[at] * fp + blocks[at + 1] * fq
        f[2 * i + 1] = blocks[at + 2] * fp + blocks[at + 3] * fq


@bare
def _move(v: FloatArray, f: FloatArray, pq: FloatArray) -> None:
    """Turn and stretch the voltages by the step."""
    for i in range(pq.size):
        t = f[2 * i]
        if abs(t) < SMALL_ANGLE:
            scale = 1.0 / (1.0 + 0.25 * t * t)
            c = (1.0 - 0.25 * t * t) * scale
            w = t * scale
        else:
            c = math.cos(t)
            w = math.sin(t)
        stretch = 1.0 + f[2 * i + 1] * pq[i]
        vr, vi = v[2 * i], v[2 * i + 1]
        v[2 * i] = stretch * (vr * c - vi * w)
        v[2 * i + 1] = stretch * (vr * w + vi * c)


@kernel
def solve_one(
    code: Int32Array,
    y: ComplexArray,
    s: ComplexArray,
    i_bus: ComplexArray,
    pq: FloatArray,
    v: ComplexArray,
    work: FloatArray,
    tol: float,
    max_iter: int,
    finish: bool,
) -> tuple[int, float, int]:
    """Iterate from ``v`` (changed in place) until the largest mismatch is below ``tol``.

    Parameters
    ----------
    code : array
        :attr:`.Symbolic.code`.
    y : (nnz,) array
        Elements of the admittance matrix, in the order of its pattern.
    s, i_bus, v : (n,) arrays
        Injections at constant power and at constant current (empty when there are none), voltages.
    pq : (free,) array
        1 for PQ and 0 for PV nodes, in the order of elimination.
    work : array
        Scratch, :func:`work_size` doubles; its tail keeps the last factors.
    finish : bool
        Leave the factors at the solution in ``work``.

    Returns
    -------
    Iterations, largest mismatch, node of it (-1 for none).
    """
    n, free = code[0], code[1]
    perm = _section(code, 0)
    entries = _section(code, 5).size
    slots = _section(code, 3).size
    at = 2 * n
    volt = work[:at]
    f = work[at : at + 2 * free]
    power = work[at + 2 * free : at + 4 * free]
    at += 4 * free
    yo = work[at : at + 2 * entries]
    yd = work[at + 2 * entries : at + 2 * entries + 2 * free]
    at += 2 * entries + 2 * free
    blocks = work[at : at + 4 * slots]
    gather(code, y, yo, yd)
    for i in range(n):
        volt[2 * i] = v[perm[i]].real
        volt[2 * i + 1] = v[perm[i]].imag
    iteration = 0
    while True:
        worst, where = mismatch(code, yo, yd, s, i_bus, pq, volt, power, f)
        if worst <= tol or iteration >= max_iter or not math.isfinite(worst):
            break
        factor(code, yo, yd, i_bus, pq, volt, power, f, blocks)
        back(code, blocks, f)
        _move(volt, f, pq)
        iteration += 1
    if finish and worst <= tol:
        factor(code, yo, yd, i_bus, pq, volt, power, f, blocks)
    for i in range(n):
        v[perm[i]] = complex(volt[2 * i], volt[2 * i + 1])
    return iteration, worst, perm[where] if where >= 0 else -1
