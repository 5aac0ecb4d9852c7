"""Checks of the events: when, how much was lost, with which parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.anomalies.registry import KINDS
from ghostload.streams import BoolArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import CannotRun, Context
from ghostload.validation.finding import Finding, Severity, error, info
from ghostload.validation.pieces import Hits

TABLE = "anomaly_events"
_MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
_OPEN = np.iinfo(np.int64).max
_ROUNDING_KWH = 0.1


@register(subject="events", severities=(Severity.INFO,))
def events_present(context: Context) -> Iterable[Finding]:
    """Check that there is a table of events, so that faults and look-alikes are known, and labels can be compared."""
    if not context.has(TABLE):
        yield info("there is none; faults, look-alikes and energy lost are not known", table=TABLE)


def _month_numbers(cells: pa.Array) -> tuple[IntArray, BoolArray]:
    """Return year * 12 + month - 1 of each cell, and which cells hold something that is no month."""
    known = np.asarray(pc.fill_null(pc.match_substring_regex(cells, _MONTH), False), dtype=np.bool_)
    blank = np.asarray(pc.fill_null(pc.equal(cells, ""), True), dtype=np.bool_)
    digits = pc.if_else(pa.array(known), cells, "0001-01")
    years, months = (pc.utf8_slice_codeunits(digits, a, b).cast(pa.int64()) for a, b in ((0, 4), (5, 7)))
    numbers = np.asarray(years) * 12 + np.asarray(months) - 1
    return np.where(known, numbers, _OPEN), ~known & ~blank


def _about(context: Context, column: str, bad: Hits, message: str, cure: str) -> Iterable[Finding]:
    if bad:
        count, ids = bad.count, context.names(TABLE, bad)
        yield error(f"{count} {message}", cure, table=TABLE, column=column, ids=ids, count=count)


def _is_theft(families: pa.Array) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(families, "theft"), False), dtype=np.bool_)


@register(subject="events")
def kinds_are_configured(context: Context) -> Iterable[Finding]:
    """Check that events are of kinds that the config gives a share: thefts by its mix, others by its look-alikes."""
    if context.config is None or not context.has(TABLE):
        return
    kinds, families = context.texts(TABLE, "kind"), context.texts(TABLE, "family")
    settings = context.config.anomalies
    for theft, shares in ((True, settings.mix), (False, settings.look_alikes)):
        asked = [kind for kind, share in shares.items() if share > 0]
        known = pa.array(asked if theft else [*asked, *_companions(settings.mix)], pa.string())
        bad = Hits()
        for rows in context.pieces(TABLE):
            kind, chosen = kinds(rows), _is_theft(families(rows)) == theft
            unknown = pc.and_(pc.is_valid(kind), pc.invert(pc.is_in(kind, value_set=known)))
            bad.add(rows, chosen & np.asarray(unknown, dtype=np.bool_))
        first = kinds(np.array(bad.rows[:1]))[0].as_py() if bad else ""
        message = f"events are of a kind that the config gives no share, the first is {first!r}"
        yield from _about(context, "kind", bad, message, "use the config that the set was made from")


def _companions(mix: Mapping[str, float]) -> list[str]:
    """Return the kinds that come with the thefts of a mix."""
    return [KINDS.get(kind).companion for kind, share in mix.items() if share > 0 and kind in KINDS]


@register(subject="events")
def event_months(context: Context) -> Iterable[Finding]:
    """Check that events start and end in calendar months YYYY-MM, in this order, and touch the data."""
    if not context.has(TABLE):
        return
    starts, ends = context.texts(TABLE, "start"), context.texts(TABLE, "end")
    try:
        last, first = int(context.known_months.max()), int(context.known_months.min())
    except CannotRun:
        last, first = _OPEN, -_OPEN
    no_start, no_end, turned, late, early = (Hits() for _ in range(5))
    for rows in context.pieces(TABLE):
        (start, bad_start), (end, bad_end) = _month_numbers(starts(rows)), _month_numbers(ends(rows))
        known = start != _OPEN
        no_start.add(rows, bad_start)
        no_end.add(rows, bad_end)
        turned.add(rows, known & (end < start))
        late.add(rows, known & (start > last))
        early.add(rows, known & (end < first))
    yield from _about(context, "start", no_start, "cells are no calendar month", "write YYYY-MM")
    yield from _about(context, "end", no_end, "cells are no calendar month", "write YYYY-MM, or leave it empty")
    yield from _about(context, "end", turned, "events end before they start", "correct the months")
    yield from _about(context, "start", late, "events start after the last month", "take them away, or add months")
    yield from _about(context, "end", early, "events end before the first month", "take them away, or add months")


@register(subject="events")
def event_losses(context: Context) -> Iterable[Finding]:
    """Check that the energy lost to a theft is no gain, and its share of what was drawn is between 0 and 1."""
    if not context.has(TABLE):
        return
    families = context.texts(TABLE, "family")
    lost, severity = context.floats(TABLE, "lost_kwh"), context.floats(TABLE, "severity")
    gain, outside = Hits(), Hits()
    for rows in context.pieces(TABLE):
        is_theft, share = _is_theft(families(rows)), severity(rows)
        gain.add(rows, is_theft & (lost(rows) < -_ROUNDING_KWH))
        outside.add(rows, is_theft & ((share < 0) | (share > 1)))
    yield from _about(context, "lost_kwh", gain, "thefts lose less than nothing", "write what was not registered")
    yield from _about(context, "severity", outside, "shares are not between 0 and 1", "write lost over drawn energy")


@register(subject="events")
def event_parameters(context: Context) -> Iterable[Finding]:
    """Check that the parameters of an event are a JSON object."""
    if not context.has(TABLE):
        return
    parameters, wrong = context.texts(TABLE, "parameters"), Hits()
    for rows in context.pieces(TABLE):
        cells = parameters(rows).to_pylist()
        if not _all_objects([cell for cell in cells if cell]):
            bad = np.array([bool(cell) and not _all_objects([cell]) for cell in cells], dtype=np.bool_)
            wrong.add(rows, bad)
    yield from _about(
        context, "parameters", wrong, "cells are no JSON object", 'write an object such as {"share": 0.3}'
    )


def _all_objects(texts: list[str]) -> bool:
    try:
        parsed = json.loads(f"[{','.join(texts)}]")
    except (ValueError, RecursionError):
        return False
    return len(parsed) == len(texts) and all(isinstance(item, dict) for item in parsed)
