from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.dataset import Dataset
from ghostload.detection import FEATURE_SETS, normalised_features, raw_features, simple_features
from ghostload.detection.groups import group_median, neighbour_mean
from ghostload.errors import DataError, UsageError

SIMPLE = {
    "mean",
    "median",
    "last_over_first",
    "ratio_to_class",
    "ratio_to_transformer",
    "kva",
    "kwh_per_kva",
    "zeros",
    "cv",
}


def readings(rng, meters, months, kind):
    if kind == "zero":
        return np.zeros((meters, months))
    if kind == "constant":
        return np.full((meters, months), 100.0)
    return np.round(rng.lognormal(5, 1.5, (meters, months)) * (rng.random((meters, months)) < 0.8), 1)


@given(
    st.integers(1, 40),
    st.sampled_from([1, 2, 3, 4, 5, 7, 12, 60]),
    st.sampled_from(["mixed", "zero", "constant"]),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_features_are_finite_for_any_number_of_meters_and_months(make_dataset, meters, months, kind, seed):
    rng = np.random.default_rng(seed)
    dataset = make_dataset(
        readings(rng, meters, months, kind),
        transformers=[f"TX_{n % 3}" for n in range(meters)],
        classes=[("residential", "industrial")[n % 2] for n in range(meters)],
        kva=np.zeros(meters) if kind == "zero" else None,
    )
    for features in FEATURE_SETS.values():
        table = features(dataset)
        assert table.values.shape == (meters, len(table.names))
        assert len(set(table.names)) == len(table.names)
        assert np.isfinite(table.values).all()
    simple = simple_features(dataset)
    assert set(simple) == SIMPLE
    for values in simple.values():
        assert values.shape == (meters,)
        assert np.isfinite(values).all()


def test_features_see_no_ground_truth(town):
    blind = Dataset({name: town.tables[name] for name in ("meters", "transformers")})
    for features in FEATURE_SETS.values():
        np.testing.assert_array_equal(features(town).values, features(blind).values)
    for name, values in simple_features(blind).items():
        np.testing.assert_array_equal(values, simple_features(town)[name])


def test_features_do_not_depend_on_the_order_of_the_rows(town):
    order = np.random.default_rng(1).permutation(town.num_meters)
    turned = Dataset({**town.tables, "meters": town.tables["meters"].take(pa.array(order))})
    np.testing.assert_allclose(normalised_features(turned).values, normalised_features(town).values[order], atol=1e-9)


def test_raw_features_are_the_monthly_columns(town):
    table = raw_features(town)
    assert table.names == town.month_columns
    np.testing.assert_array_equal(table.values, town.registered_kwh)


def test_shape_features_do_not_change_when_a_meter_is_scaled(make_dataset):
    values = np.random.default_rng(2).lognormal(5, 0.3, (30, 12))
    scaled = values.copy()
    scaled[7] *= 40
    names = ["over_mean_202503", "cv", "zeros", "repeats", "min_over_mean", "max_over_mean", "drop", "change_vs_class"]
    before, after = (normalised_features(make_dataset(v)).select(names).values for v in (values, scaled))
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12)


def test_a_season_common_to_the_class_is_no_change(make_dataset):
    rng = np.random.default_rng(3)
    flat = 200 * np.exp(0.05 * rng.standard_normal((200, 12)))
    season = 1 + 0.6 * np.sin(np.arange(12) / 2)
    names = ["change_vs_class", "drop_size"]
    calm, seasonal = (normalised_features(make_dataset(v)).select(names).values for v in (flat, flat * season))
    assert abs(seasonal - calm).max() < 0.05
    plain = normalised_features(make_dataset(flat * season)).select(["last_first"]).values
    assert np.median(plain) < -0.5


def test_a_fall_that_the_neighbours_share_is_no_change_against_them(make_dataset):
    rng = np.random.default_rng(4)
    values = 200 * np.exp(0.05 * rng.standard_normal((120, 12)))
    served_by = [f"TX_{n // 20}" for n in range(120)]
    values[:20, 6:] *= 0.4
    values[50, 6:] *= 0.4
    against = normalised_features(make_dataset(values, transformers=served_by)).select(["change_vs_neighbours"]).values
    assert abs(against[:20]).max() < 0.2
    assert against[50] < -0.6


def test_the_meter_that_falls_against_its_own_past_has_the_largest_drop(make_dataset):
    values = 200 * np.exp(0.05 * np.random.default_rng(5).standard_normal((100, 12)))
    values[42, 8:] *= 0.5
    drop = normalised_features(make_dataset(values)).select(["drop", "drop_size"]).values
    assert drop[:, 0].argmax() == 42
    assert drop[42, 1] == pytest.approx(np.log(2), abs=0.15)


def test_neighbours_are_the_other_meters_of_the_transformer(make_dataset):
    rng = np.random.default_rng(6)
    values = rng.lognormal(5, 0.5, (9, 4))
    served_by = ["A", "A", "A", "B", "B", "C", "TX_UNKNOWN", "TX_UNKNOWN", "B"]
    table = normalised_features(make_dataset(values, transformers=served_by)).select(["vs_class", "vs_neighbours"])
    vs_class, vs_neighbours = table.values.T
    for row, name in enumerate(served_by):
        others = [vs_class[n] for n in range(9) if n != row and served_by[n] == name != "TX_UNKNOWN"]
        assert vs_neighbours[row] == pytest.approx(vs_class[row] - (np.mean(others) if others else 0.0))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_group_statistics_agree_with_a_loop(codes, seed):
    code = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    values = np.random.default_rng(seed).normal(size=(len(code), 3))
    medians = group_median(values, code)
    means = neighbour_mean(values[:, 0], code, alone=7.0)
    for row in range(len(code)):
        np.testing.assert_array_equal(medians[row], np.median(values[code == code[row]], axis=0))
        others = [values[n, 0] for n in range(len(code)) if n != row and code[n] == code[row]]
        assert means[row] == pytest.approx(np.mean(others) if others else 7.0)


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_a_reading_that_is_no_energy_is_refused_by_column_and_meter(make_dataset, bad):
    values = np.full((4, 3), 100.0)
    values[2, 1] = bad
    with pytest.raises(DataError, match=r"meter_consumption\.csv: monthly_consumption_202502: 1 of 4 .*MTR_000003"):
        normalised_features(make_dataset(values))


def test_a_kva_that_is_none_is_refused(make_dataset):
    with pytest.raises(DataError, match=r"kVA: 2 of 4 .*MTR_000001"):
        simple_features(make_dataset(np.full((4, 3), 100.0), kva=np.array([np.nan, 1.0, -2.0, 1.0])))


def test_a_data_set_without_kva_can_still_be_used(make_dataset):
    dataset = make_dataset(np.full((4, 3), 100.0))
    without = Dataset({**dataset.tables, "meters": dataset.tables["meters"].drop_columns(["kVA"])})
    assert normalised_features(without).values.shape[0] == 4


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_data_set_without_meters_or_months_is_refused(make_dataset, shape):
    with pytest.raises(DataError, match="there is nothing to detect in"):
        raw_features(make_dataset(np.zeros(shape)))


def test_an_unknown_feature_is_refused_with_the_nearest_name(town):
    with pytest.raises(UsageError, match="unknown feature 'dorp', did you mean drop"):
        normalised_features(town).select(["dorp"])
