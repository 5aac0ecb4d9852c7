"""Some cells of a column of many pieces, of which the others are not touched."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ghostload.streams import FloatArray, IntArray

Rows = slice | IntArray
"""A span of rows, or rows in any order."""


def cells_at(column: pa.ChunkedArray, rows: Rows, kind: pa.DataType) -> pa.Array:
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
    found = cells_at(column, rows, pa.float64())
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)
