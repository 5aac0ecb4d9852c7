"""Checks of the transformers' energy: what was delivered, drawn, registered and lost, month by month."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import MeteringConfig
from ghostload.schema import TABLES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context, rows_of
from ghostload.validation.finding import Finding, error

ENERGY, READINGS = "transformer_energy", "transformer_readings"
CUT = 3.0
"""Standard deviations at which the error of a meter is cut."""
FOREIGN_ERROR = 0.02 / CUT
"""Standard deviation taken for meters of a set without a config, so that they may be off as class 2 allows: 2 %."""
SINGLE_PRECISION = 1e-5
"""Relative difference of sums over a month that were worked out in single precision."""
_ROUNDED_KWH = 0.0015
"""Three terms with three decimals each."""


def about(context: Context, table: str, column: str, bad: BoolArray, message: str, cure: str) -> Iterable[Finding]:
    """Report rows of a table by their ids and months."""
    if bad.any():
        count, months = int(bad.sum()), context.text(table, "month")
        rows = np.flatnonzero(bad)[:20]
        ids = [f"{key} {months[int(row)].as_py()}" for key, row in zip(context.names(table, bad), rows, strict=True)]
        yield error(f"{count} {message}", cure, table=table, column=column, ids=ids, count=count)


def _places(context: Context, table: str) -> tuple[IntArray, IntArray]:
    """Return the row in the transformers table and the position of the month; -1 where there is none."""
    found = context.known_months
    names = pa.array([f"{number // 12:04d}-{number % 12 + 1:02d}" for number in found.tolist()], pa.string())
    return (
        rows_of(context.text(table, "transformer_id"), context.keys("transformers")),
        rows_of(context.text(table, "month"), names),
    )


@register(subject="energy")
def energy_rows(context: Context) -> Iterable[Finding]:
    """Check that balances and transformer readings are of transformers and months that there are, none left out."""
    for table in (ENERGY, READINGS):
        if not context.has(table):
            continue
        transformer, month = _places(context, table)
        cure = f"write {TABLES[table].file} again, or correct the ids"
        lost = np.asarray((transformer < 0) & np.asarray(pc.is_valid(context.text(table, "transformer_id"))))
        yield from about(context, table, "transformer_id", lost, "rows are of transformers that are not there", cure)
        wrong = np.asarray((month < 0) & np.asarray(pc.is_valid(context.text(table, "month"))))
        yield from about(context, table, "month", wrong, "rows are of months that the meters do not have", cure)
        known = (transformer >= 0) & (month >= 0)
        there = np.zeros((context.num_transformers, len(context.known_months)), dtype=np.bool_)
        there[transformer[known], month[known]] = True
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


def _numbers(context: Context, *names: str) -> tuple[FloatArray, ...]:
    return tuple(context.numbers(ENERGY, name) for name in names)


@register(subject="energy")
def delivered_is_true_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what a transformer delivered is what its customers drew and what the wires lost, to rounding."""
    if not context.has(ENERGY):
        return
    delivered, true, loss = _numbers(context, "delivered_kwh", "true_kwh", "technical_loss_kwh")
    bad = np.abs(delivered - true - loss) > _ROUNDED_KWH + SINGLE_PRECISION * np.abs(delivered)
    message = "rows in which delivered_kwh is not true_kwh + technical_loss_kwh"
    yield from about(
        context, ENERGY, "delivered_kwh", bad, message, "correct them; what is drawn and lost is delivered"
    )
    bad = loss < -_ROUNDED_KWH
    message = "rows in which wires give energy"
    yield from about(context, ENERGY, "technical_loss_kwh", bad, message, "correct them; a loss is not negative")


@register(subject="energy")
def true_is_registered_and_lost(context: Context) -> Iterable[Finding]:
    """Check that what was drawn and not registered was lost to events, but for the errors that meters may have."""
    if not context.has(ENERGY):
        return
    true, registered, lost = _numbers(context, "true_kwh", "registered_kwh", "non_technical_loss_kwh")
    metering = metering_of(context)
    transformer, _ = _places(context, ENERGY)
    meters = np.append(context.meters_per_transformer, 0)[transformer]
    shown = np.abs(true) + np.abs(lost)
    error_kwh = CUT * metering.error_sd * shown + meters * 10.0**-metering.register_decimals + _ROUNDED_KWH
    bad = np.abs(true - registered - lost) > error_kwh
    message = "rows in which true_kwh - registered_kwh is not non_technical_loss_kwh, within the meters' errors"
    cure = "correct them, or the losses of the events"
    yield from about(context, ENERGY, "non_technical_loss_kwh", bad, message, cure)


@register(subject="energy")
def registered_is_that_of_the_meters(context: Context) -> Iterable[Finding]:
    """Check that a transformer's registered_kwh is the sum of its meters' consumption columns."""
    if not context.has(ENERGY):
        return
    registered = context.numbers(ENERGY, "registered_kwh")
    transformer, month = _places(context, ENERGY)
    home = context.meter_transformer
    sums = np.zeros((context.num_transformers + 1, len(context.known_months) + 1))
    for at, kwh in enumerate(context.months_kwh):
        np.add.at(sums[:, at], home, kwh)
    meters = np.append(context.meters_per_transformer, 0)[transformer]
    decimals = max(1, metering_of(context).register_decimals)
    allowed = 0.5 * 10.0**-decimals * meters + _ROUNDED_KWH
    known = (transformer >= 0) & (month >= 0)
    bad = known & (np.abs(registered - sums[transformer, month]) > allowed)
    message = "rows in which registered_kwh is not the sum of the meters"
    cure = "correct them, or the consumption columns of meter_consumption.csv"
    yield from about(context, ENERGY, "registered_kwh", bad, message, cure)


@register(subject="energy")
def transformer_meters_are_exact(context: Context) -> Iterable[Finding]:
    """Check that a transformer's meter registered what was delivered, but for the error that it may have."""
    if not (context.has(ENERGY) and context.has(READINGS)):
        return
    months = len(context.known_months)
    delivered = np.full((context.num_transformers + 1, months + 1), np.nan)
    delivered[_places(context, ENERGY)] = context.numbers(ENERGY, "delivered_kwh")
    delivered[-1, :], delivered[:, -1] = np.nan, np.nan
    registered = context.numbers(READINGS, "registered_kwh")
    of_row = delivered[_places(context, READINGS)]
    allowed = CUT * metering_of(context).transformer_error_sd * np.abs(of_row) + 0.001 + _ROUNDED_KWH
    bad = np.abs(registered - of_row) > allowed
    message = "rows in which the meter is off by more than its error"
    cure = "correct them, or delivered_kwh of transformer_energy.csv"
    yield from about(context, READINGS, "registered_kwh", bad, message, cure)
