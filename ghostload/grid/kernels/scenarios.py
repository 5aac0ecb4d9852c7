"""The loop over groups of eight scenarios: start, iterate, write the voltages.

A scenario is a column of injections, set points of magnitude, and patches for its outages. Groups are formed by the
number of the scenario; the step taken in iteration k depends on the method and on k alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.chord import back_shared, forward_shared
from ghostload.grid.kernels.compensation import Correction, correct
from ghostload.grid.kernels.compiled import inlined, kernel
from ghostload.grid.kernels.desk import CHORD, Desk, judge, keep_limits, lay_desk, note
from ghostload.grid.kernels.lanes import Load, Patch, back8, factor8, forward8, mismatch8, move8
from ghostload.grid.kernels.newton import gather
from ghostload.grid.kernels.vectors import spread8, store

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
Int8Array = NDArray[np.int8]

_section: Any = inlined(_symbolic.section)

RENEW = 2
"""Newton in lanes factors anew every so many steps."""


@kernel
def scatter(
    s8: FloatArray,
    position: Int32Array,
    node: Int64Array,
    values: FloatArray,
    scale: FloatArray,
    part: int,
    free: int,
) -> None:
    """Add injections of elements to the specified powers of a chunk.

    Parameters
    ----------
    s8 : array
        ``s8[16 * free * group + 16 * row + 8 * part + lane]``.
    position : (n,) array
        New number of each node.
    node, scale : (elements,) arrays
        Node of each element (-1: left out), and per unit and sign of one unit of its value.
    values : (scenarios, elements) array
    part : int
        0 for active, 1 for reactive power.
    free : int
        Nodes that are not reference nodes.
    """
    scenarios = values.shape[0]
    for k in range(0, scenarios, 8):
        base = 2 * free * k + 8 * part
        last = min(8, scenarios - k)
        for e in range(node.size):
            if node[e] < 0 or position[node[e]] >= free:
                continue
            at = base + 16 * position[node[e]]
            for n in range(last):
                s8[at + n] += scale[e] * values[k + n, e]


@kernel
def spread_base(s8: FloatArray, perm: Int32Array, s: ComplexArray, free: int) -> None:
    """Set the powers of every scenario of a chunk to those of the base case."""
    for i in range(free):
        value = s[perm[i]]
        p, q = spread8(value.real), spread8(value.imag)
        for at in range(16 * i, s8.size, 16 * free):
            store(s8, at, p)
            store(s8, at + 8, q)


@kernel
def _start(
    v: FloatArray,
    v0: ComplexArray,
    perm: Int32Array,
    pq: FloatArray,
    pq8: FloatArray,
    set_node: Int32Array,
    set_vm: FloatArray,
    k: int,
    scenarios: int,
) -> None:
    """Put the eight lanes of a group at the base case, with their own set points of magnitude."""
    for i in range(perm.size):
        value = v0[perm[i]]
        store(v, 16 * i, spread8(value.real))
        store(v, 16 * i + 8, spread8(value.imag))
    for i in range(pq.size):
        store(pq8, 8 * i, spread8(pq[i]))
    for j in range(set_node.size):
        at = 16 * set_node[j]
        size = math.sqrt(v[at] ** 2 + v[at + 8] ** 2)
        for n in range(8):
            ratio = set_vm[min(k + n, scenarios - 1), j] / size
            v[at + n] *= ratio
            v[at + 8 + n] *= ratio


@kernel
def _write(v: FloatArray, k: int, scenarios: int, position: Int32Array, place: Int64Array, v_out: ComplexArray) -> None:
    """Write the voltages of a group, node by node in the order of the grid."""
    last = min(8, scenarios - k)
    for node in range(position.size):
        at = 16 * position[node]
        for n in range(last):
            v_out[place[k + n], node] = complex(v[at + n], v[at + 8 + n])


class Task(NamedTuple):
    """A chunk of scenarios.

    Attributes
    ----------
    place : (scenarios,) array
        Row of the results, of the patches and of the correction for each scenario.
    load : Load
        Powers of all groups, one after the other; see :func:`scatter`. One group where all scenarios have the same.
    set_node, set_vm : (m,), (scenarios, m) arrays
        Nodes (new numbers) whose magnitude differs between scenarios, and the magnitudes.
    start, row : arrays
        Where the patches of each scenario begin, and their rows.
    q_low, q_high : (free,) arrays
        Limits of the reactive power of generators, infinite where there is none; empty: not in force. PV nodes that
        leave them become PQ nodes, lane by lane, and go back when the voltage allows. ``load`` is changed on the way.
    """

    place: Int64Array
    load: Load
    set_node: Int32Array
    set_vm: FloatArray
    start: Int32Array
    row: Int32Array
    q_low: FloatArray
    q_high: FloatArray


class Base(NamedTuple):
    """The base case: admittances, node types (1 PQ, 0 PV), voltages, factors."""

    y: ComplexArray
    pq: FloatArray
    v: ComplexArray
    factors: FloatArray


class Rules(NamedTuple):
    """How to iterate: :data:`CHORD` or :data:`NEWTON`, whether Newton's first step takes the base case's factors."""

    method: int
    shared_start: bool
    tol: float
    max_iter: int


@kernel
def _link_patches(task: Task, k: int, patch: Patch, undo: bool) -> None:
    """Link the patches of a group by row, or take the links away again."""
    for n in range(min(8, task.place.size - k)):
        scenario = task.place[k + n]
        for p in range(task.start[scenario], task.start[scenario + 1]):
            row = task.row[p]
            if undo:
                patch.first[row] = -1
            else:
                patch.lane[p] = n
                patch.link[p] = patch.first[row]
                patch.first[row] = p


@kernel
def _begin(
    code: Int32Array, base: Base, task: Task, rules: Rules, correction: Correction, k: int, load: Load, desk: Desk
) -> None:
    """Put a group at its start; lanes without a scenario, or with one that cannot be corrected, do not take part."""
    _start(desk.v, base.v, _section(code, 0), base.pq, desk.pq, task.set_node, task.set_vm, k, task.place.size)
    for n in range(8):
        desk.steps[n] = 0
        desk.before[n] = math.inf
        desk.active[n] = 1.0 if k + n < task.place.size else 0.0
        if desk.active[n] == 1.0 and rules.method == CHORD and correction.counts.size:
            desk.active[n] = 1.0 if correction.counts[task.place[k + n]] >= 0 else 0.0
    if desk.state.size:
        note(load.power, desk.v, desk.state, desk.hold)


@kernel
def _step(
    code: Int32Array,
    base: Base,
    task: Task,
    rules: Rules,
    correction: Correction,
    k: int,
    step: int,
    load: Load,
    patch: Patch,
    desk: Desk,
) -> None:
    """Take one step: common factors, new factors, or those of the step before."""
    if rules.method == CHORD or (rules.shared_start and step == 0):
        forward_shared(code, base.factors, desk.f)
        if rules.method == CHORD and correction.counts.size:
            for n in range(min(8, task.place.size - k)):
                correct(correction, task.place[k + n], n, desk.f, desk.pull)
        back_shared(code, base.factors, desk.f)
    else:
        if desk.state.size or (step - rules.shared_start) % RENEW == 0:
            factor8(code, desk.yo, desk.yd, load, desk.pq, desk.v, desk.power, desk.f, desk.blocks, patch)
        else:
            forward8(code, desk.blocks, desk.f)
        back8(code, desk.blocks, desk.f)
    move8(desk.v, desk.f, desk.pq, desk.active)


@kernel
def run(
    code: Int32Array,
    position: Int32Array,
    base: Base,
    task: Task,
    rules: Rules,
    patch: Patch,
    correction: Correction,
    work: FloatArray,
    v_out: ComplexArray,
    iterations: Int64Array,
    errors: FloatArray,
) -> None:
    """Solve the scenarios of a chunk.

    Parameters
    ----------
    code, position : arrays
        Of :class:`.Symbolic`.
    base, task, rules, correction : tuples
        ``correction`` has no rows when nothing is out or the method is Newton's.
    patch : Patch
        Patches of all scenarios of the chunk, not linked: ``first`` is -1 everywhere, and so it is left.
    work : array
        Scratch, :func:`work_size` doubles.
    v_out, iterations, errors : (scenarios, n), (scenarios,), (scenarios,) arrays
        Filled with the voltages, the steps taken, and the largest mismatch reached (NaN: broken down).
    """
    free, scenarios = code[1], task.place.size
    limited = task.q_low.size > 0
    desk = lay_desk(code, rules.method, limited, work)
    gather(code, base.y, desk.yo, desk.yd)
    whole = task.load
    for k in range(0, scenarios, 8):
        at = 2 * free * k if whole.power.size > 16 * free else 0
        end = at + 16 * free
        load = Load(whole.power[at:end], whole.current[at:end], whole.impedance[at:end])
        if task.row.size:
            _link_patches(task, k, patch, False)
        _begin(code, base, task, rules, correction, k, load, desk)
        for step in range(rules.max_iter + 1):
            mismatch8(code, desk.yo, desk.yd, load, desk.pq, desk.v, desk.power, desk.f, patch, desk.error)
            going = judge(step, rules.method, rules.tol, desk.error, desk.before, desk.active, desk.steps)
            if limited and keep_limits(step, rules.tol, task.q_low, task.q_high, load, desk) > 0:
                mismatch8(code, desk.yo, desk.yd, load, desk.pq, desk.v, desk.power, desk.f, patch, desk.error)
                for n in range(8):
                    desk.before[n] = desk.error[n] if desk.active[n] != 0.0 else desk.before[n]
                going = 8
            if going == 0 or step == rules.max_iter:
                break
            _step(code, base, task, rules, correction, k, step, load, patch, desk)
        if task.row.size:
            _link_patches(task, k, patch, True)
        _write(desk.v, k, scenarios, position, task.place, v_out)
        for n in range(min(8, scenarios - k)):
            iterations[task.place[k + n]] = desk.steps[n]
            errors[task.place[k + n]] = desk.before[n]
