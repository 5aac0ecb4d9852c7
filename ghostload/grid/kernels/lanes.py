"""Newton's method for eight scenarios side by side: the steps of :mod:`.newton` on vectors.

Lane l of every vector belongs to one scenario; no operation mixes lanes, and a lane that has converged or failed is
kept still by a mask. So what a scenario gives depends on its own numbers alone, not on its neighbours, the size of a
chunk or the number of threads.

Memory: node voltages ``v[16 * node]`` (eight real parts, eight imaginary parts), rows ``f[16 * row]`` (P, Q), blocks
``blocks[32 * slot]`` (four times eight). Injections are ``s + current * |v| + impedance * |v|**2``, the last two empty
where there are none. Branches that are out in some lanes are subtracted from the sums and blocks of
the common matrix as *patches*: lists of (row, column, flags, values) linked by row.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.compiled import bare, inlined
from ghostload.grid.kernels.vectors import add, div, fma, fnma, load8, max_abs, mul, root, spread8, store, sub
from ghostload.grid.kernels.vectors import where_positive as where

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Int32Array = NDArray[np.int32]

_section: Any = inlined(_symbolic.section)


class Load(NamedTuple):
    """What is fed in, by row: at constant power, current, impedance; the last two empty where there are none."""

    power: FloatArray
    current: FloatArray
    impedance: FloatArray


class Patch(NamedTuple):
    """Branches that are out in some lanes: lists by row, from ``first[row]`` along ``link`` to -1.

    ``lane`` is where each is out, ``column`` and ``slot`` the node at the other end and the block (row, column),
    ``flag`` what to take it out of, ``value`` four numbers: the admittances of the row's own voltage and of the other
    end's.
    """

    first: Int32Array
    link: Int32Array
    lane: Int32Array
    column: Int32Array
    slot: Int32Array
    flag: Int32Array
    value: FloatArray


BALANCE, COUPLING, DIAGONAL, DEAD = 1, 2, 4, 8
"""Flags of a patch: take the branch out of the power balance of the row, out of the block off the diagonal, out of the
diagonal block; the row's node is de-energised, its balance counts as kept."""


@inlined
def _patched_balance(i: int, patch: Patch, pq: FloatArray, v: FloatArray, power: FloatArray, f: FloatArray) -> None:
    """Take what flows into branches that are out off the balance of row i, lane by lane."""
    flag, lane, column, value = patch.flag, patch.lane, patch.column, patch.value
    p = patch.first[i]
    while p >= 0:
        at = 16 * i + lane[p]
        if flag[p] & 1:
            k = 16 * column[p] + lane[p]
            vr, vi, kr, ki = v[at], v[at + 8], v[k], v[k + 8]
            ir = value[4 * p] * vr - value[4 * p + 1] * vi + value[4 * p + 2] * kr - value[4 * p + 3] * ki
            ii = value[4 * p] * vi + value[4 * p + 1] * vr + value[4 * p + 2] * ki + value[4 * p + 3] * kr
            a = vr * ir + vi * ii
            b = vi * ir - vr * ii
            power[at] -= a
            power[at + 8] -= b
            f[at] += a
            f[at + 8] += b * pq[8 * i + lane[p]]
        p = patch.link[p]
    p = patch.first[i]
    while p >= 0:
        if flag[p] & 8:
            f[16 * i + lane[p]] = 0.0
            f[16 * i + 8 + lane[p]] = 0.0
        p = patch.link[p]


