"""What a block of solved steps leaves behind: energies, losses and voltages, and their sums over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.grid.kernels.compiled import bare, helper
from ghostload.grid.radial.lanes import fma, fms, get, larger, load, prefetch, root, spread, store, where_positive
from ghostload.physics.bits import BLOCK, PHASE_A, ROW, SERVICE, SHUNT, STATION, THREE
from ghostload.physics.kernel import (
    SUMS,
    THIRD,
    add_shunt,
    begin_block,
    clear,
    draw_three,
    drawn,
    fetch,
    hand_up,
    iterate,
    node_of,
    times,
)
from ghostload.physics.lanes import smaller, store_floats

AHEAD = 8
"""Rows of voltages that are asked for before they are written."""
LOSS_QUANTUM = 2.0**-28
VOLT_QUANTUM = 2.0**-32
"""Sums over time are of whole multiples of these, kW and per unit, so that they are exact and have no order."""

_LOSS_SHIFT, _VOLT_SHIFT = 1.5 * 2.0**52 * LOSS_QUANTUM, 1.5 * 2.0**52 * VOLT_QUANTUM


@helper
def _count_loss(n: Any, j: int, w: Any, at: int, own: int) -> None:
    """Add the losses of the edge above a node to its sum over time, and to what its transformer has of them."""
    total = load(at, 0)
    for g in range(0, BLOCK, 8):
        if n.what & THREE:
            loss = spread(0.0)
            for i in range(3):
                re, im = times(n.z, i, j, g)
                loss = fma(im, load(j + i * ROW, BLOCK + g), fma(re, load(j + i * ROW, g), loss))
        else:
            ir, ii = load(j, g), load(j, BLOCK + g)
            loss = spread(get(n.one, 1)) * fma(ii, ii, ir * ir)
        if own:
            store(own, g, load(own, g) + loss)
        loss = where_positive(load(w.lanes, g), load(w.lanes, g) * loss, spread(0.0))
        total = total + ((loss + spread(_LOSS_SHIFT)) - spread(_LOSS_SHIFT))
    store(at, 0, total)


@helper
def _count_volts(n: Any, v: int, w: Any, at: int, seen: int, volts: float) -> None:
    """Add a node's voltages to its sum and extremes over time; write what a meter there sees, the phases' mean."""
    three = n.what & THREE
    total, low, high = load(at, 8), load(at, 16), load(at, 24)
    for g in range(0, BLOCK, 8):
        weight, mean = load(w.lanes, g), spread(0.0)
        for i in range(3 if three else 1):
            if not three or n.what & (PHASE_A << i):
                vr, vi = load(v + i * ROW, g), load(v + i * ROW, BLOCK + g)
                vm = root(fma(vi, vi, vr * vr))
                mean = mean + vm
                counted = where_positive(weight, weight * vm, spread(0.0))
                total = total + ((counted + spread(_VOLT_SHIFT)) - spread(_VOLT_SHIFT))
                low = smaller(where_positive(weight, vm, spread(np.inf)), low)
                high = larger(where_positive(weight, vm, spread(-np.inf)), high)
        if n.what & SERVICE:
            store_floats(seen + 4 * g, mean * spread(volts * THIRD if three else volts))
    store(at, 8, total)
    store(at, 16, low)
    store(at, 24, high)


@helper
def _power(n: Any, v: int, j: int, g: int) -> Any:
    """Return the power that flows into a node, kW and kvar."""
    p, q = spread(0.0), spread(0.0)
    for i in range(3 if n.what & THREE else 1):
        vr, vi = load(v + i * ROW, g), load(v + i * ROW, BLOCK + g)
        ir, ii = load(j + i * ROW, g), load(j + i * ROW, BLOCK + g)
        p, q = fma(vi, ii, fma(vr, ir, p)), fms(vr, ii, fma(vi, ir, q))
    return p, q


@helper
def _leave_station(n: Any, v: int, j: int, begin: int, w: Any, at: int, results: Any) -> None:
    """Write what leaves a transformer's low side and is lost behind it; add the iron's current and losses."""
    low, iron = w.low + 8 * BLOCK * n.number, w.iron + 64 * n.number
    place = 8 * (n.number * results.width + begin)
    for g in range(0, BLOCK, 8):
        p, q = _power(n, v, j, g)
        store(results.delivered + place, g, p)
        store(results.reactive + place, g, q)
        store(results.low_loss + place, g, load(low, g))
    add_shunt(n, v, j)
    for g in range(0, BLOCK, 8):
        loss = spread(0.0)
        for i in range(3 if n.what & THREE else 1):
            vr, vi = load(v + i * ROW, g), load(v + i * ROW, BLOCK + g)
            loss = fma(spread(get(n.shunt, 8 * i)), fma(vi, vi, vr * vr), loss)
        store(results.own_loss + place, g, loss)
        store(low, g, spread(0.0))
        loss = where_positive(load(w.lanes, g), load(w.lanes, g) * loss, spread(0.0))
        store(iron, 0, load(iron, 0) + ((loss + spread(_LOSS_SHIFT)) - spread(_LOSS_SHIFT)))
    _count_loss(n, j, w, at, results.own_loss + place)


@helper
def _finish(f: Any, begin: int, w: Any, results: Any) -> None:
    """Take the currents of the solved voltages to the head once more and write everything on the way."""
    clear(w.j, 3)
    stride, service = results.across, results.service + results.along * begin
    for k in range(f.nodes - 1, -1, -1):
        n = node_of(f, k)
        v, j, up, at, seen = w.u + n.row, w.j + n.row, w.j + n.up, w.sums + 64 * SUMS * k, 0
        if n.what & SERVICE:
            seen = service + stride * n.number
            prefetch(seen - AHEAD * stride)
            if n.what & THREE:
                draw_three(n, v, j, w.s + n.number * ROW)
            else:
                for g in range(0, BLOCK, 8):
                    re, im = drawn(v, w.s + n.number * ROW, g, 1.0)
                    store(j, g, re)
                    store(j, BLOCK + g, im)
        if n.what & STATION:
            _leave_station(n, v, j, begin, w, at, results)
        else:
            if n.what & SHUNT:
                add_shunt(n, v, j)
            if k > 0:
                _count_loss(n, j, w, at, w.low + 8 * BLOCK * n.home if n.home >= 0 else 0)
        _count_volts(n, v, w, at, seen, f.volts)
        if k > 0:
            hand_up(f, n, j, up)
    head = node_of(f, 0)
    for g in range(0, BLOCK, 8):
        p, q = _power(head, w.u, w.j, g)
        store(results.head + 8 * begin, g, p)
        store(results.head + 8 * (results.width + begin), g, q)


@bare
def sweep(f: Any, given: Any, begin: int, end: int, tol: float, limit: int, w: Any, results: Any) -> None:
    """Solve the steps from ``begin``, which begins a block, to ``end``, and fill the results."""
    for at in range(begin, end, BLOCK):
        count = min(BLOCK, end - at)
        fetch(given, f.meters, at, count, w.s)
        begin_block(f, given, at, count, w)
        iterate(f, given, w, at, count, tol, limit, results)
        _finish(f, at, w, results)
