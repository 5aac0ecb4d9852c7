"""Small data sets made by hand, for the tests of the reporting room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.dataset import Dataset

NASTY = "<script>alert(1)</script>"
QUOTED = "\"&'"
MONTHS = ("202501", "202502", "202503")

SQUARE = [[120.98, 14.55], [121.02, 14.55], [121.02, 14.60], [120.98, 14.60], [120.98, 14.55]]
HOLE = [[120.99, 14.56], [121.00, 14.56], [121.00, 14.57], [120.99, 14.57], [120.99, 14.56]]


def region(name: str = NASTY) -> dict[str, Any]:
    feature = {
        "type": "Feature",
        "properties": {"barangay": name},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
    }
    point = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [121.0, 14.6]}}
    return {"type": "FeatureCollection", "features": [feature, point]}


def transformers(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "transformer_id": ["TX_0001", "TX_0002", "TX_0003"],
        "feeder_id": ["FD_01", "FD_01", QUOTED],
        "barangay": [NASTY, "Tondo", QUOTED],
        "lat": [14.570123, 14.571, 14.59],
        "lon": [121.000456, 121.001, 121.01],
        "capacity_kVA": [50.0, 100.0, 37.5],
    }
    return pa.table(columns | changes)


def meters(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "meter_id": [f"MTR_00000{i}" for i in range(1, 7)],
        "transformer_id": ["TX_0001", "TX_0001", "TX_0002", "TX_0003", "TX_0003", "TX_0003"],
        "customer_class": ["residential", "commercial", "residential", "industrial", "residential", "residential"],
        "barangay": [NASTY, NASTY, "Tondo", QUOTED, QUOTED, QUOTED],
        "lat": [14.5702, 14.5701, 14.5711, 14.5901, 14.5899, 14.59],
        "lon": [121.0005, 121.0004, 121.0012, 121.0101, 121.0099, 121.0102],
        "monthly_consumption_202501": [100.1, 800.0, 120.0, 2500.0, 90.0, 0.0],
        "monthly_consumption_202502": [110.0, 810.5, 130.0, 2600.0, 40.0, 0.0],
        "monthly_consumption_202503": [120.2, 790.0, None, 2700.3, 30.0, 0.0],
        "kVA": [1.5, 6.0, 2.0, 20.0, 1.0, 0.5],
    }
    return pa.table(columns | changes)


def labels(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "meter_id": ["MTR_000005"],
        "anomaly_flag": [1],
        "risk_band": ["High"],
        "anomaly_type": ["secret_theft_kind"],
    }
    return pa.table(columns | changes)


def events(**changes: Any) -> pa.Table:
    columns: dict[str, Any] = {
        "event_id": ["EV_000001", "EV_000002", "EV_000003"],
        "meter_id": ["MTR_000005", "MTR_000001", "MTR_000006"],
        "family": ["theft", "benign", "fault"],
        "kind": ["secret_theft_kind", "secret_benign_kind", "secret_fault_kind"],
        "start": ["2025-02", "2024-11", "2025-01"],
        "end": [None, "2025-01", None],
        "lost_kwh": [110.0, 0.0, 50.0],
        "severity": [0.6, 0.0, 1.0],
        "parameters": ["{}", "{}", "{}"],
    }
    return pa.table(columns | changes)


def small(
    *, with_truth: bool = True, with_region: bool = True, path: Path | None = None, **tables: pa.Table
) -> Dataset:
    """Three transformers on two feeders, six meters, three months, hostile names."""
    made = {"transformers": transformers(), "meters": meters()}
    if with_truth:
        made |= {"anomaly_labels": labels(), "anomaly_events": events()}
    return Dataset(made | tables, region=region() if with_region else None, path=path)


def many(count: int, *, months: int = 14, seed: int = 5) -> Dataset:
    """Return a data set of ``count`` meters on a grid of places, for tests that need more than a handful."""
    rng = np.random.default_rng(seed)
    served = max(1, count // 20)
    owner = np.arange(count) % served
    tx = {
        "transformer_id": [f"TX_{i:04d}" for i in range(served)],
        "feeder_id": [f"FD_{i // 4:02d}" for i in range(served)],
        "barangay": ["Tondo"] * served,
        "lat": 14.5 + 0.004 * (np.arange(served) // 4 // 8) + 0.0005 * (np.arange(served) % 4),
        "lon": 121.0 + 0.004 * (np.arange(served) // 4 % 8),
        "capacity_kVA": rng.choice([50.0, 75.0, 100.0], served),
    }
    level = rng.lognormal(5.0, 0.6, count)
    kwh = np.round(level[:, None] * rng.lognormal(0.0, 0.2, (count, months)), 1)
    me: dict[str, Any] = {
        "meter_id": [f"MTR_{i:06d}" for i in range(count)],
        "transformer_id": [tx["transformer_id"][t] for t in owner],
        "customer_class": rng.choice(["residential", "commercial", "industrial"], count),
        "barangay": ["Tondo"] * count,
        "lat": np.round(np.asarray(tx["lat"])[owner] + rng.normal(0, 0.0005, count), 6),
        "lon": np.round(np.asarray(tx["lon"])[owner] + rng.normal(0, 0.0005, count), 6),
    }
    for m in range(months):
        me[f"monthly_consumption_{2025 + m // 12}{m % 12 + 1:02d}"] = kwh[:, m]
    me["kVA"] = np.round(level / 90, 2)
    return Dataset({"transformers": pa.table(tx), "meters": pa.table(me)})