@bare
def mismatch8(
    code: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    load: Load,
    pq: FloatArray,
    v: FloatArray,
    power: FloatArray,
    f: FloatArray,
    patch: Patch,
    error: FloatArray,
) -> None:
    """Fill ``power`` and ``f``; ``error`` (8) becomes the largest mismatch of each lane, NaN where there is one."""
    row, col = _section(code, 4), _section(code, 5)
    given, current, impedance, first = load.power, load.current, load.impedance, patch.first
    worst = spread8(0.0)
    total = spread8(0.0)
    for i in range(row.size - 1):
        vr, vi = load8(v, 16 * i), load8(v, 16 * i + 8)
        g, b = spread8(yd[2 * i]), spread8(yd[2 * i + 1])
        ir = fnma(b, vi, mul(g, vr))
        ii = fma(b, vr, mul(g, vi))
        for e in range(row[i], row[i + 1]):
            k = 16 * col[e]
            kr, ki = load8(v, k), load8(v, k + 8)
            g, b = spread8(yo[2 * e]), spread8(yo[2 * e + 1])
            ir = fnma(b, ki, fma(g, kr, ir))
            ii = fma(b, kr, fma(g, ki, ii))
        p = fma(vi, ii, mul(vr, ir))
        q = fnma(vr, ii, mul(vi, ir))
        fp = sub(load8(given, 16 * i), p)
        fq = sub(load8(given, 16 * i + 8), q)
        if current.size:
            square = fma(vr, vr, mul(vi, vi))
            size = root(square)
            fp = fma(load8(current, 16 * i), size, fma(load8(impedance, 16 * i), square, fp))
            fq = fma(load8(current, 16 * i + 8), size, fma(load8(impedance, 16 * i + 8), square, fq))
        fq = mul(fq, load8(pq, 8 * i))
        store(power, 16 * i, p)
        store(power, 16 * i + 8, q)
        if first[i] >= 0:
            store(f, 16 * i, fp)
            store(f, 16 * i + 8, fq)
            _patched_balance(i, patch, pq, v, power, f)
            fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
        store(f, 16 * i, fp)
        store(f, 16 * i + 8, fq)
        worst = max_abs(max_abs(worst, fp), fq)
        total = add(total, add(fp, fq))
    store(error, 0, total)
    for n in range(8):
        error[8 + n] = error[n]
    store(error, 0, worst)
    for n in range(8):
        if not math.isfinite(error[8 + n]):
            error[n] = math.nan


@inlined
def _patched_blocks(i: int, here: int, patch: Patch, pq: FloatArray, v: FloatArray, blocks: FloatArray) -> None:
    """Take branches that are out off the blocks of row i; P and Q in the diagonal block were patched in ``power``."""
    flag, lane, column, slot, value = patch.flag, patch.lane, patch.column, patch.slot, patch.value
    p = patch.first[i]
    while p >= 0:
        n = lane[p]
        at = 16 * i + n
        vr, vi = v[at], v[at + 8]
        m = pq[8 * i + n]
        if flag[p] & 2 and slot[p] >= 0:
            k = 16 * column[p] + n
            ir = value[4 * p + 2] * v[k] - value[4 * p + 3] * v[k + 8]
            ii = value[4 * p + 2] * v[k + 8] + value[4 * p + 3] * v[k]
            a = vr * ir + vi * ii
            b = vi * ir - vr * ii
            at = 32 * slot[p] + n
            blocks[at] -= b
            blocks[at + 8] -= a
            blocks[at + 16] += m * a
            blocks[at + 24] -= m * b
        if flag[p] & 4:
            square = vr * vr + vi * vi
            a = value[4 * p] * square
            b = -value[4 * p + 1] * square
            at = here + n
            blocks[at] -= b
            blocks[at + 8] -= a
            blocks[at + 16] += m * a
            blocks[at + 24] -= m * b
        p = patch.link[p]


