"""True demand of customers in the intervals of calendar months, in whole watt-hours."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits, draw_habits
from ghostload.consumption.holidays import DAY_TYPES, WORKDAY, day_types
from ghostload.consumption.interval_tables import tables
from ghostload.consumption.intervals import (
    DAYS_BEFORE_1970,
    HALF_HOURS_A_DAY,
    checked_minutes,
    first_days,
    month_days,
    step_offsets,
)
from ghostload.consumption.weather import cooling_need
from ghostload.errors import UsageError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

LARGEST_STEP_WH = 2**31 - 1
LARGEST_MONTH_WH = 2.0**50


def interval_true_wh(
    customers: Customers,
    numbers: IntArray,
    month_kwh: FloatArray,
    minutes: int,
    streams: Streams,
    *,
    rows: IntArray | None = None,
    habits: Habits | None = None,
) -> NDArray[np.int32]:
    """Spread the true energy of months over their intervals.

    Each month's intervals add up to its energy rounded to whole watt-hours, and the intervals of a finer resolution
    to those of a coarser one, exactly. A month of a customer depends on the seed, the meter, the calendar month and
    its energy alone.

    Parameters
    ----------
    customers : Customers
        n customers.
    numbers : (T,) array of int
        Consecutive month numbers.
    month_kwh : (n, T) array
        True energy, after all that acts on demand.
    minutes : int
        60, 30, 15 or 5.
    streams : Streams
    rows : (k,) array of int, optional
        Positions of the customers that are wanted, such as those of one feeder; ``month_kwh`` then has their k rows.
    habits : Habits, optional
        Of all n customers, when they are drawn already.

    Returns
    -------
    (n, steps) or (k, steps) array of int32, watt-hours; months one after the other

    Raises
    ------
    UsageError
        There is no such resolution, the months are not consecutive, or an energy is negative, not finite or too large.
    """
    meters = customers.start + (np.arange(len(customers)) if rows is None else rows)
    if habits is None:
        habits = draw_habits(customers, streams)
    own = habits if rows is None else habits.take(rows)
    return intervals_of(meters, own, numbers, month_kwh, minutes, streams)


def intervals_of(
    meters: IntArray, habits: Habits, numbers: IntArray, month_kwh: FloatArray, minutes: int, streams: Streams
) -> NDArray[np.int32]:
    """Spread the true energy of months over their intervals; see :func:`interval_true_wh`.

    Parameters
    ----------
    meters : (k,) array of int
        Numbers of the customers.
    habits : Habits
        Theirs.
    numbers : (T,) array of int
    month_kwh : (k, T) array
    minutes : int
    streams : Streams

    Returns
    -------
    (k, steps) array of int32, watt-hours
    """
    minutes = checked_minutes(minutes)
    if len(numbers) and (np.diff(numbers) != 1).any():
        raise UsageError(
            f"numbers: months {numbers.tolist()} do not follow one another; ask for each run of them alone"
        )
    energy = _checked_wh(meters, month_kwh, len(numbers))
    steps = int(step_offsets(numbers, minutes)[-1]) if len(numbers) else 0
    out = np.empty((len(meters), steps), dtype=np.int32)
    if not out.size:
        return out
    largest = _filled(meters, habits, energy, numbers, minutes, streams, out)
    if largest > LARGEST_STEP_WH:
        row = int(energy.max(axis=1).argmax())
        raise UsageError(
            f"meter {meters[row]}: an interval of {largest:.3g} Wh is over {LARGEST_STEP_WH} Wh; "
            "split the customer into several meters, or ask for a finer interval"
        )
    return out


def _filled(
    meters: IntArray,
    habits: Habits,
    energy: FloatArray,
    numbers: IntArray,
    minutes: int,
    streams: Streams,
    out: NDArray[np.int32],
) -> float:
    """Run the kernel; numba is loaded here, on first use. Returns the largest step in watt-hours."""
    from ghostload.consumption.interval_kernel import fill
    from ghostload.consumption.interval_setup import scratch
    from ghostload.grid.kernels.compiled import first_call

    with first_call("interval demand"):
        largest = fill(
            meter_keys(meters, streams),
            habits.archetype,
            habits.columns(),
            energy,
            first_days(np.append(numbers, numbers[-1] + 1)) + DAYS_BEFORE_1970,
            np.stack([_types(number) for number in numbers.tolist()]),
            np.stack([_need(number, streams.root_seed) for number in numbers.tolist()]),
            np.zeros((len(numbers), 32), dtype=np.float32),
            minutes,
            tables(),
            scratch(minutes, DAY_TYPES),
            out,
        )
    return float(largest)


def meter_keys(meters: IntArray, streams: Streams) -> NDArray[np.uint64]:
    """Return the key of each meter's hashed draws; shape of ``meters``."""
    seed = np.random.SeedSequence(streams.root_seed, spawn_key=(int(Stage.INTERVAL),)).generate_state(1, np.uint64)[0]
    z = seed + (meters.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    keys: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return keys


def _checked_wh(meters: IntArray, month_kwh: FloatArray, months: int) -> FloatArray:
    """Return whole watt-hours, or refuse."""
    if month_kwh.shape != (len(meters), months):
        raise UsageError(
            f"month_kwh: has shape {month_kwh.shape}, must have {(len(meters), months)}: customers x months"
        )
    energy = np.rint(1000.0 * month_kwh)
    bad = ~((energy >= 0.0) & (energy <= LARGEST_MONTH_WH))
    if bad.any():
        row, column = (int(axis[0]) for axis in np.nonzero(bad))
        raise UsageError(
            f"meter {meters[row]}: month {column} of month_kwh has {month_kwh[row, column]} kWh; "
            f"give 0 to {LARGEST_MONTH_WH / 1000:.3g}"
        )
    return np.ascontiguousarray(energy)


@lru_cache(maxsize=256)
def _types(number: int) -> IntArray:
    """Kind of each day of a month from the day before it on; (32,)."""
    days = month_days(np.array([number]))
    types = np.full(32, WORKDAY, dtype=np.int64)
    types[: len(days) + 1] = day_types(np.append(days[0] - 1, days))
    return types


@lru_cache(maxsize=256)
def _need(number: int, root_seed: int) -> NDArray[np.float32]:
    """Need for cooling in each half hour of a month from the day before it on; (32, 48)."""
    streams = Streams(root_seed)
    month = cooling_need(number, streams)
    need = np.zeros((32, HALF_HOURS_A_DAY), dtype=np.float32)
    need[0] = cooling_need(number - 1, streams)[-1]
    need[1 : len(month) + 1] = month
    return need
