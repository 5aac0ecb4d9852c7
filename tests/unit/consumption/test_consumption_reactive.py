from __future__ import annotations

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.consumption import draw_customers, monthly_true_kwh
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.reactive import LARGEST_TAN, interval_q_varh, reactive_shares
from ghostload.consumption.shapes import POWER_FACTOR
from ghostload.errors import UsageError
from ghostload.streams import Streams

STREAMS = Streams(21)
CONFIG = GeneratorConfig(num_meters=400, num_months=2)
NUMBERS = month_numbers(CONFIG.months)


@pytest.fixture(scope="module")
def drawn():
    customers = draw_customers(CONFIG, STREAMS)
    wh = interval_true_wh(customers, NUMBERS, monthly_true_kwh(customers, NUMBERS, STREAMS), 30, STREAMS)
    return customers, wh, reactive_shares(customers, STREAMS)


def test_power_factors_are_about_those_of_the_classes(drawn) -> None:
    customers, wh, shares = drawn
    varh = interval_q_varh(wh, 30, shares)
    for index, name in enumerate(POWER_FACTOR):
        rows = customers.class_index == index
        p, q = float(wh[rows].sum(dtype=np.int64)), float(varh[rows].sum(dtype=np.int64))
        assert abs(p / np.hypot(p, q) - POWER_FACTOR[name]) < 0.04


def test_reactive_energy_is_inductive_and_bounded(drawn) -> None:
    _, wh, shares = drawn
    varh = interval_q_varh(wh, 30, shares)
    assert varh.dtype == np.int32
    assert (varh >= 0).all()
    assert (varh <= 1.13 * LARGEST_TAN * wh + 1).all()
    assert (varh[wh == 0] == 0).all()


def test_what_a_home_adds_for_heat_has_a_better_power_factor_than_its_base(drawn) -> None:
    customers, wh, shares = drawn
    varh = interval_q_varh(wh, 30, shares)
    home = (customers.class_index == 0) & (wh.sum(axis=1) > 0)
    high = wh > 4 * wh.mean(axis=1, keepdims=True)
    low = (wh < wh.mean(axis=1, keepdims=True)) & (wh > 20)
    ratio = np.where(wh > 0, varh / np.maximum(wh, 1), 0.0)
    assert ratio[home][high[home]].mean() < 0.8 * ratio[home][low[home]].mean()


def test_compressors_make_afternoons_more_reactive_than_early_mornings(drawn) -> None:
    customers, _, shares = drawn
    flat = np.full((400, 48), 50, dtype=np.int32)
    varh = interval_q_varh(flat, 30, shares)[customers.class_index == 0]
    assert varh[:, 30].sum() > 1.15 * varh[:, 6].sum()


@pytest.mark.parametrize("minutes", [60, 15, 5])
def test_other_resolutions_agree_on_even_demand(drawn, minutes: int) -> None:
    _, _, shares = drawn
    steps = 1440 // minutes
    coarse = interval_q_varh(np.full((400, 48), 6000, dtype=np.int32), 30, shares).sum(axis=1)
    other = interval_q_varh(np.full((400, steps), 200 * minutes, dtype=np.int32), minutes, shares).sum(axis=1)
    np.testing.assert_allclose(other, coarse, rtol=2e-3)


def test_a_customer_alone_has_the_same_values(drawn) -> None:
    customers, wh, shares = drawn
    one = interval_q_varh(wh[33:34], 30, reactive_shares(customers.rows(33, 34), STREAMS))
    np.testing.assert_array_equal(one, interval_q_varh(wh, 30, shares)[33:34])
    rows = np.array([90, 2])
    np.testing.assert_array_equal(
        interval_q_varh(wh[rows], 30, shares.take(rows)), interval_q_varh(wh, 30, shares)[rows]
    )


def test_parts_of_days_and_other_customers_are_refused(drawn) -> None:
    _, wh, shares = drawn
    with pytest.raises(UsageError, match="whole days"):
        interval_q_varh(wh[:, :47], 30, shares)
    with pytest.raises(UsageError, match="must have 400 rows"):
        interval_q_varh(wh[:3], 30, shares)
