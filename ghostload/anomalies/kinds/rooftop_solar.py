"""Panels on the roof."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.base import AnomalyKind, Channel, EventBlock, Family, Parameter
from ghostload.anomalies.draws import hashed_uniform
from ghostload.anomalies.hours import HOURS, HourBlock
from ghostload.anomalies.registry import register
from ghostload.anomalies.spread import Spread
from ghostload.streams import FloatArray, IntArray, Stage

_SUN: FloatArray = np.array([0.90, 1.03, 1.17, 1.22, 1.12, 1.00, 0.93, 0.88, 0.92, 0.95, 0.93, 0.95])
"""Monthly solar yield at Manila's latitude relative to its mean: highest before the monsoon, lowest in August."""

CLOUDIEST = 0.3
"""Yield of the cloudiest day relative to a clear one; days lie evenly between, alike for all roofs: an assumption."""
LONGEST_MONTH = 31


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

    def demand_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Cover demand while the sun is up, by its height and the day's clouds; (E, H).

        What they cannot cover at once, because the hour draws less, comes from the hours that are left: a battery.
        """
        clear = hashed_uniform(hours.streams, Stage.SKY, np.zeros(1, dtype=np.int64), hours.month, LONGEST_MONTH)[0]
        sky = CLOUDIEST + (1.0 - CLOUDIEST) * clear[np.arange(hours.count) // HOURS]
        return Spread(hours.active * sky * sun_height(hours.hour_of_day + 0.5, hours.month % 12))


def sun_height(hour: NDArray[np.floating], month: int) -> FloatArray:
    """Sine of the sun's height over Manila in mid-month, 0 at night.

    ``sin(lat) sin(dec) + cos(lat) cos(dec) cos(15 deg (hour - 12))``, the declination by Cooper's formula ("The
    absorption of radiation in solar stills", Solar Energy 12(3), 1969, doi:10.1016/0038-092X(69)90047-4), hours in
    solar time, which local time follows there to within about 20 minutes.
    """
    day = 30.4 * month + 15.0
    declination = np.radians(23.45 * np.sin(2.0 * np.pi * (284.0 + day) / 365.0))
    latitude, turn = np.radians(14.6), np.radians(15.0 * (hour - 12.0))
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(turn)
    risen: FloatArray = np.maximum(height, 0.0)
    return risen
