"""All feature sets by name, what each needs, and sets put side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.balance import balance_features, lacks_balance
from ghostload.detection.features import FEATURE_SETS, FeatureTable
from ghostload.detection.interval_balance import interval_balance_features
from ghostload.detection.interval_features import interval_features
from ghostload.detection.seen import lacks_delivered, lacks_readings, lacks_voltage
from ghostload.detection.voltage_features import voltage_features
from ghostload.errors import RegistrationError, did_you_mean

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

GRID_SETS: dict[str, Callable[[Dataset], FeatureTable]] = {
    "balance": balance_features,
    "intervals": interval_features,
    "interval_balance": interval_balance_features,
    "voltage": voltage_features,
}
"""Feature sets beyond :data:`~ghostload.detection.features.FEATURE_SETS`, which need more than the meters' months."""

LACKS: dict[str, Callable[[Dataset], str | None]] = {
    "balance": lacks_balance,
    "intervals": lacks_readings,
    "interval_balance": lacks_delivered,
    "voltage": lacks_voltage,
}
"""For sets that not every data set can give: what a data set lacks, in one line, or None."""


def parts_of(features: str, detector: str) -> tuple[str, ...]:
    """Return the names of the sets that stand side by side in ``normalised+balance``, or refuse an unknown one."""
    parts = tuple(features.split("+"))
    known = (*FEATURE_SETS, *GRID_SETS)
    for part in parts:
        if part not in known:
            raise RegistrationError(f"detector {detector!r}: unknown feature set {part!r}{did_you_mean(part, known)}")
    return parts


def features_of(part: str, dataset: Dataset) -> FeatureTable:
    """Return one feature set of a data set."""
    return (FEATURE_SETS if part in FEATURE_SETS else GRID_SETS)[part](dataset)


def side_by_side(tables: list[FeatureTable]) -> FeatureTable:
    """Return feature tables of the same meters as one."""
    if len(tables) == 1:
        return tables[0]
    names = tuple(name for table in tables for name in table.names)
    return FeatureTable(names, np.column_stack([table.values for table in tables]))


USES: dict[str, tuple[str, ...]] = {
    "balance": ("months", "balance"),
    "intervals": ("intervals",),
    "interval_balance": ("intervals", "balance"),
    "voltage": ("intervals", "balance", "voltage"),
}
"""What a utility has to have for a set beyond its meters' months."""


def uses_of(features: str) -> str:
    """Say in a few words what feature sets are made of: months, intervals, balance, voltage."""
    used = {word for part in features.split("+") for word in USES.get(part, ("months",))}
    return ", ".join(word for word in ("months", "intervals", "balance", "voltage") if word in used)


def what_lacks(features: str, dataset: Dataset) -> str | None:
    """Say in one line what a data set lacks for some feature sets; None when nothing."""
    for part in features.split("+"):
        missing = LACKS[part](dataset) if part in LACKS else None
        if missing is not None:
            return missing
    return None
