"""The steps of calendar months at a resolution: interval start, local standard time, no daylight saving."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.calendar import days_in_month
from ghostload.errors import UsageError
from ghostload.streams import IntArray

RESOLUTIONS = {"1h": 60, "30min": 30, "15min": 15, "5min": 5}
"""Names of the resolutions and their minutes."""

UTC_OFFSET_MINUTES = 480
"""Asia/Manila is eight hours ahead of UTC all year; there has been no daylight saving since 1990."""

HALF_HOURS_A_DAY = 48

DAYS_BEFORE_1970 = 719_528
"""Days from the year 0 to 1970-01-01: streams and kernels count days from there, so that none is negative."""


def checked_minutes(minutes: int) -> int:
    """Return the minutes of a resolution, or refuse them.

    Raises
    ------
    UsageError
        There is no such resolution.
    """
    if minutes not in RESOLUTIONS.values():
        known = ", ".join(f"{value} ({name})" for name, value in RESOLUTIONS.items())
        raise UsageError(f"minutes: there are no readings every {minutes} minutes; choose one of {known}")
    return int(minutes)


def first_days(numbers: IntArray) -> IntArray:
    """Return the first day of each month, as days since 1970-01-01; shape (T,)."""
    days: IntArray = (numbers - 12 * 1970).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


def month_days(numbers: IntArray) -> IntArray:
    """Return every day of some months, one month after the other, as days since 1970-01-01."""
    spans = zip(first_days(numbers).tolist(), days_in_month(numbers).astype(np.int64).tolist(), strict=True)
    return np.concatenate([np.arange(first, first + count) for first, count in spans])


def steps_in_month(numbers: IntArray, minutes: int) -> IntArray:
    """Return how many steps each month has; shape (T,)."""
    return days_in_month(numbers).astype(np.int64) * (1440 // checked_minutes(minutes))


def step_offsets(numbers: IntArray, minutes: int) -> IntArray:
    """Return where each month's steps begin in an array over all of them, then their count; shape (T + 1,)."""
    return np.concatenate([[0], np.cumsum(steps_in_month(numbers, minutes))]).astype(np.int64)


def step_starts(numbers: IntArray, minutes: int) -> NDArray[np.datetime64]:
    """Return the start of each step in local standard time.

    Parameters
    ----------
    numbers : (T,) array of int
        Month numbers.
    minutes : int
        60, 30, 15 or 5.

    Returns
    -------
    (steps,) array of datetime64[m]
    """
    within = np.arange(0, 1440, checked_minutes(minutes))
    starts: NDArray[Any] = (month_days(numbers)[:, None] * 1440 + within).ravel().astype("datetime64[m]")
    return starts


def step_starts_utc(
    numbers: IntArray, minutes: int, *, utc_offset_minutes: int = UTC_OFFSET_MINUTES
) -> NDArray[np.datetime64]:
    """Return the start of each step in UTC, given the fixed offset of local time from it; (steps,) datetime64[m]."""
    starts: NDArray[Any] = step_starts(numbers, minutes) - np.timedelta64(utc_offset_minutes, "m")
    return starts


def weekdays(days: IntArray) -> IntArray:
    """Return the weekday of days since 1970-01-01, Monday 0 to Sunday 6."""
    return (days + 3) % 7
