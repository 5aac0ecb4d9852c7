"""The positive-sequence sweep: sixteen steps at a time, two registers wide, node after node."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.radial.lanes import address, aligned, fma, fms, get, load, peek, poke, put, root, spread, store
from ghostload.grid.radial.sweep_parts import (
    BLOCK,
    ROW,
    SEEN,
    TOGETHER,
    Span,
    Work,
    drawn,
    fetch,
    gather,
    inject,
    is_near,
    lane_array,
    no_current,
    scale,
    spread_out,
    spread_unwatched,
)

UNWATCHED = 2
"""Sweeps at the start whose changes are not looked at: hardly a step is done by then, and they cost a third less."""


class Probes(NamedTuple):
    """Where voltages are wanted: ``v = scale (u_above + z j_below)``."""

    start: Any  # (islands + 1,)
    above: Any
    below: Any
    z: Any  # (m, 2)
    scale: Any  # (m, 2)
    column: Any  # (m,) column of the result


class Results(NamedTuple):
    """Arrays to fill; those that are not wanted have no rows."""

    v: Any  # (K, m, 2)
    vm: Any  # (K, m)
    extremes: Any  # (K, 2)
    source: Any  # (K, islands, 2)
    losses: Any  # (K, 2)
    iterations: Any  # (K,) int64
    converged: Any  # (K,) int64: 1 yes, 0 not within the iterations, -1 broke down
    change: Any  # (K,) largest change of a voltage in the last sweep


class Block(NamedTuple):
    """Sixteen steps, how many of them are real, and the steps and island whose powers are read next."""

    steps: Any
    used: int
    ahead: Any
    coming: int


@kernel
def _begin(block: Any, circuit: Any, span: Any, given: Any, work: Any) -> None:
    """Set the currents that are drawn where every node has its voltage without load."""
    u, j = work.u, work.j
    re, im = given.root_re, given.root_im
    for t in range(BLOCK):
        put(work.lanes, t, 1.0 if t < block.used else 0.0)
        put(work.lanes, 4 * BLOCK + t, -1.0)
        put(u, t, peek(re.begin + block.steps[t] * re.along + span.island * re.across))
        put(u, BLOCK + t, peek(im.begin + block.steps[t] * im.along + span.island * im.across))
    for g in range(0, BLOCK, 8):
        ur, ui = load(u, g), load(u, g + BLOCK)
        per = spread(1.0) / fma(ui, ui, ur * ur)
        for k in range(span.first, span.last):
            a, own = (k - span.first) * ROW, circuit.load_of[k]
            if own >= 0:
                _, tr, ti = drawn(work.rows, given.parts * (own - span.lowest) * ROW + g, given.parts, ur, ui)
                store(j, a + g, fms(ti, ui, tr * ur) * per)
                store(j, a + BLOCK + g, fma(ti, ur, tr * ui) * per)
            else:
                no_current(j, a + g)


@kernel
def _at_root(circuit: Any, span: Any, parts: int, work: Any) -> None:
    """Keep the summed current of the root, clear the change, and set the root's own current for the next sweep."""
    u, j, lanes, own = work.u, work.j, work.lanes, circuit.load_of[span.first]
    for g in range(0, BLOCK, 8):
        store(lanes, BLOCK + g, spread(0.0))
        store(lanes, 2 * BLOCK + g, load(j, g))
        store(lanes, 3 * BLOCK + g, load(j, BLOCK + g))
        if own >= 0:
            inject(work.rows, parts * (own - span.lowest) * ROW + g, parts, load(u, g), load(u, BLOCK + g), j, g)
        else:
            no_current(j, g)


@kernel
def _copy_root(span: Any, u: int) -> None:
    """Give every node the voltage of the root, for the first change to be measured from."""
    for k in range(1, span.last - span.first):
        for g in range(0, ROW, 8):
            store(u, k * ROW + g, load(u, g))


@kernel
def _settle(steps: Any, lanes: int, iteration: int, tol: float, most: Any, results: Any) -> int:
    """Stop the lanes that are done or lost; return how many go on."""
    left = 0
    for t in range(BLOCK):
        if get(lanes, t) > 0.0:
            # A NaN anywhere in an island is in the current of its root one sweep later at the latest.
            error, current = get(lanes, BLOCK + t), get(lanes, 2 * BLOCK + t) + get(lanes, 3 * BLOCK + t)
            if not (np.isfinite(error) and np.isfinite(current)):
                results.converged[steps[t]] = -1
            elif is_near(np.sqrt(error), get(lanes, 4 * BLOCK + t), tol, peek(most.begin + steps[t] * most.along)):
                results.iterations[steps[t]] = max(results.iterations[steps[t]], iteration)
                results.change[steps[t]] = max(results.change[steps[t]], np.sqrt(error))
            else:
                put(lanes, 4 * BLOCK + t, np.sqrt(error))
                left += 1
                continue
            put(lanes, t, 0.0)
    return left


