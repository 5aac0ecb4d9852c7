"""Tables of many rows, made some rows at a time."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ghostload.scratch import Scratch, let_go
from ghostload.streams import spans


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
    table = scratch.table()
    for part in spans(max(count, 1), each):
        table.add(piece(part.start, min(part.stop, count)))
        let_go()
    return table.whole()
