"""Randomness that is addressed, never consumed.

A draw belongs to a stage and to a numbered entity. Entities are drawn in blocks of :data:`BLOCK` rows; each block has
a generator of its own, seeded from (root seed, stage, address, block number), and is always drawn whole. So row ``i``
of a stage is the same number whatever the count of entities, whoever asks, in whichever order and with however many
workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum, unique

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BLOCK = 1024
"""Rows in one block of draws. Part of the data: another value gives other numbers."""

AT_ONCE = 16 * BLOCK
"""Entities that are worked on together where there may be millions: memory holds so many. Not part of the data."""


def spans(count: int, width: int = 1) -> Iterator[slice]:
    """Yield slices that together are ``range(count)``, each of :data:`AT_ONCE` entities but for the last.

    Parameters
    ----------
    count : int
    width : int
        Entities in one row, where rows are counted; one row at least is yielded at a time.
    """
    step = max(1, AT_ONCE // width)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


@unique
class Stage(IntEnum):
    """Addresses of the stages. A number, once used, is never given to another stage: the bytes of a seed hang on it."""

    FEEDER_PLACE = 1
    TRANSFORMER_PLACE = 2
    TRANSFORMER_WEIGHT = 3
    METER_TRANSFORMER = 4
    METER_PLACE = 5
    TRANSFORMER_RATING = 6
    SUBSTATION_PLACE = 7
    WIRES_LATERAL_PHASE = 8
    WIRES_SERVICE_PHASE = 9
    CUSTOMER_CLASS = 20
    CUSTOMER_LEVEL = 21
    CUSTOMER_HABIT = 22
    CUSTOMER_PEAK = 23
    MONTH_NOISE = 24
    MONTH_EPISODE = 25
    DAY_WEATHER = 26
    CUSTOMER_ARCHETYPE = 27
    INTERVAL = 28
    REACTIVE = 29
    THEFT_CHOICE = 40
    THEFT_KIND = 41
    THEFT_TIMING = 42
    EVENT_MONTH = 44
    LOOKALIKE_CHOICE = 45
    LOOKALIKE_TIMING = 46
    EVENT_HOUR = 47
    PEER_CHOICE = 48
    HOT_SPOT = 49
    SKY = 50
    METER_ERROR = 60
    METER_CLOCK = 61
    COMMUNICATION = 62
    GAP = 63
    STUCK_REGISTER = 64
    VOLTAGE_ERROR = 65
    TRANSFORMER_METER = 66
    FEEDER_METER = 67
    EVALUATION = 80
    RECORDS = 81


class Streams:
    """Independent random streams of one root seed.

    Parameters
    ----------
    root_seed : int
        Non-negative seed of the whole data set.
    """

    def __init__(self, root_seed: int) -> None:
        self.root_seed = int(root_seed)

    def of(self, stage: Stage, *address: int) -> np.random.Generator:
        """Return a fresh generator for one stage and one non-negative integer address (entity, month, block ...)."""
        seed = np.random.SeedSequence(self.root_seed, spawn_key=(int(stage), *address))
        return np.random.Generator(np.random.SFC64(seed))

    def rows(
        self,
        stage: Stage,
        start: int,
        stop: int,
        width: int,
        draw: Callable[[np.random.Generator, tuple[int, int]], FloatArray],
        *address: int,
    ) -> FloatArray:
        """Draw ``width`` numbers for each of the entities ``start .. stop - 1``.

        Parameters
        ----------
        start, stop : int
            Half-open range of entity numbers.
        width : int
            Numbers for one entity.
        draw : callable (Generator, (BLOCK, width)) -> (BLOCK, width) array
            For example ``np.random.Generator.standard_normal``.
        *address : int
            Further non-negative coordinates, such as a calendar year.

        Returns
        -------
        (stop - start, width) array; a row depends on its entity number, stage and address alone.
        """
        if stop <= start:
            return np.empty((0, width))
        first, last = start // BLOCK, (stop - 1) // BLOCK
        blocks = [draw(self.of(stage, *address, block), (BLOCK, width)) for block in range(first, last + 1)]
        joined = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        return joined[start - first * BLOCK : stop - first * BLOCK]

    def uniform(self, stage: Stage, start: int, stop: int, width: int, *address: int) -> FloatArray:
        """Uniform numbers in [0, 1), addressed as in :meth:`rows`."""
        return self.rows(stage, start, stop, width, lambda rng, shape: rng.random(shape), *address)

    def normal(self, stage: Stage, start: int, stop: int, width: int, *address: int) -> FloatArray:
        """Draw standard normal numbers, addressed as in :meth:`rows`."""
        return self.rows(stage, start, stop, width, lambda rng, shape: rng.standard_normal(shape), *address)
