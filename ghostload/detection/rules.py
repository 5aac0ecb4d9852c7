"""Rules that an inspector would use: one number each, nothing learned."""

from __future__ import annotations

import numpy as np

from ghostload.detection.detector import DetectorSpec, register_detector
from ghostload.streams import FloatArray, IntArray


class ColumnScore:
    """The sum of the feature columns, times a sign.

    Parameters
    ----------
    sign : float
        1 when a high value is suspicious, -1 when a low one is.
    """

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def fit(self, X: FloatArray, y: IntArray | None = None) -> ColumnScore:
        """Learn nothing."""
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) signed sums."""
        scores: FloatArray = self.sign * X.sum(axis=1)
        return scores


class KeyedRandom:
    """Scores that know nothing: a hash of the meter's own features and the seed.

    They are made from the features and not from the position, so that the order of the rows does not matter.

    Parameters
    ----------
    random_state : int
    """

    def __init__(self, random_state: int) -> None:
        self.random_state = random_state

    def fit(self, X: FloatArray, y: IntArray | None = None) -> KeyedRandom:
        """Learn nothing."""
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) numbers in [0, 1), equal for equal rows (SplitMix64 over the bits of the row)."""
        bits = np.ascontiguousarray(X, dtype=np.float64).view(np.uint64)
        state = np.full(len(bits), self.random_state, dtype=np.uint64)
        for column in range(bits.shape[1]):
            state = _splitmix64(state ^ bits[:, column])
        return (state >> np.uint64(11)).astype(np.float64) / 2.0**53


def _splitmix64(state: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    mixed = state + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


register_detector(
    DetectorSpec(
        "rule_drop",
        "largest fall against the meter's own past, in units of its own noise",
        lambda _: ColumnScore(),
        columns=("drop",),
    )
)
register_detector(
    DetectorSpec(
        "rule_low_vs_neighbours",
        "registers less than the other meters of its transformer, class for class",
        lambda _: ColumnScore(-1.0),
        columns=("vs_neighbours",),
    )
)
register_detector(
    DetectorSpec(
        "rule_zero_months",
        "share of months that register nothing",
        lambda _: ColumnScore(),
        columns=("zeros",),
    )
)
register_detector(
    DetectorSpec(
        "rule_flat_line",
        "share of months that equal the month before",
        lambda _: ColumnScore(),
        columns=("repeats",),
    )
)
register_detector(
    DetectorSpec(
        "rule_low_vs_kva",
        "registers little for its kVA, within its class",
        lambda _: ColumnScore(-1.0),
        features="utilisation",
    )
)
register_detector(
    DetectorSpec("random", "random scores: the floor", KeyedRandom, informed=False),
)
