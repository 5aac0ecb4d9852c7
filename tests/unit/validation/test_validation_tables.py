"""Checks of columns, keys, values, months: what is found where, and what is let pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import validation_samples as samples
from validation_samples import with_cell, with_column, with_table

from ghostload.dataset import Dataset
from ghostload.validation import Finding, Severity, validate

METERS = "meters"


def _found(dataset: Dataset, check: str) -> tuple[Finding, ...]:
    return validate(dataset, checks=[check]).findings


def _renamed(dataset: Dataset, names: dict[str, str]) -> Dataset:
    table = dataset.tables[METERS]
    return with_table(dataset, METERS, table.rename_columns([names.get(n, n) for n in table.column_names]))


def _months(dataset: Dataset, months: list[str]) -> Dataset:
    """The sound set with its first consumption columns under other names, and no more than these."""
    keep = [f"monthly_consumption_2025{m:02d}" for m in range(1, len(months) + 1)]
    table = dataset.tables[METERS].drop_columns([c for c in dataset.month_columns if c not in keep])
    names = dict(zip(keep, months, strict=True))
    renamed = table.rename_columns([names.get(n, n) for n in table.column_names])
    return with_table(dataset, METERS, renamed)


def _labels(*months: str) -> list[str]:
    return [f"monthly_consumption_{month}" for month in months]


@pytest.mark.parametrize(
    ("months", "part"),
    [
        (("202412", "202502"), "1 months are missing"),
        (("202501", "202503", "202506"), "3 months are missing between 2025-01 and 2025-06"),
        (("202502", "202501"), "not in order of time: 2025-01 follows 2025-02"),
    ],
)
def test_months_that_do_not_follow_each_other(sound: Dataset, months: tuple[str, ...], part: str) -> None:
    (finding,) = _found(_months(sound, _labels(*months)), "months_are_consecutive")
    assert part in finding.message


def test_months_across_a_new_year_follow_each_other(sound: Dataset) -> None:
    assert _found(_months(sound, _labels("202411", "202412", "202501")), "months_are_consecutive") == ()


def test_a_month_that_stands_twice(sound: Dataset) -> None:
    changed = _months(sound, _labels("202501", "202501", "202502"))
    (finding,) = _found(changed, "months_are_consecutive")
    assert finding.ids == ("2025-01",)
    assert [f.message for f in _found(changed, "columns_present")] == ["columns stand more than once"]


@pytest.mark.parametrize("name", ["monthly_consumption_202513", "monthly_consumption_2025-01", "monthly_total"])
def test_a_name_that_gives_no_month(sound: Dataset, name: str) -> None:
    changed = _renamed(sound, {"monthly_consumption_202501": name})
    (finding,) = _found(changed, "month_names")
    assert finding.ids == (name,)
    (stopped,) = _found(changed, "load_factor")
    assert stopped.message == "could not run: the calendar months are not known"


def test_no_consumption_column_at_all(sound: Dataset) -> None:
    bare = with_table(sound, METERS, sound.tables[METERS].drop_columns(list(sound.month_columns)))
    assert [f.message for f in _found(bare, "month_names")] == ["there is no consumption column"]
    assert _found(bare, "months_are_consecutive") == ()
    assert "no consumption column" in _found(bare, "no_single_feature_leak")[0].message
    assert "has the months (none)" in _found(bare, "counts_match_config")[0].message


def test_every_missing_column_is_named(sound: Dataset) -> None:
    bare = with_table(sound, METERS, sound.tables[METERS].drop_columns(["kVA", "lat"]))
    (finding,) = _found(bare, "columns_present")
    assert finding.ids == ("lat", "kVA")
    report = validate(bare)
    stopped = {f.check: f.column for f in report.findings if "could not run: the column is missing" in f.message}
    assert stopped["load_factor"] == "kVA"
    assert stopped["on_land"] == "lat"


def test_further_columns_are_a_note(sound: Dataset) -> None:
    wider = with_table(sound, METERS, sound.tables[METERS].append_column("street", pa.array(["a"] * samples.METERS)))
    (finding,) = _found(wider, "columns_in_order")
    assert (finding.severity, finding.ids) == (Severity.INFO, ("street",))


def test_meter_columns_out_of_order(sound: Dataset) -> None:
    table = sound.tables[METERS]
    moved = with_table(sound, METERS, table.select([len(table.column_names) - 1, *range(len(table.column_names) - 1)]))
    (finding,) = _found(moved, "columns_in_order")
    assert "monthly_consumption_..., kVA" in finding.cure


def test_cells_that_are_no_numbers_are_counted_and_named(sound: Dataset) -> None:
    changed = with_cell(with_cell(sound, METERS, "kVA", 5, "12,5"), METERS, "kVA", 9, "?")
    (finding,) = _found(changed, "types")
    assert finding.ids == ("MTR_000006", "MTR_000010")
    assert finding.count == 2
    assert "'12,5'" in finding.message
    (stopped,) = _found(changed, "ratings_are_positive")
    assert stopped.message == "could not run: the column is string, not numbers"


@pytest.mark.parametrize(
    ("table", "column", "values", "ok"),
    [
        (METERS, "kVA", pa.array(np.ones(samples.METERS, dtype=np.float32)), True),
        (METERS, "kVA", pa.array(np.ones(samples.METERS, dtype=np.int32)), True),
        (METERS, "kVA", pa.array([True] * samples.METERS), False),
        (METERS, "barangay", pa.array(["a"] * samples.METERS, pa.large_string()), True),
        (METERS, "barangay", pa.array(["a"] * samples.METERS).dictionary_encode(), True),
        (METERS, "barangay", pa.array([1] * samples.METERS), False),
        ("anomaly_labels", "anomaly_flag", pa.array([1.0] * samples.THIEVES), False),
        ("anomaly_labels", "anomaly_flag", pa.array([1] * samples.THIEVES, pa.int8()), True),
    ],
)
def test_arrow_types_that_stand_for_a_column(sound: Dataset, table: str, column: str, values: Any, ok: bool) -> None:
    assert (_found(with_column(sound, table, column, values), "types") == ()) is ok


def test_an_id_column_of_numbers_is_a_type_finding_and_stops_what_needs_it(sound: Dataset) -> None:
    changed = with_column(sound, METERS, "meter_id", pa.array(range(samples.METERS)))
    assert [f.place for f in _found(changed, "types")] == ["meters.meter_id"]
    assert "not text" in _found(changed, "unique_ids")[0].message
    near = with_cell(changed, METERS, "lat", 5, 14.6)
    assert "row 6" in _found(near, "meters_near_transformer")[0].ids


def test_tables_in_chunks_are_read_as_one(sound: Dataset) -> None:
    chunked = {name: pa.concat_tables([t.slice(0, 7), t.slice(7)]) for name, t in sound.tables.items()}
    dataset = sound
    for name, table in chunked.items():
        dataset = with_table(dataset, name, table)
    assert validate(dataset).findings == ()


def test_repeated_ids_are_named_once_each(sound: Dataset) -> None:
    changed = with_cell(with_cell(sound, METERS, "meter_id", 5, "MTR_000001"), METERS, "meter_id", 9, "MTR_000001")
    (finding,) = _found(changed, "unique_ids")
    assert (finding.ids, finding.count) == (("MTR_000001",), 1)


@pytest.mark.parametrize(
    ("column", "name", "ok"),
    [
        ("meter_id", "MTR_1000000", True),
        ("meter_id", "MTR_0100000", False),
        ("meter_id", "MTR_12345", False),
        ("meter_id", " MTR_000001", False),
        ("meter_id", "mtr_000001", False),
        ("transformer_id", "TX_00001", False),
        ("transformer_id", "TX_12345", True),
    ],
)
def test_how_an_id_is_written(sound: Dataset, column: str, name: str, ok: bool) -> None:
    assert (_found(with_cell(sound, METERS, column, 5, name), "id_format") == ()) is ok


def test_an_unknown_transformer_is_named_with_its_meters(sound: Dataset) -> None:
    changed = with_column(sound, METERS, "transformer_id", lambda v: ["TX_8888", "TX_9999", *v[2:]])
    (finding,) = _found(changed, "meters_have_a_transformer")
    assert finding.ids == ("MTR_000001", "MTR_000002")
    assert "'TX_8888' and 1 more" in finding.message


def test_an_empty_foreign_key_is_an_empty_cell_and_no_unknown_row(sound: Dataset) -> None:
    changed = with_cell(sound, METERS, "transformer_id", 5, None)
    assert _found(changed, "meters_have_a_transformer") == ()
    assert [f.place for f in _found(changed, "no_empty_cells")] == ["meters.transformer_id"]


@pytest.mark.parametrize("cell", [None, "", "  "])
def test_blank_text_is_empty(sound: Dataset, cell: str | None) -> None:
    (finding,) = _found(with_cell(sound, METERS, "barangay", 5, cell), "no_empty_cells")
    assert finding.ids == ("MTR_000006",)


def test_a_row_without_an_id_is_named_by_its_number(sound: Dataset) -> None:
    (finding,) = _found(with_cell(sound, METERS, "meter_id", 5, None), "no_empty_cells")
    assert finding.ids == ("row 6",)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite(sound: Dataset, value: float) -> None:
    (finding,) = _found(with_cell(sound, METERS, "lon", 5, value), "finite_values")
    assert finding.ids == ("MTR_000006",)


@pytest.mark.parametrize(
    ("table", "column", "value", "part"),
    [
        (METERS, "lat", 90.1, "from -90 to 90"),
        (METERS, "lon", -181.0, "from -180 to 180"),
        ("transformers", "capacity_kVA", -1.0, "at least 0"),
        ("anomaly_labels", "anomaly_flag", 0, "must be 1"),
        ("anomaly_labels", "anomaly_flag", 2, "must be 1"),
    ],
)
def test_numbers_out_of_range(sound: Dataset, table: str, column: str, value: Any, part: str) -> None:
    (finding,) = _found(with_cell(sound, table, column, 5, value), "values_in_range")
    assert finding.place == f"{table}.{column}"
    assert part in finding.message


def test_names_out_of_their_domain(sound: Dataset) -> None:
    changed = with_cell(sound, "anomaly_labels", "risk_band", 5, "high")
    changed = with_cell(changed, "anomaly_events", "family", 40, "error")
    assert {f.place for f in _found(changed, "known_values")} == {"anomaly_labels.risk_band", "anomaly_events.family"}


def test_a_set_of_no_rows_is_read_without_a_crash(sound: Dataset) -> None:
    empty = sound
    for name, table in sound.tables.items():
        empty = with_table(empty, name, table.slice(0, 0))
    report = validate(empty)
    assert not report.ok
    assert not [f for f in report.findings if "Error:" in f.message]
