"""False data: the day runs backwards."""

from __future__ import annotations

from ghostload.anomalies.base import AnomalyKind, Channel, Family
from ghostload.anomalies.hours import HourBlock, by_day
from ghostload.anomalies.registry import register
from ghostload.streams import FloatArray, IntArray


@register
class FdiReversedDay(AnomalyKind):
    r"""The hours of a day are reported in reverse: ``r(t) = x(23 - t)``, t the hour of the day.

    Attack h6 of Jokar et al., doi:10.1109/TSG.2015.2425222. The day's energy stays; the
    evening's is reported for the night's price.
    """

    name = "fdi_reversed_day"
    family = Family.THEFT
    channel = Channel.HOURS
    moves_only = True

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour; (E, H) Wh."""
        return hours.mix_days(wh, by_day(wh)[:, :, ::-1].reshape(wh.shape))
