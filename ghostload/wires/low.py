"""Low voltage: poles along the main street and the side streets of each transformer, and the drops to the houses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.streams import FloatArray, IntArray
from ghostload.territory.meters import BLOCK_SHARE, SETBACK_SHARE

_FINEST_BLOCK_M = 20.0
"""Side streets nearer to each other than this share their poles."""


@dataclass(frozen=True, eq=False)
class StreetGrid:
    """Distances of poles: along the main street, from side street to side street (a multiple), and in side streets."""

    along_m: float
    per_block: int
    across_m: float
    setback_m: float

    @classmethod
    def of(cls, service_radius_m: float, span_m: float) -> StreetGrid:
        """Fit the poles into the blocks of the territory's streets, no two further apart than ``span_m``."""
        block = BLOCK_SHARE * service_radius_m
        setback = SETBACK_SHARE[1] * service_radius_m
        if block < _FINEST_BLOCK_M:
            return cls(span_m, 1, span_m, setback)
        per = int(np.ceil(block / span_m))
        return cls(block / per, per, span_m, setback)


@dataclass(frozen=True, eq=False)
class Poles:
    """Poles of all transformers, in the order of transformers, each after the one before it on the way; P of them.

    Attributes
    ----------
    transformer : (P,) array
    x_m, y_m : (P,) arrays
        From the transformer, along and across the main street.
    parent : (P,) array
        Pole before it; -1 for the transformer's low-voltage terminals.
    depth : (P,) array
        Spans from the terminals.
    span_m : (P,) array
        Length to the parent.
    meter_pole : (N,) array
        Pole that serves each meter; -1 for the terminals.
    meter_x_m, meter_y_m : (N,) arrays
        From the transformer.
    """

    transformer: IntArray
    x_m: FloatArray
    y_m: FloatArray
    parent: IntArray
    depth: IntArray
    span_m: FloatArray
    meter_pole: IntArray
    meter_x_m: FloatArray
    meter_y_m: FloatArray


def street_poles(x_m: FloatArray, y_m: FloatArray, home: IntArray, transformers: int, grid: StreetGrid) -> Poles:
    """Put up the poles that the service points need.

    Every pole stands on the main street (row 0) or in a side street that leaves it at a column. Mains run from the
    transformer both ways along the main street as far as the last side street or house that needs them, and into each
    side street on either side as far as its last house.

    Parameters
    ----------
    x_m, y_m : (N,) arrays
        Service points from their transformer, along and across its main street.
    home : (N,) array of transformer indices
    transformers : int
    grid : StreetGrid
    """
    column, row = _cells(x_m, y_m, grid)
    # Main streets: one group each for the two directions of every transformer.
    reach = np.zeros(2 * transformers, dtype=np.int64)
    np.maximum.at(reach, 2 * home + (column < 0), np.abs(column))
    main_group, main_k = _expanded(reach)
    main_start = np.cumsum(reach) - reach
    # Side streets: one group for each side of each column that has houses.
    side = np.flatnonzero(row != 0)
    widest = int(np.abs(column).max(initial=0)) + 1
    key = ((home[side] * (2 * widest + 1)) + column[side] + widest) * 2 + (row[side] < 0)
    groups, member = np.unique(key, return_inverse=True)
    depth = np.zeros(len(groups), dtype=np.int64)
    np.maximum.at(depth, member, np.abs(row[side]))
    side_group, side_k = _expanded(depth)
    side_start = np.cumsum(depth) - depth
    group_home, group_column = groups // 2 // (2 * widest + 1), groups // 2 % (2 * widest + 1) - widest

    def main_pole(of: IntArray, at: IntArray) -> IntArray:
        return np.where(at == 0, -1, main_start[2 * of + (at < 0)] + np.abs(at) - 1)

    count = len(main_k)
    owner = np.concatenate([main_group // 2, group_home[side_group]])
    main_column = np.where(main_group % 2, -main_k, main_k)
    parent = np.concatenate(
        [
            np.where(main_k == 1, -1, np.arange(count) - 1),
            np.where(
                side_k == 1,
                main_pole(group_home[side_group], group_column[side_group]),
                count + np.arange(len(side_k)) - 1,
            ),
        ]
    )
    columns = np.concatenate([main_column, group_column[side_group]])
    rows = np.concatenate([np.zeros(count, dtype=np.int64), np.where(groups[side_group] % 2, -side_k, side_k)])
    meter_pole = main_pole(home, column)
    meter_pole[side] = count + side_start[member] + np.abs(row[side]) - 1
    order = np.argsort(owner, kind="stable")
    place = np.append(np.empty_like(order), -1)
    place[order] = np.arange(len(order))
    span = np.where(rows == 0, grid.along_m, grid.across_m)
    return Poles(
        transformer=owner[order],
        x_m=columns[order] * grid.along_m,
        y_m=rows[order] * grid.across_m,
        parent=place[parent[order]],
        depth=(np.abs(columns) + np.abs(rows))[order],
        span_m=span[order],
        meter_pole=place[meter_pole],
        meter_x_m=x_m,
        meter_y_m=y_m,
    )


def _cells(x_m: FloatArray, y_m: FloatArray, grid: StreetGrid) -> tuple[IntArray, IntArray]:
    """Return column and row of the pole that serves each point: on the main street or at a side street."""
    row = np.rint(y_m / grid.across_m)
    in_side = (np.abs(y_m) > grid.setback_m * 1.01) & (row != 0)
    street = np.rint(x_m / (grid.along_m * grid.per_block)) * grid.per_block
    column = np.where(in_side, street, np.rint(x_m / grid.along_m))
    return column.astype(np.int64), np.where(in_side, row, 0).astype(np.int64)


def _expanded(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return for groups of given sizes the group of each member and its number in it, from 1."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
