"""The chord method in lanes: one factorisation, at the base case, for all scenarios.

A step costs two substitutions instead of a factorisation; the error shrinks by a steady factor, small where a scenario
is near the base case. :mod:`.compensation` corrects the steps of scenarios in which a branch is out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.compiled import bare, inlined
from ghostload.grid.kernels.vectors import fma, fnma, load8, mul, spread8, store

FloatArray = NDArray[np.float64]
Int32Array = NDArray[np.int32]

_section: Any = inlined(_symbolic.section)


@bare
def forward_shared(code: Int32Array, factors: FloatArray, f: FloatArray) -> None:
    """Forward substitution of eight right-hand sides with common factors."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    for i in range(diag.size):
        fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
        for p in range(row[i], diag[i]):
            k, at = 16 * col[p], 4 * p
            kp, kq = load8(f, k), load8(f, k + 8)
            fp = fnma(spread8(factors[at + 1]), kq, fnma(spread8(factors[at]), kp, fp))
            fq = fnma(spread8(factors[at + 3]), kq, fnma(spread8(factors[at + 2]), kp, fq))
        store(f, 16 * i, fp)
        store(f, 16 * i + 8, fq)


@bare
def back_shared(code: Int32Array, factors: FloatArray, f: FloatArray) -> None:
    """Backward substitution with common factors: ``f`` becomes the step."""
    row, diag, col = _section(code, 1), _section(code, 2), _section(code, 3)
    for i in range(diag.size - 1, -1, -1):
        fp, fq = load8(f, 16 * i), load8(f, 16 * i + 8)
        for p in range(diag[i] + 1, row[i + 1]):
            k, at = 16 * col[p], 4 * p
            kp, kq = load8(f, k), load8(f, k + 8)
            fp = fnma(spread8(factors[at + 1]), kq, fnma(spread8(factors[at]), kp, fp))
            fq = fnma(spread8(factors[at + 3]), kq, fnma(spread8(factors[at + 2]), kp, fq))
        at = 4 * diag[i]
        store(f, 16 * i, fma(spread8(factors[at + 1]), fq, mul(spread8(factors[at]), fp)))
        store(f, 16 * i + 8, fma(spread8(factors[at + 3]), fq, mul(spread8(factors[at + 2]), fp)))
