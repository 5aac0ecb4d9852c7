"""Statistics of intervals, with fixed seeds; the bands are those of docs/demand-in-time.md, wider where it says so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.consumption import draw_customers, monthly_true_kwh
from ghostload.consumption.archetypes import ARCHETYPES
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.holidays import WORKDAY, day_types
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.intervals import month_days
from ghostload.consumption.reactive import interval_q_varh, reactive_shares
from ghostload.consumption.weather import daily_mean_deg_c
from ghostload.streams import Streams

STREAMS = Streams(7)


@pytest.fixture(scope="module")
def year():
    config = GeneratorConfig(num_meters=500, num_months=12)
    numbers = month_numbers(config.months)
    customers = draw_customers(config, STREAMS)
    kwh = monthly_true_kwh(customers, numbers, STREAMS)
    habits = draw_habits(customers, STREAMS)
    wh = interval_true_wh(customers, numbers, kwh, 30, STREAMS, habits=habits)
    return numbers, customers, habits, wh


@pytest.fixture(scope="module")
def homes(year) -> np.ndarray:
    _, customers, _, wh = year
    return wh[(customers.class_index == 0) & (wh.sum(axis=1) > 0)].astype(np.float32) / 500.0


def _acf(rows: np.ndarray, lag: int) -> np.ndarray:
    off = rows - rows.mean(axis=1, keepdims=True)
    return (off[:, lag:] * off[:, :-lag]).sum(axis=1) / (off**2).sum(axis=1)


def test_half_hours_of_homes_vary_as_real_ones_do(homes) -> None:
    mean, sd = homes.mean(axis=1), homes.std(axis=1)
    assert 1.14 < np.median(sd / mean) < 1.86
    assert 2.2 < np.median(((homes - mean[:, None]) ** 3).mean(axis=1) / sd**3) < 5.0
    assert 0.041 < np.median(mean / homes.max(axis=1)) < 0.093


@pytest.mark.parametrize(("lag", "low", "high"), [(1, 0.29, 0.51), (2, 0.11, 0.33), (48, 0.12, 0.23), (336, 0.1, 0.2)])
def test_half_hours_of_homes_are_autocorrelated_as_real_ones_are(homes, lag: int, low: float, high: float) -> None:
    assert low < np.median(_acf(homes, lag)) < high


def test_days_of_homes_vary_and_persist(homes) -> None:
    days = homes.reshape(len(homes), -1, 48).mean(axis=2)
    assert 0.30 < np.median(days.std(axis=1) / days.mean(axis=1)) < 0.68
    assert 0.35 < np.median(_acf(days, 1)) < 0.80
    assert np.median(_acf(days, 1)) > np.median(_acf(days, 7)) > np.median(_acf(days, 30)) > 0.0


@pytest.mark.parametrize(
    ("count", "low", "high"), [(2, 0.61, 0.82), (5, 0.39, 0.53), (12, 0.26, 0.36), (20, 0.22, 0.31), (41, 0.16, 0.27)]
)
def test_homes_coincide_less_the_more_there_are(homes, count: int, low: float, high: float) -> None:
    rng = np.random.default_rng(3)
    peak = homes.max(axis=1)
    groups = [rng.choice(len(homes), count, replace=False) for _ in range(60)]
    assert low < np.median([homes[g].sum(axis=0).max() / peak[g].sum() for g in groups]) < high


def test_few_homes_have_many_empty_half_hours_and_most_have_none(homes) -> None:
    zeros = (homes == 0).mean(axis=1)
    assert np.median(zeros) == 0.0
    assert 0.1 < np.quantile(zeros, 0.95) < 0.6


def test_homes_peak_in_the_evening_with_a_warm_afternoon_and_night(homes) -> None:
    hours = homes.reshape(len(homes), -1, 24, 2).mean(axis=(0, 1, 3))
    hours /= hours.mean()
    assert np.argmax(hours) in (18, 19, 20)
    assert 1.2 < hours.max() < 1.7
    assert hours.min() > 0.6


def test_own_peak_agrees_with_the_column_kva(year) -> None:
    _, customers, habits, wh = year
    varh = interval_q_varh(wh, 30, reactive_shares(customers, STREAMS, habits=habits))
    ratio = np.hypot(wh, varh).max(axis=1) / 500.0 / customers.peak_kva
    drawn = wh.sum(axis=1) > 0
    for index, spread in enumerate([0.20, 0.16, 0.20]):
        of_class = np.log(ratio[drawn & (customers.class_index == index)])
        assert abs(np.median(of_class)) < 0.06
        assert of_class.std() < spread


def test_hot_days_draw_more_where_rooms_are_cooled(year) -> None:
    numbers, customers, habits, wh = year
    cooled = (habits.room_cooling_share > 0.2) & (customers.class_index == 0)
    days = wh[cooled].reshape(cooled.sum(), -1, 48).sum(axis=(0, 2)).astype(float)
    months = [daily_mean_deg_c(int(n), STREAMS) for n in numbers]
    at = np.concatenate([[0], np.cumsum([len(m) for m in months])])
    relative = np.concatenate([days[a:b] / days[a:b].mean() for a, b in pairwise(at)])
    off = np.concatenate([m - m.mean() for m in months])
    assert 0.02 < np.polyfit(off, relative, 1)[0] < 0.15


def test_offices_and_one_shift_works_rest_on_sundays_and_holidays_and_homes_do_not(year) -> None:
    numbers, customers, habits, wh = year
    types = day_types(month_days(numbers))
    names = [kind.name for kind in ARCHETYPES]

    def weekend(rows: np.ndarray) -> float:
        days = wh[rows].reshape(rows.sum(), -1, 48).sum(axis=(0, 2))
        return float(days[types >= 2].mean() / days[types == WORKDAY].mean())

    assert weekend(habits.archetype == names.index("office")) < 0.5
    assert weekend(habits.archetype == names.index("one shift")) < 0.5
    assert 0.9 < weekend(habits.archetype == names.index("round the clock")) < 1.1
    assert 0.95 < weekend(customers.class_index == 0) < 1.25


def test_quarters_are_rougher_than_half_hours(year) -> None:
    numbers, customers, _, _ = year
    kwh = monthly_true_kwh(customers, numbers, STREAMS)
    some = customers.rows(0, 120)
    peaks = {
        minutes: interval_true_wh(some, numbers[:1], kwh[:120, :1], minutes, STREAMS).max(axis=1) * 60 / minutes
        for minutes in (60, 30, 15, 5)
    }
    assert np.median(peaks[60]) < np.median(peaks[30]) < np.median(peaks[15]) < np.median(peaks[5])


def test_a_use_goes_on_past_midnight_at_the_end_of_a_month(year) -> None:
    _, customers, habits, wh = year
    cooled = (habits.room_cooling_share > 0.2) & (customers.class_index == 0)
    days = wh[cooled].reshape(cooled.sum(), -1, 48).sum(axis=0)
    first_hour = days[:, :2].sum(axis=1) / days.sum(axis=1)
    starts = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    others = np.delete(np.arange(365), starts)
    assert abs(first_hour[starts].mean() / first_hour[others].mean() - 1.0) < 0.15
