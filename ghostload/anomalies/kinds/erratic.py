"""Theft in some months only."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray


@register
class Erratic(AnomalyKind):
    r"""In some months a part is not registered, in others all is: ``r(t) = x(t) q`` with chance p, else ``x(t)``.

    Random scaling, attack h2 of Jokar et al., doi:10.1109/TSG.2015.2425222, at the pace of months.
    """

    name = "erratic"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("month_chance", 0.35, 0.65, "Chance that a month is a month of theft"),
        Parameter("registered_share", 0.10, 0.50, "Share registered in such a month"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        stolen = events.uniform < events.column("month_chance")
        return kwh * events.factor(np.where(stolen, events.column("registered_share"), 1.0))
