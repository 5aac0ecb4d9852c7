"""Phases led past the meter."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class Bypass(AnomalyKind):
    r"""One or two of three phases pass the meter by: ``r(t) = (1 - k/3) x(t)``, k = 1 or 2.

    A three-phase meter that lacks a phase's voltage or current registers the rest; with balanced load each phase is a
    third. In a single-phase home the same shares stand for circuits that are fed past the meter.
    """

    name = "bypass"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("phases", 1.0, 2.0, "Phases of three that pass the meter by", choices=(1.0, 2.0)),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        return kwh * events.factor(1.0 - events.column("phases") / 3.0)
