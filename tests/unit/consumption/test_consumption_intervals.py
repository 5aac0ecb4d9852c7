from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from ghostload.consumption.calendar import days_in_month, month_numbers
from ghostload.consumption.climate import MANILA_TEMP_AIR_DEG_C
from ghostload.consumption.holidays import QUIET, SATURDAY, SUNDAY, WORKDAY, day_types, easter_days, holiday_days
from ghostload.consumption.intervals import (
    RESOLUTIONS,
    first_days,
    month_days,
    step_offsets,
    step_starts,
    step_starts_utc,
    weekdays,
)
from ghostload.consumption.weather import cooling_need, daily_mean_deg_c, half_hourly_deg_c
from ghostload.errors import UsageError
from ghostload.streams import Streams

EPOCH = dt.date(1970, 1, 1)
MOVED = {dt.date(2021, 12, 31), dt.date(2022, 12, 31), dt.date(2023, 4, 9), dt.date(2023, 11, 30), dt.date(2024, 8, 21)}
"""Days that a proclamation of that year moved or made a working day."""


def _days(*dates: str) -> np.ndarray:
    return np.array([(dt.date.fromisoformat(d) - EPOCH).days for d in dates])


@pytest.mark.parametrize("minutes", RESOLUTIONS.values())
def test_steps_cover_the_months_without_gap_through_leap_years(minutes: int) -> None:
    numbers = month_numbers(["202401", "202402", "202403"])
    starts = step_starts(numbers, minutes)
    assert starts[0] == np.datetime64("2024-01-01T00:00")
    assert starts[-1] + np.timedelta64(minutes, "m") == np.datetime64("2024-04-01T00:00")
    assert (np.diff(starts) == np.timedelta64(minutes, "m")).all()
    offsets = step_offsets(numbers, minutes)
    assert starts[offsets[1]] == np.datetime64("2024-02-01T00:00")
    assert offsets[2] - offsets[1] == 29 * 1440 // minutes
    assert offsets[-1] == len(starts)


def test_local_time_is_eight_hours_ahead_of_utc_unless_said_otherwise() -> None:
    numbers = month_numbers(["202501"])
    assert step_starts_utc(numbers, 60)[0] == np.datetime64("2024-12-31T16:00")
    assert step_starts_utc(numbers, 60, utc_offset_minutes=0)[0] == np.datetime64("2025-01-01T00:00")


def test_an_unknown_resolution_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"every 10 minutes; choose one of 60 \(1h\), 30"):
        step_starts(month_numbers(["202501"]), 10)


def test_weekdays_are_those_of_the_calendar() -> None:
    days = month_days(month_numbers(["190002", "202402", "209912"]))
    assert weekdays(days).tolist() == [(EPOCH + dt.timedelta(int(d))).weekday() for d in days]


def test_easter_falls_as_dateutil_has_it() -> None:
    easter = pytest.importorskip("dateutil.easter").easter
    years = np.arange(1900, 2200)
    assert easter_days(years).tolist() == [(easter(int(y)) - EPOCH).days for y in years]


def test_holidays_are_among_those_of_the_holidays_package() -> None:
    package = pytest.importorskip("holidays", reason="the package holidays is not installed")
    years = np.arange(2019, 2027)
    known = package.country_holidays("PH", years=years.tolist())
    ours = {EPOCH + dt.timedelta(int(day)) for day in holiday_days(years)}
    assert {day for day in ours if day not in known} <= MOVED
    regular = {"New Year's Day", "Maundy Thursday", "Good Friday", "Labor Day", "Independence Day", "Christmas Day"}
    named = {day for day, name in known.items() if set(name.split("; ")) & (regular | {"National Heroes Day"})}
    assert named <= ours
    assert len(named) == 7 * len(years)


def test_kinds_of_day_follow_weekday_and_holiday() -> None:
    days = _days("2025-01-01", "2025-01-06", "2025-01-11", "2025-01-12", "2025-04-18", "2025-04-19", "2025-08-25")
    assert day_types(days).tolist() == [QUIET, WORKDAY, SATURDAY, SUNDAY, QUIET, SUNDAY, SUNDAY]


@pytest.mark.parametrize("month", range(1, 13))
def test_each_month_has_the_mean_of_the_climate(month: int) -> None:
    number = 12 * 2024 + month - 1
    days = daily_mean_deg_c(number, Streams(1))
    assert len(days) == days_in_month(np.array([number]))[0]
    assert abs(days.mean() - MANILA_TEMP_AIR_DEG_C[month - 1]) < 1e-9
    half_hours = half_hourly_deg_c(number, Streams(1))
    np.testing.assert_allclose(half_hours.mean(axis=1), days, atol=1e-9)
    assert 18.0 < half_hours.min() < half_hours.max() < 40.0
    assert np.argmax(half_hours.mean(axis=0)) in (27, 28)


def test_daily_temperatures_vary_and_last_some_days() -> None:
    months = [daily_mean_deg_c(n, Streams(3)) for n in range(12 * 2000, 12 * 2020)]
    off = [days - days.mean() for days in months]
    shared = sum((x[1:] * x[:-1]).sum() for x in off) / sum((x**2).sum() for x in off)
    assert 0.4 < shared < 0.75
    assert 0.7 < np.sqrt(np.mean(np.concatenate(off) ** 2)) < 1.2


def test_cooling_need_averages_to_one_over_the_year_and_peaks_in_the_hot_months() -> None:
    need = [cooling_need(n, Streams(2)).mean() for n in range(12 * 2025, 12 * 2026)]
    assert abs(np.mean(need) - 1.0) < 0.05
    assert {int(i) + 1 for i in np.argsort(need)[-2:]} == {4, 5}
    assert first_days(month_numbers(["197001"]))[0] == 0
