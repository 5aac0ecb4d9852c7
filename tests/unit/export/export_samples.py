"""A small data set made in code, with names that are hard to write, and a stand-in for a validation report."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.schema import FEEDER_ENERGY, FEEDER_READINGS, NETWORK_LOSSES

NAMES = ('Sto. Niño, "Old" Town', "Tondo", "line\nbreak", "back\\slash", "tab\tstop")
MONTHS = ("202411", "202412", "202501")


class Verdict:
    """Stands in for a validation report."""

    ok = True

    def __str__(self) -> str:
        return "valid: 3 checks\n  note: nothing"


def square(name: str, lat: float, lon: float) -> dict[str, Any]:
    """Return a district of 0.1 by 0.1 degrees."""
    ring = [[lon, lat], [lon + 0.1, lat], [lon + 0.1, lat + 0.1], [lon, lat + 0.1], [lon, lat]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"name": name}}


def sample(meters: int = 12, transformers: int = 3, config: GeneratorConfig | None = None) -> Dataset:
    """Return a data set; the last transformer has no meter when there are more than two."""
    rng = np.random.default_rng(3)
    settings = config or GeneratorConfig(
        num_meters=meters, num_transformers=transformers, num_months=3, start_month="2024-11", anomaly_rate=0.25
    )
    used = max(1, transformers - 1)
    owner = np.sort(np.concatenate([np.arange(used), rng.integers(0, used, meters - used)]))
    stands = [NAMES[i % len(NAMES)] for i in range(transformers)]
    transformer_ids = [f"TX_{i + 1:04d}" for i in range(transformers)]
    meter_ids = [f"MTR_{i + 1:06d}" for i in range(meters)]
    columns: dict[str, Any] = {
        "meter_id": meter_ids,
        "transformer_id": [transformer_ids[i] for i in owner],
        "customer_class": [("residential", "commercial", "industrial")[i % 3] for i in range(meters)],
        "barangay": [stands[i] for i in owner],
        "lat": np.round(rng.uniform(14, 15, meters), 6),
        "lon": np.round(rng.uniform(120, 121, meters), 6),
    }
    columns |= {f"monthly_consumption_{m}": np.round(rng.lognormal(5, 1, meters), 1) for m in MONTHS}
    columns["kVA"] = np.round(rng.lognormal(1, 1, meters), 2)
    thieves = round(0.25 * meters)
    tables = {
        "transformers": pa.table(
            {
                "transformer_id": transformer_ids,
                "feeder_id": [f"FD_{i // 2 + 1:02d}" for i in range(transformers)],
                "barangay": stands,
                "lat": np.round(rng.uniform(14, 15, transformers), 6),
                "lon": np.round(rng.uniform(120, 121, transformers), 6),
                "capacity_kVA": rng.choice([37.5, 50.0, 100.0], transformers),
            }
        ),
        "meters": pa.table(columns),
        "anomaly_labels": pa.table(
            {
                "meter_id": pa.array(meter_ids[:thieves], pa.string()),
                "anomaly_flag": pa.array([1] * thieves, pa.int64()),
                "risk_band": pa.array(["High", "Low", "Medium"] * thieves, pa.string())[:thieves],
                "anomaly_type": pa.array(["bypass"] * thieves, pa.string()),
            }
        ),
        "anomaly_events": pa.table(
            {
                "event_id": ["EV_000001", "EV_000002", "EV_000003"],
                "meter_id": [meter_ids[0], meter_ids[-1], meter_ids[-1]],
                "family": ["theft", "benign", "fault"],
                "kind": ["bypass", "vacancy", "slow_meter"],
                "start": ["2023-06", "2024-12", "2024-11"],
                "end": pa.array([None, "2025-01", None], pa.string()),
                "lost_kwh": [1234.56, 0.0, 10.0],
                "severity": [1 / 3, 0.0, 0.05],
                "parameters": ['{"phases": 1}', "{}", "{}"],
            }
        ),
    }
    tables |= energy_tables(transformer_ids)
    tables |= feeder_tables(tables["transformers"], tables["meters"])
    region = {"type": "FeatureCollection", "features": [square("Tondo, north", 14.2, 120.3), square("x", 14.4, 120.3)]}
    return Dataset(tables, region=region, config=settings)


def energy_tables(transformer_ids: list[str]) -> dict[str, pa.Table]:
    """Return a balance of each transformer and month, and readings of the first one."""
    months = [f"{month[:4]}-{month[4:]}" for month in MONTHS]
    keys = {"transformer_id": np.repeat(transformer_ids, len(months)), "month": months * len(transformer_ids)}
    true = 100.0 + np.arange(len(keys["month"])) / 3.0
    energies = {
        "delivered_kwh": 1.02 * true,
        "true_kwh": true,
        "registered_kwh": 0.9 * true,
        "technical_loss_kwh": 0.02 * true,
        "non_technical_loss_kwh": 0.1 * true,
        "peak_kva": true / 100.0,
        "loading_pu": true / 200.0,
        "transformer_loss_kwh": 0.01 * true,
    }
    energy = pa.table({**keys, **energies})
    seen = energy.slice(0, len(months)).select(["transformer_id", "month", "registered_kwh"])
    return {"transformer_energy": energy, "transformer_readings": seen}


def feeder_tables(transformers: pa.Table, meters: pa.Table) -> dict[str, pa.Table]:
    """Return a balance and readings of each feeder and month, and a drop of each meter beside each transformer."""
    months = [f"{month[:4]}-{month[4:]}" for month in MONTHS]
    feeders = transformers["feeder_id"].unique().to_pylist()
    keys = {"feeder_id": np.repeat(feeders, len(months)), "month": months * len(feeders)}
    kwh = 1000.0 + np.arange(len(keys["month"])) / 7.0
    made = {}
    for schema in (FEEDER_ENERGY, FEEDER_READINGS):
        values = {column.name: kwh / (2 + at) for at, column in enumerate(schema.columns[2:])}
        made[schema.name] = pa.table({**keys, **values})
    home = dict(zip(transformers["transformer_id"].to_pylist(), transformers["feeder_id"].to_pylist(), strict=True))
    rows = [(unit, "transformer", feeder, unit, None, None, None, 5.0, 9.0) for unit, feeder in home.items()]
    for at, (meter, unit) in enumerate(
        zip(*(meters[n].to_pylist() for n in ("meter_id", "transformer_id")), strict=True)
    ):
        rows.append((f"l_c{at + 1}", "drop", home[unit], unit, meter, unit, 20.0 + at / 3, at / 9, None))
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    columns += [pa.nulls(len(rows), pa.float64()) for _ in range(3)]
    made[NETWORK_LOSSES.name] = pa.table(columns, names=list(NETWORK_LOSSES.column_names))
    return made


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder, by its path in it."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def whole(folder: Path) -> bool:
    """Whether a folder is a data set in which every file is as the manifest says, and none is missing."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return False
    found = {name: hashlib.sha256(data).hexdigest() for name, data in files_of(folder).items()}
    del found["manifest.json"]
    return bool(found == {name: entry["sha256"] for name, entry in manifest["files"].items()})


def leftovers(parent: Path) -> list[str]:
    """Return hidden entries of a folder."""
    return sorted(path.name for path in parent.iterdir() if path.name.startswith("."))
