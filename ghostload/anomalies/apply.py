"""Events at work: from what would be drawn to what is drawn and what is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ghostload.anomalies.base import AnomalyKind, EventBlock
from ghostload.anomalies.batches import (
    DEMAND_ORDER,
    REGISTER_ORDER,
    acts_in_hours,
    batches_of,
    in_order,
    kind_of,
    kind_parameters,
    overrides,
)
from ghostload.anomalies.events import Events
from ghostload.anomalies.in_time import HoursOf, Part, join_parts, months_of_hours
from ghostload.consumption.customers import Customers
from ghostload.errors import RegistrationError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

__all__ = ["Outcome", "apply_events", "kind_parameters", "part_of", "partner_part"]


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
    month_cut_kwh, month_lost_kwh : (E, T) array
        By month, how much less is drawn because of each event, and how much is not shown.
    """

    true_kwh: FloatArray
    shown_kwh: FloatArray
    lost_kwh: FloatArray
    exposed_kwh: FloatArray
    month_cut_kwh: FloatArray
    month_lost_kwh: FloatArray


def apply_events(
    kwh: FloatArray,
    events: Events,
    customers: Customers,
    numbers: IntArray,
    streams: Streams,
    *,
    hours_of: HoursOf | None = None,
    partners: Sequence[Part] = (),
) -> Outcome:
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
    hours_of : callable, optional
        Gives the hours of meters; needed when :func:`~ghostload.anomalies.in_time.hours_needed` names any.
    partners : sequence of Part
        Of the meters of other blocks that :func:`~ghostload.anomalies.in_time.partners_needed` names.

    Returns
    -------
    Outcome

    Raises
    ------
    UsageError
        There are events whose months are sums of hours, but no ``hours_of``, or a partner is missing.
    """
    asked = _Asked.of(events, customers, numbers, streams)
    true, cut = _draw(kwh, asked)
    month_lost = np.zeros_like(cut)
    if any(acts_in_hours(kind) for kind in asked.kinds):
        part = _part(events, customers, kwh, cut, month_lost)
        wh = months_of_hours(join_parts([part, *partners]), part, numbers, streams, hours_of)
        np.add.at(true, events.meter - customers.start, wh.added / 1000.0)
        month_lost = wh.lost / 1000.0
    shown, exposed = true.copy(), np.zeros(len(events))
    for index in in_order(asked.kinds, REGISTER_ORDER, first=acts_in_hours):
        kind, row, block, batch = asked.kinds[index], asked.rows[index], asked.blocks[index], asked.batches[index]
        before = after = shown[row]
        if acts_in_hours(kind):
            after = np.maximum(before - month_lost[batch], 0.0)
        elif overrides(kind, "on_register"):
            after = _checked(kind, kind.on_register(before, block))
        month_lost[batch] = before - after
        exposed[batch] = (true[row] * np.maximum(block.active, before != after)).sum(axis=1)
        shown[row] = after
    return Outcome(true, shown, month_lost.sum(axis=1), exposed, cut, month_lost)


@dataclass(frozen=True)
class _Asked:
    """The events kind by kind: their positions, the rows of their customers, and what the kinds are told of them."""

    batches: list[IntArray]
    kinds: list[AnomalyKind]
    rows: list[IntArray]
    blocks: list[EventBlock]

    @classmethod
    def of(cls, events: Events, customers: Customers, numbers: IntArray, streams: Streams) -> _Asked:
        batches = batches_of(events)
        draws = _month_draws(customers, numbers, streams)
        return cls(
            batches,
            [kind_of(events, batch) for batch in batches],
            [events.meter[batch] - customers.start for batch in batches],
            [_block(events, batch, customers, numbers, draws) for batch in batches],
        )


def _draw(kwh: FloatArray, asked: _Asked) -> tuple[FloatArray, FloatArray]:
    """Return what is truly drawn without loads that kinds add by the hour, (n, T) kWh, and each event's cut, (E, T)."""
    true = kwh.copy()
    cut = np.zeros((sum(map(len, asked.batches)), kwh.shape[1]))
    for index in in_order(asked.kinds, DEMAND_ORDER):
        kind, row = asked.kinds[index], asked.rows[index]
        if overrides(kind, "on_demand"):
            before = true[row]
            true[row] = _checked(kind, kind.on_demand(before, asked.blocks[index]))
            cut[asked.batches[index]] = before - true[row]
    return true, cut


def part_of(kwh: FloatArray, events: Events, customers: Customers, outcome: Outcome) -> Part:
    """Return what the hours of some customers follow from, beside the hours that they would draw without events.

    Parameters
    ----------
    kwh : (n, T) array
        As given to :func:`apply_events`, like the events and customers.
    events : Events
    customers : Customers
    outcome : Outcome
        What came of it.
    """
    return _part(events, customers, kwh, outcome.month_cut_kwh, outcome.month_lost_kwh)


def partner_part(kwh: FloatArray, events: Events, customers: Customers, numbers: IntArray, streams: Streams) -> Part:
    """Return the part of meters of another block that :func:`apply_events` needs beside its own; arguments as there."""
    _, cut = _draw(kwh, _Asked.of(events, customers, numbers, streams))
    return _part(events, customers, kwh, cut, np.zeros_like(cut))


def _part(events: Events, customers: Customers, kwh: FloatArray, cut: FloatArray, lost: FloatArray) -> Part:
    return Part(
        meters=np.arange(customers.start, customers.start + len(customers)),
        level_kwh=customers.level_kwh,
        class_index=customers.class_index,
        drawn_kwh=kwh,
        events=events,
        cut_wh=np.rint(1000.0 * cut).astype(np.int64),
        lost_wh=np.rint(1000.0 * lost).astype(np.int64),
    )


def _checked(kind: AnomalyKind, kwh: FloatArray) -> FloatArray:
    """Refuse energy that no kind may give."""
    if not (np.isfinite(kwh).all() and (kwh >= 0.0).all()):
        raise RegistrationError(f"anomaly kind {kind.name!r} gave energy that is negative or not finite; clip it at 0")
    return kwh


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
        parameters=kind_parameters(kind_of(events, batch), chosen.uniform),
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
