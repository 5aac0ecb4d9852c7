"""Each kind does what its formula says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.anomalies import KINDS, AnomalyKind, Channel, EventBlock, Family, Parameter, register
from ghostload.anomalies.apply import kind_parameters
from ghostload.anomalies.batches import acts_in_hours
from ghostload.anomalies.events import MAX_PARAMETERS
from ghostload.errors import RegistrationError

MONTHS = 12
THEFTS = [kind.name for kind in KINDS if kind.family is Family.THEFT and not acts_in_hours(kind)]
ISSUE_KINDS = {
    "theft": {
        "low_consumption",
        "gradual_decline",
        "sudden_drop",
        "bypass",
        "erratic",
        "fixed_value",
        "full_tap",
        "ct_multiplier",
        "collusion",
        "fdi_scaling",
        "fdi_zero_window",
        "fdi_random_scaling",
        "fdi_random_mean",
        "fdi_constant_mean",
        "fdi_reversed_day",
        "capped_reading",
        "night_bypass",
        "peak_bypass",
        "on_off_duty",
        "time_shift",
        "reversal",
        "rollback",
        "tap_before_meter",
        "balanced_collusion",
    },
    "fault": {"stopped_meter", "slow_meter", "stuck_estimate", "balanced_peer"},
    "benign": {
        "vacancy",
        "holiday_home",
        "occupancy_change",
        "rooftop_solar",
        "efficiency",
        "meter_exchange",
        "catch_up_bill",
    },
}


def _block(
    kind: AnomalyKind, *, start: int = 4, strength: float = 1.0, draw: float = 0.5, end: int = MONTHS
) -> EventBlock:
    month = np.arange(MONTHS)
    return EventBlock(
        active=((month >= start) & (month < end)).astype(float)[None],
        elapsed_months=np.maximum(0.0, month + 0.5 - start)[None],
        closing=(month == end - 1)[None] if end < MONTHS else np.zeros((1, MONTHS), dtype=bool),
        parameters=kind_parameters(kind, np.full((1, MAX_PARAMETERS), draw)),
        strength=np.array([strength]),
        uniform=np.linspace(0.02, 0.98, MONTHS)[None],
        level_kwh=np.array([100.0]),
        class_index=np.array([0]),
        numbers=12 * 2025 + month,
    )


def _shown(name: str, **settings: float) -> np.ndarray:
    kind = KINDS.get(name)
    block = _block(kind, **settings)  # type: ignore[arg-type]
    kwh = np.full((1, MONTHS), 100.0)
    return kind.on_register(kind.on_demand(kwh, block), block)[0]


def test_the_kinds_of_the_contract_are_there_each_in_its_family() -> None:
    found = {family: {kind.name for kind in KINDS if kind.family == family} for family in ISSUE_KINDS}
    assert found == ISSUE_KINDS


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_nothing_changes_before_an_event(name: str) -> None:
    np.testing.assert_array_equal(_shown(name)[:4], 100.0)


@pytest.mark.parametrize("name", THEFTS)
def test_theft_never_shows_more_than_is_drawn_and_leaves_demand_alone(name: str) -> None:
    kind = KINDS.get(name)
    kwh = np.linspace(1.0, 300.0, MONTHS)[None]
    np.testing.assert_array_equal(kind.on_demand(kwh, _block(kind)), kwh)
    shown = kind.on_register(kwh, _block(kind))
    assert (shown <= kwh + 1e-12).all()
    assert (shown >= 0).all()
    assert shown.sum() < kwh.sum()


def test_low_consumption_keeps_thirty_per_cent() -> None:
    np.testing.assert_allclose(_shown("low_consumption")[4:], 30.0)


def test_strength_weakens_a_theft_in_proportion() -> None:
    np.testing.assert_allclose(_shown("low_consumption", strength=0.5)[4:], 65.0)


def test_gradual_decline_falls_in_a_line_to_its_floor() -> None:
    shown = _shown("gradual_decline", draw=0.999999)[4:]
    np.testing.assert_allclose(shown, 100 * np.maximum(0.4, 1 - 0.14 * (np.arange(8) + 0.5)), rtol=1e-5)


@pytest.mark.parametrize(("draw", "left"), [(0.1, 200 / 3), (0.9, 100 / 3)])
def test_bypass_takes_whole_phases(draw: float, left: float) -> None:
    np.testing.assert_allclose(_shown("bypass", draw=draw)[4:], left)


def test_erratic_steals_in_some_months_only() -> None:
    shown = _shown("erratic")[4:]
    assert set(np.round(shown, 6)) == {30.0, 100.0}


def test_fixed_value_is_the_same_each_month_and_never_above_the_draw() -> None:
    np.testing.assert_allclose(_shown("fixed_value")[4:], 45.0)
    kind = KINDS.get("fixed_value")
    small = np.full((1, MONTHS), 20.0)
    np.testing.assert_array_equal(kind.on_register(small, _block(kind)), small)


@pytest.mark.parametrize("name", ["full_tap", "stopped_meter"])
def test_nothing_is_registered_through_a_full_tap_or_a_stopped_meter(name: str) -> None:
    np.testing.assert_array_equal(_shown(name)[4:], 0.0)


@pytest.mark.parametrize(("draw", "ratio"), [(0.0, 1.25), (0.3, 1.5), (0.6, 2.0), (0.9, 3.0)])
def test_ct_multiplier_divides_by_a_ratio_and_is_not_for_homes(draw: float, ratio: float) -> None:
    np.testing.assert_allclose(_shown("ct_multiplier", draw=draw)[4:], 100 / ratio)
    assert "residential" not in KINDS.get("ct_multiplier").classes


def test_slow_meter_loses_a_few_per_cent() -> None:
    np.testing.assert_allclose(_shown("slow_meter")[4:], 88.0)


def test_stuck_estimate_bills_the_same_whatever_is_drawn() -> None:
    np.testing.assert_allclose(_shown("stuck_estimate")[4:], 92.5)


def test_vacancy_leaves_standby() -> None:
    np.testing.assert_allclose(_shown("vacancy")[4:], 8.0)


def test_holiday_home_is_lived_in_for_some_months() -> None:
    assert set(np.round(_shown("holiday_home")[4:], 6)) == {7.0, 100.0}


def test_occupancy_change_goes_either_way() -> None:
    assert _shown("occupancy_change", draw=0.0)[5] < 50 < 150 < _shown("occupancy_change", draw=0.99)[5]


def test_solar_covers_most_in_april_and_least_in_august() -> None:
    shown = _shown("rooftop_solar", start=0)
    assert (np.argmin(shown), np.argmax(shown)) == (3, 7)


def test_efficiency_saves_for_good() -> None:
    assert len(set(np.round(_shown("efficiency")[4:], 9))) == 1


def test_what_an_exchange_defers_is_billed_the_month_after() -> None:
    np.testing.assert_allclose(_shown("meter_exchange", end=6)[3:7], [100.0, 50.0, 150.0, 100.0])


def test_a_catch_up_bill_settles_what_estimates_left_out() -> None:
    shown = _shown("catch_up_bill", end=7)
    np.testing.assert_allclose(shown[4:7], [60.0, 60.0, 180.0])
    assert np.isclose(shown.sum(), 1200.0)


def test_a_catch_up_bill_after_the_data_settles_nothing_yet() -> None:
    np.testing.assert_allclose(_shown("catch_up_bill")[4:], 60.0)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([kind.name for kind in KINDS]),
    st.floats(0, 0.999),
    st.floats(0.01, 1),
    st.lists(st.floats(0, 1e6), min_size=MONTHS, max_size=MONTHS),
)
def test_no_kind_gives_negative_or_endless_energy(name: str, draw: float, strength: float, months: list[float]) -> None:
    kind = KINDS.get(name)
    block = _block(kind, draw=draw, strength=strength, end=9)
    kwh = np.array([months])
    given_kwh = kwh.copy()
    shown = kind.on_register(kind.on_demand(kwh, block), block)
    assert np.isfinite(shown).all()
    assert (shown >= -1e-9).all()
    np.testing.assert_array_equal(kwh, given_kwh)


def _spoilt(**attributes: object) -> type[AnomalyKind]:
    def on_register(self, kwh, events):  # type: ignore[no-untyped-def]
        return kwh

    body = {"name": "spoilt", "family": Family.THEFT, "channel": Channel.REGISTER, "on_register": on_register}
    return type("Spoilt", (AnomalyKind,), body | attributes)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "bypass"}, "registered already"),
        ({"name": "two words"}, "no identifier"),
        ({"name": 3}, "set name to a str"),
        ({"family": "theft"}, "set family to a Family"),
        ({"channel": Channel.DEMAND}, "override the method on_demand"),
        ({"classes": ("farm",)}, "must be among residential"),
        ({"classes": ()}, "must be among"),
        ({"parameters": tuple(Parameter(f"p{i}", 0, 1, "") for i in range(9))}, "has 9 parameters, may have 4"),
    ],
)
def test_a_class_that_does_not_keep_the_contract_is_refused(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        register(_spoilt(**attributes))


def test_every_kind_says_what_it_is() -> None:
    for kind in KINDS:
        assert "``" in (type(kind).__doc__ or ""), kind.name
        assert all(parameter.description and parameter.low <= parameter.high for parameter in kind.parameters)


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_what_follows_the_data_changes_nothing_in_it(name: str) -> None:
    kind = KINDS.get(name)
    whole = _block(kind, start=4, end=9)
    cut = slice(0, 7)
    part = EventBlock(
        active=whole.active[:, cut],
        elapsed_months=whole.elapsed_months[:, cut],
        closing=whole.closing[:, cut],
        parameters=whole.parameters,
        strength=whole.strength,
        uniform=whole.uniform[:, cut],
        level_kwh=whole.level_kwh,
        class_index=whole.class_index,
        numbers=whole.numbers[cut],
    )
    kwh = np.linspace(50.0, 150.0, MONTHS)[None]
    np.testing.assert_array_equal(kind.on_register(kwh[:, cut], part), kind.on_register(kwh, whole)[:, cut])
    np.testing.assert_array_equal(kind.on_demand(kwh[:, cut], part), kind.on_demand(kwh, whole)[:, cut])
