"""The kernel of interval demand: weights of half hours from uses and activity, shared out in whole watt-hours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.consumption.appliances import SLOTS
from ghostload.consumption.interval_setup import (
    DAY_TICKS,
    GOLDEN,
    HALF_HOURS,
    LOW8,
    LOW10,
    LOW16,
    NOISE,
    SHIFT8,
    SHIFT16,
    SHIFT26,
    SHIFT36,
    Own,
    address,
    mix,
    prepare,
    set_days,
)
from ghostload.consumption.interval_tables import TICKS
from ghostload.grid.kernels.compiled import bare, helper


@helper
def _uses(key: Any, first: Any, days: Any, types: Any, warm: Any, ticks: Any, rest: Any, tables: Any, own: Own) -> None:
    """Add what is switched on to the bins, each use a rectangle."""
    end = days * DAY_TICKS
    reciprocal = ((1 << 40) + ticks - 1) // ticks
    for d in range(-1, days):
        level = own.level[d + 1]
        if level < 0.0:
            continue
        day_key = address(key, np.uint64(first + d))
        day_type = types[d + 1]
        hot, usual = int(1024.0 * warm[d + 1]), int(1024.0 * level)
        for s in range(SLOTS):
            z = mix(day_key + (np.uint64(s) + np.uint64(1)) * GOLDEN)
            often = hot if own.cools[s] == 1 else usual
            if int(z & LOW16) >= (own.threshold[s, day_type] * often) >> 10:
                continue
            start = own.start[s] + int(own.jitter[s] * tables.normal[int((z >> SHIFT16) & LOW10)])
            if day_type > 0 and start < DAY_TICKS // 2:
                start += rest
            length = own.length[s] * tables.length[int((z >> SHIFT26) & LOW10)]
            if own.cools[s] == 1:
                length = own.length[s] * (0.7 + 0.3 * tables.length[int((z >> SHIFT26) & LOW10)])
            power = int(own.power[s] * tables.use_size[int((z >> SHIFT36) & LOW10)])
            a = d * DAY_TICKS + start
            b = min(a + int(min(length, 0.9 * DAY_TICKS)), end)
            a = max(a, 0)
            if b <= a:
                continue
            i, j = (a * reciprocal) >> 40, (b * reciprocal) >> 40
            own.edge[i] += power * ((i + 1) * ticks - a)
            own.rise[i + 1] += power * ticks
            own.edge[j] -= power * ((j + 1) * ticks - b)
            own.rise[j + 1] -= power * ticks


@helper
def _base(key: Any, first: Any, days: Any, types: Any, need: Any, ticks: Any, own: Own) -> None:
    """Add what runs anyway: floor, cooling with the weather, activity with its noise."""
    bins = TICKS // ticks
    noise, value = own.noise, own.value
    floor, cooling, activity = own.share[0], own.share[1], own.share[2]
    threshold = own.share[4]
    loud = np.float32(0.7) * own.share[5]
    quiet = np.float32(1.0) - loud
    scale = np.float32(ticks)
    for d in range(days):
        here = own.level[d + 1] >= 0.0
        if not here:
            value[:] = np.int32(scale * floor * (np.float32(1.0) - own.share[3]))
        else:
            day_key = address(key, np.uint64(first + d))
            for k in range(HALF_HOURS // 8):
                z = mix(day_key + (NOISE + np.uint64(k)) * GOLDEN)
                for h in range(8):
                    noise[8 * k + h] = np.float32(np.int32(z & LOW8)) * np.float32(1.0 / 127.5)
                    z >>= SHIFT8
            profile, cooled = own.activity[types[d + 1]], own.cooling[types[d + 1]]
            for part in range(4):
                level = own.part[d + 1, part]
                for h in range(12 * part, 12 * part + 12):
                    act = profile[h] * level * (quiet + loud * noise[h])
                    cool = cooled[h] * need[d + 1, h]
                    on = act >= threshold
                    value[h] = np.int32(scale * (floor + (cooling * cool + activity * act if on else np.float32(0.0))))
        at = d * HALF_HOURS * bins
        if bins == 1:
            for h in range(HALF_HOURS):
                own.edge[at + h] += value[h]
        else:
            swing = scale * own.share[6] * np.float32(1.0 if here else 1.0 - own.share[3])
            on, off = np.int32(1.5 * swing), np.int32(-swing)
            period, since = own.cycle[0], own.cycle[1] + d * DAY_TICKS + ticks // 2
            for h in range(HALF_HOURS):
                for b in range(bins):
                    runs = 5 * ((since + h * TICKS + b * ticks) % period) < 2 * period
                    own.edge[at + h * bins + b] += value[h] + (on if runs else off)


@helper
def weigh(
    key: Any, first: Any, days: Any, types: Any, need: Any, warm: Any, ticks: Any, rest: Any, tables: Any, own: Own
) -> Any:
    """Fill the running sum of the weights of a month at one bin length; return how many bins there are."""
    bins = days * HALF_HOURS * (TICKS // ticks)
    own.edge[: bins + 2] = 0
    own.rise[: bins + 2] = 0
    _uses(key, first, days, types, warm, ticks, rest, tables, own)
    _base(key, first, days, types, need, ticks, own)
    power = np.int64(0)
    total = np.int64(0)
    own.total[0] = 0
    for i in range(bins):
        power += own.rise[i]
        total += power + own.edge[i]
        own.total[i + 1] = total
    return bins


@helper
def _share_out(energy: Any, total: Any, bins: Any, out: Any) -> Any:
    """Share a month's watt-hours over bins by their weights, as a register rounds; return the largest."""
    if total[bins] == 0:
        for i in range(bins + 1):
            total[i] = i
    per = energy / float(total[bins])
    before = 0.0
    largest = 0.0
    for i in range(bins):
        now = np.floor(per * float(total[i + 1]) + 0.5)
        value = now - before
        out[i] = np.int32(value)
        largest = max(largest, value)
        before = now
    return largest


