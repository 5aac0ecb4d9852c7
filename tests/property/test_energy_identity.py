"""True energy less registered energy is labelled loss plus meter error, for every meter, whatever the settings."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.anomalies import KINDS, AnomalyKind, Channel, EventBlock, Family, register
from ghostload.config import AnomalyConfig, GeneratorConfig, MeteringConfig
from ghostload.pipeline import build_world, simulate
from ghostload.streams import FloatArray

THEFTS = tuple(kind.name for kind in KINDS if kind.family is Family.THEFT)
OTHERS = tuple(kind.name for kind in KINDS if kind.family is not Family.THEFT)

configs = st.builds(
    lambda meters, months, seed, difficulty, thefts, others, rate, start: GeneratorConfig(
        num_meters=meters,
        num_transformers=max(1, meters // 20),
        num_months=months,
        random_seed=seed,
        difficulty=difficulty,
        start_month=start,
        anomaly_rate=rate,
        anomalies=AnomalyConfig(
            mix={name: 1 / len(thefts) for name in thefts} | {thefts[0]: 1 - (len(thefts) - 1) / len(thefts)},
            look_alikes=dict.fromkeys(others, 0.08),
        ),
        metering=MeteringConfig(error_sd=0.01),
    ),
    st.integers(20, 150),
    st.integers(1, 26),
    st.integers(0, 2**31),
    st.sampled_from(["easy", "realistic", "hard"]),
    st.lists(st.sampled_from([k for k in THEFTS if k != "ct_multiplier"]), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(OTHERS), max_size=8, unique=True),
    st.floats(0, 0.5),
    st.sampled_from(["2025-01", "2019-11", "2024-02"]),
)


@settings(max_examples=40, deadline=None)
@given(configs)
def test_true_less_registered_is_labelled_loss_plus_meter_error(config: GeneratorConfig) -> None:
    world = build_world(config)
    outcome, registered = simulate(world, 0, config.num_meters)
    lost = np.bincount(world.events.meter, outcome.lost_kwh, minlength=config.num_meters)
    true, shown = outcome.true_kwh.sum(axis=1), outcome.shown_kwh.sum(axis=1)
    np.testing.assert_allclose(true - shown, lost, rtol=1e-9, atol=1e-6)
    allowed = 3 * 0.01 * shown + 0.05 + 1e-6
    assert (np.abs(shown - registered.sum(axis=1)) <= allowed).all()
    assert (outcome.exposed_kwh >= outcome.lost_kwh * (outcome.lost_kwh > 0) - 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(configs, st.data())
def test_any_range_of_meters_computes_to_the_same_numbers(config: GeneratorConfig, data: st.DataObject) -> None:
    world = build_world(config)
    start = data.draw(st.integers(0, config.num_meters - 1))
    stop = data.draw(st.integers(start + 1, config.num_meters))
    _, whole = simulate(world, 0, config.num_meters)
    _, part = simulate(world, start, stop)
    np.testing.assert_array_equal(part, whole[start:stop])


def test_a_kind_from_outside_keeps_the_identity() -> None:
    class Spike(AnomalyKind):
        """The seed's example: demand jumps, ``x(t) -> 3 x(t)``, and the register shows half of it."""

        name, family, channel = "spike_for_test", Family.THEFT, Channel.DEMAND

        def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
            return kwh * (1.0 + 2.0 * events.active)

        def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
            return kwh * (1.0 - 0.5 * events.active)

    register(Spike)
    try:
        config = GeneratorConfig(num_meters=200, anomalies=AnomalyConfig(mix={"spike_for_test": 1.0}))
        world = build_world(config)
        outcome, _ = simulate(world, 0, 200)
        lost = np.bincount(world.events.meter, outcome.lost_kwh, minlength=200)
        np.testing.assert_allclose((outcome.true_kwh - outcome.shown_kwh).sum(axis=1), lost, atol=1e-6)
        assert (lost > 0).sum() >= 15
    finally:
        KINDS.remove("spike_for_test")