@inlined
def _assemble8(
    i: int,
    first: int,
    last: int,
    col: Int32Array,
    slot: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    current: FloatArray,
    impedance: FloatArray,
    pq: FloatArray,
    v: FloatArray,
    power: FloatArray,
    here: int,
    blocks: FloatArray,
) -> None:
    """Write the blocks of the Jacobian in row i."""
    vr, vi = load8(v, 16 * i), load8(v, 16 * i + 8)
    m = load8(pq, 8 * i)
    zero = spread8(0.0)
    for e in range(first, last):
        if slot[e] < 0:
            continue
        k = 16 * col[e]
        kr, ki = load8(v, k), load8(v, k + 8)
        g, h = spread8(yo[2 * e]), spread8(yo[2 * e + 1])
        ir = fnma(h, ki, mul(g, kr))
        ii = fma(h, kr, mul(g, ki))
        a = fma(vi, ii, mul(vr, ir))
        b = fnma(vr, ii, mul(vi, ir))
        at = 32 * slot[e]
        store(blocks, at, b)
        store(blocks, at + 8, a)
        store(blocks, at + 16, fnma(m, a, zero))
        store(blocks, at + 24, mul(m, b))
    square = fma(vr, vr, mul(vi, vi))
    a = mul(square, spread8(yd[2 * i]))
    b = mul(square, spread8(-yd[2 * i + 1]))
    p, q = load8(power, 16 * i), load8(power, 16 * i + 8)
    store(blocks, here, sub(b, q))
    store(blocks, here + 16, mul(m, sub(p, a)))
    p, q = add(p, a), add(q, b)
    if current.size:
        size = root(square)
        square = add(square, square)
        p = fnma(load8(current, 16 * i), size, fnma(load8(impedance, 16 * i), square, p))
        q = fnma(load8(current, 16 * i + 8), size, fnma(load8(impedance, 16 * i + 8), square, q))
    store(blocks, here + 8, p)
    store(blocks, here + 24, fma(m, q, sub(spread8(1.0), m)))


@inlined
def _eliminate8(
    i: int,
    row: Int32Array,
    diag: Int32Array,
    col: Int32Array,
    update: Int32Array,
    u: int,
    f: FloatArray,
    blocks: FloatArray,
) -> int:
    """Eliminate row i with the rows above it; its right-hand side goes along. Return how far ``update`` was read."""
    fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
    for p in range(row[i], diag[i]):
        k = col[p]
        at, inverse = 32 * p, 32 * diag[k]
        a, b, c, d = load8(blocks, at), load8(blocks, at + 8), load8(blocks, at + 16), load8(blocks, at + 24)
        e, g = load8(blocks, inverse), load8(blocks, inverse + 8)
        h, o = load8(blocks, inverse + 16), load8(blocks, inverse + 24)
        l00, l01 = fma(a, e, mul(b, h)), fma(a, g, mul(b, o))
        l10, l11 = fma(c, e, mul(d, h)), fma(c, g, mul(d, o))
        store(blocks, at, l00)
        store(blocks, at + 8, l01)
        store(blocks, at + 16, l10)
        store(blocks, at + 24, l11)
        kp, kq = load8(f, 16 * k), load8(f, 16 * k + 8)
        fp = fnma(l01, kq, fnma(l00, kp, fp))
        fq = fnma(l11, kq, fnma(l10, kp, fq))
        for j in range(diag[k] + 1, row[k + 1]):
            source, target = 32 * j, 32 * update[u]
            u += 1
            a, b = load8(blocks, source), load8(blocks, source + 8)
            c, d = load8(blocks, source + 16), load8(blocks, source + 24)
            store(blocks, target, fnma(l01, c, fnma(l00, a, load8(blocks, target))))
            store(blocks, target + 8, fnma(l01, d, fnma(l00, b, load8(blocks, target + 8))))
            store(blocks, target + 16, fnma(l11, c, fnma(l10, a, load8(blocks, target + 16))))
            store(blocks, target + 24, fnma(l11, d, fnma(l10, b, load8(blocks, target + 24))))
    store(f, 16 * i, fp)
    store(f, 16 * i + 8, fq)
    here = 32 * diag[i]
    a, b, c, d = load8(blocks, here), load8(blocks, here + 8), load8(blocks, here + 16), load8(blocks, here + 24)
    scale = div(spread8(1.0), fnma(b, c, mul(a, d)))
    minus = sub(spread8(0.0), scale)
    store(blocks, here, mul(d, scale))
    store(blocks, here + 8, mul(b, minus))
    store(blocks, here + 16, mul(c, minus))
    store(blocks, here + 24, mul(a, scale))
    return u


