"""False data: nothing for some hours of each day."""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family
from ghostload.anomalies.hours import HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray

SHORTEST = 4
"""Hours that are off at least."""


@register
class FdiZeroWindow(AnomalyKind):
    r"""In a window that is drawn anew each day nothing is reported: ``r(t) = 0`` for ``s <= t < s + d``, else ``x(t)``.

    Attack h2 of Jokar et al., doi:10.1109/TSG.2015.2425222: s uniform from 0 to 19 h, d from 4
    to 24 hours, cut at midnight.
    """

    name = "fdi_zero_window"
    family = Family.THEFT
    channel = Channel.HOURS

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        days = hours.count // HOURS
        draws = hours.uniform(2 * days).reshape(len(wh), days, 2)
        start = np.floor(draws[:, :, :1] * (HOURS - SHORTEST))
        stop = start + SHORTEST + np.floor(draws[:, :, 1:] * (HOURS - SHORTEST + 1))
        hour = np.arange(HOURS)
        open_hours = (hour < start) | (hour >= stop)
        return hours.mix(wh, np.where(open_hours.reshape(wh.shape), wh, 0.0))
