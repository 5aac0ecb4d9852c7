"""Events put together by kind, so that a kind is asked once for all of its events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Family
from ghostload.anomalies.events import Events
from ghostload.anomalies.registry import KINDS
from ghostload.streams import FloatArray, IntArray

DEMAND_ORDER = (Family.BENIGN, Family.THEFT, Family.FAULT)
REGISTER_ORDER = (Family.THEFT, Family.FAULT, Family.BENIGN)
"""On a register theft acts on what flows, then a fault on what is left; billing, which is benign, comes last."""


def in_order(
    kinds: list[AnomalyKind], families: tuple[Family, ...], first: Callable[[AnomalyKind], bool] | None = None
) -> list[int]:
    """Positions of batches, those of which ``first`` holds, then family by family; within one by name as they stand."""

    def place(index: int) -> tuple[bool, int]:
        kind = kinds[index]
        return first is not None and not first(kind), families.index(kind.family)

    return sorted(range(len(kinds)), key=place)


def overrides(kind: AnomalyKind, method: str) -> bool:
    """Whether a kind has a method of its own."""
    return getattr(type(kind), method) is not getattr(AnomalyKind, method)


def batches_of(events: Events) -> list[IntArray]:
    """Positions of events of one kind, each meter once: the second event of a kind on a meter is in a second batch."""
    if not len(events):
        return []
    order = np.lexsort((events.spans.start, events.meter, events.kind))
    meter, kind = events.meter[order], events.kind[order]
    fresh = np.r_[True, (meter[1:] != meter[:-1]) | (kind[1:] != kind[:-1])]
    position = np.arange(len(order))
    occurrence = position - np.maximum.accumulate(np.where(fresh, position, 0))
    names = np.array(events.kinds)[kind]
    keys = sorted(set(zip(names.tolist(), occurrence.tolist(), strict=True)))
    return [order[(names == name) & (occurrence == turn)] for name, turn in keys]


def kind_of(events: Events, batch: IntArray) -> AnomalyKind:
    """Return the kind of a batch."""
    return KINDS.get(events.kinds[events.kind[batch[0]]])


def acts_in_hours(kind: AnomalyKind) -> bool:
    """Whether only hours can show what a kind does, so that its months are sums of hours."""
    return overrides(kind, "on_hours")


def kind_parameters(kind: AnomalyKind, uniform: FloatArray) -> dict[str, FloatArray]:
    """Turn draws into the values of a kind's parameters.

    Parameters
    ----------
    kind : AnomalyKind
    uniform : (E, MAX_PARAMETERS) array

    Returns
    -------
    dict of name to (E,) array
    """
    return {p.name: p.draw(uniform[:, column]) for column, p in enumerate(kind.parameters)}
