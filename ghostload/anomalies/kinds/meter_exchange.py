"""A new meter."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class MeterExchange(AnomalyKind):
    r"""A worn meter registers ``(1 - e) x(t)`` until the day of its exchange, ``x(t)`` after it.

    Of STEG's honest customers 14.6 % had a meter exchanged within 8 to 14 years.
    """

    name = "meter_exchange"
    family = Family.BENIGN
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("slow_share", 0.00, 0.08, "What the old meter did not register"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        before = 1.0 - events.active
        return kwh * (1.0 - before * events.column("slow_share"))
