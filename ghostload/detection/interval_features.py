"""Features of a meter's own interval readings, feeder by feeder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.features import FeatureTable
from ghostload.detection.groups import group_median
from ghostload.detection.panel import panel_of
from ghostload.detection.seen import FeederReadings, seen_of
from ghostload.detection.steps import largest_steps
from ghostload.streams import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

NAMES = (
    "log_mean_kw",
    "night_share",
    "midday_share",
    "evening_share",
    "peak_share",
    "load_factor",
    "step_cv",
    "acf_step",
    "acf_day",
    "acf_week",
    "zero_steps",
    "zero_runs",
    "negative_steps",
    "equal_steps",
    "roughness",
    "day_min",
    "day_max",
    "day_spread",
    "flat_days",
    "between_days",
    "weekend_ratio",
    "last_first_third",
)
WEEK_NAMES = ("week_drop", "week_drop_size", "week_rise")
SHAPE_NAMES = ("vs_class_profile", "class_corr", "class_reversed_corr")

CHUNK = 128
"""Meters that are looked at together: bounds the memory that is needed beside the readings."""

SMALL_KW = 0.01
FLAT = 0.05
"""A day whose spread is below this share of its mean is flat."""

RUN_HOURS = 4
"""A run of zeros counts from here on: the shortest window of the classic attack."""


def interval_features(dataset: Dataset) -> FeatureTable:
    """Return what a meter's own readings in time look like.

    ==========================  ====================================================================================
    ``log_mean_kw``             log of the mean power
    ``night_share``, ``midday_share``, ``evening_share``  energy from 0 to 6, 10 to 16 and 17 to 23 h over all
    ``peak_share``              energy of the highest 5 % of steps over all
    ``load_factor``             mean over the 99.5 % quantile
    ``step_cv``, ``acf_step``, ``acf_day``, ``acf_week``  variation and autocorrelations of steps
    ``zero_steps``, ``zero_runs``  share of steps that are zero; and in runs of zeros of 4 h or more
    ``negative_steps``, ``equal_steps``  share below zero; and share equal to the step before, not zero
    ``roughness``               mean absolute step-to-step difference over the mean
    ``day_min``, ``day_max``, ``day_spread``  mean over days of least, largest, standard deviation over the day's mean
    ``flat_days``               share of days with next to no spread
    ``between_days``, ``weekend_ratio``  variation of days' energies; log of weekend over weekday energy
    ``week_drop``, ``week_drop_size``, ``week_rise``  largest steps of weekly logs, as for months
    ``last_first_third``        log of the energy of the last over that of the first third
    ``vs_class_profile``        distance of the mean day's shape from the class's median shape
    ``class_corr``, ``class_reversed_corr``  correlation of the mean day with the class's, and with that reversed
    ==========================  ====================================================================================

    Readings that are missing or estimated are replaced by the meter's mean at that time of day.
    """
    panel = panel_of(dataset)
    seen = seen_of(dataset)
    values = np.zeros((dataset.num_meters, len(NAMES)))
    profile = np.full((dataset.num_meters, 24), 1.0)
    weekly: dict[int, FloatArray] = {}
    for feeder in seen.feeders():
        for begin in range(0, len(feeder.rows), CHUNK):
            part = np.arange(begin, min(begin + CHUNK, len(feeder.rows)))
            rows = feeder.rows[part]
            values[rows], profile[rows], weeks = own_features(feeder, part)
            series = weekly.setdefault(weeks.shape[1], np.full((dataset.num_meters, weeks.shape[1]), np.nan))
            series[rows] = weeks
    columns = [values, _week_steps(weekly, dataset.num_meters), *_against_class(profile, panel.class_code)]
    return FeatureTable((*NAMES, *WEEK_NAMES, *SHAPE_NAMES), np.column_stack(columns))


def _week_steps(weekly: dict[int, FloatArray], count: int) -> FloatArray:
    """Return the features :data:`WEEK_NAMES`; meters are taken together, so that all share one measure of noise."""
    out = np.zeros((count, len(WEEK_NAMES)))
    for length, series in weekly.items():
        there = ~np.isnan(series).any(axis=1)
        if length >= 2:
            steps = largest_steps(series[there])
            out[there] = np.column_stack([steps.drop, steps.drop_size, steps.rise])
    return out


def own_features(feeder: FeederReadings, members: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the features :data:`NAMES` of some meters, the shapes of their mean days, and the logs of their weeks.

    Returns
    -------
    (m, 22), (m, 24) and (m, weeks) arrays
    """
    step = feeder.step_of_day()
    kw = _filled(feeder.registered_kw(members), feeder.actual[members], step)
    per_day = 1440 // feeder.minutes
    hour = step * feeder.minutes // 60
    mean = kw.mean(axis=1)
    over = np.abs(mean) + SMALL_KW
    days = _days(kw, step, per_day)
    columns = [
        np.log(over),
        *(_share(kw, (hour >= first) & (hour < last)) for first, last in ((0, 6), (10, 16), (17, 23))),
        *_peaks(kw, over),
        kw.std(axis=1) / over,
        *(_acf(kw, lag) for lag in (1, per_day, 7 * per_day)),
        *_odd_steps(kw, RUN_HOURS * 60 // feeder.minutes),
        np.abs(np.diff(kw, axis=1)).mean(axis=1) / over if kw.shape[1] > 1 else np.zeros(len(kw)),
        *_within_days(days),
        *_between_days(days, feeder),
    ]
    third = max(kw.shape[1] // 3, 1)
    first, last = np.abs(kw[:, :third].mean(axis=1)), np.abs(kw[:, -third:].mean(axis=1))
    columns.append(np.log((last + SMALL_KW) / (first + SMALL_KW)))
    profile = np.column_stack([kw[:, hour == h].mean(axis=1) if (hour == h).any() else mean for h in range(24)])
    weeks = days[:, : days.shape[1] // 7 * 7].mean(axis=2).reshape(len(kw), -1, 7).mean(axis=2)
    logs = np.log(np.maximum(weeks, 0.0) / over[:, None] + FLAT)
    return np.column_stack(columns), (profile + SMALL_KW) / over[:, None], logs


def _filled(kw: FloatArray, actual: BoolArray, step: IntArray) -> FloatArray:
    """Put the mean of the time of day in place of what was not read; a meter that never was is taken as it stands."""
    if actual.all():
        return kw
    count, total = np.zeros((len(kw), step.max() + 1)), np.zeros((len(kw), step.max() + 1))
    for at in range(count.shape[1]):
        here = step == at
        count[:, at] = actual[:, here].sum(axis=1)
        total[:, at] = (kw[:, here] * actual[:, here]).sum(axis=1)
    usual = total / np.maximum(count, 1)
    use = ~actual & (count[:, step] > 0)
    return np.where(use, usual[:, step], kw)


def _days(kw: FloatArray, step: IntArray, per_day: int) -> FloatArray:
    """Return whole days, (m, days, steps of a day)."""
    first = int((-step[0]) % per_day)
    count = (kw.shape[1] - first) // per_day
    return np.asarray(kw[:, first : first + count * per_day].reshape(len(kw), count, per_day))


def _share(kw: FloatArray, inside: BoolArray) -> FloatArray:
    total = np.abs(kw).sum(axis=1)
    part = np.abs(kw[:, inside]).sum(axis=1)
    share: FloatArray = np.divide(part, total, out=np.full(len(kw), float(inside.mean())), where=total > 0)
    return share


def _peaks(kw: FloatArray, over: FloatArray) -> tuple[FloatArray, FloatArray]:
    top = max(kw.shape[1] // 20, 1)
    highest = np.partition(kw, kw.shape[1] - top, axis=1)[:, -top:].sum(axis=1) / kw.shape[1]
    return highest / over, over / (np.quantile(kw, 0.995, axis=1) + SMALL_KW)


def _acf(kw: FloatArray, lag: int) -> FloatArray:
    if lag >= kw.shape[1]:
        return np.zeros(len(kw))
    centred = kw - kw.mean(axis=1, keepdims=True)
    power = np.einsum("it,it->i", centred, centred)
    shifted = np.einsum("it,it->i", centred[:, lag:], centred[:, :-lag])
    acf: FloatArray = np.divide(shifted, power, out=np.zeros(len(kw)), where=power > 1e-9)
    return acf


def _odd_steps(kw: FloatArray, run: int) -> tuple[FloatArray, ...]:
    zero = kw == 0.0
    padded = np.cumsum(np.pad(zero, ((0, 0), (1, 0))), axis=1)
    full = padded[:, run:] - padded[:, :-run] == run if kw.shape[1] >= run else np.zeros((len(kw), 1), dtype=bool)
    equal = (kw[:, 1:] == kw[:, :-1]) & ~zero[:, 1:]
    return (
        zero.mean(axis=1),
        full.mean(axis=1),
        (kw < 0.0).mean(axis=1),
        equal.mean(axis=1) if equal.shape[1] else np.zeros(len(kw)),
    )


def _within_days(days: FloatArray) -> tuple[FloatArray, ...]:
    if days.shape[1] == 0:
        return tuple(np.zeros(len(days)) for _ in range(4))
    mean = np.abs(days.mean(axis=2)) + SMALL_KW
    spread = days.std(axis=2) / mean
    least, most = days.min(axis=2) / mean, days.max(axis=2) / mean
    return least.mean(axis=1), most.mean(axis=1), spread.mean(axis=1), (spread < FLAT).mean(axis=1)


def _between_days(days: FloatArray, feeder: FeederReadings) -> tuple[FloatArray, ...]:
    count = days.shape[1]
    if count < 7:
        return np.zeros(len(days)), np.zeros(len(days))
    energy = days.mean(axis=2)
    first = int(feeder.days()[np.flatnonzero(feeder.step_of_day() == 0)[0]])
    weekday = (first + np.arange(count) + 3) % 7
    mean = np.abs(energy.mean(axis=1)) + SMALL_KW
    rest, work = energy[:, weekday >= 5].mean(axis=1), energy[:, weekday < 5].mean(axis=1)
    ratio = np.log((np.abs(rest) + SMALL_KW) / (np.abs(work) + SMALL_KW))
    return energy.std(axis=1) / mean, ratio


def _against_class(profile: FloatArray, class_code: IntArray) -> tuple[FloatArray, ...]:
    usual = group_median(profile, class_code)
    distance = np.sqrt(((profile - usual) ** 2).mean(axis=1))
    return distance, _correlation(profile, usual), _correlation(profile, usual[:, ::-1])


def _correlation(a: FloatArray, b: FloatArray) -> FloatArray:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    r: FloatArray = np.divide((a * b).sum(axis=1), size, out=np.zeros(len(a)), where=size > 1e-12)
    return r
