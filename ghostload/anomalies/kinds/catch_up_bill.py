"""Estimates, then the bill that settles them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock, mean_day
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import ESTIMATED, Form, Spread, flagged
from ghostload.streams import FloatArray, IntArray


@register
class CatchUpBill(AnomalyKind):
    r"""Months that could not be read are billed at ``r(t) = q x(t)``; the last one adds all that was left out.

    Of STEG's invoices 18 % are not of the regular length. Over the whole event nothing is lost.
    """

    name = "catch_up_bill"
    family = Family.BENIGN
    channel = Channel.REGISTER
    lasting_months = (2.0, 3.0)
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("estimate_share", 0.30, 0.90, "Estimate as a share of what is drawn"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        on = events.active > 0.0
        short = np.where(on, kwh * (1.0 - events.column("estimate_share")), 0.0)
        settled = np.where(events.closing, short.sum(axis=1, keepdims=True), 0.0)
        return kwh - short + settled

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Estimate whole months along their mean day; what settles them is recorded in the last hour; (E, H)."""
        on = np.repeat((hours.active > 0.0).any(axis=1, keepdims=True), hours.count, axis=1)
        most = np.rint(hours.parameters["estimate_share"] * wh.sum(axis=1)).astype(np.int64)
        return Spread(on * mean_day(wh), Form.ESTIMATE, most_wh=most, flags=flagged(on, ESTIMATED))
