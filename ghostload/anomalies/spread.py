"""Energy of a month put into its hours: whole watt-hours, exact sums, no hour beyond what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import BoolArray, FloatArray, IntArray

_FRACTION_BITS = 20


class Form(Enum):
    """What the weights of a :class:`Spread` share out: what is lost, what is kept, or an estimate in its place."""

    LOST = "lost"
    KEPT = "kept"
    ESTIMATE = "estimate"


@dataclass(frozen=True)
class Spread:
    """How a month's change lies over its H hours, for E events.

    Attributes
    ----------
    weights : (E, H) array, non-negative
        Up to a factor that the month's total sets: what each hour loses (of at most what it holds), what each hour
        keeps, or what is recorded in place of what was drawn.
    form : Form
    most_wh : (E,) array of int, optional
        An estimate's total; what is beyond it, a settlement, is recorded in the last estimated hour.
    flags : (E, H) array of uint8, optional
        Codes of :data:`FLAGS` that the hours get.
    """

    weights: FloatArray
    form: Form = Form.LOST
    most_wh: IntArray | None = None
    flags: NDArray[np.uint8] | None = None


FLAGS = ("A", "E", "M")
"""What stands behind a reading: actual, estimated, or missing; a flag is the position in here."""
ACTUAL, ESTIMATED, MISSING = range(len(FLAGS))


def flagged(on: BoolArray, flag: int) -> NDArray[np.uint8]:
    """Return a flag where something holds, and :data:`ACTUAL` elsewhere."""
    return np.where(on, flag, ACTUAL).astype(np.uint8)


def lost_in_time(wh: IntArray, total_wh: IntArray, active: FloatArray, spread: Spread) -> IntArray:
    """Spread what events take from a month over its hours.

    Parameters
    ----------
    wh : (E, H) array of int
        What the hours hold, non-negative unless a register ran backwards.
    total_wh : (E,) array of int
        Energy to take; where it is negative, energy is added. At most what the hours hold is taken.
    active : (E, H) array
        Share of each hour in which the event is on.
    spread : Spread

    Returns
    -------
    (E, H) array of int; the sums over the hours are ``total_wh``, cut at what there is.
    """
    if spread.form is Form.ESTIMATE:
        return _estimated(wh, total_wh, spread)
    room = np.maximum(wh, 0)
    take = np.minimum(np.maximum(total_wh, 0), room.sum(axis=1))
    if spread.form is Form.KEPT:
        inside = np.floor(room * active).astype(np.int64)
        left = inside.sum(axis=1) - take
        inside_lost = inside - fill(inside, spread.weights, np.maximum(left, 0))
        lost = inside_lost + fill(room - inside, room * 1.0, np.maximum(-left, 0))
    else:
        lost = fill(room, spread.weights, take)
    added = np.maximum(-total_wh, 0)
    if added.any():
        lost -= share_out(_or_flat(spread.weights), added)
    return lost


def _estimated(wh: IntArray, total_wh: IntArray, spread: Spread) -> IntArray:
    """Put an estimate in the place of what was drawn; what it is short of its total is settled in its last hour."""
    on = spread.weights > 0.0
    record = np.where(on, wh, 0).sum(axis=1) - total_wh
    most = record if spread.most_wh is None else np.minimum(record, spread.most_wh)
    estimate = share_out(np.where(on, spread.weights, 0.0), np.maximum(most, 0))
    last = wh.shape[1] - 1 - np.argmax(on[:, ::-1], axis=1)
    estimate[np.arange(len(wh)), last] += np.maximum(record, 0) - np.maximum(most, 0)
    lost: IntArray = np.where(on, wh - estimate, 0)
    return lost


def _or_flat(weights: FloatArray) -> FloatArray:
    """Return the weights, or equal ones in rows that have none."""
    return np.where(weights.sum(axis=1, keepdims=True) > 0.0, weights, 1.0)


def fill(room: IntArray, weights: FloatArray, total: IntArray) -> IntArray:
    """Share out ``min(room, k * weights)``, with k such that each row adds up to its total.

    When hours with weight are full, the rest goes to the others in proportion to what they can hold.

    Parameters
    ----------
    room : (E, H) array of int, non-negative
    weights : (E, H) array, non-negative
    total : (E,) array of int
        At most the sum of a row's room.

    Returns
    -------
    (E, H) array of int
    """
    weights = np.where(room > 0, weights, 0.0)
    held = np.where(weights > 0.0, room, 0).sum(axis=1)
    within = np.minimum(total, held)
    share = weights * _factor(room, weights, within)[:, None]
    parts = whole(np.minimum(share, room), within, room)
    rest = total - within
    row = np.flatnonzero(rest > 0)
    if len(row):
        free = np.where(weights[row] > 0.0, 0, room[row])
        share = free * (rest[row] / np.maximum(free.sum(axis=1), 1))[:, None]
        parts[row] += whole(np.minimum(share, free), rest[row], free)
    return parts


def _factor(room: IntArray, weights: FloatArray, total: IntArray) -> FloatArray:
    """Return the k of :func:`fill`: by proportion where no hour is full, else over the hours in the order they fill."""
    factor: FloatArray = np.divide(total, weights.sum(axis=1), out=np.zeros(len(total)), where=total > 0)
    row = np.flatnonzero((weights * factor[:, None] > room).any(axis=1))
    if not len(row):
        return factor
    w, cap = weights[row], np.where(weights[row] > 0.0, room[row], 0).astype(np.float64)
    full_at = np.divide(cap, w, out=np.full(w.shape, np.inf), where=w > 0.0)
    order = np.argsort(full_at, axis=1, kind="stable")
    w, cap, full_at = (np.take_along_axis(item, order, axis=1) for item in (w, cap, full_at))
    filled = np.cumsum(cap, axis=1) - cap
    open_weight = np.cumsum(w[:, ::-1], axis=1)[:, ::-1]
    finite = np.where(np.isfinite(full_at), full_at, 0.0)
    reached = filled + finite * open_weight
    enough = (reached >= total[row, None]) & (w > 0.0)
    at = np.argmax(enough, axis=1)
    pick = (np.arange(len(row)), at)
    factor[row] = np.where(enough.any(axis=1), (total[row] - filled[pick]) / open_weight[pick], finite.max(axis=1))
    return factor


def share_out(weights: FloatArray, total: IntArray) -> IntArray:
    """Share totals out in proportion to weights, without a limit; rows without weight get equal parts. (E, H) int."""
    weights = _or_flat(weights)
    parts = weights * (total / weights.sum(axis=1))[:, None]
    return whole(parts, total)


def whole(parts: FloatArray, total: IntArray | None = None, room: IntArray | None = None) -> IntArray:
    """Round parts to whole numbers by rounding their running sum, so that each is off by less than 1 and sums hold.

    Parameters
    ----------
    parts : (E, H) array
    total : (E,) array of int, optional
        What the rows add up to, when that is known to be whole.
    room : (E, H) array of int, optional
        What no part exceeds.

    Returns
    -------
    (E, H) array of int; where a part is zero or whole and all before it were whole, it is itself.
    """
    fixed = np.floor(parts * float(1 << _FRACTION_BITS)).astype(np.int64)
    if room is not None:
        np.minimum(fixed, room << _FRACTION_BITS, out=fixed)
    running = np.cumsum(fixed, axis=1)
    running += 1 << (_FRACTION_BITS - 1)
    running >>= _FRACTION_BITS
    if total is not None:
        running[:, -1] = total
    running[:, 1:] -= running[:, :-1].copy()
    return running
