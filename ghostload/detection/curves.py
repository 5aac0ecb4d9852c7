"""Curves of a ranking, thinned to what a picture can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.detection.ranking import Ranking
from ghostload.detection.truth import Truth
from ghostload.streams import FloatArray

BUDGET_END = 0.2
"""Where the budget axis ends, as a share of all meters."""

POINTS = 101


@dataclass(frozen=True)
class Curves:
    """Points of the curves of one detector.

    Attributes
    ----------
    recall, precision : (P,) arrays
        Precision when the recall is first reached; within a block of ties, that of the whole block.
    budget : (P,) array
        Shares of all meters inspected.
    thieves_found, kwh_recovered : (P,) arrays
        Shares found within the budget, expected over ties. ``kwh_recovered`` is None where no energy is known to be
        lost.
    """

    recall: FloatArray
    precision: FloatArray
    budget: FloatArray
    thieves_found: FloatArray
    kwh_recovered: FloatArray | None

    def as_lists(self) -> dict[str, list[float] | None]:
        """Return the points as plain lists, rounded to 6 digits."""
        return {
            name: None if points is None else [round(float(point), 6) for point in points]
            for name, points in vars(self).items()
        }


def curves_of(scores: FloatArray, truth: Truth) -> Curves:
    """Return the curves of one ranking; the truth holds thieves and honest meters."""
    ranking = Ranking(scores)
    ones = np.ones((1, len(scores)))
    seen = np.cumsum(ranking.blocks(ones)[0])
    theft = truth.is_theft.astype(np.float64)
    found = np.cumsum(ranking.blocks(theft[ranking.order][None, :])[0])
    recall = np.linspace(0, 1, POINTS)
    at = np.searchsorted(found, recall * found[-1] - 1e-9)
    at = np.minimum(at, len(found) - 1)
    budget = np.linspace(0, BUDGET_END, POINTS)
    inspected = budget * len(scores)
    recovered = None
    if truth.lost_kwh is not None and truth.lost_kwh.sum() > 0:
        lost = np.cumsum(ranking.blocks(truth.lost_kwh[ranking.order][None, :])[0])
        recovered = np.interp(inspected, np.r_[0, seen], np.r_[0, lost]) / lost[-1]
    return Curves(
        recall,
        found[at] / seen[at],
        budget,
        np.interp(inspected, np.r_[0, seen], np.r_[0, found]) / found[-1],
        recovered,
    )
