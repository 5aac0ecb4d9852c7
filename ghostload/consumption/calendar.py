"""Calendar months as numbers: months since January of the year 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ghostload.streams import FloatArray, IntArray

MEAN_DAYS = 365.25 / 12.0
"""Mean length of a month in days."""


def month_numbers(months: Sequence[str]) -> IntArray:
    """Turn "YYYYMM" into month numbers, ``12 * year + (month - 1)``; shape (T,)."""
    return np.array([12 * int(m[:4]) + int(m[4:6]) - 1 for m in months], dtype=np.int64)


def month_name(number: int) -> str:
    """Turn a month number into "YYYY-MM"."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def days_in_month(numbers: IntArray) -> FloatArray:
    """Days of each calendar month, leap years included; shape (T,)."""
    first = (numbers - 12 * 1970).astype("datetime64[M]")
    days: FloatArray = (
        (first + np.timedelta64(1, "M")).astype("datetime64[D]") - first.astype("datetime64[D]")
    ).astype(np.float64)
    return days
