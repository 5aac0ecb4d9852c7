"""A new meter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import ESTIMATED, MISSING, Spread, flagged
from ghostload.streams import FloatArray, IntArray


@register
class MeterExchange(AnomalyKind):
    r"""The old meter's last days are billed with the new one's first reading.

    ``r(t) = (1 - q) x(t)`` in the month of the exchange, ``r(t + 1) = x(t + 1) + q x(t)`` in the next: nothing is lost.
    Of STEG's honest customers 14.6 % had a meter exchanged within 8 to 14 years.
    """

    name = "meter_exchange"
    family = Family.BENIGN
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("deferred_share", 0.10, 0.90, "Share of the month that is billed a month later"),
    )
    lasting_months = (1.0, 1.0)

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        first = (events.active > 0.0) & ~events.closing
        deferred = np.where(first, kwh * events.column("deferred_share"), 0.0)
        return kwh - deferred + np.where(events.closing, deferred.sum(axis=1, keepdims=True), 0.0)

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Lose the last hours of the first month; the first hour of the next brings them; (E, H)."""
        later = np.cumsum(wh[:, ::-1], axis=1)[:, ::-1] - wh
        lost = np.clip(total_wh[:, None] - later, 0, wh)
        gone = (total_wh[:, None] > later) & (total_wh[:, None] > 0)
        first_hour = np.arange(hours.count) == 0
        settled = (total_wh[:, None] < 0) & first_hour
        flags = np.maximum(flagged(gone, MISSING), flagged(settled, ESTIMATED))
        return Spread(np.where(total_wh[:, None] < 0, first_hour, lost).astype(np.float64), flags=flags)
