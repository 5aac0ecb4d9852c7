"""A small sound data set, made here and not by the generator, and ways to break it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from ghostload.config import GeneratorConfig
from ghostload.config.loading import config_to_dict
from ghostload.config.yamltext import dump_yaml
from ghostload.dataset import Dataset
from ghostload.schema import TABLES
from ghostload.territory.capacity import STANDARD_RATINGS_KVA, diversified_peak_kva

FEEDERS, PER_FEEDER, PER_TRANSFORMER, MONTHS = 8, 6, 10, 12
TRANSFORMERS = FEEDERS * PER_FEEDER
METERS = TRANSFORMERS * PER_TRANSFORMER
THIEVES = 36
SOUTH, WEST, STEP = 14.50, 121.00, 0.02
CLASSES = ("residential", "commercial", "industrial")


def sound() -> Dataset:
    """48 transformers on 8 feeders, each in a square district of its own, and 480 meters."""
    rng = np.random.default_rng(7)
    feeder = np.repeat(np.arange(FEEDERS), PER_FEEDER)
    south, west = SOUTH + STEP * (feeder // 4), WEST + STEP * (feeder % 4)
    spot = np.tile(np.array([[3, 3], [9, 3], [15, 3], [3, 15], [9, 15], [15, 15]]), (FEEDERS, 1)) / 1000
    lat, lon = np.round(south + spot[:, 1], 6), np.round(west + spot[:, 0], 6)
    of = np.arange(METERS) % TRANSFORMERS
    class_index = rng.choice(3, METERS, p=[0.7, 0.2, 0.1])
    level = np.array([150.0, 800.0, 2500.0])[class_index] * np.exp(0.5 * rng.standard_normal(METERS))
    kwh = level[:, None] * np.exp(0.2 * rng.standard_normal((METERS, MONTHS)))
    thieves = np.sort(rng.permutation(METERS)[:THIEVES])
    kwh[thieves, 6:] *= 0.8
    kva = np.round(level / 730 / 0.2, 2)
    peak = diversified_peak_kva(kva, class_index, of, TRANSFORMERS)
    ratings = np.array(STANDARD_RATINGS_KVA)
    capacity = ratings[np.searchsorted(ratings, peak / 0.9)]
    names = [f"District {i + 1}" for i in feeder]
    transformers = {
        "transformer_id": [f"TX_{i + 1:04d}" for i in range(TRANSFORMERS)],
        "feeder_id": [f"FD_{i + 1:02d}" for i in feeder],
        "barangay": names,
        "lat": lat,
        "lon": lon,
        "capacity_kVA": capacity,
    }
    meters: dict[str, Any] = {
        "meter_id": [f"MTR_{i + 1:06d}" for i in range(METERS)],
        "transformer_id": [f"TX_{i + 1:04d}" for i in of],
        "customer_class": [CLASSES[i] for i in class_index],
        "barangay": [names[i] for i in of],
        "lat": np.round(lat[of] + rng.uniform(-0.0008, 0.0008, METERS), 6),
        "lon": np.round(lon[of] + rng.uniform(-0.0008, 0.0008, METERS), 6),
    }
    meters |= {f"monthly_consumption_2025{m + 1:02d}": np.round(kwh[:, m], 1) for m in range(MONTHS)}
    meters["kVA"] = kva
    tables = {
        "transformers": pa.table(transformers),
        "meters": pa.table(meters),
        "anomaly_labels": _labels(thieves),
        "anomaly_events": _events(thieves),
    }
    config = GeneratorConfig(
        num_meters=METERS,
        num_transformers=TRANSFORMERS,
        num_months=MONTHS,
        anomaly_rate=THIEVES / METERS,
        geo_bounds={"lat": (SOUTH, SOUTH + 2 * STEP), "lon": (WEST, WEST + 4 * STEP)},
    )
    made = Dataset(tables=tables, region=_region(), config=config)
    return replace(made, geojson=geojson_of(made), _frames={})


def _labels(thieves: np.ndarray[Any, Any]) -> pa.Table:
    return pa.table(
        {
            "meter_id": [f"MTR_{i + 1:06d}" for i in thieves],
            "anomaly_flag": pa.array([1] * len(thieves), pa.int64()),
            "risk_band": [("High", "Medium", "Low")[i % 3] for i in range(len(thieves))],
            "anomaly_type": ["low_consumption"] * len(thieves),
        }
    )


def _events(thieves: np.ndarray[Any, Any]) -> pa.Table:
    honest = np.setdiff1d(np.arange(METERS), thieves)[:10]
    who, count = np.concatenate([thieves, honest]), len(thieves) + len(honest)
    theft = np.arange(count) < len(thieves)
    return pa.table(
        {
            "event_id": [f"EV_{i + 1:06d}" for i in range(count)],
            "meter_id": [f"MTR_{i + 1:06d}" for i in who],
            "family": np.where(theft, "theft", "benign").tolist(),
            "kind": np.where(theft, "low_consumption", "vacancy").tolist(),
            "start": ["2024-11" if i % 5 == 0 else "2025-07" for i in range(count)],
            "end": pa.array([None if i % 2 else "2025-12" for i in range(count)], pa.string()),
            "lost_kwh": np.where(theft, 55.5, 0.0),
            "severity": np.where(theft, 0.2, 0.0),
            "parameters": ['{"share": 0.2}' if i % 2 else "{}" for i in range(count)],
        }
    )


def _region() -> dict[str, Any]:
    features = []
    for i in range(FEEDERS):
        south, west = SOUTH + STEP * (i // 4), WEST + STEP * (i % 4)
        corners = [(0, 0), (STEP, 0), (STEP, STEP), (0, STEP), (0, 0)]
        ring = [[round(west + x, 6), round(south + y, 6)] for x, y in corners]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"barangay": f"District {i + 1}", "city": "Town", "weight": 1.0}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def geojson_of(dataset: Dataset) -> dict[str, Any]:
    """The FeatureCollection that belongs to the tables."""
    meters = dataset.tables["meters"].select(["meter_id", "transformer_id"]).to_pylist()
    features = []
    for row in dataset.tables["transformers"].to_pylist():
        mine = [m["meter_id"] for m in meters if m["transformer_id"] == row["transformer_id"]]
        kept = {k: row[k] for k in ("transformer_id", "feeder_id", "barangay", "capacity_kVA")}
        geometry = {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        properties = {**kept, "num_meters": len(mine), "meter_ids": mine}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return {"type": "FeatureCollection", "features": features}


def with_table(dataset: Dataset, name: str, table: pa.Table | None) -> Dataset:
    """A copy with one table changed, or without it."""
    tables = {**dataset.tables, name: table}
    return replace(dataset, tables={k: v for k, v in tables.items() if v is not None}, _frames={})


def with_column(dataset: Dataset, table: str, column: str, values: Any) -> Dataset:
    """A copy with one column changed; ``values`` may be a function of the old values as a list."""
    old = dataset.tables[table]
    new = values(old[column].to_pylist()) if callable(values) else values
    position = old.column_names.index(column)
    typed = new if isinstance(new, pa.Array) else _typed(new, old[column].type)
    return with_table(dataset, table, old.set_column(position, column, typed))


def _typed(values: Sequence[Any], data_type: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, data_type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else str(v) for v in values])


def with_cell(dataset: Dataset, table: str, column: str, row: int, value: Any) -> Dataset:
    """A copy with one cell changed."""

    def change(values: list[Any]) -> list[Any]:
        values[row] = value
        return values

    return with_column(dataset, table, column, change)


def with_json(dataset: Dataset, name: str, change: Callable[[Any], None]) -> Dataset:
    """A copy with ``geojson``, ``region`` or ``manifest`` changed in place by a function."""
    copied = json.loads(json.dumps(getattr(dataset, name)))
    change(copied)
    return replace(dataset, **{name: copied}, _frames={})


def write_folder(dataset: Dataset, folder: Path, *, manifest: bool = True) -> Path:
    """Write a data set as files, without the project's exporters."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in dataset.tables.items():
        pv.write_csv(table, folder / TABLES[name].file, pv.WriteOptions(quoting_style="needed"))
    for file, content in (("transformers.geojson", dataset.geojson), ("region.geojson", dataset.region)):
        if content is not None:
            (folder / file).write_text(json.dumps(content), encoding="utf-8")
    if dataset.config is not None:
        text = dump_yaml(config_to_dict(dataset.config, data_only=True))
        (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "generation_report.txt").write_text("a report\n", encoding="utf-8")
    if manifest:
        write_manifest(folder, dataset)
    return folder


def write_manifest(folder: Path, dataset: Dataset) -> None:
    """List every file of the folder with rows and SHA-256."""
    rows = {TABLES[name].file: table.num_rows for name, table in dataset.tables.items()}
    if dataset.geojson is not None:
        rows["transformers.geojson"] = len(dataset.geojson["features"])
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != "manifest.json":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files[path.name] = {"rows": rows.get(path.name), "sha256": digest}
    config = None if dataset.config is None else config_to_dict(dataset.config, data_only=True)
    content = {"format_version": 1, "ghostload_version": "0.1.0", "files": files, "config": config, "versions": {}}
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
