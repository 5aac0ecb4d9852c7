"""Checks of transformers.geojson: RFC 7946, equal to the tables, no ground truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import CannotRun, Context, properties_of
from ghostload.validation.finding import Finding, Severity, error, info, warning
from ghostload.validation.leak import TRUTH_NAME

FILE = "transformers.geojson"
COORDINATE_STEP_DEG = 1e-6
"""Coordinates in the tables have 6 decimals."""
_HUGE = 1e300
"""JSON knows integers beyond what a float can hold."""
_CURE = "write it again from the tables"


def _features(context: Context) -> Sequence[Any] | None:
    """Return the features, None when there is no such file."""
    geojson = context.dataset.geojson
    if geojson is None:
        return None
    features = geojson.get("features")
    if geojson.get("type") != "FeatureCollection" or not isinstance(features, list | tuple):
        cure = 'begin it with {"type": "FeatureCollection", "features": [...]}'
        raise CannotRun("it is no FeatureCollection with a list of features", cure, table=FILE)
    return features


def _names(features: Sequence[Any], positions: Iterable[int]) -> list[str]:
    """Name features by their transformer, else by their place in the file."""
    names = []
    for position in positions:
        feature = features[position]
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        name = properties.get("transformer_id") if isinstance(properties, Mapping) else None
        names.append(name if isinstance(name, str) else f"feature {position + 1}")
    return names


def _about(features: Sequence[Any], positions: Sequence[int], message: str, column: str = "") -> Iterator[Finding]:
    if len(positions):
        ids = _names(features, positions[:50])
        yield error(f"{len(positions)} {message}", _CURE, table=FILE, column=column, ids=ids, count=len(positions))


@register(subject="geojson", severities=tuple(Severity))
def geojson_is_valid(context: Context) -> Iterable[Finding]:
    """Check that transformers.geojson is a FeatureCollection of points as RFC 7946 defines it, [lon, lat] in WGS 84."""
    features = _features(context)
    if features is None:
        if context.folder is not None:
            yield info("there is none, or it cannot be read; it could not be compared with the tables", table=FILE)
        return
    if "crs" in (context.dataset.geojson or {}):
        message = "has a member 'crs', which RFC 7946 (section 4) took out: coordinates are WGS 84"
        yield warning(message, "take it away; give longitude and latitude in WGS 84", table=FILE)
    reasons = [_what_is_wrong(feature) for feature in features]
    for reason in dict.fromkeys(reason for reason in reasons if reason):
        yield from _about(features, [i for i, r in enumerate(reasons) if r == reason], f"features: {reason}")


def _what_is_wrong(feature: Any) -> str | None:
    """Return why something is no point Feature; None when it is one."""
    if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
        return 'the type is not "Feature" (section 3.2)'
    if "properties" not in feature or not isinstance(feature["properties"], Mapping | None):
        return "properties must be an object or null (section 3.2)"
    if "id" in feature and (isinstance(feature["id"], bool) or not isinstance(feature["id"], str | int | float)):
        return "the id must be text or a number (section 3.2)"
    geometry = feature.get("geometry")
    if not isinstance(geometry, Mapping) or geometry.get("type") != "Point":
        return "the geometry is no Point (section 3.1.2)"
    position = geometry.get("coordinates")
    if not isinstance(position, list | tuple) or not _is_valid_point(position):
        return "coordinates must be two or three finite numbers (section 3.1.1)"
    if abs(position[0]) > 180 or abs(position[1]) > 90:
        swapped = abs(position[1]) <= 180 and abs(position[0]) <= 90
        return "coordinates are no [lon, lat] in degrees" + ("; they look swapped" if swapped else "")
    return None


def _is_valid_point(position: Sequence[Any]) -> bool:
    import geojson

    numbers = all(math.isfinite(_number(number)) for number in position)
    return numbers and bool(geojson.Point(list(position)).is_valid)


@register(subject="geojson")
def geojson_equals_tables(context: Context) -> Iterable[Finding]:
    """Check that transformers.geojson has each transformer once, as the tables have it, with all its meters."""
    features = _features(context)
    if features is None:
        return
    properties = properties_of(context.dataset.geojson or {})
    names = pa.array([_text(item.get("transformer_id")) for item in properties], pa.string())
    rows = context.lookup("transformers").rows_of(names)
    yield from _about(features, np.flatnonzero(rows < 0).tolist(), "features of no transformer in the table")
    times = np.bincount(rows[rows >= 0], minlength=context.num_transformers)
    for mask, words in ((times == 0, "are not in it"), (times > 1, "are in it more than once")):
        if mask.any():
            message = f"{int(mask.sum())} transformers {words}"
            ids = context.names("transformers", mask)
            yield error(message, _CURE, table=FILE, column="transformer_id", ids=ids, count=int(mask.sum()))
    known = np.flatnonzero(rows >= 0)
    yield from _places(context, features, known, rows)
    yield from _attributes(context, features, properties, known, rows)
    yield from _meters(context, features, properties, known, rows)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < _HUGE else math.inf


def _position(feature: Any) -> tuple[float, float]:
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    position = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    if not isinstance(position, list | tuple) or len(position) < 2:
        return math.nan, math.nan
    return _number(position[0]), _number(position[1])


def _places(context: Context, features: Sequence[Any], known: IntArray, rows: IntArray) -> Iterable[Finding]:
    there = np.array([_position(feature) for feature in features], dtype=np.float64).reshape(-1, 2)[known]
    lon, lat = (context.numbers("transformers", axis)[rows[known]] for axis in ("lon", "lat"))
    apart = ~((abs(there[:, 0] - lon) <= COORDINATE_STEP_DEG) & (abs(there[:, 1] - lat) <= COORDINATE_STEP_DEG))
    swapped = apart & (abs(there[:, 0] - lat) <= COORDINATE_STEP_DEG) & (abs(there[:, 1] - lon) <= COORDINATE_STEP_DEG)
    message = "points are [lat, lon], must be [lon, lat]"
    yield from _about(features, known[swapped].tolist(), message, "coordinates")
    message = "points stand elsewhere than the table says"
    yield from _about(features, known[apart & ~swapped].tolist(), message, "coordinates")


def _attributes(
    context: Context,
    features: Sequence[Any],
    properties: Sequence[Mapping[str, Any]],
    known: IntArray,
    rows: IntArray,
) -> Iterable[Finding]:
    for name in ("feeder_id", "barangay"):
        there = pa.array([_text(properties[i].get(name)) for i in known.tolist()], pa.string())
        here = context.text("transformers", name).take(pa.array(rows[known]))
        differs = np.array(there.to_pylist(), dtype=object) != np.array(here.to_pylist(), dtype=object)
        yield from _about(features, known[differs].tolist(), f"values of {name} are not the table's", name)
    pairs: tuple[tuple[str, Callable[[], FloatArray]], ...] = (
        ("capacity_kVA", lambda: context.numbers("transformers", "capacity_kVA")),
        ("num_meters", lambda: context.meters_per_transformer.astype(np.float64)),
    )
    for name, column in pairs:
        values = np.array([_number(properties[i].get(name)) for i in known.tolist()], dtype=np.float64)
        differs = ~(abs(values - column()[rows[known]]) <= 1e-9 + 1e-6 * abs(values))
        yield from _about(features, known[differs].tolist(), f"values of {name} are not the table's", name)


def _meters(
    context: Context,
    features: Sequence[Any],
    properties: Sequence[Mapping[str, Any]],
    known: IntArray,
    rows: IntArray,
) -> Iterable[Finding]:
    """Compare the lists of meters, all at once: each listed meter hangs there, and as many are listed as hang there."""
    lists = [properties[i].get("meter_ids") for i in known.tolist()]
    no_list = np.array([not isinstance(item, list | tuple) for item in lists], dtype=np.bool_)
    yield from _about(features, known[no_list].tolist(), "features have no list meter_ids", "meter_ids")
    lists = [item if isinstance(item, list | tuple) else () for item in lists]
    owner = np.repeat(np.arange(len(lists)), [len(item) for item in lists])
    listed = pa.array([_text(name) for name in chain.from_iterable(lists)], pa.string())
    meter = context.lookup("meters").rows_of(listed)
    at = np.where(meter >= 0, context.meter_transformer[meter], -1) if context.num_meters else np.full(len(meter), -1)
    wrong = _any_by(owner, at != rows[known][owner], len(lists))
    message = "features list meters that do not hang on the transformer"
    yield from _about(features, known[wrong].tolist(), message, "meter_ids")
    pairs = np.unique((owner * context.num_meters + meter)[meter >= 0])
    distinct = np.bincount(pairs // max(context.num_meters, 1), minlength=len(lists))
    short = ~wrong & ~no_list & (distinct < context.meters_per_transformer[rows[known]])
    message = "features do not list all meters of the transformer"
    yield from _about(features, known[short].tolist(), message, "meter_ids")


def _any_by(group: IntArray, mask: BoolArray, count: int) -> BoolArray:
    return np.asarray(np.bincount(group[mask], minlength=count) > 0)


@register(subject="geojson")
def geojson_hides_truth(context: Context) -> Iterable[Finding]:
    """Check that transformers.geojson holds no ground truth: models and maps for inspectors read it."""
    features = _features(context)
    if features is None:
        return
    members = set(context.dataset.geojson or {})
    for feature in features:
        members.update(feature if isinstance(feature, Mapping) else ())
    for item in properties_of(context.dataset.geojson or {}):
        members.update(item)
    telling = sorted(str(name) for name in members if TRUTH_NAME.search(str(name)))
    if telling:
        message = f"{len(telling)} members tell the ground truth"
        yield error(message, "take them away; truth belongs in anomaly_labels.csv", table=FILE, ids=telling)
