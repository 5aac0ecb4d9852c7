"""The DuckDB file holds the tables with their types, keys and comments, and views that add up."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from interval_samples import MONTHS, interval_sample

from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import DataError, OutputError, UsageError
from ghostload.export.formats import Wanted, export_duckdb
from ghostload.schema import GROUND_TRUTH_FILES, TABLES

pytestmark = pytest.mark.skipif(
    find_spec("duckdb") is None and not os.environ.get("CI"), reason="the extra duckdb is not installed"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interval_sample(tmp_path_factory.mktemp("duck") / "set")


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return load_dataset(folder)


@pytest.fixture(scope="module")
def all_of_it(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("file") / "all.duckdb"
    export_duckdb(dataset, target, wanted=Wanted(truth=True))
    return target


def ask(path: Path, query: str) -> list[Any]:
    import duckdb

    connection = duckdb.connect(str(path), read_only=True)
    try:
        found: list[Any] = connection.execute(query).fetchall()
    finally:
        connection.close()
    return found


def names(path: Path) -> set[str]:
    return {row[0] for row in ask(path, "SELECT table_name FROM information_schema.tables")}


def test_every_table_is_there_with_its_rows_and_values(dataset: Dataset, all_of_it: Path) -> None:
    for name, table in dataset.tables.items():
        columns = ", ".join(f'"{column.name}"' for column in TABLES[name].columns_for(dataset.months))
        assert ask(all_of_it, f"SELECT {columns} FROM {name} ORDER BY rowid") == [
            tuple(row.values()) for row in table.select([c.strip('"') for c in columns.split(", ")]).to_pylist()
        ]


def test_readings_are_those_of_the_files(dataset: Dataset, all_of_it: Path) -> None:
    for name, choice in (
        ("readings", {}),
        ("truth", {"truth": True}),
        ("readings_transformers", {"of_transformers": True}),
        ("truth_transformers", {"of_transformers": True, "truth": True}),
        ("readings_feeders", {"of": "feeders"}),
        ("truth_feeders", {"of": "feeders", "truth": True}),
    ):
        table = dataset.readings(**choice).to_table()  # type: ignore[arg-type]
        columns = [column for column in table.column_names if column != "time"]
        rows = ask(all_of_it, f"SELECT epoch_ms(time), {', '.join(columns)} FROM {name} ORDER BY rowid")
        moments = [int(t.timestamp() * 1000) for t in table["time"].to_pylist()]
        wanted = [(at, *row.values()) for at, row in zip(moments, table.select(columns).to_pylist(), strict=True)]
        assert rows == wanted, name


def test_local_time_is_that_of_the_place(all_of_it: Path) -> None:
    (first,) = ask(all_of_it, "SELECT min(local_time)::VARCHAR, max(local_time)::VARCHAR FROM readings")
    assert first == ("2025-01-01 00:00:00", "2025-02-28 23:00:00")


def test_types_keys_and_comments_are_those_of_the_schema(all_of_it: Path) -> None:
    columns = {
        (table, column): (kind, nullable, comment)
        for table, column, kind, nullable, comment in ask(
            all_of_it,
            "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE NOT internal",
        )
    }
    assert columns["meters", "lat"] == ("DOUBLE", False, "Latitude, WGS 84, deg")
    assert columns["anomaly_events", "end"][1]
    assert columns["readings", "registered_wh"] == ("INTEGER", True, "Energy registered in the interval, Wh")
    assert columns["readings", "time"][0] == "TIMESTAMP WITH TIME ZONE"
    without = names_without(all_of_it)
    assert [key for key, (_, _, comment) in columns.items() if not comment and key[0] not in without] == []
    keys = ask(all_of_it, "SELECT table_name, constraint_type FROM duckdb_constraints()")
    assert {("meters", "PRIMARY KEY"), ("meters", "FOREIGN KEY"), ("anomaly_events", "FOREIGN KEY")} <= set(keys)


def names_without(path: Path) -> set[str]:
    """Return views, whose columns have no comment, and the table about the file itself."""
    return {"about"} | {row[0] for row in ask(path, "SELECT view_name FROM duckdb_views()")}


def test_truth_is_there_only_when_wanted(dataset: Dataset, tmp_path: Path, all_of_it: Path) -> None:
    export_duckdb(dataset, tmp_path / "seen.duckdb")
    hidden = {name for name, table in TABLES.items() if table.file in GROUND_TRUTH_FILES}
    hidden |= {"truth", "truth_transformers", "truth_feeders", "meters_labelled", "unregistered"}
    assert names(tmp_path / "seen.duckdb") == names(all_of_it) - hidden
    assert {"anomaly_labels", "anomaly_events", "truth", "meters_labelled"} <= names(all_of_it)
    assert b"gradual_decline" not in (tmp_path / "seen.duckdb").read_bytes()


def test_months_and_intervals_agree_but_for_what_is_missing(all_of_it: Path) -> None:
    rows = ask(all_of_it, "SELECT missing, difference_kwh, intervals, month FROM monthly_check")
    assert len(rows) == 60 * len(MONTHS)
    for missing, difference, intervals, month in rows:
        assert intervals == MONTHS[month.replace("-", "")]
        assert abs(difference) < 1e-6 if not missing else difference >= -1e-9
    assert sum(bool(missing) for missing, *_ in rows) == 2 * len(MONTHS)


def test_the_balance_of_a_transformer_is_its_meter_less_its_customers(dataset: Dataset, all_of_it: Path) -> None:
    (whole,) = ask(
        all_of_it, "SELECT sum(transformer_kwh), sum(meters_kwh), sum(gap_kwh), count(*) FROM transformer_balance"
    )
    (parts,) = ask(
        all_of_it,
        "SELECT (SELECT sum(registered_wh) FROM readings_transformers) / 1000.0,"
        " (SELECT sum(registered_wh) FROM readings) / 1000.0",
    )
    assert whole[:2] == pytest.approx(parts)
    assert whole[2] == pytest.approx(parts[0] - parts[1])
    assert whole[3] == sum(MONTHS.values()) * len(set(dataset.transformer_index.tolist()))


def test_the_monthly_balance_is_the_same_from_the_monthly_tables(dataset: Dataset, all_of_it: Path) -> None:
    readings = dataset.tables["transformer_readings"]
    query = "SELECT transformer_kwh, meters_kwh, gap_kwh, meters FROM transformer_balance_monthly"
    rows = ask(all_of_it, query)
    assert sum(row[0] for row in rows) == pytest.approx(sum(readings["registered_kwh"].to_pylist()))
    assert sum(row[1] for row in rows) == pytest.approx(dataset.registered_kwh.sum())
    assert sum(row[2] for row in rows) == pytest.approx(sum(row[0] - row[1] for row in rows))
    assert sum(row[3] for row in rows) == dataset.num_meters * len(MONTHS)


def test_the_balance_of_a_feeder_is_its_meter_less_its_customers(dataset: Dataset, all_of_it: Path) -> None:
    (whole,) = ask(all_of_it, "SELECT sum(feeder_kwh), sum(meters_kwh), sum(gap_kwh), count(*) FROM feeder_balance")
    (parts,) = ask(
        all_of_it,
        "SELECT (SELECT sum(registered_wh) FROM readings_feeders) / 1000.0,"
        " (SELECT sum(registered_wh) FROM readings) / 1000.0",
    )
    assert whole[:2] == pytest.approx(parts)
    assert whole[2] == pytest.approx(parts[0] - parts[1])
    assert whole[3] == 2 * sum(MONTHS.values())
    rows = ask(all_of_it, "SELECT feeder_kwh, meters_kwh, gap_kwh, meters FROM feeder_balance_monthly")
    seen = dataset.tables["feeder_readings"]["registered_kwh"].to_pylist()
    assert sum(row[0] for row in rows) == pytest.approx(sum(seen))
    assert sum(row[1] for row in rows) == pytest.approx(dataset.registered_kwh.sum())
    assert sum(row[3] for row in rows) == dataset.num_meters * len(MONTHS)


def test_labelled_meters_are_all_meters_with_the_labels(dataset: Dataset, all_of_it: Path) -> None:
    rows = ask(all_of_it, "SELECT is_theft, anomaly_type, lost_kwh, events FROM meters_labelled ORDER BY meter_id")
    assert [row[0] for row in rows] == dataset.is_theft.tolist()
    assert all((row[1] is not None) == row[0] for row in rows)
    assert sum(row[3] for row in rows) == dataset.tables["anomaly_events"].num_rows
    assert sum(row[2] for row in rows) == pytest.approx(sum(dataset.tables["anomaly_events"]["lost_kwh"].to_pylist()))


def test_the_selection_holds_for_readings_only(dataset: Dataset, tmp_path: Path) -> None:
    wanted = Wanted(("MTR_000007",), "2025-02-01", "2025-02-02")
    rows = export_duckdb(dataset, tmp_path / "x.duckdb", wanted=wanted)
    assert rows == {"transformers": 6, "meters": 60, "readings": 24} | {
        name: dataset.tables[name].num_rows for name in ("transformer_readings", "feeder_readings")
    }


def test_a_data_set_of_months_is_exported_too(dataset: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    rows = export_duckdb(replace(dataset, files={}), tmp_path / "x.duckdb")
    assert "readings" not in rows
    assert ask(tmp_path / "x.duckdb", "SELECT count(*) FROM monthly") == [(120,)]


def test_a_broken_key_is_named_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "set")
    meters = tmp_path / "set" / "meter_consumption.csv"
    meters.write_text(meters.read_text().replace(",TX_0001,", ",TX_9999,", 1))
    with pytest.raises(DataError, match=r"TX_9999.*ghostload validate .* lists it$"):
        export_duckdb(load_dataset(tmp_path / "set"), tmp_path / "x.duckdb")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"]


def test_without_the_extra_the_cure_is_named(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r'^export duckdb: .* pip install "ghostload\[duckdb\]"$'):
        export_duckdb(dataset, tmp_path / "x.duckdb")


def test_an_existing_file_is_kept_without_force(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        export_duckdb(dataset, tmp_path / "x.duckdb")
    export_duckdb(dataset, tmp_path / "x.duckdb", force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.duckdb"]
    assert ask(tmp_path / "x.duckdb", "SELECT count(*) FROM meters") == [(60,)]


def test_the_page_names_every_view(root: Path, all_of_it: Path) -> None:
    page = (root / "docs" / "exports.md").read_text(encoding="utf-8")
    made = {row[0] for row in ask(all_of_it, "SELECT view_name FROM duckdb_views() WHERE NOT internal")}
    assert made == {name for name in made if f"| `{name}` |" in page}
    assert len(made) == 9
