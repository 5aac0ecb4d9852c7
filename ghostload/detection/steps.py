"""The largest step in a short series, measured against the series' own noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.streams import FloatArray

NORMAL_MAD = 0.6744897501960817
"""Median absolute value of a standard normal number."""

NOISE_FLOOR = 0.02
"""Smallest noise of a monthly log ratio that is believed: 2 %, about what the days of a month do by themselves."""


@dataclass(frozen=True)
class Steps:
    """Largest fall and rise of each series.

    Attributes
    ----------
    drop, rise : (N,) arrays
        Difference of the means before and after the best split, over its standard error; never negative.
    drop_size, rise_size : (N,) arrays
        The difference itself at that split; never negative.
    """

    drop: FloatArray
    drop_size: FloatArray
    rise: FloatArray
    rise_size: FloatArray


def largest_steps(series: FloatArray) -> Steps:
    r"""Look at every split of each series and keep the largest fall and the largest rise.

    With ``a`` values before the split and ``b`` after it,

    .. math:: z = \frac{\bar x_{before} - \bar x_{after}}{\sigma \sqrt{1/a + 1/b}}

    where :math:`\sigma` comes from the median absolute first difference, which a single step or a single odd month
    hardly moves, averaged in square with the median over all series so that few months suffice. Both sides keep at
    least a sixth of the months: one odd month at an end is no step.

    Parameters
    ----------
    series : (N, T) array
        Log ratios. With T = 1 there is no split and all steps are zero.
    """
    num_series, num_months = series.shape
    shortest = max(1, num_months // 6)
    before = np.arange(shortest, num_months - shortest + 1)
    if num_months < 2:
        return Steps(*(np.zeros(num_series) for _ in range(4)))
    after = num_months - before
    total = np.cumsum(series, axis=1)
    falls = total[:, before - 1] / before - (total[:, -1:] - total[:, before - 1]) / after
    scores = falls / (_noise(series)[:, None] * np.sqrt(1 / before + 1 / after))
    return Steps(*_best(scores, falls), *_best(-scores, -falls))


def _noise(series: FloatArray) -> FloatArray:
    own = np.median(np.abs(np.diff(series, axis=1)), axis=1) / (NORMAL_MAD * np.sqrt(2.0))
    common = np.median(own)
    noise: FloatArray = np.maximum(np.sqrt((own**2 + common**2) / 2), NOISE_FLOOR)
    return noise


def _best(scores: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    at = scores.argmax(axis=1)[:, None]
    best, size = np.take_along_axis(scores, at, axis=1)[:, 0], np.take_along_axis(sizes, at, axis=1)[:, 0]
    return np.maximum(best, 0.0), np.maximum(size, 0.0)
