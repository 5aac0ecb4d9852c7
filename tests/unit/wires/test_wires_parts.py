"""Wires of some feeders at a time are those that the whole has, to the last bit."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from wires_support import same

from ghostload.config import GeneratorConfig, NetworkConfig, TerritoryConfig
from ghostload.pipeline import build_world
from ghostload.wires import parts

PRACTICES = ("metro_manila", "european")


@pytest.mark.parametrize("practice", PRACTICES)
@pytest.mark.parametrize("at_once", [1, 3])
def test_a_part_has_the_wires_of_the_whole(monkeypatch: pytest.MonkeyPatch, practice: str, at_once: int) -> None:
    monkeypatch.setattr(parts, "FEEDERS_AT_ONCE", at_once)
    config = GeneratorConfig(
        num_meters=900, network=NetworkConfig(practice), territory=TerritoryConfig(transformers_per_feeder=4)
    )
    world = build_world(config)
    whole = world.wires
    assert whole.feeders >= 4
    for feeder in range(whole.feeders):
        part, local = world.wiring.of(feeder)
        nodes, ours = whole.nodes_of(feeder), part.wires.nodes_of(local)
        assert part.feeders[local] == feeder
        assert same(part.wires, whole, ours, nodes) == []
        for name, numbers in (("meter", part.meters), ("transformer", part.transformers)):
            found, wanted = getattr(part.wires.layout, name)[ours], getattr(whole.layout, name)[nodes]
            assert np.array_equal(np.where(found < 0, -1, numbers[found]), wanted)
        types = [part.wires.type_of(t) for t in range(len(part.transformers))]
        assert types == [whole.type_of(t) for t in part.transformers.tolist()]
        assert np.array_equal(part.wires.tap_pu, whole.tap_pu[part.transformers])


def test_threads_that_ask_at_once_get_the_same_part() -> None:
    world = build_world(GeneratorConfig(num_meters=300, territory=TerritoryConfig(transformers_per_feeder=2)))
    world.prepare()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda feeder: world.wiring.of(feeder)[0], [0, 0, 1, 1]))
    assert len({id(part) for part in found}) == 1
    assert dataclasses.is_dataclass(found[0])
