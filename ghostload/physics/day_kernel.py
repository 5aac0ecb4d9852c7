"""The kernel of representative days: the interval model's own days, one by one, without the rest of the month."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.consumption.interval_kernel import mean, weigh
from ghostload.consumption.interval_setup import Own, prepare, set_days
from ghostload.consumption.interval_tables import TICKS
from ghostload.consumption.intervals import HALF_HOURS_A_DAY
from ghostload.grid.kernels.compiled import bare, helper


@helper
def _copy_levels(level: Any, part: Any, kept: Any) -> None:
    for d in range(len(level)):
        kept[d, 0] = level[d]
        for k in range(4):
            kept[d, 1 + k] = part[d, k]


@helper
def _powers(energy: Any, weight: Any, share: Any, swing: Any, p: Any, q: Any) -> None:
    """Scale the weights of hours to powers that add up to the month's energy; work out what goes with them."""
    total = 0.0
    for d in range(len(weight)):
        day = 0.0
        for h in range(24 * d, 24 * d + 24):
            day += p[h]
        total += weight[d] * day
    if total <= 0.0:
        for d in range(len(weight)):
            total += 24.0 * weight[d]
        p[:] = np.float32(1.0)
    per = energy / total
    for d in range(len(weight)):
        for h in range(24):
            watt = per * p[24 * d + h]
            below = min(watt, share[0])
            var = (below * share[1] + (watt - below) * share[2]) * swing[2 * h]
            p[24 * d + h] = np.float32(0.001 * watt)
            q[24 * d + h] = np.float32(0.001 * var)


@bare
def fill_days(
    keys: Any,
    kinds: Any,
    rows: Any,
    energy_wh: Any,
    firsts: Any,
    types: Any,
    need: Any,
    warm: Any,
    chosen: Any,
    weights: Any,
    shares: Any,
    swings: Any,
    tables: Any,
    own: Own,
    kept: Any,
    p_kw: Any,
    q_kvar: Any,
) -> None:
    """Fill the hours of chosen days of months.

    Parameters
    ----------
    keys, kinds, rows, energy_wh, firsts, types, need, warm, tables, own
        As of :func:`ghostload.consumption.interval_kernel.fill`; energies need not be whole.
    chosen, weights : (T, D) int64, (T, D) float64
        Days of each month, the first being 0, and how many each stands for.
    shares, swings : (n, 3) float64, (n, 48) float64
        Of :class:`ghostload.consumption.reactive.ReactiveShares`.
    kept : (32, 5) float32
        Scratch for the levels of a month's days and of their parts.
    p_kw, q_kvar : (n, T D 24) float32
    """
    for j in range(len(types)):
        for d in range(32):
            warm[j, d] = mean(need[j, d], 0, HALF_HOURS_A_DAY)
    hours = 24 * chosen.shape[1]
    for i in range(len(keys)):
        for j in range(len(types)):
            p, q = p_kw[i, j * hours : (j + 1) * hours], q_kvar[i, j * hours : (j + 1) * hours]
            energy, days, kind = energy_wh[i, j], firsts[j + 1] - firsts[j], kinds[i]
            if energy <= 0.0:
                p[:] = np.float32(0.0)
                q[:] = np.float32(0.0)
                continue
            mean_w = set_days(keys[i], firsts[j], days, rows[i], energy, tables, own)
            prepare(keys[i], kind, rows[i], mean_w, mean(warm[j], 1, days + 1), tables, own)
            _copy_levels(own.level, own.part, kept)
            for d in range(chosen.shape[1]):
                day = chosen[j, d]
                # Each day is a month of its own, which begins with the day before it.
                # A day of absence, which stands for no other, becomes one at home.
                away = kept[day + 1, 0] < 0.0
                own.level[0] = kept[day, 0]
                own.level[1] = np.float32(1.0) if away else kept[day + 1, 0]
                for part in range(4):
                    own.part[1, part] = np.float32(1.0) if away else kept[day + 1, 1 + part]
                key, first, rest = keys[i], firsts[j] + day, tables.shift_on_rest[kind]
                weigh(key, first, 1, types[j, day:], need[j, day:], warm[j, day:], TICKS, rest, tables, own)
                for h in range(24):
                    p[24 * d + h] = np.float32(own.total[2 * h + 2] - own.total[2 * h])
            _powers(energy, weights[j], shares[i], swings[i], p, q)
