"""Peak energy registered at off-peak hours."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock, by_day
from ghostload.anomalies.registry import register
from ghostload.streams import BoolArray, FloatArray, IntArray


@register
class TimeShift(AnomalyKind):
    r"""A share of each day's energy of peak hours is registered in its off-peak hours: dear hours become cheap ones.

    ``r(t) = (1 - m) x(t)`` at peak, ``r(t) = x(t) + m P x(t) / O`` off peak, P and O the day's energy at and off peak
    (O = 0: in equal parts). The day's energy stays. What a clock set wrong, or forged time stamps, bring about; no
    published form. Hours as in the utility's Peak/Off-Peak tariff for Metro Manila: Monday to Saturday 8 to 21 h,
    Sunday 18 to 20 h (https://www.meralco.com.ph/residential/electric-service/peakoff-peak).
    """

    name = "time_shift"
    family = Family.THEFT
    channel = Channel.HOURS
    moves_only = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("moved_share", 0.3, 0.8, "Share of the peak's energy that is moved"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        peak = by_day(peak_hours(hours.hour_of_day, hours.weekday)[None])
        days = by_day(wh)
        moved = hours.column("moved_share")[:, None] * days * peak
        off_peak = np.where((days * (1.0 - peak)).sum(axis=2, keepdims=True) > 0.0, days, 1.0) * (1.0 - peak)
        gained = moved.sum(axis=2, keepdims=True) * off_peak / off_peak.sum(axis=2, keepdims=True)
        return hours.mix_days(wh, (days - moved + gained).reshape(wh.shape))


def peak_hours(hour: IntArray, weekday: IntArray) -> BoolArray:
    """Whether hours of the day on weekdays (Sunday 6) are at peak; arrays of one shape."""
    sunday = weekday == 6
    at_peak: BoolArray = np.where(sunday, (hour >= 18) & (hour < 20), (hour >= 8) & (hour < 21))
    return at_peak
