from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.consumption import Customers, draw_customers, monthly_true_kwh
from ghostload.consumption.archetypes import ARCHETYPES
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.intervals import step_offsets
from ghostload.errors import UsageError
from ghostload.streams import Streams

STREAMS = Streams(11)
CONFIG = GeneratorConfig(num_meters=150, num_months=4, start_month="2023-12")
NUMBERS = month_numbers(CONFIG.months)
FINER = {60: 30, 30: 15, 15: 5}


@pytest.fixture(scope="module")
def world() -> tuple[Customers, np.ndarray]:
    customers = draw_customers(CONFIG, STREAMS)
    return customers, monthly_true_kwh(customers, NUMBERS, STREAMS)


@pytest.fixture(scope="module")
def by_minutes(world) -> dict[int, np.ndarray]:
    customers, kwh = world
    return {minutes: interval_true_wh(customers, NUMBERS, kwh, minutes, STREAMS) for minutes in (60, 30, 15, 5)}


def _months(wh: np.ndarray, minutes: int, numbers: np.ndarray = NUMBERS) -> np.ndarray:
    return np.add.reduceat(wh.astype(np.int64), step_offsets(numbers, minutes)[:-1], axis=1)


@pytest.mark.parametrize("minutes", [60, 30, 15, 5])
def test_the_steps_of_a_month_add_up_to_its_rounded_energy(world, by_minutes, minutes: int) -> None:
    np.testing.assert_array_equal(_months(by_minutes[minutes], minutes), np.rint(1000 * world[1]).astype(np.int64))
    assert by_minutes[minutes].dtype == np.int32
    assert by_minutes[minutes].min() >= 0


@pytest.mark.parametrize("minutes", FINER)
def test_finer_steps_add_up_to_the_coarser_ones(by_minutes, minutes: int) -> None:
    coarse, fine = by_minutes[minutes], by_minutes[FINER[minutes]]
    np.testing.assert_array_equal(fine.reshape(*coarse.shape, -1).sum(axis=2), coarse)


@pytest.mark.parametrize("minutes", [60, 30, 15, 5])
def test_any_block_of_meters_and_months_alone_has_the_same_bytes(world, by_minutes, minutes: int) -> None:
    customers, kwh = world
    offsets = step_offsets(NUMBERS, minutes)
    for start, stop, first, last in ((0, 150, 2, 3), (37, 38, 0, 4), (149, 150, 3, 4), (20, 70, 1, 3)):
        part = interval_true_wh(
            customers.rows(start, stop), NUMBERS[first:last], kwh[start:stop, first:last], minutes, STREAMS
        )
        whole = by_minutes[minutes][start:stop, offsets[first] : offsets[last]]
        assert part.tobytes() == np.ascontiguousarray(whole).tobytes()


def test_more_meters_and_months_change_no_other_value(by_minutes) -> None:
    config = GeneratorConfig(num_meters=1100, num_months=6, start_month="2023-11")
    numbers = month_numbers(config.months)
    customers = draw_customers(config, STREAMS)
    kwh = monthly_true_kwh(customers, numbers, STREAMS)
    wh = interval_true_wh(customers, numbers, kwh, 60, STREAMS)
    at = step_offsets(numbers, 60)[1]
    np.testing.assert_array_equal(wh[:150, at : at + by_minutes[60].shape[1]], by_minutes[60])


def test_chosen_meters_in_any_order_have_the_same_bytes(world, by_minutes) -> None:
    customers, kwh = world
    rows = np.array([140, 3, 77])
    for habits in (None, draw_habits(customers, STREAMS)):
        part = interval_true_wh(customers, NUMBERS, kwh[rows], 15, STREAMS, rows=rows, habits=habits)
        np.testing.assert_array_equal(part, by_minutes[15][rows])


def test_threads_side_by_side_give_the_same_bytes(world, by_minutes) -> None:
    customers, kwh = world

    def one(start: int) -> np.ndarray:
        return interval_true_wh(customers.rows(start, start + 10), NUMBERS, kwh[start : start + 10], 30, STREAMS)

    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(np.concatenate(list(pool.map(one, range(0, 150, 10)))), by_minutes[30])


def test_another_seed_gives_other_intervals_of_the_same_energy(world, by_minutes) -> None:
    customers, kwh = world
    other = interval_true_wh(customers, NUMBERS, kwh, 60, Streams(12))
    assert (other != by_minutes[60]).mean() > 0.8
    np.testing.assert_array_equal(_months(other, 60), _months(by_minutes[60], 60))


def test_monthly_energies_are_not_touched(world) -> None:
    customers, kwh = world
    before = kwh.copy()
    interval_true_wh(customers, NUMBERS, kwh, 60, STREAMS)
    np.testing.assert_array_equal(kwh, before)
    np.testing.assert_array_equal(monthly_true_kwh(customers, NUMBERS, STREAMS), before)


