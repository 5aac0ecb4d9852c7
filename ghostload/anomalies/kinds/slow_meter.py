"""A register that runs slow."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class SlowMeter(AnomalyKind):
    r"""Wear and dirt slow the register for years: ``r(t) = (1 - e) x(t)``.

    Beyond the accuracy class: worn electromechanical meters are found several per cent slow.
    """

    name = "slow_meter"
    family = Family.FAULT
    channel = Channel.REGISTER
    lifelong = True
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("slow_share", 0.04, 0.20, "Share that is not registered"),)

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * (1.0 - events.active * events.column("slow_share"))
