"""How the customer classes differ in the course of their demand.

One :class:`Shape` for each class and size class. The numbers are chosen so that the monthly statistics of the result
lie where real meters' do; ``reports/realism.md`` measures that. A number without another source is such a fit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.streams import FloatArray

SIZE_CLASSES = ("small", "medium", "large")
SIZE_CUTS = (0.6, 1.4)
"""A customer below the first multiple of its class mean is small, above the second large."""
LOAD_FACTOR = {"commercial": 0.35, "industrial": 0.45}
"""Mean over the power of the appliances, of businesses."""
POWER_FACTOR = {"residential": 0.95, "commercial": 0.90, "industrial": 0.87}


@dataclass(frozen=True)
class Shape:
    """Course of demand of one class and size; all of it on the logarithm of monthly energy unless said otherwise.

    Attributes
    ----------
    cooling : float
        Median share of demand that follows the cooling need; varies log-normally over customers.
    cooling_spread : float
        Standard deviation of its logarithm.
    own_season : float
        Median amplitude of the customer's own yearly wave, which has a phase of its own.
    noise : float
        Median standard deviation of month-to-month noise.
    noise_spread : float
        Standard deviation over customers of the logarithm of that.
    year_effect : float
        Standard deviation of the customer's level from year to year; growth is the line between two years.
    low_month_rate : float
        Chance that a spell of low demand (absence, repair, short closure) starts in a month.
    zero_share : float
        Share of those spells in which nothing is drawn.
    december : float
        Added in December: trade before Christmas, or closed works.
    """

    cooling: float
    cooling_spread: float
    own_season: float
    noise: float
    noise_spread: float
    year_effect: float
    low_month_rate: float
    zero_share: float
    december: float


_RESIDENTIAL = {
    "small": Shape(0.36, 0.45, 0.07, 0.125, 0.50, 0.095, 0.0030, 0.20, 0.02),
    "medium": Shape(0.46, 0.40, 0.07, 0.110, 0.50, 0.090, 0.0025, 0.12, 0.02),
    "large": Shape(0.54, 0.35, 0.07, 0.105, 0.50, 0.090, 0.0020, 0.08, 0.02),
}
_COMMERCIAL = {
    "small": Shape(0.22, 0.50, 0.06, 0.100, 0.45, 0.110, 0.0045, 0.30, 0.05),
    "medium": Shape(0.28, 0.45, 0.05, 0.080, 0.45, 0.090, 0.0025, 0.15, 0.06),
    "large": Shape(0.32, 0.40, 0.04, 0.060, 0.45, 0.070, 0.0010, 0.10, 0.06),
}
_INDUSTRIAL = {
    "small": Shape(0.08, 0.50, 0.06, 0.150, 0.45, 0.140, 0.0060, 0.25, -0.08),
    "medium": Shape(0.10, 0.50, 0.05, 0.120, 0.45, 0.120, 0.0040, 0.15, -0.07),
    "large": Shape(0.12, 0.50, 0.04, 0.100, 0.45, 0.100, 0.0020, 0.10, -0.06),
}
SHAPES = {"residential": _RESIDENTIAL, "commercial": _COMMERCIAL, "industrial": _INDUSTRIAL}


def shape_table(attribute: str) -> FloatArray:
    """Return one attribute of all shapes as a (class, size) array, for look-up by index."""
    if attribute not in {f.name for f in fields(Shape)}:
        raise AttributeError(f"Shape has no {attribute}")
    return np.array([[getattr(SHAPES[c][s], attribute) for s in SIZE_CLASSES] for c in CUSTOMER_CLASSES])
