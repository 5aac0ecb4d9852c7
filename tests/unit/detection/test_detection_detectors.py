from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from ghostload.detection import DETECTORS, check_detector, find_detector, quick_scores, raw_features, roc_auc
from ghostload.detection.outliers import OutlierFactor, PrincipalComponents, RobustCovariance
from ghostload.detection.scaling import CLIP, RobustScaler
from ghostload.detection.supervised import GradientBoosting
from ghostload.errors import UsageError

NAMES = DETECTORS.names()
UNSUPERVISED = [spec.name for spec in DETECTORS if not spec.supervised and spec.needs_months_only]
WANTED = {
    "isolation_forest_seed",
    "isolation_forest",
    "local_outlier_factor",
    "one_class_svm",
    "robust_covariance",
    "pca",
    "rule_drop",
    "rule_low_vs_neighbours",
    "gradient_boosting",
}


def test_the_detectors_that_the_benchmark_promises_are_registered():
    assert set(NAMES) >= WANTED


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_detector_keeps_the_contract(name):
    check_detector(find_detector(name))


@pytest.mark.parametrize(("meters", "months"), [(1, 1), (1, 12), (2, 1), (3, 2), (30, 12), (30, 60)])
@pytest.mark.parametrize("kind", ["mixed", "zero", "constant"])
def test_tiny_and_degenerate_data_sets_are_scored_without_a_warning(make_dataset, meters, months, kind):
    rng = np.random.default_rng(meters)
    values = {"zero": 0.0, "constant": 100.0}.get(kind, 0) * np.ones((meters, months))
    if kind == "mixed":
        values = np.round(rng.lognormal(5, 1, (meters, months)), 1)
    dataset = make_dataset(values, transformers=[f"TX_{n % 3}" for n in range(meters)])
    for name, scores in quick_scores(dataset, UNSUPERVISED).items():
        assert scores.shape == (meters,), name
        assert np.isfinite(scores).all(), name


def test_the_seed_recipe_ranks_as_the_seed_document_does(town):
    """``IsolationForest(contamination=0.075, random_state=42).fit_predict(X)`` on the monthly columns."""
    X = raw_features(town).values
    model = IsolationForest(contamination=0.075, random_state=42)
    predicted = model.fit_predict(X)
    scores = quick_scores(town, ["isolation_forest_seed"], seed=9)["isolation_forest_seed"]
    np.testing.assert_array_equal(scores, -model.score_samples(X))
    assert scores[predicted == -1].min() > scores[predicted == 1].max()


def test_seeds_change_the_random_detectors_and_nothing_else(town):
    one, other = (quick_scores(town, UNSUPERVISED, seed=seed) for seed in (1, 2))
    changed = {name for name in UNSUPERVISED if not np.array_equal(one[name], other[name])}
    assert {"isolation_forest", "random"} <= changed
    assert not changed & {"isolation_forest_seed", "pca", "local_outlier_factor", "rule_drop"}


def test_detectors_find_thieves_where_they_are_easy_to_find(town):
    scores = quick_scores(town, ["isolation_forest", "rule_drop", "gradient_boosting", "random"])
    auc = {name: roc_auc(town.is_theft, found) for name, found in scores.items()}
    assert auc["rule_drop"] > 0.85
    assert auc["gradient_boosting"] > 0.85
    assert auc["isolation_forest"] > 0.6
    assert 0.35 < auc["random"] < 0.65


def test_outlier_factor_of_fitted_rows_is_that_of_outlier_detection():
    X = np.random.default_rng(0).standard_normal((80, 4))
    X[[11, 50]] = X[3]
    detector = OutlierFactor(n_neighbors=10).fit(X)
    scaled = RobustScaler().fit(X).transform(X)
    expected = -LocalOutlierFactor(n_neighbors=10).fit(scaled).negative_outlier_factor_
    distinct = np.setdiff1d(np.arange(80), [11, 50])
    np.testing.assert_allclose(detector.decision_function(X)[distinct], expected[distinct])
    new = np.vstack([X[5], X[5] + 7.0])
    known, far = detector.decision_function(new)
    assert known == expected[5]
    assert far > 2


def test_robust_covariance_is_not_fooled_by_a_cluster_of_outliers():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.standard_normal((400, 3)), 5 + 0.1 * rng.standard_normal((40, 3))])
    scores = RobustCovariance(0).fit(X).decision_function(X)
    assert scores[400:].min() > np.quantile(scores[:400], 0.99)


@pytest.mark.parametrize("name", ["one_class_svm", "robust_covariance"])
def test_costly_detectors_fit_a_sample_and_score_everything(name):
    X = np.random.default_rng(0).standard_normal((300, 3))
    X[[4, 150, 299]] *= 6
    sampled = find_detector(name).make(0)
    sampled.sample_size = 100
    scores = sampled.fit(X).decision_function(X)
    assert scores.shape == (300,)
    assert set(scores.argsort()[-3:]) == {4, 150, 299}


def test_pca_scores_what_the_kept_components_cannot_say():
    line = np.linspace(-1, 1, 50)[:, None] * [1.0, 2.0, 3.0] + 0.01 * np.random.default_rng(0).standard_normal((50, 3))
    line[7, 0] += 1.0
    assert PrincipalComponents().fit(line).decision_function(line).argmax() == 7


def test_the_scaler_centres_clips_and_leaves_out_what_does_not_vary():
    rng = np.random.default_rng(0)
    mostly_zero = np.where(np.arange(200) < 10, 1.0, 0.0)
    X = np.column_stack([rng.normal(5, 2, 200), np.full(200, 3.0), mostly_zero])
    X[0, 0] = 1e6
    scaled = RobustScaler().fit(X).transform(X)
    assert scaled.shape == (200, 2)
    assert scaled[0, 0] == CLIP
    assert np.median(scaled[:, 0]) == 0
    assert scaled[1:, 0].std() == pytest.approx(1, abs=0.2)
    assert np.isfinite(scaled).all()


def test_gradient_boosting_without_labels_says_so():
    with pytest.raises(UsageError, match="gradient_boosting: needs labels"):
        GradientBoosting(0).fit(np.zeros((3, 2)))


def test_importing_the_room_imports_no_model():
    code = "import sys, ghostload.detection as d; d.DETECTORS.names(); print([m for m in sys.modules if m in "
    code += "('sklearn', 'scipy', 'pandas', 'bokeh')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
