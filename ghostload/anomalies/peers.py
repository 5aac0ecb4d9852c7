"""Who covers for a theft that needs somebody else's meter."""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.events import Events
from ghostload.anomalies.registry import KINDS
from ghostload.streams import FloatArray, IntArray, Stage, Streams


def draw_companions(thefts: Events, meter_transformer: IntArray, streams: Streams) -> list[Events]:
    """Draw, for each theft of a kind with a companion, a customer of the same transformer that does not steal.

    Neighbours are taken in the order of a draw of their own, each once; where all of them steal there is none, and the
    theft stays without.

    Parameters
    ----------
    thefts : Events
        In the order of their meters.
    meter_transformer : (N,) array of int
    streams : Streams

    Returns
    -------
    list of Events, one item for each kind of companion; the events last as long as their thefts.
    """
    names = sorted({KINDS.get(name).companion for name in thefts.kinds} - {""})
    if not names:
        return []
    count = len(meter_transformer)
    key = streams.uniform(Stage.PEER_CHOICE, 0, count, 1)[:, 0]
    key[thefts.meter] = np.inf
    wants = np.array([KINDS.get(name).companion for name in thefts.kinds])[thefts.kind]
    chosen, peer = _matched(np.flatnonzero(wants != ""), thefts.meter, meter_transformer, key)
    found = []
    for name in names:
        at = wants[chosen] == name
        event = thefts.rows(chosen[at])
        order = np.argsort(peer[at], kind="stable")
        event = event.rows(order)
        kind = np.zeros(len(event), dtype=np.int64)
        strength = np.ones(len(event))
        found.append(Events(peer[at][order], kind, (name,), event.spans, strength, event.uniform, event.meter))
    return found


def _matched(
    wanting: IntArray, meter: IntArray, meter_transformer: IntArray, key: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return the thefts that find a neighbour, and the neighbours' meters."""
    num_transformers = int(meter_transformer.max(initial=-1)) + 1
    order = np.lexsort((key, meter_transformer))
    order = order[np.isfinite(key[order])]
    size = np.bincount(meter_transformer[order], minlength=num_transformers)
    first = np.cumsum(size) - size
    transformer = meter_transformer[meter[wanting]]
    queue = np.argsort(transformer, kind="stable")
    wanting, transformer = wanting[queue], transformer[queue]
    rank = np.arange(len(wanting)) - np.searchsorted(transformer, transformer)
    has = rank < size[transformer]
    return wanting[has], order[first[transformer[has]] + rank[has]].astype(np.int64)
