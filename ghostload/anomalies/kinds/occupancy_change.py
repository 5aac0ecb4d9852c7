"""People move in or out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class OccupancyChange(AnomalyKind):
    r"""The level of demand changes for good: ``x(t) -> f x(t)``, f evenly spread on the log scale about 1."""

    name = "occupancy_change"
    family = Family.BENIGN
    channel = Channel.DEMAND
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("log_factor", -0.95, 0.65, "Natural logarithm of the change"),
    )

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is drawn; (E, T) kWh."""
        return kwh * (1.0 + events.active * np.expm1(events.column("log_factor")))
