"""True energy less registered energy is labelled loss plus meter error, for every meter, whatever the settings."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.anomalies import KINDS, AnomalyKind, Channel, EventBlock, Family, register
from ghostload.anomalies.batches import acts_in_hours
from ghostload.config import AnomalyConfig, GeneratorConfig, MeteringConfig
from ghostload.pipeline import build_world, simulate_block
from ghostload.streams import FloatArray

BY_MONTH = tuple(kind for kind in KINDS if not acts_in_hours(kind))
THEFTS = tuple(kind.name for kind in BY_MONTH if kind.family is Family.THEFT)
OTHERS = tuple(kind.name for kind in BY_MONTH if kind.family is not Family.THEFT)

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
    made = simulate_block(world, 0, config.num_meters)
    lost = np.bincount(world.events.meter, made["lost_kwh"], minlength=config.num_meters)
    shown = made["true_kwh"].sum(axis=1) - lost
    assert (shown >= -1e-6).all()
    allowed = 3 * 0.01 * shown + 0.05 + 1e-6
    assert (np.abs(shown - made["registered_kwh"].sum(axis=1)) <= allowed).all()
    assert (made["exposed_kwh"] >= made["lost_kwh"] * (made["lost_kwh"] > 0) - 1e-6).all()
    np.testing.assert_allclose(made["lost_wh"].sum(axis=1), 1000.0 * made["lost_kwh"], atol=config.num_months)


@settings(max_examples=20, deadline=None)
@given(configs, st.data())
def test_any_range_of_meters_computes_to_the_same_numbers(config: GeneratorConfig, data: st.DataObject) -> None:
    world = build_world(config)
    start = data.draw(st.integers(0, config.num_meters - 1))
    stop = data.draw(st.integers(start + 1, config.num_meters))
    whole, part = (simulate_block(world, *ends)["registered_kwh"] for ends in ((0, config.num_meters), (start, stop)))
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
        made = simulate_block(world, 0, 200)
        lost = np.bincount(world.events.meter, made["lost_kwh"], minlength=200)
        unregistered = (made["true_kwh"] - made["registered_kwh"]).sum(axis=1)
        np.testing.assert_allclose(unregistered, lost, rtol=0.02, atol=0.01 * made["true_kwh"].sum(axis=1).max())
        assert (lost > 0).sum() >= 15
    finally:
        KINDS.remove("spike_for_test")
