"""Days of absence agree with the month's energy: no month of ordinary energy is spent in a day or two."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import GeneratorConfig
from ghostload.consumption import draw_customers, monthly_true_kwh
from ghostload.consumption.calendar import MEAN_DAYS, month_numbers
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.holidays import DAY_TYPES
from ghostload.consumption.interval_demand import interval_true_wh, meter_keys
from ghostload.consumption.interval_setup import LEAST, MOST, MOST_OF_APPLIANCES, scratch, set_days
from ghostload.consumption.interval_tables import tables
from ghostload.consumption.intervals import month_days, step_offsets
from ghostload.streams import Streams

numba = importlib.import_module("numba")

STREAMS = Streams(42)
LIMIT = 4.0
"""Half hours over the column kVA, in months of at most three times the usual energy. Measured: 2.8 and 3.8."""
JUNE = month_numbers(GeneratorConfig(num_months=1, start_month="2025-06").months)
CUSTOMERS = draw_customers(GeneratorConfig(num_meters=200), STREAMS)
# Every absence leaves nothing, and every day at home something, so that absences can be counted.
HABITS = replace(draw_habits(CUSTOMERS, STREAMS), breaker_off=np.ones(200), threshold=np.zeros(200))
USUAL = CUSTOMERS.level_kwh / MEAN_DAYS


@numba.njit
def _set_days(key, first, days, row, energy, tables, own):  # pragma: no cover - compiled
    return set_days(key, first, days, row, energy, tables, own)


def _june(factor: float, away_rate: float) -> np.ndarray:
    """Days at home of a June that has the usual energy times a factor; (200, 30)."""
    own, first = scratch(30, DAY_TYPES), int(month_days(JUNE)[0].astype(int))
    home = []
    for key, row in zip(meter_keys(np.arange(200), STREAMS), HABITS.columns(), strict=True):
        row[8] = away_rate
        mean_w = _set_days(key, first, 30, row, factor * 30 * 24 * row[12], tables(), own)
        home.append(own.level[1:31] >= 0.0)
        assert mean_w * home[-1].sum() == pytest.approx(factor * 30 * row[12])
    return np.array(home)


@pytest.mark.parametrize("seed", [42, 5])
def test_no_half_hour_of_a_year_of_5000_customers_is_far_above_the_column_kva(seed: int) -> None:
    config = GeneratorConfig(num_meters=5000, num_months=12)
    streams, numbers = Streams(seed), month_numbers(config.months)
    customers = draw_customers(config, streams)
    kwh = monthly_true_kwh(customers, numbers, streams)
    habits = draw_habits(customers, streams)
    tops = []
    for rows in np.split(np.arange(5000), 10):
        wh = interval_true_wh(customers, numbers, kwh[rows], 30, streams, rows=rows, habits=habits)
        tops.append(np.maximum.reduceat(wh, step_offsets(numbers, 30)[:-1], axis=1) / 500.0)
    ratio = np.concatenate(tops) / customers.peak_kva[:, None]
    ordinary = kwh <= 3.0 * customers.level_kwh[:, None]
    assert ordinary.mean() > 0.999
    assert ratio[ordinary].max() < LIMIT
    # What is beyond has its energy from the month, not from days of absence.
    assert (ratio * customers.level_kwh[:, None] / kwh.clip(1e-9))[~ordinary].max() < 1.5


@pytest.mark.parametrize("away_rate", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("factor", [0.05, 0.3, 0.8, 1.0, 1.9, 4.0])
def test_the_mean_of_the_days_at_home_stays_within_its_bounds(factor: float, away_rate: float) -> None:
    home = _june(factor, away_rate).sum(axis=1)
    usual = HABITS.usual_w
    largest = np.minimum(MOST * usual, np.maximum(usual, MOST_OF_APPLIANCES * HABITS.appliance_w))
    fewest = np.minimum(30, np.ceil(30 * factor * usual / largest - 1e-9))
    most = np.minimum(30, np.ceil(30 * factor / LEAST - 1e-9))
    # Where a bound is a whole number of days, the last bit can add one.
    assert (home >= fewest).all()
    assert (home <= np.minimum(30, most + 1)).all()
    if away_rate == 0.0:
        assert (home >= most).all()
    if away_rate == 1.0:
        assert (home <= np.minimum(30, fewest + 1)).all()


def test_a_low_month_has_days_of_absence_and_days_of_use_instead_of_little_use_every_day() -> None:
    home = _june(0.2, 0.0)
    assert (home.sum(axis=1) <= 13).all()
    assert ((np.diff(home.astype(int), axis=1) != 0).sum(axis=1) <= 2).all()  # in one piece, or in two at the ends
    wh = interval_true_wh(CUSTOMERS, JUNE, 0.2 * 30 * USUAL[:, None], 30, STREAMS, habits=HABITS)
    days = wh.reshape(200, 30, 48).sum(axis=2, dtype=np.int64)
    assert np.median(days.max(axis=1) / (1000 * USUAL)) > 0.6


def test_absences_begin_anywhere_in_a_month() -> None:
    away = 1.0 - _june(0.4, 0.0).mean(axis=0)
    assert away.min() > 0.08
    assert away.max() < 0.35


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 30.0), st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0]), st.integers(0, 199))
def test_sums_are_exact_and_peaks_bounded_whatever_the_energy_and_the_absences(
    factor: float, away_rate: float, breaker_off: float, row: int
) -> None:
    habits = replace(HABITS, away_rate=np.full(200, away_rate), breaker_off=np.full(200, breaker_off))
    kwh = np.array([[factor * 30 * USUAL[row]]])
    wh = interval_true_wh(CUSTOMERS, JUNE, kwh, 30, STREAMS, rows=np.array([row]), habits=habits)
    assert wh.min() >= 0
    assert wh.sum(dtype=np.int64) == np.rint(1000 * kwh).astype(np.int64)[0, 0]
    assert wh.max() / 500.0 / CUSTOMERS.peak_kva[row] < LIMIT * max(1.0, factor)


def test_absences_of_a_month_do_not_depend_on_the_energy_of_others() -> None:
    numbers = np.append(JUNE, JUNE + 1)
    kwh = 30 * USUAL[:, None] * np.ones(2)
    other = kwh * [1.0, 0.1]
    one, two = (interval_true_wh(CUSTOMERS, numbers, e, 60, STREAMS, habits=HABITS)[:, : 30 * 24] for e in (kwh, other))
    np.testing.assert_array_equal(one, two)
    behind = kwh * [0.1, 1.0]
    one, two = (
        interval_true_wh(CUSTOMERS, numbers, e, 60, STREAMS, habits=HABITS)[:, 30 * 24 :] for e in (kwh, behind)
    )
    np.testing.assert_array_equal(one, two)
