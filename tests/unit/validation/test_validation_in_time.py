"""Checks of balances and readings in time: silent on what the generator makes, and each fires on what is broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import validation_samples as samples
from in_time_support import mixed_config, without_gaps
from validation_samples import with_cell, with_column, with_table

from ghostload.dataset import Dataset, load_dataset
from ghostload.export import write_dataset
from ghostload.export.report import report_text
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.schema import LOSS_KINDS
from ghostload.validation import CHECKS, Context, Severity, reading_scan, run_check, validate

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ENERGY, READINGS = "transformer_energy", "transformer_readings"
FEEDERS, HEADS, ELEMENTS = "feeder_energy", "feeder_readings", "network_losses"
CHECKED = [check.name for check in CHECKS if check.subject in ("energy", "readings")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = mixed_config(num_meters=60, num_transformers=6)
    return write_dataset(SyntheticDataPipeline(config).build(), tmp_path_factory.mktemp("in-time") / "set")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "set"))


Cells = Callable[[np.ndarray[Any, Any]], None]


def _part(table: str, column: str, change: Cells) -> Callable[[Path], None]:
    """Change cells of the first feeder's file; NaN is written as an empty cell."""

    def apply(folder: Path) -> None:
        path = folder / table / "feeder=FD_01" / "part-0.parquet"
        found = pq.ParquetFile(path).read()
        values = np.array(found[column].cast(pa.float64()).to_numpy())
        change(values)
        at = found.schema.get_field_index(column)
        cells = pa.array(values, mask=np.isnan(values)).cast(found.schema.field(column).type)
        pq.write_table(found.set_column(at, found.schema.field(column), cells), path)

    return apply