@kernel
def _iterate(block: Any, circuit: Any, span: Any, given: Any, tol: float, limit: int, work: Any, results: Any) -> None:
    """Sweep an island until every lane is done; each node is left with the current that it draws."""
    left = BLOCK
    for iteration in range(1, limit + 1):
        gather(circuit.parent, span, work.j)
        _at_root(circuit, span, given.parts, work)
        if iteration <= UNWATCHED and iteration < limit:
            power = given.p if iteration == 1 else given.q
            spread_unwatched(circuit, span, given.parts, work, power, block.ahead, block.coming)
            continue
        if iteration == 1:
            _copy_root(span, work.u)
        spread_out(circuit, span, given.parts, work)
        left = _settle(block.steps, work.lanes, iteration, tol, given.most, results)
        if left == 0:
            return
    for t in range(BLOCK):
        if get(work.lanes, t) > 0.0:
            results.converged[block.steps[t]] = min(results.converged[block.steps[t]], 0)
            results.iterations[block.steps[t]] = limit


@kernel
def _see(probes: Any, begin: int, end: int, first: int, with_size: bool, work: Any) -> None:
    """Work out some wanted voltages: their two parts and, where wanted, their magnitudes."""
    u, j = work.u, work.j
    for i in range(begin, end):
        a, b = (probes.above[i] - first) * ROW, (probes.below[i] - first) * ROW
        zr, zi = spread(probes.z[i, 0]), spread(probes.z[i, 1])
        sr, si = spread(probes.scale[i, 0]), spread(probes.scale[i, 1])
        to = SEEN + (i - begin) * 3 * BLOCK
        for g in range(0, BLOCK, 8):
            jr, ji = load(j, b + g), load(j, b + BLOCK + g)
            ur = fms(zi, ji, fma(zr, jr, load(u, a + g)))
            ui = fma(zi, jr, fma(zr, ji, load(u, a + BLOCK + g)))
            vr, vi = fms(si, ui, sr * ur), fma(si, ur, sr * ui)
            store(work.lanes, to + g, vr)
            store(work.lanes, to + BLOCK + g, vi)
            if with_size:
                store(work.lanes, to + 2 * BLOCK + g, root(fma(vi, vi, vr * vr)))


@kernel
def write_seen(block: Any, columns: Any, first: int, last: int, lanes: int, results: Any) -> None:
    """Write voltages that were worked out: complex, magnitudes, and what they add to the extremes."""
    steps, ends, width = block.steps, results.extremes, columns.size
    to_v, to_vm = address(results.v), address(results.vm)
    if results.v.shape[0] > 0:
        for t in range(block.used):
            row = to_v + 16 * steps[t] * width
            for i in range(first, last):
                place = row + 16 * columns[i]
                at = SEEN + (i - first) * 3 * BLOCK + t
                poke(place, get(lanes, at))
                poke(place + 8, get(lanes, at + BLOCK))
    if results.vm.shape[0] > 0:
        for t in range(block.used):
            row = to_vm + 8 * steps[t] * width
            for i in range(first, last):
                poke(row + 8 * columns[i], get(lanes, SEEN + ((i - first) * 3 + 2) * BLOCK + t))
    if ends.shape[0] > 0:
        for t in range(block.used):
            for i in range(first, last):
                size = get(lanes, SEEN + ((i - first) * 3 + 2) * BLOCK + t)
                ends[steps[t], 0] = min(ends[steps[t], 0], size)
                ends[steps[t], 1] = max(ends[steps[t], 1], size)


@kernel
def _source(block: Any, circuit: Any, span: Any, work: Any, results: Any) -> None:
    """Work out what the source gives, and write it where it is wanted."""
    u, j, lanes = work.u, work.j, work.lanes
    dr, di = spread(circuit.root_d[span.island, 0]), spread(circuit.root_d[span.island, 1])
    for g in range(0, BLOCK, 8):
        ur, ui = load(u, g), load(u, BLOCK + g)
        ir = fms(di, ui, dr * ur) - load(j, g)
        ii = fma(di, ur, dr * ui) - load(j, BLOCK + g)
        store(lanes, g, fma(ui, ii, ur * ir))
        store(lanes, BLOCK + g, fms(ur, ii, ui * ir))
    for t in range(block.used if results.source.shape[0] > 0 else 0):
        results.source[block.steps[t], span.island, 0] = get(lanes, t)
        results.source[block.steps[t], span.island, 1] = get(lanes, BLOCK + t)


