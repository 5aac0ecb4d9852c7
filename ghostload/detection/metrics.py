"""How good a ranking is: average precision, what an inspection budget finds, and what it costs in false alarms.

Everything is computed at once for the meters as they are and for bootstrap replicates, which draw whole transformers:
neighbours share feeder, barangay and sometimes a thief, so single meters are not independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ghostload.detection.folds import BOOTSTRAP_ADDRESS
from ghostload.detection.ranking import Ranking, average_precision_of, ratio, roc_auc_of
from ghostload.detection.truth import Truth
from ghostload.errors import UsageError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

BUDGETS = (0.01, 0.02, 0.05)
"""Shares of all meters that are inspected."""

PREVALENCES = (0.005, 0.01, 0.05)
"""Shares of thieves at which the precision is foretold."""

LEVEL = 0.95
"""Coverage of the bootstrap intervals."""

_CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A figure with its bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def average_precision(is_theft: FloatArray, scores: FloatArray) -> float:
    """Return the average precision of one ranking; NaN without thieves."""
    positive, weight, _ = _one(is_theft, scores)
    return float(average_precision_of(positive, weight)[0])


def roc_auc(is_theft: FloatArray, scores: FloatArray) -> float:
    """Return the area under the ROC curve of one ranking; NaN with one class alone."""
    positive, weight, _ = _one(is_theft, scores)
    return float(roc_auc_of(positive, weight)[0])


def precision_at_k(is_theft: FloatArray, scores: FloatArray, k: int) -> float:
    """Return the share of thieves among the ``k`` highest scores, expected over a random order of ties."""
    found = share_found(is_theft, scores, k)
    return found * float(np.sum(is_theft)) / k if np.any(is_theft) else 0.0


def share_found(amount: FloatArray, scores: FloatArray, k: int) -> float:
    """Return the share of a total that lies in the ``k`` highest scores: recall for labels, energy for kWh.

    Parameters
    ----------
    amount : (N,) array
        What each meter is worth: 0 or 1, or its lost kWh. Not negative.
    scores : (N,) array
    k : int
        Meters inspected, 1 to N.
    """
    _, weight, ranking = _one(amount, scores)
    if not 1 <= k <= len(scores):
        raise UsageError(f"k: is {k}, must be from 1 to the number of meters ({len(scores)})")
    taken = ranking.taken(weight, np.array([float(k)]))[0]
    amounts = np.asarray(amount, dtype=np.float64)
    return float(ratio(np.array([taken @ amounts[ranking.order]]), np.array([amounts.sum()]))[0])


def _one(amount: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray, Ranking]:
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != np.shape(amount) or values.ndim != 1 or not np.isfinite(values).all():
        raise UsageError("scores: must be one finite number for each meter")
    ranking = Ranking(values)
    ordered = np.asarray(amount, dtype=np.float64)[ranking.order][None, :]
    return ranking.blocks(ordered), ranking.blocks(np.ones_like(ordered)), ranking


def evaluate(
    scores: FloatArray,
    truth: Truth,
    *,
    budgets: Sequence[float] = BUDGETS,
    prevalences: Sequence[float] = PREVALENCES,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return every metric of one ranking, by name.

    ===============================  ================================================================================
    ``ap``, ``roc_auc``              average precision (headline) and area under the ROC curve
    ``precision@theft_count``        share of thieves among as many meters as there are thieves
    ``precision@1%``                 share of thieves among the inspected 1 % of meters, likewise 2 % and 5 %
    ``recall@1%``                    share of the thieves that is inspected
    ``kwh_recovered@1%``             share of the energy lost to theft that is inspected
    ``recall@1%/KIND``               share of the thieves of one kind that is inspected
    ``flagged@1%/LOOK_ALIKE``        share of the honest meters with that fault or benign event that is inspected
    ``alarms@1%/LOOK_ALIKE``         share of the false alarms that has that fault or benign event
    ``alarms@1%/ordinary``           share of the false alarms that has none
    ``precision@1%/prevalence=0.5%`` precision with the same rates of hits and false alarms at another share of thieves
    ===============================  ================================================================================

    Parameters
    ----------
    scores : (N,) array
        Finite; the higher the more suspicious.
    truth : Truth
    budgets : sequence of float
        Shares of all meters, above 0 up to 1; at least one meter is inspected.
    prevalences : sequence of float
    n_bootstrap : int
        Replicates; 0 for no intervals. With one transformer alone there are no intervals.
    seed : int
        Of the replicates, which are the same for every detector.

    Raises
    ------
    UsageError
        The scores are not one finite number a meter, or a budget is out of range.
    """
    _one(truth.is_theft.astype(np.float64), scores)
    for budget in budgets:
        if not 0 < budget <= 1:
            raise UsageError(f"budgets: {budget:g} is not a share of the meters; must be above 0 and at most 1")
    ranking = Ranking(np.asarray(scores, dtype=np.float64))
    chunks = [
        _evaluate(ranking, truth, weights, budgets, prevalences) for weights in _weightings(truth, n_bootstrap, seed)
    ]
    joined = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return {name: _estimate(values) for name, values in joined.items()}


