"""False data: everything times one share."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class FdiScaling(AnomalyKind):
    r"""Every hour is reported at the same share: ``r(t) = a x(t)``.

    Attack h1 of Jokar et al., doi:10.1109/TSG.2015.2425222, with a from .1 to .8; Punmiya and
    Choe, doi:10.1109/TSG.2019.2892595, have .1 to .9.
    """

    name = "fdi_scaling"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("share", 0.1, 0.8, "Share that is reported"),)

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        return hours.mix(wh, hours.column("share") * wh)
