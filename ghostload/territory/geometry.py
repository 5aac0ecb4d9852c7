"""Polygons in degrees: rounding, cutting, Voronoi cells, points inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ghostload.streams import FloatArray, IntArray
from ghostload.territory.plane import M_PER_DEG, STEP_DEG, LocalPlane, round_deg

GeometryArray = NDArray[np.object_]

_POLYGON, _MULTIPOLYGON = 3, 6
_SMALLEST_DEG2 = 1e-9
"""About 12 square metres: smaller pieces are dust from cutting."""

_FAIR_SHARE = 0.25
_MOST_HALVINGS = 12


def geometry_array(geometries: Sequence[BaseGeometry]) -> GeometryArray:
    """Put geometries into an array, one object each (NumPy would otherwise take some apart)."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def on_grid(polygons: GeometryArray) -> GeometryArray:
    """Round the corners of polygons to the decimals of the files and bring the rings into one form.

    Returns
    -------
    Array of valid polygons and multipolygons: outer rings anticlockwise, holes clockwise (RFC 7946), each starting at a
    fixed corner; doing it twice changes nothing.
    """
    # GEOS divides and multiplies; rounding again makes the corners the very floats that a file gives back.
    snapped = shapely.transform(shapely.set_precision(polygons, STEP_DEG), round_deg)
    return np.asarray(shapely.reverse(shapely.normalize(snapped)), dtype=object)


def polygonal(geometry: BaseGeometry) -> BaseGeometry | None:
    """Keep the polygons of a geometry that are more than dust; None when there are none."""
    parts = shapely.get_parts(geometry)
    kind = shapely.get_type_id(parts)
    parts = shapely.get_parts(parts[(kind == _POLYGON) | (kind == _MULTIPOLYGON)])
    parts = parts[shapely.area(parts) > _SMALLEST_DEG2]
    if len(parts) == 0:
        return None
    whole: BaseGeometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts.tolist())
    return whole


def area_m2(polygons: GeometryArray) -> FloatArray:
    """Return areas in square metres, each scaled at the latitude of its own middle."""
    bounds = shapely.bounds(polygons)
    middle = np.radians((bounds[..., 1] + bounds[..., 3]) / 2)
    return np.asarray(shapely.area(polygons) * np.cos(middle) * M_PER_DEG**2, dtype=np.float64)


def voronoi_cells(points: FloatArray, land: BaseGeometry) -> list[BaseGeometry | None]:
    """Cut land into the parts that are nearest to each point.

    Parameters
    ----------
    points : (D, 2) array
        Longitude and latitude, no two alike.
    land : polygon or multipolygon
        In degrees; nearest is meant in metres, in a plane about the middle of the land.

    Returns
    -------
    list of D polygons or multipolygons, None where a point has no part of the land.
    """
    if len(points) == 1:
        return [polygonal(land)]
    west, south, east, north = land.bounds
    plane = LocalPlane((west + east) / 2, (south + north) / 2)
    scale = np.array([plane.m_per_deg_lon, plane.m_per_deg_lon / np.cos(np.radians(plane.lat0_deg))])
    origin = np.array([plane.lon0_deg, plane.lat0_deg])
    flat = shapely.points((points - origin) * scale)
    around = shapely.transform(shapely.box(west, south, east, north), lambda xy: (xy - origin) * scale)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(flat), extend_to=around))
    point_index, cell_index = shapely.STRtree(cells).query(flat, predicate="intersects")
    owned = np.full(len(points), -1)
    owned[point_index] = cell_index
    in_degrees = shapely.transform(cells[owned], lambda xy: xy / scale + origin)
    return [polygonal(piece) for piece in shapely.intersection(in_degrees, land)]


def holds_point(polygons: GeometryArray) -> NDArray[np.bool_]:
    """Tell which polygons, rounded already, are wide enough to hold a rounded point."""
    holds = ~shapely.is_empty(polygons)
    lon, lat = inside_points(polygons[holds]).T
    holds[holds] = shapely.contains_xy(polygons[holds], lon, lat)
    return np.asarray(holds, dtype=bool)


