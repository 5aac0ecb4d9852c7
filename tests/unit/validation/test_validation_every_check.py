"""Every registered check: silent on a sound set, and it fires on one that was broken on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import validation_samples as samples
from validation_samples import with_cell, with_column, with_json, with_table

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.validation import CHECKS, Context, Severity, run_check, validate, validate_folder

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
OWN = tuple(check for check in CHECKS if check.function.__module__.startswith("ghostload."))


def _config(dataset: Dataset, **changes: Any) -> Dataset:
    assert isinstance(dataset.config, GeneratorConfig)
    return replace(dataset, config=replace(dataset.config, **changes), _frames={})


def _manifest(dataset: Dataset, rows: int) -> Dataset:
    return replace(dataset, manifest={"files": {"transformers.csv": {"rows": rows, "sha256": "0" * 64}}}, _frames={})


def _without_column(dataset: Dataset, table: str, column: str) -> Dataset:
    return with_table(dataset, table, dataset.tables[table].drop_columns([column]))


def _renamed(dataset: Dataset, old: str, new: str) -> Dataset:
    table = dataset.tables["meters"]
    return with_table(dataset, "meters", table.rename_columns([new if n == old else n for n in table.column_names]))


def _far_away(degrees: float) -> Callable[[list[float]], list[float]]:
    return lambda values: [value + degrees for value in values]


def _rolled(values: list[Any]) -> list[Any]:
    """Every transformer hangs on the feeder of another place."""
    return [values[(7 * i) % len(values)] for i in range(len(values))]


def _self_crossing(region: Any) -> None:
    ring = region["features"][0]["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]


def _telling_means(dataset: Dataset) -> Dataset:
    listed = np.isin(dataset.tables["meters"]["meter_id"], dataset.tables["anomaly_labels"]["meter_id"])
    for column in dataset.month_columns:
        dataset = with_column(dataset, "meters", column, np.where(listed, 1.0, 200.0).tolist())
    return dataset


def _stretched_feeder(values: list[float]) -> list[float]:
    """The first transformer of the first feeder stands at the other end of the territory."""
    return [values[-1], *values[1:]]


def _first_feature(change: Callable[[Any], None]) -> Callable[[Dataset], Dataset]:
    return lambda dataset: with_json(dataset, "geojson", lambda collection: change(collection["features"][0]))


def _no_labels(dataset: Dataset) -> Dataset:
    return with_table(dataset, "anomaly_labels", dataset.tables["anomaly_labels"].slice(0, 3))


Break = Callable[[Dataset], Dataset]

BROKEN: dict[str, tuple[Severity, str, Break]] = {
    "rows_match_manifest": (ERROR, "transformers.csv", lambda d: _manifest(d, 47)),
    "counts_match_config": (ERROR, "meters", lambda d: _config(d, num_meters=479)),
    "columns_present": (ERROR, "anomaly_labels", lambda d: _without_column(d, "anomaly_labels", "risk_band")),
    "columns_in_order": (
        WARNING, "transformers",
        lambda d: with_table(d, "transformers", d.tables["transformers"].select([1, 0, 2, 3, 4, 5])),
    ),
    "types": (ERROR, "meters.kVA", lambda d: with_cell(d, "meters", "kVA", 5, "twelve")),
    "unique_ids": (ERROR, "meters.meter_id", lambda d: with_cell(d, "meters", "meter_id", 5, "MTR_000001")),
    "id_format": (WARNING, "transformers.feeder_id", lambda d: with_cell(d, "transformers", "feeder_id", 5, "F1")),
    "meters_have_a_transformer": (
        ERROR, "meters.transformer_id", lambda d: with_cell(d, "meters", "transformer_id", 5, "TX_9999"),
    ),
    "transformers_have_meters": (
        ERROR, "transformers.transformer_id",
        lambda d: with_column(d, "meters", "transformer_id", lambda v: ["TX_0002" if x == "TX_0001" else x for x in v]),
    ),
    "labels_point_at_meters": (
        ERROR, "anomaly_labels.meter_id", lambda d: with_cell(d, "anomaly_labels", "meter_id", 2, "MTR_999999"),
    ),
    "events_point_at_meters": (
        ERROR, "anomaly_events.meter_id", lambda d: with_cell(d, "anomaly_events", "meter_id", 2, "MTR_999999"),
    ),
    "no_empty_cells": (ERROR, "meters.barangay", lambda d: with_cell(d, "meters", "barangay", 5, None)),
    "finite_values": (
        ERROR, "meters.monthly_consumption_202503",
        lambda d: with_cell(d, "meters", "monthly_consumption_202503", 5, float("nan")),
    ),
    "values_in_range": (
        ERROR, "meters.monthly_consumption_202503",
        lambda d: with_cell(d, "meters", "monthly_consumption_202503", 5, -0.1),
    ),
    "ratings_are_positive": (ERROR, "meters.kVA", lambda d: with_cell(d, "meters", "kVA", 5, 0.0)),
    "known_values": (ERROR, "meters.customer_class", lambda d: with_cell(d, "meters", "customer_class", 5, "farm")),
    "month_names": (
        ERROR, "meters", lambda d: _renamed(d, "monthly_consumption_202503", "monthly_consumption_202513"),
    ),
    "months_are_consecutive": (ERROR, "meters", lambda d: _without_column(d, "meters", "monthly_consumption_202503")),
    "region_is_valid": (ERROR, "region.geojson", lambda d: with_json(d, "region", _self_crossing)),
    "within_bounds": (ERROR, "meters.lat", lambda d: with_cell(d, "meters", "lat", 5, 14.4)),
    "on_land": (ERROR, "transformers.lat", lambda d: with_cell(d, "transformers", "lat", 5, 14.4)),
    "districts_are_right": (
        WARNING, "transformers.barangay", lambda d: with_cell(d, "transformers", "barangay", 5, "District 8"),
    ),
    "meters_near_transformer": (ERROR, "meters.transformer_id", lambda d: with_cell(d, "meters", "lat", 5, 14.53)),
    "feeders_are_apart": (
        WARNING, "transformers.feeder_id", lambda d: with_column(d, "transformers", "feeder_id", _rolled),
    ),
    "feeders_are_compact": (
        WARNING, "transformers.feeder_id", lambda d: with_column(d, "transformers", "lon", _stretched_feeder),
    ),
    "class_shares": (
        ERROR, "meters.customer_class",
        lambda d: with_column(d, "meters", "customer_class", ["residential"] * samples.METERS),
    ),
    "standard_ratings": (
        WARNING, "transformers.capacity_kVA", lambda d: with_cell(d, "transformers", "capacity_kVA", 5, 123.0),
    ),
    "transformer_loading": (
        ERROR, "transformers.capacity_kVA",
        lambda d: with_column(d, "transformers", "capacity_kVA", [10.0] * samples.TRANSFORMERS),
    ),
    "meter_rating_fits_transformer": (ERROR, "meters.kVA", lambda d: with_cell(d, "meters", "kVA", 5, 5000.0)),
    "load_factor": (ERROR, "meters.kVA", lambda d: with_column(d, "meters", "kVA", [0.01] * samples.METERS)),
    "anomaly_rate": (ERROR, "anomaly_labels", _no_labels),
    "labels_agree_with_events": (
        ERROR, "anomaly_labels.anomaly_type", lambda d: with_cell(d, "anomaly_labels", "anomaly_type", 2, "bypass"),
    ),
    "events_present": (INFO, "anomaly_events", lambda d: with_table(d, "anomaly_events", None)),
    "kinds_are_configured": (
        ERROR, "anomaly_events.kind", lambda d: with_cell(d, "anomaly_events", "kind", -1, "sunspots"),
    ),
    "event_months": (ERROR, "anomaly_events.start", lambda d: with_cell(d, "anomaly_events", "start", 2, "2025-13")),
    "event_losses": (ERROR, "anomaly_events.lost_kwh", lambda d: with_cell(d, "anomaly_events", "lost_kwh", 2, -5.0)),
    "event_parameters": (
        ERROR, "anomaly_events.parameters", lambda d: with_cell(d, "anomaly_events", "parameters", 2, "{share: 1}"),
    ),
    "geojson_is_valid": (
        ERROR, "transformers.geojson",
        _first_feature(lambda feature: feature["geometry"].update(coordinates=[121.0])),
    ),
    "geojson_equals_tables": (
        ERROR, "transformers.geojson.meter_ids",
        _first_feature(lambda feature: feature["properties"]["meter_ids"].pop()),
    ),
    "geojson_hides_truth": (
        ERROR, "transformers.geojson",
        _first_feature(lambda feature: feature["properties"].update(num_anomalies=1)),
    ),
    "no_single_feature_leak": (ERROR, "meters.mean", _telling_means),
    "no_truth_in_tables": (
        ERROR, "meters",
        lambda d: with_table(d, "meters", d.tables["meters"].append_column("is_theft", pa.array([0] * samples.METERS))),
    ),
}  # fmt: skip
"""For each check on data in memory: the severity and the place of the finding, and a way to break a sound set."""


def _change_manifest(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "manifest.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return apply


def _append(name: str, text: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return apply


BROKEN_FOLDER: dict[str, tuple[Severity, str, Callable[[Path], None]]] = {
    "core_files": (ERROR, "anomaly_labels.csv", lambda folder: (folder / "anomaly_labels.csv").unlink()),
    "files_can_be_read": (ERROR, "transformers.geojson", _append("transformers.geojson", "}")),
    "manifest_lists_files": (ERROR, "manifest.json", lambda folder: (folder / "generation_report.txt").unlink()),
    "checksums": (ERROR, "generation_report.txt", _append("generation_report.txt", "x")),
    "manifest_matches_config": (ERROR, "config.yaml", _change_manifest(lambda m: m["config"].update(random_seed=1))),
}
"""For each check on files: the severity and the place of the finding, and a way to break a folder."""


def test_every_check_of_the_project_is_broken_on_purpose_here() -> None:
    elsewhere = {check.name for check in OWN if check.subject in ("energy", "readings")}  # test_validation_in_time.py
    assert {check.name for check in OWN} == {*BROKEN, *BROKEN_FOLDER, *elsewhere}


@pytest.mark.parametrize("check", OWN, ids=lambda check: check.name)
def test_a_check_says_what_it_is(check: Any) -> None:
    assert check.summary.endswith(".")
    assert check.subject
    assert check.severities


def test_a_sound_set_has_no_finding(sound: Dataset, folder: Path) -> None:
    assert validate(sound).findings == ()
    assert validate_folder(folder).findings == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fires_on_broken_data(sound: Dataset, name: str) -> None:
    severity, place, damage = BROKEN[name]
    findings = run_check(CHECKS.get(name), Context(damage(sound)))
    assert (severity, place) in {(f.severity, f.place) for f in findings}
    for finding in findings:
        assert finding.check == name
        assert finding.message
        assert not finding.message.startswith("could not run")
        assert bool(finding.cure) == (finding.severity is not INFO)
        assert finding.severity in CHECKS.get(name).severities


@pytest.mark.parametrize("name", BROKEN_FOLDER)
def test_a_check_fires_on_broken_files(folder: Path, name: str) -> None:
    severity, place, damage = BROKEN_FOLDER[name]
    damage(folder)
    findings = validate_folder(folder, checks=[name]).findings
    assert (severity, place) in {(f.severity, f.place) for f in findings}
    assert all(f.severity in CHECKS.get(name).severities for f in findings)


@pytest.mark.parametrize("name", BROKEN_FOLDER)
def test_a_check_on_files_says_that_it_cannot_run_in_memory(sound: Dataset, name: str) -> None:
    (finding,) = validate(sound, checks=[name]).findings
    assert finding.severity is ERROR
    assert finding.message.startswith("could not run")


@pytest.mark.parametrize("table", ["transformers", "meters", "anomaly_labels"])
def test_a_missing_table_is_an_error_of_every_check_that_needs_it(sound: Dataset, table: str) -> None:
    report = validate(with_table(sound, table, None))
    stopped = {f.check for f in report.findings if f.message.startswith("could not run")}
    assert "columns_present" in stopped
    assert stopped <= set(report.checks)
    assert not report.ok
    assert all(f.table == table for f in report.findings if f.check in stopped)
