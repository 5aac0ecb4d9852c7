"""What all meters did month by month, kept for the work by feeder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import Part
from ghostload.consumption.customers import Customers
from ghostload.streams import FloatArray, IntArray


@dataclass(frozen=True)
class Months:
    """N meters over T months, with E events.

    Attributes
    ----------
    drawn_kwh, true_kwh : (N, T) arrays
        What the customers would draw without events, and what they drew; without rows where nobody asks for it.
    registered_kwh : (T, N) array
        What their registers recorded.
    events : Events
    cut_wh, lost_wh : (E, T) arrays of int
        By month, how much less is drawn because of each event, and how much is not shown.
    """

    drawn_kwh: FloatArray
    true_kwh: FloatArray
    registered_kwh: FloatArray
    events: Events
    cut_wh: IntArray
    lost_wh: IntArray

    def part_of(self, meters: IntArray, customers: Customers) -> Part:
        """Return what the hours of some meters follow from.

        Parameters
        ----------
        meters : (n,) array of int
            Ascending.
        customers : Customers
            Of all meters.
        """
        event = positions_of(self.events.meter, meters)
        return Part(
            meters=meters,
            level_kwh=customers.level_kwh[meters],
            class_index=customers.class_index[meters],
            drawn_kwh=self.drawn_kwh[meters] if len(self.drawn_kwh) else self.true_kwh[meters],
            events=self.events.rows(event),
            cut_wh=self.cut_wh[event],
            lost_wh=self.lost_wh[event],
        )

    def registered_of(self, meters: IntArray) -> FloatArray:
        """Return the registered months of some meters, (n, T)."""
        return np.ascontiguousarray(self.registered_kwh[:, meters].T)


def positions_of(ascending: IntArray, wanted: IntArray) -> IntArray:
    """Return where in an ascending array the wanted values stand, all occurrences, in the order of ``wanted``."""
    first, last = np.searchsorted(ascending, wanted, "left"), np.searchsorted(ascending, wanted, "right")
    count = last - first
    found: IntArray = np.repeat(first - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
    return found


def blocks_of(meters: IntArray, block: int, count: int) -> Iterable[tuple[int, int]]:
    """Yield the spans ``start .. stop - 1`` of whole blocks that hold some of ``count`` meters, in order."""
    for number in np.unique(meters // block).tolist():
        yield number * block, min((number + 1) * block, count)
