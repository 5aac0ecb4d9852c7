"""Shapes on the map: Web Mercator, districts as rings, and what a feeder covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray

EARTH_RADIUS_M = 6378137.0
"""Radius of the sphere of Web Mercator (EPSG:3857)."""

MAX_LAT_DEG = 85.051129
"""Where Web Mercator ends: the latitude at which its world is square."""

_NAME_PROPERTIES = ("name", "barangay", "district", "NAME", "Name", "city")
_DETAIL = 8000


@dataclass(frozen=True)
class Shapes:
    """Polygons, holes and all, as flat arrays.

    Attributes
    ----------
    x_m, y_m : (P,) arrays
        Corners in Web Mercator metres, rounded to 1 m.
    ring_size : (R,) array
        Corners of each ring.
    ring_polygon : (R,) array
        Polygon that a ring belongs to; its first ring is the outer one.
    polygon_owner : (Q,) array
        Number of the district or feeder that a polygon belongs to.
    """

    x_m: NDArray[np.int32]
    y_m: NDArray[np.int32]
    ring_size: IntArray
    ring_polygon: IntArray
    polygon_owner: IntArray


def mercator(lat_deg: FloatArray, lon_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Web Mercator x and y in metres."""
    x = np.radians(lon_deg) * EARTH_RADIUS_M
    y = np.log(np.tan(np.pi / 4 + np.radians(lat_deg) / 2)) * EARTH_RADIUS_M
    return x, y


def can_be_drawn(lat_deg: FloatArray, lon_deg: FloatArray) -> NDArray[np.bool_]:
    """Tell which places exist and lie where Web Mercator can show them."""
    with np.errstate(invalid="ignore"):
        return (np.abs(lat_deg) <= MAX_LAT_DEG) & (np.abs(lon_deg) <= 180.0)


def districts(region: Mapping[str, Any] | None) -> tuple[list[str], Shapes]:
    """Return the names and outlines of a region's polygons; details under 1/8000 of its width are dropped."""
    features = [f for f in (region or {}).get("features", ()) if _is_polygon(f)]
    geometries = np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object)
    names = [_name(f.get("properties") or {}) for f in features]
    if not len(geometries):
        return [], flatten(geometries)
    flat = shapely.transform(geometries, _to_mercator)
    west, south, east, north = shapely.total_bounds(flat)
    simple = shapely.simplify(flat, max(east - west, north - south) / _DETAIL, preserve_topology=True)
    return names, flatten(simple)


def hulls(x_m: FloatArray, y_m: FloatArray, owner: IntArray, count: int, margin_m: float) -> NDArray[np.object_]:
    """Return for each owner the convex hull of its points, wider by a margin; an empty polygon where it has none."""
    order = np.argsort(owner, kind="stable")
    found: NDArray[np.object_] = np.full(count, shapely.Polygon(), dtype=object)
    if order.size:
        corners = np.column_stack([x_m, y_m])[order]
        present, groups = np.unique(owner[order], return_inverse=True)
        gathered = shapely.multipoints(corners, indices=groups)
        found[present] = shapely.buffer(shapely.convex_hull(gathered), margin_m, quad_segs=4)
    return found


def distinct_colours(shapes: NDArray[np.object_], colours: int, reach_m: float) -> IntArray:
    """Give neighbours different colours: shapes within reach share none while the colours last, then those far apart.

    Parameters
    ----------
    shapes : (N,) array of polygons
    colours : int
        How many colours there are.
    reach_m : float
        How near another shape must be to count as a neighbour.

    Returns
    -------
    (N,) array of colour numbers; 0, 1, 2 ... when there are as many colours as shapes.
    """
    count = len(shapes)
    if count <= colours:
        return np.arange(count, dtype=np.int64)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=reach_m)
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    away = shapely.distance(shapes[left], shapes[right])
    starts = np.searchsorted(left, np.arange(count + 1))
    given: IntArray = np.full(count, -1, dtype=np.int64)
    used = np.zeros(colours, dtype=np.int64)
    for i in range(count):
        of_i = slice(starts[i], starts[i + 1])
        taken = given[right[of_i]]
        nearest = np.full(colours, np.inf)
        np.minimum.at(nearest, taken[taken >= 0], away[of_i][taken >= 0])
        given[i] = np.lexsort((np.arange(colours), used, -nearest))[0]
        used[given[i]] += 1
    return given


def flatten(geometries: NDArray[np.object_]) -> Shapes:
    """Return polygons and multipolygons as flat arrays."""
    polygons, owner = shapely.get_parts(geometries, return_index=True)
    kept = ~shapely.is_empty(polygons)
    polygons, owner = polygons[kept], owner[kept]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    rounded = np.rint(corners).astype(np.int32)
    size = np.bincount(ring, minlength=len(rings))
    return Shapes(rounded[:, 0], rounded[:, 1], size, polygon.astype(np.int64), owner.astype(np.int64))


def _to_mercator(lon_lat: FloatArray) -> FloatArray:
    lat = np.clip(lon_lat[:, 1], -MAX_LAT_DEG, MAX_LAT_DEG)
    return np.column_stack(mercator(lat, lon_lat[:, 0]))


def _is_polygon(feature: Mapping[str, Any]) -> bool:
    return (feature.get("geometry") or {}).get("type") in ("Polygon", "MultiPolygon")


def _name(properties: Mapping[str, Any]) -> str:
    """Return the district's name under the first usual property, or nothing."""
    return next((str(properties[key]) for key in _NAME_PROPERTIES if properties.get(key)), "")
