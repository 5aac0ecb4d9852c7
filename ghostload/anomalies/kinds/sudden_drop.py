"""A step down."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class SuddenDrop(AnomalyKind):
    r"""Registered energy steps down from one day to the next: ``r(t) = q x(t)``, with q from .35 to .65.

    What a shunt across part of the meter does; less of a loss than ``low_consumption``, and more varied.
    """

    name = "sudden_drop"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("registered_share", 0.35, 0.65, "Share of true energy that is registered"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * events.factor(events.column("registered_share"))
