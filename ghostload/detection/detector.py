"""What a detector is: ``fit`` and ``decision_function``, a higher score being more suspicious."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ghostload.detection.features import FEATURE_SETS, FeatureTable
from ghostload.errors import RegistrationError, did_you_mean
from ghostload.registry import Registry
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset


@runtime_checkable
class Detector(Protocol):
    """An anomaly model in the manner of scikit-learn and PyOD.

    One rule differs from scikit-learn's outlier detectors: **a higher score is more suspicious**, always.
    """

    def fit(self, X: FloatArray, y: IntArray | None = None) -> object:
        """Learn from features (N, F); ``y`` is (N,) of 0 and 1 for supervised detectors, else None."""
        ...

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return (N,) finite scores, the higher the more suspicious."""
        ...


@dataclass(frozen=True)
class DetectorSpec:
    """How a detector is made and what it is fed with.

    Attributes
    ----------
    name : str
        As asked for on the command line.
    summary : str
        One line for people.
    make : callable (int) -> Detector
        Builds an unfitted detector from a random state.
    features : str
        Name of a feature set in :data:`~ghostload.detection.features.FEATURE_SETS`.
    columns : tuple of str, optional
        Only these columns of it.
    supervised : bool
        Whether ``fit`` needs labels. Then it is scored out of fold, the folds being cut by transformer.
    informed : bool
        False for a detector that is not meant to find anything (the random floor).
    """

    name: str
    summary: str
    make: Callable[[int], Detector]
    features: str = "normalised"
    columns: tuple[str, ...] | None = None
    supervised: bool = False
    informed: bool = True

    def __post_init__(self) -> None:
        """Refuse an unknown feature set."""
        if self.features not in FEATURE_SETS:
            hint = did_you_mean(self.features, FEATURE_SETS)
            raise RegistrationError(f"detector {self.name!r}: unknown feature set {self.features!r}{hint}")

    def features_of(self, dataset: Dataset, cache: dict[str, FeatureTable] | None = None) -> FeatureTable:
        """Return the features that the detector is fed with; ``cache`` keeps feature sets between detectors."""
        kept = {} if cache is None else cache
        if self.features not in kept:
            kept[self.features] = FEATURE_SETS[self.features](dataset)
        return kept[self.features] if self.columns is None else kept[self.features].select(self.columns)


DETECTORS: Registry[DetectorSpec] = Registry(
    "detector",
    builtin=(
        "ghostload.detection.outliers",
        "ghostload.detection.rules",
        "ghostload.detection.supervised",
    ),
    entry_point_group="ghostload.detectors",
)
"""Detectors by name. A module named in the entry point group ``ghostload.detectors`` adds its own when it is loaded."""


def register_detector(spec: DetectorSpec) -> DetectorSpec:
    """Register a detector under its name; a name is given once."""
    DETECTORS.add(spec.name, spec)
    return spec


def find_detector(name: str) -> DetectorSpec:
    """Return the detector of a registered name, of ``pyod:Name``, or of an import path ``package.module:Class``.

    Raises
    ------
    RegistrationError
        Nothing of that name is known, or the class does not keep the contract.
    """
    if ":" not in name:
        return DETECTORS.get(name)
    from ghostload.detection.external import external_detector

    return external_detector(name)
