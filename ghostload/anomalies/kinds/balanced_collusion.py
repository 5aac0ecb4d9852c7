"""A neighbour's meter takes what one's own leaves out."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class BalancedCollusion(AnomalyKind):
    r"""``r(t) = q x(t)``; the meter of a peer on the same transformer registers ``(1 - q) x(t)`` on top of its own.

    The sum of both meters is what both draw, in every hour, so the transformer's balance stays closed but for meter
    error; only the voltages at the two service points do not fit. The peer is hacked or bribed; its event is
    ``balanced_peer``. Theft that over-reports a neighbour to pass the balance check is a class of its own in Krishna,
    Lee, Weaver, Iyer and Sanders, "F-DETA: A Framework for Detecting Electricity Theft Attacks in Smart Grids", DSN
    2016, doi:10.1109/DSN.2016.44; simple scaling is the form here.
    """

    name = "balanced_collusion"
    family = Family.THEFT
    channel = Channel.HOURS
    companion = "balanced_peer"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("registered_share", 0.3, 0.7, "Share of true energy that is registered"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        return hours.mix(wh, hours.column("registered_share") * wh)
