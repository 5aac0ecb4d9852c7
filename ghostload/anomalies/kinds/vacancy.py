"""An empty home or shop."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import Form, Spread
from ghostload.streams import FloatArray, IntArray


@register
class Vacancy(AnomalyKind):
    r"""Demand falls to standby while nobody is there: ``x(t) -> s x(t)``."""

    name = "vacancy"
    family = Family.BENIGN
    channel = Channel.DEMAND
    lasting_months = (2.0, 5.0)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("standby_share", 0.01, 0.15, "Share that is still drawn"),)

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is drawn; (E, T) kWh."""
        return kwh * (1.0 - events.active * (1.0 - events.column("standby_share")))

    def demand_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Leave standby, the same in every hour; (E, H)."""
        return Spread(hours.active, Form.KEPT)
