from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from ghostload.detection import DETECTORS, check_detector, find_detector, quick_scores, run_benchmark
from ghostload.errors import RegistrationError

MODULE = '''
import random
import numpy as np

class LowMonths:
    """Months far below the mean.

    More text that is not shown.
    """
    def fit(self, X, y=None):
        return self
    def decision_function(self, X):
        return (X[:, :12] < 0.5).mean(axis=1)

class RawSpread(LowMonths):
    features = "raw"
    def decision_function(self, X):
        return -X.min(axis=1) / X.mean(axis=1)

class Learner:
    supervised = True
    def fit(self, X, y):
        self.way = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
    def decision_function(self, X):
        return X @ self.way

class DrawsGlobally(LowMonths):
    def __init__(self, random_state=None):
        assert isinstance(random_state, int)
    def fit(self, X, y=None):
        self.shift = np.random.rand() + random.random()
        return self
    def decision_function(self, X):
        return super().decision_function(X) + self.shift

class NoFit:
    def decision_function(self, X):
        return X

class NoScores:
    def fit(self, X, y=None):
        return self

def build():
    return LowMonths()

NUMBER = 3
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "my_detectors.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_detectors"
    sys.modules.pop("my_detectors", None)


@pytest.fixture
def fake_pyod(tmp_path, monkeypatch):
    """A package of PyOD's layout: scores are higher for outliers, as PyOD's are."""
    models = tmp_path / "pyod" / "models"
    models.mkdir(parents=True)
    for folder in (models.parent, models):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    text = MODULE.replace("class LowMonths", "class IForest", 1).replace("(LowMonths)", "(IForest)")
    (models / "iforest.py").write_text(text, encoding="utf-8")
    (models / "auto_encoder.py").write_text(text.replace("IForest", "AutoEncoder"), encoding="utf-8")
    (models / "needy.py").write_text("import a_library_that_is_not_there\n", encoding="utf-8")
    for name in [name for name in sys.modules if name.split(".")[0] == "pyod"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "pyod"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["LowMonths", "RawSpread", "Learner", "DrawsGlobally", "build"])
def test_a_class_by_import_path_keeps_the_contract(module, name):
    check_detector(find_detector(f"{module}:{name}"))


def test_a_class_says_what_it_is(module):
    low, spread, learner = (find_detector(f"{module}:{name}") for name in ("LowMonths", "RawSpread", "Learner"))
    assert (low.features, spread.features) == ("normalised", "raw")
    assert (low.supervised, learner.supervised) == (False, True)
    assert low.summary == "Months far below the mean."
    assert learner.summary == "Learner"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_detectors:LowMonth", "has no 'LowMonth', did you mean LowMonths"),
        ("my_detectors:NoFit", r"has no fit\(X, y=None\)"),
        ("my_detectors:NoScores", r"has no decision_function\(X\)"),
        ("my_detectors:NUMBER", "is no class"),
        ("my_detectors:", "has no ''"),
        ("not_there_at_all:Class", "cannot import not_there_at_all"),
        (":Class", "is no import path"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(module, name, message):
    with pytest.raises(RegistrationError, match=f"detector '{name}': .*{message}"):
        find_detector(name)


def test_scikit_learn_outlier_detectors_are_turned_so_that_high_is_suspicious(town):
    name = "sklearn.ensemble:IsolationForest"
    spec = find_detector(name)
    check_detector(spec)
    from sklearn.ensemble import IsolationForest

    X = spec.features_of(town).values
    scores = spec.make(5).fit(X).decision_function(X)
    np.testing.assert_array_equal(scores, -IsolationForest(random_state=5).fit(X).decision_function(X))


def test_scikit_learn_classifiers_are_supervised_and_score_by_probability(town):
    spec = find_detector("sklearn.neighbors:KNeighborsClassifier")
    assert spec.supervised
    scores = quick_scores(town, ["sklearn.neighbors:KNeighborsClassifier"])["sklearn.neighbors:KNeighborsClassifier"]
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert scores[town.is_theft].mean() > scores[~town.is_theft].mean()


@pytest.mark.parametrize("name", ["pyod:IForest", "pyod:AutoEncoder"])
def test_pyod_classes_are_found_by_their_name(fake_pyod, name):
    spec = find_detector(name)
    check_detector(spec)
    assert not spec.supervised


@pytest.mark.parametrize(
    ("name", "message"),
    [("pyod:Nope", "PyOD has no such model"), ("pyod:Needy", "needs a_library_that_is_not_there")],
)
def test_a_pyod_name_that_cannot_be_had_is_refused(fake_pyod, name, message):
    with pytest.raises(RegistrationError, match=message):
        find_detector(name)


def test_without_pyod_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod", None)
    with pytest.raises(RegistrationError, match=r'PyOD is not installed; pip install "ghostload\[pyod\]"'):
        find_detector("pyod:ECOD")


def test_an_entry_point_adds_detectors(tmp_path, monkeypatch, town):
    (tmp_path / "third_party.py").write_text(
        "from ghostload.detection import DetectorSpec, register_detector\n"
        "from ghostload.detection.rules import ColumnScore\n"
        "register_detector(DetectorSpec('theirs', 'of another package', lambda _: ColumnScore(), columns=('cv',)))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("theirs", "third_party", "ghostload.detectors")
    monkeypatch.setattr("ghostload.registry._entry_points", lambda: EntryPoints([point]))
    monkeypatch.setattr(DETECTORS, "_third_party_loaded", False)
    try:
        assert find_detector("theirs").summary == "of another package"
        assert "theirs" in DETECTORS.names()
        check_detector(find_detector("theirs"))
        assert [entry.name for entry in run_benchmark(town, ["theirs"], n_bootstrap=0).entries] == ["theirs"]
    finally:
        DETECTORS.remove("theirs")
        sys.modules.pop("third_party", None)


def test_a_name_is_given_once():
    from ghostload.detection import register_detector

    with pytest.raises(RegistrationError, match="'pca' is registered already"):
        register_detector(find_detector("pca"))
