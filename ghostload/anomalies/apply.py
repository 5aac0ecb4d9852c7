"""Events at work: from what would be drawn to what is drawn and what is registered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.anomalies.base import AnomalyKind, EventBlock, Family
from ghostload.anomalies.events import Events
from ghostload.anomalies.registry import KINDS
from ghostload.consumption.customers import Customers
from ghostload.errors import RegistrationError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

DEMAND_ORDER = (Family.BENIGN, Family.THEFT, Family.FAULT)
REGISTER_ORDER = (Family.THEFT, Family.FAULT, Family.BENIGN)
"""On a register theft acts on what flows, then a fault on what is left; billing, which is benign, comes last."""


@dataclass(frozen=True)
class Outcome:
    """What became of n customers over T months.

    Attributes
    ----------
    true_kwh : (n, T) array
        Truly drawn.
    shown_kwh : (n, T) array
        What an errorless register would show.
    lost_kwh : (E,) array
        Drawn but not shown because of each event; negative where an event shows too much.
    exposed_kwh : (E,) array
        Drawn in the months that each event touched: while it was on, or where it changed what was shown.
    """

    true_kwh: FloatArray
    shown_kwh: FloatArray
    lost_kwh: FloatArray
    exposed_kwh: FloatArray


def apply_events(kwh: FloatArray, events: Events, customers: Customers, numbers: IntArray, streams: Streams) -> Outcome:
    """Apply the events of some customers.

    The sum over a customer's events of ``lost_kwh`` is the sum of ``true_kwh - shown_kwh``, exactly but for rounding.

    Parameters
    ----------
    kwh : (n, T) array
        What the customers would draw without events.
    events : Events
        Of these customers alone.
    customers : Customers
    numbers : (T,) array of int
    streams : Streams

    Returns
    -------
    Outcome
    """
    true = kwh.copy()
    month_draws = _month_draws(customers, numbers, streams)
    batches = _batches(events)
    blocks = [_block(events, batch, customers, numbers, month_draws) for batch in batches]
    rows = [events.meter[batch] - customers.start for batch in batches]
    kinds = [KINDS.get(events.kinds[events.kind[batch[0]]]) for batch in batches]
    for index in _in_order(kinds, DEMAND_ORDER):
        if _overrides(kinds[index], "on_demand"):
            true[rows[index]] = _checked(kinds[index], kinds[index].on_demand(true[rows[index]], blocks[index]))
    shown = true.copy()
    lost, exposed = np.zeros(len(events)), np.zeros(len(events))
    for index in _in_order(kinds, REGISTER_ORDER):
        row, block = rows[index], blocks[index]
        touched = block.active
        if _overrides(kinds[index], "on_register"):
            before = shown[row]
            after = _checked(kinds[index], kinds[index].on_register(before, block))
            lost[batches[index]] = (before - after).sum(axis=1)
            touched = np.maximum(touched, before != after)
            shown[row] = after
        exposed[batches[index]] = (true[row] * touched).sum(axis=1)
    return Outcome(true, shown, lost, exposed)


def _in_order(kinds: list[AnomalyKind], families: tuple[Family, ...]) -> list[int]:
    """Positions of batches, family by family; within a family as they stand, that is by name."""
    return sorted(range(len(kinds)), key=lambda index: families.index(kinds[index].family))


def _overrides(kind: AnomalyKind, method: str) -> bool:
    return getattr(type(kind), method) is not getattr(AnomalyKind, method)


def _checked(kind: AnomalyKind, kwh: FloatArray) -> FloatArray:
    """Refuse energy that no kind may give."""
    if not (np.isfinite(kwh).all() and (kwh >= 0.0).all()):
        raise RegistrationError(f"anomaly kind {kind.name!r} gave energy that is negative or not finite; clip it at 0")
    return kwh


def _batches(events: Events) -> list[IntArray]:
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


def _block(
    events: Events, batch: IntArray, customers: Customers, numbers: IntArray, month_draws: FloatArray
) -> EventBlock:
    chosen = events.rows(batch)
    row = chosen.meter - customers.start
    months = len(numbers)
    return EventBlock(
        active=chosen.spans.active(months),
        elapsed_months=chosen.spans.elapsed(months),
        closing=chosen.spans.closing(months),
        parameters=kind_parameters(KINDS.get(events.kinds[events.kind[batch[0]]]), chosen.uniform),
        strength=chosen.strength,
        uniform=month_draws[row],
        level_kwh=customers.level_kwh[row],
        class_index=customers.class_index[row],
        numbers=numbers,
    )


def _month_draws(customers: Customers, numbers: IntArray, streams: Streams) -> FloatArray:
    """One uniform draw for each customer and calendar month; (n, T)."""
    stop = customers.start + len(customers)
    years = range(int(numbers[0]) // 12, int(numbers[-1]) // 12 + 1)
    draws = [streams.uniform(Stage.EVENT_MONTH, customers.start, stop, 12, year) for year in years]
    skipped = int(numbers[0]) % 12
    return np.concatenate(draws, axis=1)[:, skipped : skipped + len(numbers)]
