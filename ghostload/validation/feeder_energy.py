"""Checks of what was supplied to the feeders, where it went, and what the meters at their heads say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.columns import Rows
from ghostload.schema import LOSS_KINDS, TABLES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.energy import CUT, ENERGY, SINGLE_PRECISION, about, metering_of, months_of
from ghostload.validation.finding import Finding, Severity, error, warning
from ghostload.validation.lookup import rows_of
from ghostload.validation.pieces import Hits
from ghostload.validation.reading_scan import feeders_of

FEEDERS, HEADS, ELEMENTS = "feeder_energy", "feeder_readings", "network_losses"
EXACT = 1e-6
"""Relative difference where the power flow is solved for every interval."""
_HALF_KWH = 0.0005
"""Half a last digit of an energy."""
DIGIT_KW = 0.012
"""What a watt-hour is of a demand in the shortest interval, 5 min."""
_BY_KIND = {"mv": "mv_line", "transformer": "transformer_load", "main": "lv_main", "drop": "service_drop"}
"""What a feeder's loss is called that stands in ``loss_kwh`` of an element."""
_OF_UNITS = {
    ("true_kwh",): "true_kwh",
    ("registered_kwh",): "registered_kwh",
    ("non_technical_loss_kwh",): "non_technical_loss_kwh",
    ("lv_main_loss_kwh", "service_drop_loss_kwh"): "technical_loss_kwh",
    ("transformer_no_load_loss_kwh", "transformer_load_loss_kwh"): "transformer_loss_kwh",
}
"""What of a feeder is the sum of what of its transformers."""


def _places(context: Context, table: str) -> Callable[[Rows], tuple[IntArray, IntArray]]:
    """Return a function from rows to positions of their feeders and months; -1 where there is none."""
    names = pa.array(feeders_of(context), pa.string())
    said = context.texts(table, "feeder_id")
    months = months_of(context, table)
    return lambda rows: (rows_of(said(rows), names), months(rows))


def _table(context: Context, table: str, *columns: str) -> list[FloatArray]:
    """Return columns as (feeders, months) arrays, NaN where there is no row."""
    places = _places(context, table)
    given = [context.floats(table, column) for column in columns]
    found = [np.full((len(feeders_of(context)), len(context.known_months)), np.nan) for _ in columns]
    for rows in context.pieces(table):
        feeder, month = places(rows)
        known = (feeder >= 0) & (month >= 0)
        for values, numbers in zip(found, given, strict=True):
            values[feeder[known], month[known]] = numbers(rows)[known]
    return found


def _near(context: Context) -> float:
    """Return how far sums over a month may be apart, relatively."""
    every = context.config is not None and context.config.interval is not None
    return EXACT if every else SINGLE_PRECISION


def _cells(context: Context, table: str, column: str, bad: BoolArray, message: str, cure: str) -> Iterable[Finding]:
    """Report cells of a (feeders, months) array."""
    if bad.any():
        names, months = feeders_of(context), context.known_months.tolist()
        ids = [f"{names[f]} {months[m] // 12:04d}-{months[m] % 12 + 1:02d}" for f, m in np.argwhere(bad)[:20].tolist()]
        yield error(f"{int(bad.sum())} {message}", cure, table=table, column=column, ids=ids, count=int(bad.sum()))


@register(subject="energy")
def feeder_rows(context: Context) -> Iterable[Finding]:
    """Check that balances and readings of feeders are of feeders and months that there are, none left out."""
    for table in (FEEDERS, HEADS):
        if not context.has(table):
            continue
        places = _places(context, table)
        there = np.zeros((len(feeders_of(context)), len(context.known_months)), dtype=np.bool_)
        columns = {name: (context.texts(table, name), Hits()) for name in ("feeder_id", "month")}
        for rows in context.pieces(table):
            at = places(rows)
            for position, (said, wrong) in zip(at, columns.values(), strict=True):
                wrong.add(rows, (position < 0) & np.asarray(pc.is_valid(said(rows))))
            known = (at[0] >= 0) & (at[1] >= 0)
            there[at[0][known], at[1][known]] = True
        cure = f"write {TABLES[table].file} again, or correct the ids"
        whats = ("feeders that serve no transformer", "months that the meters do not have")
        for (column, (_, wrong)), what in zip(columns.items(), whats, strict=True):
            yield from about(context, table, column, wrong, f"rows are of {what}", cure)
        yield from _cells(context, table, "feeder_id", ~there, "months of feeders are missing", "add the rows")


