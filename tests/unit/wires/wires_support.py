"""Territories with wires, made once a run."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.consumption.customers import Customers, draw_customers
from ghostload.streams import Streams
from ghostload.territory import Territory, build_territory, diversified_peak_kva, fit_capacity_kva
from ghostload.wires import Wires, build_wires


@dataclasses.dataclass
class World:
    """What wires are built from."""

    config: GeneratorConfig
    streams: Streams
    territory: Territory
    customers: Customers
    capacity_kva: np.ndarray

    def wires(self, **changes: Any) -> Wires:
        made = dataclasses.replace(self, **changes)
        return build_wires(made.territory, made.customers, made.capacity_kva, made.config, made.streams)


@cache
def world(practice: str = "metro_manila", **settings: Any) -> World:
    """Draw a territory and its customers; the ratings as the pipeline fits them."""
    config = GeneratorConfig(network=NetworkConfig(practice), **settings)
    streams = Streams(config.random_seed)
    territory, customers = build_territory(config, streams), draw_customers(config, streams)
    peak = diversified_peak_kva(
        customers.peak_kva, customers.class_index, territory.meter_transformer, config.transformers
    )
    capacity = fit_capacity_kva(peak, config.transformer_capacity_range, streams)
    return World(config, streams, territory, customers, capacity)


@cache
def wires(practice: str = "metro_manila", **settings: Any) -> Wires:
    """Build the wires of such a territory."""
    return world(practice, **settings).wires()


def same(a: Wires, b: Wires, nodes_a: slice, nodes_b: slice) -> list[str]:
    """Return the names of columns that differ between two spans of nodes, counted from their first node."""
    different = []
    for name in ("depth", "kind", "lat", "lon", "length_m"):
        if not np.array_equal(getattr(a.layout, name)[nodes_a], getattr(b.layout, name)[nodes_b]):
            different.append(name)
    up_a, up_b = a.layout.parent[nodes_a] - nodes_a.start, b.layout.parent[nodes_b] - nodes_b.start
    if not np.array_equal(up_a[1:], up_b[1:]):
        different.append("parent")
    for name in ("phases", "line", "peak_kva", "loading", "vm_pu"):
        if not np.array_equal(getattr(a, name)[nodes_a], getattr(b, name)[nodes_b]):
            different.append(name)
    return different
