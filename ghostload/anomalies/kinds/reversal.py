"""The meter turned round for some days."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Channel, Family, Parameter
from ghostload.anomalies.hours import HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class Reversal(AnomalyKind):
    r"""In the last days before a reading the register runs backwards: ``r(t) = -x(t)`` there, else ``x(t)``.

    A meter connected the wrong way round until the reader comes. A month is never less than zero: where the days before
    hold too little, it runs back by so much less. No published form.
    """

    name = "reversal"
    family = Family.THEFT
    channel = Channel.HOURS
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("days", 2.0, 8.0, "Days before the reading"),)

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        back = np.arange(hours.count) >= hours.count - np.round(HOURS * hours.column("days"))
        taken = wh - hours.mix(wh, np.where(back, -1.0 * wh, wh))
        most = np.minimum(1.0, wh.sum(axis=1) / np.maximum(taken.sum(axis=1), 1.0))
        registered: FloatArray = wh - most[:, None] * taken
        return registered
