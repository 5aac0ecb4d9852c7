"""Checks of the feeders: each in one place, apart from each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
import shapely

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import METERS_PER_DEGREE, Context
from ghostload.validation.finding import Finding, Severity, warning
from ghostload.validation.pieces import pieces

MOST_OVERLAP = 0.35
"""Share of the feeders' hulls that may lie over each other: neighbours touch, but do not serve the same area."""
MOST_INTERLEAVED = 0.35
"""Share of transformers that may stand in another feeder's hull."""
WIDEST = 4.0
"""A feeder's hull may be so many times its fair share of the territory, which is 1 / feeders of it."""
FARTHEST = 4.0
"""A transformer may stand so many times as far from its feeder's middle as half of the feeder's transformers do."""
FAR_ENOUGH_KM = 1.0
"""Below this no transformer is far from its feeder's middle, whatever the others do."""
_HULLS = 64
"""Hulls that are compared with all others at once."""
Geometries = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(frozen=True)
class Feeders:
    """Where the feeders' transformers stand, in a local plane.

    Attributes
    ----------
    names : (F,) tuple of str
    of : (P,) array of int
        Feeder of each placed transformer.
    rows : (P,) array of int
        Its row in the transformers table.
    x_km, y_km : (P,) arrays
    hulls : (F,) array of shapely geometries
    """

    names: tuple[str, ...]
    of: IntArray
    rows: IntArray
    x_km: FloatArray
    y_km: FloatArray
    hulls: Geometries


def _feeders(context: Context) -> Feeders:
    def make() -> Feeders:
        encoded = pc.dictionary_encode(context.text("transformers", "feeder_id"))
        index = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int64)
        lat, lon = context.numbers("transformers", "lat"), context.numbers("transformers", "lon")
        rows = np.flatnonzero((index >= 0) & np.isfinite(lat) & np.isfinite(lon))
        rows = rows[np.argsort(index[rows], kind="stable")]
        names = encoded.dictionary.to_pylist()
        middle = np.cos(np.radians(lat[rows].mean())) if len(rows) else 1.0
        x, y = lon[rows] * METERS_PER_DEGREE * middle / 1000, lat[rows] * METERS_PER_DEGREE / 1000
        present, of = np.unique(index[rows], return_inverse=True)
        hulls = _hulls(x, y, of, len(present))
        return Feeders(tuple(names[i] for i in present), of.astype(np.int64), rows, x, y, hulls)

    return context.keep("feeders", make)


def _hulls(x: FloatArray, y: FloatArray, of: IntArray, count: int) -> Geometries:
    """Return the convex hull of each feeder's points, of some feeders at once; points stand feeder by feeder."""
    hulls = np.empty(count, dtype=object)
    last = np.searchsorted(of, np.arange(count), "right")
    turns = np.searchsorted(last, [rows.stop for rows in pieces(len(of))]) + 1
    for start, stop in zip([0, *turns], np.minimum(turns, count), strict=False):
        if stop > start:
            points = slice(last[start - 1] if start else 0, last[stop - 1])
            group = shapely.multipoints(np.column_stack([x[points], y[points]]), indices=of[points] - start)
            hulls[start:stop] = shapely.convex_hull(group)
    return hulls


@register(subject="feeders", severities=(Severity.WARNING,))
def feeders_are_apart(context: Context) -> Iterable[Finding]:
    """Check that feeders serve areas of their own: their hulls hardly overlap, their transformers do not interleave."""
    feeders = _feeders(context)
    areas = shapely.area(feeders.hulls)
    if len(feeders.names) < 2 or not areas.sum() > 0:
        return
    foreign = _in_foreign_hull(feeders)
    share = float(foreign.mean())
    if share <= MOST_INTERLEAVED and _overlaps_at_most(feeders.hulls, MOST_OVERLAP * areas.sum()):
        return
    overlap = 1.0 - float(shapely.area(shapely.union_all(feeders.hulls)) / areas.sum())
    if overlap <= MOST_OVERLAP and share <= MOST_INTERLEAVED:
        return
    mask = np.zeros(context.num_transformers, dtype=np.bool_)
    mask[feeders.rows[foreign]] = True
    message = (
        f"feeders interleave: {share:.0%} of the transformers stand in the hull of another feeder, "
        f"{overlap:.0%} of the hulls' area lies over each other"
    )
    cure = "let a feeder serve transformers that are neighbours"
    ids, count = context.names("transformers", mask), int(mask.sum())
    yield warning(message, cure, table="transformers", column="feeder_id", ids=ids, count=count)


