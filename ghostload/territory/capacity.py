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

CLASS_COINCIDENCE = (0.06, 0.50, 0.55)
"""Coincidence of very many residential, commercial, industrial customers; reasons in docs/territory.md."""

TARGET_LOADING_MEDIAN = 0.80
TARGET_LOADING_SIGMA = 0.25
_TARGET_LIMITS = (0.40, 1.30)
"""Peak loading that a transformer was planned for: log-normal over transformers, cut at these limits."""


def diversified_peak_kva(
    meter_kva: FloatArray, meter_class_index: IntArray, meter_transformer: IntArray, num_transformers: int
) -> FloatArray:
    r"""Peak of the load that each transformer serves, less than the sum of its meters' peaks.

    .. math:: P = \sum_i c_i p_i + \sqrt{\sum_i ((1 - c_i) p_i)^2}

    with :math:`c_i` of :data:`CLASS_COINCIDENCE`: Rusck's formula [1]_, written for customers that differ.
    One customer's peak is its own; for many alike the second term fades as :math:`1 / \sqrt{n}` against the first.

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
    coincidence = np.array(CLASS_COINCIDENCE)[meter_class_index]
    shared = np.bincount(meter_transformer, weights=coincidence * meter_kva, minlength=num_transformers)
    own = np.bincount(meter_transformer, weights=((1 - coincidence) * meter_kva) ** 2, minlength=num_transformers)
    return np.asarray(shared + np.sqrt(own), dtype=np.float64)


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
