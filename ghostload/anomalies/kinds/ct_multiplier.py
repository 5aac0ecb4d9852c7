"""A wrong current-transformer ratio."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class CtMultiplier(AnomalyKind):
    r"""Registered energy is divided by a wrong ratio: ``r(t) = x(t) / m``, m one of 1.25, 1.5, 2 or 3.

    Large customers are metered through current transformers; the bill multiplies the register by their ratio. A
    ratio changed in the field, or turns wound through the core, divides every reading alike.
    """

    name = "ct_multiplier"
    family = Family.THEFT
    channel = Channel.REGISTER
    classes = ("commercial", "industrial")
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("ratio", 1.25, 3.0, "What readings are divided by", choices=(1.25, 1.5, 2.0, 3.0)),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * (1.0 - events.active * (1.0 - 1.0 / events.column("ratio")))