@helper
def _split(coarse: Any, bins: Any, parts: Any, total: Any, out: Any) -> None:
    """Share each bin's watt-hours over its parts by their weights, as a register rounds."""
    for i in range(bins):
        energy = float(coarse[i])
        start = total[i * parts]
        weight = total[(i + 1) * parts] - start
        before = 0.0
        for k in range(parts):
            part = float(total[i * parts + k + 1] - start) / float(weight) if weight > 0 else (k + 1.0) / parts
            now = np.floor(energy * part + 0.5)
            out[i * parts + k] = np.int32(now - before)
            before = now


@helper
def _put(steps: Any, together: Any, row: Any) -> Any:
    """Copy one month's steps, or the sums of two of them; return the largest."""
    largest = np.int64(0)
    for k in range(len(row)):
        value = np.int64(steps[k]) if together == 1 else np.int64(steps[2 * k]) + np.int64(steps[2 * k + 1])
        row[k] = np.int32(value)
        largest = max(largest, value)
    return float(largest)


@helper
def _month(
    key: Any,
    kind: Any,
    row: Any,
    energy: Any,
    span: Any,
    types: Any,
    need: Any,
    warm: Any,
    levels: Any,
    tables: Any,
    own: Own,
) -> Any:
    """Fill one month's half hours and, where wanted, quarters and 5 minutes; return the largest half hour."""
    first, days = span
    rest = tables.shift_on_rest[kind]
    mean_w = set_days(key, first, days, row, energy, tables, own)
    prepare(key, kind, row, mean_w, mean(warm, 1, days + 1), tables, own)
    largest = 0.0
    for level in range(levels):
        ticks = TICKS if level == 0 else TICKS // 2 if level == 1 else TICKS // 6
        bins = weigh(key, first, days, types, need, warm, ticks, rest, tables, own)
        if level == 0:
            largest = _share_out(energy, own.total, bins, own.half)
        elif level == 1:
            _split(own.half, bins // 2, 2, own.total, own.quarter)
        else:
            _split(own.quarter, bins // 3, 3, own.total, own.fine)
    return largest


@helper
def mean(values: Any, start: Any, stop: Any) -> Any:
    """Return the mean of a range of values, added one by one."""
    total = 0.0
    for i in range(start, stop):
        total += values[i]
    return total / (stop - start)


@bare
def fill(
    keys: Any,
    kinds: Any,
    rows: Any,
    energy_wh: Any,
    firsts: Any,
    types: Any,
    need: Any,
    warm: Any,
    minutes: Any,
    tables: Any,
    own: Own,
    out: Any,
) -> Any:
    """Fill the steps of customers and months; return the largest step in watt-hours.

    Parameters
    ----------
    keys, kinds : (n,) uint64, (n,) int64
    rows : (n, 13) float64
        :meth:`ghostload.consumption.habits.Habits.columns`.
    energy_wh : (n, T) float64, whole numbers
    firsts : (T + 1,) int64
        First day of each month, and of the one after the last; days since the year 0.
    types, need : (T, 32) int64, (T, 32, 48) float32
        Kind of each day and need for cooling, from the day before the month on.
    warm : (T, 32) float32
        Filled with the daily means of ``need``.
    minutes : int
    tables : Tables
    own : Own
        Of one thread.
    out : (n, steps) int32
    """
    levels = 3 if minutes == 5 else 2 if minutes == 15 else 1
    for j in range(len(types)):
        for d in range(32):
            warm[j, d] = mean(need[j, d], 0, HALF_HOURS)
    largest = 0.0
    for i in range(len(keys)):
        at = 0
        for j in range(len(types)):
            days = firsts[j + 1] - firsts[j]
            row = out[i, at : at + days * 1440 // minutes]
            at += len(row)
            if energy_wh[i, j] <= 0.0:
                for k in range(len(row)):
                    row[k] = 0
                continue
            span = (firsts[j], days)
            top = _month(
                keys[i], kinds[i], rows[i], energy_wh[i, j], span, types[j], need[j], warm[j], levels, tables, own
            )
            steps = own.half if levels == 1 else own.quarter if levels == 2 else own.fine
            largest = max(largest, top, _put(steps, 2 if minutes == 60 else 1, row))
    return largest
