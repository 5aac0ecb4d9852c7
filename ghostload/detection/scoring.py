"""Scores of a detector for every meter of a data set, under the protocol of docs/detection.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.detector import DetectorSpec, find_detector
from ghostload.detection.features import FeatureTable
from ghostload.detection.folds import random_state_of, transformer_folds
from ghostload.detection.panel import panel_of
from ghostload.detection.truth import theft_labels
from ghostload.errors import GhostloadError
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset


def score_detector(
    spec: DetectorSpec,
    dataset: Dataset,
    *,
    seed: int = 0,
    cache: dict[str, FeatureTable] | None = None,
    known: Dataset | None = None,
) -> FloatArray:
    """Return one score a meter, the higher the more suspicious.

    An unsupervised detector is fitted on all meters, without labels, and scores them. A supervised one is fitted once
    for each of five folds on the labels of the other folds' transformers, and scores the fold that it has not seen.

    Parameters
    ----------
    spec : DetectorSpec
    dataset : Dataset
    seed : int
        Of the folds and the detector's random state.
    cache : dict, optional
        Keeps feature sets between calls on one data set.
    known : Dataset, optional
        What features are made of: the same data set as the utility's records have it, see
        :func:`~ghostload.detection.records.recorded`. Labels and folds are the data set's own.

    Returns
    -------
    (N,) array, finite.

    Raises
    ------
    GhostloadError
        The scores are not one finite number a meter, or the labels of a training fold are all alike.
    """
    X = spec.features_of(dataset if known is None else known, cache).values
    state = random_state_of(seed)
    if spec.supervised:
        return _out_of_fold(spec, X, dataset, seed, state)
    detector = spec.make(state)
    detector.fit(X.copy())
    return checked_scores(spec.name, detector.decision_function(X.copy()), len(X))


def quick_scores(dataset: Dataset, names: Sequence[str], seed: int = 0) -> dict[str, FloatArray]:
    """Return the scores of some detectors by name, without any metric."""
    cache: dict[str, FeatureTable] = {}
    return {name: score_detector(find_detector(name), dataset, seed=seed, cache=cache) for name in names}


def checked_scores(name: str, scores: object, num_rows: int) -> FloatArray:
    """Return the scores as floats, or say what is wrong with them."""
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (num_rows,):
        raise GhostloadError(
            f"{name}: decision_function gave shape {values.shape}, must be one score a row, ({num_rows},)"
        )
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise GhostloadError(f"{name}: {bad} of {num_rows} scores are not finite")
    return values


def _out_of_fold(spec: DetectorSpec, X: FloatArray, dataset: Dataset, seed: int, state: int) -> FloatArray:
    labels = theft_labels(dataset)
    folds = transformer_folds(panel_of(dataset).group_code, seed=seed)
    scores = np.empty(len(X))
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        training = labels[~held]
        if training.min() == training.max():
            raise GhostloadError(
                f"{spec.name}: the training transformers of fold {fold + 1} hold one sort of meters only; "
                "use a data set with more thieves or transformers"
            )
        detector = spec.make(state)
        detector.fit(X[~held], training)
        scores[held] = checked_scores(spec.name, detector.decision_function(X[held]), int(held.sum()))
    return scores