def test_months_of_nothing_stay_empty_and_tiny_ones_keep_each_watt_hour(world) -> None:
    customers, _ = world
    kwh = np.tile([0.0, 0.0004, 0.001, 0.037], (len(customers), 1))
    wh = {m: interval_true_wh(customers, NUMBERS, kwh, m, STREAMS) for m in (60, 30, 15, 5)}
    for minutes, values in wh.items():
        np.testing.assert_array_equal(_months(values, minutes), np.tile([0, 0, 1, 37], (len(customers), 1)))
        assert values.min() >= 0


def test_huge_customers_fit_and_those_that_do_not_are_refused_in_one_line(world) -> None:
    customers, _ = world
    kwh = np.full((len(customers), 4), 2.0e7)
    wh = interval_true_wh(customers, NUMBERS, kwh, 60, STREAMS)
    np.testing.assert_array_equal(_months(wh, 60), np.full((len(customers), 4), 20_000_000_000))
    kwh[7] = 1.0e10
    with pytest.raises(UsageError, match=r"^meter 7: an interval of [0-9.e+]+ Wh is over 2147483647 Wh; [^\n]+$"):
        interval_true_wh(customers, NUMBERS, kwh, 60, STREAMS)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, 1e13])
def test_impossible_energies_are_refused_with_meter_and_month(world, bad: float) -> None:
    customers, kwh = world
    kwh = kwh.copy()
    kwh[3, 2] = bad
    with pytest.raises(UsageError, match=r"^meter 3: month 2 of month_kwh has "):
        interval_true_wh(customers, NUMBERS, kwh, 30, STREAMS)


def test_wrong_shapes_and_months_with_gaps_are_refused(world) -> None:
    customers, kwh = world
    with pytest.raises(UsageError, match=r"month_kwh: has shape"):
        interval_true_wh(customers, NUMBERS, kwh[:, :3], 30, STREAMS)
    with pytest.raises(UsageError, match=r"do not follow one another"):
        interval_true_wh(customers, NUMBERS + np.array([0, 0, 1, 1]), kwh, 30, STREAMS)


def test_nobody_and_no_month_give_empty_arrays(world) -> None:
    customers, kwh = world
    assert interval_true_wh(customers.rows(0, 0), NUMBERS, kwh[:0], 60, STREAMS).shape == (0, 122 * 24)
    assert interval_true_wh(customers, NUMBERS[:0], kwh[:, :0], 60, STREAMS).shape == (150, 0)


def test_habits_drawn_before_give_the_same_bytes(world, by_minutes) -> None:
    customers, kwh = world
    habits = draw_habits(customers, STREAMS)
    wh = interval_true_wh(customers, NUMBERS, kwh, 30, STREAMS, habits=habits)
    np.testing.assert_array_equal(wh, by_minutes[30])


def test_an_absent_home_with_its_breaker_off_draws_nothing_and_others_keep_their_floor(world) -> None:
    customers, kwh = world
    habits = draw_habits(customers, STREAMS)
    always = np.full(len(customers), 0.08)
    home = (customers.class_index == 0) & (habits.floor_w > 0)
    zero_days = {}
    for off in (0.0, 1.0):
        changed = replace(habits, away_rate=always, breaker_off=np.full(len(customers), off))
        wh = interval_true_wh(customers, NUMBERS, kwh, 60, STREAMS, habits=changed)[home]
        zero_days[off] = (wh.reshape(len(wh), -1, 24).sum(axis=2) == 0).mean()
    assert zero_days[0.0] < 0.02
    assert 0.05 < zero_days[1.0] < 0.6


def test_there_are_six_kinds_of_homes_or_more_and_all_kinds_occur() -> None:
    assert sum(kind.class_index == 0 for kind in ARCHETYPES) >= 6
    config = GeneratorConfig(num_meters=20_000)
    customers = draw_customers(config, STREAMS)
    habits = draw_habits(customers, STREAMS)
    assert np.bincount(habits.archetype, minlength=len(ARCHETYPES)).min() > 20
    class_of = np.array([kind.class_index for kind in ARCHETYPES])
    np.testing.assert_array_equal(class_of[habits.archetype], customers.class_index)


def test_habits_of_a_meter_do_not_depend_on_the_others() -> None:
    customers = draw_customers(GeneratorConfig(num_meters=3000), STREAMS)
    whole, part = draw_habits(customers, STREAMS), draw_habits(customers.rows(1500, 1510), STREAMS)
    np.testing.assert_array_equal(part.columns(), whole.columns()[1500:1510])
    np.testing.assert_array_equal(part.archetype, whole.archetype[1500:1510])


def test_nothing_is_compiled_before_intervals_are_asked_for() -> None:
    code = (
        "import sys; import ghostload.pipeline, ghostload.consumption.interval_demand, ghostload.consumption.reactive;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
