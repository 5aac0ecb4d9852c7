"""From what was simulated to a data set without energies."""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.base import Family
from ghostload.anomalies.registry import KINDS
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.tables import events_table, labels_table, meters_table, transformers_table
from ghostload.simulation.blocks import Found
from ghostload.simulation.world import World
from ghostload.territory import region_geojson


def assembled(world: World, found: Found) -> Dataset:
    """Return the data set of a world and the months of its meters."""
    config, events = world.config, world.events
    lost, exposed = found.lost_kwh, found.exposed_kwh
    theft = np.array([KINDS.get(name).family is Family.THEFT for name in events.kinds], dtype=bool)
    stolen = np.flatnonzero(theft[events.kind])
    tables = {
        "transformers": transformers_table(world.territory, world.capacity_kva),
        "meters": meters_table(world.territory, world.known, config.months, found.registered_kwh),
        "anomaly_labels": labels_table(events.rows(stolen), lost[stolen], exposed[stolen], config.num_months),
        "anomaly_events": events_table(events, lost, exposed, int(world.numbers[0]), config.num_months),
    }
    return Dataset(tables, region=region_geojson(world.territory.region), config=config)
