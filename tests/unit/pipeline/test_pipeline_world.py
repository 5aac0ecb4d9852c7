"""A world is the same however many meters are worked on at once, and wherever its arrays lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghostload.anomalies import KINDS, Family
from ghostload.config import AnomalyConfig, GeneratorConfig, TerritoryConfig
from ghostload.pipeline import World, build_world
from ghostload.scratch import Scratch

THEFTS = [kind.name for kind in KINDS if kind.family is Family.THEFT and kind.alone]
SETTINGS: dict[str, Any] = {
    "num_meters": 3000,
    "num_months": 3,
    "anomaly_rate": 0.3,
    "anomalies": AnomalyConfig(mix={name: 1 / len(THEFTS) for name in THEFTS}),
    "territory": TerritoryConfig(transformers_per_feeder=2),
}


def _arrays(name: str, item: Any) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(item, np.ndarray):
        yield name, item
    elif dataclasses.is_dataclass(item):
        for field in dataclasses.fields(item):
            if field.name not in ("config", "region"):
                yield from _arrays(f"{name}.{field.name}", getattr(item, field.name))


def _all_of(world: World) -> dict[str, np.ndarray]:
    world.prepare()
    parts = {"world": world, "by_feeder": world._meters_by_feeder, "dealt": world.wiring._dealt}
    parts |= {"has_meter": world.has_meter, "gain": world.gain}
    return {name: array for part, item in parts.items() for name, array in _arrays(part, item)}


@pytest.mark.parametrize("difficulty", ["easy", "realistic", "hard"])
def test_a_world_is_the_same_in_spans_and_in_files(
    difficulty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = GeneratorConfig(difficulty=difficulty, **SETTINGS)
    whole = _all_of(build_world(config))
    assert {"world.events.partner", "world.known.peak_kva", "by_feeder.order", "dealt.service"} <= set(whole)
    monkeypatch.setattr("ghostload.streams.AT_ONCE", 500)
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    pieces = _all_of(build_world(config, Scratch(tmp_path)))
    assert pieces.keys() == whole.keys()
    for name, array in whole.items():
        assert array.dtype == pieces[name].dtype, name
        np.testing.assert_array_equal(array, pieces[name], err_msg=name)


def test_feeders_know_their_meters_and_transformers() -> None:
    world = build_world(GeneratorConfig(**SETTINGS))
    places = world.territory
    feeder = places.transformer_feeder[places.meter_transformer]
    for number in range(world.num_feeders):
        np.testing.assert_array_equal(world.meters_of(number), np.flatnonzero(feeder == number))
        np.testing.assert_array_equal(
            world.transformers_of(number), np.flatnonzero(places.transformer_feeder == number)
        )
    assert world.busy_feeders == np.unique(feeder).tolist()
