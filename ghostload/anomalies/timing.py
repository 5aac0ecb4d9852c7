"""When an event is on: months as fractions, counted from the start of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.streams import BoolArray, FloatArray


@dataclass(frozen=True)
class Spans:
    """Start and end of E events in months from the start of the data; both (E,) arrays, the end may be infinite."""

    start: FloatArray
    end: FloatArray

    def __len__(self) -> int:
        """Count of events."""
        return len(self.start)

    def rows(self, chosen: BoolArray) -> Spans:
        """Return some of the events."""
        return Spans(self.start[chosen], self.end[chosen])

    def touches(self, months: int) -> BoolArray:
        """Whether each event is on at some time of the data; shape (E,)."""
        return (self.start < months) & (self.end > 0.0)

    def active(self, months: int) -> FloatArray:
        """Share of each month in which the event is on; shape (E, months)."""
        month = np.arange(months, dtype=np.float64)
        overlap = np.minimum(month + 1.0, self.end[:, None]) - np.maximum(month, self.start[:, None])
        share: FloatArray = np.clip(overlap, 0.0, 1.0)
        return share

    def elapsed(self, months: int) -> FloatArray:
        """Months since the start, at the middle of each month, 0 before; shape (E, months)."""
        return np.maximum(0.0, np.arange(months) + 0.5 - self.start[:, None])

    def closing(self, months: int) -> BoolArray:
        """Whether each month is the one in which the event ends; shape (E, months)."""
        closing: BoolArray = np.arange(months) == self.last_month()[:, None]
        return closing

    def first_month(self) -> FloatArray:
        """Month in which each event starts, as an offset from the start of the data; shape (E,)."""
        return np.floor(self.start)

    def last_month(self) -> FloatArray:
        """Last month in which each event is on, infinite when it does not end; shape (E,)."""
        return np.ceil(self.end) - 1.0


def geometric_months(uniform: FloatArray, shortest: float, mean: float) -> FloatArray:
    """Return durations in months: the shortest, plus an exponential that brings the mean to the given one."""
    if np.isinf(mean):
        return np.full(uniform.shape, np.inf)
    return shortest - (mean - shortest) * np.log1p(-uniform)