def _change_text(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


def _put(where: slice, value: float) -> Cells:
    def change(values: np.ndarray[Any, Any]) -> None:
        values[where] = value

    return change


def _more(where: slice, value: float) -> Cells:
    def change(values: np.ndarray[Any, Any]) -> None:
        values[where] += value

    return change


def _other_rows(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "readings" / "feeder=FD_01" / "part-0.parquet"
        pq.write_table(change(pq.ParquetFile(path).read()), path)

    return apply


def _other_ids(table: pa.Table) -> pa.Table:
    ids = pc.replace_substring(table["meter_id"].cast(pa.string()), "MTR_0", "MTR_9")
    return table.set_column(0, "meter_id", ids.dictionary_encode())


def _other_flags(table: pa.Table) -> pa.Table:
    flags = ["X", "M", *table["flag"].cast(pa.string()).to_pylist()[2:]]
    return table.set_column(table.column_names.index("flag"), "flag", pa.array(flags).dictionary_encode())


def _later(table: pa.Table) -> pa.Table:
    times = table["time"].cast(pa.int64())
    return table.set_column(1, "time", pc.add(times, 60_000).cast(table.schema.field("time").type))


def _added(column: str, value: float, table: str = ENERGY) -> Callable[[Dataset], Dataset]:
    return lambda d: with_cell(d, table, column, 3, d.tables[table][column][3].as_py() + value)


def _lost_more(kind: str, column: str) -> Callable[[Dataset], Dataset]:
    def apply(dataset: Dataset) -> Dataset:
        table = dataset.tables[ELEMENTS]
        row = table["kind"].to_pylist().index(kind)
        return with_cell(dataset, ELEMENTS, column, row, table[column][row].as_py() + 1.0)

    return apply


Break = Callable[[Dataset], Dataset]
TABLES_BROKEN: list[tuple[str, str, Break]] = [
    ("energy_rows", f"{ENERGY}.transformer_id", lambda d: with_cell(d, ENERGY, "transformer_id", 1, "TX_0999")),
    ("energy_rows", f"{READINGS}.transformer_id", lambda d: with_cell(d, READINGS, "transformer_id", 1, "TX_0999")),
    ("energy_rows", f"{READINGS}.month", lambda d: with_cell(d, READINGS, "month", 1, "2031-01")),
    ("energy_rows", f"{ENERGY}.transformer_id", lambda d: with_table(d, ENERGY, d.tables[ENERGY].slice(1))),
    ("delivered_is_true_and_lost", f"{ENERGY}.delivered_kwh", _added("delivered_kwh", 1.0)),
    ("delivered_is_true_and_lost", f"{ENERGY}.delivered_kwh", _added("technical_loss_kwh", 1.0)),
    (
        "delivered_is_true_and_lost",
        f"{ENERGY}.technical_loss_kwh",
        lambda d: with_cell(d, ENERGY, "technical_loss_kwh", 3, -5.0),
    ),
    ("true_is_registered_and_lost", f"{ENERGY}.non_technical_loss_kwh", _added("non_technical_loss_kwh", 100.0)),
    ("registered_is_that_of_the_meters", f"{ENERGY}.registered_kwh", _added("registered_kwh", 2.0)),
    (
        "transformer_meters_are_exact",
        f"{READINGS}.registered_kwh",
        lambda d: with_column(d, READINGS, "registered_kwh", lambda values: [1.01 * value for value in values]),
    ),
    ("feeder_rows", f"{FEEDERS}.feeder_id", lambda d: with_cell(d, FEEDERS, "feeder_id", 1, "FD_77")),
    ("feeder_rows", f"{HEADS}.feeder_id", lambda d: with_table(d, HEADS, d.tables[HEADS].slice(1))),
    ("feeder_rows", f"{HEADS}.month", lambda d: with_cell(d, HEADS, "month", 1, "2031-01")),
    ("supplied_is_true_and_lost", f"{FEEDERS}.supplied_kwh", _added("supplied_kwh", 0.1, FEEDERS)),
    *(
        ("supplied_is_true_and_lost", f"{FEEDERS}.supplied_kwh", _added(f"{name}_loss_kwh", 0.1, FEEDERS))
        for name in LOSS_KINDS
    ),
    (
        "supplied_is_true_and_lost", f"{FEEDERS}.mv_line_loss_kwh",
        lambda d: with_cell(d, FEEDERS, "mv_line_loss_kwh", 0, -1.0),
    ),
    *(
        ("feeders_are_their_transformers", f"{FEEDERS}.{name}", _added(name, 0.1, FEEDERS))
        for name in ("true_kwh", "registered_kwh", "non_technical_loss_kwh", "lv_main_loss_kwh",
                     "transformer_no_load_loss_kwh")
    ),
    (
        "feeder_meters_are_exact", f"{HEADS}.registered_kwh",
        lambda d: with_column(d, HEADS, "registered_kwh", lambda values: [1.005 * value for value in values]),
    ),
    (
        "feeder_meters_are_exact", f"{HEADS}.peak_kw",
        lambda d: with_column(d, HEADS, "peak_kw", lambda values: [0.99 * value for value in values]),
    ),
    *(
        ("elements_lose_what_feeders_do", f"{ELEMENTS}.loss_kwh", _lost_more(kind, column))
        for kind, column in (("mv", "loss_kwh"), ("main", "loss_kwh"), ("drop", "loss_kwh"),
                             ("transformer", "loss_kwh"), ("transformer", "no_load_loss_kwh"))
    ),
]  # fmt: skip
PARTS_BROKEN: list[tuple[str, Severity, str, Callable[[Path], None]]] = [
    ("reading_files", ERROR, "truth", lambda f: (f / "truth/feeder=FD_02/part-0.parquet").unlink()),
    (
        "reading_files", ERROR, "readings/feeder=FD_02/part-0.parquet",
        lambda f: (f / "readings/feeder=FD_02/part-0.parquet").write_bytes(b"PAR1 no more PAR1"),
    ),
    ("reading_files", ERROR, "readings/feeder=FD_01/part-0.parquet", _other_rows(lambda t: t.slice(1))),
    ("reading_files", ERROR, "readings/feeder=FD_01/part-0.parquet", _other_rows(lambda t: t.drop_columns(["flag"]))),
    ("readings_are_complete", ERROR, "readings/feeder=FD_01/part-0.parquet", _other_rows(lambda t: t.slice(1))),
    ("readings_are_complete", ERROR, "readings/feeder=FD_01/part-0.parquet", _other_rows(_other_ids)),
    ("readings_are_complete", ERROR, "readings/feeder=FD_01/part-0.parquet.time", _other_rows(_later)),
    (
        "readings_are_complete", ERROR, "readings/feeder=FD_01/part-0.parquet",
        _other_rows(lambda t: pa.concat_tables([t, t.slice(0, 1)])),
    ),
    ("flags_are_right", ERROR, "readings/feeder=FD_01/part-0.parquet.flag", _other_rows(_other_flags)),
    (
        "flags_are_right", ERROR, "readings/feeder=FD_01/part-0.parquet.flag",
        _part("readings", "registered_wh", _put(slice(0, 2), np.nan)),
    ),
    (
        "readings_add_up_to_months", ERROR, "readings/feeder=FD_01/part-0.parquet.registered_wh",
        _part("readings", "registered_wh", _more(slice(4, 5), 500)),
    ),
    (
        "intervals_balance", ERROR, "truth_transformers/feeder=FD_01/part-0.parquet.delivered_wh",
        _part("truth_transformers", "technical_loss_wh", _more(slice(4, 5), 0.5)),
    ),
    (
        "intervals_balance", ERROR, "truth_transformers/feeder=FD_01/part-0.parquet.true_wh",
        _part("truth", "true_wh", _more(slice(4, 5), 7)),
    ),
    (
        "feeder_intervals_balance", ERROR, "truth_feeders/feeder=FD_01/part-0.parquet.supplied_wh",
        _part("truth_feeders", "transformer_loss_wh", _more(slice(4, 5), 5000.0)),
    ),
    *(
        (
            "feeder_intervals_balance", ERROR, f"truth_feeders/feeder=FD_01/part-0.parquet.{name}",
            _part("truth_feeders", name, _more(slice(4, 5), 7)),
        )
        for name in ("true_wh", "registered_wh", "low_voltage_loss_wh", "transformer_loss_wh")
    ),
    *(
        (
            "feeder_readings_add_up", ERROR, f"readings_feeders/feeder=FD_01/part-0.parquet.{name}",
            _part("readings_feeders", name, _more(slice(4, 5), 2)),
        )
        for name in ("registered_wh", "registered_varh")
    ),
    (
        "feeder_hours_are_solved", WARNING, "feeder_energy.unsolved_hours",
        lambda f: _change_text(f / "feeder_energy.csv", ",0.00\n", ",3.00\n"),
    ),
    (
        "voltages_are_plausible", WARNING, "readings/feeder=FD_01/part-0.parquet.voltage_v",
        _part("readings", "voltage_v", _put(slice(9, 10), 100.0)),
    ),
    (
        "voltages_are_plausible", WARNING, "truth/feeder=FD_01/part-0.parquet.true_voltage_v",
        _part("truth", "true_voltage_v", _put(slice(9, 10), 300.0)),
    ),
    (
        "power_flow_is_solved", WARNING, "truth/feeder=FD_01/part-0.parquet.true_voltage_v",
        _part("truth", "true_voltage_v", _put(slice(9, 12), np.nan)),
    ),
    (
        "power_flow_is_solved", WARNING, "truth_transformers/feeder=FD_01/part-0.parquet.delivered_wh",
        _part("truth_transformers", "delivered_wh", _put(slice(9, 12), np.nan)),
    ),
]  # fmt: skip


def test_every_check_of_balances_and_readings_is_broken_here() -> None:
    assert {name for name, *_ in (*TABLES_BROKEN, *PARTS_BROKEN)} == set(CHECKED)


def test_what_the_generator_makes_has_no_finding(whole: Path) -> None:
    assert validate(load_dataset(whole), checks=CHECKED).findings == ()


@pytest.mark.parametrize("settings", [{"interval": None}, {"physics": "none"}, {"interval": None, "physics": "none"}])
def test_sets_with_less_in_them_have_no_finding(settings: dict[str, Any]) -> None:
    dataset = SyntheticDataPipeline(mixed_config(num_meters=60, num_transformers=6, **settings)).build()
    assert validate(dataset, checks=CHECKED).findings == ()


def test_missing_readings_that_are_flagged_are_no_finding() -> None:
    config = without_gaps(mixed_config(num_meters=60, num_transformers=6, num_months=1))
    assert validate(SyntheticDataPipeline(config).build(), checks=CHECKED).findings == ()


def test_a_set_without_balances_and_readings_has_no_finding() -> None:
    assert validate(samples.sound(), checks=CHECKED).findings == ()


@pytest.mark.parametrize("case", range(len(TABLES_BROKEN)), ids=lambda at: TABLES_BROKEN[at][0])
def test_a_check_fires_on_broken_tables(whole: Path, case: int) -> None:
    name, place, damage = TABLES_BROKEN[case]
    findings = run_check(CHECKS.get(name), Context(damage(load_dataset(whole))))
    assert (ERROR, place) in {(f.severity, f.place) for f in findings}
    assert all(f.cure and not f.message.startswith("could not run") for f in findings)


@pytest.mark.parametrize("case", range(len(PARTS_BROKEN)), ids=lambda at: PARTS_BROKEN[at][0])
def test_a_check_fires_on_broken_readings(folder: Path, case: int) -> None:
    name, severity, place, damage = PARTS_BROKEN[case]
    damage(folder)
    findings = run_check(CHECKS.get(name), Context(load_dataset(folder)))
    assert (severity, place) in {(f.severity, f.place) for f in findings}, findings
    assert all(f.cure and not f.message.startswith("could not run") for f in findings)


def test_steps_without_a_solution_are_counted_once_for_their_feeder(folder: Path) -> None:
    _part("truth", "true_voltage_v", _put(slice(9, 12), np.nan))(folder)
    (finding,) = run_check(CHECKS.get("power_flow_is_solved"), Context(load_dataset(folder)))
    assert finding.ids == ("FD_01",)
    assert finding.count == 3


def test_hours_without_a_solution_are_named_with_feeder_and_month(folder: Path) -> None:
    _change_text(folder / "feeder_energy.csv", ",0.00\n", ",3.50\n")
    dataset = load_dataset(folder)
    (finding,) = run_check(CHECKS.get("feeder_hours_are_solved"), Context(dataset))
    assert finding.ids == ("FD_01 2025-01",)
    assert finding.message == "in 1 months of feeders 3.5 hours of the power flow have no solution"
    assert "hours without a solution, in which nothing is lost: FD_01 2025-01: 3.50" in report_text(dataset)


def test_a_file_that_cannot_be_read_stops_the_checks_that_need_it(folder: Path) -> None:
    (folder / "readings/feeder=FD_01/part-0.parquet").write_bytes(b"PAR1 no more PAR1")
    report = validate(load_dataset(folder), checks=CHECKED)
    stopped = {f.check for f in report.findings if f.message.startswith("could not run: cannot be read")}
    assert "readings_add_up_to_months" in stopped
    assert not [f for f in report.findings if "Error:" in f.message]


def test_of_many_readings_evenly_spread_feeders_are_read(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(whole)
    feeders = reading_scan.feeders_of(Context(dataset))
    assert [scan.feeder for scan in reading_scan.scans(Context(dataset), "readings")] == feeders
    rows = sum(file.rows or 0 for name, file in dataset.files.items() if name.startswith("readings/"))
    monkeypatch.setattr(reading_scan, "MOST_READINGS", rows - 1)
    assert [scan.feeder for scan in reading_scan.scans(Context(dataset), "readings")] == feeders[::2]


def test_a_set_whose_interval_is_not_known_says_so(whole: Path) -> None:
    dataset = replace(load_dataset(whole), config=None)
    (finding,) = validate(dataset, checks=["readings_add_up_to_months"]).findings
    assert finding.message == "could not run: the interval is not known"
