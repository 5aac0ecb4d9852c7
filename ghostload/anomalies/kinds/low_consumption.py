"""Sustained low registration."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class LowConsumption(AnomalyKind):
    r"""Registered energy is a constant share of what is drawn: ``r(t) = q x(t)``.

    The seed's anomaly, at 30 % of the baseline; attack h1 of Jokar et al., doi:10.1109/TSG.2015.2425222.
    """

    name = "low_consumption"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("registered_share", 0.25, 0.35, "Share of true energy that is registered"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * events.factor(events.column("registered_share"))
