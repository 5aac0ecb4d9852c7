"""Draws that are a function of their address alone, for the few hours of the few meters that need them.

:class:`~ghostload.streams.Streams` draws whole blocks of meters; where one meter in twenty needs a draw for each hour,
a hash of (seed, stage, meter, month, hour) is cheaper. The hash is the finaliser of SplitMix64, applied once for each
part of the address (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
:doi:`10.1145/2660193.2660195`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray, Stage, Streams

WordArray = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
UNIT = 2.0**-53
"""A word's upper 53 bits times this are a number in [0, 1)."""


def stage_key(streams: Streams, stage: Stage) -> int:
    """Return the 64-bit key of a stage."""
    return int(np.random.SeedSequence(streams.root_seed, spawn_key=(int(stage),)).generate_state(1, np.uint64)[0])


def hashed_uniform(streams: Streams, stage: Stage, entity: IntArray, month: int, count: int) -> FloatArray:
    """Draw ``count`` uniform numbers in [0, 1) for each entity in a calendar month.

    Parameters
    ----------
    streams : Streams
    stage : Stage
    entity : (E,) array of int
        Meter numbers, or what else the draws belong to.
    month : int
        Month number.
    count : int

    Returns
    -------
    (E, count) array; the first columns do not depend on ``count``.
    """
    key = np.uint64(stage_key(streams, stage))
    own = _step(_step(key, np.asarray(entity)), np.array(month))
    word: WordArray = _step(own[:, None], np.arange(count)[None])
    return (word >> np.uint64(11)).astype(np.float64) * UNIT


def _step(word: WordArray | np.uint64, part: IntArray) -> WordArray:
    """Take one part of an address into a word."""
    with np.errstate(over="ignore"):
        word = np.asarray(word + (part.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))
        word = (word ^ (word >> np.uint64(30))) * np.uint64(MIX_1)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(MIX_2)
        mixed: WordArray = word ^ (word >> np.uint64(31))
    return mixed
