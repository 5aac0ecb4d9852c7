"""What all meters did month by month, kept for the work by feeder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import Part
from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits
from ghostload.export.partial import unfinished
from ghostload.scratch import Scratch
from ghostload.simulation.rows import KeptRows, Rows, RowSource, SharedRows
from ghostload.streams import FloatArray, IntArray

_HABITS = tuple(item.name for item in fields(Habits))


@dataclass(frozen=True)
class Months:
    """N meters over T months, with E events.

    Attributes
    ----------
    rows : RowSource
        Of the type that :func:`row_type` gives: ``registered_kwh`` by month, the customer's habits, the own part of its
        reactive power, and ``demand_kwh``: what would be drawn without events where there are readings in time, else
        what was drawn.
    row_of_meter : (N,) array of int
        Place of each meter's row.
    events : Events
    effects : RowSource
        Of the events, of the type that :func:`effect_type` gives: ``cut_wh`` and ``lost_wh`` by month, how much less is
        drawn because of each event, and how much is not shown.
    """

    rows: RowSource
    row_of_meter: NDArray[np.int32]
    events: Events
    effects: RowSource

    @classmethod
    def shared(
        cls, rows: Path, effects: Path, row_of_meter: NDArray[np.int32], events: Events, months: int, key: str
    ) -> Months:
        """Return the months that another process keeps.

        Parameters
        ----------
        rows, effects : Path
            As :meth:`KeptMonths.share` gives them.
        row_of_meter : (N,) array of int
        events : Events
            Of all meters.
        months : int
            How many there are.
        key : str
            As it was given to :meth:`KeptMonths.share`.
        """
        return cls(
            SharedRows(rows, row_type(months), len(row_of_meter), key),
            row_of_meter,
            events,
            SharedRows(effects, effect_type(months), len(events), key),
        )

    def take(self, meters: IntArray) -> Rows:
        """Return the rows of some meters, in their order; threads may ask at once."""
        return self.rows.take(self.row_of_meter[meters].astype(np.int64))

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
        effects = self.effects.take(event)
        return Part(
            meters=meters,
            level_kwh=customers.level_kwh[meters],
            class_index=customers.class_index[meters].astype(np.int64),
            drawn_kwh=np.ascontiguousarray(rows["demand_kwh"]),
            events=self.events.rows(event),
            cut_wh=np.ascontiguousarray(effects["cut_wh"]),
            lost_wh=np.ascontiguousarray(effects["lost_wh"]),
        )


class KeptMonths:
    """Months as they are computed, to be closed when feeders are done with them.

    Parameters
    ----------
    events : Events
        Of all meters.
    row_of_meter : (N,) array of int
        Place of each meter's row; of no meters where nothing is kept of any.
    months : int
        How many there are.
    scratch : Scratch
        Where they lie.
    shared : bool
        Whether other processes will read them.

    Attributes
    ----------
    months : Months
    """

    def __init__(
        self,
        events: Events,
        row_of_meter: NDArray[np.int32],
        months: int,
        scratch: Scratch,
        *,
        shared: bool = False,
    ) -> None:
        with ExitStack() as stack:
            names = [unfinished(f"{part}-of-months") if shared else None for part in ("meters", "events")]
            self._rows = KeptRows(row_type(months), len(row_of_meter), scratch, names[0])
            stack.callback(self._rows.close)
            self._effects = KeptRows(effect_type(months), len(events), scratch, names[1])
            stack.pop_all()
        self.months = Months(self._rows, row_of_meter, events, self._effects)

    def put(self, start: int, rows: Rows, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the months of the meters from ``start`` on, and of their events ``cut_wh`` and ``lost_wh`` (E, T)."""
        places = self.months.row_of_meter[start : start + len(rows)]
        self._rows.put(places.astype(np.int64), rows)
        effects = np.zeros(len(arrays["cut_wh"]), self._effects.kind)
        effects["cut_wh"], effects["lost_wh"] = arrays["cut_wh"], arrays["lost_wh"]
        first = int(np.searchsorted(self.months.events.meter, start))
        self._effects.put(slice(first, first + len(effects)), effects)

    def share(self, key: str) -> tuple[Path, Path]:
        """Let other processes read what is complete now.

        Parameters
        ----------
        key : str
            Hash of all that the months follow from.
        """
        return self._rows.share(key), self._effects.share(key)

    def close(self) -> None:
        """Take the files away."""
        self._rows.close()
        self._effects.close()


def row_type(months: int) -> np.dtype[Any]:
    """Return the type of a meter's row."""
    by_month = [(name, np.float64, (months,)) for name in ("demand_kwh", "registered_kwh")]
    return np.dtype([*by_month, ("habits", np.float64, (len(_HABITS),)), ("reactive", np.float64)])


def effect_type(months: int) -> np.dtype[Any]:
    """Return the type of an event's row."""
    return np.dtype([(name, np.int64, (months,)) for name in ("cut_wh", "lost_wh")])


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
