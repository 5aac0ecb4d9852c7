from __future__ import annotations

import random

import numpy as np
import pytest

from ghostload.detection import DetectorSpec, check_detector
from ghostload.detection.contract import PLANTED, planted_dataset
from ghostload.errors import RegistrationError


class Good:
    """The share of months far below the mean: a rule that keeps the contract."""

    def fit(self, X, y=None):
        return self

    def decision_function(self, X):
        return (X[:, :12] < 0.5).mean(axis=1)


class Upside(Good):
    def decision_function(self, X):
        return -super().decision_function(X)


class Mutates(Good):
    def fit(self, X, y=None):
        X -= X.mean(axis=0)
        return self


class DrawsNumpy(Good):
    def fit(self, X, y=None):
        np.random.rand()  # noqa: NPY002
        return self


class DrawsPython(Good):
    def fit(self, X, y=None):
        random.random()
        return self


class Forgetful(Good):
    count = 0

    def fit(self, X, y=None):
        Forgetful.count += 1
        return self

    def decision_function(self, X):
        return super().decision_function(X) + Forgetful.count


class ByPosition(Good):
    def decision_function(self, X):
        return super().decision_function(X) + 1e-3 * np.arange(len(X))


class NotFinite(Good):
    def decision_function(self, X):
        return np.where(np.arange(len(X)) == 1, np.nan, 0.0)


class TwoColumns(Good):
    def decision_function(self, X):
        return X[:, :2]


class ForgetsLabels(Good):
    def decision_function(self, X):
        return (X[:, :12] < 0.5).mean(axis=1) * -1


def spec(cls, **settings):
    return DetectorSpec("mine", "a test", lambda _: cls(), **settings)


def test_a_good_detector_passes():
    check_detector(spec(Good))
    check_detector(spec(Good, supervised=True))


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Upside, "is a high score suspicious"),
        (Mutates, "changes its input"),
        (DrawsNumpy, "changes the state of a global random generator"),
        (DrawsPython, "changes the state of a global random generator"),
        (Forgetful, "is not the same twice"),
        (ByPosition, "depends on the order of the rows"),
    ],
)
def test_a_broken_detector_is_refused_with_the_reason(cls, message):
    with pytest.raises(RegistrationError, match=f"detector 'mine': .*{message}"):
        check_detector(spec(cls))


@pytest.mark.parametrize(
    ("cls", "message"), [(NotFinite, "1 of 240 scores are not finite"), (TwoColumns, "gave shape")]
)
def test_scores_of_the_wrong_form_are_refused(cls, message):
    with pytest.raises(Exception, match=f"mine: .*{message}"):
        check_detector(spec(cls))


def test_a_supervised_detector_that_turns_the_labels_round_is_refused():
    with pytest.raises(RegistrationError, match="puts known thieves last"):
        check_detector(spec(ForgetsLabels, supervised=True))


def test_a_detector_that_is_meant_to_know_nothing_need_not_find_anything():
    check_detector(spec(Upside, informed=False))


def test_the_planted_meter_registers_nothing_for_half_a_year():
    dataset = planted_dataset()
    assert not dataset.registered_kwh[PLANTED, 6:].any()
    assert dataset.is_theft[PLANTED]
    assert dataset.is_theft.sum() == 30
    assert len(np.unique(dataset.transformer_index[dataset.is_theft])) == 8
