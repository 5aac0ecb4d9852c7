"""Ratings: the diversified peak of the connected load, and the standard transformer that fits it."""

from __future__ import annotations

import numpy as np

from ghostload.errors import ConfigError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

STANDARD_RATINGS_KVA = (
    10.0,
    15.0,
    25.0,
    37.5,
    50.0,
    75.0,
    100.0,
    150.0,
    167.0,
    200.0,
    250.0,
    300.0,
    333.0,
    500.0,
    750.0,
    1000.0,
)
"""Ratings that are made: the usual single-phase and three-phase steps (IEEE C57.12.20 and C57.12.34), and banks."""

SHARED_AT_3_KVA = (0.073, 0.60, 0.55)
SHARED_EXPONENT = (0.58, 0.0, 0.0)
"""What one of very many residential, commercial, industrial customers adds to their hourly peak over its own peak: at
3 kVA, and the power of the own peak with which that grows."""
HOUR_OF_FEW = (0.65, 1.0, 1.0)
"""The same of one alone, in an hour, as far as groups of a few show it; reasons in docs/territory.md."""

TARGET_LOADING_MEDIAN = 0.80
TARGET_LOADING_SIGMA = 0.25
_TARGET_LIMITS = (0.40, 1.00)
"""Peak loading that a transformer was planned for: log-normal over transformers, cut at these limits. The planner knows
a peak to a tenth, so that one planned for its rating stays below 110 % in most years."""


def shared_and_own_kva(meter_kva: FloatArray, meter_class_index: IntArray) -> tuple[FloatArray, FloatArray]:
    """Split each meter's peak into what it adds to the hourly peak of very many, and what more it may draw alone.

    Parameters
    ----------
    meter_kva : (N,) array
        Each meter's own peak apparent demand, kVA.
    meter_class_index : (N,) array
        0 residential, 1 commercial, 2 industrial.

    Returns
    -------
    (N,) and (N,) arrays of kVA
    """
    alone = np.array(HOUR_OF_FEW)[meter_class_index] * meter_kva
    growth = (meter_kva / 3.0) ** np.array(SHARED_EXPONENT)[meter_class_index]
    shared = np.minimum(np.array(SHARED_AT_3_KVA)[meter_class_index] * growth * meter_kva, alone)
    return shared, alone - shared


def diversified_peak_kva(
    meter_kva: FloatArray, meter_class_index: IntArray, meter_transformer: IntArray, num_transformers: int
) -> FloatArray:
    r"""Highest hour of the load that each transformer serves, less than the sum of its meters' peaks.

    .. math:: P = \max\Big(\max_i p_i,\ \sum_i s_i + \sqrt{\sum_i (h_i p_i - s_i)^2}\Big)

    with :math:`s_i` what meter i adds among very many and :math:`h_i p_i` what it draws among few, as
    :func:`shared_and_own_kva` has them: Rusck's formula [1]_, written for customers that differ. For many alike the
    square root fades as :math:`1 / \sqrt{n}` against the first sum.

    Parameters
    ----------
    meter_kva : (N,) array
        Each meter's own peak apparent demand, kVA.
    meter_class_index : (N,) array
        0 residential, 1 commercial, 2 industrial.
    meter_transformer : (N,) array of transformer indices
    num_transformers : int

    Returns
    -------
    (T,) array of kVA; 0 where there is no meter

    References
    ----------
    .. [1] Rusck, "The simultaneous demand in distribution network supplying domestic consumers", ASEA Journal, 1956.
    """
    shared, own = shared_and_own_kva(meter_kva, meter_class_index)
    together = np.bincount(meter_transformer, weights=shared, minlength=num_transformers)
    apart = np.bincount(meter_transformer, weights=own**2, minlength=num_transformers)
    peak = np.asarray(together + np.sqrt(apart), dtype=np.float64)
    np.maximum.at(peak, meter_transformer, meter_kva)
    return peak


def standard_ratings_in(capacity_range: tuple[float, float]) -> FloatArray:
    """Return the standard ratings within an inclusive range of kVA, ascending.

    Raises
    ------
    ConfigError
        There is none.
    """
    low, high = capacity_range
    ratings = np.array([rating for rating in STANDARD_RATINGS_KVA if low <= rating <= high])
    if len(ratings) == 0:
        known = ", ".join(f"{rating:g}" for rating in STANDARD_RATINGS_KVA)
        raise ConfigError(
            f"transformer_capacity_range: ({low:g}, {high:g}) holds no standard rating; widen it to one of {known} kVA"
        )
    return ratings


def fit_capacity_kva(peak_kva: FloatArray, capacity_range: tuple[float, float], streams: Streams) -> FloatArray:
    """Choose the smallest standard rating that keeps the peak within the loading that the transformer was planned for.

    So no planned peak is above a rating, but where the largest that may be installed is too small.

    Parameters
    ----------
    peak_kva : (T,) array
        Diversified peak, kVA.
    capacity_range : (float, float)
        Smallest and largest rating that may be installed, kVA.
    streams : Streams

    Returns
    -------
    (T,) array of kVA; the largest rating where none is large enough

    Raises
    ------
    ConfigError
        No standard rating lies in the range.
    """
    ratings = standard_ratings_in(capacity_range)
    drawn = streams.normal(Stage.TRANSFORMER_RATING, 0, len(peak_kva), 1)[:, 0]
    target = np.clip(TARGET_LOADING_MEDIAN * np.exp(TARGET_LOADING_SIGMA * drawn), *_TARGET_LIMITS)
    place = np.searchsorted(ratings, peak_kva / target, side="left")
    return np.asarray(ratings[np.minimum(place, len(ratings) - 1)])
