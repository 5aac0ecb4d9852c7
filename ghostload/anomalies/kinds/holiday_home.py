"""A home that is lived in for some months of the year."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import Form, Spread
from ghostload.streams import FloatArray, IntArray


@register
class HolidayHome(AnomalyKind):
    r"""Outside the occupied months only standby is drawn: ``x(t) -> s x(t)``.

    Of GoiEner's 25,409 users 4.7 % have more than half of their hours at zero.
    """

    name = "holiday_home"
    family = Family.BENIGN
    channel = Channel.DEMAND
    classes = ("residential",)
    lifelong = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("occupied_chance", 0.25, 0.60, "Chance that a month is occupied"),
        Parameter("standby_share", 0.02, 0.12, "Share drawn in an empty month"),
    )

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is drawn; (E, T) kWh."""
        away = events.uniform >= events.column("occupied_chance")
        return kwh * (1.0 - events.active * away * (1.0 - events.column("standby_share")))

    def demand_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Leave standby, the same in every hour; (E, H)."""
        return Spread(hours.active, Form.KEPT)
