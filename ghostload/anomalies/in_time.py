"""Events hour by hour: from what customers would draw in a month to what they draw and what a register would show.

Everything is whole watt-hours. What kinds change by the month is spread over its hours (:mod:`.spread`); kinds that
only hours can show act on the hours themselves. For each customer and hour, true less shown energy is the sum of what
its events lose, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.base import AnomalyKind
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
from ghostload.anomalies.events import Events, join
from ghostload.anomalies.hours import HourBlock, active_hours, month_hours
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.spread import Spread, lost_in_time, whole
from ghostload.errors import RegistrationError, UsageError
from ghostload.streams import BoolArray, FloatArray, IntArray, Streams

HoursOf = Callable[[IntArray, FloatArray], NDArray[np.integer]]
"""From meter numbers (k,) and their months' energy without events (k, T) kWh to their hours (k, all hours) Wh."""


@dataclass(frozen=True)
class Part:
    """Some customers and their events, as far as their hours follow from them.

    Attributes
    ----------
    meters : (n,) array of int
        Meter numbers, ascending.
    level_kwh : (n,) array
        Long-run mean of monthly energy.
    class_index : (n,) array of int
    drawn_kwh : (n, T) array
        What they would draw without events.
    events : Events
        E events, all of those of these meters.
    cut_wh, lost_wh : (E, T) array of int
        By month, how much less is drawn because of each event, and how much is not shown. Not read for kinds that
        act on hours: what they lose is computed.
    """

    meters: IntArray
    level_kwh: FloatArray
    class_index: IntArray
    drawn_kwh: FloatArray
    events: Events
    cut_wh: IntArray
    lost_wh: IntArray

    def of_meters(self, meters: IntArray) -> Part:
        """Return what belongs to some of the meters, given in ascending order."""
        row = np.searchsorted(self.meters, meters)
        event = np.flatnonzero(np.isin(self.events.meter, meters))
        customers = {name: getattr(self, name)[row] for name in ("meters", "level_kwh", "class_index", "drawn_kwh")}
        return Part(**customers, events=self.events.rows(event), cut_wh=self.cut_wh[event], lost_wh=self.lost_wh[event])

    def of_events(self, chosen: IntArray | BoolArray) -> Part:
        """Return the same customers with some of their events."""
        return replace(self, events=self.events.rows(chosen), cut_wh=self.cut_wh[chosen], lost_wh=self.lost_wh[chosen])


def join_parts(parts: Sequence[Part]) -> Part:
    """Put parts together; a meter that stands in several is taken once."""
    if len(parts) == 1:
        return parts[0]
    _, first = np.unique(np.concatenate([part.meters for part in parts]), return_index=True)
    ends = np.cumsum([len(part.meters) for part in parts])
    fresh = [
        part.of_meters(part.meters[np.isin(np.arange(e - len(part.meters), e), first)])
        for part, e in zip(parts, ends, strict=True)
    ]
    row = np.argsort(np.concatenate([part.meters for part in fresh]), kind="stable")
    events = join([part.events for part in fresh])
    order = _order_of_joined([part.events for part in fresh])
    customers = {
        name: np.concatenate([getattr(part, name) for part in fresh])[row]
        for name in ("meters", "level_kwh", "class_index", "drawn_kwh")
    }
    energies = {name: np.concatenate([getattr(part, name) for part in fresh])[order] for name in ("cut_wh", "lost_wh")}
    return Part(**customers, events=events, **energies)


def _order_of_joined(parts: Sequence[Events]) -> IntArray:
    """Positions, in the events of all parts one after the other, of the events of :func:`join`."""
    name = np.concatenate(
        [np.array(part.kinds, dtype=str)[part.kind] if len(part) else np.empty(0, str) for part in parts]
    )
    start = np.concatenate([part.spans.start for part in parts])
    return np.lexsort((name, start, np.concatenate([part.meter for part in parts])))


