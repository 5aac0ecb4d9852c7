"""Features brought to one scale, for detectors that measure distances."""

from __future__ import annotations

import numpy as np

from ghostload.streams import FloatArray

CLIP = 8.0
"""Scaled values are held within this many spreads: a single wild ratio is far out, but does not drown the rest."""


class RobustScaler:
    """Centre by the median, divide by the interquartile range (the standard deviation where that is zero), and clip.

    Columns that do not vary at all are left out.
    """

    def fit(self, X: FloatArray) -> RobustScaler:
        """Learn centre and spread of each column of (N, F)."""
        low, middle, high = np.percentile(X, (25, 50, 75), axis=0)
        spread = (high - low) / 1.349
        deviation = X.std(axis=0)
        spread = np.where(spread > 1e-9 * (1 + np.abs(middle)), spread, deviation)
        self._kept = spread > 1e-9 * (1 + np.abs(middle))
        self._centre, self._spread = middle[self._kept], spread[self._kept]
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return (N, kept columns); one column of zeros when no column varies."""
        if not self._kept.any():
            return np.zeros((len(X), 1))
        scaled: FloatArray = np.clip((X[:, self._kept] - self._centre) / self._spread, -CLIP, CLIP)
        return scaled
