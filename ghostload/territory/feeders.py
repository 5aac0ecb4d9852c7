"""Where the feeders and substations are: a partition of the people, each cell one feeder's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams, spans
from ghostload.territory.geometry import compact_boxes
from ghostload.territory.plane import round_deg
from ghostload.territory.region import Region

_ROUNDS = 64
"""Attempts to draw a point in a district before its inside point is taken."""

_M_PER_ROOT_TRANSFORMER = 290.0
"""Largest radius of a service area is this times the root of its transformers: 1.0 km for 12."""

_SIDE_SHARE = 0.85
"""Share of the way to the nearest side of its cell that a service area may reach."""

_FEW_CELLS = 64
_FEEDERS_PER_SUBSTATION_FEW, _FEEDERS_PER_SUBSTATION_MANY = 4, 8
"""Neighbouring cells that share a substation: fewer where the cells are kilometres wide."""


@dataclass(frozen=True, eq=False)
class Feeders:
    """Feeders in the region's plane.

    Attributes
    ----------
    x_m, y_m : (F,) arrays
        Middle of each service area; on land.
    radius_m : (F,) array
        Radius of each service area.
    cell_m : (F, 4) array
        West, east, south and north side of the cell that holds the service area; infinite where it has no neighbour.
    angle_rad : (F,) array
        Direction of the streets, anticlockwise from east.
    substation : (F,) array
        Index of the substation.
    substation_lon, substation_lat : (S,) arrays
        Degrees, rounded; on land.
    """

    x_m: FloatArray
    y_m: FloatArray
    radius_m: FloatArray
    cell_m: FloatArray
    angle_rad: FloatArray
    substation: IntArray
    substation_lon: FloatArray
    substation_lat: FloatArray

    def __len__(self) -> int:
        """Count the feeders."""
        return len(self.x_m)


def level_of(num_feeders: int) -> int:
    """Return the number of times that the people are halved: the smallest with a cell for each feeder."""
    return (num_feeders - 1).bit_length()


def place_feeders(
    region: Region, num_feeders: int, transformers_per_feeder: int, streams: Streams, scratch: Scratch | None = None
) -> Feeders:
    """Give each feeder a cell of the region that holds as many people as any other.

    Points are drawn where people live. They are halved again and again, across the longer side, until there are
    2**level cells with the same number of points; feeders take cells in a drawn order. So cells do not overlap, lie
    denser where more people live, and stay as they are while the number of feeders stays within one power of two.

    Parameters
    ----------
    region : Region
    num_feeders, transformers_per_feeder : int
    streams : Streams
    scratch : Scratch, optional
        Where the points lie.

    Returns
    -------
    Feeders
    """
    level, scratch = level_of(num_feeders), scratch or Scratch()
    count = 2**level
    per_cell = 32 if level <= 12 else 8
    lon, lat = _where_people_live(region, count * per_cell, level, streams, scratch)
    x_m, y_m = scratch.zeros(len(lon)), scratch.zeros(len(lon))
    for part in spans(len(lon)):
        x_m[part], y_m[part] = region.plane.to_m(lon[part], lat[part])
    groups, cells = _halve(x_m, y_m, level, scratch)
    reach = _M_PER_ROOT_TRANSFORMER * np.sqrt(transformers_per_feeder)
    seed, side = _middle_points(x_m, y_m, groups, cells, reach)
    # One radius serves the quarter of the cells that are tightest and all wider ones: clusters look alike.
    radius = np.minimum(_SIDE_SHARE * np.minimum(side, reach), max(_lower_quartile(side), 1.0))
    order = streams.of(Stage.FEEDER_PLACE, level, _ROUNDS + 1).permutation(count)[:num_feeders]
    substation, points = _substations(x_m, y_m, groups, order)
    angle = street_angle_rad(num_feeders, streams)
    return Feeders(
        x_m[seed][order], y_m[seed][order], radius[order], cells[order], angle, substation, lon[points], lat[points]
    )


def street_angle_rad(num_feeders: int, streams: Streams) -> FloatArray:
    """Draw the direction of each feeder's streets, anticlockwise from east, (F,)."""
    return streams.uniform(Stage.FEEDER_PLACE, 0, num_feeders, 1, 0, 0)[:, 0] * (np.pi / 2)


