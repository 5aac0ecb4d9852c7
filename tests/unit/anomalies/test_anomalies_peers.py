"""Who covers for whom, and what settings may not ask for."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload.anomalies import KINDS, Family
from ghostload.config import AnomalyConfig, GeneratorConfig
from ghostload.config.loading import load_config
from ghostload.errors import ConfigError
from ghostload.pipeline import World, build_world


def _world(meters: int = 400, **settings: object) -> World:
    mix = AnomalyConfig(mix={"balanced_collusion": 0.5, "bypass": 0.5}, look_alikes={"vacancy": 0.1})
    return build_world(GeneratorConfig(num_meters=meters, num_transformers=10, anomalies=mix, **settings))  # type: ignore[arg-type]


def test_every_thief_has_a_peer_of_its_own_that_does_not_steal() -> None:
    world = _world()
    events = world.events
    kind = np.array(events.kinds)[events.kind]
    peers, thefts = kind == "balanced_peer", np.isin(kind, ["balanced_collusion", "bypass"])
    assert thefts.sum() == world.config.num_anomalies
    np.testing.assert_array_equal(np.sort(events.partners[peers]), events.meter[kind == "balanced_collusion"])
    assert len(np.unique(events.meter[peers])) == peers.sum()
    assert not np.isin(events.meter[peers], events.meter[thefts]).any()
    at = world.territory.meter_transformer
    np.testing.assert_array_equal(at[events.meter[peers]], at[events.partners[peers]])
    for peer in np.flatnonzero(peers):
        thief = np.flatnonzero((events.meter == events.partners[peer]) & (kind == "balanced_collusion"))[0]
        assert events.spans.start[peer] == events.spans.start[thief]
        assert events.spans.end[peer] == events.spans.end[thief]
    assert (events.partners[~peers] == -1).all()


def test_without_the_kind_there_are_no_partners() -> None:
    world = build_world(GeneratorConfig(num_meters=200))
    assert world.events.partner is None
    assert (world.events.partners == -1).all()


def test_where_everyone_steals_there_is_no_peer() -> None:
    mix = AnomalyConfig(mix={"balanced_collusion": 1.0}, look_alikes={})
    events = build_world(GeneratorConfig(num_meters=40, num_transformers=4, anomaly_rate=1.0, anomalies=mix)).events
    assert len(events) == 40
    assert (events.partners == -1).all()


@pytest.mark.parametrize("where", ["mix", "look_alikes"])
def test_a_peer_cannot_be_asked_for_alone(where: str) -> None:
    asked = {"mix": {"bypass": 1.0}, "look_alikes": {}} | {where: {"balanced_peer": 1.0}}
    config = GeneratorConfig(num_meters=100, anomalies=AnomalyConfig(**asked))
    with pytest.raises(ConfigError, match=f"anomalies.{where}.balanced_peer: comes with a theft"):
        build_world(config)


def test_the_ready_mix_has_every_theft(root) -> None:  # type: ignore[no-untyped-def]
    mix = load_config(root / "configs" / "all_thefts.yaml").anomalies.mix
    assert set(mix) == {kind.name for kind in KINDS if kind.family is Family.THEFT}