@register(subject="energy")
def supplied_is_true_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what a substation gave is what the customers drew and what was lost, and that nothing gives energy."""
    if not context.has(FEEDERS):
        return
    names = [f"{name}_loss_kwh" for name in LOSS_KINDS]
    columns = [context.floats(FEEDERS, name) for name in ("supplied_kwh", "true_kwh", *names)]
    bad, negative = Hits(), [Hits() for _ in names]
    for rows in context.pieces(FEEDERS):
        supplied, true, *losses = (column(rows) for column in columns)
        allowed = (2 + len(losses)) * _HALF_KWH + _near(context) * np.abs(supplied)
        bad.add(rows, np.abs(supplied - true - sum(losses)) > allowed)
        for hits, loss in zip(negative, losses, strict=True):
            hits.add(rows, loss < -_HALF_KWH)
    message = "rows in which supplied_kwh is not true_kwh and the five losses"
    cure = "correct them; what is drawn and lost is supplied"
    yield from about(context, FEEDERS, "supplied_kwh", bad, message, cure)
    for name, hits in zip(names, negative, strict=True):
        message, cure = f"rows in which {name} is negative", "correct them; a loss is not negative"
        yield from about(context, FEEDERS, name, hits, message, cure)


@register(subject="energy")
def feeders_are_their_transformers(context: Context) -> Iterable[Finding]:
    """Check that a feeder's energies are the sums of those of its transformers, their losses included."""
    if not (context.has(FEEDERS) and context.has(ENERGY)):
        return
    unit = context.transformers_of(ENERGY)
    names = pa.array(feeders_of(context), pa.string())
    fed_by = np.append(rows_of(context.text("transformers", "feeder_id"), names), -1)
    months, shape = months_of(context, ENERGY), (len(names), len(context.known_months))
    columns, given = {}, {}
    for ours, theirs in _OF_UNITS.items():
        columns[theirs] = context.floats(ENERGY, theirs)
        given[ours] = np.sum(_table(context, FEEDERS, *ours), axis=0)
    units, sums = np.zeros(shape), {theirs: np.zeros(shape) for theirs in columns}
    for rows in context.pieces(ENERGY):
        feeder, month = fed_by[unit[rows]], months(rows)
        known = (feeder >= 0) & (month >= 0)
        cell = feeder[known] * shape[1] + month[known]
        np.add.at(units.reshape(-1), cell, 1.0)
        for theirs, column in columns.items():
            np.add.at(sums[theirs].reshape(-1), cell, column(rows)[known])
    for ours, theirs in _OF_UNITS.items():
        off = np.abs(given[ours] - sums[theirs])
        bad = off > (units + len(ours)) * _HALF_KWH + _near(context) * np.abs(sums[theirs])
        message = f"months of feeders in which {' + '.join(ours)} is not the sum of {theirs} of the transformers"
        cure = "correct them, or transformer_energy.csv"
        yield from _cells(context, FEEDERS, ours[0], bad, message, cure)


