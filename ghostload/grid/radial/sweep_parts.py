"""Parts of the positive-sequence sweep: what the kernel is given, and the loops over nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.radial.lanes import (
    aligned,
    fma,
    fms,
    get,
    larger,
    load,
    peek,
    prefetch,
    put,
    root,
    spread,
    store,
    where_positive,
)

BLOCK = 16
"""Steps swept together: two registers hide each other's latency, and 1,300 nodes of them fit in a 1 MiB cache."""

ROW = 2 * BLOCK
"""Numbers that a node has in a work array: real parts, then imaginary parts."""

TOGETHER = 8
"""Voltages that are worked out before they are written: eight magnitudes of a step fill a cache line."""

SEEN = 5 * BLOCK
"""Where they wait in the array of the lanes."""

ROUNDING = 1e-15
"""Changes per unit that are nothing but rounding."""


class Circuit(NamedTuple):
    """What the steps have in common. Complex numbers are pairs in flat arrays; nodes are in sweep order."""

    start: Any  # (islands + 1,) first node of each island
    parent: Any  # (r,) node towards the root, -1 for roots
    z: Any  # (r, 2) of the way from the parent
    load_of: Any  # (r,) loaded node number, -1 where nothing draws
    load_start: Any  # (islands + 1,) first loaded node of each island
    weight: Any  # (l, 2) from conjugate power to scaled current at 1 pu
    size: Any  # (l,) magnitude of the voltage scale
    steady: Any  # (l, 2) constant-current injection that is the same at all steps
    column_start: Any  # (islands + 1,) first column of each island
    column: Any  # (c,) column of the given powers
    column_load: Any  # (c,) loaded node number of each
    root_d: Any  # (islands, 2) reduced diagonal
    shunt_start: Any  # (islands + 1,)
    shunt_node: Any  # (h,)
    shunt_s: Any  # (h, 2) power that a fixed shunt takes at scaled voltage 1


class Table(NamedTuple):
    """A float64 array of any layout, as where it begins and the bytes between its rows and columns.

    Arrays of other layouts or without the right to write would each compile the kernel anew.
    """

    begin: int
    along: int
    across: int


class Given(NamedTuple):
    """Powers by step and column, the voltage of each root, and the largest change that a step may end with.

    ``parts`` is 3 with current and impedance shares.
    """

    parts: int
    p: Any
    q: Any
    p_i: Any
    q_i: Any
    p_z: Any
    q_z: Any
    root_re: Any
    root_im: Any
    most: Any


class Work(NamedTuple):
    """Addresses of one thread's arrays: voltages, currents, powers of loaded nodes, and what belongs to the lanes.

    The lanes have rows for: active (1) or done (0), largest change squared, the two parts of the root's current, the
    change before, and from :data:`SEEN` on the parts and magnitudes of voltages on their way to the results.
    """

    u: int
    j: int
    rows: int
    lanes: int


class Span(NamedTuple):
    """One island: its number, first and last node, and first loaded node."""

    island: int
    first: int
    last: int
    lowest: int


@kernel
def fetch(p: Any, q: Any, steps: Any, circuit: Any, span: Any, rows: int, part: int, parts: int) -> None:
    """Gather the conjugate powers of an island by loaded node."""
    for c in range(circuit.column_start[span.island], circuit.column_start[span.island + 1]):
        column = circuit.column[c]
        at = rows + 8 * (parts * (circuit.column_load[c] - span.lowest) + part) * ROW
        at_p, at_q = p.begin + column * p.across, q.begin + column * q.across
        for t in range(BLOCK):
            put(at, t, get(at, t) + peek(at_p + steps[t] * p.along))
            put(at, BLOCK + t, get(at, BLOCK + t) - peek(at_q + steps[t] * q.along))


@kernel
def scale(circuit: Any, span: Any, rows: int, parts: int) -> None:
    """Turn conjugate powers into scaled currents at 1 pu; parts are constant power, current and impedance."""
    for i in range(span.lowest, circuit.load_start[span.island + 1]):
        factor = 1.0
        if parts > 1:
            at = (parts * (i - span.lowest) + 1) * ROW
            for g in range(at, at + BLOCK, 8):
                store(rows, g, load(rows, g) + spread(circuit.steady[i, 0]))
                store(rows, g + BLOCK, load(rows, g + BLOCK) - spread(circuit.steady[i, 1]))
        for part in range(parts):
            wr, wi = spread(circuit.weight[i, 0] * factor), spread(circuit.weight[i, 1] * factor)
            at = (parts * (i - span.lowest) + part) * ROW
            for g in range(at, at + BLOCK, 8):
                a, b = load(rows, g), load(rows, g + BLOCK)
                store(rows, g, fms(b, wi, a * wr))
                store(rows, g + BLOCK, fma(b, wr, a * wi))
            factor *= circuit.size[i]


