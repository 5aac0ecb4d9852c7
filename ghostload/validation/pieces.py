"""Tables a piece at a time, so that what a check holds does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ghostload.scratch import let_go
from ghostload.streams import BoolArray, spans
from ghostload.validation.finding import MAX_IDS


def pieces(count: int) -> Iterator[slice]:
    """Yield spans of rows that follow each other, on whose length no finding depends; at least one, perhaps empty.

    After each, files that tables lie in are let go.
    """
    for part in spans(max(count, 1)):
        yield slice(part.start, min(part.stop, count))
        let_go()


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
