"""Checks that the labels cannot be read off: a benchmark on such a set measures nothing.

The area under the ROC curve (AUC) of a single feature is the share of pairs (thief, honest meter) in which the thief
has the larger value, a tie counting half: the Mann-Whitney statistic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ghostload.dataset.csv_table import kind_of
from ghostload.schema import TABLES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, Severity, error, info, warning
from ghostload.validation.leak_features import simple_features

LIMIT = 0.95
"""A feature with an AUC above this, or below 1 minus this, gives the labels away."""
SCREEN_LIMIT = 0.90
"""In a large set a feature is tried on a sample first; beyond this it is worked out on all meters."""
SCREEN_METERS = 20_000
STANDARD_ERRORS = 4.0
"""The limit has to be so many standard errors of chance from 1/2, or there are too few meters to tell."""
TRUTH_NAME = re.compile(
    r"anomal|theft|thief|thiev|fraud|risk_band|label|lost_kwh|tamper|ground_?truth|non_technical", re.IGNORECASE
)
"""Names that tell the ground truth."""


def rank_auc(values: FloatArray, positive: BoolArray) -> float:
    """Area under the ROC curve of one feature, ties counted half.

    Parameters
    ----------
    values : (n,) array
        No NaN.
    positive : (n,) array of bool
        At least one of each.

    Returns
    -------
    float
        0 to 1; 1/2 tells nothing.
    """
    ordered = np.sort(values)
    chosen = np.sort(values[positive])
    rank = (np.searchsorted(ordered, chosen, "left") + np.searchsorted(ordered, chosen, "right") + 1) / 2
    p = len(chosen)
    return float((rank.sum() - p * (p + 1) / 2) / (p * (len(values) - p)))


def chance_error(positive: int, negative: int) -> float:
    """Return the standard deviation of the AUC of a feature that tells nothing (Mann and Whitney, 1947)."""
    return float(np.sqrt((positive + negative + 1) / (12.0 * positive * negative)))


def _enough(labels: BoolArray) -> bool:
    """Whether an AUC beyond the limit would be more than chance."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    return bool(positive and negative) and STANDARD_ERRORS * chance_error(positive, negative) <= LIMIT - 0.5


@register(subject="leak", severities=tuple(Severity))
def no_single_feature_leak(context: Context) -> Iterable[Finding]:
    """Check that no single simple feature separates the labelled meters from the others: AUC within .05 to .95.

    An ERROR; a WARNING in a set whose own config says ``difficulty: easy``, for features of the energy.
    """
    listed = context.is_listed
    if not _enough(listed):
        positive = int(listed.sum())
        words = f"{positive} labelled and {len(listed) - positive} other meters are too few to tell a leak from chance"
        yield info(words, table="anomaly_labels")
        return
    easy = context.config is not None and context.config.difficulty == "easy"
    for name, (auc, about_energy) in _telling(context, listed).items():
        grade = warning if easy and about_energy else error
        message = f"{name} alone tells the labelled meters from the others: AUC {auc:.4f}"
        cure = "hide the thefts among the honest meters, or take away what gives them away"
        yield grade(message, cure, table="meters", column=name)


def _telling(context: Context, listed: BoolArray) -> dict[str, tuple[float, bool]]:
    """Return the AUC of each feature beyond the limit, and whether it is about energy."""
    everything = np.arange(len(listed))
    if len(listed) <= 2 * SCREEN_METERS:
        return _beyond(context, listed, everything, LIMIT)
    sample = np.concatenate([_spread(np.flatnonzero(listed)), _spread(np.flatnonzero(~listed))])
    if not _beyond(context, listed, np.sort(sample), SCREEN_LIMIT):
        return {}
    return _beyond(context, listed, everything, LIMIT)


def _spread(rows: IntArray) -> IntArray:
    """Return at most about :data:`SCREEN_METERS` rows, evenly spread."""
    return rows[:: max(1, len(rows) // SCREEN_METERS)]


def _beyond(context: Context, listed: BoolArray, rows: IntArray, limit: float) -> dict[str, tuple[float, bool]]:
    found = {}
    for feature in simple_features(context, rows):
        known = ~np.isnan(feature.values)
        labels = listed[rows][known]
        if not _enough(labels):
            continue
        auc = rank_auc(feature.values[known], labels)
        if max(auc, 1.0 - auc) > limit:
            found[feature.name] = (auc, feature.about_energy)
    return found


@register(subject="leak")
def no_truth_in_tables(context: Context) -> Iterable[Finding]:
    """Check that no column of transformers.csv or meter_consumption.csv tells the ground truth by its name."""
    for name in ("transformers", "meters"):
        columns = context.table(name).column_names
        telling = [c for c in columns if TRUTH_NAME.search(c) and kind_of(c, TABLES[name]) is None]
        if telling:
            cure = "take them away; truth belongs in anomaly_labels.csv"
            yield error("columns tell the ground truth", cure, table=name, ids=telling)