@kernel
def drawn(rows: int, at: int, parts: int, ur: Any, ui: Any) -> Any:
    """Return ``|u|^2`` and the scaled conjugate power at a voltage."""
    m = fma(ui, ui, ur * ur)
    tr, ti = load(rows, at), load(rows, at + BLOCK)
    if parts > 1:
        size = root(m)
        tr = fma(size, load(rows, at + ROW), tr)
        ti = fma(size, load(rows, at + ROW + BLOCK), ti)
        tr = fma(m, load(rows, at + 2 * ROW), tr)
        ti = fma(m, load(rows, at + 2 * ROW + BLOCK), ti)
    return m, tr, ti


@kernel
def inject(rows: int, at: int, parts: int, ur: Any, ui: Any, j: int, to: int) -> None:
    """Write the scaled current of a loaded node at voltage ``u``."""
    m, tr, ti = drawn(rows, at, parts, ur, ui)
    per = spread(1.0) / m
    store(j, to, fms(ti, ui, tr * ur) * per)
    store(j, to + BLOCK, fma(ti, ur, tr * ui) * per)


@kernel
def no_current(j: int, to: int) -> None:
    """Write the current of a node that draws nothing."""
    store(j, to, spread(0.0))
    store(j, to + BLOCK, spread(0.0))


@kernel
def gather(parent: Any, span: Any, j: int) -> None:
    """Sum currents from the leaves to the root."""
    for k in range(span.last - 1, span.first, -1):
        a, b = (k - span.first) * ROW, (parent[k] - span.first) * ROW
        for g in range(0, ROW, 8):
            store(j, b + g, load(j, b + g) + load(j, a + g))


@kernel
def spread_out(circuit: Any, span: Any, parts: int, work: Any) -> None:
    """Set voltages from the root to the leaves, and at once the currents that they draw; note the largest change."""
    u, j, lanes = work.u, work.j, work.lanes
    for k in range(span.first + 1, span.last):
        a, b = (k - span.first) * ROW, (circuit.parent[k] - span.first) * ROW
        zr, zi = spread(circuit.z[k, 0]), spread(circuit.z[k, 1])
        own = circuit.load_of[k]
        at = parts * (own - span.lowest) * ROW
        for g in range(0, BLOCK, 8):
            jr, ji = load(j, a + g), load(j, a + BLOCK + g)
            ur = fms(zi, ji, fma(zr, jr, load(u, b + g)))
            ui = fma(zi, jr, fma(zr, ji, load(u, b + BLOCK + g)))
            before_r, before_i = load(u, a + g), load(u, a + BLOCK + g)
            dr, di = ur - before_r, ui - before_i
            store(lanes, BLOCK + g, larger(load(lanes, BLOCK + g), fma(di, di, dr * dr)))
            active = load(lanes, g)
            ur, ui = where_positive(active, ur, before_r), where_positive(active, ui, before_i)
            store(u, a + g, ur)
            store(u, a + BLOCK + g, ui)
            if own >= 0:
                inject(work.rows, at + g, parts, ur, ui, j, a + g)
            else:
                no_current(j, a + g)


@kernel
def spread_unwatched(circuit: Any, span: Any, parts: int, work: Any, power: Any, ahead: Any, coming: int) -> None:
    """Set voltages and currents as :func:`spread_out` does, in all lanes and without looking at the change.

    Meanwhile the powers that the next block reads are asked for: they come from memory, all else is in the cache.
    """
    u, j = work.u, work.j
    column, end = circuit.column_start[coming] - span.first - 1, circuit.column_start[coming + 1]
    line = 0
    for k in range(span.first + 1, span.last):
        if column + k < end:
            place = power.begin + circuit.column[column + k] * power.across
            if place >> 6 != line:
                line = place >> 6
                for t in range(BLOCK):
                    prefetch(place + ahead[t] * power.along)
        a, b = (k - span.first) * ROW, (circuit.parent[k] - span.first) * ROW
        zr, zi = spread(circuit.z[k, 0]), spread(circuit.z[k, 1])
        own = circuit.load_of[k]
        at = parts * (own - span.lowest) * ROW
        for g in range(0, BLOCK, 8):
            jr, ji = load(j, a + g), load(j, a + BLOCK + g)
            ur = fms(zi, ji, fma(zr, jr, load(u, b + g)))
            ui = fma(zi, jr, fma(zr, ji, load(u, b + BLOCK + g)))
            store(u, a + g, ur)
            store(u, a + BLOCK + g, ui)
            if own >= 0:
                inject(work.rows, at + g, parts, ur, ui, j, a + g)
            else:
                no_current(j, a + g)


@kernel
def is_near(change: float, before: float, tol: float, most: float) -> bool:
    """Tell whether the solution is within the tolerance, by what is left of a geometric series, and that doubled.

    Nor may the change itself be more than ``most``, unless it is rounding.
    ``before`` is negative when the change before is not known; then it is taken for twice as large.
    """
    rate = 0.5 if before < 0.0 else change / max(before, 1e-300)
    near = change <= most and rate < 1.0 and 2.0 * change * rate <= tol * (1.0 - rate)
    return change <= ROUNDING or near


def lane_array() -> Any:
    """Return one thread's array of what belongs to the lanes."""
    return aligned(SEEN + 3 * TOGETHER * BLOCK)
