"""A load of its own before the meter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HOURS, MEAN_HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import whole
from ghostload.streams import FloatArray, IntArray

DAY_CHANCE = 0.85
LONGEST_MONTH = 31


@register
class TapBeforeMeter(AnomalyKind):
    r"""Appliances are fed from before the meter: drawn on top of the customer's own demand, and never registered.

    ``x(t) -> x(t) + l(t)``, ``r(t) = x(t)``. l is on each day with chance .85 from an evening hour on for some hours,
    in each of them .7 to 1.3 times its mean; over the months it is a share of the customer's level. An assumption:
    air conditioning that is free is used at night.
    """

    name = "tap_before_meter"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("load_share", 0.3, 1.0, "Load as a share of the customer's level"),
        Parameter("from_hour", 16.0, 22.0, "Hour at which it begins", choices=(16.0, 18.0, 20.0, 22.0)),
        Parameter("hours", 6.0, 14.0, "Hours a day"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        return (wh - whole(self.added_wh(hours))).astype(np.float64)

    def added_wh(self, hours: HourBlock) -> FloatArray:
        """Return the load before the meter; (E, H) Wh."""
        days = hours.count // HOURS
        draws = hours.uniform(LONGEST_MONTH + hours.count)
        day = np.repeat(draws[:, :days] < DAY_CHANCE, HOURS, axis=1)
        swing = 0.7 + 0.6 * draws[:, LONGEST_MONTH:]
        since = (hours.hour_of_day - hours.column("from_hour")) % HOURS
        running = np.clip(hours.column("hours") - since, 0.0, 1.0)
        month_wh = 1000.0 * hours.column("load_share") * hours.level_kwh[:, None]
        mean_wh = month_wh / (MEAN_HOURS / HOURS * DAY_CHANCE * hours.column("hours"))
        return hours.active * hours.strength[:, None] * mean_wh * day * running * swing
