"""The meter is led past at the peak."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class PeakBypass(AnomalyKind):
    r"""In the evening's peak hours most flows past the meter: ``r(t) = q x(t)`` in the window, else ``x(t)``.

    An assumption, no published form: what is dear or large is kept from the register.
    """

    name = "peak_bypass"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("from_hour", 17.0, 19.0, "Hour at which it begins", choices=(17.0, 18.0, 19.0)),
        Parameter("hours", 3.0, 5.0, "Length of the window in hours", choices=(3.0, 4.0, 5.0)),
        Parameter("registered_share", 0.0, 0.4, "Share registered in the window"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        since = (hours.hour_of_day - hours.column("from_hour")) % HOURS
        return hours.mix(wh, np.where(since < hours.column("hours"), hours.column("registered_share"), 1.0) * wh)
