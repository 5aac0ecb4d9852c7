"""Holidays of the Philippines by rule, and the kinds of day that follow from them.

The days are those of Republic Act 9492 and its later amendments, as they fall by their own date: a proclamation that
moves one in a single year is not followed. Days by the moon (Eid al-Fitr, Eid al-Adha, Chinese New Year), election days
and days proclaimed for one year are left out.
"""

from __future__ import annotations

import numpy as np

from ghostload.consumption.intervals import weekdays
from ghostload.streams import BoolArray, IntArray

FIXED_DAYS = {
    "New Year": (1, 1),
    "Day of Valour": (4, 9),
    "Labour Day": (5, 1),
    "Independence Day": (6, 12),
    "Ninoy Aquino Day": (8, 21),
    "All Saints": (11, 1),
    "Bonifacio Day": (11, 30),
    "Immaculate Conception": (12, 8),
    "Christmas": (12, 25),
    "Rizal Day": (12, 30),
    "Last Day of the Year": (12, 31),
}
QUIET_FIXED_DAYS = ((1, 1), (12, 25))
EASTER_OFFSETS = (-3, -2, -1)
"""Maundy Thursday, Good Friday and Black Saturday, in days from Easter Sunday."""
QUIET_EASTER_OFFSETS = (-3, -2)

WORKDAY, SATURDAY, SUNDAY, QUIET = range(4)
"""Kinds of day: a holiday counts as a Sunday; on a quiet day most of the trade is closed as well."""
DAY_TYPES = 4


def easter_days(years: IntArray) -> IntArray:
    """Return Easter Sunday of Gregorian years, as days since 1970-01-01.

    The anonymous Gregorian computus [1]_.

    References
    ----------
    .. [1] Meeus, "Astronomical Algorithms", 2nd edition, 1998, chapter 8.
    """
    golden, century, of_century = years % 19, years // 100, years % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    day = epact + weekday - 7 * late + 114
    return _day(years, day // 31, day % 31 + 1)


def _day(years: IntArray, month: IntArray | int, day: IntArray | int) -> IntArray:
    months = (12 * (years - 1970) + month - 1).astype("datetime64[M]").astype("datetime64[D]")
    first: IntArray = months.astype(np.int64)
    return first + day - 1


def _years(days: IntArray) -> IntArray:
    years: IntArray = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.unique(years)


def holiday_days(years: IntArray) -> IntArray:
    """Return all holidays of some years, as days since 1970-01-01, ascending."""
    easter = easter_days(years)
    last_of_august = _day(years, 8, 31)
    heroes = last_of_august - weekdays(last_of_august)
    found = [_day(years, *fixed) for fixed in FIXED_DAYS.values()]
    return np.unique(np.concatenate([*found, heroes, *(easter + offset for offset in EASTER_OFFSETS)]))


def is_holiday(days: IntArray) -> BoolArray:
    """Say which days since 1970-01-01 are holidays; shape of ``days``."""
    return np.isin(days, holiday_days(_years(days)))


def day_types(days: IntArray) -> IntArray:
    """Return the kind of each day: a workday, Saturday, Sunday (holidays are) or :data:`QUIET`."""
    years = _years(days)
    easter = easter_days(years)
    quiet = [_day(years, *fixed) for fixed in QUIET_FIXED_DAYS] + [easter + offset for offset in QUIET_EASTER_OFFSETS]
    weekday = weekdays(days)
    types = np.where(weekday == 5, SATURDAY, np.where((weekday == 6) | is_holiday(days), SUNDAY, WORKDAY))
    types = np.where((types == SATURDAY) & is_holiday(days), SUNDAY, types)
    return np.where(np.isin(days, np.concatenate(quiet)), QUIET, types).astype(np.int64)
