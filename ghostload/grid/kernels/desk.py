"""The table that a group of eight scenarios is worked on: its scratch, when a lane stops, reactive limits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels import symbolic as _symbolic
from ghostload.grid.kernels.compensation import RANK
from ghostload.grid.kernels.compiled import inlined, kernel
from ghostload.grid.kernels.lanes import Load

FloatArray = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
Int8Array = NDArray[np.int8]

_section: Any = inlined(_symbolic.section)

CHORD, NEWTON = 0, 1
"""Methods: factors of the base case for all steps; factors of each lane, renewed every other step."""

SLOW = 0.6
"""A chord lane whose mismatch shrinks by less than this in a step, after the third, is given up: Newton is cheaper."""

RETURN = 24
"""Steps after which generators at a limit stay there."""

HUGE = 1e8
"""A mismatch above this is divergence."""


def work_size(nodes: int, free: int, slots: int, entries: int, method: int) -> int:
    """Return the doubles of scratch that :func:`run` needs."""
    blocks = 32 * slots if method == NEWTON else 0
    return 16 * nodes + 40 * free + 2 * entries + 2 * free + blocks + 8 * 32


class Desk(NamedTuple):
    """Scratch of one group."""

    v: FloatArray
    f: FloatArray
    power: FloatArray
    pq: FloatArray
    yo: FloatArray
    yd: FloatArray
    blocks: FloatArray
    error: FloatArray
    before: FloatArray
    active: FloatArray
    pull: FloatArray
    state: Int8Array
    hold: FloatArray
    steps: Int64Array


@kernel
def note(s: FloatArray, v: FloatArray, state: Int8Array, hold: FloatArray) -> None:
    """Keep the set points of magnitude and the reactive powers that are given besides the generators."""
    state[:] = 0
    for i in range(state.size // 8):
        for n in range(8):
            at = 16 * i + n
            hold[at] = math.sqrt(v[at] ** 2 + v[at + 8] ** 2)
            hold[at + 8] = s[at + 8]


@kernel
def keep_limits(
    step: int,
    tol: float,
    q_low: FloatArray,
    q_high: FloatArray,
    load: Load,
    desk: Desk,
) -> int:
    """Switch generators between voltage and limit in lanes that have just converged; those go on. Return how many do.

    A generator at its upper limit goes back when its voltage lies above the set point, at its lower limit when below;
    after :data:`RETURN` steps none goes back any more, so that the rounds end. A lane in which one should is then given
    up: the mismatch noted becomes NaN, and the pivoting solver gets it.
    """
    v, power, pq, state, hold = desk.v, desk.power, desk.pq, desk.state, desk.hold
    margin = max(tol, 1e-9)
    lanes = 0
    for n in range(8):
        if desk.active[n] != 0.0 or not desk.error[n] <= tol:
            continue
        changes, wrong = 0, 0
        for i in range(q_low.size):
            if q_low[i] == -math.inf and q_high[i] == math.inf:
                continue
            at = 16 * i + n
            size = math.sqrt(v[at] ** 2 + v[at + 8] ** 2)
            now = state[8 * i + n]
            new = now
            if now == 0:
                q = power[at + 8] - load.power[at + 8]
                if load.current.size:
                    q -= (load.current[at + 8] + load.impedance[at + 8] * size) * size
                new = 1 if q > q_high[i] + margin else (-1 if q < q_low[i] - margin else 0)
            elif (size - hold[at]) * now > 1e-9:
                if step < RETURN:
                    new = 0
                    v[at] *= hold[at] / size
                    v[at + 8] *= hold[at] / size
                else:
                    wrong += 1
            if new != now:
                changes += 1
                state[8 * i + n] = new
                pq[8 * i + n] = 0.0 if new == 0 else 1.0
                load.power[at + 8] = hold[at + 8] + (q_high[i] if new == 1 else (q_low[i] if new == -1 else 0.0))
        if changes > 0:
            desk.active[n] = 1.0
            lanes += 1
        elif wrong > 0:
            desk.before[n] = math.nan
    return lanes


@kernel
def lay_desk(code: Int32Array, method: int, limited: bool, work: FloatArray) -> Desk:
    """Cut the scratch of a chunk out of ``work``, each part at a cache line."""
    nodes, free = code[0], code[1]
    entries, blocks = _section(code, 5).size, 32 * _section(code, 3).size if method == NEWTON else 0
    a = 16 * nodes
    b = a + 40 * free
    c = b + 256
    d = c + blocks
    return Desk(
        work[:a],
        work[a : a + 16 * free],
        work[a + 16 * free : a + 32 * free],
        work[a + 32 * free : b],
        work[d : d + 2 * entries],
        work[d + 2 * entries : d + 2 * entries + 2 * free],
        work[c:d],
        work[b : b + 16],
        work[b + 16 : b + 24],
        work[b + 24 : b + 32],
        work[b + 32 : b + 32 + 2 * RANK],
        np.zeros(8 * free if limited else 0, np.int8),
        np.zeros(16 * free if limited else 0),
        np.zeros(8, np.int64),
    )


@kernel
def judge(
    step: int, method: int, tol: float, error: FloatArray, before: FloatArray, active: FloatArray, steps: Int64Array
) -> int:
    """Stop the lanes that have arrived or failed; return how many go on."""
    going = 0
    for n in range(8):
        if active[n] == 0.0:
            continue
        steps[n] = step
        gone = not error[n] <= HUGE
        if method == CHORD and step > 3 and error[n] > SLOW * before[n]:
            gone = True
        if error[n] <= tol or gone:
            active[n] = 0.0
        else:
            going += 1
        before[n] = error[n]
    return going
