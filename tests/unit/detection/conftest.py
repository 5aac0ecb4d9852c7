from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from ghostload.dataset import Dataset

Maker = Callable[..., Dataset]


def build_dataset(
    values: np.ndarray,
    *,
    transformers: list[str] | None = None,
    classes: list[str] | None = None,
    kva: np.ndarray | None = None,
    thieves: dict[int, str] | None = None,
    events: list[tuple[int, str, str, float]] | None = None,
) -> Dataset:
    """Make a data set of given energies; ``thieves`` maps rows to kinds, ``events`` are (row, family, kind, lost)."""
    count, months = values.shape
    ids = [f"MTR_{row + 1:06d}" for row in range(count)]
    served_by = transformers or ["TX_0001"] * count
    known = sorted({name for name in served_by if name != "TX_UNKNOWN"}) or ["TX_0001"]
    meters = {
        "meter_id": pa.array(ids, pa.string()),
        "transformer_id": pa.array(served_by, pa.string()),
        "customer_class": pa.array(classes or ["residential"] * count, pa.string()),
        **{f"monthly_consumption_{2025 + m // 12}{m % 12 + 1:02d}": values[:, m] for m in range(months)},
        "kVA": np.ones(count) if kva is None else kva,
    }
    listed = sorted((thieves or {}).items())
    labels = {
        "meter_id": pa.array([ids[row] for row, _ in listed], pa.string()),
        "anomaly_flag": pa.array([1] * len(listed), pa.int64()),
        "anomaly_type": pa.array([kind for _, kind in listed], pa.string()),
    }
    tables = {
        "meters": pa.table(meters),
        "transformers": pa.table({"transformer_id": known}),
        "anomaly_labels": pa.table(labels),
    }
    if events is not None:
        tables["anomaly_events"] = pa.table(
            {
                "meter_id": pa.array([ids[row] for row, *_ in events], pa.string()),
                "family": pa.array([family for _, family, _, _ in events], pa.string()),
                "kind": pa.array([kind for _, _, kind, _ in events], pa.string()),
                "lost_kwh": pa.array([lost for *_, lost in events], pa.float64()),
            }
        )
    return Dataset(tables)


def build_town(num_meters: int = 300, num_months: int = 12, num_transformers: int = 10, seed: int = 0) -> Dataset:
    """Homes and shops; every tenth meter steals from some month on, some others are vacant for a while."""
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random(num_meters) < 0.8, "residential", "commercial")
    level = np.where(classes == "residential", 150.0, 800.0) * np.exp(0.4 * rng.standard_normal(num_meters))
    values = level[:, None] * np.exp(0.1 * rng.standard_normal((num_meters, num_months)))
    months = np.arange(num_months)
    thieves, events = {}, []
    for row in range(0, num_meters, 10):
        kind = ("bypass", "low_consumption")[row // 10 % 2]
        share = 0.5 * (months >= 2 + row // 10 % 5)
        thieves[row] = kind
        events.append((row, "theft", kind, float((values[row] * share).sum())))
        values[row] *= 1 - share
    for row in range(5, num_meters, 20):
        values[row, 6:8] *= 0.1
        events.append((row, "benign", "vacancy", 0.0))
    for row in range(3, num_meters, 50):
        values[row, 9:] = 0.0
        events.append((row, "fault", "stopped_meter", 1.0))
    return build_dataset(
        np.round(values, 1),
        transformers=[f"TX_{row % num_transformers + 1:04d}" for row in rng.permutation(num_meters)],
        classes=classes.tolist(),
        kva=np.round(level / 60, 2),
        thieves=thieves,
        events=events,
    )


@pytest.fixture(scope="session")
def town() -> Dataset:
    return build_town()


@pytest.fixture(scope="session")
def make_dataset() -> Maker:
    return build_dataset


@pytest.fixture(scope="session")
def make_town() -> Maker:
    return build_town
