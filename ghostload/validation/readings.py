"""Checks of readings in time: complete, in step with the months, voltages that can be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.schema_in_time import PARTITIONED, TRUTH, TRUTH_OF_TRANSFORMERS
from ghostload.streams import BoolArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import MAX_IDS, Finding, Severity, error, warning
from ghostload.validation.lookup import rows_of
from ghostload.validation.reading_scan import Scan, feeders_of, files_of, scans

NOMINAL_V = 230.0
"""Between phase and neutral, in both practices."""
WIDEST_VOLTAGE = 0.2
"""Share by which a voltage may be off: beyond it lamps and compressors fail, and somebody would have acted."""
KNOWN_FLAGS = {"A", "E", "M"}
AGAIN = "write the data set again"


def _names(scan: Scan, bad: BoolArray) -> tuple[list[str], int]:
    ids = scan.ids.filter(pa.array(bad)).slice(0, MAX_IDS).to_pylist()
    return [str(one) for one in ids], int(bad.sum())


@register(subject="readings")
def reading_files(context: Context) -> Iterable[Finding]:
    """Check that a table of readings has a readable file of each feeder, with the columns and rows of its table."""
    for table in PARTITIONED.values():
        files = files_of(context, table)
        if not files:
            continue
        import pyarrow.parquet as pq

        feeders = feeders_of(context)
        gone = [name for name in feeders if name not in files]
        if gone:
            message = f"{len(gone)} feeders have no file"
            yield error(message, "bring the files back, or " + AGAIN, table=table.folder, ids=gone, count=len(gone))
        more = [name for name in files if name not in feeders]
        if more:
            message = f"{len(more)} files are of feeders that serve no meter"
            yield error(message, "take them away", table=table.folder, ids=more, count=len(more))
        wanted = [column.name for column in table.columns]
        for feeder, file in files.items():
            place = table.file(feeder)
            try:
                found = pq.read_metadata(file.path)
            except (OSError, pa.ArrowException) as failure:
                reason = " ".join(str(failure).split())[:200]
                yield error(f"cannot be read ({reason})", "bring the file back, or " + AGAIN, table=place)
                continue
            names = found.schema.to_arrow_schema().names
            lacking = [c.name for c in table.columns if c.name not in names and "voltage" not in c.name]
            if lacking or [name for name in wanted if name in names] != names:
                yield error("has other columns than it must", AGAIN, table=place, ids=lacking or names)
            if file.rows is not None and file.rows != found.num_rows:
                message = f"has {found.num_rows} rows, the manifest says {file.rows}"
                yield error(message, "bring the file back, or " + AGAIN, table=place)


@register(subject="readings")
def readings_are_complete(context: Context) -> Iterable[Finding]:
    """Check that each meter and transformer of a feeder has one reading for each step, and nobody else has."""
    for folder in PARTITIONED:
        for scan in scans(context, folder):
            if scan.strangers:
                message = f"{len(scan.strangers)} ids are not of this feeder"
                yield error(message, "correct the ids, or " + AGAIN, table=scan.file, ids=scan.strangers)
            if scan.twice:
                yield error(f"{scan.twice} readings stand twice", "keep one of each", table=scan.file, count=scan.twice)
            if scan.off:
                message = f"{scan.off} readings start at no step of the months"
                yield error(message, "write the start of the interval", table=scan.file, column="time", count=scan.off)
            short = ~np.asarray(scan.there.all(axis=1))
            if folder == "readings_transformers":
                short &= np.asarray(scan.there.any(axis=1))
            if short.any():
                ids, count = _names(scan, short)
                message = f"{count} {scan.keys} lack readings of some steps"
                yield error(message, "write an empty reading with flag M", table=scan.file, ids=ids, count=count)


@register(subject="readings")
def flags_are_right(context: Context) -> Iterable[Finding]:
    """Check that flags are A, E or M, and that a reading is empty exactly when its flag is M."""
    for scan in scans(context, "readings"):
        unknown = sorted(set(scan.flags) - KNOWN_FLAGS)
        if unknown:
            count = sum(scan.flags[name] for name in unknown)
            message = f"{count} flags are none of A, E, M: {unknown[0]!r}"
            yield error(message, "use a known flag", table=scan.file, column="flag", ids=unknown, count=count)
        if scan.flag_differs:
            message = f"{scan.flag_differs} readings are empty without flag M, or have it and are not empty"
            yield error(message, "correct the flags", table=scan.file, column="flag", count=scan.flag_differs)


@register(subject="readings")
def readings_add_up_to_months(context: Context) -> Iterable[Finding]:
    """Check that registered intervals add up to the month of the meter; months with missing readings are left out."""
    for scan in scans(context, "readings"):
        if "registered_wh" not in scan.sums:
            continue
        months = context.kwh_of(scan.rows)
        whole = (scan.empty["registered_wh"] == 0) & np.asarray(scan.there.any(axis=1))[:, None]
        bad = whole & (np.abs(scan.sums["registered_wh"] / 1e3 - months) > 0.05 + 1e-9 * np.abs(months))
        if bad.any():
            ids, _ = _names(scan, np.asarray(bad.any(axis=1)))
            count = int(bad.sum())
            message = f"{count} months of meters are not the sum of their intervals"
            cure = "correct the readings, or the consumption columns of meter_consumption.csv"
            yield error(message, cure, table=scan.file, column="registered_wh", ids=ids, count=count)


@register(subject="readings")
def intervals_balance(context: Context) -> Iterable[Finding]:
    """Check that in each step a transformer delivers what is drawn and lost, and that its customers draw that."""
    truth = {scan.feeder: scan for scan in scans(context, "truth")}
    for scan in scans(context, "truth_transformers"):
        bad = scan.unbalanced > 0
        if bad.any():
            ids, _ = _names(scan, bad)
            count = int(scan.unbalanced.sum())
            message = f"in {count} steps delivered_wh is not true_wh + technical_loss_wh"
            yield error(message, AGAIN, table=scan.file, column="delivered_wh", ids=ids, count=count)
        customers = truth.get(scan.feeder)
        if customers is None or not {"true_wh"} <= set(customers.sums) & set(scan.sums):
            continue
        drawn = np.zeros_like(scan.sums["true_wh"])
        np.add.at(
            drawn, np.searchsorted(scan.rows, context.meter_transformer[customers.rows]), customers.sums["true_wh"]
        )
        off = np.asarray((np.abs(drawn - scan.sums["true_wh"]) > 0.5).any(axis=1))
        if off.any():
            ids, count = _names(scan, off)
            message = f"{count} transformers have another true_wh than their customers together"
            yield error(message, AGAIN, table=scan.file, column="true_wh", ids=ids, count=count)


@register(subject="readings")
def feeder_intervals_balance(context: Context) -> Iterable[Finding]:
    """Check that a feeder is supplied with what its transformers draw, and that its lines lose the rest of it."""
    units = {scan.feeder: scan for scan in scans(context, "truth_transformers")}
    for scan in scans(context, "truth_feeders"):
        if scan.unbalanced.any():
            count = int(scan.unbalanced.sum())
            message = f"in {count} steps supplied_wh is less than true_wh and the losses"
            yield error(message, AGAIN, table=scan.file, column="supplied_wh", ids=[scan.feeder], count=count)
        of_units = units.get(scan.feeder)
        if of_units is None:
            continue
        for ours, theirs in (
            ("true_wh", "true_wh"),
            ("registered_wh", "registered_wh"),
            ("low_voltage_loss_wh", "technical_loss_wh"),
            ("transformer_loss_wh", "transformer_loss_wh"),
        ):
            if ours not in scan.sums or theirs not in of_units.sums:
                continue
            together = of_units.sums[theirs].sum(axis=0)
            off = np.abs(scan.sums[ours][0] - together) > 0.5 + 1e-9 * np.abs(together)
            if off.any():
                message = f"in {int(off.sum())} months {ours} is not the sum of {theirs} of the transformers"
                yield error(message, AGAIN, table=scan.file, column=ours, ids=[scan.feeder], count=int(off.sum()))


@register(subject="readings")
def feeder_readings_add_up(context: Context) -> Iterable[Finding]:
    """Check that registered intervals of a feeder's meter add up to its month in feeder_readings.csv."""
    if not context.has("feeder_readings"):
        return
    names = context.text("feeder_readings", "feeder_id")
    months = [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in context.known_months.tolist()]
    at = rows_of(context.text("feeder_readings", "month"), pa.array(months, pa.string()))
    for scan in scans(context, "readings_feeders"):
        mine = np.asarray(pc.fill_null(pc.equal(names, scan.feeder), False)) & (at >= 0)
        for wh, kwh in (("registered_wh", "registered_kwh"), ("registered_varh", "registered_kvarh")):
            if wh not in scan.sums:
                continue
            said = context.numbers("feeder_readings", kwh)[mine]
            bad = np.abs(scan.sums[wh][0][at[mine]] / 1e3 - said) > 0.0006
            if bad.any():
                message = f"{int(bad.sum())} months are not the sum of their intervals"
                cure = "correct the readings, or feeder_readings.csv"
                yield error(message, cure, table=scan.file, column=wh, ids=[scan.feeder], count=int(bad.sum()))


