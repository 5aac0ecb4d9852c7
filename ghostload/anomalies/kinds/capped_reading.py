"""Readings cut off above a level."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import MEAN_HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class CappedReading(AnomalyKind):
    r"""No hour is reported above a cap: ``r(t) = min(x(t), c)``, c a multiple of the customer's mean hour.

    The clipping fraud of Zanetti et al., "A Tunable Fraud Detection System for Advanced Metering Infrastructure Using
    Short-Lived Patterns", IEEE Trans. Smart Grid 10(1), 2019, doi:10.1109/TSG.2017.2753738, which has the cap below the
    largest reading.
    """

    name = "capped_reading"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("cap_factor", 0.5, 1.2, "Cap as a multiple of the mean hour's energy"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        mean_wh = 1000.0 * hours.level_kwh[:, None] / MEAN_HOURS
        return hours.mix(wh, np.minimum(wh, hours.column("cap_factor") * mean_wh))
