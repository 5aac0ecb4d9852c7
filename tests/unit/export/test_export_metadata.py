"""Manifest, config and data package say what is true of the other files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from export_samples import Verdict, files_of, sample, whole
from frictionless import Package, Resource, Schema, system
from frictionless import validate as frictionless_validate
from interval_samples import interval_sample

import ghostload
from ghostload.config import GeneratorConfig, TerritoryConfig, load_config
from ghostload.config.loading import config_to_dict
from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import ConfigError
from ghostload.export import write_dataset
from ghostload.export.identity import canonical_json, config_sha256, input_files
from ghostload.schema import TABLES
from ghostload.schema_in_time import PARTITIONED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_dataset(sample(meters=40, transformers=6), tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]


def test_the_manifest_lists_every_file_with_rows_and_hash(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    files = files_of(folder)
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256(files[name]).hexdigest()
    rows = {name: entry["rows"] for name, entry in manifest["files"].items()}
    assert rows["meter_consumption.csv"] == 40
    assert rows["transformers.csv"] == rows["transformers.geojson"] == 6
    assert rows["meters.geojson"] == 40
    assert rows["anomaly_labels.csv"] == 10
    assert rows["config.yaml"] is rows["generation_report.txt"] is None
    assert whole(folder)


def test_the_manifest_holds_config_and_versions(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    config = sample(meters=40, transformers=6).config
    assert config is not None
    assert manifest["format_version"] == 1
    assert manifest["ghostload_version"] == ghostload.__version__
    assert manifest["config"] == config_to_dict(config, data_only=True)
    assert manifest["versions"] == {
        "ghostload": ghostload.__version__,
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "shapely": shapely.__version__,
    }
    assert manifest["inputs"] == {}


def test_the_config_file_is_the_config(folder: Path) -> None:
    config = sample(meters=40, transformers=6).config
    assert load_config(folder / "config.yaml") == config
    assert "output_dir" not in (folder / "config.yaml").read_text()


def test_no_file_names_the_place_it_was_written_to(tmp_path: Path) -> None:
    dataset = sample()
    assert dataset.config is not None
    place = tmp_path / "some-place"
    dataset = replace(dataset, config=dataset.config.replace(output_dir=place))
    written = files_of(write_dataset(dataset, place, validation=Verdict()))  # type: ignore[arg-type]
    assert not [name for name, data in written.items() if b"some-place" in data or str(tmp_path).encode() in data]


def test_frictionless_finds_the_package_valid(folder: Path) -> None:
    with system.use_context(trusted=True):
        report = frictionless_validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])
    assert [task.name for task in report.tasks] == list(TABLES)


def test_frictionless_finds_a_broken_key_a_wrong_cell_and_a_changed_file(folder: Path) -> None:
    labels = folder / "anomaly_labels.csv"
    labels.write_text(labels.read_text().replace("MTR_000001", "MTR_999999").replace(",Low,", ",Loww,"))
    with system.use_context(trusted=True):
        report = frictionless_validate(str(folder / "datapackage.json"))
    kinds = {row[0] for row in report.flatten(["type"])}
    assert kinds & {"hash-count", "byte-count"}
    content = json.loads((folder / "datapackage.json").read_bytes())
    for resource in content["resources"]:
        del resource["hash"], resource["bytes"]
    (folder / "datapackage.json").write_text(json.dumps(content))
    with system.use_context(trusted=True):
        report = frictionless_validate(str(folder / "datapackage.json"))
    assert {row[0] for row in report.flatten(["type"])} == {"foreign-key", "constraint-error"}


def test_the_package_describes_every_column_with_type_and_key(folder: Path) -> None:
    with system.use_context(trusted=True):
        package = Package(str(folder / "datapackage.json"))
    for name, table in TABLES.items():
        schema = package.get_resource(name).schema
        assert schema.field_names == [c.name for c in table.columns_for(("202411", "202412", "202501"))]
        assert schema.primary_key == list(table.key)
        assert len(schema.foreign_keys) == len(table.foreign_keys)
    assert package.get_resource("anomaly_events").schema.get_field("end").type == "yearmonth"


def test_the_package_describes_the_readings_in_time_with_units_and_keys(tmp_path: Path) -> None:
    folder = interval_sample(tmp_path / "set")
    with system.use_context(trusted=True):
        report = frictionless_validate(str(folder / "datapackage.json"))
        package = Package(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])
    for name, table in PARTITIONED.items():
        resources = json.loads((folder / "datapackage.json").read_bytes())["resources"]
        (found,) = [one for one in resources if one["name"] == name]
        assert found["path"] == [table.file(feeder) for feeder in ("FD_01", "FD_02")]
        assert {field["name"]: field.get("unit", "") for field in found["schema"]["fields"]} == {
            column.name: column.unit for column in table.columns
        }
        schema = package.get_resource(name).schema
        assert schema.field_names == pq.read_schema(folder / table.file("FD_01")).names
        assert schema.primary_key == [table.columns[0].name, "time"]
        refers_to = {"meter_id": "meters", "transformer_id": "transformers"}.get(table.columns[0].name)
        assert [key["reference"]["resource"] for key in schema.foreign_keys] == ([refers_to] if refers_to else [])


@pytest.mark.parametrize("name", list(PARTITIONED))
def test_frictionless_finds_the_cells_of_a_part_as_they_are_described(tmp_path: Path, name: str) -> None:
    folder = interval_sample(tmp_path / "set")
    described = {one["name"]: one for one in json.loads((folder / "datapackage.json").read_bytes())["resources"]}[name]
    table = pq.read_table(folder / described["path"][0], partitioning=None)
    seen = np.unique(np.r_[:200, np.flatnonzero(table.column(2).is_null())[:50]])
    rows = [{**row, "time": row["time"].replace(tzinfo=None)} for row in table.take(seen).to_pylist()]
    schema = {**described["schema"], "foreignKeys": []}

    def kinds(cells: list[dict[str, object]]) -> set[str]:
        report = Resource(data=cells, schema=Schema.from_descriptor(schema)).validate()
        return {str(row[0]) for row in report.flatten(["type"])}

    assert kinds(rows) == set()
    first = rows[0]
    assert kinds([first, first]) == {"primary-key"}
    assert kinds([{**first, "time": None}]) >= {"constraint-error"}
    for field in schema["fields"][2:]:
        if field["type"] in ("integer", "number"):
            assert kinds([{**first, field["name"]: "many"}]) == {"type-error"}, field


def test_frictionless_misses_a_file_of_readings_that_is_gone(tmp_path: Path) -> None:
    folder = interval_sample(tmp_path / "set")
    (folder / PARTITIONED["readings"].file("FD_02")).unlink()
    with system.use_context(trusted=True):
        report = frictionless_validate(str(folder / "datapackage.json"))
    assert not report.valid


def test_tables_that_are_not_there_are_not_described(tmp_path: Path) -> None:
    dataset = sample()
    few = replace(dataset, tables={n: t for n, t in dataset.tables.items() if n != "anomaly_events"})
    folder = write_dataset(few, tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    names = [r["name"] for r in json.loads((folder / "datapackage.json").read_bytes())["resources"]]
    assert names == [name for name in TABLES if name != "anomaly_events"]
    assert not (folder / "anomaly_events.csv").exists()


def test_without_a_config_the_files_say_so(tmp_path: Path) -> None:
    folder = write_dataset(replace(sample(), config=None), tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["config"] is manifest["config_sha256"] is None
    assert not (folder / "config.yaml").exists()
    assert whole(folder)


def _with_region(path: Path) -> GeneratorConfig:
    return GeneratorConfig(territory=TerritoryConfig(region=path))


def test_the_hash_follows_the_content_of_the_region_file_not_its_place(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.geojson").write_bytes(content)
    hashes = []
    for name in "abc":
        config = _with_region(tmp_path / name / "r.geojson")
        hashes.append(config_sha256(config, input_files(config)))
    assert hashes[0] == hashes[1] != hashes[2]
    assert input_files(_with_region(tmp_path / "a" / "r.geojson")) == {
        "territory.region": {"file": "r.geojson", "sha256": hashlib.sha256(b"1").hexdigest()}
    }


def test_the_hash_follows_every_setting_but_the_output_folder() -> None:
    base = GeneratorConfig()
    assert config_sha256(base, {}) == config_sha256(base.replace(output_dir=Path("elsewhere")), {})
    assert config_sha256(base, {}) != config_sha256(base.replace(random_seed=43), {})
    assert canonical_json({"b": 1, "a": "ñ"}) == '{"a":"ñ","b":1}'.encode()


def test_a_region_file_that_is_gone_is_named_unless_the_data_set_knows_it(tmp_path: Path) -> None:
    config = _with_region(tmp_path / "gone.geojson")
    with pytest.raises(ConfigError, match=r"^territory\.region: .*gone\.geojson cannot be read"):
        input_files(config)
    known = {"territory.region": {"file": "gone.geojson", "sha256": "0" * 64}}
    assert input_files(config, known) == known


def test_a_data_set_that_was_read_is_written_again_with_the_same_bytes(tmp_path: Path) -> None:
    region = tmp_path / "r.geojson"
    region.write_bytes(b"{}")
    dataset = sample()
    assert dataset.config is not None
    dataset = replace(dataset, config=dataset.config.replace(territory=TerritoryConfig(region=region)))
    first = write_dataset(dataset, tmp_path / "one", validation=Verdict())  # type: ignore[arg-type]
    region.unlink()
    again: Dataset = load_dataset(first)
    second = write_dataset(again, tmp_path / "two", validation=Verdict())  # type: ignore[arg-type]
    assert files_of(first) == files_of(second)
