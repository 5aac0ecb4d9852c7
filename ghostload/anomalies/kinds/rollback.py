"""The register set back before it is read."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray

LATEST_HOURS = 48
"""The register is run back within so many hours before the reading: an assumption."""


@register
class Rollback(AnomalyKind):
    r"""Once before each reading the register is run back: one hour loses a share of all registered in the month so far.

    ``r(s) = x(s) - q sum of x(t) for t <= s``, s within two days before the month's end, else ``x(t)``: a jump down in
    the index. What is done to a mechanical register with its cover off; no published form.
    """

    name = "rollback"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("share", 0.2, 0.6, "Share of the month so far that is taken back"),
    )

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        at = (hours.count - 1 - np.floor(LATEST_HOURS * hours.uniform(1)[:, 0])).astype(np.int64)
        row = np.arange(len(wh))
        so_far = np.cumsum(wh * (hours.active > 0.0), axis=1)[row, at]
        registered = wh.astype(np.float64)
        registered[row, at] -= hours.active[row, at] * hours.strength * hours.parameters["share"] * so_far
        return registered
