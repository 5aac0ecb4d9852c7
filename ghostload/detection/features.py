"""Features of a meter: raw months, months normalised by own past, class and transformer, and single simple numbers.

All are made from a :class:`~ghostload.detection.panel.Panel`, which holds no ground truth. They work for any number of
months from 1 and any number of meters from 1, and are always finite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.groups import group_median, neighbour_mean
from ghostload.detection.panel import Panel, panel_of
from ghostload.detection.steps import largest_steps
from ghostload.errors import UsageError, did_you_mean
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

SMALL_KWH = 1.0
"""Added before a logarithm or a ratio of monthly energies, so that a zero stays finite: far below a real month."""

FLOOR = 0.05
"""Added to a month's share of the own mean before a logarithm: months below some 5 % of the mean look alike."""


@dataclass(frozen=True)
class FeatureTable:
    """Named feature columns.

    Attributes
    ----------
    names : tuple of str
    values : (N, F) array
    """

    names: tuple[str, ...]
    values: FloatArray

    def select(self, names: Sequence[str]) -> FeatureTable:
        """Return some of the columns, in the order asked for."""
        for name in names:
            if name not in self.names:
                raise UsageError(f"unknown feature {name!r}{did_you_mean(name, self.names)}")
        positions = [self.names.index(name) for name in names]
        return FeatureTable(tuple(names), np.ascontiguousarray(self.values[:, positions]))


def raw_features(dataset: Dataset) -> FeatureTable:
    """Return the monthly columns as they stand, in kWh: what the seed's recipe is fed with."""
    return FeatureTable(dataset.month_columns, panel_of(dataset).registered_kwh)


def normalised_features(dataset: Dataset) -> FeatureTable:
    """Return features relative to the meter's own past, its class and its transformer.

    ======================  ========================================================================================
    ``over_mean_YYYYMM``    month over the meter's own mean (T columns)
    ``log_mean``            log(1 + mean kWh)
    ``vs_class``            log of the mean over the median mean of the class
    ``vs_neighbours``       ``vs_class`` less the mean ``vs_class`` of the other meters at the transformer
    ``last_first``          log of the last quarter's mean month over the first quarter's
    ``change_vs_class``     the same, after the class's common monthly profile is divided out
    ``change_vs_neighbours``  the same, less the mean change of the other meters at the transformer
    ``drop``, ``drop_size``   largest fall against own past: in units of own noise, and as a log ratio
    ``rise``, ``rise_size``   largest rise, likewise
    ``cv``                  standard deviation over mean
    ``zeros``               share of months with zero
    ``repeats``             share of months that equal the month before
    ``min_over_mean``, ``max_over_mean``
    ======================  ========================================================================================
    """
    panel = panel_of(dataset)
    over_mean = own_profile(panel)
    names = [f"over_mean_{month}" for month in panel.months]
    columns = {**_level(panel), **_shape(panel, over_mean), **_change(panel, over_mean)}
    values = np.column_stack([over_mean, *columns.values()])
    return FeatureTable((*names, *columns), values)


def simple_features(dataset: Dataset) -> dict[str, FloatArray]:
    """Return single numbers that must not give theft away on their own; each is an (N,) array.

    Used by the check that no simple feature separates the labels. ``kwh_per_kva`` is there because dividing the two
    columns is the first thing that anybody would try.
    """
    panel = panel_of(dataset)
    mean = panel.registered_kwh.mean(axis=1)
    class_mean = group_mean_by(panel, mean)
    others = neighbour_mean(mean / class_mean, panel.group_code, alone=1.0)
    return {
        "mean": mean,
        "median": np.median(panel.registered_kwh, axis=1),
        "last_over_first": _last_over_first(panel.registered_kwh),
        "ratio_to_class": mean / class_mean,
        "ratio_to_transformer": mean / class_mean / np.maximum(others, 1e-9),
        "kva": panel.kva,
        "kwh_per_kva": mean / np.maximum(panel.kva, 1e-9),
        "zeros": np.mean(panel.registered_kwh == 0, axis=1),
        "cv": _cv(panel.registered_kwh),
    }


