"""Tables of many rows, made some rows at a time."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ghostload.scratch import Scratch, let_go

ROWS_AT_ONCE = 65_536
"""Rows of a piece; no part of the data."""


def in_pieces(piece: Callable[[int, int], pa.Table], count: int, scratch: Scratch, *, each: int = 1) -> pa.Table:
    """Return a table that is made piece by piece.

    Parameters
    ----------
    piece : callable (start, stop) -> pyarrow.Table
        Gives the rows of the entities ``start .. stop - 1``.
    count : int
        Entities in all.
    scratch : Scratch
        Keeps the pieces.
    each : int
        Rows of an entity.
    """
    table, step = scratch.table(), max(1, ROWS_AT_ONCE // each)
    for start in range(0, max(count, 1), step):
        table.add(piece(start, min(start + step, count)))
        let_go()
    return table.whole()
