"""The meter is led past at night."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class NightBypass(AnomalyKind):
    r"""From dusk to dawn most flows past the meter: ``r(t) = q x(t)`` in a window of the night, else ``x(t)``.

    When nobody reads or inspects, and the air conditioner runs. An assumption, no published form.
    """

    name = "night_bypass"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("from_hour", 20.0, 23.0, "Hour at which it begins", choices=(20.0, 21.0, 22.0, 23.0)),
        Parameter("hours", 6.0, 9.0, "Length of the window in hours", choices=(6.0, 7.0, 8.0, 9.0)),
        Parameter("registered_share", 0.0, 0.3, "Share registered in the window"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        since = (hours.hour_of_day - hours.column("from_hour")) % HOURS
        return hours.mix(wh, np.where(since < hours.column("hours"), hours.column("registered_share"), 1.0) * wh)