def _lower_quartile(values: FloatArray) -> float:
    # np.quantile imports numpy.ma, which costs more than the whole of this module.
    return float(np.sort(values)[(len(values) - 1) // 4])


def _where_people_live(
    region: Region, count: int, level: int, streams: Streams, scratch: Scratch
) -> tuple[FloatArray, FloatArray]:
    """Draw points on land, as many in a district as its share of the weight, evenly within it."""
    boxes, area, owner = compact_boxes(region.polygons)
    weight = region.weights[owner] * area / np.bincount(owner, weights=area)[owner]
    total, last = np.cumsum(weight), _last_with_people(weight)
    lon, lat = scratch.zeros(count), scratch.zeros(count)
    chosen, left = scratch.zeros(count, np.int64), scratch.zeros(count, np.int64)
    ladder = streams.of(Stage.FEEDER_PLACE, level, _ROUNDS)
    for part in spans(count):
        left[part] = np.arange(part.start, part.stop)
        rung = (left[part] + ladder.random(part.stop - part.start)) / count
        chosen[part] = np.minimum(np.searchsorted(total, rung * total[-1], side="right"), last)
        lon[part], lat[part] = region.points[owner[chosen[part]]].T
    for attempt in range(_ROUNDS):
        drawn, waiting, count = streams.of(Stage.FEEDER_PLACE, level, attempt), count, 0
        for part in spans(waiting):
            point = left[part].copy()
            unit, box = drawn.random((len(point), 2)), chosen[point]
            west, south, east, north = boxes[box].T
            x = round_deg(west + unit[:, 0] * (east - west))
            y = round_deg(south + unit[:, 1] * (north - south))
            inside = shapely.contains_xy(region.polygons[owner[box]], x, y)
            lon[point[inside]], lat[point[inside]] = x[inside], y[inside]
            outside = point[~inside]
            left[count : count + len(outside)] = outside
            count += len(outside)
        if count == 0:
            break
    return lon, lat


def _last_with_people(weights: FloatArray) -> int:
    return int(np.flatnonzero(weights)[-1])


def _halve(x_m: FloatArray, y_m: FloatArray, level: int, scratch: Scratch) -> tuple[IntArray, FloatArray]:
    """Halve points ``level`` times across their longer side.

    Returns
    -------
    groups : (2**level, n) array
        Point indices by cell; siblings are neighbours in the array.
    cells : (2**level, 4) array
        West, east, south and north side in metres.
    """
    groups: IntArray = scratch.zeros((1, len(x_m)), np.int64)
    for part in spans(len(x_m)):
        groups[0, part] = np.arange(part.start, part.stop)
    cells = np.array([[-np.inf, np.inf, -np.inf, np.inf]])
    for _ in range(level):
        wide, middle = np.empty(len(groups), dtype=bool), np.empty(len(groups))
        for part in spans(*groups.shape):
            groups[part], wide[part], middle[part] = _in_order(x_m, y_m, groups[part])
        cells = np.repeat(cells, 2, axis=0)
        low, high = cells[::2], cells[1::2]
        low[:, 1] = np.where(wide, middle, low[:, 1])
        high[:, 0] = np.where(wide, middle, high[:, 0])
        low[:, 3] = np.where(wide, low[:, 3], middle)
        high[:, 2] = np.where(wide, high[:, 2], middle)
        groups = groups.reshape(2 * len(groups), -1)
    return groups, cells


def _in_order(x_m: FloatArray, y_m: FloatArray, groups: IntArray) -> tuple[IntArray, BoolArray, FloatArray]:
    """Order the points of each group, (C, n), along its longer side; say which are wider than high, and the middle."""
    along, y = x_m[groups], y_m[groups]
    wide = np.ptp(along, axis=1) >= np.ptp(y, axis=1)
    np.copyto(along, y, where=~wide[:, None])
    del y
    order = np.argsort(along, axis=1, kind="stable")
    half = groups.shape[1] // 2
    middle = np.take_along_axis(along, order[:, half - 1 : half + 1], axis=1).mean(axis=1)
    return np.take_along_axis(groups, order, axis=1), wide, middle


def _middle_points(
    x_m: FloatArray, y_m: FloatArray, groups: IntArray, cells: FloatArray, reach_m: float
) -> tuple[IntArray, FloatArray]:
    """Choose in each cell the point that has most room to the sides, up to ``reach_m``; among equals the most central.

    Returns
    -------
    point : (C,) array of indices
    side_m : (C,) array
        Its distance to the nearest side of the cell, at most ``reach_m``.
    """
    point, room = np.empty(len(groups), dtype=np.int64), np.empty(len(groups))
    for part in spans(*groups.shape):
        own = groups[part]
        x, y = x_m[own], y_m[own]
        west, east, south, north = cells[part].T[:, :, None]
        side = np.minimum.reduce([x - west, east - x, y - south, north - y, np.full_like(x, reach_m)])
        off_centre = _off_centre(x, y)
        most = side.max(axis=1, keepdims=True)
        best = np.argmin(np.where(side >= most, off_centre, np.inf), axis=1)[:, None]
        point[part], room[part] = np.take_along_axis(own, best, axis=1)[:, 0], most[:, 0]
    return point, room


def _off_centre(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return how far each point is from the mean of its group; (C, n)."""
    off: FloatArray = np.hypot(x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True))
    return off


def _substations(x_m: FloatArray, y_m: FloatArray, groups: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Give neighbouring cells one substation, at the populated point nearest to their middle.

    Returns
    -------
    substation : (F,) array
        Index of each feeder's substation, numbered in the order of their first feeders.
    point : (S,) array
        Index of the point where each substation stands.
    """
    count = len(groups)
    together = min(count, _FEEDERS_PER_SUBSTATION_FEW if count <= _FEW_CELLS else _FEEDERS_PER_SUBSTATION_MANY)
    areas, first, inverse = np.unique(order // together, return_index=True, return_inverse=True)
    by_first = np.argsort(first)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(by_first))
    areas, point = areas[by_first], np.empty(len(areas), dtype=np.int64)
    together_points = groups.reshape(count // together, -1)
    for part in spans(len(areas), together_points.shape[1]):
        members = together_points[areas[part]]
        nearest = np.argmin(_off_centre(x_m[members], y_m[members]), axis=1)[:, None]
        point[part] = np.take_along_axis(members, nearest, axis=1)[:, 0]
    return rank[inverse], point
