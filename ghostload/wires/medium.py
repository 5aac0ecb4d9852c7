"""Medium voltage: a tree over the transformers of each feeder, along streets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray

_STRAIGHT_M = 5.0
"""Two points that differ by less than this across the street are joined straight on, without a corner."""


@dataclass(frozen=True, eq=False)
class MediumTrees:
    """Trees of all feeders; slots 0 the substation, 1 .. n the transformers, n + 1 .. 2 n the corners before them.

    Attributes
    ----------
    x_m, y_m : (F, 2 n + 1) arrays
        Place of each slot in the frame it was given.
    parent : (F, 2 n + 1) array of slots
        -1 for substations and for corners that are not there.
    rank : (F, 2 n + 1) array
        Place in an order in which every slot follows its parent.
    """

    x_m: FloatArray
    y_m: FloatArray
    parent: IntArray
    rank: IntArray


def street_trees(x_m: FloatArray, y_m: FloatArray, path_weight: float) -> MediumTrees:
    """Join points to slot 0, one after the other, each by the cheapest right-angled route.

    The cost of a route is its own length plus ``path_weight`` times the length from there to the substation: between
    the shortest tree (0) and the shortest paths (1) [1]_. Routes may leave at corners, too.

    Parameters
    ----------
    x_m, y_m : (F, n + 1) arrays
        In a frame whose axes are the streets.
    path_weight : float

    References
    ----------
    .. [1] C. J. Alpert et al., "Prim-Dijkstra tradeoffs for improved performance-driven routing tree design", IEEE
       Trans. CAD, 1995. :doi:`10.1109/43.391737`
    """
    feeders, points = x_m.shape
    n = points - 1
    x, y = np.zeros((feeders, 2 * n + 1)), np.zeros((feeders, 2 * n + 1))
    x[:, :points], y[:, :points] = x_m, y_m
    parent = np.full((feeders, 2 * n + 1), -1, dtype=np.int64)
    rank = np.tile(np.arange(2 * n + 1, dtype=np.int64) * 4 * points, (feeders, 1))
    rank[:, 0] = 0
    path = np.zeros((feeders, 2 * n + 1))
    middle = x_m[:, 1:].mean(axis=1), y_m[:, 1:].mean(axis=1)
    reach = np.abs(x_m[:, 1:] - x_m[:, :1]) + np.abs(y_m[:, 1:] - y_m[:, :1])
    near = np.zeros((feeders, n), dtype=np.int64)
    cost = reach.copy()
    waits: NDArray[np.bool_] = np.ones((feeders, n), dtype=bool)
    f = np.arange(feeders)
    for step in range(n):
        chosen = np.argmin(np.where(waits, cost, np.inf), axis=1)
        waits[f, chosen] = False
        new, old, corner = chosen + 1, near[f, chosen], chosen + n + 1
        corner_x, corner_y, bent = _corner((x[f, old], y[f, old]), (x[f, new], y[f, new]), middle)
        x[f, corner], y[f, corner] = corner_x, corner_y
        parent[f, new] = np.where(bent, corner, old)
        parent[f, corner] = np.where(bent, old, -1)
        to_corner = np.abs(corner_x - x[f, old]) + np.abs(corner_y - y[f, old])
        path[f, corner] = path[f, old] + to_corner
        path[f, new] = path[f, old] + np.abs(x[f, new] - x[f, old]) + np.abs(y[f, new] - y[f, old])
        rank[f, corner], rank[f, new] = 2 * step + 1, 2 * step + 2
        for slot in (corner, new):
            away = np.abs(x_m[:, 1:] - x[f, slot][:, None]) + np.abs(y_m[:, 1:] - y[f, slot][:, None])
            other = away + path_weight * path[f, slot][:, None]
            better = other < cost
            if slot is corner:
                better &= bent[:, None]
            cost = np.where(better, other, cost)
            near = np.where(better, slot[:, None], near)
    return MediumTrees(x, y, parent, rank)


def _corner(
    old: tuple[FloatArray, FloatArray], new: tuple[FloatArray, FloatArray], middle: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return the corner of each route, of the two that is nearer to the middle of the load, and where there is one."""
    first = np.abs(new[0] - middle[0]) + np.abs(old[1] - middle[1])
    second = np.abs(old[0] - middle[0]) + np.abs(new[1] - middle[1])
    along = first <= second
    bent = np.minimum(np.abs(new[0] - old[0]), np.abs(new[1] - old[1])) >= _STRAIGHT_M
    return np.where(along, new[0], old[0]), np.where(along, old[1], new[1]), bent
