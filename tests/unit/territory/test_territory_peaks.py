"""Planned peaks against hours of the interval model, a year of them, with a fixed seed that the constants never saw."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload import GeneratorConfig
from ghostload.consumption.customers import draw_customers
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh, reactive_shares
from ghostload.pipeline import build_world
from ghostload.territory import diversified_peak_kva


@pytest.fixture(scope="module")
def year():
    """Return a world and the real and reactive kWh of its hours, (n, 8760) each."""
    world = build_world(GeneratorConfig(num_meters=1600, num_months=12, random_seed=77))
    customers, streams = world.customers, world.streams
    habits = draw_habits(customers, streams)
    kwh = monthly_true_kwh(customers, world.numbers, streams)
    wh = interval_true_wh(customers, world.numbers, kwh, 60, streams, habits=habits)
    varh = interval_q_varh(wh, 60, reactive_shares(customers, streams, habits=habits))
    return world, wh.astype(np.float32) / 1000, varh.astype(np.float32) / 1000


def over_planned(year, meters) -> float:
    world, kwh, kvarh = year
    customers, none = world.customers, np.zeros(len(meters), dtype=np.int64)
    planned = diversified_peak_kva(customers.peak_kva[meters], customers.class_index[meters], none, 1)[0]
    return float(np.hypot(kwh[meters].sum(axis=0), kvarh[meters].sum(axis=0)).max() / planned)


@pytest.mark.parametrize(
    ("class_index", "count", "low", "high", "spread"),
    [
        # Of two homes the planner counts the half hour of the larger one.
        (0, 2, 0.78, 1.02, 0.22),
        (0, 5, 0.90, 1.10, 0.19),
        (0, 15, 0.92, 1.10, 0.15),
        (0, 60, 0.95, 1.14, 0.11),
        (1, 1, 0.90, 1.05, 0.18),
        (1, 4, 0.90, 1.08, 0.14),
        (1, 8, 0.95, 1.12, 0.11),
        (2, 2, 0.88, 1.08, 0.18),
    ],
)
def test_the_highest_hour_of_a_group_is_the_planned_one(year, class_index, count, low, high, spread) -> None:
    members = np.flatnonzero((year[0].customers.class_index == class_index) & (year[1].max(axis=1) > 0))
    rng = np.random.default_rng(2)
    ratio = [over_planned(year, rng.choice(members, count, replace=False)) for _ in range(60)]
    assert low < np.median(ratio) < high
    assert np.std(np.log(ratio)) < spread


def test_next_to_no_transformer_passes_110_per_cent_in_any_hour_and_most_are_well_used(year) -> None:
    world, kwh, kvarh = year
    served = world.territory.meter_transformer
    sums = np.zeros((2, len(world.capacity_kva), kwh.shape[1]), dtype=np.float32)
    np.add.at(sums[0], served, kwh)
    np.add.at(sums[1], served, kvarh)
    # What the lines take at peak, a few hundredths, comes on top.
    loading = 1.04 * np.hypot(*sums).max(axis=1) / world.capacity_kva
    assert (loading > 1.1).mean() <= 0.025
    assert 0.5 < np.median(loading) < 0.85
    assert loading.max() < 1.3


def test_a_meters_peak_is_computed_without_the_others() -> None:
    config = GeneratorConfig(num_meters=3000)
    world = build_world(config)
    part = draw_customers(config, world.streams, 1500, 1507)
    for name in ("peak_kva", "appliance_kw"):
        np.testing.assert_array_equal(getattr(part, name), getattr(world.customers, name)[1500:1507])
