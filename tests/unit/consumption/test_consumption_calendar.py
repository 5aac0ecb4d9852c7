from __future__ import annotations

import calendar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ghostload.consumption.calendar import days_in_month, month_name, month_numbers
from ghostload.consumption.climate import MANILA_TEMP_AIR_DEG_C, cooling_anomaly


@given(st.integers(1900, 2199), st.integers(1, 12))
def test_days_are_those_of_the_calendar(year: int, month: int) -> None:
    numbers = month_numbers([f"{year}{month:02d}"])
    assert days_in_month(numbers)[0] == calendar.monthrange(year, month)[1]
    assert month_name(int(numbers[0])) == f"{year}-{month:02d}"


def test_cooling_peaks_in_april_and_may_and_averages_to_nothing() -> None:
    year = cooling_anomaly(np.arange(12 * 2025, 12 * 2026))
    assert {int(i) + 1 for i in np.argsort(year)[-2:]} == {4, 5}
    assert abs(year.mean()) < 1e-12


def test_no_cooling_below_the_balance_temperature() -> None:
    cold = cooling_anomaly(np.arange(12), balance_deg_c=float(MANILA_TEMP_AIR_DEG_C.max()) - 0.5)
    assert np.isclose(cold.min(), -1.0)
