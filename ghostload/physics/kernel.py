"""The sweep of a feeder: sixteen steps at a time, each node with the phases that it has.

Kernels are given addresses, not arrays: an array is nine numbers to hand over at every call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ghostload.grid.kernels.compiled import helper
from ghostload.grid.radial.lanes import (
    aligned,
    fma,
    fms,
    get,
    larger,
    load,
    peek,
    put,
    spread,
    store,
    where_positive,
)
from ghostload.physics.bits import BLOCK, MATRIX, POLE, ROW, SERVICE, SHUNT, THREE
from ghostload.physics.lanes import load_floats, load_ints, peek_float, peek_int, word

SUMS = 4
"""Of each node over time: losses of the edge to its parent, voltage, lowest and highest voltage."""

_ROUNDING = 1e-15
THIRD = 1.0 / 3.0


class Feeder(NamedTuple):
    """A feeder by node, parents first: addresses of the tables of :class:`ghostload.physics.circuit.Circuit`."""

    nodes: int
    meters: int
    node: int
    one: int
    z: int
    wiring: int
    shunt: int
    start: int
    volts: float  # of low voltage, to neutral


class Node(NamedTuple):
    """A row of the table of nodes; all but the bits are places in bytes or numbers."""

    what: int
    row: int
    up: int
    number: int
    home: int
    one: int
    z: int
    shunt: int


class Given(NamedTuple):
    """Real and reactive power of meters by step; ``kind`` 0 is float64, 1 float32, 2 int32."""

    kind: int
    scale: float
    p: int
    q: int
    p_across: int
    q_across: int
    head: int  # (steps,) voltage at the head
    weight: int  # (steps,) by which a step counts in sums over time


class Results(NamedTuple):
    """Addresses of arrays to fill; rows of steps are ``width`` long, whole blocks.

    Voltages of services are ``across`` bytes apart from meter to meter and ``along`` from step to step; both are 0
    where nobody wants them.
    """

    width: int
    across: int
    along: int
    service: int  # (n, steps) float32 volts
    delivered: int  # (t, steps) kW
    reactive: int  # (t, steps) kvar
    low_loss: int  # (t, steps) kW of low-voltage lines
    own_loss: int  # (t, steps) kW of the transformer
    head: int  # (2, steps) kW, kvar
    sweeps: int  # (steps,)
    state: int  # (steps,) 1 solved, 0 not, -1 broke down


class Work(NamedTuple):
    """Addresses of one thread's arrays."""

    u: int
    j: int
    s: int
    lanes: int  # active, largest change squared, change before
    low: int  # low-voltage losses by transformer
    sums: int
    iron: int


def work_arrays(rows: int, meters: int, stations: int, nodes: int) -> tuple[Any, ...]:
    """Return the arrays that one thread needs; the last two are its sums over time."""
    two = 2 * BLOCK
    sizes = (rows * two, rows * two, meters * two, 3 * BLOCK, stations * BLOCK, nodes * SUMS * 8, stations * 8)
    arrays = [aligned(size) for size in sizes]
    return (*arrays[:5], arrays[5].reshape(nodes, SUMS, 8), arrays[6].reshape(stations, 8))


def clear_sums(arrays: tuple[Any, ...]) -> None:
    """Let the sums over time begin anew."""
    arrays[4][:], arrays[5][:, :2], arrays[6][:] = 0.0, 0.0, 0.0
    arrays[5][:, 2], arrays[5][:, 3] = np.inf, -np.inf


@helper
def node_of(f: Any, k: int) -> Any:
    """Return what the table says of a node."""
    at = f.node + 64 * k
    return Node(word(at, 0), word(at, 1), word(at, 2), word(at, 3), word(at, 4), f.one + 32 * k,
                f.z + 144 * word(at, 5), f.shunt + 144 * word(at, 6))  # fmt: skip


@helper
def fetch(given: Any, meters: int, begin: int, count: int, s: int) -> None:
    """Bring the powers of a block's steps together, kW and kvar; a block that is not full repeats its last step."""
    width = 8 if given.kind == 0 else 4
    for i in range(meters):
        for part in range(2):
            at = given.p + i * given.p_across if part == 0 else given.q + i * given.q_across
            at += begin * width
            to = s + i * ROW + part * 8 * BLOCK
            if count == BLOCK:
                for g in range(0, BLOCK, 8):
                    if given.kind == 2:
                        value = load_ints(at + 4 * g)
                    elif given.kind == 1:
                        value = load_floats(at + 4 * g)
                    else:
                        value = load(at, g)
                    store(to, g, value * spread(given.scale))
                continue
            for t in range(BLOCK):
                one = at + width * min(t, count - 1)
                number = peek_int(one) if given.kind == 2 else peek_float(one) if given.kind == 1 else peek(one)
                put(to, t, number * given.scale)