@kernel
def _lose(block: Any, circuit: Any, span: Any, parts: int, work: Any, results: Any) -> None:
    """Add to what the source gives all injections, take off what fixed shunts take, and write what is left."""
    u, lanes = work.u, work.lanes
    for k in range(span.first, span.last):
        own, a = circuit.load_of[k], (k - span.first) * ROW
        if own < 0:
            continue
        wr, wi = circuit.weight[own, 0], circuit.weight[own, 1]
        per = 1.0 / (wr * wr + wi * wi)
        pr, pi = spread(wr * per), spread(-wi * per)
        for g in range(0, BLOCK, 8):
            at = parts * (own - span.lowest) * ROW + g
            _, tr, ti = drawn(work.rows, at, parts, load(u, a + g), load(u, a + BLOCK + g))
            store(lanes, g, load(lanes, g) + fms(ti, pi, tr * pr))
            store(lanes, BLOCK + g, load(lanes, BLOCK + g) - fma(ti, pr, tr * pi))
    for h in range(circuit.shunt_start[span.island], circuit.shunt_start[span.island + 1]):
        a = (circuit.shunt_node[h] - span.first) * ROW
        hr, hi = spread(circuit.shunt_s[h, 0]), spread(circuit.shunt_s[h, 1])
        for g in range(0, BLOCK, 8):
            ur, ui = load(u, a + g), load(u, a + BLOCK + g)
            m = fma(ui, ui, ur * ur)
            store(lanes, g, fms(m, hr, load(lanes, g)))
            store(lanes, BLOCK + g, fms(m, hi, load(lanes, BLOCK + g)))
    for t in range(block.used):
        results.losses[block.steps[t], 0] += get(lanes, t)
        results.losses[block.steps[t], 1] += get(lanes, BLOCK + t)


@kernel
def _solve(block: Any, circuit: Any, span: Any, given: Any, tol: float, limit: int, probes: Any, work: Any, results: Any) -> None:  # fmt: skip  # noqa: E501
    """Solve sixteen steps of an island, and write what is wanted."""
    parts = given.parts
    for g in range(0, parts * (circuit.load_start[span.island + 1] - span.lowest) * ROW, 8):
        store(work.rows, g, spread(0.0))
    fetch(given.p, given.q, block.steps, circuit, span, work.rows, 0, parts)
    if parts > 1:
        fetch(given.p_i, given.q_i, block.steps, circuit, span, work.rows, 1, parts)
        fetch(given.p_z, given.q_z, block.steps, circuit, span, work.rows, 2, parts)
    scale(circuit, span, work.rows, parts)
    _begin(block, circuit, span, given, work)
    _iterate(block, circuit, span, given, tol, limit, work, results)
    with_powers = results.source.shape[0] > 0 or results.losses.shape[0] > 0
    if with_powers or np.any(probes.z):
        gather(circuit.parent, span, work.j)
    with_size = results.vm.shape[0] > 0 or results.extremes.shape[0] > 0
    if with_size or results.v.shape[0] > 0:
        end = probes.start[span.island + 1]
        for begin in range(probes.start[span.island], end, TOGETHER):
            last = min(begin + TOGETHER, end)
            _see(probes, begin, last, span.first, with_size, work)
            write_seen(block, probes.column, begin, last, work.lanes, results)
    if with_powers:
        _source(block, circuit, span, work, results)
    if results.losses.shape[0] > 0:
        _lose(block, circuit, span, parts, work, results)


@kernel
def sweep(steps: Any, circuit: Any, given: Any, tol: float, limit: int, probes: Any, arrays: Any, results: Any) -> None:
    """Solve the listed steps, block after block and island after island; fill the results in the rows of the steps."""
    work = Work(address(arrays[0]), address(arrays[1]), address(arrays[2]), address(arrays[3]))
    now, later = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK, dtype=np.int64)
    islands = circuit.start.size - 1
    for begin in range(0, steps.size, BLOCK):
        # A last block that is not full repeats its first step in lanes that never become active.
        count = min(BLOCK, steps.size - begin)
        for t in range(BLOCK):
            now[t] = steps[begin + t] if t < count else steps[begin]
            later[t] = steps[min(begin + BLOCK + t, steps.size - 1)]
        for island in range(islands):
            coming = (island + 1) % islands
            block = Block(now, count, now if coming > 0 else later, coming)
            span = Span(island, circuit.start[island], circuit.start[island + 1], circuit.load_start[island])
            _solve(block, circuit, span, given, tol, limit, probes, work, results)


def work_arrays(nodes: int, loads: int) -> tuple[Any, Any, Any, Any]:
    """Return the arrays that one thread needs for islands of up to so many nodes and rows of loads."""
    return aligned(nodes * ROW), aligned(nodes * ROW), aligned(loads * ROW), lane_array()
