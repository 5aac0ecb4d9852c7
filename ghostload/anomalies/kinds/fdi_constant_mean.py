"""False data: the day's mean in every hour."""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family
from ghostload.anomalies.hours import HOURS, HourBlock, by_day
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class FdiConstantMean(AnomalyKind):
    r"""Every hour is reported as the day's mean: ``r(t) = mean(x)``.

    Attack h5 of Jokar et al., doi:10.1109/TSG.2015.2425222. The day's energy stays; where
    prices change with the hour the bill does not.
    """

    name = "fdi_constant_mean"
    family = Family.THEFT
    channel = Channel.HOURS
    moves_only = True

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        mean = np.repeat(by_day(wh).mean(axis=2), HOURS, axis=1)
        return hours.mix_days(wh, mean)