@helper
def begin_block(f: Any, given: Any, begin: int, count: int, w: Any) -> None:
    """Set the voltages without load, and clear the currents."""
    for t in range(BLOCK):
        put(w.lanes, BLOCK + t, get(given.head, begin + min(t, count - 1)))
        put(w.lanes, t, 1.0)
        put(w.lanes, 2 * BLOCK + t, 0.0)
    for k in range(f.nodes):
        n = node_of(f, k)
        for i in range(3 if n.what & THREE else 1):
            at = n.row + i * ROW
            re, im = spread(get(f.start, 6 * k + 2 * i)), spread(get(f.start, 6 * k + 2 * i + 1))
            for g in range(0, BLOCK, 8):
                factor = load(w.lanes, BLOCK + g)
                store(w.u + at, g, factor * re)
                store(w.u + at, BLOCK + g, factor * im)
                store(w.j + at, g, spread(0.0))
                store(w.j + at, BLOCK + g, spread(0.0))


@helper
def drawn(v: int, s: int, g: int, share: float) -> Any:
    """Return the current of a constant power: its conjugate over the conjugate voltage."""
    vr, vi = load(v, g), load(v, BLOCK + g)
    p, q = load(s, g), load(s, BLOCK + g)
    per = spread(share) / fma(vi, vi, vr * vr)
    return fma(q, vi, p * vr) * per, fms(q, vr, p * vi) * per


@helper
def _add(to: int, g: int, re: Any, im: Any) -> None:
    store(to, g, load(to, g) + re)
    store(to, BLOCK + g, load(to, BLOCK + g) + im)


@helper
def times(matrix: int, i: int, x: int, g: int) -> Any:
    """Multiply a row of a complex matrix with three complex numbers at an address."""
    re, im = spread(0.0), spread(0.0)
    for b in range(3):
        mr, mi = spread(get(matrix, 6 * i + 2 * b)), spread(get(matrix, 6 * i + 2 * b + 1))
        xr, xi = load(x + b * ROW, g), load(x + b * ROW, BLOCK + g)
        re, im = fms(mi, xi, fma(mr, xr, re)), fma(mi, xr, fma(mr, xi, im))
    return re, im


@helper
def draw_three(n: Any, v: int, j: int, s: int) -> None:
    """Set the currents of a three-phase service, a third of its power in each phase."""
    for i in range(3):
        for g in range(0, BLOCK, 8):
            re, im = drawn(v + i * ROW, s, g, THIRD)
            store(j + i * ROW, g, re)
            store(j + i * ROW, BLOCK + g, im)


@helper
def add_shunt(n: Any, v: int, j: int) -> None:
    """Add to a node's current what its shunt draws."""
    for i in range(3 if n.what & THREE else 1):
        for g in range(0, BLOCK, 8):
            if n.what & THREE:
                re, im = times(n.shunt, i, v, g)
            else:
                a, b = spread(get(n.shunt, 0)), spread(get(n.shunt, 1))
                vr, vi = load(v, g), load(v, BLOCK + g)
                re, im = fms(b, vi, a * vr), fma(b, vr, a * vi)
            _add(j + i * ROW, g, re, im)


@helper
def hand_up(f: Any, n: Any, j: int, up: int) -> None:
    """Add a node's current to what flows above it."""
    ratio = spread(get(n.one, 0))
    for i in range(3 if n.what & THREE else 1):
        for g in range(0, BLOCK, 8):
            if not n.what & MATRIX:
                _add(up + i * ROW, g, ratio * load(j + i * ROW, g), ratio * load(j + i * ROW, BLOCK + g))
                continue
            for b in range(3):
                turn = spread(get(f.wiring, 9 * n.number + 3 * b + i))
                _add(up + i * ROW, g, turn * load(j + b * ROW, g), turn * load(j + b * ROW, BLOCK + g))


@helper
def clear(j: int, rows: int) -> None:
    """Set rows of currents to zero."""
    for g in range(0, rows * 2 * BLOCK, 8):
        store(j, g, spread(0.0))


