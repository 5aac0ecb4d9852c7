"""Checks of classes, ratings, load, labels and events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import validation_samples as samples
from validation_samples import with_cell, with_column, with_table

from ghostload.dataset import Dataset
from ghostload.validation import Finding, Severity, validate
from ghostload.validation.context import Context
from ghostload.validation.load import _hours

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def _found(dataset: Dataset, check: str) -> tuple[Finding, ...]:
    return validate(dataset, checks=[check]).findings


def _config(dataset: Dataset, **changes: Any) -> Dataset:
    assert dataset.config is not None
    return replace(dataset, config=replace(dataset.config, **changes), _frames={})


def _no_config(dataset: Dataset) -> Dataset:
    return replace(dataset, config=None, _frames={})


def test_without_a_config_shares_and_rates_are_notes(sound: Dataset) -> None:
    for check in ("class_shares", "anomaly_rate", "counts_match_config"):
        (finding,) = _found(_no_config(sound), check)
        assert finding.severity is INFO
    assert "residential 68.3%, commercial 22.5%" in _found(_no_config(sound), "class_shares")[0].message


@pytest.mark.parametrize(("share", "ok"), [(0.70, True), (0.72, True), (0.82, False), (0.5, False)])
def test_class_shares_may_differ_by_chance_alone(sound: Dataset, share: float, ok: bool) -> None:
    asked = {"residential": share, "commercial": 0.9 - share, "industrial": 0.1}
    assert (_found(_config(sound, customer_classes=asked), "class_shares") == ()) is ok


def test_a_class_that_was_not_asked_for_is_found_whatever_its_share(sound: Dataset) -> None:
    asked = {"residential": 0.75, "commercial": 0.25}
    found = _found(_config(sound, customer_classes=asked), "class_shares")
    assert [f.ids for f in found] == [("industrial",)]


@pytest.mark.parametrize(("capacity", "ok"), [(37.5, True), (160.0, True), (112.5, True), (37.0, False), (0.0, False)])
def test_ratings_of_north_america_and_of_iec_are_known(sound: Dataset, capacity: float, ok: bool) -> None:
    changed = with_cell(sound, "transformers", "capacity_kVA", 5, capacity)
    assert (_found(changed, "standard_ratings") == ()) is ok


def _loaded(dataset: Dataset, percent: float) -> Dataset:
    """Every transformer peaks at so much of its rating."""
    from ghostload.territory.capacity import diversified_peak_kva

    context = Context(dataset)
    kva = context.numbers("meters", "kVA")
    peak = diversified_peak_kva(kva, context.class_index, context.meter_transformer, samples.TRANSFORMERS)
    return with_column(dataset, "transformers", "capacity_kVA", peak / percent * 100)


@pytest.mark.parametrize(
    ("percent", "severities"),
    [(80, []), (109, []), (130, [WARNING]), (160, [WARNING, WARNING]), (210, [ERROR, WARNING]), (20, [WARNING])],
)
def test_the_grade_of_a_loading(sound: Dataset, percent: float, severities: list[Severity]) -> None:
    assert [f.severity for f in _found(_loaded(sound, percent), "transformer_loading")] == severities


def test_a_requested_count_that_cannot_carry_the_load_is_found() -> None:
    from ghostload.config import GeneratorConfig
    from ghostload.pipeline import SyntheticDataPipeline

    config = GeneratorConfig(num_meters=600, num_transformers=3, transformer_capacity_range=(10.0, 50.0))
    report = validate(SyntheticDataPipeline(config).build())
    assert ERROR in {f.severity for f in report.by_check("transformer_loading")}


def test_meters_that_cannot_be_counted_do_not_load_a_transformer(sound: Dataset) -> None:
    lost = with_cell(with_cell(sound, "meters", "transformer_id", 5, "TX_9999"), "meters", "kVA", 6, None)
    lost = with_cell(with_cell(lost, "meters", "customer_class", 7, "farm"), "transformers", "capacity_kVA", 8, 0.0)
    assert _found(lost, "transformer_loading") == ()


@pytest.mark.parametrize(("times", "meters", "severity"), [(1.2, 1, WARNING), (1.6, 1, ERROR), (1.2, 10, ERROR)])
def test_a_meter_above_its_transformer(sound: Dataset, times: float, meters: int, severity: Severity) -> None:
    capacity = np.asarray(sound.tables["transformers"]["capacity_kVA"])
    changed = with_column(sound, "meters", "kVA", lambda v: [*(capacity[:meters] * times), *v[meters:]])
    (finding,) = _found(changed, "meter_rating_fits_transformer")
    assert (finding.severity, finding.count) == (severity, meters)
    assert f"{times:.2f} times" in finding.message


def test_a_transformer_without_rating_or_none_at_all_is_no_meters_fault(sound: Dataset) -> None:
    assert _found(with_cell(sound, "transformers", "capacity_kVA", 5, 0.0), "meter_rating_fits_transformer") == ()
    none = with_table(sound, "transformers", sound.tables["transformers"].slice(0, 0))
    assert _found(none, "meter_rating_fits_transformer") == ()


def test_hours_of_a_month_know_leap_years() -> None:
    months = np.array([2024 * 12 + 1, 2025 * 12 + 1, 2025 * 12 + 3, 2025 * 12 + 11])
    np.testing.assert_array_equal(_hours(months) / 24, [29, 28, 30, 31])


def _energy(dataset: Dataset, rows: int, months: int, load_factor: float) -> Dataset:
    """The first meters draw with a load factor in the first months."""
    hours = _hours(Context(dataset).known_months)
    kva = np.asarray(dataset.tables["meters"]["kVA"])
    for position, column in enumerate(dataset.month_columns[:months]):
        new = kva * hours[position] * load_factor
        dataset = with_column(dataset, "meters", column, lambda v, new=new: [*new[:rows], *v[rows:]])
    return dataset


@pytest.mark.parametrize(
    ("rows", "months", "factor", "severities"),
    [
        (480, 12, 0.99, []),
        (1, 1, 1.5, [INFO]),
        (1, 6, 1.1, [INFO]),
        (1, 7, 1.1, [WARNING]),
        (5, 12, 1.1, [ERROR]),
        (40, 1, 1.1, [ERROR]),
    ],
)
def test_the_grade_of_energy_beyond_a_rating(
    sound: Dataset, rows: int, months: int, factor: float, severities: list[Severity]
) -> None:
    assert [f.severity for f in _found(_energy(sound, rows, months, factor), "load_factor")] == severities


def test_anomaly_rate_is_exact_in_our_sets_and_within_two_points_in_others(sound: Dataset, tmp_path: Any) -> None:
    labels = sound.tables["anomaly_labels"]
    one_less = with_table(sound, "anomaly_labels", labels.slice(1))
    assert _found(one_less, "anomaly_rate")[0].message.startswith("35 meters are labelled, must be 36")
    folder = samples.write_folder(one_less, tmp_path / "set", manifest=False)
    from ghostload.validation import validate_folder

    assert validate_folder(folder, checks=["anomaly_rate"]).findings == ()
    samples.write_folder(with_table(sound, "anomaly_labels", labels.slice(10)), folder, manifest=False)
    (finding,) = validate_folder(folder, checks=["anomaly_rate"]).findings
    assert "5.42% of the meters are labelled, the config asks for 7.50%" in finding.message


def test_labels_and_thefts_have_to_name_the_same_meters(sound: Dataset) -> None:
    events = sound.tables["anomaly_events"]
    labels = sound.tables["anomaly_labels"]
    first, second = labels["meter_id"].to_pylist()[:2]
    (more,) = _found(with_table(sound, "anomaly_labels", labels.slice(1)), "labels_agree_with_events")
    assert (more.place, more.ids) == ("anomaly_events.meter_id", (first,))
    (less,) = _found(with_table(sound, "anomaly_events", events.slice(2)), "labels_agree_with_events")
    assert (less.place, less.ids) == ("anomaly_labels.meter_id", (first, second))


def test_without_events_nothing_is_compared_with_them(sound: Dataset) -> None:
    bare = with_table(sound, "anomaly_events", None)
    report = validate(bare)
    assert [(f.check, f.severity) for f in report.findings] == [("events_present", INFO)]


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        ("2025-07", "2025-06", "end before they start"),
        ("2026-01", None, "start after the last month"),
        ("2024-01", "2024-12", "end before the first month"),
        ("2025-7", None, "cells are no calendar month"),
        ("2025-01", "2025-00", "cells are no calendar month"),
    ],
)
def test_months_of_an_event(sound: Dataset, start: str, end: str | None, part: str) -> None:
    changed = with_cell(with_cell(sound, "anomaly_events", "start", 3, start), "anomaly_events", "end", 3, end)
    (finding,) = _found(changed, "event_months")
    assert finding.ids == ("EV_000004",)
    assert part in finding.message


@pytest.mark.parametrize(("start", "end"), [("2025-12", "2025-12"), ("2023-05", ""), ("2024-02", "2025-01")])
def test_months_of_an_event_that_are_right(sound: Dataset, start: str, end: str) -> None:
    changed = with_cell(with_cell(sound, "anomaly_events", "start", 3, start), "anomaly_events", "end", 3, end)
    assert _found(changed, "event_months") == ()


def test_events_are_not_compared_with_months_that_are_not_known(sound: Dataset) -> None:
    bare = with_table(sound, "meters", sound.tables["meters"].drop_columns(list(sound.month_columns)))
    assert _found(with_cell(bare, "anomaly_events", "start", 3, "2030-01"), "event_months") == ()


def test_losses_of_thefts_alone_are_bound(sound: Dataset) -> None:
    benign = with_cell(
        with_cell(sound, "anomaly_events", "lost_kwh", 40, -50.0), "anomaly_events", "severity", 40, -2.0
    )
    assert _found(benign, "event_losses") == ()
    theft = with_cell(sound, "anomaly_events", "severity", 3, 1.2)
    assert [f.place for f in _found(theft, "event_losses")] == ["anomaly_events.severity"]


@pytest.mark.parametrize("text", ["[1]", "{", "1, {}", "{}, {}", "null", "[" * 200_000])
def test_parameters_that_are_no_object(sound: Dataset, text: str) -> None:
    (finding,) = _found(with_cell(sound, "anomaly_events", "parameters", 3, text), "event_parameters")
    assert finding.ids == ("EV_000004",)


def test_kinds_that_the_config_does_not_know_are_found_with_their_family(sound: Dataset) -> None:
    swapped = with_cell(sound, "anomaly_events", "kind", 40, "bypass")
    assert [f.ids for f in _found(swapped, "kinds_are_configured")] == [("EV_000041",)]
    assert _found(_no_config(swapped), "kinds_are_configured") == ()
    table = pa.table({"x": [1]})
    assert "could not run" in _found(with_table(sound, "anomaly_events", table), "kinds_are_configured")[0].message
