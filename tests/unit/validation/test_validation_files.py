"""Checks of files: manifest, checksums, config, GeoJSON; and of a folder that the project itself wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import validation_samples as samples
from validation_samples import with_column, with_json

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.validation import Finding, Severity, validate, validate_folder

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
GEOJSON = "transformers.geojson"


def _found(dataset: Dataset, check: str) -> tuple[Finding, ...]:
    return validate(dataset, checks=[check]).findings


def _in(folder: Path, check: str) -> tuple[Finding, ...]:
    return validate_folder(folder, checks=[check]).findings


def _manifest(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_no_folder_is_an_error_and_no_finding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        validate_folder(tmp_path / "nothing")


def test_an_empty_folder_lacks_every_core_file(tmp_path: Path) -> None:
    found = {f.table: f.severity for f in _in(tmp_path, "core_files")}
    assert found == {
        "transformers.csv": ERROR, "meter_consumption.csv": ERROR, "anomaly_labels.csv": ERROR,
        "transformers.geojson": WARNING, "generation_report.txt": WARNING,
    }  # fmt: skip
    assert not validate_folder(tmp_path).ok


def test_a_folder_of_foreign_make_is_valid_and_what_is_unknown_is_a_note(sound: Dataset, tmp_path: Path) -> None:
    folder = samples.write_folder(sound, tmp_path / "set", manifest=False)
    for name in ("config.yaml", "region.geojson", "anomaly_events.csv"):
        (folder / name).unlink()
    report = validate_folder(folder)
    assert report.ok
    assert {f.severity for f in report.findings} == {INFO}
    noted = {f.check for f in report.findings}
    assert {"manifest_lists_files", "counts_match_config", "class_shares", "anomaly_rate", "events_present"} <= noted
    assert validate_folder(folder, strict=True).ok


def test_a_file_that_was_changed_is_named(folder: Path) -> None:
    path = folder / "meter_consumption.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("residential", "commercial", 1), encoding="utf-8")
    assert [f.table for f in _in(folder, "checksums")] == ["meter_consumption.csv"]


def test_a_row_that_was_taken_away_is_counted(folder: Path) -> None:
    path = folder / "meter_consumption.csv"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    (finding,) = _in(folder, "rows_match_manifest")
    assert finding.message == "has 479 rows, the manifest says 480"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "a\\b", "", "nul\0"])
def test_the_manifest_names_no_file_outside_the_folder(folder: Path, name: str) -> None:
    (folder.parent / "outside.txt").write_text("x", encoding="utf-8")
    _manifest(folder, lambda m: m["files"].update({name: {"rows": None, "sha256": "0" * 64}}))
    assert [f.ids for f in _in(folder, "manifest_lists_files")] == [(name,)]
    assert _in(folder, "checksums") == ()


@pytest.mark.parametrize("entry", [None, {}, {"sha256": 5}, {"sha256": "00"}, {"sha256": "g" * 64}])
def test_entries_without_a_checksum_are_named(folder: Path, entry: Any) -> None:
    _manifest(folder, lambda m: m["files"].update({"config.yaml": entry}))
    (finding,) = _in(folder, "manifest_lists_files")
    assert (finding.severity, finding.ids) == (ERROR, ("config.yaml",))
    assert _in(folder, "checksums") == ()


def test_further_files_are_a_note_and_data_that_is_not_listed_a_warning(folder: Path) -> None:
    (folder / "leaderboard.csv").write_text("x", encoding="utf-8")
    (folder / ".hidden").write_text("x", encoding="utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("x", encoding="utf-8")
    _manifest(folder, lambda m: m["files"].pop("anomaly_events.csv"))
    found = {f.severity: f.ids for f in _in(folder, "manifest_lists_files")}
    assert found == {WARNING: ("anomaly_events.csv",), INFO: ("leaderboard.csv", "notes/a.txt")}


def test_a_manifest_without_files_is_an_error(folder: Path) -> None:
    _manifest(folder, lambda m: m.pop("files"))
    assert [f.column for f in _in(folder, "manifest_lists_files")] == ["files"]


def test_a_manifest_that_cannot_be_read_is_said_once(folder: Path) -> None:
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    assert _in(folder, "manifest_lists_files") == ()
    assert [f.table for f in _in(folder, "files_can_be_read")] == ["manifest.json"]


def test_a_config_that_was_changed_is_told_by_its_settings(folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("realistic", "hard"), encoding="utf-8")
    assert [f.ids for f in _in(folder, "manifest_matches_config")] == [("difficulty",)]
    path.unlink()
    assert _in(folder, "manifest_matches_config") == ()


def test_a_single_month_that_was_asked_for_is_named(sound: Dataset) -> None:
    from dataclasses import replace

    assert sound.config is not None
    one = replace(sound, config=replace(sound.config, num_months=1), _frames={})
    (finding,) = _found(one, "counts_match_config")
    assert finding.message == "has the months 202501 to 202512 (12), the config asks for 202501"


def _feature(change: Callable[[Any], Any]) -> Callable[[Dataset], Dataset]:
    """Change the third feature; what the function returns takes its place, where it returns something."""

    def apply(collection: Any) -> None:
        new = change(collection["features"][2])
        if new is not None:
            collection["features"][2] = new[0]

    return lambda dataset: with_json(dataset, "geojson", apply)


INVALID: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no object": (lambda f: [17], "the type is not"),
    "no type": (lambda f: f.pop("type") and None, "the type is not"),
    "no properties": (lambda f: f.pop("properties") and None, "properties must be"),
    "a list of properties": (lambda f: f.update(properties=[]), "properties must be"),
    "an id that is none": (lambda f: f.update(id=[1]), "the id must be"),
    "an id of truth": (lambda f: f.update(id=True), "the id must be"),
    "no geometry": (lambda f: f.update(geometry=None), "no Point"),
    "a line": (lambda f: f["geometry"].update(type="LineString"), "no Point"),
    "no coordinates": (lambda f: f["geometry"].pop("coordinates") and None, "two or three finite numbers"),
    "text coordinates": (lambda f: f["geometry"].update(coordinates=["121", "14"]), "two or three finite numbers"),
    "true coordinates": (lambda f: f["geometry"].update(coordinates=[True, False]), "two or three finite numbers"),
    "four coordinates": (lambda f: f["geometry"].update(coordinates=[1, 2, 3, 4]), "two or three finite numbers"),
    "nan": (lambda f: f["geometry"].update(coordinates=[float("nan"), 2]), "two or three finite numbers"),
    "beyond a float": (lambda f: f["geometry"].update(coordinates=[10**400, 2]), "two or three finite numbers"),
    "swapped": (lambda f: f["geometry"].update(coordinates=[14.5, 121.0]), "they look swapped"),
    "off the earth": (lambda f: f["geometry"].update(coordinates=[500.0, 400.0]), "no [lon, lat] in degrees"),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_feature_that_is_no_point_feature(sound: Dataset, case: str) -> None:
    change, part = INVALID[case]
    broken = _feature(change)(sound)
    (finding,) = _found(broken, "geojson_is_valid")
    assert (finding.severity, finding.count) == (ERROR, 1)
    assert part in finding.message
    assert len(finding.ids) == 1
    assert not [f for f in _found(broken, "geojson_equals_tables") if f.message.startswith("could not run")]


@pytest.mark.parametrize("change", [lambda f: f.update(id="a"), lambda f: f["geometry"]["coordinates"].append(12.5)])
def test_a_feature_may_have_an_id_and_a_height(sound: Dataset, change: Callable[[Any], Any]) -> None:
    assert _found(_feature(change)(sound), "geojson_is_valid") == ()


def test_a_member_crs_is_a_warning(sound: Dataset) -> None:
    (finding,) = _found(with_json(sound, "geojson", lambda c: c.update(crs={"type": "name"})), "geojson_is_valid")
    assert finding.severity is WARNING


@pytest.mark.parametrize("change", [lambda c: c.update(type="Feature"), lambda c: c.update(features={})])
def test_what_is_no_collection_stops_every_check_of_it(sound: Dataset, change: Callable[[Any], None]) -> None:
    for check in ("geojson_is_valid", "geojson_equals_tables", "geojson_hides_truth"):
        (finding,) = _found(with_json(sound, "geojson", change), check)
        assert "could not run: it is no FeatureCollection" in finding.message


UNEQUAL: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "another id": (lambda f: f["properties"].update(transformer_id="TX_9999"), "", "features of no transformer"),
    "an id that is none": (lambda f: f["properties"].update(transformer_id=3), "", "features of no transformer"),
    "elsewhere": (lambda f: f["geometry"]["coordinates"].reverse(), "coordinates", "must be [lon, lat]"),
    "a metre off": (lambda f: f["geometry"].update(coordinates=[121.0, 14.5]), "coordinates", "stand elsewhere"),
    "feeder": (lambda f: f["properties"].update(feeder_id="FD_99"), "feeder_id", "are not the table's"),
    "district": (lambda f: f["properties"].pop("barangay") and None, "barangay", "are not the table's"),
    "rating": (lambda f: f["properties"].update(capacity_kVA="50"), "capacity_kVA", "are not the table's"),
    "meters": (lambda f: f["properties"].update(num_meters=11), "num_meters", "are not the table's"),
    "foreign meter": (lambda f: f["properties"]["meter_ids"].append("MTR_000001"), "meter_ids", "do not hang on"),
    "meter twice": (lambda f: f["properties"]["meter_ids"].__setitem__(0, "MTR_000051"), "meter_ids", "not list all"),
    "no list": (lambda f: f["properties"].update(meter_ids="MTR_000003"), "meter_ids", "have no list meter_ids"),
}


@pytest.mark.parametrize("case", UNEQUAL)
def test_a_feature_that_is_not_the_tables(sound: Dataset, case: str) -> None:
    change, column, part = UNEQUAL[case]
    found = [f for f in _found(_feature(change)(sound), "geojson_equals_tables") if f.column == column]
    assert len(found) == 1
    assert part in found[0].message
    if case not in ("another id", "an id that is none"):
        assert found[0].ids == ("TX_0003",)


def test_a_transformer_that_is_missing_or_twice_in_the_geojson(sound: Dataset) -> None:
    def copy(collection: Any) -> None:
        collection["features"][2] = collection["features"][3]

    found = {f.message: f.ids for f in _found(with_json(sound, "geojson", copy), "geojson_equals_tables")}
    assert found == {
        "1 transformers are not in it": ("TX_0003",),
        "1 transformers are in it more than once": ("TX_0004",),
    }


def test_a_meter_that_moved_in_the_table_alone_is_found(sound: Dataset) -> None:
    moved = with_column(sound, "meters", "transformer_id", lambda v: ["TX_0005", *v[1:]])
    found = {(f.column, f.ids) for f in _found(moved, "geojson_equals_tables")}
    assert found == {("num_meters", ("TX_0001", "TX_0005")), ("meter_ids", ("TX_0001",)), ("meter_ids", ("TX_0005",))}


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(theft_rate=0.1),
        lambda c: c["features"][0].update(is_anomaly=True),
        lambda c: c["features"][0]["properties"].update(risk_band="High"),
        lambda c: c["features"][0]["properties"].update(Labels=[]),
    ],
)
def test_members_that_tell_the_truth(sound: Dataset, change: Callable[[Any], None]) -> None:
    assert len(_found(with_json(sound, "geojson", change), "geojson_hides_truth")) == 1


def test_without_geojson_in_memory_there_is_nothing_to_say(sound: Dataset) -> None:
    from dataclasses import replace

    bare = replace(sound, geojson=None, _frames={})
    assert validate(bare).findings == ()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the project writes it."""
    from ghostload.config import GeneratorConfig
    from ghostload.pipeline import SyntheticDataPipeline

    folder = tmp_path_factory.mktemp("own") / "set"
    pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=800, output_dir=folder))
    pipeline.save_outputs(pipeline.generate_all())
    return folder


def test_what_the_project_writes_is_valid(written: Path) -> None:
    report = validate_folder(written, strict=True)
    assert report.ok, str(report)
    assert "could not be" not in str(report)


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_the_project_makes_is_valid_in_memory(difficulty: str, seed: int) -> None:
    from ghostload.config import GeneratorConfig
    from ghostload.pipeline import SyntheticDataPipeline

    config = GeneratorConfig(num_meters=1000, difficulty=difficulty, random_seed=seed)
    report = validate(SyntheticDataPipeline(config).build())
    assert report.ok, str(report)


def test_any_changed_byte_of_any_listed_file_is_noticed(written: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(written, folder)
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    for name in listed:
        path = folder / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    assert {f.table for f in _in(folder, "checksums")} == set(listed)