@register(subject="energy")
def feeder_meters_are_exact(context: Context) -> Iterable[Finding]:
    """Check that the meter at a feeder's head registered what was supplied, but for the error that it may have."""
    if not (context.has(FEEDERS) and context.has(HEADS)):
        return
    error_sd = metering_of(context).feeder_error_sd
    for column, of, digit in (("registered_kwh", "supplied_kwh", 0.001), ("peak_kw", "peak_kw", DIGIT_KW)):
        (said,), (true,) = _table(context, HEADS, column), _table(context, FEEDERS, of)
        allowed = CUT * error_sd * np.abs(true) + digit + 2 * _HALF_KWH
        bad = np.abs(said - true) > allowed
        message = f"months in which the meter of the feeder is off by more than its error from {of}"
        yield from _cells(context, HEADS, column, bad, message, "correct them, or feeder_energy.csv")


@register(subject="energy")
def elements_lose_what_feeders_do(context: Context) -> Iterable[Finding]:
    """Check that the losses of lines and transformers add up to those of their feeders, kind by kind."""
    if not (context.has(FEEDERS) and context.has(ELEMENTS)):
        return
    names = feeders_of(context)
    feeder_of, kind_of = context.texts(ELEMENTS, "feeder_id"), context.texts(ELEMENTS, "kind")
    loss_of, iron_of = context.floats(ELEMENTS, "loss_kwh"), context.floats(ELEMENTS, "no_load_loss_kwh")
    known_feeders, known_kinds = pa.array(names, pa.string()), pa.array(list(_BY_KIND), pa.string())
    sums, elements, irons = (np.zeros((len(names), len(_BY_KIND))) for _ in range(3))
    for rows in context.pieces(ELEMENTS):
        feeder, kind = rows_of(feeder_of(rows), known_feeders), rows_of(kind_of(rows), known_kinds)
        known = (feeder >= 0) & (kind >= 0)
        cell = feeder[known] * len(_BY_KIND) + kind[known]
        np.add.at(sums.reshape(-1), cell, np.nan_to_num(loss_of(rows))[known])
        np.add.at(elements.reshape(-1), cell, 1.0)
        np.add.at(irons.reshape(-1), cell, np.nan_to_num(iron_of(rows))[known])
    of_kind = {name: (sums[:, at], elements[:, at]) for at, name in enumerate(_BY_KIND.values())}
    of_kind["transformer_no_load"] = (irons.sum(axis=1), of_kind["transformer_load"][1])
    for name, (lost, count) in of_kind.items():
        (months,) = _table(context, FEEDERS, f"{name}_loss_kwh")
        said = np.nan_to_num(months).sum(axis=1)
        bad = np.abs(said - lost) > (count + months.shape[1]) * _HALF_KWH + EXACT * np.abs(said)
        if bad.any():
            ids = [names[at] for at in np.flatnonzero(bad)[:20]]
            message = f"{int(bad.sum())} feeders lose another {name}_loss_kwh than their elements together"
            cure = "write network_losses.csv and feeder_energy.csv again"
            yield error(message, cure, table=ELEMENTS, column="loss_kwh", ids=ids, count=int(bad.sum()))


@register(subject="energy", severities=(Severity.WARNING,))
def feeder_hours_are_solved(context: Context) -> Iterable[Finding]:
    """Check that the power flow has a solution in every hour of every feeder; in others nothing is lost."""
    if not context.has(FEEDERS):
        return
    hours_of, hours, unsolved = context.floats(FEEDERS, "unsolved_hours"), 0.0, Hits()
    for rows in context.pieces(FEEDERS):
        some = np.nan_to_num(hours_of(rows))
        unsolved.add(rows, some > 0)
        hours += some.sum()
    if unsolved:
        texts = (context.texts(FEEDERS, name)(np.array(unsolved.rows)).to_pylist() for name in ("feeder_id", "month"))
        ids = [f"{feeder} {month}" for feeder, month in zip(*texts, strict=True)]
        message = f"in {unsolved.count} months of feeders {hours:g} hours of the power flow have no solution"
        cure = "leave these months out of studies of losses, or make a set with less load on the feeder's wires"
        yield warning(message, cure, table=FEEDERS, column="unsolved_hours", ids=ids, count=unsolved.count)