def utilisation_features(dataset: Dataset) -> FeatureTable:
    """Return ``log_kwh_per_kva`` alone: registered energy over the kVA, in logs, less the class median."""
    panel = panel_of(dataset)
    ratio = np.log(panel.registered_kwh.mean(axis=1) + SMALL_KWH) - np.log(panel.kva + 0.01)
    return FeatureTable(("log_kwh_per_kva",), ratio[:, None] - group_median(ratio[:, None], panel.class_code))


FEATURE_SETS: dict[str, Callable[[Dataset], FeatureTable]] = {
    "raw": raw_features,
    "normalised": normalised_features,
    "utilisation": utilisation_features,
}
"""Feature sets that a detector may ask for by name."""


def own_profile(panel: Panel) -> FloatArray:
    """Return each month over the meter's own mean, (N, T); ones for a meter that registered nothing at all."""
    mean = panel.registered_kwh.mean(axis=1, keepdims=True)
    values = panel.registered_kwh
    profile: FloatArray = np.divide(values, mean, out=np.ones_like(values), where=mean > 0)
    return profile


def group_mean_by(panel: Panel, values: FloatArray) -> FloatArray:
    """Return for each meter the mean of its class, never zero."""
    sums = np.bincount(panel.class_code, weights=values)
    means = sums / np.maximum(np.bincount(panel.class_code), 1)
    return np.where(means > 0, means, 1.0)[panel.class_code]


def _level(panel: Panel) -> dict[str, FloatArray]:
    log_mean = np.log(panel.registered_kwh.mean(axis=1) + SMALL_KWH)
    vs_class = log_mean - group_median(log_mean[:, None], panel.class_code)[:, 0]
    return {
        "log_mean": log_mean,
        "vs_class": vs_class,
        "vs_neighbours": vs_class - neighbour_mean(vs_class, panel.group_code, alone=0.0),
    }


def _shape(panel: Panel, over_mean: FloatArray) -> dict[str, FloatArray]:
    values = panel.registered_kwh
    same = values[:, 1:] == values[:, :-1]
    return {
        "last_first": np.log(_last_over_first(values)),
        "cv": _cv(values),
        "zeros": np.mean(values == 0, axis=1),
        "repeats": same.mean(axis=1) if same.shape[1] else np.zeros(len(values)),
        "min_over_mean": over_mean.min(axis=1),
        "max_over_mean": over_mean.max(axis=1),
    }


def _change(panel: Panel, over_mean: FloatArray) -> dict[str, FloatArray]:
    logs = np.log(over_mean + FLOOR)
    relative = logs - group_median(logs, panel.class_code)
    first, last = _parts(panel.num_months)
    change = relative[:, last].mean(axis=1) - relative[:, first].mean(axis=1)
    steps = largest_steps(relative)
    return {
        "change_vs_class": change,
        "change_vs_neighbours": change - neighbour_mean(change, panel.group_code, alone=0.0),
        "drop": steps.drop,
        "drop_size": steps.drop_size,
        "rise": steps.rise,
        "rise_size": steps.rise_size,
    }


def _parts(num_months: int) -> tuple[slice, slice]:
    """First and last quarter of the months, at least one month each."""
    length = max(1, num_months // 4)
    return slice(0, length), slice(num_months - length, num_months)


def _last_over_first(values: FloatArray) -> FloatArray:
    first, last = _parts(values.shape[1])
    ratio: FloatArray = (values[:, last].mean(axis=1) + SMALL_KWH) / (values[:, first].mean(axis=1) + SMALL_KWH)
    return ratio


def _cv(values: FloatArray) -> FloatArray:
    mean = values.mean(axis=1)
    cv: FloatArray = np.divide(values.std(axis=1), mean, out=np.zeros(len(values)), where=mean > 0)
    return cv