@dataclass(frozen=True)
class HourMonth:
    """n customers and E events in the H hours of a month.

    Attributes
    ----------
    true_wh, shown_wh : (n, H) array of int
        Truly drawn, and what an errorless register would show.
    lost_wh : (E, H) array of int
        Drawn but not shown because of each event.
    added_wh : (E,) array of int
        Drawn because of each event that adds a load.
    flags : (n, H) array of uint8
        Codes of :data:`~ghostload.anomalies.spread.FLAGS`.
    """

    true_wh: IntArray
    shown_wh: IntArray
    lost_wh: IntArray
    added_wh: IntArray
    flags: NDArray[np.uint8]


def month_in_time(
    part: Part, base_wh: IntArray, offset: int, number: int, streams: Streams, *, by_month: bool = True
) -> HourMonth:
    """Apply events to the hours of one month.

    Parameters
    ----------
    part : Part
        n customers with E events.
    base_wh : (n, H) array of int
        What the customers would draw in each hour without events.
    offset : int
        Position of the month in the data.
    number : int
        Its month number.
    streams : Streams
    by_month : bool
        Whether what kinds change by the month on the register is applied too. Demand is always changed.

    Returns
    -------
    HourMonth
    """
    events = part.events
    batches = batches_of(events)
    kinds = [kind_of(events, batch) for batch in batches]
    rows = [np.searchsorted(part.meters, events.meter[batch]) for batch in batches]
    count = base_wh.shape[1]
    blocks = [
        _hour_block(part, batch, row, offset, number, count, streams) for batch, row in zip(batches, rows, strict=True)
    ]
    true = base_wh.astype(np.int64)
    lost, added = np.zeros((len(events), count), dtype=np.int64), np.zeros(len(events), dtype=np.int64)
    for index in in_order(kinds, DEMAND_ORDER):
        kind, row, total = kinds[index], rows[index], part.cut_wh[batches[index], offset]
        if not acts_in_hours(kind) and total.any():
            spread = _checked(kind, kind.demand_in_time(true[row], total, blocks[index]), true[row])
            true[row] -= lost_in_time(true[row], total, blocks[index].active, spread)
    for index in in_order(kinds, DEMAND_ORDER):
        if overrides(kinds[index], "added_wh"):
            load = whole(kinds[index].added_wh(blocks[index]))
            true[rows[index]] += load
            added[batches[index]] = load.sum(axis=1)
    shown, flags = true.copy(), np.zeros(true.shape, dtype=np.uint8)
    for index in in_order(kinds, REGISTER_ORDER, first=acts_in_hours):
        kind, row, batch, block = kinds[index], rows[index], batches[index], blocks[index]
        total = part.lost_wh[batch, offset]
        if acts_in_hours(kind):
            lost[batch] = _lost_on_hours(kind, shown[row], _with_partner(block, events, batch, lost))
        elif by_month and total.any():
            held = np.maximum(shown[row], 0)
            spread = _checked(kind, kind.register_in_time(held, total, block), held)
            lost[batch] = lost_in_time(shown[row], total, block.active, spread)
            if spread.flags is not None:
                flags[row] = np.maximum(flags[row], spread.flags)
        shown[row] -= lost[batch]
    return HourMonth(true, shown, lost, added, flags)


def _hour_block(
    part: Part, batch: IntArray, row: IntArray, offset: int, number: int, count: int, streams: Streams
) -> HourBlock:
    chosen = part.events.rows(batch)
    return HourBlock(
        active=active_hours(chosen.spans, offset, count),
        closing=chosen.spans.last_month() == offset,
        parameters=kind_parameters(kind_of(part.events, batch), chosen.uniform),
        strength=chosen.strength,
        meter=chosen.meter,
        level_kwh=part.level_kwh[row],
        class_index=part.class_index[row],
        month=number,
        streams=streams,
        partner_lost_wh=np.zeros((len(batch), count), dtype=np.int64),
    )


