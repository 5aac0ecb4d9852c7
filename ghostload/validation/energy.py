"""Checks of the transformers' energy: what was delivered, drawn, registered and lost, month by month."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import MeteringConfig
from ghostload.dataset.columns import Rows
from ghostload.schema import TABLES
from ghostload.streams import IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context, Floats
from ghostload.validation.finding import Finding, error
from ghostload.validation.lookup import rows_of
from ghostload.validation.pieces import Hits

ENERGY, READINGS = "transformer_energy", "transformer_readings"
CUT = 3.0
"""Standard deviations at which the error of a meter is cut."""
FOREIGN_ERROR = 0.02 / CUT
"""Standard deviation taken for meters of a set without a config, so that they may be off as class 2 allows: 2 %."""
SINGLE_PRECISION = 1e-5
"""Relative difference of sums over a month that were worked out in single precision."""
_ROUNDED_KWH = 0.0015
"""Three terms with three decimals each."""


def about(context: Context, table: str, column: str, bad: Hits, message: str, cure: str) -> Iterable[Finding]:
    """Report rows of a table by their ids and months."""
    if bad:
        months = context.texts(table, "month")(np.array(bad.rows)).to_pylist()
        ids = [f"{key} {month}" for key, month in zip(context.names(table, bad), months, strict=True)]
        yield error(f"{bad.count} {message}", cure, table=table, column=column, ids=ids, count=bad.count)


def months_of(context: Context, table: str) -> Callable[[Rows], IntArray]:
    """Return a function from rows to positions of their months; -1 where there is none."""
    names = [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in context.known_months.tolist()]
    said = context.texts(table, "month")
    return lambda rows: rows_of(said(rows), pa.array(names, pa.string()))


def _places(context: Context, table: str) -> Callable[[Rows], tuple[IntArray, IntArray]]:
    """Return a function from rows to rows of the transformers table and positions of months; -1 where there is none."""
    _ = context.known_months
    transformers, months = context.transformers_of(table), months_of(context, table)
    return lambda rows: (transformers[rows], months(rows))


@register(subject="energy")
def energy_rows(context: Context) -> Iterable[Finding]:
    """Check that balances and transformer readings are of transformers and months that there are, none left out."""
    for table in (ENERGY, READINGS):
        if not context.has(table):
            continue
        places = _places(context, table)
        names, months = context.texts(table, "transformer_id"), context.texts(table, "month")
        lost, wrong = Hits(), Hits()
        there = context.scratch.zeros((context.num_transformers, len(context.known_months)), np.bool_)
        for rows in context.pieces(table):
            transformer, month = places(rows)
            lost.add(rows, (transformer < 0) & np.asarray(pc.is_valid(names(rows))))
            wrong.add(rows, (month < 0) & np.asarray(pc.is_valid(months(rows))))
            known = (transformer >= 0) & (month >= 0)
            there[transformer[known], month[known]] = True
        cure = f"write {TABLES[table].file} again, or correct the ids"
        yield from about(context, table, "transformer_id", lost, "rows are of transformers that are not there", cure)
        yield from about(context, table, "month", wrong, "rows are of months that the meters do not have", cure)
        short = np.asarray(~there.all(axis=1) & (there.any(axis=1) | (table == ENERGY)))
        if short.any():
            count, ids = int(short.sum()), context.names("transformers", short)
            message = f"{count} transformers lack months"
            yield error(message, "add the rows", table=table, column="transformer_id", ids=ids, count=count)


def metering_of(context: Context) -> MeteringConfig:
    """Return the errors that meters may have; of a set without a config those of class 2."""
    if context.config is not None:
        return context.config.metering
    return MeteringConfig(error_sd=FOREIGN_ERROR, transformer_error_sd=FOREIGN_ERROR, feeder_error_sd=FOREIGN_ERROR)


def _floats(context: Context, *names: str) -> tuple[Floats, ...]:
    return tuple(context.floats(ENERGY, name) for name in names)


@register(subject="energy")
def delivered_is_true_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what a transformer delivered is what its customers drew and what the wires lost, to rounding."""
    if not context.has(ENERGY):
        return
    columns = _floats(context, "delivered_kwh", "true_kwh", "technical_loss_kwh")
    bad, giving = Hits(), Hits()
    for rows in context.pieces(ENERGY):
        delivered, true, loss = (column(rows) for column in columns)
        bad.add(rows, np.abs(delivered - true - loss) > _ROUNDED_KWH + SINGLE_PRECISION * np.abs(delivered))
        giving.add(rows, loss < -_ROUNDED_KWH)
    message, cure = (
        "rows in which delivered_kwh is not true_kwh + technical_loss_kwh",
        "what is drawn and lost is delivered",
    )
    yield from about(context, ENERGY, "delivered_kwh", bad, message, f"correct them; {cure}")
    message = "rows in which wires give energy"
    yield from about(context, ENERGY, "technical_loss_kwh", giving, message, "correct them; a loss is not negative")


