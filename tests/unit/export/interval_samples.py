"""A small data set with readings in time, of which the months are the sums, written by the project's own writer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests_support import built

from ghostload.config import TerritoryConfig
from ghostload.dataset import Dataset
from ghostload.export.readings import FeederFiles
from ghostload.export.write import write_dataset
from ghostload.schema_in_time import PARTITIONED

MONTHS = {"202501": 744, "202502": 672}
"""Hours of the months of the sample."""
OFFSET_MS = 8 * 3_600_000
MISSING_AT, ESTIMATED_AT = slice(5, 8), slice(10, 11)
"""Hours of each month that are missing, of the first meter of each feeder, and estimated, of the second."""


def interval_sample(folder: Path, *, meters: int = 60, seed: int = 7) -> Path:
    """Write a data set of some meters, two months and hourly readings with voltages; return its folder."""
    monthly = built(
        num_meters=meters,
        num_transformers=6,
        num_months=2,
        random_seed=seed,
        anomaly_rate=0.2,
        territory=TerritoryConfig(transformers_per_feeder=3),
    )
    assert monthly.config is not None
    dataset = replace(monthly, config=monthly.config.replace(interval="1h", physics="power_flow"))
    dataset = replace(dataset, files=_files(dataset, folder.parent / f"{folder.name}.work"))
    return write_dataset(dataset, folder)


def _files(dataset: Dataset, place: Path) -> dict[str, Any]:
    feeders = dataset.tables["transformers"]["feeder_id"].to_pylist()
    home = np.array(feeders)[dataset.transformer_index]
    tables = list(PARTITIONED.values())
    found: dict[str, Any] = {}
    for feeder in sorted(set(feeders)):
        rows = np.flatnonzero(home == feeder)
        stands = [at for at, of in enumerate(feeders) if of == feeder]
        with FeederFiles(place, feeder, tables, 480, flow=True) as files:
            start_ms = 1_735_689_600_000 - OFFSET_MS
            for month, hours in enumerate(MONTHS.values()):
                starts = start_ms + 3_600_000 * np.arange(hours, dtype=np.int64)
                of_meters, of_transformers = _month(dataset, rows, stands, month, hours)
                of_feeder = _of_feeder(of_transformers)
                for name, ids, columns in (
                    ("readings", dataset.tables["meters"]["meter_id"].take(pa.array(rows)), of_meters),
                    ("truth", dataset.tables["meters"]["meter_id"].take(pa.array(rows)), of_meters),
                    ("readings_transformers", _ids(dataset, stands), of_transformers),
                    ("truth_transformers", _ids(dataset, stands), of_transformers),
                    ("readings_feeders", pa.array([feeder]), of_feeder),
                    ("truth_feeders", pa.array([feeder]), of_feeder),
                ):
                    flat = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
                    files.write(name, _table(files.schemas[name], flat, starts, columns))
                start_ms += 3_600_000 * hours
        found |= files.stored()
    return found


def _table(schema: pa.Schema, ids: pa.Array, starts_ms: np.ndarray[Any, Any], columns: dict[str, Any]) -> pa.Table:
    codes = pa.array(np.repeat(np.arange(len(ids), dtype=np.int32), len(starts_ms)))
    found = [pa.DictionaryArray.from_arrays(codes, ids)]
    found.append(pa.array(np.tile(starts_ms, len(ids))).cast(schema.field("time").type))
    for field in list(schema)[2:]:
        values = columns[field.name]
        found.append(values if isinstance(values, pa.Array) else pa.array(values.ravel()).cast(field.type))
    return pa.Table.from_arrays(found, schema=schema)


def _ids(dataset: Dataset, stands: list[int]) -> Any:
    return dataset.tables["transformers"]["transformer_id"].take(pa.array(stands))


def _month(
    dataset: Dataset, rows: np.ndarray[Any, Any], stands: list[int], month: int, hours: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Share each meter's month out over its hours; what is drawn is a tenth more than what is registered."""
    total = np.rint(1000 * dataset.registered_kwh[rows, month]).astype(np.int64)
    rng = np.random.default_rng([3, month, int(rows[0])])
    ends = np.sort(rng.integers(0, total[:, None] + 1, (len(rows), hours - 1)), axis=1)
    whole = np.concatenate([np.zeros((len(rows), 1), np.int64), ends, total[:, None]], axis=1)
    registered = np.diff(whole, axis=1).astype(np.int32)
    flag = np.zeros(registered.shape, np.int8)
    flag[0, MISSING_AT], flag[1, ESTIMATED_AT] = 2, 1
    volts = (230.0 + rng.integers(-80, 80, registered.shape) / 10).astype(np.float32)
    true = registered + registered // 10
    owner = dataset.transformer_index[rows]
    sums = {name: np.stack([values[owner == at].sum(axis=0, dtype=np.int64) for at in stands]) for name, values in
            (("registered_wh", registered), ("true_wh", true))}  # fmt: skip
    loss = 12.5 + 0.01 * sums["true_wh"]
    of_meters = {
        "registered_wh": pa.array(registered.ravel(), pa.int32(), mask=(flag == 2).ravel()),
        "flag": pa.DictionaryArray.from_arrays(pa.array(flag.ravel()), pa.array(["A", "E", "M"])),
        "voltage_v": pa.array(volts.ravel(), pa.float32(), mask=(flag == 2).ravel()),
        "true_wh": true.astype(np.int32),
        "true_voltage_v": volts,
    }
    delivered = sums["true_wh"] + loss
    of_transformers = {
        "registered_wh": np.rint(delivered).astype(np.int64),
        "true_wh": sums["true_wh"],
        "delivered_wh": delivered,
        "technical_loss_wh": loss,
        "transformer_loss_wh": np.full(loss.shape, 30.0),
        "apparent_kva": (delivered / 950).astype(np.float32),
    }
    return of_meters, of_transformers


def _of_feeder(of_transformers: dict[str, Any]) -> dict[str, Any]:
    sums = {name: values.sum(axis=0) for name, values in of_transformers.items()}
    supplied = sums["delivered_wh"] + sums["transformer_loss_wh"] + 4.0
    return {
        "registered_wh": np.rint(supplied).astype(np.int64),
        "registered_varh": np.rint(supplied / 3).astype(np.int64),
        "supplied_wh": supplied,
        "supplied_varh": supplied / 3,
        "true_wh": sums["true_wh"],
        "low_voltage_loss_wh": sums["technical_loss_wh"],
        "transformer_loss_wh": sums["transformer_loss_wh"],
    }
