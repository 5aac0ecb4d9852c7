"""Tables that the interval kernel looks things up in: distributions by quantile, and the archetypes as arrays."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.appliances import SLOTS
from ghostload.consumption.archetypes import ARCHETYPES, Archetype
from ghostload.consumption.holidays import DAY_TYPES
from ghostload.streams import FloatArray

TICKS = 240
"""Ticks of a half hour, 7.5 seconds each: whole in 15 and 5 minutes as well."""
QUANTILES = 1024
OWN_SIZE_SIGMA, USE_SIZE_SIGMA, LENGTH_SIGMA = 0.25, 0.15, 0.50
"""Standard deviations of the logarithm: of an appliance's power over customers, of its power and length over uses."""
LOG_STEP, LOG_LIMIT = 1.0 / 128.0, 3.0

Floats32 = NDArray[np.float32]


class Tables(NamedTuple):
    """All tables of the kernel."""

    normal: Floats32  # (1024,) quantiles of the standard normal
    own_size: Floats32  # (1024,) log-normal of mean 1
    use_size: Floats32
    length: Floats32
    exp: Floats32  # exp(x) for x from -LOG_LIMIT in steps of LOG_STEP
    away_days: NDArray[np.int64]  # (256,) lengths of absences
    activity: Floats32  # (A, day types, 48) mean 1 over a week
    cooling: Floats32  # (A, day types, 48) mean 1 over a week
    slot_rate: Floats32  # (A, SLOTS, day types)
    slot_time: NDArray[np.int64]  # (A, SLOTS, 4): start, its spread over customers, over days, length; ticks
    slot_power: Floats32  # (A, SLOTS)
    slot_purpose: NDArray[np.int64]  # (A, SLOTS); -1 where there is none
    shift_on_rest: NDArray[np.int64]  # (A,) ticks by which the morning is later when there is no work


@cache
def tables() -> Tables:
    """Return the tables; their values are rounded to 32 bits, so that no library's last bit shows."""
    normal = np.array([NormalDist().inv_cdf((k + 0.5) / QUANTILES) for k in range(QUANTILES)])
    start, rate, power, purpose = _slots()
    steps = int(2 * LOG_LIMIT / LOG_STEP) + 1
    return Tables(
        normal=_f32(normal),
        own_size=_lognormal(normal, OWN_SIZE_SIGMA),
        use_size=_lognormal(normal, USE_SIZE_SIGMA),
        length=_lognormal(normal, LENGTH_SIGMA),
        exp=_f32(np.array([math.exp(k * LOG_STEP - LOG_LIMIT) for k in range(steps)])),
        away_days=_away_days(),
        activity=_f32(np.stack([_activity(kind) for kind in ARCHETYPES])),
        cooling=_f32(np.stack([_cooling(kind) for kind in ARCHETYPES])),
        slot_rate=_f32(rate),
        slot_time=start,
        slot_power=_f32(power),
        slot_purpose=purpose,
        shift_on_rest=np.array([TICKS if kind.class_index == 0 else 0 for kind in ARCHETYPES], dtype=np.int64),
    )


def _f32(values: FloatArray) -> Floats32:
    return np.ascontiguousarray(values, dtype=np.float32)


def _lognormal(normal: FloatArray, sigma: float) -> Floats32:
    values = np.array([math.exp(sigma * z) for z in normal])
    return _f32(values / values.mean())


def _away_days() -> NDArray[np.int64]:
    """Half of the absences last a day or two, one in eight over a week, the longest three weeks: an assumption."""
    weights = np.array([0.28, 0.20, 0.12, 0.09, 0.07, 0.06, 0.05] + [0.01] * 7 + [0.008] * 7)
    edges = np.cumsum(weights / weights.sum())
    lengths: NDArray[np.int64] = 1 + np.searchsorted(edges, (np.arange(256) + 0.5) / 256.0).astype(np.int64)
    return lengths


def _half_hours(hours: tuple[float, ...]) -> FloatArray:
    """Half-hourly values between hourly ones, cyclic."""
    values = np.array(hours)
    between = 0.5 * (values + np.roll(values, -1))
    return np.stack([0.5 * (values + 0.5 * (between + np.roll(between, 1))), between], axis=1).ravel()


def _scaled(values: FloatArray) -> FloatArray:
    scaled: FloatArray = values / values.mean()
    return scaled


def _activity(kind: Archetype) -> FloatArray:
    days = np.stack([_half_hours(hours) for hours in (kind.work, kind.saturday, kind.sunday, kind.quiet)])
    week = (5.0 * days[0].mean() + days[1].mean() + days[2].mean()) / 7.0
    activity: FloatArray = days / week
    return activity


def _cooling(kind: Archetype) -> FloatArray:
    """Cool a home on every day alike, a business as far as it is open."""
    openness = np.array([sum(hours) for hours in (kind.work, kind.saturday, kind.sunday, kind.quiet)])
    share = openness / openness[0] if kind.class_index else np.ones(DAY_TYPES)
    week = (5.0 * share[0] + share[1] + share[2]) / 7.0
    return np.outer(share / week, _scaled(_half_hours(kind.cooling)))


def _slots() -> tuple[NDArray[np.int64], FloatArray, FloatArray, NDArray[np.int64]]:
    count = len(ARCHETYPES)
    time = np.zeros((count, SLOTS, 4), dtype=np.int64)
    rate = np.zeros((count, SLOTS, DAY_TYPES))
    power = np.zeros((count, SLOTS))
    purpose = np.full((count, SLOTS), -1, dtype=np.int64)
    for row, kind in enumerate(ARCHETYPES):
        for column, slot in enumerate(kind.slots):
            hours = (slot.start_h, slot.customers_h, slot.days_h, slot.length_h)
            time[row, column] = [round(2 * TICKS * value) for value in hours]
            rate[row, column] = (slot.work, slot.saturday, slot.sunday, slot.quiet)
            power[row, column] = slot.power
            purpose[row, column] = slot.purpose
    return time, rate, power, purpose
