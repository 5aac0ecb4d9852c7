"""Panels on the roof."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray

_SUN: FloatArray = np.array([0.90, 1.03, 1.17, 1.22, 1.12, 1.00, 0.93, 0.88, 0.92, 0.95, 0.93, 0.95])
"""Monthly solar yield at Manila's latitude relative to its mean: highest before the monsoon, lowest in August."""


@register
class RooftopSolar(AnomalyKind):
    r"""Own generation covers part of the demand: ``x(t) -> x(t) (1 - c g(t))``, with g the sun's course over the year.

    The share c of demand is what panels cover at once in an average month; exports are metered apart and not shown.
    """

    name = "rooftop_solar"
    family = Family.BENIGN
    channel = Channel.DEMAND
    classes = ("residential", "commercial")
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("covered_share", 0.20, 0.50, "Share of demand that is covered in an average month"),
    )

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is drawn; (E, T) kWh."""
        sun = _SUN[events.numbers % 12]
        covered = np.minimum(0.9, events.column("covered_share") * sun)
        return kwh * (1.0 - events.active * covered)
