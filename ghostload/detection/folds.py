"""Splits by transformer, never by row: meters of one transformer are never on both sides."""

from __future__ import annotations

import numpy as np

from ghostload.errors import UsageError
from ghostload.streams import IntArray, Stage, Streams

NUM_FOLDS = 5

FOLD_ADDRESS, STATE_ADDRESS, BOOTSTRAP_ADDRESS = 1, 2, 3
"""Addresses of the draws under ``Stage.EVALUATION``."""


def transformer_folds(group_code: IntArray, *, seed: int, num_folds: int = NUM_FOLDS) -> IntArray:
    """Deal the transformers into folds at random, so that each fold has nearly the same number of transformers.

    Parameters
    ----------
    group_code : (N,) array of int
        Transformer of each meter, counted from 0.
    seed : int
    num_folds : int
        At most; with fewer transformers, one fold each.

    Returns
    -------
    (N,) array of int, the fold of each meter, from 0.

    Raises
    ------
    UsageError
        There is one transformer alone: nothing is left to learn from.
    """
    num_groups = int(group_code.max(initial=-1)) + 1
    if num_groups < 2:
        raise UsageError("a split by transformer needs at least 2 transformers, the data set has 1")
    rank = np.argsort(Streams(seed).of(Stage.EVALUATION, FOLD_ADDRESS).random(num_groups), kind="stable").argsort()
    return np.asarray((rank % min(num_folds, num_groups))[group_code], dtype=np.int64)


def random_state_of(seed: int) -> int:
    """Return the integer that detectors take as ``random_state``."""
    return int(Streams(seed).of(Stage.EVALUATION, STATE_ADDRESS).integers(2**31 - 1))
