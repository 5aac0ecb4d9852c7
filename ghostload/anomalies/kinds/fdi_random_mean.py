"""False data: random shares of the day's mean."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HOURS, HourBlock, by_day
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class FdiRandomMean(AnomalyKind):
    r"""Every hour is reported as a random share of the day's mean: ``r(t) = g(t) mean(x)``.

    Attack h4 of Jokar et al., doi:10.1109/TSG.2015.2425222, g uniform from .1 to .8, the mean that of the day.
    """

    name = "fdi_random_mean"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("low", 0.1, 0.1, "Lower end of the shares"),
        Parameter("high", 0.8, 0.8, "Upper end of the shares"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        low, high = hours.column("low"), hours.column("high")
        mean = np.repeat(by_day(wh).mean(axis=2), HOURS, axis=1)
        return hours.mix(wh, (low + (high - low) * hours.uniform(hours.count)) * mean)