def inside_points(polygons: GeometryArray, wanted: FloatArray | None = None) -> FloatArray:
    """Return a point inside each polygon: the wanted one where it lies inside, else one that GEOS finds.

    Returns
    -------
    (D, 2) array of longitude, latitude, rounded.
    """
    found = round_deg(shapely.get_coordinates(shapely.point_on_surface(polygons)))
    if wanted is None:
        return found
    holds = shapely.contains_xy(polygons, wanted[:, 0], wanted[:, 1])
    return np.where(holds[:, None], wanted, found)


def compact_boxes(polygons: GeometryArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Cover polygons with boxes that each hold a fair share of land, for drawing points by trial.

    A box of which less than :data:`_FAIR_SHARE` is land is halved across its longer side, at most
    :data:`_MOST_HALVINGS` times.

    Returns
    -------
    boxes : (K, 4) array
        West, south, east and north; those of one polygon do not overlap.
    areas : (K,) array
        Land of its polygon in each box, square degrees.
    owner : (K,) array
        Index of the polygon.
    """
    pieces, owner = polygons, np.arange(len(polygons))
    done: list[tuple[FloatArray, FloatArray, IntArray]] = []
    for halving in range(_MOST_HALVINGS + 1):
        boxes, areas = shapely.bounds(pieces), shapely.area(pieces)
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        fair = (areas >= _FAIR_SHARE * width * height) | (halving == _MOST_HALVINGS)
        done.append((boxes[fair], areas[fair], owner[fair]))
        pieces, owner, boxes = pieces[~fair], owner[~fair], boxes[~fair]
        if len(pieces) == 0:
            break
        low, high = _halves(boxes, (width >= height)[~fair])
        pieces = shapely.intersection(np.concatenate([pieces, pieces]), shapely.box(*np.concatenate([low, high]).T))
        owner = np.concatenate([owner, owner])
        some = shapely.area(pieces) > 0
        pieces, owner = pieces[some], owner[some]
    boxes, areas, owner = (np.concatenate(parts) for parts in zip(*done, strict=True))
    return boxes, areas, owner


def _halves(boxes: FloatArray, wide: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Halve boxes (west, south, east, north) across their longer side."""
    low, high = boxes.copy(), boxes.copy()
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    low[:, 2] = np.where(wide, middle[:, 0], boxes[:, 2])
    low[:, 3] = np.where(wide, boxes[:, 3], middle[:, 1])
    high[:, 0] = np.where(wide, middle[:, 0], boxes[:, 0])
    high[:, 1] = np.where(wide, boxes[:, 1], middle[:, 1])
    return low, high


def spread_points(land: BaseGeometry, count: int) -> FloatArray:
    """Spread points evenly over land, always the same ones for the same land.

    The points are those of the additive recurrence with the plastic number [1]_ that fall on land.

    Returns
    -------
    (count, 2) array of longitude, latitude, rounded; adding points at the end moves none.

    References
    ----------
    .. [1] Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.
    """
    plastic = 1.32471795724474602596
    west, south, east, north = land.bounds
    shapely.prepare(land)
    kept = np.empty((0, 2))
    start, block = 1, max(64, 4 * count)
    while len(kept) < count:
        n = np.arange(start, start + block)[:, None]
        unit = (0.5 + n / plastic ** np.array([1, 2])) % 1.0
        points = round_deg(np.array([west, south]) + unit * np.array([east - west, north - south]))
        kept = np.concatenate([kept, points[shapely.contains_xy(land, points[:, 0], points[:, 1])]])
        start, block = start + block, 2 * block
    return kept[:count]


def coordinates(geometry: BaseGeometry) -> list[Any]:
    """Return the GeoJSON coordinates of a polygon or multipolygon, rings as they stand."""
    if isinstance(geometry, shapely.MultiPolygon):
        return [coordinates(part) for part in geometry.geoms]
    return [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(geometry)]
