"""Checks of what was supplied to the feeders, where it went, and what the meters at their heads say of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.schema import LOSS_KINDS, TABLES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context, rows_of
from ghostload.validation.energy import CUT, ENERGY, SINGLE_PRECISION, about, metering_of
from ghostload.validation.finding import Finding, Severity, error, warning
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


def _places(context: Context, table: str) -> tuple[IntArray, IntArray]:
    """Return the position of each row's feeder and month; -1 where there is none."""
    names = pa.array(feeders_of(context), pa.string())
    return rows_of(context.text(table, "feeder_id"), names), _months_of(context, table)


def _months_of(context: Context, table: str) -> IntArray:
    names = [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in context.known_months.tolist()]
    return rows_of(context.text(table, "month"), pa.array(names, pa.string()))


def _table(context: Context, table: str, *columns: str) -> list[FloatArray]:
    """Return columns as (feeders, months) arrays, NaN where there is no row."""
    feeder, month = _places(context, table)
    known = (feeder >= 0) & (month >= 0)
    found = []
    for column in columns:
        values = np.full((len(feeders_of(context)), len(context.known_months)), np.nan)
        values[feeder[known], month[known]] = context.numbers(table, column)[known]
        found.append(values)
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
        feeder, month = _places(context, table)
        cure = f"write {TABLES[table].file} again, or correct the ids"
        for column, at, what in (
            ("feeder_id", feeder, "feeders that serve no transformer"),
            ("month", month, "months that the meters do not have"),
        ):
            wrong = np.asarray((at < 0) & np.asarray(pc.is_valid(context.text(table, column))))
            yield from about(context, table, column, wrong, f"rows are of {what}", cure)
        known = (feeder >= 0) & (month >= 0)
        there = np.zeros((len(feeders_of(context)), len(context.known_months)), dtype=np.bool_)
        there[feeder[known], month[known]] = True
        yield from _cells(context, table, "feeder_id", ~there, "months of feeders are missing", "add the rows")


@register(subject="energy")
def supplied_is_true_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what a substation gave is what the customers drew and what was lost, and that nothing gives energy."""
    if not context.has(FEEDERS):
        return
    names = [f"{name}_loss_kwh" for name in LOSS_KINDS]
    supplied, true, *losses = (context.numbers(FEEDERS, name) for name in ("supplied_kwh", "true_kwh", *names))
    allowed = (2 + len(losses)) * _HALF_KWH + _near(context) * np.abs(supplied)
    bad = np.abs(supplied - true - sum(losses)) > allowed
    message = "rows in which supplied_kwh is not true_kwh and the five losses"
    cure = "correct them; what is drawn and lost is supplied"
    yield from about(context, FEEDERS, "supplied_kwh", bad, message, cure)
    for name, loss in zip(names, losses, strict=True):
        message, cure = f"rows in which {name} is negative", "correct them; a loss is not negative"
        yield from about(context, FEEDERS, name, loss < -_HALF_KWH, message, cure)


@register(subject="energy")
def feeders_are_their_transformers(context: Context) -> Iterable[Finding]:
    """Check that a feeder's energies are the sums of those of its transformers, their losses included."""
    if not (context.has(FEEDERS) and context.has(ENERGY)):
        return
    unit = rows_of(context.text(ENERGY, "transformer_id"), context.keys("transformers"))
    fed_by = rows_of(context.text("transformers", "feeder_id"), pa.array(feeders_of(context), pa.string()))
    feeder, month = np.append(fed_by, -1)[unit], _months_of(context, ENERGY)
    known = (feeder >= 0) & (month >= 0)
    shape = (len(feeders_of(context)), len(context.known_months))
    units = np.zeros(shape)
    np.add.at(units, (feeder[known], month[known]), 1.0)
    for ours, theirs in (
        (("true_kwh",), "true_kwh"),
        (("registered_kwh",), "registered_kwh"),
        (("non_technical_loss_kwh",), "non_technical_loss_kwh"),
        (("lv_main_loss_kwh", "service_drop_loss_kwh"), "technical_loss_kwh"),
        (("transformer_no_load_loss_kwh", "transformer_load_loss_kwh"), "transformer_loss_kwh"),
    ):
        sums = np.zeros(shape)
        np.add.at(sums, (feeder[known], month[known]), context.numbers(ENERGY, theirs)[known])
        said = np.sum(_table(context, FEEDERS, *ours), axis=0)
        bad = np.abs(said - sums) > (units + len(ours)) * _HALF_KWH + _near(context) * np.abs(sums)
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
    feeder = rows_of(context.text(ELEMENTS, "feeder_id"), pa.array(names, pa.string()))
    kind = rows_of(context.text(ELEMENTS, "kind"), pa.array(list(_BY_KIND), pa.string()))
    known = (feeder >= 0) & (kind >= 0)
    cell = feeder[known] * len(_BY_KIND) + kind[known]
    size = len(names) * len(_BY_KIND)
    loss = np.nan_to_num(context.numbers(ELEMENTS, "loss_kwh"))[known]
    iron = np.nan_to_num(context.numbers(ELEMENTS, "no_load_loss_kwh"))[known]
    sums, elements, irons = (np.bincount(cell, weights, size).reshape(len(names), -1) for weights in (loss, None, iron))
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
    hours = np.nan_to_num(context.numbers(FEEDERS, "unsolved_hours"))
    rows = np.flatnonzero(hours > 0)
    if rows.size:
        feeder, month = (context.text(FEEDERS, name) for name in ("feeder_id", "month"))
        ids = [f"{feeder[row].as_py()} {month[row].as_py()}" for row in rows.tolist()]
        message = f"in {len(rows)} months of feeders {hours.sum():g} hours of the power flow have no solution"
        cure = "leave these months out of studies of losses, or make a set with less load on the feeder's wires"
        yield warning(message, cure, table=FEEDERS, column="unsolved_hours", ids=ids[:20], count=len(ids))
