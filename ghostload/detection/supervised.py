"""The supervised reference: what labels of other transformers are worth."""

from __future__ import annotations

from typing import Any

from ghostload.detection.detector import DetectorSpec, register_detector
from ghostload.errors import UsageError
from ghostload.streams import FloatArray, IntArray


class GradientBoosting:
    """Histogram gradient boosting on labels, with both classes weighing the same.

    Shallow and slow on purpose: with a few hundred thieves, deep trees learn the training transformers by heart.

    Parameters
    ----------
    random_state : int
    """

    supervised = True

    def __init__(self, random_state: int) -> None:
        self.random_state = random_state

    def fit(self, X: FloatArray, y: IntArray | None = None) -> GradientBoosting:
        """Learn from features (N, F) and labels (N,) of 0 and 1."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        if y is None:
            raise UsageError("gradient_boosting: needs labels; call fit(X, y)")
        model: Any = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=120,
            max_leaf_nodes=8,
            max_bins=64,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            class_weight="balanced",
            random_state=self.random_state,
        )
        # One thread: on 2 busy cores two threads took 62 s for 100,000 meters, one 14 s.
        with threadpool_limits(limits=1):
            self._model = model.fit(X, y)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) log odds of theft."""
        from threadpoolctl import threadpool_limits

        # One thread here too: on busy cores a barrier for each of the trees takes far longer than the trees.
        with threadpool_limits(limits=1):
            scores: FloatArray = self._model.decision_function(X)
        return scores


register_detector(
    DetectorSpec(
        "gradient_boosting",
        "histogram gradient boosting on labels of other transformers (supervised reference)",
        GradientBoosting,
        supervised=True,
    )
)
