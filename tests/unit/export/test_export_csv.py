"""CSV files: the header of the contract, fixed decimals, quotes only where they are needed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from export_samples import MONTHS, NAMES, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import GeneratorConfig, MeteringConfig
from ghostload.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export import cells
from ghostload.export.csv import csv_pieces
from ghostload.schema import ANOMALY_EVENTS, ANOMALY_LABELS, METERS, TABLES, TRANSFORMERS, Column


def _text(dataset: Dataset, name: str) -> str:
    return b"".join(bytes(piece) for piece in csv_pieces(dataset, TABLES[name])).decode()


def _rows(dataset: Dataset, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_text(dataset, name), newline=""), strict=True))


def test_the_headers_are_those_of_the_contract_unquoted() -> None:
    dataset = sample()
    first = {name: _text(dataset, name).partition("\n")[0] for name in TABLES}
    assert first["transformers"] == "transformer_id,feeder_id,barangay,lat,lon,capacity_kVA"
    months = ",".join(f"monthly_consumption_{m}" for m in MONTHS)
    assert first["meters"] == f"meter_id,transformer_id,customer_class,barangay,lat,lon,{months},kVA"
    assert first["anomaly_labels"] == "meter_id,anomaly_flag,risk_band,anomaly_type"
    assert first["anomaly_events"] == "event_id,meter_id,family,kind,start,end,lost_kwh,severity,parameters"


def test_numbers_have_the_decimals_of_the_schema() -> None:
    dataset = sample()
    row, table = _rows(dataset, "meters")[0], dataset.tables["meters"]
    assert row["lat"] == f"{table['lat'][0].as_py():.6f}"
    assert row["lon"] == f"{table['lon'][0].as_py():.6f}"
    assert row["kVA"] == f"{table['kVA'][0].as_py():.2f}"
    assert row["monthly_consumption_202412"] == f"{table['monthly_consumption_202412'][0].as_py():.1f}"
    assert [r["capacity_kVA"] for r in _rows(dataset, "transformers")] == [
        f"{value:.1f}" for value in dataset.tables["transformers"]["capacity_kVA"].to_pylist()
    ]
    assert _rows(dataset, "anomaly_events")[0]["severity"] == "0.3333"
    assert _rows(dataset, "anomaly_labels")[0]["anomaly_flag"] == "1"


def test_a_finer_register_shows_in_the_months() -> None:
    config = GeneratorConfig(num_meters=12, num_transformers=3, metering=MeteringConfig(register_decimals=3))
    assert all(
        len(row["monthly_consumption_202501"].partition(".")[2]) == 3 for row in _rows(sample(config=config), "meters")
    )
    config = GeneratorConfig(num_meters=12, num_transformers=3, metering=MeteringConfig(register_decimals=0))
    assert all(
        len(row["monthly_consumption_202501"].partition(".")[2]) == 1 for row in _rows(sample(config=config), "meters")
    )


def test_names_with_commas_quotes_and_line_breaks_come_back() -> None:
    dataset = sample(transformers=7)
    assert [row["barangay"] for row in _rows(dataset, "transformers")] == [NAMES[i % 5] for i in range(7)]


def test_only_what_needs_quotes_has_them() -> None:
    lines = _text(sample(transformers=2), "transformers").splitlines()
    assert '"Sto. Niño, ""Old"" Town"' in lines[1]
    assert '"' not in lines[2]


def test_an_empty_cell_is_null_and_every_line_ends_with_a_line_feed() -> None:
    text = _text(sample(), "anomaly_events")
    assert [row["end"] for row in _rows(sample(), "anomaly_events")] == ["", "2025-01", ""]
    assert text.endswith("\n")
    assert "\r" not in text
    assert text.count("\n") == 4


def test_a_null_in_the_last_column_keeps_its_row() -> None:
    table = sample().tables["anomaly_events"]
    table = table.set_column(8, "parameters", pa.array([None, "{}", None], pa.string()))
    lines = _text(
        Dataset({"anomaly_events": table, "meters": sample().tables["meters"]}), "anomaly_events"
    ).splitlines()
    assert len(lines) == 4
    assert lines[1].endswith(",0.3333,")


def test_a_table_without_rows_is_its_header() -> None:
    dataset = sample()
    tables = {**dataset.tables, "anomaly_labels": dataset.tables["anomaly_labels"].slice(0, 0)}
    assert _text(replace(dataset, tables=tables), "anomaly_labels") == "meter_id,anomaly_flag,risk_band,anomaly_type\n"


def test_columns_may_come_in_any_order_and_dictionary_encoded() -> None:
    dataset = sample()
    table = dataset.tables["transformers"]
    mixed = table.select(list(reversed(table.column_names))).set_column(
        3, "barangay", table["barangay"].dictionary_encode()
    )
    tables = {**dataset.tables, "transformers": mixed}
    assert _text(replace(dataset, tables=tables), "transformers") == _text(dataset, "transformers")


def test_the_size_of_the_batches_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = sample(meters=40, transformers=9)
    expected = {name: _text(dataset, name) for name in TABLES}
    monkeypatch.setattr(cells, "BATCH_ROWS", 7)
    chunked = {name: pa.concat_tables([t.slice(0, 1), t.slice(1)]) for name, t in dataset.tables.items()}
    assert {name: _text(replace(dataset, tables=chunked), name) for name in TABLES} == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_a_number_that_no_csv_holds_is_refused(value: float) -> None:
    dataset = sample()
    table = dataset.tables["transformers"]
    broken = table.set_column(5, "capacity_kVA", pa.array([value, 1.0, 1.0]))
    with pytest.raises(OutputError, match=r"^transformers\.csv: capacity_kVA: holds NaN, infinity, or"):
        _text(replace(dataset, tables={**dataset.tables, "transformers": broken}), "transformers")


def test_a_missing_and_a_further_column_are_refused() -> None:
    dataset = sample()
    table = dataset.tables["transformers"]
    with pytest.raises(OutputError, match=r"transformers\.csv: the transformers table has no column feeder_id; add it"):
        _text(
            replace(dataset, tables={**dataset.tables, "transformers": table.drop_columns("feeder_id")}), "transformers"
        )
    more = table.append_column("secret", pa.array([1, 2, 3]))
    with pytest.raises(OutputError, match="further column secret; take it out"):
        _text(replace(dataset, tables={**dataset.tables, "transformers": more}), "transformers")


def test_no_column_has_more_decimals_than_plain_notation_can_show() -> None:
    assert all(c.decimals <= 6 for t in (TRANSFORMERS, METERS, ANOMALY_LABELS, ANOMALY_EVENTS) for c in t.columns)


_text_cells = st.lists(st.none() | st.text(max_size=6), min_size=1, max_size=6)


@settings(deadline=None)
@given(_text_cells)
def test_any_text_comes_back_from_a_csv_cell(values: list[str | None]) -> None:
    written = cells.csv_cells(pa.array(values, pa.string()), Column("x", "string", "")).to_pylist()
    line = ",".join("" if cell is None else cell for cell in written)
    read = next(csv.reader(io.StringIO(f"{line},end\n", newline=""), strict=True))[:-1]
    assert read == ["" if value is None else value for value in values]


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.integers(1, 6))
def test_any_number_is_written_within_half_a_last_digit(values: list[float], decimals: int) -> None:
    written = cells.text(pa.array(values), Column("x", "float", "", decimals=decimals)).to_pylist()
    for value, cell in zip(values, written, strict=True):
        assert abs(float(cell) - value) <= 0.5 * 10**-decimals + 1e-6 * max(1.0, abs(value) / 1e9)
        assert len(cell.partition(".")[2]) == decimals
        assert "e" not in cell.lower()
        assert cell.strip("-0.") or not cell.startswith("-")


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=20), st.integers(1, 3))
def test_a_number_that_has_the_decimals_comes_back_exactly(values: list[int], decimals: int) -> None:
    numbers = np.array(values) / 10**decimals
    written = cells.text(pa.array(numbers), Column("x", "float", "", decimals=decimals)).to_pylist()
    assert [float(cell) for cell in written] == numbers.tolist()
