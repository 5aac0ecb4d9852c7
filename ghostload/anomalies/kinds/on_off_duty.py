"""A bypass that is switched on and off."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class OnOffDuty(AnomalyKind):
    r"""For a part of each period most flows past the meter: ``r(t) = q x(t)`` while on, else ``x(t)``.

    Periodic, with a length and a phase of its own; Punmiya and Choe, doi:10.1109/TSG.2019.2892595, switch at random.
    """

    name = "on_off_duty"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("period_hours", 24.0, 120.0, "Length of a period"),
        Parameter("on_share", 0.3, 0.6, "Part of it in which the bypass is on"),
        Parameter("registered_share", 0.0, 0.3, "Share registered while on"),
        Parameter("phase", 0.0, 1.0, "Part of a period by which it is shifted"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        turn = (hours.since_epoch / hours.column("period_hours") + hours.column("phase")) % 1.0
        return hours.mix(wh, np.where(turn < hours.column("on_share"), hours.column("registered_share"), 1.0) * wh)
