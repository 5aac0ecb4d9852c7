"""Synthetic air temperature of the whole territory, addressed by day: any month is computed without the others.

Each month's mean is the climate's own (:mod:`ghostload.consumption.climate`), because the energy of a month is that of
a normal year. Within the month the days follow the line between the mid-months and a first-order autoregression.
"""

from __future__ import annotations

import numpy as np

from ghostload.consumption.calendar import days_in_month
from ghostload.consumption.climate import BALANCE_DEG_C, MANILA_TEMP_AIR_DEG_C
from ghostload.consumption.intervals import DAYS_BEFORE_1970, HALF_HOURS_A_DAY, first_days
from ghostload.streams import FloatArray, Stage, Streams

DAY_SD_DEG_C = 1.0
"""Standard deviation of daily means about the season's line: an assumption for a maritime tropical city."""
DAY_MEMORY = 0.7
"""Correlation of that from one day to the next: an assumption; the weather of the tropics lasts some days."""
DAY_LAGS = 12
DAILY_RANGE_DEG_C: FloatArray = np.array([6.5, 7.0, 7.5, 7.5, 7.0, 6.5, 6.0, 5.5, 5.5, 6.0, 6.0, 6.0])
"""Mean of daily maximum less minimum by month, to half a degree: an assumption for a city on a bay, wide in the dry
months and narrow under the monsoon's clouds."""
RANGE_SPREAD = 0.20
COOLEST_HOUR, WARMEST_HOUR = 5.5, 14.0
"""Days from the year 0 to 1970, so that every address is positive."""


def daily_mean_deg_c(number: int, streams: Streams) -> FloatArray:
    """Return the mean temperature of each day of one month.

    Parameters
    ----------
    number : int
        Month number.
    streams : Streams

    Returns
    -------
    (days,) array of degrees Celsius; its mean is the climate's of that month.
    """
    first, count = _span(number)
    weights = DAY_MEMORY ** np.arange(DAY_LAGS + 1)
    weights *= DAY_SD_DEG_C / np.sqrt((weights**2).sum())
    shocks = _draws(first - DAY_LAGS, first + count, streams)[:, 0]
    weather = np.zeros(count)
    for lag, weight in enumerate(weights):
        weather += weight * shocks[DAY_LAGS - lag : DAY_LAGS - lag + count]
    days = _season_line(number, count) + weather
    days += MANILA_TEMP_AIR_DEG_C[number % 12] - days.mean()
    return days


def half_hourly_deg_c(number: int, streams: Streams) -> FloatArray:
    """Return the temperature in each half hour of one month, (days, 48) degrees Celsius; each day keeps its mean."""
    first, count = _span(number)
    spread = np.exp(RANGE_SPREAD * np.clip(_draws(first, first + count, streams)[:, 1], -2.5, 2.5))
    swing = DAILY_RANGE_DEG_C[number % 12] * spread
    half_hourly: FloatArray = daily_mean_deg_c(number, streams)[:, None] + swing[:, None] * _course()
    return half_hourly


def cooling_need(number: int, streams: Streams, *, balance_deg_c: float = BALANCE_DEG_C) -> FloatArray:
    """Return the need for cooling in each half hour of one month, 1 being the mean of a normal year; (days, 48).

    A hinge on the temperature, over the mean of the hinge on the monthly means.
    """
    year = np.maximum(0.0, MANILA_TEMP_AIR_DEG_C - balance_deg_c).mean()
    need: FloatArray = np.maximum(0.0, half_hourly_deg_c(number, streams) - balance_deg_c) / year
    return need


def _span(number: int) -> tuple[int, int]:
    numbers = np.array([number])
    return int(first_days(numbers)[0]), int(days_in_month(numbers)[0])


def _draws(start: int, stop: int, streams: Streams) -> FloatArray:
    return streams.normal(Stage.DAY_WEATHER, start + DAYS_BEFORE_1970, stop + DAYS_BEFORE_1970, 2)


def _season_line(number: int, count: int) -> FloatArray:
    """Straight lines between the mid-months of the climate."""
    around = MANILA_TEMP_AIR_DEG_C[np.array([number - 1, number, number + 1]) % 12]
    part = (np.arange(count) + 0.5) / count - 0.5
    line: FloatArray = np.interp(part, [-1.0, 0.0, 1.0], around)
    return line


def _course() -> FloatArray:
    """Course over the day: half cosines from the coolest to the warmest hour and back; mean 0, from end to end 1."""
    hour = (np.arange(HALF_HOURS_A_DAY) + 0.5) / 2.0
    rise = WARMEST_HOUR - COOLEST_HOUR
    since = (hour - COOLEST_HOUR) % 24.0
    phase = np.where(since < rise, since / rise, 1.0 + (since - rise) / (24.0 - rise))
    course = -0.5 * np.cos(np.pi * phase)
    centred: FloatArray = course - course.mean()
    return centred
