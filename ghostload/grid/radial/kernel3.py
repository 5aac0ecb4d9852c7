"""The three-phase sweep: sixteen steps at a time, small matrices from the root outwards and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.radial.lanes import (
    address,
    aligned,
    fma,
    fms,
    get,
    larger,
    load,
    peek,
    put,
    root,
    spread,
    store,
    where_positive,
)
from ghostload.grid.radial.sweep_kernel import Block, write_seen
from ghostload.grid.radial.sweep_parts import BLOCK, SEEN, TOGETHER, Work, is_near, lane_array

_PAIR = 2 * BLOCK


class Feeder(NamedTuple):
    """What the steps have in common, by kept bus in the order of the sweep; complex numbers are pairs."""

    parent: Any  # (r,) -1 for the root
    plain: Any  # (r,) 1 where n and f are one
    n: Any  # (r, c, c, 2)
    z: Any
    f: Any
    v_open: Any  # (r, c, 2) voltage without load
    element_start: Any  # (r + 1,) elements of each kept bus
    element_a: Any  # (e,) conductors between which the element is
    element_b: Any  # (e,) -1 for earth
    element_column: Any  # (e,) column of the given powers
    element_share: Any  # (e,) share of that column
    element_zip: Any  # (e, 3) constant power, per |v|, per |v|^2
    root_g: Any  # (c, c, 2)
    root_z: Any  # (c, c, 2)


class Given3(NamedTuple):
    """Powers that the columns draw, and the two parts of the factor on the voltage of the source; all are tables."""

    p: Any
    q: Any
    rise: Any
    turn: Any


class Probes3(NamedTuple):
    """Where voltages are wanted: ``n . V_above + z . J_below``."""

    above: Any  # (m,)
    below: Any
    n: Any  # (m, c, 2)
    z: Any  # (m, c, 2)
    column: Any  # (m,) column of the result


@kernel
def _times_row(matrix: int, c: int, x: int, g: int) -> Any:
    """Multiply one row of a matrix, at an address, with the ``c`` complex numbers at another."""
    re, im = spread(0.0), spread(0.0)
    for b in range(c):
        mr, mi = spread(get(matrix, 2 * b)), spread(get(matrix, 2 * b + 1))
        xr, xi = load(x, b * _PAIR + g), load(x, b * _PAIR + BLOCK + g)
        re = fms(mi, xi, fma(mr, xr, re))
        im = fma(mi, xr, fma(mr, xi, im))
    return re, im


@kernel
def _gather(feeder: Any, c: int, j: int) -> None:
    """Take currents from the leaves to the root."""
    row, to_f = c * _PAIR, address(feeder.f)
    for k in range(feeder.parent.size - 1, 0, -1):
        a, b = j + 8 * k * row, j + 8 * feeder.parent[k] * row
        if feeder.plain[k]:
            for g in range(0, row, 8):
                store(b, g, load(b, g) + load(a, g))
            continue
        for i in range(c):
            matrix = to_f + 16 * c * (k * c + i)
            for g in range(0, BLOCK, 8):
                re, im = _times_row(matrix, c, a, g)
                at = i * _PAIR + g
                store(b, at, load(b, at) + re)
                store(b, at + BLOCK, load(b, at + BLOCK) + im)


@kernel
def _spread_out(feeder: Any, c: int, u: int, j: int, lanes: int) -> None:
    """Set voltages from the root to the leaves, and note the largest change."""
    row, to_z, to_n = c * _PAIR, address(feeder.z), address(feeder.n)
    for k in range(1, feeder.parent.size):
        a, b, plain = 8 * k * row, u + 8 * feeder.parent[k] * row, feeder.plain[k]
        for i in range(c):
            line = 16 * c * (k * c + i)
            for g in range(0, BLOCK, 8):
                at = i * _PAIR + g
                re, im = _times_row(to_z + line, c, j + a, g)
                if plain:
                    re, im = re + load(b, at), im + load(b, at + BLOCK)
                else:
                    more_re, more_im = _times_row(to_n + line, c, b, g)
                    re, im = re + more_re, im + more_im
                before_re, before_im = load(u + a, at), load(u + a, at + BLOCK)
                dr, di = re - before_re, im - before_im
                store(lanes, BLOCK + g, larger(load(lanes, BLOCK + g), fma(di, di, dr * dr)))
                active = load(lanes, g)
                store(u + a, at, where_positive(active, re, before_re))
                store(u + a, at + BLOCK, where_positive(active, im, before_im))


@kernel
def _across(u: int, a: int, b: int, g: int) -> Any:
    """Return the voltage between two conductors, or between one and earth."""
    vr, vi = load(u, a * _PAIR + g), load(u, a * _PAIR + BLOCK + g)
    if b >= 0:
        vr, vi = vr - load(u, b * _PAIR + g), vi - load(u, b * _PAIR + BLOCK + g)
    return vr, vi


@kernel
def _factor(cp: float, ci: float, cz: float, m: Any) -> Any:
    """Return the share of its rated power that an element takes where ``|v|^2`` is ``m``."""
    result = spread(cp)
    if ci != 0.0:
        result = fma(spread(ci), root(m), result)
    if cz != 0.0:
        result = fma(spread(cz), m, result)
    return result


@kernel
def _draw(feeder: Any, c: int, u: int, j: int, rows: int) -> None:
    """Set the currents that the elements inject."""
    row = c * _PAIR
    for k in range(feeder.parent.size):
        for g in range(0, row, 8):
            store(j, k * row + g, spread(0.0))
        here, to = u + 8 * k * row, j + 8 * k * row
        for e in range(feeder.element_start[k], feeder.element_start[k + 1]):
            a, b = feeder.element_a[e], feeder.element_b[e]
            cp, ci, cz = feeder.element_zip[e, 0], feeder.element_zip[e, 1], feeder.element_zip[e, 2]
            for g in range(0, BLOCK, 8):
                vr, vi = _across(here, a, b, g)
                m = fma(vi, vi, vr * vr)
                per = _factor(cp, ci, cz, m) / m
                tr, ti = load(rows, e * _PAIR + g), load(rows, e * _PAIR + BLOCK + g)
                # The conjugate power over the conjugate voltage is what flows out of a and into b.
                re, im = fma(ti, vi, tr * vr) * per, fms(ti, vr, tr * vi) * per
                store(to, a * _PAIR + g, load(to, a * _PAIR + g) - re)
                store(to, a * _PAIR + BLOCK + g, load(to, a * _PAIR + BLOCK + g) - im)
                if b >= 0:
                    store(to, b * _PAIR + g, load(to, b * _PAIR + g) + re)
                    store(to, b * _PAIR + BLOCK + g, load(to, b * _PAIR + BLOCK + g) + im)


@kernel
def _begin(block: Any, feeder: Any, c: int, given: Any, work: Any) -> None:
    """Fetch the powers, and set every bus to its voltage without load."""
    p, q, u, lanes, steps = given.p, given.q, work.u, work.lanes, block.steps
    for t in range(BLOCK):
        put(lanes, t, 1.0 if t < block.used else 0.0)
        put(lanes, 4 * BLOCK + t, -1.0)
        put(lanes, 2 * BLOCK + t, peek(given.rise.begin + steps[t] * given.rise.along))
        put(lanes, 3 * BLOCK + t, peek(given.turn.begin + steps[t] * given.turn.along))
    for e in range(feeder.element_column.size):
        column, share, at = feeder.element_column[e], feeder.element_share[e], work.rows + 8 * e * _PAIR
        from_p, from_q = p.begin + column * p.across, q.begin + column * q.across
        for t in range(BLOCK):
            put(at, t, share * peek(from_p + steps[t] * p.along))
            put(at, BLOCK + t, share * peek(from_q + steps[t] * q.along))
    for k in range(feeder.parent.size):
        for i in range(c):
            vr, vi = spread(feeder.v_open[k, i, 0]), spread(feeder.v_open[k, i, 1])
            at = (k * c + i) * _PAIR
            for g in range(0, BLOCK, 8):
                sr, si = load(lanes, 2 * BLOCK + g), load(lanes, 3 * BLOCK + g)
                store(u, at + g, fms(vi, si, vr * sr))
                store(u, at + BLOCK + g, fma(vi, sr, vr * si))


@kernel
def _settle(steps: Any, c: int, j: int, lanes: int, iteration: int, tol: float, results: Any) -> int:
    """Stop the lanes that are done or lost; return how many go on."""
    left = 0
    for t in range(BLOCK):
        if get(lanes, t) > 0.0:
            error, current = get(lanes, BLOCK + t), 0.0
            for i in range(2 * c):
                current += get(j, i * BLOCK + t)
            if not (np.isfinite(error) and np.isfinite(current)):
                results.converged[steps[t]] = -1
            elif not is_near(np.sqrt(error), get(lanes, 4 * BLOCK + t), tol, np.inf):
                put(lanes, 4 * BLOCK + t, np.sqrt(error))
                left += 1
                continue
            results.iterations[steps[t]] = iteration
            results.change[steps[t]] = np.sqrt(error)
            put(lanes, t, 0.0)
    return left


@kernel
def _iterate(block: Any, feeder: Any, c: int, tol: float, limit: int, work: Any, results: Any) -> None:
    """Sweep until every lane is done, and leave the currents summed towards the root."""
    left = BLOCK
    for iteration in range(1, limit + 1):
        _draw(feeder, c, work.u, work.j, work.rows)
        _gather(feeder, c, work.j)
        for g in range(0, BLOCK, 8):
            store(work.lanes, BLOCK + g, spread(0.0))
        _spread_out(feeder, c, work.u, work.j, work.lanes)
        left = _settle(block.steps, c, work.j, work.lanes, iteration, tol, results)
        if left == 0:
            break
    for t in range(BLOCK):
        if left > 0 and get(work.lanes, t) > 0.0:
            results.converged[block.steps[t]] = 0
            results.iterations[block.steps[t]] = limit
    _draw(feeder, c, work.u, work.j, work.rows)
    _gather(feeder, c, work.j)


@kernel
def _write_voltages(block: Any, probes: Any, c: int, work: Any, results: Any) -> None:
    """Write the wanted voltages: complex, magnitudes, extremes."""
    if results.v.shape[0] == 0 and results.vm.shape[0] == 0 and results.extremes.shape[0] == 0:
        return
    u, j, row = work.u, work.j, c * _PAIR
    to_n, to_z = address(probes.n), address(probes.z)
    for begin in range(0, probes.above.size, TOGETHER):
        last = min(begin + TOGETHER, probes.above.size)
        for i in range(begin, last):
            at_u, at_j = u + 8 * probes.above[i] * row, j + 8 * probes.below[i] * row
            to = work.lanes + 8 * (SEEN + (i - begin) * 3 * BLOCK)
            for g in range(0, BLOCK, 8):
                re, im = _times_row(to_n + 16 * c * i, c, at_u, g)
                more_re, more_im = _times_row(to_z + 16 * c * i, c, at_j, g)
                re, im = re + more_re, im + more_im
                store(to, g, re)
                store(to, BLOCK + g, im)
                store(to, 2 * BLOCK + g, root(fma(im, im, re * re)))
        write_seen(block, probes.column, begin, last, work.lanes, results)


@kernel
def _source_power(feeder: Any, c: int, u: int, j: int, lanes: int) -> None:
    """Work out the power that enters at the bus of the source, behind its impedance."""
    to_g, to_z = address(feeder.root_g), address(feeder.root_z)
    for g in range(0, BLOCK, 8):
        for i in range(c):
            # The current of the source takes the place of the summed currents, which nothing reads any more.
            re, im = _times_row(to_g + 16 * c * i, c, u, g)
            at = i * _PAIR + g
            store(j, at, re - load(j, at))
            store(j, at + BLOCK, im - load(j, at + BLOCK))
        p, q = spread(0.0), spread(0.0)
        for i in range(c):
            drop_re, drop_im = _times_row(to_z + 16 * c * i, c, j, g)
            at = i * _PAIR + g
            vr, vi = load(u, at) - drop_re, load(u, at + BLOCK) - drop_im
            ir, ii = load(j, at), load(j, at + BLOCK)
            p, q = fma(vi, ii, fma(vr, ir, p)), fms(vr, ii, fma(vi, ir, q))
        store(lanes, g, p)
        store(lanes, BLOCK + g, q)


@kernel
def _write_powers(block: Any, feeder: Any, c: int, work: Any, results: Any) -> None:
    """Write what the source gives, and what of it no element takes."""
    if results.source.shape[0] == 0 and results.losses.shape[0] == 0:
        return
    steps, rows, lanes = block.steps, work.rows, work.lanes
    _source_power(feeder, c, work.u, work.j, lanes)
    for t in range(block.used if results.source.shape[0] > 0 else 0):
        results.source[steps[t], 0, 0] = get(lanes, t)
        results.source[steps[t], 0, 1] = get(lanes, BLOCK + t)
    if results.losses.shape[0] == 0:
        return
    for k in range(feeder.parent.size):
        here = work.u + 8 * k * c * _PAIR
        for e in range(feeder.element_start[k], feeder.element_start[k + 1]):
            cp, ci, cz = feeder.element_zip[e, 0], feeder.element_zip[e, 1], feeder.element_zip[e, 2]
            for g in range(0, BLOCK, 8):
                vr, vi = _across(here, feeder.element_a[e], feeder.element_b[e], g)
                factor = _factor(cp, ci, cz, fma(vi, vi, vr * vr))
                store(lanes, g, fms(factor, load(rows, e * _PAIR + g), load(lanes, g)))
                at = e * _PAIR + BLOCK + g
                store(lanes, BLOCK + g, fms(factor, load(rows, at), load(lanes, BLOCK + g)))
    for t in range(block.used):
        results.losses[steps[t], 0] = get(lanes, t)
        results.losses[steps[t], 1] = get(lanes, BLOCK + t)


@kernel
def sweep3(steps: Any, feeder: Any, given: Any, tol: float, limit: int, probes: Any, arrays: Any, results: Any) -> None:
    """Solve the listed steps, block after block; fill the results in the rows of the steps."""
    work = Work(address(arrays[0]), address(arrays[1]), address(arrays[2]), address(arrays[3]))
    c = feeder.v_open.shape[1]
    now = np.empty(BLOCK, dtype=np.int64)
    for begin in range(0, steps.size, BLOCK):
        # A last block that is not full repeats its first step in lanes that never become active.
        count = min(BLOCK, steps.size - begin)
        for t in range(BLOCK):
            now[t] = steps[begin + t] if t < count else steps[begin]
        block = Block(now, count, now, 0)
        _begin(block, feeder, c, given, work)
        _iterate(block, feeder, c, tol, limit, work, results)
        _write_voltages(block, probes, c, work, results)
        _write_powers(block, feeder, c, work, results)


def work_arrays(buses: int, conductors: int, elements: int) -> tuple[Any, Any, Any, Any]:
    """Return the arrays that one thread needs."""
    size = buses * conductors * _PAIR
    return aligned(size), aligned(size), aligned(elements * _PAIR), lane_array()
