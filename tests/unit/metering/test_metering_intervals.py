"""What the head end holds: whole watt-hours that add up, with gaps, estimates, stuck registers and clock drift."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ghostload.anomalies.draws import hashed_uniform, stage_key
from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import Part
from ghostload.anomalies.spread import ACTUAL, ESTIMATED, MISSING
from ghostload.anomalies.timing import Spans
from ghostload.config import MeteringConfig
from ghostload.errors import UsageError
from ghostload.metering import Intervals, kernels, record_intervals, recorded_voltage_v
from ghostload.metering.intervals import gap_lengths, own_normal
from ghostload.streams import Stage, Streams

numba = importlib.import_module("numba")

MARCH = 12 * 2025 + 2
NUMBERS = np.array([MARCH])
HOURS = 744
QUIET: dict[str, Any] = {"gap_share": 0.0, "stuck_share": 0.0, "clock_ppm": 0.0}


def _part(meters: np.ndarray, months: int = 1) -> Part:
    count, none = len(meters), np.empty(0, dtype=np.int64)
    events = Events(none, none, (), Spans(np.empty(0), np.empty(0)), np.empty(0), np.empty((0, 4)))
    energies = np.empty((0, months), dtype=np.int64)
    return Part(meters, np.ones(count), np.zeros(count, int), np.ones((count, months)), events, energies, energies)


def _record(wh: np.ndarray, reading_wh: np.ndarray | None = None, first: int = 0, **metering: Any) -> Intervals:
    total = wh.sum(axis=1) if reading_wh is None else reading_wh
    meters = first + np.arange(len(wh))
    minutes = 60 * HOURS // wh.shape[1]
    config = MeteringConfig(**(QUIET | metering))
    return record_intervals(
        wh.astype(np.int32), total[:, None] / 1000.0, _part(meters), NUMBERS, minutes, config, Streams(3)
    )


def _demand(count: int, per: int = 1) -> np.ndarray:
    draws = np.random.default_rng(1).gamma(0.7, 400.0 / per, (count, HOURS * per))
    return np.rint(draws).astype(np.int64)


def test_a_meter_without_fault_records_what_is_drawn() -> None:
    wh = _demand(20, 2)
    record = _record(wh)
    np.testing.assert_array_equal(record.registered_wh, wh)
    np.testing.assert_array_equal(record.true_wh, wh)
    assert (record.flags == ACTUAL).all()


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int64, (3, 2 * HOURS), elements=st.integers(0, 10**6), fill=st.just(0)),
    arrays(np.int64, 3, elements=st.integers(0, 10**9)),
)
def test_a_month_adds_up_to_its_reading_whatever_was_drawn(wh: np.ndarray, reading: np.ndarray) -> None:
    record = _record(wh, reading, gap_share=0.1, stuck_share=0.1, clock_ppm=500.0)
    np.testing.assert_array_equal(record.registered_wh.sum(axis=1, dtype=np.int64), reading)


def test_a_fast_meter_is_fast_in_every_interval() -> None:
    wh = np.full((1, HOURS), 1000)
    record = _record(wh, np.array([1_010_000 * HOURS // 1000]))
    np.testing.assert_array_equal(record.registered_wh, 1010)


def test_a_fast_clock_records_an_hour_early_by_what_it_is_ahead() -> None:
    wh = np.zeros((1, HOURS), dtype=np.int64)
    wh[0, [100, 700]] = 3_600_000
    record = _record(wh, clock_ppm=50.0).registered_wh[0].astype(int)
    rate = 50e-6 * own_normal(Stage.METER_CLOCK, np.arange(1), Streams(3))[0]
    for hour in (100, 700):
        ahead = abs(rate) * (hour if rate > 0 else hour + 1)
        neighbour = hour - 1 if rate > 0 else hour + 1
        np.testing.assert_allclose(record[neighbour], 3_600_000 * ahead, atol=1)
        np.testing.assert_allclose(record[hour], 3_600_000 * (1 - ahead), atol=1)
    assert record.sum() == 7_200_000


@numba.njit
def _hold_back(wh, on):  # pragma: no cover - compiled
    kernels.hold_back(wh, on)


@numba.njit
def _fill_gaps(wh, mark, gap, linear_hours, fill, weight):  # pragma: no cover - compiled
    kernels.fill_gaps(wh, mark, gap, linear_hours, fill, weight)


@numba.njit
def _hashed(key, meter, month, index):  # pragma: no cover - compiled
    return kernels.hashed(key, meter, month, index)


def _spells(wh: list[int], on: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(wh, dtype=np.int64), np.array(on, dtype=np.uint8)


def test_a_stuck_register_makes_up_for_it_in_the_hour_that_ends_it() -> None:
    wh, on = _spells([5, 1, 2, 3, 4, 6, 7], [0, 1, 1, 1, 0, 0, 1])
    _hold_back(wh, on)
    np.testing.assert_array_equal(wh, [5, 0, 0, 6, 4, 6, 7])


def test_a_short_gap_is_filled_along_a_line_that_keeps_its_energy() -> None:
    wh, gap = _spells([10, 0, 60, 40, 9], [0, 1, 1, 0, 0])
    mark = np.zeros(5, dtype=np.uint8)
    _fill_gaps(wh, mark, gap, 2, True, np.empty(len(wh)))
    np.testing.assert_array_equal(wh, [10, 24, 36, 40, 9])
    np.testing.assert_array_equal(mark, [ACTUAL, ESTIMATED, ESTIMATED, ACTUAL, ACTUAL])


def test_a_long_gap_follows_the_same_hours_a_week_before() -> None:
    wh, gap = np.ones(HOURS, dtype=np.int64), np.zeros(HOURS, dtype=np.uint8)
    wh[200:204], wh[368:372], gap[368:372] = [1, 2, 3, 4], [50, 0, 0, 50], 1
    mark = np.zeros(HOURS, dtype=np.uint8)
    _fill_gaps(wh, mark, gap, 2, True, np.empty(len(wh)))
    np.testing.assert_array_equal(wh[368:372], [10, 20, 30, 40])
    assert mark.sum() == 4 * ESTIMATED


def test_gaps_that_are_not_filled_stay_as_they_are_and_are_missing() -> None:
    wh, gap = _spells([10, 0, 60, 40], [0, 1, 1, 0])
    mark = np.zeros(4, dtype=np.uint8)
    _fill_gaps(wh, mark, gap, 2, False, np.empty(len(wh)))
    np.testing.assert_array_equal(wh, [10, 0, 60, 40])
    np.testing.assert_array_equal(mark, [ACTUAL, MISSING, MISSING, ACTUAL])


def test_gaps_are_as_many_as_asked_for_and_some_meters_are_worse() -> None:
    record = _record(_demand(4000), gap_share=0.01, fill_gaps=False)
    share = (record.flags == MISSING).mean(axis=1)
    assert abs(share.mean() / 0.01 - 1.0) < 0.15
    worst = np.sort(share)[::-1]
    assert worst[:400].sum() > 0.4 * worst.sum()
    even = (_record(_demand(4000), gap_share=0.01, gap_spread=0.0, fill_gaps=False).flags == MISSING).mean(axis=1)
    assert np.sort(even)[::-1][:400].sum() < worst[:400].sum()


def test_estimates_change_nothing_outside_gaps() -> None:
    wh = _demand(300, 2)
    record = _record(wh, gap_share=0.05)
    outside = record.flags == ACTUAL
    assert 0.02 < 1 - outside.mean() < 0.08
    np.testing.assert_array_equal(record.registered_wh[outside], wh[outside])
    assert (record.registered_wh[~outside] != wh[~outside]).mean() > 0.5


def test_lengths_of_gaps_have_a_heavy_tail_and_their_mean() -> None:
    lengths = gap_lengths(6.0)
    assert (lengths.min(), np.median(lengths)) == (2, 3)
    assert lengths.max() == 240
    assert abs(lengths.mean() - 6.0) < 0.5


@pytest.mark.parametrize("minutes", [60, 15])
def test_a_meter_is_recorded_alike_in_whatever_company(minutes: int) -> None:
    wh = _demand(30, 60 // minutes)
    noise = {"gap_share": 0.05, "stuck_share": 0.02, "clock_ppm": 30.0}
    whole = _record(wh, first=1010, **noise)
    part = _record(wh[17:20], first=1027, **noise)
    np.testing.assert_array_equal(part.registered_wh, whole.registered_wh[17:20])
    np.testing.assert_array_equal(part.flags, whole.flags[17:20])


def test_the_compiled_draw_is_the_same_as_numpys() -> None:
    drawn = hashed_uniform(Streams(3), Stage.GAP, np.array([0, 5, 10**7]), MARCH, 4)
    key = np.uint64(stage_key(Streams(3), Stage.GAP))
    for row, meter in enumerate((0, 5, 10**7)):
        assert [_hashed(key, meter, MARCH, index) for index in range(4)] == drawn[row].tolist()


def test_another_count_of_steps_is_refused() -> None:
    wh, readings = np.zeros((2, 100), np.int32), np.ones((2, 1))
    part, config, streams = _part(np.arange(2)), MeteringConfig(), Streams(1)
    with pytest.raises(UsageError, match=r"base_wh: has the shape \(2, 100\), must be meters x steps, \(2, 744\)"):
        record_intervals(wh, readings, part, NUMBERS, 60, config, streams)


def test_voltages_are_tenths_of_a_volt_with_a_gain_of_each_meter() -> None:
    true = np.tile([229.96, 230.04, np.nan], (2000, 1))
    exact = recorded_voltage_v(true, np.arange(2000), MeteringConfig(voltage_error_sd=0.0), Streams(1))
    np.testing.assert_array_equal(exact[0], np.array([230.0, 230.0, np.nan], dtype=np.float32))
    recorded = recorded_voltage_v(true, np.arange(2000), MeteringConfig(), Streams(1))
    gain = recorded[:, 0] / 229.96
    assert np.abs(gain - 1).max() <= 0.0053
    assert abs(gain.std() / 0.0017 - 1) < 0.1
    np.testing.assert_array_equal(
        recorded_voltage_v(true[:3], np.arange(5, 8), MeteringConfig(), Streams(1)), recorded[5:8]
    )
