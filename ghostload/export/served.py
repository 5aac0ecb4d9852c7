"""Which meters each transformer serves, of as many meters as there are, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.dataset import Dataset
from ghostload.export.cells import BATCH_ROWS
from ghostload.scratch import Scratch, let_go
from ghostload.streams import IntArray

_LOOKED_UP = 1 << 18
"""Meters whose transformers are looked up at once: each time, all transformers are entered into a table first."""
MOST_METERS = 1 << 16
"""Meters of the transformers of one span, unless one transformer has more."""
_ROW_BITS = 32


class Served:
    """The meters of each transformer, in the order of their tables.

    Parameters
    ----------
    dataset : Dataset
    scratch : Scratch, optional
        Holds 8 bytes a meter.

    Attributes
    ----------
    counts : (transformers,) array of int
        How many meters each serves. Meters without a transformer in the table are in none.
    """

    def __init__(self, dataset: Dataset, scratch: Scratch | None = None) -> None:
        of_meter = dataset.tables["meters"]["transformer_id"]
        known = dataset.tables["transformers"]["transformer_id"].cast(pa.string())
        self.counts = np.zeros(len(known), dtype=np.int64)
        keys, done = (scratch or Scratch()).zeros(len(of_meter), np.int64), 0
        for start in range(0, len(of_meter), _LOOKED_UP):
            found = pc.index_in(of_meter.slice(start, _LOOKED_UP), value_set=known)
            owner = np.asarray(pc.fill_null(found, -1), dtype=np.int64)
            there = np.flatnonzero(owner >= 0)
            self.counts += np.bincount(owner[there], minlength=len(known))
            keys[done : done + len(there)] = owner[there] << _ROW_BITS | (start + there)
            done += len(there)
            let_go()
        self._keys = keys[:done]
        self._keys.sort()

    def spans(self) -> Iterator[tuple[int, int, IntArray]]:
        """Yield all transformers, some at a time.

        Yields
        ------
        first, last : int
            The transformers ``first .. last - 1``, whose meters are few.
        rows : array of int
            Rows of their meters, transformer by transformer, ascending within each.
        """
        ends = np.append(0, np.cumsum(self.counts))
        first = 0
        while first < len(self.counts):
            last = int(np.searchsorted(ends, ends[first] + MOST_METERS, side="right")) - 1
            last = min(max(last, first + 1), first + BATCH_ROWS, len(self.counts))
            yield first, last, self._keys[ends[first] : ends[last]] & ((1 << _ROW_BITS) - 1)
            let_go()
            first = last
