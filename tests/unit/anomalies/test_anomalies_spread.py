"""Energy put into hours: exact sums, nothing beyond what an hour holds, and the intended shape."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ghostload.anomalies import KINDS, AnomalyKind
from ghostload.anomalies.batches import kind_parameters
from ghostload.anomalies.events import MAX_PARAMETERS
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.spread import (
    ACTUAL,
    ESTIMATED,
    MISSING,
    Form,
    Spread,
    fill,
    lost_in_time,
    share_out,
    whole,
)
from ghostload.streams import Streams

SHAPE = (3, 24)


def _block(kind: AnomalyKind, draw: float = 0.5) -> HourBlock:
    return HourBlock(
        active=np.ones((1, 744)),
        closing=np.zeros(1, dtype=bool),
        parameters=kind_parameters(kind, np.full((1, MAX_PARAMETERS), draw)),
        strength=np.ones(1),
        meter=np.array([7]),
        level_kwh=np.array([100.0]),
        class_index=np.array([0]),
        month=12 * 2025,
        streams=Streams(5),
        partner_lost_wh=np.zeros((1, 744), dtype=np.int64),
    )


rooms = arrays(np.int64, SHAPE, elements=st.integers(0, 10**7))
weights = arrays(np.float64, SHAPE, elements=st.one_of(st.just(0.0), st.floats(1e-3, 1e6)))
shares = arrays(np.float64, 3, elements=st.floats(0, 1))


@settings(deadline=None)
@given(rooms, weights, shares)
def test_filling_meets_its_total_and_no_hour_takes_more_than_it_holds(room, weight, share) -> None:  # type: ignore[no-untyped-def]
    total = (room.sum(axis=1) * share).astype(np.int64)
    parts = fill(room, weight, total)
    np.testing.assert_array_equal(parts.sum(axis=1), total)
    assert (parts >= 0).all()
    assert (parts <= room).all()
    weighty = np.where((weight > 0) & (room > 0), room, 0).sum(axis=1)
    spared = np.where(weight > 0, 0, parts).sum(axis=1)
    assert (spared[total <= weighty] == 0).all()


def test_filling_follows_the_weights_until_an_hour_is_full() -> None:
    room = np.array([[10, 100, 100, 100]])
    np.testing.assert_array_equal(fill(room, np.array([[1.0, 1, 2, 0]]), np.array([30]))[0], [8, 7, 15, 0])
    np.testing.assert_array_equal(fill(room, np.array([[1.0, 1, 2, 0]]), np.array([100]))[0], [10, 30, 60, 0])
    np.testing.assert_array_equal(fill(room, np.array([[1.0, 1, 2, 0]]), np.array([250]))[0], [10, 100, 100, 40])


@given(arrays(np.float64, SHAPE, elements=st.floats(-1e6, 1e6)))
def test_rounding_moves_no_part_by_one_and_the_sum_by_half_of_it(parts) -> None:  # type: ignore[no-untyped-def]
    rounded = whole(parts)
    assert (np.abs(rounded - parts) < 1.0 + 1e-4).all()
    assert (np.abs(np.cumsum(rounded - parts, axis=1)) <= 0.5 + 1e-4).all()


@given(weights, arrays(np.int64, 3, elements=st.integers(0, 10**8)))
def test_shares_add_up_and_zero_weights_stay_zero(weight, total) -> None:  # type: ignore[no-untyped-def]
    parts = share_out(weight, total)
    np.testing.assert_array_equal(parts.sum(axis=1), total)
    some = weight.sum(axis=1) > 0
    assert (parts[some][weight[some] == 0] == 0).all()


@settings(deadline=None)
@given(rooms, weights, st.sampled_from(list(Form)), arrays(np.int64, 3, elements=st.integers(-(10**7), 10**8)))
def test_every_form_loses_its_total_or_all_that_there_is(wh, weight, form, total) -> None:  # type: ignore[no-untyped-def]
    active = np.ones(SHAPE)
    lost = lost_in_time(wh, total, active, Spread(weight, form))
    most = np.where(weight > 0, wh, 0).sum(axis=1) if form is Form.ESTIMATE else wh.sum(axis=1)
    some = (weight > 0).any(axis=1) | (form is not Form.ESTIMATE)
    np.testing.assert_array_equal(lost.sum(axis=1)[some], np.minimum(total, most)[some])
    assert (lost <= wh).all()


def test_what_is_kept_is_a_cap_when_the_weights_are_equal() -> None:
    wh = np.array([[5, 10, 2, 3]])
    lost = lost_in_time(wh, np.array([8]), np.ones((1, 4)), Spread(np.ones((1, 4)), Form.KEPT))
    np.testing.assert_array_equal(wh - lost, [[4, 3, 2, 3]])


def test_a_settlement_beyond_the_estimate_is_recorded_in_the_last_hour() -> None:
    wh = np.full((1, 4), 10)
    spread = Spread(np.array([[1.0, 1, 1, 0]]), Form.ESTIMATE, most_wh=np.array([15]))
    lost = lost_in_time(wh, np.array([-20]), np.ones((1, 4)), spread)
    np.testing.assert_array_equal(wh - lost, [[5, 5, 40, 10]])


def test_an_estimate_is_billed_even_where_nothing_was_drawn() -> None:
    kind, wh = KINDS.get("stuck_estimate"), np.zeros((1, 744), dtype=np.int64)
    block = _block(kind)
    lost = lost_in_time(wh, np.array([-1488]), block.active, kind.register_in_time(wh, np.array([-1488]), block))
    np.testing.assert_array_equal(wh - lost, 2)


WH = np.tile(np.r_[np.full(8, 100), np.full(12, 200), np.full(4, 800)], 31)[None]


def _spread(name: str, total: int, channel: str = "register_in_time") -> tuple[np.ndarray, np.ndarray | None]:
    kind = KINDS.get(name)
    block, asked = _block(kind), np.array([total])
    spread = getattr(kind, channel)(WH, asked, block)
    return (WH - lost_in_time(WH, asked, block.active, spread))[0], spread.flags


def test_an_exchange_loses_the_last_hours_of_its_month_and_the_next_begins_with_them() -> None:
    left, flags = _spread("meter_exchange", 800 * 4 + 50)
    np.testing.assert_array_equal(left[-6:], [200, 150, 0, 0, 0, 0])
    np.testing.assert_array_equal(left[:-5], WH[0, :-5])
    assert flags is not None
    np.testing.assert_array_equal(flags[0, -6:], [ACTUAL, *[MISSING] * 5])
    left, flags = _spread("meter_exchange", -5000)
    assert left[0] == 5100
    np.testing.assert_array_equal(left[1:], WH[0, 1:])
    assert flags is not None
    assert flags[0].tolist() == [ESTIMATED] + [ACTUAL] * 743


def test_a_catch_up_bill_estimates_the_month_and_settles_in_its_last_hour() -> None:
    month = int(WH.sum())
    left, flags = _spread("catch_up_bill", -10_000)
    np.testing.assert_allclose(left[:-1], 0.6 * WH[0, :-1], atol=3)
    np.testing.assert_allclose(left[-1], 480 + 10_000 + 0.4 * month, atol=2)
    assert flags is not None
    assert (flags == ESTIMATED).all()


def test_standby_is_the_same_in_every_hour() -> None:
    for name in ("vacancy", "holiday_home"):
        left, _ = _spread(name, int(WH.sum()) - 744 * 20, "demand_in_time")
        np.testing.assert_array_equal(left, 20)


def test_a_fixed_value_advances_alike_in_every_hour() -> None:
    left, _ = _spread("fixed_value", int(WH.sum()) - 744 * 100)
    np.testing.assert_array_equal(left, 100)


def test_a_bypassed_circuit_of_a_home_leaves_what_is_always_on() -> None:
    left, _ = _spread("bypass", int(WH.sum()) // 3)
    np.testing.assert_array_equal(left[:8], 100)
    np.testing.assert_allclose((200 - left[8:20]) / 100, (800 - left[20]) / 700, atol=0.02)


def test_panels_cover_midday_and_leave_the_night_alone() -> None:
    left, _ = _spread("rooftop_solar", int(WH.sum()) // 10, "demand_in_time")
    lost = (WH[0] - left).reshape(31, 24)
    assert (lost[:, [0, 1, 2, 3, 4, 20, 21, 22, 23]] == 0).all()
    assert (lost[:, 12] >= lost[:, 8]).all()
    assert len(set(lost[:, 12])) > 10
    most, _ = _spread("rooftop_solar", int(0.6 * WH.sum()), "demand_in_time")
    assert (most.reshape(31, 24)[:, 7:17] == 0).all()
    assert (most >= 0).all()
