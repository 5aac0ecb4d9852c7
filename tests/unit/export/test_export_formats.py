"""Which exporters run, third parties' included; Parquet; the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from export_samples import Verdict, files_of, sample

from ghostload.config import ExportConfig, GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.errors import OutputError, RegistrationError
from ghostload.export import EXPORTERS, Exporter, ExportJob, file_sizes, register, write_dataset
from ghostload.export.base import ALWAYS, LAST, chosen
from ghostload.export.parquet import ParquetExporter
from ghostload.export.report import report_text
from ghostload.export.sink import CountingSink, FolderSink
from ghostload.schema import CORE_FILES, TABLES


class CountExporter(Exporter):
    """Writes how many meters there are."""

    name = "count"

    def write(self, job: ExportJob) -> None:
        with job.sink.open("extra/count.txt") as file:
            file.write(f"{job.dataset.num_meters}\n".encode())


@pytest.fixture
def count() -> Iterator[None]:
    register(CountExporter)
    yield
    EXPORTERS.remove("count")


def _exporting(**wanted: object) -> Dataset:
    config = sample().config
    assert config is not None
    return replace(sample(), config=config.replace(export=ExportConfig(**wanted)))  # type: ignore[arg-type]


def test_a_data_set_has_the_core_files_and_those_that_describe_it() -> None:
    names = set(file_sizes(sample()))
    further = {
        "anomaly_events.csv",
        "transformer_energy.csv",
        "transformer_readings.csv",
        "feeder_energy.csv",
        "feeder_readings.csv",
        "network_losses.csv",
        "meters.geojson",
        "region.geojson",
        "config.yaml",
        "datapackage.json",
        "manifest.json",
    }
    assert names == set(CORE_FILES) | further


@pytest.mark.usefixtures("count")
def test_an_exporter_of_others_writes_when_the_config_names_it(tmp_path: Path) -> None:
    folder = write_dataset(_exporting(others=("count",)), tmp_path / "a", validation=Verdict())  # type: ignore[arg-type]
    assert (folder / "extra" / "count.txt").read_bytes() == b"12\n"
    assert b"extra/count.txt" in (folder / "manifest.json").read_bytes()
    folder = write_dataset(sample(), tmp_path / "b", validation=Verdict())  # type: ignore[arg-type]
    assert not (folder / "extra").exists()


def test_an_unknown_exporter_names_the_nearest() -> None:
    with pytest.raises(RegistrationError, match="unknown exporter 'parkuet', did you mean parquet"):
        chosen(_exporting(others=("parkuet",)))


def test_a_name_is_registered_once() -> None:
    with pytest.raises(RegistrationError, match="exporter 'csv' is registered already"):
        EXPORTERS.add("csv", CountExporter())


def test_all_that_always_run_are_registered() -> None:
    assert {*ALWAYS, *LAST, "parquet"} == set(EXPORTERS.names())
    assert [e.name for e in chosen(sample())] == [*ALWAYS, *LAST]
    assert [e.name for e in chosen(replace(sample(), config=None))] == [*ALWAYS, *LAST]
    assert [e.name for e in chosen(_exporting(parquet=True, others=("parquet",)))] == [*ALWAYS, "parquet", *LAST]


def test_parquet_has_the_numbers_of_the_csv(tmp_path: Path) -> None:
    folder = write_dataset(_exporting(parquet=True), tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    for schema in TABLES.values():
        parquet = pq.read_table(folder / schema.file.replace(".csv", ".parquet"))
        text = {c.name: pa.string() for c in schema.columns if c.kind in ("string", "month")}
        options = pv.ConvertOptions(column_types=text, strings_can_be_null=True)
        table = pv.read_csv(
            folder / schema.file, parse_options=pv.ParseOptions(newlines_in_values=True), convert_options=options
        )
        assert parquet.column_names == table.column_names
        for name in table.column_names:
            assert parquet[name].to_pylist() == table[name].to_pylist(), name


def test_parquet_bytes_are_the_same_every_time_and_compressed(tmp_path: Path) -> None:
    one, two = FolderSink(tmp_path / "one"), FolderSink(tmp_path / "two")
    for sink in (one, two):
        ParquetExporter().write(ExportJob(sample(meters=500, transformers=9), sink))
    assert one.files == two.files
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    meta = pq.ParquetFile(tmp_path / "one" / "meter_consumption.parquet").metadata
    assert meta.num_rows == 500
    assert meta.row_group(0).column(0).compression == "ZSTD"


def test_parquet_writes_large_tables_in_groups_and_leaves_out_tables_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ghostload.export.parquet.ROWS_PER_GROUP", 5)
    dataset = sample()
    few = replace(dataset, tables={n: t for n, t in dataset.tables.items() if n != "anomaly_events"})
    ParquetExporter().write(ExportJob(few, FolderSink(tmp_path)))
    assert pq.ParquetFile(tmp_path / "meter_consumption.parquet").metadata.num_row_groups == 3
    assert not (tmp_path / "anomaly_events.parquet").exists()


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a//b", ".", ""])
def test_a_file_outside_the_data_set_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="is no path inside a data set"), FolderSink(tmp_path).open(name):
        pass


def test_a_file_is_written_once() -> None:
    sink = CountingSink()
    with sink.open("x"):
        pass
    with pytest.raises(OutputError, match="x: is written already"), sink.open("x"):
        pass


def test_sizes_without_writing_are_those_of_the_files(tmp_path: Path) -> None:
    sizes = file_sizes(sample(), Verdict())  # type: ignore[arg-type]
    folder = write_dataset(sample(), tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    assert {name: file.bytes for name, file in sizes.items()} == {n: len(data) for n, data in files_of(folder).items()}


def test_the_report_has_the_figures_of_the_tables() -> None:
    dataset = sample(meters=40, transformers=6)
    text = report_text(dataset, Verdict())
    lines = {" ".join(line.split()[:-1]): line.split()[-1] for line in text.splitlines() if line.strip()}
    assert lines["meters"] == "40"
    assert lines["transformers"] == "6"
    assert lines["feeders"] == "3"
    assert lines["meters with theft"] == "10"
    assert "25.00 %" in text
    total = sum(dataset.tables["meters"]["monthly_consumption_202412"].to_pylist()) / 1000
    assert lines["2024-12"] == f"{total:,.1f}"
    mean = dataset.registered_kwh[np.arange(0, 40, 3)].mean()
    row = next(line for line in text.splitlines() if line.strip().startswith("residential")).split()
    assert row[1:4] == ["14", "35.00", "%"]
    assert row[6] == f"{mean:,.1f}"
    assert "vacancy" in text
    assert "slow_meter" in text
    assert "Validation\n  valid: 3 checks\n    note: nothing\n" in text
    assert f"{dataset.tables['transformers']['capacity_kVA'].to_numpy().sum():,.1f} kVA" in text


def test_the_report_knows_what_it_does_not_know() -> None:
    dataset = replace(sample(), config=None)
    few = replace(dataset, tables={n: t for n, t in dataset.tables.items() if n != "anomaly_events"})
    text = report_text(few)
    assert "not known: there is no table of events" in text
    assert "not run" in text
    assert "random seed" not in text


def test_the_report_of_nothing_is_a_report() -> None:
    dataset = sample()
    tables = {name: table.slice(0, 0) for name, table in dataset.tables.items()}
    months = [name for name in tables["meters"].column_names if not name.startswith("monthly_")]
    text = report_text(
        replace(dataset, tables={**tables, "meters": tables["meters"].select(months)}, config=GeneratorConfig())
    )
    assert re.search(r"months +0 \(none\)", text)
    assert "none" in text.partition("Faults and look-alikes")[2]


def test_the_report_does_not_stumble_over_empty_cells() -> None:
    dataset = sample()
    table = dataset.tables["meters"]
    hole = table.set_column(
        6, "monthly_consumption_202411", pa.array([None, *table["monthly_consumption_202411"].to_pylist()[1:]])
    )
    hole = hole.set_column(2, "customer_class", pa.array([None, *table["customer_class"].to_pylist()[1:]]))
    assert "residential" in report_text(replace(dataset, tables={**dataset.tables, "meters": hole}))
