"""The meter that covers for another's."""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class BalancedPeer(AnomalyKind):
    r"""The meter registers what a thief's leaves out: ``r(t) = x(t) + l(t)``, l the loss of one on its transformer.

    Comes with each ``balanced_collusion``, on the meter of a neighbour that does not steal; its loss is negative.
    """

    name = "balanced_peer"
    family = Family.FAULT
    channel = Channel.HOURS
    alone = False

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        return (wh + hours.partner_lost_wh).astype(np.float64)
