"""From what was simulated to a data set without energies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ghostload.anomalies.base import Family
from ghostload.anomalies.registry import KINDS
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.tables import events_table, labels_table, meters_table, transformers_table
from ghostload.simulation.blocks import Found
from ghostload.simulation.pieces import in_pieces
from ghostload.simulation.world import World
from ghostload.territory import region_geojson


def assembled(world: World, found: Found) -> Dataset:
    """Return the data set of a world and the months of its meters."""
    config, events, scratch = world.config, world.events, world.scratch
    theft = np.array([KINDS.get(name).family is Family.THEFT for name in events.kinds], dtype=bool)
    stolen = np.flatnonzero(theft[events.kind])

    def transformers(start: int, stop: int) -> pa.Table:
        return transformers_table(world.territory, world.capacity_kva, start, stop)

    def meters(start: int, stop: int) -> pa.Table:
        return meters_table(world.territory, world.known, config.months, found.registered_kwh, start, stop)

    def labels(start: int, stop: int) -> pa.Table:
        rows = stolen[start:stop]
        return labels_table(events.rows(rows), found.lost_kwh[rows], found.exposed_kwh[rows], config.num_months)

    def all_events(start: int, stop: int) -> pa.Table:
        lost, exposed = found.lost_kwh[start:stop], found.exposed_kwh[start:stop]
        part = events.rows(np.arange(start, stop))
        return events_table(part, lost, exposed, int(world.numbers[0]), config.num_months, start)

    tables = {
        "transformers": in_pieces(transformers, len(world.capacity_kva), scratch),
        "meters": in_pieces(meters, len(world.known), scratch),
        "anomaly_labels": in_pieces(labels, len(stolen), scratch),
        "anomaly_events": in_pieces(all_events, len(events), scratch),
    }
    return Dataset(tables, region=region_geojson(world.territory.region), config=config)
