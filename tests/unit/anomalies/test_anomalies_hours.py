"""Kinds that only hours can show do what their published forms say: small arrays, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload.anomalies import KINDS
from ghostload.anomalies.draws import hashed_uniform
from ghostload.anomalies.hours import HourBlock, active_hours
from ghostload.anomalies.kinds.rooftop_solar import sun_height
from ghostload.anomalies.timing import Spans
from ghostload.streams import FloatArray, IntArray, Stage, Streams

JANUARY = 12 * 2025
HOURS = 744
DAY = np.array([2, 0, 1, 1, 1, 3, 5, 8, 4, 4, 3, 3, 6, 4, 3, 3, 4, 6, 9, 12, 11, 8, 5, 4])
WH = np.tile(100 * DAY, HOURS // 24)[None]


def _block(strength: float = 1.0, active: FloatArray | None = None, **parameters: float) -> HourBlock:
    return HourBlock(
        active=np.ones((1, HOURS)) if active is None else active,
        closing=np.zeros(1, dtype=bool),
        parameters={name: np.array([value]) for name, value in parameters.items()},
        strength=np.array([strength]),
        meter=np.array([7]),
        level_kwh=np.array([365.25 / 12 * 24 * 0.5]),
        class_index=np.array([0]),
        month=JANUARY,
        streams=Streams(5),
        partner_lost_wh=np.full((1, HOURS), 30),
    )


def _registered(name: str, wh: IntArray = WH, **settings: float) -> FloatArray:
    return KINDS.get(name).on_hours(wh, _block(**settings))[0]  # type: ignore[arg-type]


def _draws(count: int) -> FloatArray:
    return hashed_uniform(Streams(5), Stage.EVENT_HOUR, np.array([7]), JANUARY, count)[0]


def test_scaling_reports_the_same_share_of_each_hour() -> None:
    np.testing.assert_allclose(_registered("fdi_scaling", share=0.4), 0.4 * WH[0])


def test_half_the_strength_hides_half_as_much() -> None:
    np.testing.assert_allclose(_registered("fdi_scaling", share=0.4, strength=0.5), 0.7 * WH[0])


def test_a_zero_window_is_drawn_for_each_day_and_lasts_four_hours_at_least() -> None:
    draws = _draws(62).reshape(31, 2)
    expected = WH[0].reshape(31, 24).astype(float)
    for day, (start, length) in enumerate(draws):
        first = int(start * 20)
        expected[day, first : first + 4 + int(length * 21)] = 0.0
    np.testing.assert_array_equal(_registered("fdi_zero_window"), expected.ravel())
    shut = (expected == 0).sum(axis=1)
    assert shut.min() >= 4
    assert len(set(shut)) > 5


def test_random_scaling_draws_a_share_for_each_hour() -> None:
    registered = _registered("fdi_random_scaling", low=0.1, high=0.8)
    np.testing.assert_allclose(registered, (0.1 + 0.7 * _draws(HOURS)) * WH[0])


def test_random_mean_is_a_random_share_of_the_days_mean() -> None:
    wh = WH.copy()
    wh[0, 24:48] *= 3
    mean = np.repeat(wh.reshape(31, 24).mean(axis=1), 24)
    np.testing.assert_allclose(
        _registered("fdi_random_mean", wh, low=0.1, high=0.8), (0.1 + 0.7 * _draws(HOURS)) * mean
    )


def test_constant_mean_is_the_mean_of_each_day() -> None:
    wh = WH.copy()
    wh[0, 24:48] *= 3
    registered = _registered("fdi_constant_mean", wh)
    np.testing.assert_allclose(registered[:24], 100 * DAY.mean())
    np.testing.assert_allclose(registered[24:48], 300 * DAY.mean())


def test_a_reversed_day_runs_from_its_last_hour_to_its_first() -> None:
    np.testing.assert_array_equal(_registered("fdi_reversed_day")[:24], 100 * DAY[::-1])


def test_a_capped_reading_is_cut_at_a_multiple_of_the_mean_hour() -> None:
    np.testing.assert_allclose(_registered("capped_reading", cap_factor=0.8), np.minimum(WH[0], 400.0))


@pytest.mark.parametrize("name", ["night_bypass", "peak_bypass"])
def test_a_bypass_by_the_clock_takes_a_window_of_each_day(name: str) -> None:
    registered = _registered(name, from_hour=22.0, hours=6.0, registered_share=0.25)
    inside = np.isin(np.arange(HOURS) % 24, [22, 23, 0, 1, 2, 3])
    np.testing.assert_allclose(registered, np.where(inside, 0.25, 1.0) * WH[0])


def test_duty_goes_on_and_off_with_its_period_whatever_the_month() -> None:
    registered = _registered("on_off_duty", period_hours=32.0, on_share=0.375, registered_share=0.0, phase=0.0)
    since = (np.datetime64("2025-01-01T00") - np.datetime64("1970-01-01T00")).astype(int) + np.arange(HOURS)
    np.testing.assert_array_equal(registered == 0, (since % 32 < 12) | (WH[0] == 0))


def test_time_shift_moves_the_peak_of_the_tariff_to_the_rest_of_the_day() -> None:
    registered = _registered("time_shift", moved_share=0.5).reshape(31, 24)
    peak = np.isin(np.arange(24), np.arange(8, 21))
    off = 100.0 * DAY[~peak]
    moved = 0.5 * 100.0 * DAY[peak].sum()
    np.testing.assert_allclose(registered[0][peak], 50.0 * DAY[peak])
    np.testing.assert_allclose(registered[0][~peak], off * (1 + moved / off.sum()))
    sunday = registered[4]
    np.testing.assert_allclose(sunday[[18, 19]], [450.0, 600.0])
    np.testing.assert_allclose(sunday[17] / 600.0, 1 + 1050.0 / (100.0 * DAY.sum() - 2100.0))
    np.testing.assert_allclose(registered.sum(axis=1), 100.0 * DAY.sum())


def test_a_reversed_meter_runs_backwards_before_the_reading() -> None:
    registered = _registered("reversal", days=3.0)
    np.testing.assert_array_equal(registered[: HOURS - 72], WH[0, : HOURS - 72])
    np.testing.assert_array_equal(registered[HOURS - 72 :], -WH[0, HOURS - 72 :])


def test_a_reversed_meter_runs_back_to_zero_at_most() -> None:
    wh = WH.copy()
    wh[0, : HOURS - 72] = 10
    assert abs(_registered("reversal", wh, days=3.0).sum()) < 1e-6


def test_a_rollback_takes_back_a_share_of_the_month_so_far_in_one_hour() -> None:
    registered = _registered("rollback", share=0.4)
    at = HOURS - 1 - int(48 * _draws(1)[0])
    changed = np.flatnonzero(registered != WH[0])
    assert changed.tolist() == [at]
    np.testing.assert_allclose(registered[at], WH[0, at] - 0.4 * WH[0, : at + 1].sum())
    assert registered[at] < 0


def test_a_tap_adds_a_load_that_the_meter_never_sees() -> None:
    kind, block = KINDS.get("tap_before_meter"), _block(load_share=0.5, from_hour=20.0, hours=6.0)
    load = kind.added_wh(block)[0].reshape(31, 24)
    on = np.isin(np.arange(24), [20, 21, 22, 23, 0, 1])
    assert (load[:, ~on] == 0).all()
    days = _draws(31) < 0.85
    assert ((load[:, on] > 0) == days[:, None]).all()
    mean = 1000 * 0.5 * block.level_kwh[0] / (365.25 / 12 * 0.85 * 6)
    np.testing.assert_allclose(
        load[days][:, on], mean * (0.7 + 0.6 * _draws(31 + HOURS)[31:].reshape(31, 24)[days][:, on])
    )
    drawn = WH + np.rint(load.ravel()).astype(int)
    np.testing.assert_allclose(kind.on_hours(drawn, block), WH, atol=1.0)


def test_a_peer_registers_what_its_thief_leaves_out() -> None:
    np.testing.assert_array_equal(_registered("balanced_peer"), WH[0] + 30)
    np.testing.assert_allclose(_registered("balanced_collusion", registered_share=0.3), 0.3 * WH[0])


def test_an_onset_inside_the_month_leaves_the_hours_before_it_alone() -> None:
    active = active_hours(Spans(np.array([0.5]), np.array([np.inf])), 0, HOURS)
    registered = _registered("fdi_scaling", share=0.5, active=active)  # type: ignore[arg-type]
    np.testing.assert_array_equal(registered[:372], WH[0, :372])
    np.testing.assert_allclose(registered[372:], 0.5 * WH[0, 372:])


def test_a_day_in_which_an_event_begins_is_moved_as_a_whole_or_not_at_all() -> None:
    active = active_hours(Spans(np.array([36.5 / HOURS]), np.array([np.inf])), 0, HOURS)
    registered = _registered("fdi_reversed_day", active=active)  # type: ignore[arg-type]
    np.testing.assert_array_equal(registered[:48], WH[0, :48])
    np.testing.assert_array_equal(registered[48:72], 100 * DAY[::-1])


def test_hours_in_which_an_event_begins_and_ends_count_by_their_share() -> None:
    active = active_hours(Spans(np.array([1 + 10.25 / HOURS]), np.array([1 + 12.5 / HOURS])), 1, HOURS)[0]
    np.testing.assert_allclose(active[9:14], [0.0, 0.75, 1.0, 0.5, 0.0], atol=1e-9)


def test_weekdays_are_those_of_the_calendar() -> None:
    block = _block()
    assert block.weekday[0] == 2
    assert block.weekday[4 * 24] == 6


def test_the_sun_over_manila_stands_highest_at_noon_and_sets_at_six() -> None:
    hour = np.arange(0.5, 24)
    assert (sun_height(hour, 3)[:5] == 0).all()
    assert (sun_height(hour, 3)[19:] == 0).all()
    np.testing.assert_allclose(sun_height(np.array([12.0]), 3), np.cos(np.radians(14.6 - 9.2)), atol=0.01)
    assert sun_height(np.array([12.0]), 11) < sun_height(np.array([12.0]), 4)


def test_draws_are_uniform_and_hang_on_their_address_alone() -> None:
    draws = hashed_uniform(Streams(1), Stage.EVENT_HOUR, np.arange(300), JANUARY, 744)
    assert abs(draws.mean() - 0.5) < 0.002
    assert abs(draws.std() - 12**-0.5) < 0.002
    assert abs(np.corrcoef(draws[:, 0], draws[:, 1])[0, 1]) < 0.2
    assert abs(np.corrcoef(draws[0], draws[1])[0, 1]) < 0.15
    np.testing.assert_array_equal(
        hashed_uniform(Streams(1), Stage.EVENT_HOUR, np.array([42]), JANUARY, 5)[0], draws[42, :5]
    )
    for other in (
        hashed_uniform(Streams(2), Stage.EVENT_HOUR, np.array([42]), JANUARY, 5),
        hashed_uniform(Streams(1), Stage.SKY, np.array([42]), JANUARY, 5),
        hashed_uniform(Streams(1), Stage.EVENT_HOUR, np.array([42]), JANUARY + 1, 5),
    ):
        assert not np.isin(other, draws[42, :5]).any()
