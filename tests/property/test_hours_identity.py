"""Hour by hour and to the watt-hour: true less shown is what events lose, and intervals add up to hours and months."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.anomalies import KINDS, Family
from ghostload.anomalies.apply import Outcome, apply_events, part_of, partner_part
from ghostload.anomalies.draws import hashed_uniform
from ghostload.anomalies.hours import month_hours
from ghostload.anomalies.in_time import Part, hours_needed, month_in_time, partners_needed
from ghostload.config import AnomalyConfig, GeneratorConfig, MeteringConfig
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.errors import UsageError
from ghostload.metering import Intervals, record_intervals, registered_kwh
from ghostload.pipeline import World, build_world
from ghostload.streams import FloatArray, IntArray, Stage, Streams

THEFTS = tuple(kind.name for kind in KINDS if kind.family is Family.THEFT and len(kind.classes) == 3)
OTHERS = tuple(kind.name for kind in KINDS if kind.family is not Family.THEFT and kind.alone)

configs = st.builds(
    lambda seed, months, thefts, others, difficulty, start: GeneratorConfig(
        num_meters=40,
        num_transformers=4,
        num_months=months,
        random_seed=seed,
        difficulty=difficulty,
        start_month=start,
        anomaly_rate=0.3,
        anomalies=AnomalyConfig(
            mix={name: 1 / len(thefts) for name in thefts} | {thefts[0]: 1 - (len(thefts) - 1) / len(thefts)},
            look_alikes=dict.fromkeys(others, 0.1),
        ),
        metering=MeteringConfig(error_sd=0.01, gap_share=0.05, stuck_share=0.02, clock_ppm=100.0),
    ),
    st.integers(0, 2**31),
    st.integers(1, 3),
    st.lists(st.sampled_from(THEFTS), min_size=1, max_size=6, unique=True),
    st.lists(st.sampled_from(OTHERS), max_size=6, unique=True),
    st.sampled_from(["easy", "realistic", "hard"]),
    st.sampled_from(["2025-01", "2024-02"]),
)


@cache
def _profile(meter: int, number: int) -> FloatArray:
    """A course of demand in five-minute steps: peaky, with idle hours, other for each meter and month."""
    hours = int(month_hours(np.array([number]))[0])
    draws = hashed_uniform(Streams(9), Stage.EVALUATION, np.array([meter]), number, 12 * hours)[0]
    awake = 1.0 + np.cos(2 * np.pi * (np.arange(12 * hours) / 288 - 0.8))
    return np.where(draws > 0.3, draws**6 * awake, 0.0)


def demand(meters: IntArray, kwh: FloatArray, numbers: IntArray, minutes: int = 60) -> np.ndarray:
    """Hours, or finer steps, that add up to months rounded to watt-hours."""
    rows = []
    for meter, energy in zip(meters.tolist(), kwh, strict=True):
        months = []
        for number, month in zip(numbers.tolist(), energy.tolist(), strict=True):
            running = np.cumsum(_profile(meter, number))
            months.append(np.diff(np.rint(running * (np.rint(1000 * month) / running[-1])), prepend=0.0))
        rows.append(np.concatenate(months).reshape(-1, minutes // 5).sum(axis=1))
    return np.array(rows).astype(np.int32)


def _months(world: World, start: int, stop: int) -> tuple[FloatArray, Outcome, Part]:
    customers, events = world.customers.rows(start, stop), world.events.of_meters(start, stop)
    kwh = monthly_true_kwh(customers, world.numbers, world.streams)
    partners = []
    for meter in partners_needed(events, np.arange(start, stop)).tolist():
        other = world.customers.rows(meter, meter + 1)
        drawn = monthly_true_kwh(other, world.numbers, world.streams)
        theirs = world.events.of_meters(meter, meter + 1)
        partners.append(partner_part(drawn, theirs, other, world.numbers, world.streams))
    outcome = apply_events(
        kwh, events, customers, world.numbers, world.streams,
        hours_of=lambda meters, drawn: demand(meters, drawn, world.numbers), partners=partners,
    )  # fmt: skip
    return kwh, outcome, part_of(kwh, events, customers, outcome)


def _intervals(world: World, minutes: int) -> tuple[Outcome, FloatArray, Intervals]:
    _, outcome, part = _months(world, 0, world.config.num_meters)
    readings = registered_kwh(outcome.shown_kwh, world.config.metering, world.streams)
    base = demand(part.meters, part.drawn_kwh, world.numbers, minutes)
    return outcome, readings, record_intervals(
        base, readings, part, world.numbers, minutes, world.config.metering, world.streams
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(configs)
def test_true_less_shown_is_what_the_events_lose_in_every_hour(config: GeneratorConfig) -> None:
    world = build_world(config)
    _, outcome, part = _months(world, 0, config.num_meters)
    stop = np.cumsum(month_hours(world.numbers))
    base = demand(part.meters, part.drawn_kwh, world.numbers)
    lost_of_event = np.zeros(len(part.events))
    for offset, number in enumerate(world.numbers.tolist()):
        hours = base[:, stop[offset] - month_hours(world.numbers)[offset] : stop[offset]]
        month = month_in_time(part, hours, offset, number, world.streams)
        lost = np.zeros_like(month.true_wh)
        np.add.at(lost, part.events.meter, month.lost_wh)
        np.testing.assert_array_equal(month.true_wh - month.shown_wh, lost)
        assert (month.true_wh >= 0).all()
        np.testing.assert_allclose(month.true_wh.sum(axis=1), 1000 * outcome.true_kwh[:, offset], atol=4)
        np.testing.assert_allclose(month.shown_wh.sum(axis=1), 1000 * outcome.shown_kwh[:, offset], atol=8)
        lost_of_event += month.lost_wh.sum(axis=1)
    np.testing.assert_allclose(lost_of_event, 1000 * outcome.lost_kwh, atol=6 * len(world.numbers))


@settings(max_examples=40, deadline=None)
@given(configs, st.sampled_from([60, 30, 15, 5]))
def test_months_are_the_sums_of_registered_intervals(config: GeneratorConfig, minutes: int) -> None:
    world = build_world(config)
    outcome, readings, intervals = _intervals(world, minutes)
    steps = month_hours(world.numbers) * (60 // minutes)
    first = np.cumsum(steps) - steps
    for array, months in ((intervals.registered_wh, readings), (intervals.true_wh, outcome.true_kwh)):
        sums = np.add.reduceat(array.astype(np.int64), first, axis=1)
        np.testing.assert_allclose(sums, 1000 * months, atol=1e-6 if months is readings else 4)
    assert (intervals.true_wh >= 0).all()


@settings(max_examples=25, deadline=None)
@given(configs)
def test_intervals_of_any_resolution_add_up_to_those_of_the_next(config: GeneratorConfig) -> None:
    world = build_world(config)
    hourly = _intervals(world, 60)[2]
    for minutes in (30, 15, 5):
        finer = _intervals(world, minutes)[2]
        for name in ("true_wh", "registered_wh"):
            sums = getattr(finer, name).reshape(config.num_meters, -1, 60 // minutes).sum(axis=2)
            np.testing.assert_array_equal(sums, getattr(hourly, name), err_msg=f"{name} at {minutes} min")
        np.testing.assert_array_equal(finer.flags[:, :: 60 // minutes], hourly.flags)
        np.testing.assert_array_equal(finer.lost_wh, hourly.lost_wh)


@settings(max_examples=25, deadline=None)
@given(configs)
def test_without_noise_the_head_end_holds_what_a_register_would_show(config: GeneratorConfig) -> None:
    quiet = MeteringConfig(register_decimals=3, error_sd=0.0, clock_ppm=0.0, gap_share=0.0, stuck_share=0.0)
    world = build_world(config.replace(metering=quiet))
    _, _, intervals = _intervals(world, 60)
    lost = np.zeros(intervals.true_wh.shape)
    np.add.at(lost, world.events.meter, intervals.lost_wh)
    shown = intervals.true_wh - lost
    assert np.abs(np.cumsum(intervals.registered_wh - shown, axis=1)).max() <= 10 * len(world.numbers)


@settings(max_examples=30, deadline=None)
@given(configs, st.integers(0, 38), st.integers(1, 39))
def test_any_range_of_meters_has_the_same_months(config: GeneratorConfig, start: int, count: int) -> None:
    world = build_world(config)
    stop = min(start + count, 40)
    whole, part = _months(world, 0, 40)[1], _months(world, start, stop)[1]
    np.testing.assert_array_equal(part.shown_kwh, whole.shown_kwh[start:stop])
    np.testing.assert_array_equal(part.true_kwh, whole.true_kwh[start:stop])
    first, last = np.searchsorted(world.events.meter, [start, stop])
    np.testing.assert_array_equal(part.lost_kwh, whole.lost_kwh[first:last])


@settings(max_examples=25, deadline=None)
@given(configs, st.data())
def test_any_month_of_any_meters_has_the_same_intervals(config: GeneratorConfig, data: st.DataObject) -> None:
    world = build_world(config.replace(num_months=3))
    _, readings, whole = _intervals(world, 30)
    _, _, part = _months(world, 0, 40)
    month = data.draw(st.integers(0, 2))
    asked = np.array(sorted(data.draw(st.sets(st.integers(0, 39), min_size=1, max_size=6))))
    rows = np.union1d(asked, partners_needed(part.events, asked))
    few, numbers = part.of_meters(rows), world.numbers[[month]]
    base = demand(rows, few.drawn_kwh[:, [month]], numbers, 30)
    got = record_intervals(
        base, readings[rows][:, [month]], few, numbers, 30, config.metering, world.streams, first_offset=month
    )
    stop = 2 * np.cumsum(month_hours(world.numbers))[month]
    cells = (asked, slice(stop - base.shape[1], stop))
    for name in ("true_wh", "registered_wh", "flags"):
        np.testing.assert_array_equal(getattr(got, name)[np.isin(rows, asked)], getattr(whole, name)[cells])


def _collusion(seed: int) -> World:
    mix = AnomalyConfig(mix={"balanced_collusion": 1.0}, look_alikes={})
    settings_ = GeneratorConfig(num_meters=120, num_transformers=6, random_seed=seed, num_months=2, anomalies=mix)
    return build_world(settings_)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_collusion_keeps_the_transformers_balance_closed_in_every_hour(seed: int) -> None:
    world = _collusion(seed)
    quiet = replace(world, config=world.config.replace(metering=MeteringConfig(3, 0.0, gap_share=0.0, stuck_share=0.0)))
    outcome, _, intervals = _intervals(quiet, 60)
    events, at = world.events, world.territory.meter_transformer
    peers = events.partners >= 0
    assert peers.sum() == (~peers).sum() == world.config.num_anomalies
    np.testing.assert_array_equal(at[events.meter[peers]], at[events.partner[peers]])
    balance = np.zeros((6, intervals.lost_wh.shape[1]), dtype=np.int64)
    np.add.at(balance, at[events.meter], intervals.lost_wh)
    assert (balance == 0).all()
    assert (outcome.lost_kwh[~peers] > 0).all()
    np.testing.assert_allclose(outcome.lost_kwh.sum(), 0.0, atol=1e-6)


def test_a_peer_without_its_thief_is_told_which_meter_is_missing() -> None:
    world = _collusion(1)
    _, _, part = _months(world, 0, 120)
    peer = int(part.events.meter[np.flatnonzero(part.events.partners >= 0)[0]])
    alone = part.of_meters(np.array([peer]))
    with pytest.raises(UsageError, match=f"meter {peer}: has an event balanced_peer that needs meter"):
        month_in_time(alone, np.zeros((1, 744), dtype=np.int64), 0, int(world.numbers[0]), world.streams)


def test_hours_are_needed_for_kinds_that_act_on_them_and_only_then() -> None:
    world = _collusion(1)
    np.testing.assert_array_equal(hours_needed(world.events), np.unique(world.events.meter))
    assert not len(hours_needed(build_world(GeneratorConfig(num_meters=100)).events))
    kwh = monthly_true_kwh(world.customers, world.numbers, world.streams)
    with pytest.raises(UsageError, match="give hours_of"):
        apply_events(kwh, world.events, world.customers, world.numbers, world.streams)
