"""Events as columns: which meter, which kind, when, with which parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.timing import Spans
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, IntArray

MAX_PARAMETERS = 4
"""Numbers that are drawn for each event, whatever its kind; a kind has at most as many parameters."""


@dataclass(frozen=True)
class Events:
    """E events, in the order of their meters.

    Attributes
    ----------
    meter : (E,) array of int
        Meter numbers.
    kind : (E,) array of int
        Position in ``kinds``.
    kinds : sequence of str
        Names of kinds.
    spans : Spans
    strength : (E,) array
    uniform : (E, MAX_PARAMETERS) array
        Draws that become the kind's parameters.
    partner : (E,) array of int, optional
        For a companion, the meter of its theft; -1 for others. Not given, there is no companion.
    """

    meter: IntArray
    kind: IntArray
    kinds: Sequence[str]
    spans: Spans
    strength: FloatArray
    uniform: FloatArray
    partner: IntArray | None = None

    def __len__(self) -> int:
        """Count of events."""
        return len(self.meter)

    def rows(self, chosen: BoolArray | IntArray) -> Events:
        """Return some of the events, by mask or by positions."""
        return Events(
            self.meter[chosen],
            self.kind[chosen],
            self.kinds,
            Spans(self.spans.start[chosen], self.spans.end[chosen]),
            self.strength[chosen],
            self.uniform[chosen],
            None if self.partner is None else self.partner[chosen],
        )

    @property
    def partners(self) -> IntArray:
        """Meter of the theft that each event goes with, -1 where there is none; (E,)."""
        return np.full(len(self), -1, dtype=np.int64) if self.partner is None else self.partner

    def of_meters(self, start: int, stop: int) -> Events:
        """Return the events of the meters ``start .. stop - 1``."""
        first, last = np.searchsorted(self.meter, [start, stop])
        return self.rows(np.arange(first, last))


class KeptEvents:
    """Events that are drawn for one span of meters after the other, and kept together.

    Parameters
    ----------
    scratch : Scratch
        Where they lie.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._rows = scratch.array()
        self._kinds: Sequence[str] = ()
        self._partners = False

    def add(self, events: Events) -> None:
        """Add the events of the meters after those before; the kinds are the same each time."""
        self._kinds, self._partners = events.kinds, events.partner is not None
        rows = np.empty(len(events), _ROW)
        rows["meter"], rows["kind"], rows["partner"] = events.meter, events.kind, events.partners
        rows["start"], rows["end"] = events.spans.start, events.spans.end
        rows["strength"], rows["uniform"] = events.strength, events.uniform
        self._rows.add(rows)

    def whole(self) -> Events:
        """Return all of them."""
        rows: NDArray[Any] = self._rows.whole()
        # One array holds all columns, each in one piece: so they lie in a file when they are large together.
        columns: FloatArray = self._scratch.zeros((_ROW.itemsize // 8, len(rows)))
        for name, column in zip(_NUMBERS, columns, strict=False):
            column.view(_ROW[name])[:] = rows[name]
        uniform = columns[len(_NUMBERS) :].reshape(len(rows), MAX_PARAMETERS)
        uniform[:] = rows["uniform"]
        meter, kind, partner = columns[:3].view(np.int64)
        start, end, strength = columns[3:6]
        return Events(
            meter, kind, self._kinds, Spans(start, end), strength, uniform, partner if self._partners else None
        )


_NUMBERS = ("meter", "kind", "partner", "start", "end", "strength")
_ROW = np.dtype(
    [
        *((name, np.int64) for name in _NUMBERS[:3]),
        *((name, np.float64) for name in _NUMBERS[3:]),
        ("uniform", np.float64, (MAX_PARAMETERS,)),
    ]
)


def join(parts: Sequence[Events]) -> Events:
    """Put events together in the order of meter, then start, then the kind's name."""
    kinds = tuple(sorted({name for part in parts for name in part.kinds}))
    meter = np.concatenate([part.meter for part in parts])
    start = np.concatenate([part.spans.start for part in parts])
    kind = np.concatenate([_renumbered(part, kinds) for part in parts])
    joined = Events(
        meter,
        kind,
        kinds,
        Spans(start, np.concatenate([part.spans.end for part in parts])),
        np.concatenate([part.strength for part in parts]),
        np.concatenate([part.uniform for part in parts]),
        np.concatenate([part.partners for part in parts]) if any(part.partner is not None for part in parts) else None,
    )
    return joined.rows(np.lexsort((kind, start, meter)))


def _renumbered(part: Events, kinds: tuple[str, ...]) -> IntArray:
    positions = np.array([kinds.index(name) for name in part.kinds], dtype=np.int64)
    return positions[part.kind] if len(part) else np.empty(0, dtype=np.int64)
