"""True energy of each customer in each calendar month.

The logarithm of a month's energy is the customer's level, plus its share of the season, its own yearly wave, its line
from one year's level to the next, autocorrelated heavy-tailed noise; times the days of the month; with rare spells of
low or no demand. Every part is a function of (seed, meter number, calendar month): a window that starts or ends
elsewhere has the same numbers in the months that both hold.
"""

from __future__ import annotations

import numpy as np

from ghostload.consumption.calendar import MEAN_DAYS, days_in_month
from ghostload.consumption.climate import cooling_anomaly
from ghostload.consumption.customers import Customers
from ghostload.consumption.shapes import shape_table
from ghostload.streams import FloatArray, IntArray, Stage, Streams

NOISE_MEMORY = 0.45
"""Correlation of the noise from one month to the next; of CER homes .37 is left after sampling error."""
NOISE_LAGS = 6
TAIL = 0.10
"""Tukey's h: noise is ``z * exp(h * z**2 / 2)``. Source: Tukey, Exploratory Data Analysis, 1977."""
NOISE_LIMIT = 6.0
YEAR_LIMIT = 3.5
"""A year's level is at most this many standard deviations off; beyond lies what events are for."""
SPELL_LENGTH_CUTS = (0.60, 0.90)
"""Of the spells of low demand 60 % last one month, 30 % two, 10 % three."""
LONGEST_SPELL = len(SPELL_LENGTH_CUTS) + 1


def monthly_true_kwh(customers: Customers, numbers: IntArray, streams: Streams) -> FloatArray:
    """Return the true energy of each customer in each month.

    Parameters
    ----------
    customers : Customers
        n customers.
    numbers : (T,) array of int
        Consecutive month numbers (see :mod:`ghostload.consumption.calendar`).
    streams : Streams

    Returns
    -------
    (n, T) array of kWh, non-negative.
    """
    log_factor = _season(customers, numbers)
    log_factor += _year_line(customers, numbers, streams)
    log_factor += _noise(customers, numbers, streams)
    np.exp(log_factor, out=log_factor)
    log_factor *= customers.level_kwh[:, None] * (days_in_month(numbers) / MEAN_DAYS)
    log_factor *= _spells(customers, numbers, streams)
    return log_factor


def _of_shape(customers: Customers, attribute: str) -> FloatArray:
    return shape_table(attribute)[customers.class_index, customers.size_index]


def _season(customers: Customers, numbers: IntArray) -> FloatArray:
    """Log of cooling, own wave and December, with mean 1 over the year after exponentiation, nearly."""
    cooling = np.minimum(customers.cooling, 0.9)[:, None] * cooling_anomaly(numbers)
    wave = 2.0 * np.pi * (numbers % 12 - customers.season_phase[:, None]) / 12.0
    swing = customers.own_season[:, None] * np.cos(wave) - customers.own_season[:, None] ** 2 / 4.0
    december = _of_shape(customers, "december")[:, None] * ((numbers % 12 == 11) - 1.0 / 12.0)
    log_factor: FloatArray = np.log1p(np.maximum(cooling, -0.9)) + swing + december
    return log_factor


def _year_line(customers: Customers, numbers: IntArray, streams: Streams) -> FloatArray:
    """Straight lines between the customer's levels at mid-year: its growth."""
    middle = numbers - 6
    years = np.arange(middle[0] // 12, middle[-1] // 12 + 2)
    stop = customers.start + len(customers)
    draws = [streams.normal(Stage.CUSTOMER_HABIT, customers.start, stop, 1, 2, int(year)) for year in years]
    sd = _of_shape(customers, "year_effect")
    levels = np.clip(_heavy_tailed(np.concatenate(draws, axis=1)), -YEAR_LIMIT, YEAR_LIMIT) * sd[:, None]
    left = middle // 12 - years[0]
    part = (middle % 12) / 12.0
    line: FloatArray = levels[:, left] * (1.0 - part) + levels[:, left + 1] * part
    spread = (1.0 - part) ** 2 + part**2
    return line - (sd[:, None] ** 2) * spread * 0.5 * _VARIANCE


def _noise(customers: Customers, numbers: IntArray, streams: Streams) -> FloatArray:
    """Autocorrelated noise: a first-order autoregression cut after some lags, so that it has no beginning."""
    shocks = _by_month(Stage.MONTH_NOISE, customers, numbers[0] - NOISE_LAGS, numbers[-1], streams)
    shocks = _heavy_tailed(shocks)
    weights = NOISE_MEMORY ** np.arange(NOISE_LAGS + 1)
    weights /= np.sqrt((weights**2).sum())
    months = len(numbers)
    noise = np.zeros((len(customers), months))
    for lag, weight in enumerate(weights):
        noise += weight * shocks[:, NOISE_LAGS - lag : NOISE_LAGS - lag + months]
    noise *= customers.noise[:, None]
    return noise - (customers.noise[:, None] ** 2) * (0.5 * _VARIANCE)


def _heavy_tailed(normal: FloatArray) -> FloatArray:
    """Tukey's h distribution, cut at :data:`NOISE_LIMIT`."""
    return np.clip(normal * np.exp((0.5 * TAIL) * normal**2), -NOISE_LIMIT, NOISE_LIMIT)


_VARIANCE = float((1.0 - 2.0 * TAIL) ** -1.5)
"""Variance of Tukey's h distribution."""


def _spells(customers: Customers, numbers: IntArray, streams: Streams) -> FloatArray:
    """Factor of each month: 1, or less while a spell of low demand lasts."""
    first = numbers[0] - LONGEST_SPELL + 1
    chance = _by_month(Stage.MONTH_EPISODE, customers, first, numbers[-1], streams, normal=False)
    rate = _of_shape(customers, "low_month_rate")[:, None]
    row, column = np.nonzero(chance < rate)
    # What is left of a draw below the rate is uniform again: it says how deep, and its further digits how long.
    left = chance[row, column] / rate[row, 0]
    zero = _of_shape(customers, "zero_share")[row]
    depth = np.maximum(0.0, (left - zero) / (1.0 - zero))
    length = 1 + np.digitize(left * 1e6 % 1.0, SPELL_LENGTH_CUTS)
    factor = np.ones((len(customers), len(numbers) + LONGEST_SPELL - 1))
    for step in range(LONGEST_SPELL):
        on = (length > step) & (column + step < factor.shape[1])
        at = (row[on], column[on] + step)
        factor[at] = np.minimum(factor[at], 0.75 * depth[on])
    return factor[:, LONGEST_SPELL - 1 :]


def _by_month(
    stage: Stage, customers: Customers, first: int, last: int, streams: Streams, *, normal: bool = True
) -> FloatArray:
    """One draw for each customer and calendar month ``first .. last``, addressed by year; shape (n, months)."""
    draw = streams.normal if normal else streams.uniform
    stop = customers.start + len(customers)
    years = [draw(stage, customers.start, stop, 12, int(year)) for year in range(first // 12, last // 12 + 1)]
    skipped = first % 12
    return np.concatenate(years, axis=1)[:, skipped : skipped + last - first + 1]
