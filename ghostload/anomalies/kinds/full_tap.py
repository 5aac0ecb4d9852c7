"""Nothing goes through the meter."""

from __future__ import annotations

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class FullTap(AnomalyKind):
    r"""The whole supply is tapped before the meter: ``r(t) = 0``."""

    name = "full_tap"
    family = Family.THEFT
    channel = Channel.REGISTER

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * (1.0 - events.active)