def _with_partner(block: HourBlock, events: Events, batch: IntArray, lost: IntArray) -> HourBlock:
    """Give companions what their thefts lose."""
    partner = events.partners[batch]
    if (partner < 0).all():
        return block
    name = events.kinds[events.kind[batch[0]]]
    has = np.array([KINDS.get(kind).companion == name for kind in events.kinds])[events.kind]
    thefts = np.flatnonzero(has)
    at = np.searchsorted(events.meter[thefts], partner)
    found = at < len(thefts)
    found[found] = events.meter[thefts[at[found]]] == partner[found]
    if not found.all():
        raise UsageError(
            f"meter {int(events.meter[batch][~found][0])}: has an event {name} that needs meter "
            f"{int(partner[~found][0])} beside it; add the meters that partners_needed names"
        )
    return replace(block, partner_lost_wh=lost[thefts[at]])


def _lost_on_hours(kind: AnomalyKind, wh: IntArray, block: HourBlock) -> IntArray:
    registered = kind.on_hours(wh, block)
    if registered.shape != wh.shape or not np.isfinite(registered).all():
        raise RegistrationError(f"anomaly kind {kind.name!r} gave hours that are not finite, or another count of them")
    lost: IntArray = wh - whole(registered)
    if (lost.sum(axis=1) > np.maximum(wh.sum(axis=1), 0)).any():
        raise RegistrationError(f"anomaly kind {kind.name!r} registers less than nothing in a month; hold it at 0")
    return lost


def _checked(kind: AnomalyKind, spread: Spread, wh: IntArray) -> Spread:
    """Refuse weights that no kind may give."""
    weights = spread.weights
    if weights.shape != wh.shape or not (np.isfinite(weights).all() and (weights >= 0.0).all()):
        raise RegistrationError(f"anomaly kind {kind.name!r} gave weights that are negative, not finite or not (E, H)")
    return spread


def hours_needed(events: Events) -> IntArray:
    """Return the meters whose hours are needed even for monthly data; ascending, partners of other blocks included."""
    own = np.array([acts_in_hours(KINDS.get(name)) for name in events.kinds], dtype=bool)
    meters = events.meter[own[events.kind]] if len(events) else events.meter
    partner = events.partners
    return np.unique(np.concatenate([meters, partner[partner >= 0]]))


def partners_needed(events: Events, meters: IntArray) -> IntArray:
    """Return the meters beyond ``meters`` that must be computed beside them, because events on them go together."""
    partner = events.partners[np.isin(events.meter, meters)]
    return np.setdiff1d(partner[partner >= 0], meters)


@dataclass(frozen=True)
class MonthsOfHours:
    """Months of E events as sums of hours: ``added`` and ``lost``, (E, T) arrays of Wh; 0 for kinds by the month."""

    added: IntArray
    lost: IntArray


def months_of_hours(
    joined: Part, part: Part, numbers: IntArray, streams: Streams, hours_of: HoursOf | None
) -> MonthsOfHours:
    """Sum up what events do whose kinds act on hours.

    Parameters
    ----------
    joined : Part
        ``part`` with the partners of other blocks.
    part : Part
        E events.
    numbers : (T,) array of int
    streams : Streams
    hours_of : callable, optional
    """
    if hours_of is None:
        raise UsageError(
            "apply_events: there are kinds of anomalies that act on hours; give hours_of, which computes them"
        )
    needed = joined.of_meters(hours_needed(part.events))
    base = hours_of(needed.meters, needed.drawn_kwh)
    shape = (len(needed.events), len(numbers))
    added, lost = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    stop = np.cumsum(month_hours(numbers))
    for offset, number in enumerate(numbers.tolist()):
        hours = base[:, stop[offset] - month_hours(numbers)[offset] : stop[offset]]
        month = month_in_time(needed, np.asarray(hours, dtype=np.int64), offset, number, streams, by_month=False)
        added[:, offset], lost[:, offset] = month.added_wh, month.lost_wh.sum(axis=1)
    result = MonthsOfHours(np.zeros_like(part.cut_wh), np.zeros_like(part.cut_wh))
    ours = np.isin(needed.events.meter, part.meters)
    at = np.flatnonzero(np.isin(part.events.meter, needed.meters))
    result.added[at], result.lost[at] = added[ours], lost[ours]
    return result
