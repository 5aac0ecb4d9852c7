"""Outlier models that see no label. Each fits all meters of a data set and scores the same meters.

scikit-learn's outlier detectors give LOWER scores to more abnormal rows; the sign is turned here.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from ghostload.detection.detector import DetectorSpec, register_detector
from ghostload.detection.generators import known_global_generators
from ghostload.detection.scaling import RobustScaler
from ghostload.streams import FloatArray, IntArray

SEED_CONTAMINATION = 0.075
"""Of the seed's recipe. It moves a threshold and no rank, and never comes from the labels under test."""


class SeedIsolationForest:
    """The seed's recipe as it stands: ``IsolationForest(contamination=0.075, random_state=42)`` on the raw months.

    References
    ----------
    .. [1] F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008. :doi:`10.1109/ICDM.2008.17`
    """

    def fit(self, X: FloatArray, y: IntArray | None = None) -> SeedIsolationForest:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest

        self._model: Any = IsolationForest(contamination=SEED_CONTAMINATION, random_state=42).fit(X)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) anomaly scores in 0 .. 1."""
        scores: FloatArray = -self._model.score_samples(X)
        return scores


class NormalisedIsolationForest:
    """Isolation forest with scikit-learn's defaults, for normalised features.

    Parameters
    ----------
    random_state : int
    """

    def __init__(self, random_state: int) -> None:
        self.random_state = random_state

    def fit(self, X: FloatArray, y: IntArray | None = None) -> NormalisedIsolationForest:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest

        self._model: Any = IsolationForest(n_estimators=200, random_state=self.random_state).fit(X)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) anomaly scores in 0 .. 1."""
        scores: FloatArray = -self._model.score_samples(X)
        return scores


class OutlierFactor:
    """Local outlier factor on robustly scaled features.

    Rows that were fitted are scored as scikit-learn does for outlier detection (a row is not its own neighbour); other
    rows as it does for novelty detection.

    Parameters
    ----------
    n_neighbors : int
        Fewer when there are fewer meters. Default: scikit-learn's.

    References
    ----------
    .. [1] M. M. Breunig et al., "LOF: identifying density-based local outliers", SIGMOD 2000.
       :doi:`10.1145/342009.335388`
    """

    def __init__(self, n_neighbors: int = 20) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: FloatArray, y: IntArray | None = None) -> OutlierFactor:
        """Find the neighbours."""
        from sklearn.neighbors import LocalOutlierFactor

        self._scaler = RobustScaler().fit(X)
        fitted = self._scaler.transform(X)
        self._model: Any = None
        if len(X) > 1:
            neighbours = min(self.n_neighbors, len(X) - 1)
            with warnings.catch_warnings():
                # Meters that register nothing are alike to the last bit; their factor is 1, as it should be.
                warnings.filterwarnings("ignore", message="Duplicate values are leading to incorrect results")
                self._model = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(fitted)
            self._keys, first = np.unique(_row_keys(fitted), return_index=True)
            self._own = -self._model.negative_outlier_factor_[first]
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) local outlier factors, 1 for a row amid its like."""
        if self._model is None:
            return np.zeros(len(X))
        scaled = self._scaler.transform(X)
        keys = _row_keys(scaled)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[at] == keys
        scores: FloatArray = np.where(known, self._own[at], 0.0)
        if not known.all():
            scores[~known] = -self._model.score_samples(scaled[~known])
        return scores


def _row_keys(X: FloatArray) -> np.ndarray[Any, np.dtype[Any]]:
    """One sortable key a row, equal for equal rows."""
    rows = np.ascontiguousarray(X + 0.0)
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]


class OneClass:
    """One-class support vector machine with an RBF kernel on robustly scaled features.

    The cost of an exact fit grows with the square of the meters, so it is fitted on a random sample of them.

    Parameters
    ----------
    random_state : int
        Draws the sample.
    nu : float
        Upper bound of the share of training rows outside. Default: the seed's contamination.
    sample_size : int
        Rows that are fitted at most; all are scored.

    References
    ----------
    .. [1] B. Schölkopf et al., "Estimating the support of a high-dimensional distribution", Neural Computation 13,
       2001. :doi:`10.1162/089976601750264965`
    """

    def __init__(self, random_state: int, nu: float = SEED_CONTAMINATION, sample_size: int = 5000) -> None:
        self.random_state, self.nu, self.sample_size = random_state, nu, sample_size

    def fit(self, X: FloatArray, y: IntArray | None = None) -> OneClass:
        """Fit the machine on a sample."""
        from sklearn.svm import OneClassSVM

        self._scaler = RobustScaler().fit(X)
        scaled = self._scaler.transform(X)
        if len(scaled) > self.sample_size:
            rng = np.random.default_rng(self.random_state)
            scaled = scaled[rng.choice(len(scaled), self.sample_size, replace=False)]
        with known_global_generators(self.random_state):  # it draws a seed from NumPy's global generator
            self._model: Any = OneClassSVM(kernel="rbf", gamma="scale", nu=self.nu).fit(scaled)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) kernel distances to the support, turned so that outside is high."""
        scores: FloatArray = -self._model.score_samples(self._scaler.transform(X))
        return scores


