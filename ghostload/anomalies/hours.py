"""The hours of a month, and what an event is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ghostload.anomalies.draws import hashed_uniform
from ghostload.anomalies.timing import Spans
from ghostload.consumption.calendar import MEAN_DAYS, days_in_month
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams

HOURS = 24
"""Hours of a day: local time without a change of clocks, as in the Philippines."""
MEAN_HOURS = HOURS * MEAN_DAYS
"""Mean length of a month in hours."""


def month_hours(numbers: IntArray) -> IntArray:
    """Hours of each calendar month; (T,) array of int."""
    return (days_in_month(numbers) * HOURS).astype(np.int64)


def active_hours(spans: Spans, offset: int, count: int) -> FloatArray:
    """Share of each hour in which each event is on.

    Parameters
    ----------
    spans : Spans
        Of E events.
    offset : int
        Position of the month in the data.
    count : int
        H, the hours of the month.

    Returns
    -------
    (E, H) array, 0 to 1.
    """
    begin = np.clip((spans.start - offset) * count, 0.0, count)[:, None]
    end = np.clip((spans.end - offset) * count, 0.0, count)[:, None]
    hour = np.arange(count, dtype=np.float64)
    share: FloatArray = np.clip(np.minimum(hour + 1.0, end) - np.maximum(hour, begin), 0.0, 1.0)
    return share


@dataclass(frozen=True)
class HourBlock:
    """E events of one kind over the H hours of one calendar month.

    Attributes
    ----------
    active : (E, H) array
        Share of each hour, 0 to 1, in which the event is on.
    closing : (E,) array of bool
        Whether it ends in this month.
    parameters : mapping of name to (E,) array
    strength : (E,) array
        As in :class:`~ghostload.anomalies.base.EventBlock`.
    meter : (E,) array of int
    level_kwh : (E,) array
        The customers' long-run monthly energy.
    class_index : (E,) array of int
    month : int
        Month number.
    streams : Streams
    partner_lost_wh : (E, H) array of int
        For a companion, what its theft loses in each hour.
    """

    active: FloatArray
    closing: BoolArray
    parameters: Mapping[str, FloatArray]
    strength: FloatArray
    meter: IntArray
    level_kwh: FloatArray
    class_index: IntArray
    month: int
    streams: Streams
    partner_lost_wh: IntArray

    @property
    def count(self) -> int:
        """H, the hours of the month."""
        return int(self.active.shape[1])

    @property
    def hour_of_day(self) -> IntArray:
        """Hour of the day, 0 to 23, of each hour; (H,)."""
        return np.arange(self.count) % HOURS

    @property
    def weekday(self) -> IntArray:
        """Day of the week of each hour, Monday 0 to Sunday 6; (H,)."""
        first = int((np.datetime64(self.month - 12 * 1970, "M").astype("datetime64[D]")).astype(np.int64))
        return (first + 3 + np.arange(self.count) // HOURS) % 7

    @property
    def since_epoch(self) -> IntArray:
        """Hours since 1970 of each hour, so that what is periodic does not know of months; (H,)."""
        first = int((np.datetime64(self.month - 12 * 1970, "M").astype("datetime64[h]")).astype(np.int64))
        return first + np.arange(self.count)

    def column(self, name: str) -> FloatArray:
        """Return a parameter as an (E, 1) array, to go with (E, H) arrays."""
        return self.parameters[name][:, None]

    def uniform(self, count: int) -> FloatArray:
        """Draws in [0, 1) of each event's meter in this month; (E, count)."""
        return hashed_uniform(self.streams, Stage.EVENT_HOUR, self.meter, self.month, count)

    def mix(self, wh: IntArray, form: FloatArray) -> FloatArray:
        """Bring a form of theft in as far as it is on and pushed: ``wh + active * strength * (form - wh)``; (E, H)."""
        mixed: FloatArray = wh + self.active * self.strength[:, None] * (form - wh)
        return mixed

    def mix_days(self, wh: IntArray, form: FloatArray) -> FloatArray:
        """As :meth:`mix`, but a day on which the event is not on all the time stays as it is; (E, H)."""
        on = np.repeat((by_day(self.active) >= 1.0).all(axis=2), HOURS, axis=1)
        mixed: FloatArray = wh + on * self.strength[:, None] * (form - wh)
        return mixed


def by_day(wh: IntArray | FloatArray | BoolArray) -> FloatArray:
    """Return (E, H) hours as (E, days, 24)."""
    return np.asarray(wh, dtype=np.float64).reshape(len(wh), -1, HOURS)


def mean_day(wh: IntArray) -> FloatArray:
    """Return each row's mean day in the place of every day, and 1 Wh more, so that no hour is zero; (E, H)."""
    days = by_day(wh)
    return np.tile(days.mean(axis=1) + 1.0, (1, days.shape[1]))
