from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption import draw_customers, monthly_true_kwh
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.customers import LOAD_FACTOR_LIMITS, lognormal_parameters
from ghostload.consumption.shapes import SHAPES, SIZE_CLASSES, shape_table
from ghostload.streams import Streams

CONFIG = GeneratorConfig(num_meters=60_000, num_months=12)
STREAMS = Streams(5)


@pytest.fixture(scope="module")
def drawn():
    customers = draw_customers(CONFIG, STREAMS)
    return customers, monthly_true_kwh(customers, month_numbers(CONFIG.months), STREAMS)


@given(st.floats(0.1, 1e5), st.floats(0.01, 3.0))
def test_lognormal_parameters_have_the_asked_moments(mean: float, cv: float) -> None:
    mu, sigma = lognormal_parameters(mean, cv * mean)
    assert np.isclose(np.exp(mu + sigma**2 / 2), mean, rtol=1e-9)
    assert np.isclose(np.sqrt(np.expm1(sigma**2)), cv, rtol=1e-9)


@pytest.mark.parametrize("name", CUSTOMER_CLASSES)
def test_each_class_has_the_configured_mean_and_spread_between_customers(drawn, name: str) -> None:
    customers, kwh = drawn
    of_class = customers.class_index == CUSTOMER_CLASSES.index(name)
    baseline = CONFIG.consumption_baselines[name]
    level = customers.level_kwh[of_class]
    error = level.std() / np.sqrt(len(level))
    assert abs(level.mean() - baseline.mean_kwh) < 4 * error
    assert abs(level.std() / baseline.spread_kwh - 1) < 0.06
    assert abs(kwh[of_class].mean() / baseline.mean_kwh - 1) < 0.02


def test_class_shares_are_the_configured_ones(drawn) -> None:
    customers, _ = drawn
    for index, name in enumerate(CUSTOMER_CLASSES):
        p = CONFIG.customer_classes[name]
        assert abs((customers.class_index == index).mean() - p) < 4 * np.sqrt(p * (1 - p) / len(customers))


def test_true_demand_is_finite_and_not_negative_with_rare_zero_months(drawn) -> None:
    _, kwh = drawn
    assert np.isfinite(kwh).all()
    assert kwh.min() == 0.0
    assert 0.0 < (kwh == 0).mean() < 0.01


def test_homes_peak_in_april_or_may(drawn) -> None:
    customers, kwh = drawn
    total = kwh[customers.class_index == 0].sum(axis=0)
    assert int(np.argmax(total)) + 1 in (4, 5)


def test_industry_follows_the_climate_less_than_homes_do(drawn) -> None:
    customers, kwh = drawn
    swing = [
        np.ptp(kwh[customers.class_index == c].mean(axis=0)) / kwh[customers.class_index == c].mean() for c in (0, 2)
    ]
    assert swing[1] < 0.6 * swing[0]


def test_own_peak_agrees_with_own_energy(drawn) -> None:
    customers, _ = drawn
    mean_kw = customers.level_kwh / 730.5
    low, high = LOAD_FACTOR_LIMITS
    assert (mean_kw / customers.appliance_kw).min() >= low * 0.999
    assert (mean_kw / customers.appliance_kw).max() <= high * 1.001
    load_factor = mean_kw / customers.peak_kva
    assert load_factor.min() > 0.5 * low
    assert load_factor.max() < 0.75


def test_a_homes_peak_grows_with_less_than_its_energy_and_varies_at_equal_energy(drawn) -> None:
    customers, _ = drawn
    home = customers.class_index == 0
    level, peak = np.log(customers.level_kwh[home]), np.log(customers.peak_kva[home])
    slope, constant = np.polyfit(level, peak, 1)
    # Velander's rule: an exponent between one half and one.
    assert 0.5 < slope < 0.8
    assert 0.15 < (peak - slope * level - constant).std() < 0.30
    assert 2.8 < np.exp(constant + slope * np.log(200.0)) < 4.5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 50), st.integers(0, 20), st.integers(1, 14), st.integers(0, 2**32))
def test_a_month_of_a_customer_depends_on_seed_meter_and_calendar_alone(
    start: int, count: int, skip: int, months: int, seed: int
) -> None:
    config = GeneratorConfig(num_meters=5100, num_months=36, start_month="2024-11")
    streams = Streams(seed)
    numbers = month_numbers(config.months)
    whole = monthly_true_kwh(draw_customers(config, streams, 0, 5100), numbers, streams)
    part = monthly_true_kwh(
        draw_customers(config, streams, start, start + count), numbers[skip : skip + months], streams
    )
    np.testing.assert_array_equal(part, whole[start : start + count, skip : skip + months])


def test_rows_of_customers_keep_their_numbers() -> None:
    customers = draw_customers(GeneratorConfig(num_meters=100), STREAMS)
    part = customers.rows(30, 50)
    assert part.start == 30
    assert len(part) == 20
    np.testing.assert_array_equal(part.level_kwh, customers.level_kwh[30:50])


def test_every_class_and_size_has_a_shape() -> None:
    assert set(SHAPES) == set(CUSTOMER_CLASSES)
    assert all(set(sizes) == set(SIZE_CLASSES) for sizes in SHAPES.values())
    assert shape_table("noise").shape == (3, 3)
    with pytest.raises(AttributeError, match="colour"):
        shape_table("colour")


def test_a_class_without_customers_needs_no_baseline() -> None:
    config = GeneratorConfig(
        num_meters=50, customer_classes={"residential": 1.0}, consumption_baselines={"residential": (200, 100)}
    )
    assert (draw_customers(config, STREAMS).class_index == 0).all()
