"""Phases led past the meter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import Spread
from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.streams import FloatArray, IntArray


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

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Take a home's large appliances, what is above the lower quartile of its hours, past the meter; (E, H)."""
        always_on = np.quantile(wh, 0.25, axis=1, keepdims=True)
        home = (hours.class_index == CUSTOMER_CLASSES.index("residential"))[:, None]
        return Spread(hours.active * np.where(home, np.maximum(wh - always_on, 0.0), wh))
