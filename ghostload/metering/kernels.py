"""Compiled: from true watt-hours and a month's reading to what a head end holds for each interval.

One call does one calendar month of many meters. All of it is decided on hours; intervals split an hour, so that
readings at any resolution add up to those of the next coarser one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ghostload.anomalies.draws import GOLDEN, MIX_1, MIX_2, UNIT
from ghostload.anomalies.spread import ACTUAL, ESTIMATED, MISSING
from ghostload.grid.kernels.compiled import bare, helper

_GOLDEN, _MIX_1, _MIX_2 = np.uint64(GOLDEN), np.uint64(MIX_1), np.uint64(MIX_2)
_MOST_RUNS = 30
_DAY, _WEEK = 24, 168


class Own(NamedTuple):
    """Scratch of one meter and month of H hours."""

    energy: Any  # (H,) int64
    wh: Any  # (H,) int64
    mark: Any  # (H,) uint8
    gap: Any  # (H,) uint8
    weight: Any  # (H,) float64


def scratch(hours: int) -> Own:
    """Return empty scratch; made here, since making arrays in a kernel compiles slowly."""
    whole, small = np.empty((2, hours), np.int64), np.empty((2, hours), np.uint8)
    return Own(whole[0], whole[1], small[0], small[1], np.empty(hours))


@helper
def hashed(key: Any, entity: int, month: int, index: int) -> float:
    """As :func:`ghostload.anomalies.draws.hashed_uniform`, one number."""
    word = key
    for part in (entity, month, index):
        word = word + (np.uint64(part) + np.uint64(1)) * _GOLDEN
        word = (word ^ (word >> np.uint64(30))) * _MIX_1
        word = (word ^ (word >> np.uint64(27))) * _MIX_2
        word = word ^ (word >> np.uint64(31))
    return float(word >> np.uint64(11)) * UNIT


@bare
def split_hours(wh: Any, first: int, per: int, rows: Any, hours: Any, own: Own) -> None:
    """Change some rows in place so that their hours are the given ones, each hour in its own proportions.

    Parameters
    ----------
    wh : (n, S) array of int32
    first : int
        Step at which the month begins.
    per : int
        Steps of an hour.
    rows : (k,) array of int
    hours : (k, H) array of int
    own : Own
    """
    had = own.energy
    for i in range(len(rows)):
        row = wh[rows[i]]
        for h in range(len(had)):
            had[h] = 0
            for j in range(first + h * per, first + (h + 1) * per):
                had[h] += row[j]
        split_row(row, first, per, had, hours[i], row)


@helper
def split_row(wh: Any, first: int, per: int, had: Any, has: Any, out: Any) -> None:
    """Write the energy of a month's hours into their steps.

    Parameters
    ----------
    wh : (S,) array of int32
        Its proportions are followed; ``out`` may be the same array.
    first, per : int
    had : (H,) array of int
        Energy of the hours in ``wh``; where it is 0 the steps get equal parts.
    has : (H,) array of int
        Energy of the hours that is written.
    out : (S,) array of int32
    """
    minutes = 60 // per
    for h in range(len(had)):
        at = first + h * per
        even = had[h] <= 0
        gain = has[h] / (60 if even else had[h])
        running, before = 0, 0
        for j in range(at, at + per - 1):
            running += minutes if even else wh[j]
            after = int(np.floor(running * gain + 0.5))
            out[j] = after - before
            before = after
        out[at + per - 1] = has[h] - before


@bare
def register_month(
    true_wh: Any, first: int, per: int, hours: int, slot: Any, shown: Any, marks: Any, reading: Any, drift: Any,
    meters: Any, month: int, gap_key: Any, gap_mean: Any, stuck_key: Any, stuck_mean: Any, lengths: Any,
    linear_hours: int, fill: bool, out: Any, flags: Any, own: Own,
) -> None:  # fmt: skip
    """Record one month of n meters.

    Parameters
    ----------
    true_wh : (n, S) array of int32
        Truly drawn.
    first, per, hours : int
        Step at which the month begins, steps of an hour, hours of the month.
    slot : (n,) array of int
        Row of ``shown`` and ``marks`` for meters that show something else than is drawn, else -1.
    shown : (k, H) array of int
    marks : (k, H) array of uint8
        Flags that events bring.
    reading : (n,) array of int
        Wh that the register advances by in the month.
    drift : (n,) array
        Hours that the clock is ahead after an hour since it was set.
    meters : (n,) array of int
    month : int
        Month number.
    gap_key, stuck_key : uint64
    gap_mean, stuck_mean : (n, 2) array
        Mean number m of gaps and of stuck spells in the month, and exp(-m).
    lengths : (L,) array of int
        Quantiles of their length in hours.
    linear_hours : int
        Longest gap that is filled along a line.
    fill : bool
        Whether gaps are estimated; else they stay missing.
    out, flags : (n, S) arrays of int32 and uint8
        What is recorded, Wh, and its flags.
    own : Own
    """
    energy, wh, mark, gap = own.energy, own.wh, own.mark, own.gap
    for i in range(len(true_wh)):
        for h in range(hours):
            had = 0
            for j in range(per):
                had += true_wh[i, first + h * per + j]
            energy[h] = had
        if slot[i] >= 0:
            for h in range(hours):
                wh[h], mark[h] = shown[slot[i], h], marks[slot[i], h]
        else:
            for h in range(hours):
                wh[h], mark[h] = energy[h], ACTUAL
        scale_to_reading(wh, reading[i], drift[i])
        if spells(stuck_key, meters[i], month, stuck_mean[i], lengths, gap):
            hold_back(wh, gap)
        quiet = spells(gap_key, meters[i], month, gap_mean[i], lengths, gap) == 0
        if not quiet:
            fill_gaps(wh, mark, gap, linear_hours, fill, own.weight)
        if quiet and slot[i] < 0:
            flags[i, first : first + hours * per] = ACTUAL
        else:
            for h in range(hours):
                flags[i, first + h * per : first + (h + 1) * per] = mark[h]
                if mark[h] != ACTUAL:
                    energy[h] = 0
        split_row(true_wh[i], first, per, energy, wh, out[i])


@helper
def scale_to_reading(wh: Any, reading: int, drift: float) -> None:
    """Scale the hours so that they add up to the register's reading, in place, with the clock's drift in between.

    The register is read at hour boundaries of its own clock: where that is ahead (drift > 0), a share of the hour that
    follows has gone by. It is set at the start of the month, and the month's reading is taken in true time.
    """
    hours = len(wh)
    total = 0
    for h in range(hours):
        total += wh[h]
    if total <= 0:
        for h in range(hours):
            wh[h] = 1
        total = hours
    gain = reading / total
    running, before, here = 0, 0, wh[0]
    for h in range(hours):
        running += here
        following = wh[h + 1] if h + 1 < hours else 0
        ahead = min(max(drift * (h + 1), -1.0), 1.0)
        moved = ahead * (following if ahead > 0.0 else here) if h + 1 < hours else 0.0
        after = int(np.floor(gain * (running + moved) + 0.5))
        wh[h] = after - before
        before, here = after, following


@helper
def spells(key: Any, meter: int, month: int, mean: Any, lengths: Any, on: Any) -> int:
    """Draw spells of a month, a Poisson number of them, and mark their hours; return how many there are."""
    hours = len(on)
    chance, draw, count = mean[1], hashed(key, meter, month, 0), 0
    below = chance
    while draw >= below and count < _MOST_RUNS:
        count += 1
        chance *= mean[0] / count
        below += chance
    if count == 0:
        return 0
    on[:] = 0
    for run in range(count):
        start = int(hashed(key, meter, month, 1 + 2 * run) * hours)
        length = lengths[int(hashed(key, meter, month, 2 + 2 * run) * len(lengths))]
        for h in range(start, min(start + length, hours)):
            on[h] = 1
    return count


@helper
def hold_back(wh: Any, on: Any) -> None:
    """Let the register stand still through each spell; its last hour brings what was held back."""
    held = 0
    for h in range(len(wh)):
        if on[h]:
            held += wh[h]
            wh[h] = 0
            if h + 1 == len(wh) or not on[h + 1]:
                wh[h], held = held, 0


@helper
def fill_gaps(wh: Any, mark: Any, gap: Any, linear_hours: int, fill: bool, weight: Any) -> None:
    """Put estimates into gaps, so that the register before and after agree, or flag them as missing."""
    hours = len(wh)
    h = 0
    while h < hours:
        if not gap[h]:
            h += 1
            continue
        start = h
        while h < hours and gap[h]:
            h += 1
        if fill:
            estimate(wh, mark, gap, start, h, linear_hours, weight)
        for k in range(start, h):
            mark[k] = max(mark[k], ESTIMATED if fill else MISSING)


@helper
def estimate(wh: Any, mark: Any, gap: Any, start: int, stop: int, linear_hours: int, weight: Any) -> None:
    """Share a gap's energy out: along the line between the hours beside a short one, else along like days."""
    hours, total, sum_of_weights = len(wh), 0, 0.0
    before = wh[start - 1] if start > 0 else (wh[stop] if stop < hours else 0)
    after = wh[stop] if stop < hours else before
    for h in range(start, stop):
        total += wh[h]
        if stop - start <= linear_hours:
            weight[h] = max(before + (after - before) * (h - start + 1) / (stop - start + 1), 0.0)
        else:
            weight[h] = like_hour(wh, mark, gap, h)
        sum_of_weights += weight[h]
    running, given = 0.0, 0
    for h in range(start, stop):
        running += weight[h] / sum_of_weights if sum_of_weights > 0.0 else 1.0 / (stop - start)
        share = int(np.floor(total * running + 0.5)) if h + 1 < stop else total
        wh[h] = share - given
        given = share


@helper
def like_hour(wh: Any, mark: Any, gap: Any, h: int) -> float:
    """Return the energy of the same hour a week before or after, else the day before or after, where it was read."""
    for shift in (-_WEEK, _WEEK, -_DAY, _DAY, -2 * _WEEK, 2 * _WEEK):
        at = h + shift
        if 0 <= at < len(wh) and not gap[at] and mark[at] == ACTUAL:
            return float(max(wh[at], 0))
    return 0.0
