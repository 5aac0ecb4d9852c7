"""Where the transformers stand: on the street corners of their feeder's service area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams
from ghostload.territory.feeders import Feeders
from ghostload.territory.region import Region

_CORNERS_PER_TRANSFORMER = 1.6
"""Street corners of a cluster, for each transformer that takes one."""

_TIGHTEST = 0.25
"""Radius of a cluster at clustering strength 1, as a share of the service area's."""

_BLOCK_M = 30.0
"""Street corners are not nearer to each other than this where the service area has room."""

_JITTER = 0.15
"""Largest shift off the corner, as a share of the distance between corners."""

_HALVINGS = 12
"""Times that a grid is made finer where land is too small for it."""

_FEW_PLACES = 64

_SLOTS_AT_ONCE = 131_072
"""Grid positions that are looked at together. Not part of the data."""


@dataclass(frozen=True, eq=False)
class Transformers:
    """Transformers in degrees.

    Attributes
    ----------
    lon, lat : (T,) arrays
        Rounded; on land.
    feeder : (T,) array of feeder indices
    barangay : (T,) array of district indices
    """

    lon: FloatArray
    lat: FloatArray
    feeder: IntArray
    barangay: IntArray


def place_transformers(
    region: Region,
    feeders: Feeders,
    num_transformers: int,
    transformers_per_feeder: int,
    clustering_strength: float,
    streams: Streams,
    scratch: Scratch | None = None,
) -> Transformers:
    """Stand the transformers of each feeder in one cluster about its middle.

    A square grid of street corners, turned to the feeder's streets, lies over the service area. Those on land and
    within the feeder's cell that are nearest to its middle are the cluster; transformers take them in a drawn order and
    stand a little off. Transformer ``t`` hangs on feeder ``t // transformers_per_feeder``, and its place depends on its
    number and its feeder alone.

    Parameters
    ----------
    region : Region
    feeders : Feeders
    num_transformers, transformers_per_feeder : int
    clustering_strength : float
        0: the cluster fills the service area; 1: its radius is a quarter of that.
    streams : Streams
    scratch : Scratch, optional
        Where the results lie.

    Returns
    -------
    Transformers
    """
    scratch, each = scratch or Scratch(), transformers_per_feeder
    lon, lat = scratch.zeros(num_transformers), scratch.zeros(num_transformers)
    feeder, barangay = scratch.zeros(num_transformers, np.int64), scratch.zeros(num_transformers, np.int64)
    # A huge feeder gets no more places than it could need; a power of two, so that few more change nothing.
    per = min(each, max(_FEW_PLACES, 1 << (num_transformers - 1).bit_length()))
    spacing = _spacing_m(feeders.radius_m, per, clustering_strength)
    step = max(1, _SLOTS_AT_ONCE // len(_grid(per)))
    for start in range(0, len(feeders), step):
        which = np.arange(start, min(start + step, len(feeders)))
        corner = _corners(region, feeders, which, per, spacing, streams)
        number = np.arange(start * each, min((start + len(which)) * each, num_transformers))
        part = slice(start * each, start * each + len(number))
        feeder[part] = number // each
        place = corner[feeder[part] - start, number % each]
        lon[part], lat[part] = _step_aside(region, number, place, spacing[feeder[part]], streams)
        barangay[part] = region.district_of(lon[part], lat[part])
    return Transformers(lon, lat, feeder, barangay)


def _corners(
    region: Region, feeders: Feeders, which: IntArray, per: int, spacing: FloatArray, streams: Streams
) -> FloatArray:
    """Return the corners that the transformers of some feeders take, (n, per, 2); narrows ``spacing`` where it must."""
    corner = np.empty((len(which), per, 2))
    pending = np.arange(len(which))
    for _ in range(_HALVINGS):
        own = which[pending]
        corner[pending], enough = _taken_corners(region, feeders, own, per, spacing, streams)
        pending = pending[~enough]
        if len(pending) == 0:
            break
        spacing[which[pending]] /= 2
    own = which[pending]
    corner[pending] = np.stack([feeders.x_m[own], feeders.y_m[own]], axis=1)[:, None, :]
    return corner


def _spacing_m(radius_m: FloatArray, per: int, strength: float) -> FloatArray:
    """Distance between street corners, so that a cluster fills a disc of the radius that the strength asks for."""
    corners = np.ceil(_CORNERS_PER_TRANSFORMER * per)
    share = 1.0 - (1.0 - _TIGHTEST) * strength
    full = radius_m * np.sqrt(np.pi / corners)
    return np.asarray(np.maximum(full * share, np.minimum(full, _BLOCK_M)))


def _grid(per: int) -> IntArray:
    """Return a square of grid positions about zero, four times as many as there are transformers; (G, 2)."""
    half = int(np.ceil(np.sqrt(4 * per) / 2)) + 1
    side = np.arange(-half, half + 1)
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def _taken_corners(
    region: Region, feeders: Feeders, which: IntArray, per: int, spacing: FloatArray, streams: Streams
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the corners of some feeders, (n, per, 2), and which grids have enough corners on land, (n,)."""
    grid = _grid(per)
    drawn = _draw_grids(which, per, 2 + len(grid), streams)
    local = (grid[None] + drawn[:, None, :2] - 0.5) * spacing[which, None, None]
    x, y = _turn(local[..., 0], local[..., 1], feeders.angle_rad[which, None])
    x, y = x + feeders.x_m[which, None], y + feeders.y_m[which, None]
    west, east, south, north = feeders.cell_m[which].T[:, :, None]
    gap = spacing[which, None] * (_JITTER + 0.25)
    fits = (x > west + gap) & (x < east - gap) & (y > south + gap) & (y < north - gap)
    lon, lat = region.plane.to_deg(x, y)
    fits[fits] = region.contains(lon[fits], lat[fits])
    away = np.where(fits, np.hypot(local[..., 0], local[..., 1]), np.inf)
    order = np.argsort(away, axis=1, kind="stable")[:, : int(np.ceil(_CORNERS_PER_TRANSFORMER * per))]
    chosen = np.take_along_axis(fits, order, axis=1)
    lot = np.where(chosen, np.take_along_axis(drawn[:, 2:], order, axis=1), np.inf)
    taken = np.take_along_axis(order, np.argsort(lot, axis=1, kind="stable")[:, :per], axis=1)
    corner = np.stack([np.take_along_axis(at, taken, axis=1) for at in (x, y)], axis=-1)
    return corner, np.asarray(chosen.sum(axis=1) >= per)


def _draw_grids(which: IntArray, per: int, width: int, streams: Streams) -> FloatArray:
    """Draw ``width`` uniform numbers for each feeder; large grids one feeder at a time, to spare memory."""
    if per <= _FEW_PLACES:
        first, last = int(which[0]), int(which[-1])
        return streams.uniform(Stage.TRANSFORMER_PLACE, first, last + 1, width, 0, per)[which - first]
    return np.stack([streams.of(Stage.TRANSFORMER_PLACE, 2, per, int(feeder)).random(width) for feeder in which])


def _step_aside(
    region: Region, number: IntArray, place: FloatArray, spacing: FloatArray, streams: Streams
) -> tuple[FloatArray, FloatArray]:
    """Shift transformers of consecutive numbers a little off their corners, unless off the land; return lon, lat."""
    drawn = streams.uniform(Stage.TRANSFORMER_PLACE, int(number[0]), int(number[-1]) + 1, 2, 1)
    shift = (2 * drawn - 1) * _JITTER * spacing[:, None]
    lon, lat = region.plane.to_deg(place[:, 0] + shift[:, 0], place[:, 1] + shift[:, 1])
    wet: NDArray[np.bool_] = ~region.contains(lon, lat)
    lon[wet], lat[wet] = region.plane.to_deg(place[wet, 0], place[wet, 1])
    return lon, lat


def _turn(x: FloatArray, y: FloatArray, angle_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn anticlockwise."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return cos * x - sin * y, sin * x + cos * y
