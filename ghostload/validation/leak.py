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
from ghostload.validation.pieces import pieces

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
    return _auc(np.sort(values), np.sort(values[positive]))


def _auc(ordered: FloatArray, chosen: FloatArray) -> float:
    """Return the area under the ROC curve from all values and those of the positive, both sorted."""
    ranks, p = 0.0, len(chosen)
    for span in pieces(p):
        some = chosen[span]
        ranks += float((np.searchsorted(ordered, some, "left") + np.searchsorted(ordered, some, "right") + 1).sum()) / 2
    return float((ranks - p * (p + 1) / 2) / (p * (len(ordered) - p)))


def chance_error(positive: int, negative: int) -> float:
    """Return the standard deviation of the AUC of a feature that tells nothing (Mann and Whitney, 1947)."""
    return float(np.sqrt((positive + negative + 1) / (12.0 * positive * negative)))


def _enough(positive: int, negative: int) -> bool:
    """Whether an AUC beyond the limit would be more than chance."""
    return bool(positive and negative) and STANDARD_ERRORS * chance_error(positive, negative) <= LIMIT - 0.5


@register(subject="leak", severities=tuple(Severity))
def no_single_feature_leak(context: Context) -> Iterable[Finding]:
    """Check that no single simple feature separates the labelled meters from the others: AUC within .05 to .95.

    An ERROR; a WARNING in a set whose own config says ``difficulty: easy``, for features of the energy.
    """
    listed = context.is_listed
    positive = int(np.count_nonzero(listed))
    if not _enough(positive, len(listed) - positive):
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
    if len(listed) > 2 * SCREEN_METERS:
        sample = np.sort(np.concatenate([_spread(listed, wanted) for wanted in (True, False)]))
        if not _beyond(context, listed, sample, SCREEN_LIMIT):
            return {}
    return _beyond(context, listed, None, LIMIT)


def _spread(listed: BoolArray, wanted: bool) -> IntArray:
    """Return at most about :data:`SCREEN_METERS` of the rows that are listed, or not, evenly spread."""
    count = int(np.count_nonzero(listed))
    step, seen, found = max(1, (count if wanted else len(listed) - count) // SCREEN_METERS), 0, []
    for span in pieces(len(listed)):
        rows = np.flatnonzero(listed[span] == wanted) + span.start
        found.append(rows[-seen % step :: step])
        seen += len(rows)
    return np.concatenate(found)


def _beyond(context: Context, listed: BoolArray, rows: IntArray | None, limit: float) -> dict[str, tuple[float, bool]]:
    """Return the features of some rows, or of all, that tell more than a limit: AUC, and whether it is about energy."""
    count = len(listed) if rows is None else len(rows)
    labels = listed if rows is None else listed[rows]

    kinds: list[tuple[str, bool]] = []
    columns = np.empty((0, count))
    for span in pieces(count):
        features = list(simple_features(context, span if rows is None else rows[span]))
        if not kinds:
            kinds = [(feature.name, feature.about_energy) for feature in features]
            columns = context.scratch.zeros((len(kinds), count))
        for column, feature in zip(columns, features, strict=True):
            column[span] = feature.values
    found = {}
    for (name, about_energy), values in zip(kinds, columns, strict=True):
        auc = _auc_of(context, values, labels)
        if auc is not None and max(auc, 1.0 - auc) > limit:
            found[name] = (auc, about_energy)
    return found


def _auc_of(context: Context, values: FloatArray, labels: BoolArray) -> float | None:
    """Return the AUC of the values that are known, None when they are too few; the values are sorted in place."""
    known = positive = 0
    for span in pieces(len(values)):
        there = ~np.isnan(values[span])
        known += int(np.count_nonzero(there))
        positive += int(np.count_nonzero(there & labels[span]))
    if not _enough(positive, known - positive):
        return None
    chosen, size = context.scratch.zeros(positive), 0
    for span in pieces(len(values)):
        some = values[span][labels[span]]
        some = some[~np.isnan(some)]
        chosen[size : size + len(some)] = some
        size += len(some)
    chosen.sort()
    values.sort()
    return _auc(values[:known], chosen)


@register(subject="leak")
def no_truth_in_tables(context: Context) -> Iterable[Finding]:
    """Check that no column of transformers.csv or meter_consumption.csv tells the ground truth by its name."""
    for name in ("transformers", "meters"):
        columns = context.table(name).column_names
        telling = [c for c in columns if TRUTH_NAME.search(c) and kind_of(c, TABLES[name]) is None]
        if telling:
            cure = "take them away; truth belongs in anomaly_labels.csv"
            yield error("columns tell the ground truth", cure, table=name, ids=telling)
