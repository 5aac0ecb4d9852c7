"""Tables a piece at a time, so that what a check holds does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.finding import MAX_IDS

PIECE = 16_384
"""Rows that are looked at at once. No finding depends on it."""

Rows = slice | IntArray
"""A span of rows, or rows in any order."""


def pieces(count: int) -> Iterator[slice]:
    """Yield spans of rows that follow each other; of a table without rows an empty one."""
    for start in range(0, max(count, 1), PIECE):
        yield slice(start, min(start + PIECE, count))


class Hits:
    """Rows of a table that something is wrong with.

    Attributes
    ----------
    count : int
    rows : list of int
        The first :data:`~ghostload.validation.finding.MAX_IDS` of them.
    """

    def __init__(self) -> None:
        self.count = 0
        self.rows: list[int] = []

    def add(self, rows: slice, bad: BoolArray) -> None:
        """Add those of a span; spans come in order."""
        count = int(np.count_nonzero(bad))
        if count:
            self.count += count
            room = MAX_IDS - len(self.rows)
            self.rows.extend((int(rows.start) + np.flatnonzero(bad)[:room]).tolist())

    def __bool__(self) -> bool:
        return self.count > 0


def cells(column: pa.ChunkedArray, rows: Rows, kind: pa.DataType) -> pa.Array:
    """Return some cells of a column as one array of a type; the other cells are not touched."""
    if isinstance(rows, slice):
        return one_array(column.slice(rows.start, rows.stop - rows.start).cast(kind))
    edges = np.cumsum([0, *(len(chunk) for chunk in column.chunks)])
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    cuts = np.searchsorted(ordered, edges).tolist()
    parts = [
        chunk.take(pa.array(ordered[low:high] - edge)).cast(kind)
        for chunk, edge, low, high in zip(column.chunks, edges.tolist(), cuts, cuts[1:], strict=False)
        if high > low
    ]
    joined = parts[0] if len(parts) == 1 else pa.concat_arrays([pa.array([], kind), *parts])
    if np.array_equal(ordered, rows):
        return joined
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return joined.take(pa.array(place))


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return the chunks as one array; of a single one nothing is copied."""
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) and joined.num_chunks else joined


def as_floats(column: pa.ChunkedArray, rows: Rows) -> FloatArray:
    """Return cells of a number column as float64, NaN for null."""
    found = cells(column, rows, pa.float64())
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)
