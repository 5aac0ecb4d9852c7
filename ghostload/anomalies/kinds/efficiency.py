"""Better appliances."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class Efficiency(AnomalyKind):
    r"""New lamps, a new refrigerator or air conditioner: ``x(t) -> (1 - e) x(t)`` for good."""

    name = "efficiency"
    family = Family.BENIGN
    channel = Channel.DEMAND
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("saved_share", 0.10, 0.35, "Share of demand that is saved"),
    )

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is drawn; (E, T) kWh."""
        return kwh * (1.0 - events.active * events.column("saved_share"))
