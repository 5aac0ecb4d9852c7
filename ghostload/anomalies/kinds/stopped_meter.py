"""A register that has stopped."""

from __future__ import annotations

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class StoppedMeter(AnomalyKind):
    r"""The register stands still until the meter is replaced: ``r(t) = 0``."""

    name = "stopped_meter"
    family = Family.FAULT
    channel = Channel.REGISTER
    lasting_months = (2.0, 5.0)

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * (1.0 - events.active)