class RobustCovariance:
    """Mahalanobis distance to the minimum covariance determinant estimate.

    The features are scaled, and turned to the directions in which they vary at all: profile columns add up to a
    constant, so that their covariance is singular as it stands. With one direction, or fewer than ``5 (p + 1)`` rows
    for ``p`` directions, there is no robust half to look for, and the shrunk covariance of Ledoit and Wolf is used.

    Parameters
    ----------
    random_state : int

    References
    ----------
    .. [1] P. J. Rousseeuw, K. Van Driessen, "A fast algorithm for the minimum covariance determinant estimator",
       Technometrics 41, 1999. :doi:`10.1080/00401706.1999.10485670`
    .. [2] O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
       Analysis 88, 2004. :doi:`10.1016/S0047-259X(03)00096-4`
    """

    def __init__(self, random_state: int, sample_size: int = 5000) -> None:
        self.random_state, self.sample_size = random_state, sample_size

    def fit(self, X: FloatArray, y: IntArray | None = None) -> RobustCovariance:
        """Estimate centre and covariance on a sample of at most ``sample_size`` rows."""
        from sklearn.covariance import LedoitWolf, MinCovDet

        self._scaler = RobustScaler().fit(X)
        scaled = self._scaler.transform(X)
        if len(scaled) > self.sample_size:
            rng = np.random.default_rng(self.random_state)
            scaled = scaled[rng.choice(len(scaled), self.sample_size, replace=False)]
        self._axes = _varying_axes(scaled)
        turned = scaled @ self._axes
        enough = turned.shape[1] > 1 and len(turned) >= 5 * (turned.shape[1] + 1)
        estimator: Any = MinCovDet(random_state=self.random_state) if enough else LedoitWolf()
        with warnings.catch_warnings():
            # Columns that are mostly one value (share of zeros) leave the best half flat in a direction.
            for text in (
                "The covariance matrix associated to your dataset is not full rank",
                "Determinant has increased",
            ):
                warnings.filterwarnings("ignore", message=re.escape(text))
            estimator.fit(turned)
        self._centre = estimator.location_
        self._precision = np.linalg.pinv(estimator.covariance_, hermitian=True)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) squared Mahalanobis distances."""
        away = self._scaler.transform(X) @ self._axes - self._centre
        distances: FloatArray = np.einsum("ij,jk,ik->i", away, self._precision, away)
        return distances


class PrincipalComponents:
    """Squared error of the reconstruction from the leading principal components of the scaled features.

    Parameters
    ----------
    explained : float
        Share of the variance that the kept components explain.
    """

    def __init__(self, explained: float = 0.9) -> None:
        self.explained = explained

    def fit(self, X: FloatArray, y: IntArray | None = None) -> PrincipalComponents:
        """Find the components."""
        self._scaler = RobustScaler().fit(X)
        scaled = self._scaler.transform(X)
        self._centre = scaled.mean(axis=0)
        variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(scaled - self._centre, rowvar=False, bias=True)))
        share = np.cumsum(variances[::-1]) / max(float(variances.sum()), 1e-12)
        kept = min(int(np.searchsorted(share, self.explained)) + 1, len(share))
        self._axes = axes[:, ::-1][:, :kept]
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) squared errors."""
        away = self._scaler.transform(X) - self._centre
        errors: FloatArray = np.sum((away - away @ self._axes @ self._axes.T) ** 2, axis=1)
        return errors


def _varying_axes(scaled: FloatArray) -> FloatArray:
    """Return the (F, p) directions that hold more than a millionth of the largest variance, at least one."""
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(scaled, rowvar=False, bias=True)))
    kept: FloatArray = axes[:, variances > 1e-6 * max(float(variances[-1]), 1e-12)]
    return kept if kept.shape[1] else axes[:, -1:]


register_detector(
    DetectorSpec(
        "isolation_forest_seed",
        "the seed's recipe: IsolationForest(contamination=0.075, random_state=42) on the raw months",
        lambda _: SeedIsolationForest(),
        features="raw",
    )
)
register_detector(
    DetectorSpec("isolation_forest", "isolation forest on normalised features", NormalisedIsolationForest),
)
register_detector(
    DetectorSpec("local_outlier_factor", "local outlier factor, 20 neighbours", lambda _: OutlierFactor()),
)
register_detector(DetectorSpec("one_class_svm", "one-class SVM, RBF kernel, fitted on at most 5,000 meters", OneClass))
register_detector(
    DetectorSpec("robust_covariance", "Mahalanobis distance, minimum covariance determinant", RobustCovariance),
)
register_detector(
    DetectorSpec("pca", "reconstruction error outside 90 % of the variance", lambda _: PrincipalComponents()),
)