@helper
def _gather(f: Any, w: Any) -> None:
    """Take currents from the services to the head."""
    clear(w.j, 3)
    for k in range(f.nodes - 1, -1, -1):
        n = node_of(f, k)
        v, j, up = w.u + n.row, w.j + n.row, w.j + n.up
        if n.what == SERVICE:
            s = w.s + n.number * ROW
            for g in range(0, BLOCK, 8):
                re, im = drawn(v, s, g, 1.0)
                store(j, g, re)
                store(j, BLOCK + g, im)
                _add(up, g, re, im)
        elif n.what == POLE:
            for g in range(0, BLOCK, 8):
                _add(up, g, load(j, g), load(j, BLOCK + g))
        else:
            if n.what & SERVICE:
                draw_three(n, v, j, w.s + n.number * ROW)
            if n.what & SHUNT:
                add_shunt(n, v, j)
            if k > 0:
                hand_up(f, n, j, up)


@helper
def _kept(w: Any, v: int, g: int, re: Any, im: Any, noted: int) -> None:
    """Store a voltage in the lanes that are not done, and note the largest change."""
    old_re, old_im = load(v, g), load(v, BLOCK + g)
    if noted:
        dr, di = re - old_re, im - old_im
        store(w.lanes, BLOCK + g, larger(load(w.lanes, BLOCK + g), fma(di, di, dr * dr)))
    active = load(w.lanes, g)
    store(v, g, where_positive(active, re, old_re))
    store(v, BLOCK + g, where_positive(active, im, old_im))


@helper
def _three_moved(f: Any, n: Any, above: int, v: int, j: int, w: Any) -> None:
    """Set the new voltages of a node of three phases."""
    ratio = spread(get(n.one, 0))
    for i in range(3):
        for g in range(0, BLOCK, 8):
            if n.what & MATRIX:
                re, im = spread(0.0), spread(0.0)
                for b in range(3):
                    turn = spread(get(f.wiring, 9 * n.number + 3 * i + b))
                    re = fma(turn, load(above + b * ROW, g), re)
                    im = fma(turn, load(above + b * ROW, BLOCK + g), im)
            else:
                re, im = ratio * load(above + i * ROW, g), ratio * load(above + i * ROW, BLOCK + g)
            down_re, down_im = times(n.z, i, j, g)
            _kept(w, v + i * ROW, g, re - down_re, im - down_im, n.what & (SERVICE | SHUNT))


@helper
def _spread_out(f: Any, w: Any) -> None:
    """Set voltages from the head to the services, and clear the currents that the next sweep adds up."""
    for k in range(1, f.nodes):
        n = node_of(f, k)
        v, j, above = w.u + n.row, w.j + n.row, w.u + n.up
        if n.what & THREE:
            _three_moved(f, n, above, v, j, w)
            clear(j, 3)
            continue
        ratio, r, x = spread(get(n.one, 0)), spread(get(n.one, 1)), spread(get(n.one, 2))
        for g in range(0, BLOCK, 8):
            ir, ii = load(j, g), load(j, BLOCK + g)
            re = fma(x, ii, fms(r, ir, ratio * load(above, g)))
            im = fms(x, ir, fms(r, ii, ratio * load(above, BLOCK + g)))
            _kept(w, v, g, re, im, n.what & (SERVICE | SHUNT))
        if not n.what & SERVICE:
            clear(j, 1)


@helper
def _settle(w: Any, begin: int, sweep: int, tol: float, results: Any) -> int:
    """Mark the lanes that are done; return how many are not."""
    left = 0
    for t in range(BLOCK):
        if get(w.lanes, t) <= 0.0:
            continue
        change, before = np.sqrt(get(w.lanes, BLOCK + t)), get(w.lanes, 2 * BLOCK + t)
        flows = 0.0
        for i in range(6):
            flows += get(w.j, i * BLOCK + t)
        if not (np.isfinite(change) and np.isfinite(flows)):
            put(results.state, begin + t, -1.0)
        elif not (change < _ROUNDING or (change < before and 2.0 * change * change <= tol * (before - change))):
            put(w.lanes, 2 * BLOCK + t, change)
            left += 1
            continue
        put(results.sweeps, begin + t, float(sweep))
        put(w.lanes, t, 0.0)
    return left


@helper
def iterate(f: Any, given: Any, w: Any, begin: int, count: int, tol: float, limit: int, results: Any) -> None:
    """Sweep until every lane is done; leave in the first row of the lanes by how much each step counts."""
    for sweep in range(1, limit + 1):
        _gather(f, w)
        for g in range(0, BLOCK, 8):
            store(w.lanes, BLOCK + g, spread(0.0))
        _spread_out(f, w)
        if _settle(w, begin, sweep, tol, results) == 0:
            break
    for t in range(BLOCK):
        if get(w.lanes, t) > 0.0:
            put(results.state, begin + t, 0.0)
            put(results.sweeps, begin + t, float(limit))
        counts = t < count and get(results.state, begin + t) == 1.0
        put(w.lanes, t, get(given.weight, begin + t) if counts else 0.0)