def _overlaps_at_most(hulls: Geometries, area: float) -> bool:
    """Whether the areas that two hulls share add up to so little; more than that cannot lie over each other.

    It takes less time and memory than the union of all hulls does.
    """
    tree, shared = shapely.STRtree(hulls), 0.0
    for start in range(0, len(hulls), _HULLS):
        one, other = tree.query(hulls[start : start + _HULLS], predicate="intersects")
        one, other = one[one + start < other] + start, other[one + start < other]
        shared += float(shapely.area(shapely.intersection(hulls[one], hulls[other])).sum())
        if shared > area:
            return False
    return True


def _in_foreign_hull(feeders: Feeders) -> BoolArray:
    """Return for each placed transformer whether it stands inside the hull of a feeder that is not its own."""
    foreign = np.zeros(len(feeders.of), dtype=np.bool_)
    for rows in pieces(len(foreign)):
        points = np.asarray(shapely.points(feeders.x_km[rows], feeders.y_km[rows]))
        hull, point = shapely.STRtree(points).query(feeders.hulls, predicate="contains")
        foreign[rows.start + point[hull != feeders.of[rows][point]]] = True
    return foreign


@register(subject="feeders", severities=(Severity.WARNING,))
def feeders_are_compact(context: Context) -> Iterable[Finding]:
    """Check that a feeder covers a small part of the territory, with no transformer far from the others."""
    feeders = _feeders(context)
    count = len(feeders.names)
    if not count:
        return
    outline = shapely.convex_hull(shapely.multipoints(shapely.get_coordinates(feeders.hulls)))
    territory = float(shapely.area(outline))
    areas = shapely.area(feeders.hulls)
    wide = areas > WIDEST / count * territory
    if count > WIDEST and wide.any():
        message = f"{int(wide.sum())} feeders cover more than {WIDEST / count:.0%} of the territory each"
        cure = "let a feeder serve transformers that are neighbours"
        wide_ones = [feeders.names[i] for i in np.flatnonzero(wide)]
        yield warning(message, cure, table="transformers", column="feeder_id", ids=wide_ones)
    far = _far_from_the_middle(feeders)
    if far.any():
        mask = np.zeros(context.num_transformers, dtype=np.bool_)
        mask[feeders.rows[far]] = True
        message = f"{int(far.sum())} transformers stand far from the others of their feeder"
        cure = "hang them on a nearer feeder, or correct their coordinates"
        ids = context.names("transformers", mask)
        yield warning(message, cure, table="transformers", column="feeder_id", ids=ids, count=int(far.sum()))


def _far_from_the_middle(feeders: Feeders) -> BoolArray:
    """Return for each placed transformer whether it is much farther from its feeder's middle than half of them."""
    size = np.bincount(feeders.of)
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    x, y = (_median_by(values, feeders.of, starts, size) for values in (feeders.x_km, feeders.y_km))
    distance = np.hypot(feeders.x_km - x[feeders.of], feeders.y_km - y[feeders.of])
    typical = _median_by(distance, feeders.of, starts, size)
    limit = np.maximum(FARTHEST * typical, FAR_ENOUGH_KM)
    return np.asarray((distance > limit[feeders.of]) & (size[feeders.of] >= 4))


def _median_by(values: FloatArray, group: IntArray, starts: IntArray, size: IntArray) -> FloatArray:
    """Return the lower median of each group; groups stand one after the other."""
    ordered = values[np.lexsort((values, group))]
    return np.asarray(ordered[starts + (size - 1) // 2])
