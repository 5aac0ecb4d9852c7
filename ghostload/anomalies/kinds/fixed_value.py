"""The same figure every month."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import Form, Spread
from ghostload.streams import FloatArray, IntArray


@register
class FixedValue(AnomalyKind):
    r"""The register advances by the same amount each month: ``r(t) = min(x(t), q level)``.

    Attack h5 of Jokar et al. (constant mean), doi:10.1109/TSG.2015.2425222, held to at most what is drawn.
    """

    name = "fixed_value"
    family = Family.THEFT
    channel = Channel.REGISTER
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("level_share", 0.30, 0.60, "The fixed figure as a share of the customer's level"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        fixed = np.minimum(kwh, events.column("level_share") * events.level_kwh[:, None])
        return kwh + events.active * (fixed - kwh)

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Let the register advance by the same amount in every hour that draws as much; (E, H)."""
        return Spread(hours.active, Form.KEPT)
