"""Checks of where things stand: within the bounds, on land, near their transformer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import CannotRun, Context, distance_m, properties_of
from ghostload.validation.finding import Finding, Severity, error, info, warning
from ghostload.validation.lookup import Texts, rows_of
from ghostload.validation.pieces import Hits

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
_OUTSIDE, _INSIDE, _AS_NAMED = range(3)
"""Where a row stands: in no district, in one, in one of the name that it gives."""


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
        outside = Hits()
        axes = [(context.floats(table, axis), bounds[axis]) for axis in ("lat", "lon")]
        for rows in context.pieces(table):
            beyond = np.zeros(rows.stop - rows.start, dtype=np.bool_)
            for values, (low, high) in axes:
                beyond |= (values(rows) < low) | (values(rows) > high)
            outside.add(rows, beyond)
        if outside:
            count = outside.count
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
        lost, farthest = _lost(
            context, table, districts.polygons, LAND_TOLERANCE_M, _stood_inside(_standing(context, table, districts))
        )
        if lost:
            count = lost.count
            message = f"{count} rows stand outside every district, by up to {_length(farthest)}"
            cure = "move them onto the land, or correct their coordinates (lat and lon may be swapped)"
            yield error(message, cure, table=table, column="lat", ids=context.names(table, lost), count=count)


def _on_the_land_of_metro_manila(context: Context) -> Iterable[Finding]:
    from ghostload.territory.metro_manila import metro_manila_land

    land = np.array([metro_manila_land()])
    lat, lon = context.floats("transformers", "lat"), context.floats("transformers", "lon")
    inside = sum(
        int(shapely.contains_xy(land[0], lon(rows), lat(rows)).sum()) for rows in context.pieces("transformers")
    )
    if not context.num_transformers or inside / context.num_transformers < METRO_MANILA_SHARE:
        yield info("there is no region.geojson; whether anything stands in the water could not be told")
        return
    for table in TABLES_WITH_PLACE:
        lost, _ = _lost(
            context, table, land, OUTLINE_ACCURACY_M, lambda rows, lat, lon: shapely.contains_xy(land[0], lon, lat)
        )
        if lost:
            count = lost.count
            message = (
                f"{count} rows ({count / context.table(table).num_rows:.1%}) stand more than 1 km outside "
                "Metro Manila's land, in the water or in another province"
            )
            cure = "move them, or add a region.geojson with the districts of this set"
            yield warning(message, cure, table=table, column="lat", ids=context.names(table, lost), count=count)


def _stood_inside(standing: NDArray[np.uint8]) -> Callable[[slice, FloatArray, FloatArray], BoolArray]:
    return lambda rows, lat, lon: standing[rows] > _OUTSIDE


def _lost(
    context: Context,
    table: str,
    polygons: np.ndarray[Any, np.dtype[np.object_]],
    tolerance_m: float,
    inside: Callable[[slice, FloatArray, FloatArray], BoolArray],
) -> tuple[Hits, float]:
    """Return the rows that stand farther outside than is tolerated, and how far one stands outside at most.

    Parameters
    ----------
    inside : callable (rows, lat, lon) -> (n,) array of bool
        Whether each stands inside, so that no distance need be worked out.
    """
    lat_of, lon_of = context.floats(table, "lat"), context.floats(table, "lon")
    found, farthest = Hits(), 0.0
    for rows in context.pieces(table):
        lat, lon = lat_of(rows), lon_of(rows)
        lost = ~inside(rows, lat, lon) & np.isfinite(lat) & np.isfinite(lon)
        at = np.flatnonzero(lost)
        beyond = _metres_outside(lat[at], lon[at], polygons)
        lost[at[beyond <= tolerance_m]] = False
        found.add(rows, lost)
        farthest = float(np.maximum(farthest, beyond.max(initial=0.0)))
    return found, farthest


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


def _standing(context: Context, table: str, districts: Districts) -> NDArray[np.uint8]:
    """Return for each row where it stands: outside, in a district, or in one of the name that it gives."""

    def make() -> NDArray[np.uint8]:
        lat_of, lon_of = context.floats(table, "lat"), context.floats(table, "lon")
        shapely.prepare(districts.polygons)
        known = list(dict.fromkeys(name for name in districts.names if name is not None))
        code = rows_of(pa.array(districts.names, pa.string()), pa.array(known, pa.string()))
        first = np.append(_first_rows(code, len(known)), -1)
        try:
            names: Texts | None = context.texts(table, "barangay")
        except CannotRun:
            names = None
        found: NDArray[np.uint8] = context.scratch.zeros(context.table(table).num_rows, np.uint8)
        for rows in context.pieces(table):
            lat, lon = lat_of(rows), lon_of(rows)
            said = np.full(len(lat), -1) if names is None else rows_of(names(rows), pa.array(known, pa.string()))
            there = np.where(_in_first(districts.polygons, first[said], lat, lon), _AS_NAMED, _OUTSIDE)
            rest = np.flatnonzero(there == _OUTSIDE)
            district, point = _pairs(districts.polygons, lat[rest], lon[rest])
            there[rest[point]] = _INSIDE
            there[rest[point[code[district] == said[rest[point]]]]] = _AS_NAMED
            found[rows] = there
        return found

    return context.keep(f"standing {table}", make)


def _in_first(
    polygons: np.ndarray[Any, np.dtype[np.object_]], first: IntArray, lat: FloatArray, lon: FloatArray
) -> BoolArray:
    """Return whether each point stands in the polygon chosen for it; -1 is none."""
    return np.asarray((first >= 0) & shapely.contains_xy(polygons[first], lon, lat))


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
        standing, wrong = _standing(context, table, districts), Hits()
        for rows in context.pieces(table):
            wrong.add(rows, standing[rows] == _INSIDE)
        if wrong:
            count = wrong.count
            message = f"{count} rows ({count / len(standing):.1%}) stand in another district than they name"
            cure = "name the district in which they stand"
            ids = context.names(table, wrong)
            yield warning(message, cure, table=table, column="barangay", ids=ids, count=count)


@register(subject="place", severities=(Severity.ERROR, Severity.WARNING))
def meters_near_transformer(context: Context) -> Iterable[Finding]:
    """Check that meters stand where a low-voltage line from their transformer reaches: none past 1 km."""
    distances, far, beyond = context.distances_m, Hits(), Hits()
    longest, known = np.nan, 0
    for rows in context.pieces("meters"):
        distance = distances(rows)
        far.add(rows, distance > FAR_M)
        beyond.add(rows, distance > REACH_M)
        longest = np.fmax.reduce(distance, initial=longest)
        known += int(np.isfinite(distance).sum())
    if far:
        message = f"{far.count} meters stand more than 1 km from their transformer, up to {_length(float(longest))}"
        cure = "move the meters, or hang them on a nearer transformer"
        ids = context.names("meters", far)
        yield error(message, cure, table="meters", column="transformer_id", ids=ids, count=far.count)
    if known and beyond.count > SHARE_BEYOND_REACH * known:
        message = f"{beyond.count / known:.0%} of the meters stand more than {REACH_M:.0f} m from their transformer"
        cure = "place service points nearer to their transformer"
        ids = context.names("meters", beyond)
        yield warning(message, cure, table="meters", column="transformer_id", ids=ids, count=beyond.count)
