"""Neighbours who steal together."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class Collusion(AnomalyKind):
    r"""Several customers of one transformer under-register by the same share from the same day: ``r(t) = q x(t)``.

    They share an electrician, so the comparison of a customer with its neighbours is blunted.
    """

    name = "collusion"
    family = Family.THEFT
    channel = Channel.REGISTER
    group = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("registered_share", 0.40, 0.70, "Share of true energy that is registered"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * events.factor(events.column("registered_share"))