def inspected(num_meters: int, budget: float) -> int:
    """Return how many meters a budget inspects: the nearest whole number, at least 1."""
    return max(1, int(budget * num_meters + 0.5))


def _weightings(truth: Truth, n_bootstrap: int, seed: int) -> Iterator[FloatArray]:
    """Ones for the meters as they are, then how often each replicate drew each meter's transformer, in chunks."""
    num_meters = len(truth.is_theft)
    yield np.ones((1, num_meters))
    num_groups = int(truth.group_code.max()) + 1
    if num_groups < 2 or n_bootstrap < 1:
        return
    rng = Streams(seed).of(Stage.EVALUATION, BOOTSTRAP_ADDRESS)
    drawn = rng.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=n_bootstrap).astype(np.float64)
    rows = max(1, _CHUNK_CELLS // num_meters)
    for start in range(0, n_bootstrap, rows):
        yield drawn[start : start + rows, truth.group_code]


def _evaluate(
    ranking: Ranking, truth: Truth, weights: FloatArray, budgets: Sequence[float], prevalences: Sequence[float]
) -> dict[str, FloatArray]:
    """Every metric for each row of (B, N) weights; NaN where it is not defined."""
    order, num_meters = ranking.order, len(truth.is_theft)
    weights = weights[:, order]
    theft = truth.is_theft[order].astype(np.float64)
    block_weights = ranking.blocks(weights)
    block_theft = ranking.blocks(weights * theft)
    totals = _Totals(weights, truth, order)
    result = {
        "ap": average_precision_of(block_theft, block_weights),
        "roc_auc": roc_auc_of(block_theft, block_weights),
    }
    taken = ranking.taken(block_weights, totals.theft) * weights
    result["precision@theft_count"] = ratio(taken @ theft, totals.theft)
    for budget in budgets:
        part = inspected(num_meters, budget) / num_meters
        taken = ranking.taken(block_weights, part * totals.all) * weights
        result.update(_at_budget(f"@{100 * budget:g}%", taken, totals, prevalences))
    return result


class _Totals:
    """What there is to be found under each weighting: the columns of ``amounts``, and their sums."""

    def __init__(self, weights: FloatArray, truth: Truth, order: IntArray) -> None:
        honest = ~truth.is_theft
        ordinary = honest & ~np.logical_or.reduce([honest & False, *truth.look_alikes.values()])
        columns: Mapping[str, np.ndarray] = {
            "theft": truth.is_theft,
            "lost": np.zeros(len(order)) if truth.lost_kwh is None else truth.lost_kwh,
            "ordinary": ordinary,
            **{f"kind/{name}": mask for name, mask in truth.kinds.items()},
            **{f"like/{name}": mask for name, mask in truth.look_alikes.items()},
        }
        self.kinds, self.look_alikes = tuple(truth.kinds), tuple(truth.look_alikes)
        self._names = tuple(columns)
        self._amounts = np.column_stack([column[order].astype(np.float64) for column in columns.values()])
        self.all = weights.sum(axis=1)
        self.sums = self.of(weights)
        self.theft = self.sums["theft"]

    def of(self, taken: FloatArray) -> dict[str, FloatArray]:
        """Sum of every column over what is taken, (B,) each."""
        return dict(zip(self._names, (taken @ self._amounts).T, strict=True))


def _at_budget(at: str, taken: FloatArray, totals: _Totals, prevalences: Sequence[float]) -> dict[str, FloatArray]:
    flagged, found, sums = taken.sum(axis=1), totals.of(taken), totals.sums
    alarms, honest = flagged - found["theft"], totals.all - totals.theft
    hit_rate, alarm_rate = ratio(found["theft"], totals.theft), ratio(alarms, honest)
    result = {f"precision{at}": ratio(found["theft"], flagged), f"recall{at}": hit_rate}
    lost = ratio(found["lost"], sums["lost"])
    result[f"kwh_recovered{at}"] = lost
    for kind in totals.kinds:
        result[f"recall{at}/{kind}"] = ratio(found[f"kind/{kind}"], sums[f"kind/{kind}"])
    for kind in totals.look_alikes:
        result[f"flagged{at}/{kind}"] = ratio(found[f"like/{kind}"], sums[f"like/{kind}"])
    for kind in totals.look_alikes:
        result[f"alarms{at}/{kind}"] = ratio(found[f"like/{kind}"], np.where(alarms > 1e-9, alarms, 0.0))
    result[f"alarms{at}/ordinary"] = ratio(found["ordinary"], np.where(alarms > 1e-9, alarms, 0.0))
    for share in prevalences:
        hits, false = share * hit_rate, (1 - share) * alarm_rate
        result[f"precision{at}/prevalence={100 * share:g}%"] = ratio(hits, hits + false)
    return result


def _estimate(values: FloatArray) -> Estimate:
    """First the value, then the replicates: percentile interval over those in which the metric is defined."""
    point = float(values[0]) if np.isfinite(values[0]) else None
    replicates = values[1:][np.isfinite(values[1:])]
    if point is None or len(replicates) < max(1, (len(values) - 1) / 2):
        return Estimate(point)
    low, high = np.quantile(replicates, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(point, float(low), float(high))
