"""A customer's own peak: what the model of days makes of appliances and habits, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostload.consumption.archetypes import ARCHETYPES
from ghostload.consumption.calendar import MEAN_DAYS
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.consumption.customers import Customers
    from ghostload.consumption.habits import Habits

PEAK_OVER_APPLIANCES = {
    "working family": 1.020,
    "home all day": 0.986,
    "night shift": 0.985,
    "evening-peaked small household": 1.042,
    "home with a sari-sari shop": 0.913,
    "air-conditioned large home": 0.972,
    "early risers": 0.993,
    "shop": 0.990,
    "office": 1.074,
    "restaurant": 0.882,
    "round the clock": 0.646,
    "one shift": 1.004,
    "two shifts": 0.858,
    "three shifts": 0.625,
    "cold store": 0.594,
}
"""Logarithm of the highest half hour of a year in kVA over the appliances' power, where all terms below are zero."""

ENERGY = (0.331, 0.789, 0.758)
"""Exponent of mean power over appliances' power, by class: a home's peak is its appliances, a works' its energy."""
DAY_SD, THRESHOLD = (0.203, 0.0, 0.0), (0.384, 0.0, 0.0)
COOLING, NOISE = (0.0, 0.255, 0.266), (0.0, 0.827, 0.853)
"""Slopes of the logarithm, by class, on the spread of days, on the threshold of homes that stand by with nothing, on
the share that cools, and on the noise of months."""


def own_peak_kva(customers: Customers, habits: Habits) -> FloatArray:
    """Return the median of the highest half hour that a year of each customer may have.

    The constants are regressions of medians on simulated years (``benchmarks/peaks.py`` makes them again): what the
    interval model gives, without simulating it. About the median a year's own highest half hour scatters by a sixth
    (homes) and an eighth (businesses).

    Parameters
    ----------
    customers : Customers
        n customers; their peaks are not looked at.
    habits : Habits
        Of the same.

    Returns
    -------
    (n,) array of kVA
    """
    index = customers.class_index
    mean_kw = customers.level_kwh / (24.0 * MEAN_DAYS)
    base = np.array([PEAK_OVER_APPLIANCES[kind.name] for kind in ARCHETYPES])[habits.archetype]
    log_ratio = base + np.array(ENERGY)[index] * np.log(mean_kw / customers.appliance_kw)
    log_ratio += np.array(DAY_SD)[index] * habits.day_sd + np.array(THRESHOLD)[index] * habits.threshold
    log_ratio += np.array(COOLING)[index] * habits.cooling_share + np.array(NOISE)[index] * customers.noise
    peak: FloatArray = customers.appliance_kw * np.exp(log_ratio)
    return peak
