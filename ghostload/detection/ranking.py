"""Scores as a ranking with ties, under any number of weightings of the meters at once.

Tied meters are treated as one block: what depends on a place in the ranking is the expected value under a random order
within the block. So no result depends on the order of the rows.
"""

from __future__ import annotations

import numpy as np

from ghostload.streams import FloatArray, IntArray


class Ranking:
    """Meters from the most to the least suspicious.

    Parameters
    ----------
    scores : (N,) array
        Finite; the higher the more suspicious.
    """

    def __init__(self, scores: FloatArray) -> None:
        self.order: IntArray = np.argsort(-scores, kind="stable")
        ordered = scores[self.order]
        self._starts: IntArray = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._lengths = np.diff(np.r_[self._starts, len(scores)])

    def blocks(self, ordered: FloatArray) -> FloatArray:
        """Sum (B, N) numbers, in ranked order, over the blocks of ties: (B, K)."""
        if len(self._starts) == ordered.shape[1]:
            return ordered
        summed: FloatArray = np.add.reduceat(ordered, self._starts, axis=1)
        return summed

    def taken(self, block_weights: FloatArray, amount: FloatArray) -> FloatArray:
        """Return the share of each meter that is taken when weight is taken from the top until ``amount`` is reached.

        Parameters
        ----------
        block_weights : (B, K) array
            Weight of each block of ties.
        amount : (B,) array
            Weight to be taken.

        Returns
        -------
        (B, N) array of 0 to 1, in ranked order; the same within a block of ties.
        """
        above = np.cumsum(block_weights, axis=1) - block_weights
        rest = amount[:, None] - above
        share = np.divide(rest, block_weights, out=np.zeros_like(rest), where=block_weights > 0)
        return np.repeat(np.clip(share, 0.0, 1.0), self._lengths, axis=1)


def average_precision_of(positive: FloatArray, weight: FloatArray) -> FloatArray:
    r"""Average precision :math:`\sum_n (R_n - R_{n-1}) P_n` over blocks of ties, as scikit-learn defines it.

    Parameters
    ----------
    positive, weight : (B, K) arrays
        Weight of the positives, and of all, in each block.

    Returns
    -------
    (B,) array, NaN where there is no positive.
    """
    total = positive.sum(axis=1)
    seen = np.cumsum(weight, axis=1)
    precision = np.divide(np.cumsum(positive, axis=1), seen, out=np.zeros_like(seen), where=seen > 0)
    return ratio((positive * precision).sum(axis=1), total)


def roc_auc_of(positive: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the chance that a positive ranks above a negative, ties counting half: (B,), NaN with one class alone."""
    negative = weight - positive
    above = np.cumsum(positive, axis=1) - positive / 2
    return ratio((negative * above).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide, NaN (not defined) where the whole is zero."""
    result: FloatArray = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return result
