"""False data: each hour times a share of its own."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class FdiRandomScaling(AnomalyKind):
    r"""Every hour is reported at a share that is drawn for it: ``r(t) = g(t) x(t)``.

    Attack h3 of Jokar et al., doi:10.1109/TSG.2015.2425222, g uniform from .1 to .8.
    """

    name = "fdi_random_scaling"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("low", 0.1, 0.1, "Lower end of the shares"),
        Parameter("high", 0.8, 0.8, "Upper end of the shares"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        low, high = hours.column("low"), hours.column("high")
        return hours.mix(wh, (low + (high - low) * hours.uniform(hours.count)) * wh)