@bare
def factor8(
    code: Int32Array,
    yo: FloatArray,
    yd: FloatArray,
    load: Load,
    pq: FloatArray,
    v: FloatArray,
    power: FloatArray,
    f: FloatArray,
    blocks: FloatArray,
    patch: Patch,
) -> None:
    """Fill the Jacobian and eliminate it row by row; ``f`` goes through the forward substitution."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    entry_row, entry_col, entry_slot = _section(code, 4), _section(code, 5), _section(code, 6)
    fill_row, fill_slot, update = _section(code, 9), _section(code, 10), _section(code, 11)
    u = 0
    current, impedance, first = load.current, load.impedance, patch.first
    zero = spread8(0.0)
    for i in range(diag.size):
        for p in range(fill_row[i], fill_row[i + 1]):
            at = 32 * fill_slot[p]
            store(blocks, at, zero)
            store(blocks, at + 8, zero)
            store(blocks, at + 16, zero)
            store(blocks, at + 24, zero)
        here = 32 * diag[i]
        _assemble8(
            i, entry_row[i], entry_row[i + 1], entry_col, entry_slot, yo, yd, current, impedance, pq, v, power, here,
            blocks,
        )  # fmt: skip
        if first[i] >= 0:
            _patched_blocks(i, here, patch, pq, v, blocks)
        u = _eliminate8(i, row, diag, col, update, u, f, blocks)


@bare
def forward8(code: Int32Array, blocks: FloatArray, f: FloatArray) -> None:
    """Forward substitution with the factors of each lane."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    for i in range(diag.size):
        fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
        for p in range(row[i], diag[i]):
            k, at = 16 * col[p], 32 * p
            kp, kq = load8(f, k), load8(f, k + 8)
            fp = fnma(load8(blocks, at + 8), kq, fnma(load8(blocks, at), kp, fp))
            fq = fnma(load8(blocks, at + 24), kq, fnma(load8(blocks, at + 16), kp, fq))
        store(f, 16 * i, fp)
        store(f, 16 * i + 8, fq)


@bare
def back8(code: Int32Array, blocks: FloatArray, f: FloatArray) -> None:
    """Backward substitution with the factors of each lane: ``f`` becomes the step."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    for i in range(diag.size - 1, -1, -1):
        fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
        for p in range(diag[i] + 1, row[i + 1]):
            k, at = 16 * col[p], 32 * p
            kp, kq = load8(f, k), load8(f, k + 8)
            fp = fnma(load8(blocks, at + 8), kq, fnma(load8(blocks, at), kp, fp))
            fq = fnma(load8(blocks, at + 24), kq, fnma(load8(blocks, at + 16), kp, fq))
        at = 32 * diag[i]
        store(f, 16 * i, fma(load8(blocks, at + 8), fq, mul(load8(blocks, at), fp)))
        store(f, 16 * i + 8, fma(load8(blocks, at + 24), fq, mul(load8(blocks, at + 16), fp)))


@bare
def move8(v: FloatArray, f: FloatArray, pq: FloatArray, active: FloatArray) -> None:
    """Turn and stretch the voltages of the active lanes by the step.

    The turn is (1 + jt/2) / (1 - jt/2): it keeps the magnitude, and its angle differs from t by t**3 / 12, which
    changes the way of the iteration but not its order nor its end.
    """
    go = load8(active, 0)
    zero, half, one = spread8(0.0), spread8(0.5), spread8(1.0)
    for i in range(f.size // 16):
        t = mul(half, where(go, load8(f, 16 * i), zero))
        stretch = fma(where(go, load8(f, 16 * i + 8), zero), load8(pq, 8 * i), one)
        square = mul(t, t)
        stretch = div(stretch, add(one, square))
        c = mul(stretch, sub(one, square))
        w = mul(stretch, add(t, t))
        vr, vi = load8(v, 16 * i), load8(v, 16 * i + 8)
        store(v, 16 * i, fnma(vi, w, mul(vr, c)))
        store(v, 16 * i + 8, fma(vi, c, mul(vr, w)))
