from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.dataset import Dataset
from ghostload.detection import DetectorSpec, quick_scores, raw_features, score_detector, transformer_folds
from ghostload.errors import DataError, GhostloadError, RegistrationError, UsageError


class Spy:
    """Remembers what it was given."""

    calls: list[tuple[np.ndarray, np.ndarray | None, np.ndarray]]

    def __init__(self, calls):
        self.calls = calls

    def fit(self, X, y=None):
        self.fitted = (X, y)
        return self

    def decision_function(self, X):
        self.calls.append((*self.fitted, X))
        return X[:, 0]


def spied(dataset, **settings):
    calls: list = []
    spec = DetectorSpec("spy", "a test", lambda _: Spy(calls), features="raw", **settings)
    return score_detector(spec, dataset), calls


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_folds_keep_transformers_whole_and_are_even(codes, seed):
    group = np.unique(codes, return_inverse=True)[1]
    count = group.max() + 1
    if count < 2:
        with pytest.raises(UsageError, match="at least 2 transformers"):
            transformer_folds(group, seed=seed)
        return
    folds = transformer_folds(group, seed=seed)
    np.testing.assert_array_equal(folds, transformer_folds(group, seed=seed))
    for one in range(count):
        assert len(set(folds[group == one])) == 1
    sizes = np.bincount([folds[group == one][0] for one in range(count)])
    assert len(sizes) == min(5, count)
    assert sizes.max() - sizes.min() <= 1


def test_folds_of_another_seed_are_others():
    group = np.arange(100)
    assert (transformer_folds(group, seed=0) != transformer_folds(group, seed=1)).any()


def test_a_supervised_detector_never_meets_a_transformer_that_it_is_scored_on(town):
    scores, calls = spied(town, supervised=True)
    rows = {tuple(row): index for index, row in enumerate(raw_features(town).values)}
    assert len(rows) == town.num_meters
    assert len(calls) == 5
    scored = []
    for X, y, held in calls:
        train, test = ([rows[tuple(row)] for row in part] for part in (X, held))
        assert not set(town.transformer_index[train]) & set(town.transformer_index[test])
        np.testing.assert_array_equal(y, town.is_theft[train])
        scored += test
    assert sorted(scored) == list(range(town.num_meters))
    np.testing.assert_array_equal(scores, raw_features(town).values[:, 0])


def test_an_unsupervised_detector_is_given_every_meter_and_no_label(town):
    _, [(X, y, scored)] = spied(town)
    assert y is None
    np.testing.assert_array_equal(X, raw_features(town).values)
    np.testing.assert_array_equal(scored, X)


def test_unsupervised_scores_do_not_change_with_the_labels(town):
    tables = {name: town.tables[name] for name in ("meters", "transformers")}
    labels = {**tables, "anomaly_labels": town.tables["anomaly_labels"].slice(0, 3)}
    names = ["isolation_forest", "isolation_forest_seed", "local_outlier_factor", "robust_covariance", "pca"]
    expected = quick_scores(town, names)
    for other in (Dataset(tables), Dataset(labels)):
        for name, scores in quick_scores(other, names).items():
            np.testing.assert_array_equal(scores, expected[name])


def test_labels_of_the_held_transformers_do_not_reach_their_scores(town):
    """Wipe the labels of one fold: the scores of that fold stay, those of the others move."""
    name = "sklearn.neighbors:KNeighborsClassifier"
    folds = transformer_folds(town.transformer_index, seed=0)
    ids = np.array(town.tables["meters"]["meter_id"].to_pylist())
    kept = ~np.isin(town.tables["anomaly_labels"]["meter_id"].to_pylist(), ids[folds == 2])
    wiped = Dataset({**town.tables, "anomaly_labels": town.tables["anomaly_labels"].filter(kept)})
    before, after = (quick_scores(data, [name])[name] for data in (town, wiped))
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert (before[folds != 2] != after[folds != 2]).any()


def test_a_training_fold_of_one_sort_is_refused(make_dataset):
    dataset = make_dataset(
        np.random.default_rng(0).random((20, 3)),
        transformers=[f"TX_{n // 4}" for n in range(20)],
        thieves={0: "bypass", 1: "bypass"},
    )
    with pytest.raises(GhostloadError, match=r"spy: the training transformers of fold \d hold one sort of meters only"):
        spied(dataset, supervised=True)


def test_a_supervised_detector_without_labels_is_refused(town):
    with pytest.raises(DataError, match="without ground truth"):
        quick_scores(Dataset({name: town.tables[name] for name in ("meters", "transformers")}), ["gradient_boosting"])


def test_an_unknown_name_or_feature_set_is_refused_with_the_nearest(town):
    with pytest.raises(RegistrationError, match="unknown detector 'isolation_forst', did you mean isolation_forest"):
        quick_scores(town, ["isolation_forst"])
    with pytest.raises(RegistrationError, match="unknown feature set 'normalized', did you mean normalised"):
        DetectorSpec("mine", "a test", lambda _: Spy([]), features="normalized")


def test_a_feature_set_is_made_once_for_many_detectors(town, monkeypatch):
    from ghostload.detection import FEATURE_SETS

    made = []
    monkeypatch.setitem(FEATURE_SETS, "raw", lambda dataset: made.append(1) or raw_features(dataset))
    cache: dict = {}
    for _ in range(3):
        score_detector(DetectorSpec("spy", "a test", lambda _: Spy([]), features="raw"), town, cache=cache)
    assert len(made) == 1
