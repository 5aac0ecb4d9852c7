"""The leak check and its statistic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import validation_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from validation_samples import with_column, with_table

from ghostload.dataset import Dataset
from ghostload.validation import Context, Severity, validate
from ghostload.validation import leak as leak_module
from ghostload.validation.leak import chance_error, rank_auc
from ghostload.validation.leak_features import simple_features


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60))
def test_the_rank_statistic_is_the_area_under_the_roc_curve_with_ties(pairs: list[tuple[int, bool]]) -> None:
    values, labels = np.array([v for v, _ in pairs], dtype=float), np.array([b for _, b in pairs])
    if labels.all() or not labels.any():
        return
    assert rank_auc(values, labels) == pytest.approx(roc_auc_score(labels, values), abs=1e-12)


def test_the_standard_error_of_chance_is_that_of_random_labels() -> None:
    rng = np.random.default_rng(1)
    drawn = [rank_auc(rng.random(100), np.arange(100) < 10) for _ in range(4000)]
    assert np.std(drawn) == pytest.approx(chance_error(10, 90), rel=0.05)


def _listed(dataset: Dataset) -> np.ndarray:  # type: ignore[type-arg]
    return Context(dataset).is_listed


def _found(dataset: Dataset) -> dict[str, Severity]:
    return {f.column: f.severity for f in validate(dataset, checks=["no_single_feature_leak"]).findings}


def _scaled(dataset: Dataset, factor: np.ndarray) -> Dataset:  # type: ignore[type-arg]
    """Registered energy of each meter and month times a factor."""
    kwh = dataset.registered_kwh * factor
    for position, column in enumerate(dataset.month_columns):
        dataset = with_column(dataset, "meters", column, kwh[:, position])
    return dataset


def test_a_sound_set_has_no_leak(sound: Dataset) -> None:
    assert _found(sound) == {}


def test_a_ratio_to_the_class_gives_the_labels_away(sound: Dataset) -> None:
    classes = Context(sound).class_index
    level = np.array([150.0, 800.0, 2500.0])[classes][:, None] / sound.registered_kwh
    flat = _scaled(sound, level * np.where(_listed(sound), 0.3, 1.0)[:, None])
    found = _found(flat)
    assert found["mean over the mean of its class"] is Severity.ERROR
    assert found["mean over the median of its class"] is Severity.ERROR
    assert "mean" not in found


def test_a_drop_gives_the_labels_away(sound: Dataset) -> None:
    factor = np.ones((samples.METERS, samples.MONTHS))
    factor[_listed(sound), 6:] = 0.05
    found = _found(_scaled(sound, factor))
    assert {"last month over first", "last quarter over first", "smallest month over mean", "variation (CV)"} <= set(
        found
    )


def test_zero_months_give_the_labels_away(sound: Dataset) -> None:
    factor = np.ones((samples.METERS, samples.MONTHS))
    factor[_listed(sound), 3] = 0.0
    assert "zero months" in _found(_scaled(sound, factor))


def test_empty_months_give_the_labels_away(sound: Dataset) -> None:
    cells = [None if thief else 100.0 for thief in _listed(sound)]
    assert "empty months" in _found(with_column(sound, "meters", "monthly_consumption_202503", cells))


def test_more_digits_give_the_labels_away(sound: Dataset) -> None:
    factor = np.where(_listed(sound), 1.0001, 1.0)[:, None] * np.ones((1, samples.MONTHS))
    found = _found(_scaled(sound, factor))
    assert found == {"digits after the decimal point": Severity.ERROR}


def test_the_order_of_the_rows_gives_the_labels_away(sound: Dataset) -> None:
    meters = sound.tables["meters"]
    order = np.argsort(~_listed(sound), kind="stable")
    found = _found(with_table(sound, "meters", meters.take(pa.array(order))))
    assert set(found) == {"row in the table"}


@pytest.mark.parametrize(
    ("column", "name"), [("kVA", "kVA"), ("lat", "lat"), ("lon", "lon"), ("meter_id", "number in the id")]
)
def test_a_column_gives_the_labels_away(sound: Dataset, column: str, name: str) -> None:
    listed = _listed(sound)
    if column == "meter_id":
        names = [f"MTR_{i + 1 + 500_000 * int(thief):06d}" for i, thief in enumerate(listed)]
        ids = dict(zip(sound.tables["meters"][column].to_pylist(), names, strict=True))
        changed = with_column(sound, "meters", column, names)
        changed = with_column(changed, "anomaly_labels", column, lambda old: [ids[i] for i in old])
    else:
        own = np.asarray(sound.tables["meters"][column])
        changed = with_column(sound, "meters", column, np.where(listed, own + 1000.0 * (column == "kVA") + 1.0, own))
    assert name in _found(changed)


@pytest.mark.parametrize("values", [(0, 1), (0.5, 0.25), ("fine", "odd"), (None, "x")])
def test_a_further_column_gives_the_labels_away(sound: Dataset, values: tuple[object, object]) -> None:
    cells = pa.array([values[int(thief)] for thief in _listed(sound)])
    changed = with_table(sound, "meters", sound.tables["meters"].append_column("remark", cells))
    assert _found(changed) == {"remark": Severity.ERROR}


def test_a_further_column_with_a_word_for_each_meter_is_no_leak(sound: Dataset) -> None:
    cells = pa.array([f"street {i}" for i in range(samples.METERS)])
    assert _found(with_table(sound, "meters", sound.tables["meters"].append_column("street", cells))) == {}


def test_in_an_easy_set_energy_may_tell_and_the_row_may_not(sound: Dataset) -> None:
    assert sound.config is not None
    easy = replace(sound, config=replace(sound.config, difficulty="easy"), _frames={})
    factor = np.where(_listed(sound), 0.001, 1.0)[:, None] * np.ones((1, samples.MONTHS))
    assert _found(_scaled(easy, factor))["mean over the mean of its class"] is Severity.WARNING
    order = np.argsort(~_listed(sound), kind="stable")
    moved = with_table(easy, "meters", easy.tables["meters"].take(pa.array(order)))
    assert _found(moved) == {"row in the table": Severity.ERROR}


@pytest.mark.parametrize("kept", [0, 3])
def test_with_few_labels_a_leak_cannot_be_told_from_chance(sound: Dataset, kept: int) -> None:
    few = with_table(sound, "anomaly_labels", sound.tables["anomaly_labels"].slice(0, kept))
    (finding,) = validate(few, checks=["no_single_feature_leak"]).findings
    assert finding.severity is Severity.INFO
    assert "too few" in finding.message


def test_a_large_set_is_screened_on_a_sample_and_told_exactly(sound: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    factor = np.where(_listed(sound), 0.05, 1.0)[:, None] * np.where(np.arange(samples.MONTHS) < 6, 1.0, 1.0)
    factor[_listed(sound), 6:] *= 0.05
    leaky = _scaled(sound, factor)
    whole = validate(leaky, checks=["no_single_feature_leak"]).findings
    monkeypatch.setattr(leak_module, "SCREEN_METERS", 100)
    assert validate(leaky, checks=["no_single_feature_leak"]).findings == whole
    assert len(whole) > 3
    assert _found(sound) == {}


def test_features_of_some_rows_are_those_of_the_whole(sound: Dataset) -> None:
    context = Context(sound)
    rows = np.array([3, 77, 401])
    whole = {f.name: f.values for f in simple_features(context, np.arange(samples.METERS))}
    some = {f.name: f.values for f in simple_features(context, rows)}
    assert list(some) == list(whole)
    for name, values in some.items():
        np.testing.assert_array_equal(values, whole[name][rows], err_msg=name)


def test_one_month_is_enough(sound: Dataset) -> None:
    table = sound.tables["meters"].drop_columns(list(sound.month_columns[1:]))
    assert _found(with_table(sound, "meters", table)) == {}


def test_meters_without_energy_without_transformer_and_of_no_class_do_no_harm(sound: Dataset) -> None:
    zeros = _scaled(sound, np.zeros((samples.METERS, samples.MONTHS)))
    assert _found(zeros) == {}
    lost = with_column(sound, "meters", "transformer_id", ["TX_9999"] * samples.METERS)
    lost = with_column(lost, "meters", "customer_class", ["farm"] * samples.METERS)
    empty: list[float | None] = [None] * samples.METERS
    for column in sound.month_columns:
        lost = with_column(lost, "meters", column, empty)
    assert _found(lost) == {}
