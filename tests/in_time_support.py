"""A small data set with every kind of theft and readings in time, made once a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ghostload.anomalies.base import Family
from ghostload.anomalies.registry import KINDS
from ghostload.config import AnomalyConfig, GeneratorConfig, TerritoryConfig


def mixed_config(**settings: Any) -> GeneratorConfig:
    """Return three feeders of 240 meters over two months, a fifth of them with theft of all kinds."""
    thefts = [name for name in KINDS.names() if KINDS.get(name).family is Family.THEFT and KINDS.get(name).alone]
    shares = dict.fromkeys(thefts, 0.7 / (len(thefts) - 1)) | {"balanced_collusion": 0.3}
    given = {
        "num_meters": 240,
        "num_transformers": 12,
        "num_months": 2,
        "anomaly_rate": 0.2,
        "interval": "1h",
        "territory": TerritoryConfig(transformers_per_feeder=4),
        "anomalies": AnomalyConfig(mix=shares),
    }
    return GeneratorConfig(**(given | settings))


def partner_of(config: GeneratorConfig) -> tuple[int, int]:
    """Return the meters of a theft and of the neighbour that covers for it."""
    from ghostload.pipeline import build_world

    events = build_world(config).events
    at = int((events.partners >= 0).argmax())
    return int(events.partners[at]), int(events.meter[at])


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a folder."""
    import hashlib

    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without_gaps(config: GeneratorConfig) -> GeneratorConfig:
    """Return the config with readings that are missing left empty."""
    return config.replace(metering=replace(config.metering, fill_gaps=False, gap_share=0.05))


def plain(table: pa.Table) -> pa.Table:
    """Return a table with text in the place of dictionaries, which list what else there is."""
    names = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
    return table.combine_chunks()
