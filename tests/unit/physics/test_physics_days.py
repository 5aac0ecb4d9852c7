"""Representative days, and the power of their hours."""

from __future__ import annotations

import numpy as np
import pytest
from physics_support import case

from ghostload.consumption.calendar import days_in_month
from ghostload.consumption.holidays import SATURDAY, SUNDAY, WORKDAY
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.errors import UsageError
from ghostload.physics.days import HOURS, RepresentativeDays, choose_days, day_powers
from ghostload.streams import Streams

STREAMS = Streams(5)
YEAR = np.arange(12 * 2024, 12 * 2026)


@pytest.fixture(scope="module")
def days() -> RepresentativeDays:
    return choose_days(YEAR, STREAMS)


def test_days_stand_for_every_day_of_their_month(days: RepresentativeDays) -> None:
    assert np.array_equal(days.weights.sum(axis=1), days_in_month(YEAR))
    assert (days.weights >= 1).all()
    kinds = np.take_along_axis(days.types, days.chosen + 1, axis=1)
    assert (kinds[:, 0] == WORKDAY).all()
    assert (kinds[:, 1] == SATURDAY).all()
    assert (kinds[:, 2] >= SUNDAY).all()
    assert (kinds[:, 3] == WORKDAY).all()
    assert (days.chosen[:, 0] != days.chosen[:, 3]).all()


def test_no_workday_is_hotter_than_the_hottest(days: RepresentativeDays) -> None:
    warmth = days.need.mean(axis=2)
    work = np.where(days.types == WORKDAY, warmth, -1.0)
    work[:, 0] = -1.0  # the day before the month
    for month, count in enumerate(days_in_month(YEAR).astype(int).tolist()):
        assert work[month, 1 + days.chosen[month, 3]] == work[month, : count + 1].max()


def test_a_months_days_do_not_depend_on_other_months(days: RepresentativeDays) -> None:
    alone = choose_days(YEAR[5:7], STREAMS)
    assert np.array_equal(alone.chosen, days.chosen[5:7])
    assert np.array_equal(alone.weights, days.weights[5:7])


def test_weighted_days_add_up_to_each_months_energy() -> None:
    world, _ = case()
    days = choose_days(world.numbers, world.streams)
    kwh = monthly_true_kwh(world.customers, world.numbers, world.streams)
    kwh[3, 0] = 0.0
    p, q = day_powers(world.customers, days, kwh, world.streams)
    np.testing.assert_allclose(days.by_month(p.astype(np.float64)), kwh, rtol=2e-7)
    assert (q >= 0).all()
    assert not p[3, : days.steps_a_month].any()
    rows = np.array([5, 2])
    some = day_powers(world.customers, days, kwh[rows], world.streams, rows=rows)
    assert np.array_equal(some[0], p[rows])
    assert np.array_equal(some[1], q[rows])


def test_a_day_has_the_shape_that_the_interval_model_gives_it() -> None:
    world, _ = case()
    numbers = world.numbers[:1]
    days = choose_days(numbers, world.streams)
    kwh = monthly_true_kwh(world.customers, numbers, world.streams)
    p, _ = day_powers(world.customers, days, kwh, world.streams)
    wh = interval_true_wh(world.customers, numbers, kwh, 60, world.streams)
    off = []
    for k, day in enumerate(days.chosen[0].tolist()):
        ours, theirs = p[:, HOURS * k : HOURS * (k + 1)], wh[:, HOURS * day : HOURS * (day + 1)]
        share = ours / np.maximum(ours.sum(axis=1, keepdims=True), 1e-9)
        want = theirs / np.maximum(theirs.sum(axis=1, keepdims=True), 1)
        large = theirs.sum(axis=1) > 5_000
        off.append(np.abs(share - want)[large].max(axis=1))
    # Others differ: who is away has a day at home here, and what the next day's uses begin before midnight is missing.
    assert np.quantile(np.concatenate(off), 0.9) < 1e-3


def test_wrong_energies_are_refused() -> None:
    world, _ = case()
    days = choose_days(world.numbers, world.streams)
    with pytest.raises(UsageError, match="meters x months"):
        day_powers(world.customers, days, np.zeros((2, 2)), world.streams)
    kwh = np.full((len(world.customers), 2), -1.0)
    with pytest.raises(UsageError, match="finite and 0 or more"):
        day_powers(world.customers, days, kwh, world.streams)
