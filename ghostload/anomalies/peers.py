"""Who covers for a theft that needs somebody else's meter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.choice import smallest_of_groups
from ghostload.anomalies.events import Events, KeptEvents, join
from ghostload.anomalies.registry import KINDS
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, IntArray, Stage, Streams, spans
from ghostload.territory.order import grouped


def with_companions(thefts: Events, meter_transformer: IntArray, streams: Streams, scratch: Scratch) -> Events:
    """Add, for each theft of a kind with a companion, an event of a customer of its transformer that does not steal.

    Neighbours are taken in the order of a draw of their own, each once; where all of them steal there is none, and the
    theft stays without. The event lasts as long as its theft.

    Parameters
    ----------
    thefts : Events
        In the order of their meters.
    meter_transformer : (N,) array of int
    streams : Streams
    scratch : Scratch
        Where the events lie, and what is as long as the meters.

    Returns
    -------
    Events, in the order of their meters
    """
    companion = [KINDS.get(name).companion for name in thefts.kinds]
    names = sorted({*companion} - {""})
    if not names:
        return thefts
    wants = np.array([name != "" for name in companion])
    kind = np.array([names.index(name) if name else 0 for name in companion], dtype=np.int64)
    covered = _covered(thefts, wants, meter_transformer, streams, scratch)
    kept = KeptEvents(scratch)
    for part in spans(len(covered)):
        peer = np.flatnonzero(covered[part]) + part.start
        of = thefts.rows(covered[peer] - 1)
        added = Events(peer, kind[of.kind], names, of.spans, np.ones(len(peer)), of.uniform, of.meter)
        kept.add(join([thefts.of_meters(part.start, part.stop), added]))
    return kept.whole()


def _covered(
    thefts: Events, wants: BoolArray, meter_transformer: IntArray, streams: Streams, scratch: Scratch
) -> NDArray[np.int32]:
    """Return for each meter the number of the theft that it covers, counted from 1, or 0; (N,)."""
    count, transformers = len(meter_transformer), int(meter_transformer.max(initial=-1)) + 1
    waiting, free = scratch.zeros(count), scratch.zeros(count)
    most_waiting, most_free = np.zeros(transformers, np.int64), np.zeros(transformers, np.int64)
    for part in spans(count):
        own = thefts.of_meters(part.start, part.stop)
        thief, honest = own.meter[wants[own.kind]], np.ones(part.stop - part.start, dtype=bool)
        honest[own.meter - part.start] = False
        waiting[part], waiting[thief] = np.inf, thief
        free[part] = np.where(honest, streams.uniform(Stage.PEER_CHOICE, part.start, part.stop, 1)[:, 0], np.inf)
        np.add.at(most_waiting, meter_transformer[thief], 1)
        np.add.at(most_free, meter_transformer[part][honest], 1)
    members = grouped(meter_transformer.__getitem__, count, transformers, scratch)
    most = np.minimum(most_waiting, most_free)
    covered: NDArray[np.int32] = scratch.zeros(count, np.int32)
    pairs = (smallest_of_groups(keys, members, most) for keys in (waiting, free))
    for thief, peer in zip(*pairs, strict=True):
        covered[peer] = np.searchsorted(thefts.meter, thief) + 1
    return covered
