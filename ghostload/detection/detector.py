"""What a detector is: ``fit`` and ``decision_function``, a higher score being more suspicious."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ghostload.detection.feature_sets import features_of, parts_of, side_by_side, what_lacks
from ghostload.detection.features import FEATURE_SETS, FeatureTable
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
        Name of a feature set, see :mod:`~ghostload.detection.feature_sets`; or several with ``+`` between.
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
        parts_of(self.features, self.name)

    def features_of(self, dataset: Dataset, cache: dict[str, FeatureTable] | None = None) -> FeatureTable:
        """Return the features that the detector is fed with; ``cache`` keeps feature sets between detectors."""
        kept = {} if cache is None else cache
        parts = parts_of(self.features, self.name)
        for part in parts:
            if part not in kept:
                kept[part] = features_of(part, dataset)
        table = side_by_side([kept[part] for part in parts])
        return table if self.columns is None else table.select(self.columns)

    @property
    def needs_months_only(self) -> bool:
        """Whether the meters' months suffice."""
        return all(part in FEATURE_SETS for part in self.features.split("+"))

    def lacks(self, dataset: Dataset) -> str | None:
        """Say in one line what a data set lacks for the detector to be run; None when nothing."""
        return what_lacks(self.features, dataset)


DETECTORS: Registry[DetectorSpec] = Registry(
    "detector",
    builtin=(
        "ghostload.detection.outliers",
        "ghostload.detection.rules",
        "ghostload.detection.supervised",
        "ghostload.detection.with_grid",
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
