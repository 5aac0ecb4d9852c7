"""The climate's share of demand, kept apart from the customers' habits."""

from __future__ import annotations

import numpy as np

from ghostload.streams import FloatArray, IntArray

MANILA_TEMP_AIR_DEG_C: FloatArray = np.array([27.0, 27.5, 29.0, 30.5, 30.5, 29.5, 28.5, 28.5, 28.5, 28.5, 28.0, 27.5])
"""Mean air temperature of January to December at Port Area, Manila, to half a degree.

After the climatological normals of the Philippine weather service, PAGASA. The year's peak is April and May, before
the south-west monsoon, as is the peak of Metro Manila's demand.
"""

BALANCE_DEG_C = 24.0
"""Outdoor temperature at which cooling starts; usual base of cooling degree-days in the tropics."""


def cooling_anomaly(numbers: IntArray, *, balance_deg_c: float = BALANCE_DEG_C) -> FloatArray:
    """Cooling need of each month relative to the year's mean.

    A hinge on the outdoor temperature, ``h = max(0, temp - balance)``, is divided by its mean over the year: 0 is an
    average month, +0.3 a month with 30 % more cooling than that.

    Parameters
    ----------
    numbers : (T,) array of int
        Month numbers.
    balance_deg_c : float
        Temperature at which cooling starts.

    Returns
    -------
    (T,) array, mean 0 over a whole year.
    """
    degrees = np.maximum(0.0, MANILA_TEMP_AIR_DEG_C - balance_deg_c)
    relative: FloatArray = degrees / degrees.mean() - 1.0
    return relative[numbers % 12]
