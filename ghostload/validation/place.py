"""Checks of where things stand: within the bounds, on land, near their transformer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import CannotRun, Context, distance_m, properties_of, rows_of
from ghostload.validation.finding import Finding, Severity, error, info, warning

TABLES_WITH_PLACE = ("transformers", "meters")
LAND_TOLERANCE_M = 25.0
"""What a point may stand outside the districts: the width of a road or a river bank on a rounded outline."""
OUTLINE_ACCURACY_M = 1000.0
"""How far the built-in outline of Metro Manila may be off."""
METRO_MANILA_SHARE = 0.25
"""A set without a region counts as one of Metro Manila when this share of its transformers stands on its land."""
FAR_M = 1000.0
"""No low-voltage line reaches so far: 10 kW at 230 V over 1 km of a 95 mm² aluminium pair (0.32 ohm/km) drop 12 %."""
REACH_M = 250.0
"""Where most service points stand."""
SHARE_BEYOND_REACH = 0.10
_CHUNK = 131_072


@dataclass(frozen=True)
class Districts:
    """The polygons of region.geojson.

    Attributes
    ----------
    polygons : (D,) array of shapely polygons
    names : list of str or None
        The district's name, where a property gives one.
    """

    polygons: np.ndarray[Any, np.dtype[np.object_]]
    names: list[str | None]


def _districts(context: Context) -> Districts | None:
    """Return the districts, None when the set has no region."""
    region = context.dataset.region
    if region is None:
        return None

    def make() -> Districts:
        try:
            polygons = shapely.get_parts(shapely.from_geojson(json.dumps(region)))
        except (shapely.errors.GEOSException, TypeError, ValueError) as failure:
            reason = " ".join(str(failure).split())
            cure = "write it as an RFC 7946 FeatureCollection of polygons"
            raise CannotRun(f"it holds no readable polygons ({reason[:120]})", cure, table="region.geojson") from None
        if not len(polygons):
            raise CannotRun("it holds no district", "add its polygons", table="region.geojson")
        properties = properties_of(region)
        if len(properties) != len(polygons):
            # A multipolygon outside a FeatureCollection, or a feature without a geometry.
            return Districts(polygons, [None] * len(polygons))
        return Districts(polygons, [_name(item) for item in properties])

    return context.keep("districts", make)


def _name(properties: Any) -> str | None:
    for key in ("barangay", "name"):
        if isinstance(properties.get(key), str):
            return str(properties[key])
    return None


@register(subject="place")
def region_is_valid(context: Context) -> Iterable[Finding]:
    """Check that the districts of region.geojson are valid polygons that hold some land."""
    districts = _districts(context)
    if districts is None:
        return
    polygonal = np.isin(shapely.get_type_id(districts.polygons), (3, 6))
    sound = polygonal & shapely.is_valid(districts.polygons) & ~shapely.is_empty(districts.polygons)
    if not sound.all():
        bad = np.flatnonzero(~sound)
        reason = shapely.is_valid_reason(districts.polygons[bad[0]]) if polygonal[bad[0]] else "is no polygon"
        ids = [districts.names[i] or f"feature {i + 1}" for i in bad]
        message = f"{len(bad)} districts are no valid polygons: {reason}"
        yield error(message, "repair them with shapely.make_valid", table="region.geojson", ids=ids)


@register(subject="place", severities=(Severity.ERROR, Severity.INFO))
def within_bounds(context: Context) -> Iterable[Finding]:
    """Check that transformers and meters stand within the bounds that the config gives."""
    bounds = None if context.config is None else context.config.geo_bounds
    if bounds is None:
        if context.dataset.region is None:
            yield info("there is no config with geo_bounds; coordinates could not be compared with bounds")
        return
    for table in TABLES_WITH_PLACE:
        outside = np.zeros(context.table(table).num_rows, dtype=np.bool_)
        for axis in ("lat", "lon"):
            low, high = bounds[axis]
            values = context.numbers(table, axis)
            outside |= (values < low) | (values > high)
        if outside.any():
            count = int(outside.sum())
            message = f"{count} rows stand outside lat {_span(bounds['lat'])}, lon {_span(bounds['lon'])}"
            cure = "correct their coordinates (lat and lon may be swapped), or widen geo_bounds"
            yield error(message, cure, table=table, column="lat", ids=context.names(table, outside), count=count)


def _span(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"


@register(subject="place", severities=tuple(Severity))
def on_land(context: Context) -> Iterable[Finding]:
    """Check that transformers and meters stand on land: in region.geojson's districts, else in Metro Manila."""
    districts = _districts(context)
    if districts is None:
        yield from _on_the_land_of_metro_manila(context)
        return
    for table in TABLES_WITH_PLACE:
        lat, lon = context.numbers(table, "lat"), context.numbers(table, "lon")
        lost = ~_standing(context, table, districts)["inside"] & np.isfinite(lat) & np.isfinite(lon)
        rows = np.flatnonzero(lost)
        beyond = _metres_outside(lat[rows], lon[rows], districts.polygons)
        lost[rows[beyond <= LAND_TOLERANCE_M]] = False
        if lost.any():
            count = int(lost.sum())
            message = f"{count} rows stand outside every district, by up to {_length(float(beyond.max()))}"
            cure = "move them onto the land, or correct their coordinates (lat and lon may be swapped)"
            yield error(message, cure, table=table, column="lat", ids=context.names(table, lost), count=count)


