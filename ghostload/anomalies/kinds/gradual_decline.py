"""Registration that falls month by month."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class GradualDecline(AnomalyKind):
    r"""Registered energy falls linearly to a floor: ``r(t) = x(t) max(floor, 1 - slope t)``, t in months since onset.

    How a thief who fears the sudden drop would do it; reported by the users of the earlier generator.
    """

    name = "gradual_decline"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("slope_per_month", 0.06, 0.14, "Share lost more with each month"),
        Parameter("floor", 0.20, 0.40, "Share that stays registered in the end"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        left = 1.0 - events.column("slope_per_month") * events.elapsed_months
        return kwh * events.factor(np.maximum(events.column("floor"), left))
