"""Statistics by group, without a loop over meters or months."""

from __future__ import annotations

import numpy as np

from ghostload.streams import FloatArray, IntArray


def group_median(values: FloatArray, code: IntArray) -> FloatArray:
    """Return for each row the column medians of its group.

    Parameters
    ----------
    values : (N, K) array
    code : (N,) array of int
        Group of each row; groups are few (customer classes).

    Returns
    -------
    (N, K) array.
    """
    out = np.empty_like(values)
    for group in np.unique(code):
        members = code == group
        out[members] = np.median(values[members], axis=0)
    return out


def neighbour_mean(values: FloatArray, code: IntArray, *, alone: float) -> FloatArray:
    """Return for each row the mean of the *other* rows of its group.

    Parameters
    ----------
    values : (N,) array
    code : (N,) array of int
        Group of each row, counted from 0.
    alone : float
        What a row without others gets.

    Returns
    -------
    (N,) array.
    """
    others = np.bincount(code)[code] - 1
    total = np.bincount(code, weights=values)[code] - values
    mean: FloatArray = np.divide(total, others, out=np.full(len(values), alone), where=others > 0)
    return mean