@register(subject="energy")
def true_is_registered_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what was drawn and not registered was lost to events, but for the errors that meters may have."""
    if not context.has(ENERGY):
        return
    columns = _floats(context, "true_kwh", "registered_kwh", "non_technical_loss_kwh")
    metering, places, bad = metering_of(context), _places(context, ENERGY), Hits()
    count = np.append(context.meters_per_transformer, 0)
    for rows in context.pieces(ENERGY):
        true, registered, lost = (column(rows) for column in columns)
        shown, meters = np.abs(true) + np.abs(lost), count[places(rows)[0]]
        error_kwh = CUT * metering.error_sd * shown + meters * 10.0**-metering.register_decimals + _ROUNDED_KWH
        bad.add(rows, np.abs(true - registered - lost) > error_kwh)
    message = "rows in which true_kwh - registered_kwh is not non_technical_loss_kwh, within the meters' errors"
    cure = "correct them, or the losses of the events"
    yield from about(context, ENERGY, "non_technical_loss_kwh", bad, message, cure)


@register(subject="energy")
def registered_is_that_of_the_meters(context: Context) -> Iterable[Finding]:
    """Check that a transformer's registered_kwh is the sum of its meters' consumption columns."""
    if not context.has(ENERGY):
        return
    (registered,) = _floats(context, "registered_kwh")
    places, home = _places(context, ENERGY), context.meter_transformer
    sums = context.scratch.zeros((len(context.known_months) + 1, context.num_transformers + 1))
    columns = context.months_by_row
    for rows in context.pieces("meters"):
        for sum_of, kwh in zip(sums, columns, strict=False):
            np.add.at(sum_of, home[rows], kwh(rows))
    count = np.append(context.meters_per_transformer, 0)
    decimals, bad = max(1, metering_of(context).register_decimals), Hits()
    for rows in context.pieces(ENERGY):
        transformer, month = places(rows)
        allowed = 0.5 * 10.0**-decimals * count[transformer] + _ROUNDED_KWH
        known = (transformer >= 0) & (month >= 0)
        bad.add(rows, known & (np.abs(registered(rows) - sums[month, transformer]) > allowed))
    message = "rows in which registered_kwh is not the sum of the meters"
    cure = "correct them, or the consumption columns of meter_consumption.csv"
    yield from about(context, ENERGY, "registered_kwh", bad, message, cure)


@register(subject="energy")
def transformer_meters_are_exact(context: Context) -> Iterable[Finding]:
    """Check that a transformer's meter registered what was delivered, but for the error that it may have."""
    if not (context.has(ENERGY) and context.has(READINGS)):
        return
    delivered = context.scratch.zeros((context.num_transformers + 1, len(context.known_months) + 1))
    delivered.fill(np.nan)
    (given,), places = _floats(context, "delivered_kwh"), _places(context, ENERGY)
    for rows in context.pieces(ENERGY):
        delivered[places(rows)] = given(rows)
    delivered[-1, :], delivered[:, -1] = np.nan, np.nan
    registered, places = context.floats(READINGS, "registered_kwh"), _places(context, READINGS)
    bad = Hits()
    for rows in context.pieces(READINGS):
        of_row = delivered[places(rows)]
        allowed = CUT * metering_of(context).transformer_error_sd * np.abs(of_row) + 0.001 + _ROUNDED_KWH
        bad.add(rows, np.abs(registered(rows) - of_row) > allowed)
    message = "rows in which the meter is off by more than its error"
    cure = "correct them, or delivered_kwh of transformer_energy.csv"
    yield from about(context, READINGS, "registered_kwh", bad, message, cure)
