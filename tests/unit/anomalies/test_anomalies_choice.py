"""Who steals, when, and who only looks as if."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.anomalies import KINDS
from ghostload.anomalies.choice import GROUP_SIZES, hot_spots
from ghostload.anomalies.difficulty import PROFILES
from ghostload.anomalies.look_alikes import draw_look_alikes
from ghostload.anomalies.theft import draw_thefts
from ghostload.anomalies.timing import Spans, geometric_months
from ghostload.config import AnomalyConfig, GeneratorConfig
from ghostload.consumption import draw_customers
from ghostload.consumption.calendar import month_numbers
from ghostload.errors import ConfigError
from ghostload.streams import Streams


def _thefts(config: GeneratorConfig, *, per_transformer: int = 40, barangays: int = 20):
    streams = Streams(config.random_seed)
    customers = draw_customers(config, streams)
    transformer = np.arange(config.num_meters) // per_transformer
    return customers, transformer, draw_thefts(config, customers, transformer, transformer % barangays, streams)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 1000))
def test_the_number_of_thieves_is_exact(meters: int, rate: float, seed: int) -> None:
    config = GeneratorConfig(num_meters=meters, anomaly_rate=rate, random_seed=seed, num_transformers=1)
    events = _thefts(config)[2]
    assert len(events) == round(rate * meters)
    assert len(np.unique(events.meter)) == len(events)
    assert (np.diff(events.meter) > 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.sampled_from(sorted(PROFILES)))
def test_every_theft_is_on_within_the_data(months: int, difficulty: str) -> None:
    config = GeneratorConfig(num_meters=400, num_months=months, difficulty=difficulty, anomaly_rate=0.5)
    events = _thefts(config)[2]
    assert (events.spans.active(months).sum(axis=1) > 0.1).all()


def test_the_mix_is_the_configured_one() -> None:
    config = GeneratorConfig(num_meters=20_000, anomaly_rate=0.5)
    events = _thefts(config)[2]
    for name, share in config.anomalies.mix.items():
        got = (events.kind == events.kinds.index(name)).mean()
        assert abs(got - share) < 4 * np.sqrt(share * (1 - share) / len(events))


def test_heavier_users_and_hot_spots_are_likelier() -> None:
    config = GeneratorConfig(num_meters=40_000)
    customers, transformer, events = _thefts(config, barangays=200)
    mean = np.array([150.0, 800.0, 2500.0])[customers.class_index]
    relative = customers.level_kwh / mean
    assert relative[events.meter].mean() > 1.2 * relative.mean()
    hot = hot_spots(config, 200, Streams(config.random_seed))[transformer % 200]
    rate_hot = hot[events.meter].sum() / hot.sum()
    rate_cool = (~hot)[events.meter].sum() / (~hot).sum()
    assert 1.8 < rate_hot / rate_cool < 4.2


def test_more_months_move_no_theft() -> None:
    short = _thefts(GeneratorConfig(num_meters=500, num_months=12))[2]
    long = _thefts(GeneratorConfig(num_meters=500, num_months=30))[2]
    for a, b in ((short.meter, long.meter), (short.spans.start, long.spans.start), (short.spans.end, long.spans.end)):
        np.testing.assert_array_equal(a, b)


def test_another_meter_at_the_end_replaces_at_most_one_thief() -> None:
    few, more = (_thefts(GeneratorConfig(num_meters=n, anomaly_rate=0.1))[2] for n in (1000, 1001))
    assert len(set(few.meter.tolist()) - set(more.meter.tolist())) <= 1
    both, at_few, at_more = np.intersect1d(few.meter, more.meter, return_indices=True)
    assert len(both) >= 99
    np.testing.assert_array_equal(few.spans.start[at_few], more.spans.start[at_more])
    np.testing.assert_array_equal(few.uniform[at_few], more.uniform[at_more])


def test_ct_theft_finds_no_homes() -> None:
    mix = {"ct_multiplier": 0.5, "full_tap": 0.5}
    config = GeneratorConfig(num_meters=3000, anomalies=AnomalyConfig(mix=mix))
    customers, _, events = _thefts(config)
    on_ct = events.kind == events.kinds.index("ct_multiplier")
    assert on_ct.any()
    assert (customers.class_index[events.meter[on_ct]] > 0).all()


def test_a_mix_that_too_few_meters_can_have_is_refused() -> None:
    config = GeneratorConfig(num_meters=100, anomaly_rate=0.9, anomalies=AnomalyConfig(mix={"ct_multiplier": 1.0}))
    with pytest.raises(ConfigError, match=r"anomalies\.mix: only \d+ meters can have its kinds"):
        _thefts(config)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_colluders_share_transformer_and_day(share: float) -> None:
    mix = {"collusion": share} | ({"bypass": 1 - share} if share < 1 else {})
    config = GeneratorConfig(num_meters=4000, anomaly_rate=0.1, anomalies=AnomalyConfig(mix=mix))
    _, transformer, events = _thefts(config)
    assert len(events) == 400
    colluding = events.kind == events.kinds.index("collusion")
    assert colluding.sum() == round(share * 400)
    group = transformer[events.meter[colluding]]
    ids, sizes = np.unique(group, return_counts=True)
    assert sizes.max() <= GROUP_SIZES[1]
    assert (sizes >= 2).mean() > 0.95
    for number in ids:
        assert len(set(events.spans.start[colluding][group == number])) == 1


def test_look_alikes_come_at_their_rates() -> None:
    config = GeneratorConfig(num_meters=60_000)
    streams = Streams(1)
    customers = draw_customers(config, streams)
    events = draw_look_alikes(config, customers, month_numbers(config.months), streams)
    within = (events.spans.start >= 0) & (events.spans.start < 12)
    for name, rate in config.anomalies.look_alikes.items():
        kind = KINDS.get(name)
        able = np.isin(
            customers.class_index, [("residential", "commercial", "industrial").index(c) for c in kind.classes]
        )
        of_kind = events.kind == events.kinds.index(name)
        got = (of_kind & (kind.lifelong | within)).sum() / able.sum()
        assert abs(got - rate) < 4.5 * np.sqrt(rate / able.sum()), name


def test_look_alikes_of_a_month_do_not_depend_on_the_window() -> None:
    config = GeneratorConfig(num_meters=3000)
    streams = Streams(1)
    customers = draw_customers(config, streams)
    long = draw_look_alikes(config, customers, month_numbers(config.replace(num_months=30).months), streams)
    short = draw_look_alikes(config, customers, month_numbers(config.months), streams)
    seen = long.spans.touches(12)
    np.testing.assert_array_equal(long.meter[seen], short.meter)
    np.testing.assert_array_equal(long.spans.start[seen], short.spans.start)


@pytest.mark.parametrize(
    ("rates", "message"),
    [({"bypass": 0.1}, "is a theft"), ({"vacancy": 0.6, "efficiency": 0.6}, "add up to 1.2")],
)
def test_impossible_look_alikes_are_refused(rates: dict[str, float], message: str) -> None:
    config = GeneratorConfig(num_meters=10, anomalies=AnomalyConfig(look_alikes=rates))
    streams = Streams(1)
    with pytest.raises(ConfigError, match=message):
        draw_look_alikes(config, draw_customers(config, streams), month_numbers(config.months), streams)


def test_spans_say_when_an_event_is_on() -> None:
    spans = Spans(np.array([-3.5, 1.25, 2.0]), np.array([0.5, np.inf, 4.0]))
    np.testing.assert_allclose(spans.active(4), [[0.5, 0, 0, 0], [0, 0.75, 1, 1], [0, 0, 1, 1]])
    np.testing.assert_array_equal(spans.closing(5).nonzero(), [[0, 2], [0, 3]])
    np.testing.assert_array_equal(spans.first_month(), [-4, 1, 2])
    np.testing.assert_array_equal(spans.touches(1), [True, False, False])


def test_durations_have_their_mean_and_shortest() -> None:
    months = geometric_months(np.random.default_rng(1).random(200_000), 3.0, 8.0)
    assert months.min() >= 3.0
    assert abs(months.mean() - 8.0) < 0.05
    assert np.isinf(geometric_months(np.array([0.3]), 1.0, np.inf)).all()