def _on_the_land_of_metro_manila(context: Context) -> Iterable[Finding]:
    from ghostload.territory.metro_manila import metro_manila_land

    land = np.array([metro_manila_land()])
    lat, lon = context.numbers("transformers", "lat"), context.numbers("transformers", "lon")
    inside = shapely.contains_xy(land[0], lon, lat)
    if not len(lat) or inside.mean() < METRO_MANILA_SHARE:
        yield info("there is no region.geojson; whether anything stands in the water could not be told")
        return
    for table in TABLES_WITH_PLACE:
        lat, lon = context.numbers(table, "lat"), context.numbers(table, "lon")
        lost = ~shapely.contains_xy(land[0], lon, lat) & np.isfinite(lat) & np.isfinite(lon)
        rows = np.flatnonzero(lost)
        lost[rows[_metres_outside(lat[rows], lon[rows], land) <= OUTLINE_ACCURACY_M]] = False
        if lost.any():
            count = int(lost.sum())
            message = (
                f"{count} rows ({count / len(lat):.1%}) stand more than 1 km outside Metro Manila's land, "
                "in the water or in another province"
            )
            cure = "move them, or add a region.geojson with the districts of this set"
            yield warning(message, cure, table=table, column="lat", ids=context.names(table, lost), count=count)


def _metres_outside(lat: FloatArray, lon: FloatArray, polygons: np.ndarray[Any, np.dtype[np.object_]]) -> FloatArray:
    """Return the distance of each point to the nearest polygon."""
    if not len(lat) or not len(polygons):
        return np.full(len(lat), np.inf)
    points = shapely.points(lon, lat)
    nearest = shapely.STRtree(polygons).nearest(points)
    ends = shapely.get_coordinates(shapely.shortest_line(points, polygons[nearest])).reshape(-1, 2, 2)
    return distance_m(ends[:, 0, 1], ends[:, 0, 0], ends[:, 1, 1], ends[:, 1, 0])


def _length(metres: float) -> str:
    if not np.isfinite(metres):
        return "an unknown distance"
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def _standing(context: Context, table: str, districts: Districts) -> dict[str, BoolArray]:
    """Return for each row whether it stands in a district, and whether in one of the name that it gives."""

    def make() -> dict[str, BoolArray]:
        lat, lon = context.numbers(table, "lat"), context.numbers(table, "lon")
        shapely.prepare(districts.polygons)
        known = list(dict.fromkeys(name for name in districts.names if name is not None))
        code = rows_of(pa.array(districts.names, pa.string()), pa.array(known, pa.string()))
        try:
            said = rows_of(context.text(table, "barangay"), pa.array(known, pa.string()))
        except CannotRun:
            said = np.full(len(lat), -1, dtype=np.int64)
        first = np.append(_first_rows(code, len(known)), -1)[said]
        named = (first >= 0) & shapely.contains_xy(districts.polygons[first], lon, lat)
        inside = named.copy()
        rest = np.flatnonzero(~named)
        for start in range(0, len(rest), _CHUNK):
            rows = rest[start : start + _CHUNK]
            district, point = _pairs(districts.polygons, lat[rows], lon[rows])
            inside[rows[point]] = True
            named[rows[point[code[district] == said[rows[point]]]]] = True
        return {"inside": inside, "named": named}

    return context.keep(f"standing {table}", make)


def _first_rows(code: IntArray, count: int) -> IntArray:
    """Return for each of the codes 0 .. count - 1 the first row that has it; -1 is no code."""
    first = np.full(count, -1, dtype=np.int64)
    rows = np.flatnonzero(code >= 0)[::-1]
    first[code[rows]] = rows
    return first


def _pairs(
    polygons: np.ndarray[Any, np.dtype[np.object_]], lat: FloatArray, lon: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return each pair of a district and a point in it or on its edge."""
    finite = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon))
    tree = shapely.STRtree(np.asarray(shapely.points(lon[finite], lat[finite])))
    district, point = tree.query(polygons, predicate="intersects")
    return district, finite[point]


@register(subject="place", severities=(Severity.WARNING,))
def districts_are_right(context: Context) -> Iterable[Finding]:
    """Check that transformers and meters stand in the district that they name."""
    districts = _districts(context)
    if districts is None or not any(districts.names):
        return
    for table in TABLES_WITH_PLACE:
        standing = _standing(context, table, districts)
        wrong = standing["inside"] & ~standing["named"]
        if wrong.any():
            count = int(wrong.sum())
            message = f"{count} rows ({count / len(wrong):.1%}) stand in another district than they name"
            cure = "name the district in which they stand"
            ids = context.names(table, wrong)
            yield warning(message, cure, table=table, column="barangay", ids=ids, count=count)


@register(subject="place", severities=(Severity.ERROR, Severity.WARNING))
def meters_near_transformer(context: Context) -> Iterable[Finding]:
    """Check that meters stand where a low-voltage line from their transformer reaches: none past 1 km."""
    distance = context.meter_distance_m
    far = distance > FAR_M
    if far.any():
        count = int(far.sum())
        longest = _length(float(np.nanmax(distance)))
        message = f"{count} meters stand more than 1 km from their transformer, up to {longest}"
        cure = "move the meters, or hang them on a nearer transformer"
        yield error(
            message, cure, table="meters", column="transformer_id", ids=context.names("meters", far), count=count
        )
    beyond = distance > REACH_M
    known = int(np.isfinite(distance).sum())
    if known and beyond.sum() > SHARE_BEYOND_REACH * known:
        count = int(beyond.sum())
        message = f"{count / known:.0%} of the meters stand more than {REACH_M:.0f} m from their transformer"
        cure = "place service points nearer to their transformer"
        ids = context.names("meters", beyond)
        yield warning(message, cure, table="meters", column="transformer_id", ids=ids, count=count)
