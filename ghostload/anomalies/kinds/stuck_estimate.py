"""The same estimate month after month."""

from __future__ import annotations

from typing import ClassVar

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.hours import HourBlock, mean_day
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import ESTIMATED, Form, Spread, flagged
from ghostload.streams import FloatArray, IntArray


@register
class StuckEstimate(AnomalyKind):
    r"""The meter cannot be read and the last estimate is billed on: ``r(t) = q level``, whatever is drawn.

    Nothing settles it while it lasts, so it may bill too much as well as too little.
    """

    name = "stuck_estimate"
    family = Family.FAULT
    channel = Channel.REGISTER
    lasting_months = (3.0, 7.0)
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("level_share", 0.75, 1.10, "The estimate as a share of the customer's level"),
    )

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered; (E, T) kWh."""
        estimate = events.column("level_share") * events.level_kwh[:, None]
        return kwh + events.active * (estimate - kwh)

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Estimate every hour along the mean day of the month; (E, H)."""
        on = hours.active > 0.0
        return Spread(on * mean_day(wh), Form.ESTIMATE, flags=flagged(on, ESTIMATED))
