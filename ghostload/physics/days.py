"""Representative days: a few days of each month that stand for all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits, draw_habits
from ghostload.consumption.holidays import DAY_TYPES, SATURDAY, SUNDAY, WORKDAY, day_types
from ghostload.consumption.interval_demand import meter_keys
from ghostload.consumption.interval_tables import tables
from ghostload.consumption.intervals import DAYS_BEFORE_1970, first_days, month_days
from ghostload.consumption.reactive import ReactiveShares, reactive_shares
from ghostload.consumption.weather import cooling_need
from ghostload.errors import UsageError
from ghostload.streams import FloatArray, IntArray, Streams

HOURS = 24


@dataclass(frozen=True, eq=False)
class RepresentativeDays:
    """The days that stand for T months.

    Attributes
    ----------
    numbers : (T,) array
        Month numbers.
    chosen : (T, D) array
        Days of each month, the first being 0.
    weights : (T, D) array
        How many days of the month each stands for; they add up to its days.
    types, need : (T, 32), (T, 32, 48) arrays
        Kind of each day and need for cooling, from the day before the month on.
    """

    numbers: IntArray
    chosen: IntArray
    weights: IntArray
    types: IntArray
    need: NDArray[np.float32]

    @property
    def step_weight(self) -> FloatArray:
        """How many hours each hour stands for, (T D 24,)."""
        return np.repeat(self.weights.ravel(), HOURS).astype(np.float64)

    @property
    def steps_a_month(self) -> int:
        """Hours of a month's days."""
        return HOURS * int(self.chosen.shape[1])

    def by_month(self, values: FloatArray) -> FloatArray:
        """Sum values of hours over the months that they stand for; (..., T D 24) to (..., T)."""
        weighted = values * self.step_weight
        return np.asarray(weighted.reshape(*values.shape[:-1], len(self.numbers), self.steps_a_month).sum(axis=-1))


def choose_days(numbers: IntArray, streams: Streams) -> RepresentativeDays:
    """Choose for each month a workday, a Saturday, a Sunday or holiday, and the hottest workday.

    Of each kind is taken the day whose need for cooling is nearest to the mean of its kind. The hottest workday stands
    for itself alone.

    Parameters
    ----------
    numbers : (T,) array of int
        Month numbers.
    streams : Streams
    """
    months = len(numbers)
    types = np.full((months, 32), WORKDAY, dtype=np.int64)
    need = np.zeros((months, 32, 48), dtype=np.float32)
    chosen, weights = np.zeros((months, 4), dtype=np.int64), np.zeros((months, 4), dtype=np.int64)
    for j, number in enumerate(numbers.tolist()):
        days = month_days(np.array([number]))
        types[j, : len(days) + 1] = day_types(np.append(days[0] - 1, days))
        of_month = cooling_need(number, streams)
        need[j, 0] = cooling_need(number - 1, streams)[-1]
        need[j, 1 : len(days) + 1] = of_month
        chosen[j], weights[j] = _chosen(types[j, 1 : len(days) + 1], of_month.mean(axis=1))
    return RepresentativeDays(numbers, chosen, weights, types, need)


def _chosen(types: IntArray, warmth: FloatArray) -> tuple[list[int], list[int]]:
    days, counts = [], []
    work = np.flatnonzero(types == WORKDAY)
    hottest = int(work[warmth[work].argmax()])
    for group in (work[work != hottest], np.flatnonzero(types == SATURDAY), np.flatnonzero(types >= SUNDAY)):
        # Rounded, so that the last bit of a mean decides nothing.
        off = np.round(np.abs(warmth[group] - warmth[group].mean()), 9) if len(group) else np.empty(0)
        days.append(int(group[off.argmin()]) if len(group) else hottest)
        counts.append(len(group))
    return [*days, hottest], [*counts, 1]


def day_powers(
    customers: Customers,
    days: RepresentativeDays,
    month_kwh: FloatArray,
    streams: Streams,
    *,
    rows: IntArray | None = None,
    habits: Habits | None = None,
    shares: ReactiveShares | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Spread the true energy of months over the hours of their representative days.

    The hours of a day have the shares that the interval model gives them; each meter's days, weighted, add up to its
    month's energy.

    Parameters
    ----------
    customers : Customers
        n customers.
    days : RepresentativeDays
        Of T months.
    month_kwh : (n, T) array
        True energy.
    streams : Streams
    rows : (k,) array of int, optional
        Positions of the customers that are wanted; ``month_kwh`` then has their k rows.
    habits, shares : optional
        Of all n customers, when they are drawn already.

    Returns
    -------
    p_kw, q_kvar : (k, T D 24) arrays of float32

    Raises
    ------
    UsageError
        An energy is negative or not finite, or the shape does not fit.
    """
    meters = customers.start + (np.arange(len(customers)) if rows is None else rows)
    habits = draw_habits(customers, streams) if habits is None else habits
    shares = reactive_shares(customers, streams, habits=habits) if shares is None else shares
    if rows is not None:
        habits, shares = habits.take(rows), shares.take(rows)
    return powers_of(meters, habits, shares, days, month_kwh, streams)


def powers_of(
    meters: IntArray,
    habits: Habits,
    shares: ReactiveShares,
    days: RepresentativeDays,
    month_kwh: FloatArray,
    streams: Streams,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Spread the true energy of months over the hours of their representative days; see :func:`day_powers`.

    Parameters
    ----------
    meters : (k,) array of int
        Numbers of the customers.
    habits, shares
        Theirs.
    days : RepresentativeDays
    month_kwh : (k, T) array
    streams : Streams
    """
    from ghostload.consumption.interval_setup import scratch
    from ghostload.grid.kernels.compiled import first_call
    from ghostload.physics.day_kernel import fill_days

    months = len(days.numbers)
    if month_kwh.shape != (len(meters), months):
        raise UsageError(f"month_kwh: has shape {month_kwh.shape}, must have {(len(meters), months)}: meters x months")
    if not (np.isfinite(month_kwh) & (month_kwh >= 0)).all():
        raise UsageError("month_kwh: every energy must be finite and 0 or more")
    p_kw = np.empty((len(meters), months * days.steps_a_month), dtype=np.float32)
    q_kvar = np.empty_like(p_kw)
    with first_call("representative days"):
        fill_days(
            meter_keys(meters, streams),
            habits.archetype,
            habits.columns(),
            np.ascontiguousarray(1e3 * month_kwh),
            first_days(np.append(days.numbers, days.numbers[-1] + 1)) + DAYS_BEFORE_1970,
            days.types,
            days.need,
            np.zeros((months, 32), dtype=np.float32),
            days.chosen,
            days.weights.astype(np.float64),
            np.stack([shares.knee_w, shares.below, shares.above], axis=1),
            np.ascontiguousarray(shares.by_half_hour),
            tables(),
            scratch(60, DAY_TYPES),
            np.empty((32, 5), dtype=np.float32),
            p_kw,
            q_kvar,
        )
    return p_kw, q_kvar
