"""What all meters did month by month, kept for the work by feeder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import Part
from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits
from ghostload.simulation.rows import MeterRows, Rows
from ghostload.streams import FloatArray, IntArray

_HABITS = tuple(item.name for item in fields(Habits))


@dataclass(frozen=True)
class Months:
    """N meters over T months, with E events.

    Attributes
    ----------
    rows : MeterRows
        Of the type that :func:`row_type` gives: ``registered_kwh`` by month, the customer's habits, the own part of its
        reactive power, and ``demand_kwh``: what would be drawn without events where there are readings in time, else
        what was drawn.
    events : Events
    cut_wh, lost_wh : (E, T) arrays of int
        By month, how much less is drawn because of each event, and how much is not shown.
    """

    rows: MeterRows
    events: Events
    cut_wh: IntArray
    lost_wh: IntArray

    def part_of(self, meters: IntArray, rows: Rows, customers: Customers) -> Part:
        """Return what the hours of some meters follow from.

        Parameters
        ----------
        meters : (n,) array of int
            Ascending.
        rows : (n,) structured array
            Theirs.
        customers : Customers
            Of all meters.
        """
        event = positions_of(self.events.meter, meters)
        return Part(
            meters=meters,
            level_kwh=customers.level_kwh[meters],
            class_index=customers.class_index[meters].astype(np.int64),
            drawn_kwh=np.ascontiguousarray(rows["demand_kwh"]),
            events=self.events.rows(event),
            cut_wh=self.cut_wh[event],
            lost_wh=self.lost_wh[event],
        )


def row_type(months: int) -> np.dtype[Any]:
    """Return the type of a meter's row."""
    by_month = [(name, np.float64, (months,)) for name in ("demand_kwh", "registered_kwh")]
    return np.dtype([*by_month, ("habits", np.float64, (len(_HABITS),)), ("reactive", np.float64)])


def rows_of(demand_kwh: FloatArray, registered_kwh: FloatArray, habits: Habits, reactive: FloatArray) -> Rows:
    """Return the rows of n meters.

    Parameters
    ----------
    demand_kwh, registered_kwh : (n, T) arrays
    habits : Habits
    reactive : (n,) array
        As :func:`~ghostload.consumption.reactive.own_reactive` gives it.
    """
    made = np.zeros(len(reactive), row_type(demand_kwh.shape[1]))
    made["demand_kwh"], made["registered_kwh"], made["reactive"] = demand_kwh, registered_kwh, reactive
    made["habits"] = np.stack([getattr(habits, name) for name in _HABITS], axis=1)
    return made


def habits_in(rows: Rows) -> Habits:
    """Return the habits that some rows hold."""
    columns = {name: np.ascontiguousarray(rows["habits"][:, at]) for at, name in enumerate(_HABITS)}
    return Habits(**{**columns, "archetype": columns["archetype"].astype(np.int64)})


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
