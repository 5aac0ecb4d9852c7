"""The lines of the map: where they go, and how far the planner expects the voltage to fall along them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.reporting.columns import numbers, texts
from ghostload.reporting.geometry import can_be_drawn
from ghostload.reporting.map_data import Arrays
from ghostload.reporting.payload import narrow

FILE = "network.geojson"
MOST_LINES = 24_000
"""Of more lines, those of medium voltage alone are drawn."""

UNKNOWN_DROP = -(2**15)
"""Stands for a voltage drop that is not known."""

_LEVELS = ("mv", "main", "drop")
_OPENING = b'{"type":"FeatureCollection","features":['
_ENDS = ("lon0", "lat0", "lon1", "lat1")


def network_content(dataset: Dataset, feeders: Sequence[str]) -> tuple[dict[str, Any], Arrays] | None:
    """Return the description and the arrays of the lines, or None where the data set has none.

    Parameters
    ----------
    dataset : Dataset
        Just made, or read from a folder with ``network.geojson``.
    feeders : sequence of str
        Names by the numbers that the map gives them.

    Returns
    -------
    (dict, dict of name to array)
        Ends in millionths of a degree, each as the step from the one before; drops in hundredths of a per cent.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    table = dataset.network if dataset.network is not None else _stored(dataset.path)
    if table is None:
        return None
    table = table.filter(_usable(table))
    if table.num_rows > MOST_LINES:
        table = table.filter(pc.equal(table["kind"], "mv"))
    if not table.num_rows:
        return None
    ends = {name: np.rint(numbers(table, name) * 1e6).astype(np.int64) for name in _ENDS}
    drop = np.clip(100.0 * numbers(table, "drop_percent"), UNKNOWN_DROP + 1, -UNKNOWN_DROP - 1)
    transformers = texts(dataset.tables["transformers"], "transformer_id")
    arrays: Arrays = {
        "line_level": narrow(_places(table, "kind", _LEVELS)),
        "line_feeder": narrow(_places(table, "feeder_id", feeders)),
        "line_tx": narrow(_places(table, "transformer_id", transformers)),
        "line_drop": np.rint(np.where(np.isnan(drop), UNKNOWN_DROP, drop)).astype(np.int16),
        "line_lon": _steps(ends["lon0"], ends["lon1"]),
        "line_lat": _steps(ends["lat0"], ends["lat1"]),
    }
    return {"low": bool((arrays["line_level"] > 0).any())}, arrays


def _usable(table: pa.Table) -> pa.Array:
    """Tell which lines are of a known kind and can be drawn."""
    places = {name: numbers(table, name) for name in _ENDS}
    drawn = can_be_drawn(places["lat0"], places["lon0"]) & can_be_drawn(places["lat1"], places["lon1"])
    return pa.array(drawn & (_places(table, "kind", _LEVELS) >= 0))


def _places(table: pa.Table, column: str, names: Sequence[str]) -> NDArray[np.int64]:
    """Return each row's place among the names, -1 where it is none of them."""
    found = pc.index_in(pa.array(texts(table, column), pa.string()), value_set=pa.array(list(names), pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _steps(near: NDArray[np.int64], far: NDArray[np.int64]) -> NDArray[Any]:
    """Return near, far, near, far ... as steps, which are small: most lines begin where another ends."""
    return narrow(np.diff(np.column_stack([near, far]).reshape(-1), prepend=0))


def _stored(folder: Path | None) -> pa.Table | None:
    """Return the lines of a folder's file; of one of ours with too many, those of medium voltage."""
    path = folder / FILE if folder is not None else None
    if path is None or not path.is_file():
        return None
    try:
        content = path.read_bytes()
        rows = content.split(b"\n")
        if rows[0] == _OPENING and len(rows) > MOST_LINES:
            rows = [row for row in rows if b'"kind":"mv"' in row]
            content = _OPENING + b"\n".join(rows).rstrip(b",") + b"]}"
        features = json.loads(content)["features"]
        lines = [line for feature in features for line in _lines(feature)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: holds no readable lines ({error}); repair it, or take it away") from None
    columns = ("kind", "feeder_id", "transformer_id", "drop_percent", *_ENDS)
    kinds = [pa.string()] * 3 + [pa.float64()] * 5
    values = list(zip(*lines, strict=True)) or [()] * len(columns)
    return pa.table({n: pa.array(v, k) for n, v, k in zip(columns, values, kinds, strict=True)})


def _lines(feature: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the straight pieces of a line; nothing of other geometries."""
    geometry, told = feature.get("geometry") or {}, feature.get("properties") or {}
    if geometry.get("type") != "LineString":
        return []
    corners = [(float(corner[0]), float(corner[1])) for corner in geometry["coordinates"]]
    names = [_text(told.get(name)) for name in ("kind", "feeder_id", "transformer_id")]
    drop = told.get("drop_percent")
    known = float(drop) if isinstance(drop, int | float) else None
    return [(*names, known, *near, *far) for near, far in pairwise(corners)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
