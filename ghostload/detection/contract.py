"""What every detector has to keep. The project's own tests run this over everything registered; so may yours."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.detection.balance import TABLE
from ghostload.detection.detector import Detector, DetectorSpec
from ghostload.detection.planted import delivered_months, planted_feeder
from ghostload.detection.scoring import checked_scores
from ghostload.detection.seen import SeenDataset
from ghostload.errors import RegistrationError
from ghostload.schema import MONTH_PREFIX, meter_id, transformer_id
from ghostload.streams import FloatArray, IntArray, Stage, Streams

_NUM_METERS, _NUM_TRANSFORMERS, _NUM_MONTHS, _NUM_THIEVES = 240, 8, 12, 30

PLANTED = 0
"""Row of the meter that registers nothing in the second half of the year."""


def check_detector(spec: DetectorSpec, *, seed: int = 0) -> None:
    """Check that a detector keeps the contract, on a small data set made for it.

    It gives one finite score a row; twice the same for one random state; the same whatever the order of the rows that
    it scores; changes neither its input nor the global random generators; and puts a meter that registers nothing for
    half a year among the most suspicious tenth (unsupervised), or the thieves that it has learned above the rest
    (supervised).

    Raises
    ------
    RegistrationError
        It does not; the message says what.
    """
    dataset = planted_dataset(seed)
    X = spec.features_of(dataset).values
    y = dataset.is_theft.astype(np.int64) if spec.supervised else None
    scores = _checked(spec, X, y, seed)
    _same(spec, "is not the same twice for one random state", _fitted(spec, X, y, seed).decision_function(X), scores)
    order = np.arange(len(X))[::-1]
    turned = _fitted(spec, X, y, seed).decision_function(np.ascontiguousarray(X[order]))
    _same(spec, "depends on the order of the rows", turned, scores[order])
    if spec.supervised:
        _require(spec, scores[dataset.is_theft].mean() > scores[~dataset.is_theft].mean(), "puts known thieves last")
        return
    if spec.informed:
        rank = float(np.mean(scores[1:] < scores[PLANTED]))
        _require(
            spec, rank >= 0.9, f"puts an obvious theft above {rank:.0%} of the meters only; is a high score suspicious?"
        )


def planted_dataset(seed: int = 0, num_meters: int = _NUM_METERS) -> SeenDataset:
    """Return a small data set of homes: every eighth meter loses half from some month on, the first one everything.

    It has interval readings, voltages and transformers' meters too.
    """
    streams = Streams(seed)
    level = 150 * np.exp(0.1 * streams.normal(Stage.EVALUATION, 0, num_meters, 1, 10))
    noise = np.exp(0.08 * streams.normal(Stage.EVALUATION, 0, num_meters, _NUM_MONTHS, 11))
    stolen = np.arange(num_meters) % (_NUM_METERS // _NUM_THIEVES) == 0
    start = 3 + np.arange(num_meters) // 8 % 6
    after = stolen[:, None] & (np.arange(_NUM_MONTHS) >= start[:, None])
    values = np.round(level * noise * np.where(after, 0.5, 1.0), 1)
    values[PLANTED, _NUM_MONTHS // 2 :] = 0.0
    home = np.arange(num_meters) * _NUM_TRANSFORMERS // num_meters
    feeder = planted_feeder(level * noise, values, home, streams)
    tables = _tables(values, np.round(level[:, 0] / 60, 2), stolen)
    tables[TABLE] = _delivered(tables, delivered_months(feeder))
    return SeenDataset(tables, seen=(feeder,))


def _delivered(tables: dict[str, pa.Table], kwh: FloatArray) -> pa.Table:
    ids = tables["transformers"]["transformer_id"].to_pylist()[: len(kwh)]
    months = [name.removeprefix(MONTH_PREFIX) for name in tables["meters"].column_names if MONTH_PREFIX in name]
    return pa.table(
        {
            "transformer_id": [known for known in ids for _ in months],
            "month": months * len(ids),
            "registered_kwh": kwh.reshape(-1),
        }
    )


def _tables(values: FloatArray, kva: FloatArray, stolen: np.ndarray[Any, Any]) -> dict[str, pa.Table]:
    ids = [meter_id(number) for number in range(len(values))]
    transformers = [transformer_id(number) for number in range(_NUM_TRANSFORMERS)]
    months = {f"{MONTH_PREFIX}2025{month + 1:02d}": values[:, month] for month in range(values.shape[1])}
    meters = {
        "meter_id": ids,
        "transformer_id": [transformers[number * _NUM_TRANSFORMERS // len(values)] for number in range(len(values))],
        "customer_class": ["residential"] * len(values),
        **months,
        "kVA": kva,
    }
    thieves = [known for known, is_thief in zip(ids, stolen, strict=True) if is_thief]
    labels = {"meter_id": thieves, "anomaly_flag": [1] * len(thieves), "anomaly_type": ["sudden_drop"] * len(thieves)}
    tables = {"meters": meters, "transformers": {"transformer_id": transformers}, "anomaly_labels": labels}
    return {name: pa.table(columns) for name, columns in tables.items()}


def _fitted(spec: DetectorSpec, X: FloatArray, y: IntArray | None, seed: int) -> Detector:
    detector = spec.make(seed)
    if y is None:
        detector.fit(X.copy())
    else:
        detector.fit(X.copy(), y.copy())
    return detector


def _checked(spec: DetectorSpec, X: FloatArray, y: IntArray | None, seed: int) -> FloatArray:
    """Score once, watching the input and the global generators."""
    _fitted(spec, X, y, seed)  # libraries that are loaded on first use may draw, which is not the detector's doing
    given = X.copy()
    before = _global_state()
    detector = spec.make(seed)
    if y is None:
        detector.fit(given)
    else:
        detector.fit(given, y)
    scores = checked_scores(spec.name, detector.decision_function(given), len(X))
    _require(spec, np.array_equal(given, X), "changes its input")
    _require(spec, _global_state() == before, "changes the state of a global random generator")
    return scores


def _global_state() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), name, np.asarray(keys).tobytes(), tuple(rest)


def _same(spec: DetectorSpec, what: str, scores: object, expected: FloatArray) -> None:
    values = checked_scores(spec.name, scores, len(expected))
    _require(spec, np.allclose(values, expected, rtol=1e-9, atol=1e-12), what)


def _require(spec: DetectorSpec, holds: Any, what: str) -> None:
    if not holds:
        raise RegistrationError(f"detector {spec.name!r}: {what}")
