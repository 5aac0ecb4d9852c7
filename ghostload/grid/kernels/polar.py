"""Sizes and angles of complex voltages, eight at a time: what most batches put out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compiled import inlined, kernel
from ghostload.grid.kernels.vectors import add, div, fma, load8, mul, root, spread8, store, sub
from ghostload.grid.kernels.vectors import where_positive as where

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]

EIGHTH = math.tan(math.pi / 8.0)

DEGREES = 180.0 / math.pi

ARC = (
    -0.017805397205419446,
    0.03796525745386593,
    -0.05035102456601552,
    0.05846878297330872,
    -0.06662951813629191,
    0.07692045330902225,
    -0.09090896809064027,
    0.11111110744919658,
    -0.14285714279250245,
    0.19999999999940893,
    -0.3333333333333312,
    1.0,
)
"""Polynomial through atan(sqrt(z)) / sqrt(z) at the 12 Chebyshev points of 0 ... tan(pi/8)**2, highest power first; it
is within 4e-18 of the function."""


@inlined
def _degrees8(x: FloatArray, y: FloatArray, at: int, out: FloatArray) -> None:
    """Write the angles of eight vectors (x, y), -180 to 180 degrees; NaN where either is.

    The vector is mirrored into the first eighth of the circle, then turned back by another eighth where it lies beyond
    half of it.
    """
    a, b = load8(x, at), load8(y, at)
    zero = spread8(0.0)
    width, height = where(a, a, sub(zero, a)), where(b, b, sub(zero, b))
    steep = sub(height, width)
    long, short = where(steep, height, width), where(steep, width, height)
    far = sub(short, mul(spread8(EIGHTH), long))
    t = div(where(far, sub(short, long), short), where(far, add(short, long), long))
    z = mul(t, t)
    p = spread8(ARC[0])
    for power in range(1, 12):
        p = fma(p, z, spread8(ARC[power]))
    angle = fma(mul(p, t), spread8(DEGREES), where(far, spread8(45.0), zero))
    angle = where(steep, sub(spread8(90.0), angle), angle)
    angle = where(sub(zero, a), sub(spread8(180.0), angle), angle)
    store(out, at, where(sub(zero, b), sub(zero, angle), angle))


@kernel
def polar(v: ComplexArray, node_of_bus: IntArray, vm_pu: FloatArray, va_degree: FloatArray) -> None:
    """Fill ``vm_pu`` and ``va_degree`` (scenarios, buses; either may be empty) from ``v`` (scenarios, n).

    Buses without a node (-1) and nodes without a voltage give NaN.
    """
    buses = node_of_bus.size
    room = -(-buses // 8) * 8
    x, y, out = np.ones(room), np.ones(room), np.empty(room)
    for k in range(v.shape[0]):
        for bus in range(buses):
            node = node_of_bus[bus]
            value = v[k, max(node, 0)]
            x[bus] = value.real if node >= 0 else math.nan
            y[bus] = value.imag
        if vm_pu.size:
            for at in range(0, room, 8):
                a, b = load8(x, at), load8(y, at)
                store(out, at, root(fma(a, a, mul(b, b))))
            vm_pu[k] = out[:buses]
        if va_degree.size:
            for at in range(0, room, 8):
                _degrees8(x, y, at, out)
            va_degree[k] = out[:buses]
