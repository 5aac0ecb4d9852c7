"""Feeders with wires and loads, made once a run."""

from __future__ import annotations

from functools import cache

import numpy as np

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.physics.plan import FeederPlan
from ghostload.pipeline import World, build_world
from ghostload.wires import Wires, build_wires


@cache
def case(practice: str = "metro_manila", meters: int = 700, months: int = 2) -> tuple[World, Wires]:
    """Return a territory and its wires."""
    config = GeneratorConfig(num_meters=meters, num_months=months, network=NetworkConfig(practice))
    world = build_world(config)
    return world, build_wires(world.territory, world.customers, world.capacity_kva, config, world.streams)


@cache
def plan(practice: str = "metro_manila", feeder: int = 0) -> FeederPlan:
    """Return the plan of a feeder."""
    return FeederPlan(case(practice)[1], feeder)


def powers(made: FeederPlan, steps: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw loads around the planner's peak; some meters draw nothing."""
    rng = np.random.default_rng(seed)
    size = (len(made.meters), steps)
    share = rng.uniform(0.0, 1.3, size) * (rng.random(size) < 0.9)
    kw, kvar = made.wires.meter_kw[made.meters], made.wires.meter_kvar[made.meters]
    return kw[:, None] * share, kvar[:, None] * share


def by_transformer(made: FeederPlan, values: np.ndarray) -> np.ndarray:
    """Sum values of meters over their transformers."""
    home = made.wires.layout.transformer[made.wires.layout.meter_node[made.meters]]
    return np.stack([values[home == number].sum(axis=0) for number in made.transformers])