@register(subject="readings", severities=(Severity.WARNING,))
def voltages_are_plausible(context: Context) -> Iterable[Finding]:
    """Check that voltages are within 20 % of 230 V."""
    low, high = NOMINAL_V * (1 - WIDEST_VOLTAGE), NOMINAL_V * (1 + WIDEST_VOLTAGE)
    for folder, column in (("readings", "voltage_v"), ("truth", "true_voltage_v")):
        for scan in scans(context, folder):
            if column not in scan.least:
                continue
            bad = (scan.least[column] < low) | (scan.most[column] > high)
            if bad.any():
                ids, count = _names(scan, bad)
                least, most = scan.least[column][bad].min(), scan.most[column][bad].max()
                message = f"{count} meters have voltages beyond {low:g} to {high:g} V, from {least:.1f} to {most:.1f} V"
                cure = "look at the wires of the feeder; its ends may be too far or too heavily loaded"
                yield warning(message, cure, table=scan.file, column=column, ids=ids, count=count)


@register(subject="readings", severities=(Severity.WARNING,))
def power_flow_is_solved(context: Context) -> Iterable[Finding]:
    """Check that the power flow has a solution in every step of every feeder: voltages and deliveries are not empty."""
    for table, column in ((TRUTH, "true_voltage_v"), (TRUTH_OF_TRANSFORMERS, "delivered_wh")):
        for feeder, file in files_of(context, table).items():
            steps = _empty_steps(file.path, column)
            if steps:
                message = f"{feeder}: {steps} steps of the power flow have no solution, and no voltages"
                cure = "leave these steps out, or make a set with less load on the feeder's wires"
                yield warning(message, cure, table=table.file(feeder), column=column, ids=[feeder], count=steps)


def _empty_steps(path: object, column: str) -> int:
    """Return the number of times at which a column is empty; where nothing is empty only the footer is read."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                return 0
            at = file.schema_arrow.names.index(column)
            steps: set[int] = set()
            for group in range(file.num_row_groups):
                found = file.metadata.row_group(group).column(at).statistics
                if found is not None and found.has_null_count and not found.null_count:
                    continue
                rows = file.read_row_group(group, columns=["time", column])
                steps |= set(rows.filter(rows[column].is_null())["time"].cast(pa.int64()).unique().to_pylist())
            return len(steps)
    except (OSError, pa.ArrowException):
        return 0  # reading_files says so
