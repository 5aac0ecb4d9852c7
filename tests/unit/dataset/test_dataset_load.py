"""Reading a data-set folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from ghostload.config import GeneratorConfig
from ghostload.dataset import load_dataset
from ghostload.dataset.csv_table import cells_not_of_kind, fits_kind, is_text
from ghostload.dataset.load import read_folder
from ghostload.errors import DataError

TRANSFORMERS = "transformer_id,feeder_id,barangay,lat,lon,capacity_kVA\nTX_0001,FD_01,Tondo,14.6,120.97,50\n"
METERS = (
    "meter_id,transformer_id,customer_class,barangay,lat,lon,"
    "monthly_consumption_202501,monthly_consumption_202502,kVA\n"
    "MTR_000001,TX_0001,residential,Tondo,14.6,120.97,100.5,0,1.5\n"
    "MTR_000002,TX_0001,commercial,12,14.6,120.97,,90,2\n"
)
LABELS = "meter_id,anomaly_flag,risk_band,anomaly_type\n"
EVENTS = (
    "event_id,meter_id,family,kind,start,end,lost_kwh,severity,parameters\n"
    'EV_000001,MTR_000001,benign,vacancy,2025-01,,0.0,0.0,"{""share"": 0.3}"\n'
)
CORE = {"transformers.csv": TRANSFORMERS, "meter_consumption.csv": METERS, "anomaly_labels.csv": LABELS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in CORE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_three_tables_are_enough(folder: Path) -> None:
    dataset = load_dataset(folder)
    assert set(dataset.tables) == {"transformers", "meters", "anomaly_labels"}
    assert dataset.num_meters == 2
    assert dataset.months == ("202501", "202502")
    assert (dataset.geojson, dataset.region, dataset.config, dataset.manifest) == (None, None, None, None)
    assert dataset.path == folder


def test_types_are_those_of_the_schema_whatever_the_cells_look_like(folder: Path) -> None:
    _change(folder / "transformers.csv", "Tondo", "2025-01-01")
    _change(folder / "transformers.csv", "FD_01", "0012")
    dataset = load_dataset(folder)
    assert dataset.tables["transformers"].column("barangay").to_pylist() == ["2025-01-01"]
    assert dataset.tables["transformers"].column("feeder_id").to_pylist() == ["0012"]
    assert dataset.tables["transformers"].schema.field("capacity_kVA").type == pa.float64()
    assert dataset.tables["meters"].column("barangay").to_pylist() == ["Tondo", "12"]
    assert dataset.tables["meters"].schema.field("monthly_consumption_202502").type == pa.float64()
    assert dataset.tables["anomaly_labels"].schema.field("anomaly_flag").type == pa.int64()


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "true", "1e5"])
def test_a_name_is_never_taken_for_nothing_or_a_number(folder: Path, word: str) -> None:
    _change(folder / "transformers.csv", "Tondo", word)
    assert load_dataset(folder).tables["transformers"].column("barangay").to_pylist() == [word]


def test_an_empty_cell_is_null(folder: Path) -> None:
    assert load_dataset(folder).tables["meters"].column("monthly_consumption_202501").to_pylist() == [100.5, None]


def test_columns_that_the_contract_does_not_know_stay_text(folder: Path) -> None:
    _change(folder / "transformers.csv", "capacity_kVA", "capacity_kVA,year")
    _change(folder / "transformers.csv", ",50", ",50,1999")
    assert load_dataset(folder).tables["transformers"].column("year").to_pylist() == ["1999"]


def test_windows_line_ends_byte_order_mark_and_blanks_are_read(folder: Path) -> None:
    text = TRANSFORMERS.replace("\n", "\r\n").replace(",50", ", 50 ")
    (folder / "transformers.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_dataset(folder).tables["transformers"].column("capacity_kVA").to_pylist() == [50.0]


def test_header_without_rows_is_an_empty_table_with_types(folder: Path) -> None:
    for text in (LABELS, LABELS.rstrip("\n")):
        (folder / "anomaly_labels.csv").write_text(text, encoding="utf-8")
        table = load_dataset(folder).tables["anomaly_labels"]
        assert table.num_rows == 0
        assert table.schema.field("anomaly_flag").type == pa.int64()
        assert table.schema.field("meter_id").type == pa.string()


def test_what_else_is_there_is_read(folder: Path) -> None:
    collection = {"type": "FeatureCollection", "features": []}
    (folder / "transformers.geojson").write_text(json.dumps(collection), encoding="utf-8")
    (folder / "region.geojson").write_text(json.dumps(collection), encoding="utf-8")
    (folder / "manifest.json").write_text('{"files": {}}', encoding="utf-8")
    (folder / "config.yaml").write_text("num_meters: 2\n", encoding="utf-8")
    (folder / "anomaly_events.csv").write_text(EVENTS, encoding="utf-8")
    dataset = load_dataset(folder)
    assert dataset.geojson == collection
    assert dataset.region == collection
    assert dataset.manifest == {"files": {}}
    assert isinstance(dataset.config, GeneratorConfig)
    assert dataset.config.num_meters == 2
    assert dataset.tables["anomaly_events"].to_pylist()[0] == {
        "event_id": "EV_000001", "meter_id": "MTR_000001", "family": "benign", "kind": "vacancy", "start": "2025-01",
        "end": None, "lost_kwh": 0.0, "severity": 0.0, "parameters": '{"share": 0.3}',
    }  # fmt: skip


def test_a_set_without_labels_is_read_when_none_are_needed(folder: Path) -> None:
    (folder / "anomaly_labels.csv").unlink()
    assert "anomaly_labels" not in load_dataset(folder, require_labels=False).tables
    with pytest.raises(DataError, match=r"anomaly_labels.csv: is not there"):
        load_dataset(folder)


@pytest.mark.parametrize("name", CORE)
def test_a_missing_core_file_is_named_with_the_cure(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}: is not there; .*header {CORE[name][:8]}"):
        load_dataset(folder)


def test_no_folder_and_a_file_in_its_place_are_told_apart(folder: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        load_dataset(folder / "nothing")
    with pytest.raises(DataError, match="is a file"):
        load_dataset(folder / "transformers.csv")


WRONG: dict[str, tuple[str, Callable[[str], str], str]] = {
    "column gone": ("transformers.csv", lambda t: t.replace(",capacity_kVA", ",capacity"), "capacity_kVA: no such col"),
    "number": (
        "transformers.csv",
        lambda t: t.replace(",50", ",fifty"),
        "capacity_kVA: row 1 is 'fifty', not a number",
    ),
    "comma": ("transformers.csv", lambda t: t.replace(",50", ',"1,500"'), "row 1 is '1,500'"),
    "month": ("meter_consumption.csv", lambda t: t.replace("100.5", "x"), "monthly_consumption_202501: row 1 is 'x'"),
    "whole number": ("anomaly_labels.csv", lambda t: t + "MTR_000001,1.5,High,bypass\n", "'1.5', not a whole number"),
    "huge number": ("anomaly_labels.csv", lambda t: t + "MTR_000001,9" + "9" * 20 + ",High,x\n", "not a whole number"),
    "twice": ("transformers.csv", lambda t: t.replace("lon", "lat"), "lat: the header has it 2 times"),
    "short line": ("transformers.csv", lambda t: t + "TX_0002,FD_01\n", "1 line has not 6 cells, the first is line 3"),
    "short lines": ("transformers.csv", lambda t: t + "TX_0002\nTX_0003\n", "2 lines have not 6 cells"),
    "semicolons": ("transformers.csv", lambda t: t.replace(",", ";"), "parted by a semicolon; write it with commas"),
    "empty": ("transformers.csv", lambda t: "", "is empty"),
    "empty line first": ("transformers.csv", lambda t: "\n" + t, "begins with an empty line"),
    "open quote in the header": ("transformers.csv", lambda t: '"' + t, "header that is not CSV"),
    "open quote": ("transformers.csv", lambda t: t.replace("TX_", '"TX_'), "1 line has not 6 cells"),
    "open quote, large": ("transformers.csv", lambda t: t + '"' + "TX_0002,\n" * 500_000, "cannot be read"),
    "not json": ("transformers.geojson", lambda t: "{", "transformers.geojson: is not JSON"),
    "nan in json": ("transformers.geojson", lambda t: '{"a": NaN}', "NaN is no JSON number"),
    "list": ("manifest.json", lambda t: "[]", "holds a list, must hold a JSON object"),
    "config": ("config.yaml", lambda t: "anomaly_rat: 1\n", "did you mean anomaly_rate"),
    "deep config": ("config.yaml", lambda t: "{a: " * 20_000, "too deeply nested"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_with_file_and_place(folder: Path, case: str) -> None:
    name, change, expected = WRONG[case]
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8") if path.exists() else ""), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_dataset(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}/{name}: ")
    assert expected in message
    assert "\n" not in message
    assert "; " in message


def test_text_in_another_encoding_is_named_with_its_line(folder: Path) -> None:
    (folder / "transformers.csv").write_bytes(TRANSFORMERS.replace("Tondo", "Parañaque").encode("latin-1"))
    with pytest.raises(DataError, match=r"transformers.csv: is not UTF-8 text \(line 2\)"):
        load_dataset(folder)
    (folder / "transformers.csv").write_bytes(TRANSFORMERS.replace("lat", "lät").encode("latin-1"))
    with pytest.raises(DataError, match="of the header"):
        load_dataset(folder)
    (folder / "transformers.csv").write_bytes(TRANSFORMERS.encode("utf-16-le"))
    with pytest.raises(DataError, match="zero bytes"):
        load_dataset(folder)


def test_a_lenient_reading_keeps_what_can_be_read(folder: Path) -> None:
    _change(folder / "meter_consumption.csv", "100.5", "a hundred")
    _change(folder / "transformers.csv", "TX_0001", "TX_0001,,,,,,\nTX_0001")
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    reading = read_folder(folder)
    meters = reading.dataset.tables["meters"]
    assert meters.column("monthly_consumption_202501").to_pylist() == ["a hundred", None]
    assert meters.column("monthly_consumption_202502").to_pylist() == [0.0, 90.0]
    assert reading.dataset.tables["transformers"].num_rows == 1
    wrong = [problem.file for problem in reading.problems if not problem.missing]
    assert wrong == ["transformers.csv", "manifest.json"]


def test_of_columns_that_share_a_name_the_first_is_read(folder: Path) -> None:
    _change(folder / "transformers.csv", "lon", "lat")
    reading = read_folder(folder)
    table = reading.dataset.tables["transformers"]
    assert table.column_names.count("lat") == 1
    assert table.column("lat").to_pylist() == [14.6]


def test_cells_that_are_no_number_are_found() -> None:
    column = pa.chunked_array([["1", "x", None], ["-2.5e3", "1,5", " 7 ", "nan", "+inf", ""]])
    mask = cells_not_of_kind(column, "float")
    assert mask.to_pylist() == [False, True, False, False, True, False, False, False, True]
    assert cells_not_of_kind(pa.chunked_array([["1", "1.0"]]), "integer").to_pylist() == [False, True]
    assert cells_not_of_kind(pa.chunked_array([[1.0]]), "float") is None
    assert cells_not_of_kind(column, "string") is None


def test_arrow_types_stand_for_kinds() -> None:
    assert fits_kind(pa.float32(), "float")
    assert fits_kind(pa.int16(), "float")
    assert not fits_kind(pa.string(), "float")
    assert fits_kind(pa.int8(), "integer")
    assert not fits_kind(pa.float64(), "integer")
    assert is_text(pa.dictionary(pa.int32(), pa.large_string()))
    assert not is_text(pa.binary())
