"""Which kind of day each customer has: archetype, appliances, floor, absences; one row a meter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.consumption.archetypes import ARCHETYPES
from ghostload.consumption.calendar import MEAN_DAYS
from ghostload.consumption.shapes import LOAD_FACTOR
from ghostload.streams import FloatArray, IntArray, Stage, Streams

if TYPE_CHECKING:
    from ghostload.consumption.customers import Customers

AIR_CONDITIONED = (0.10, 0.35, 0.75)
"""Share of small, medium and large homes with a room air conditioner: an assumption; it rises with income."""
ALWAYS_AIR_CONDITIONED = "air-conditioned large home"
REFRIGERATOR_SHARES = (0.45, 0.80, 0.97)
REFRIGERATOR_CUTS_KWH = (40.0, 80.0)
"""Share of homes with a refrigerator by monthly energy: an assumption; below 40 kWh half of them cannot run one."""
REFRIGERATOR_W = 38.0
"""Mean power of one home refrigerator, some 330 kWh a year."""
BREAKER_OFF = (0.20, 0.28, 0.90)
"""Chance that a customer switches the main breaker off when leaving for days: of one who leaves no more than others,
what is added for each further average rate of leaving, and the most. Assumptions."""
LOAD_FACTOR_SPREAD = 0.25
_UNIFORMS = 8


@dataclass(frozen=True)
class Habits:
    """What interval demand needs to know of n customers beyond :class:`Customers`; each array has shape (n,).

    Attributes
    ----------
    archetype : array of int
        Position in :data:`ghostload.consumption.archetypes.ARCHETYPES`.
    appliance_w : array
        Power that the sizes of uses are shares of.
    floor_w, floor_share : array
        What never stops, in watts, and as a share of the mean.
    cooling_share, room_cooling_share : array
        Share of demand that cools all day, and by room air conditioners that are switched on.
    events_share : array
        Share of the rest that is switched on and off.
    day_sd : array
        Standard deviation over days of the logarithm of the day's level.
    shift_h : array
        By how much all hours are later.
    away_rate : array
        Chance that an absence begins on a day.
    breaker_off : array
        1 where nothing is drawn during an absence.
    threshold : array
        Activity below this is none, where nothing stands by.
    restless : array
        How much activity changes from one half hour and part of the day to the next; 1 for homes.
    usual_w : array
        Long-run mean power: what a month's energy is held against when its days of absence are counted.
    """

    archetype: IntArray
    appliance_w: FloatArray
    floor_w: FloatArray
    floor_share: FloatArray
    cooling_share: FloatArray
    room_cooling_share: FloatArray
    events_share: FloatArray
    day_sd: FloatArray
    shift_h: FloatArray
    away_rate: FloatArray
    breaker_off: FloatArray
    threshold: FloatArray
    restless: FloatArray
    usual_w: FloatArray

    def take(self, rows: IntArray) -> Habits:
        """Return the habits of the customers at some positions."""
        return Habits(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def columns(self) -> FloatArray:
        """All but the archetype as one (n, 13) array, in the order of the attributes."""
        return np.stack([getattr(self, f.name) for f in fields(self) if f.name != "archetype"], axis=1)


def join_habits(parts: Sequence[Habits]) -> Habits:
    """Return the habits of all customers of several parts, in their order."""
    return Habits(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Habits)})


def draw_habits(customers: Customers, streams: Streams) -> Habits:
    """Draw the habits of customers; a row depends on the seed and on the customer's own row alone.

    Parameters
    ----------
    customers : Customers
        Their peaks are not looked at.
    streams : Streams

    Returns
    -------
    Habits
    """
    stop = customers.start + len(customers)
    uniform = streams.uniform(Stage.CUSTOMER_ARCHETYPE, customers.start, stop, _UNIFORMS)
    normal = streams.normal(Stage.CUSTOMER_ARCHETYPE, customers.start, stop, 4, 1)
    archetype = _choose(customers, uniform[:, 0])
    home = customers.class_index == 0
    fridge = home & (uniform[:, 1] < _by_level(customers.level_kwh))
    cooled = home & (uniform[:, 2] < np.array(AIR_CONDITIONED)[customers.size_index])
    cooled |= archetype == [a.name for a in ARCHETYPES].index(ALWAYS_AIR_CONDITIONED)
    cooling = np.clip(customers.cooling, 0.02, 0.60)
    bare = home & ~fridge
    propensity = _propensity(uniform[:, 3])
    breaker_off = np.minimum(BREAKER_OFF[0] + BREAKER_OFF[1] * np.maximum(propensity - 1.0, 0.0), BREAKER_OFF[2])
    return Habits(
        archetype=archetype,
        appliance_w=1000.0 * customers.appliance_kw,
        floor_w=np.where(fridge, REFRIGERATOR_W * np.exp(0.25 * normal[:, 0]), 0.0),
        floor_share=np.where(bare, 0.0, _of("floor_share", archetype) + np.where(home, 0.05, 0.0)),
        cooling_share=np.where(cooled, 0.30 * cooling, np.where(home, np.minimum(0.4 * cooling, 0.16), cooling)),
        room_cooling_share=np.where(cooled, 0.50 * cooling, 0.0),
        events_share=np.clip(_of("events_share", archetype) * np.exp(0.15 * normal[:, 1]), 0.0, 0.9),
        day_sd=_of("day_sd", archetype) * np.exp(0.25 * normal[:, 2]),
        shift_h=_of("shift_sd_h", archetype) * np.clip(normal[:, 3], -2.5, 2.5),
        away_rate=_of("away_rate", archetype) * propensity,
        breaker_off=(uniform[:, 4] < np.where(bare, 1.0, breaker_off)).astype(np.float64),
        threshold=np.where(bare, 0.25 + 0.8 * uniform[:, 5], 0.0),
        restless=np.where(home, 1.0, 0.25),
        usual_w=1000.0 * customers.level_kwh / (24.0 * MEAN_DAYS),
    )


def _propensity(uniform: FloatArray) -> FloatArray:
    """Relative rate of absences, mean 1: a squared exponential, so that few are away often."""
    rate: FloatArray = np.minimum(0.5 * np.log1p(-np.minimum(uniform, 0.999)) ** 2, 10.0)
    return rate


def _by_level(level_kwh: FloatArray) -> FloatArray:
    shares: FloatArray = np.array(REFRIGERATOR_SHARES)[np.digitize(level_kwh, REFRIGERATOR_CUTS_KWH)]
    return shares


def _of(attribute: str, archetype: IntArray) -> FloatArray:
    values: FloatArray = np.array([float(getattr(a, attribute)) for a in ARCHETYPES])[archetype]
    return values


def _choose(customers: Customers, uniform: FloatArray) -> IntArray:
    """Choose among the archetypes of class and size; a high load factor makes the round-the-clock kinds likelier."""
    weights = np.zeros((len(CUSTOMER_CLASSES), 3, len(ARCHETYPES)))
    for index, kind in enumerate(ARCHETYPES):
        weights[kind.class_index, :, index] = kind.sizes
    typical = np.array([0.1, LOAD_FACTOR["commercial"], LOAD_FACTOR["industrial"]])[customers.class_index]
    load_factor = customers.level_kwh / (24.0 * MEAN_DAYS) / customers.appliance_kw
    high = np.log(load_factor / typical) / LOAD_FACTOR_SPREAD
    tilt = np.array([a.load_factor_tilt for a in ARCHETYPES])
    chances = weights[customers.class_index, customers.size_index] * np.exp(np.clip(high, -3, 3)[:, None] * tilt)
    edges = np.cumsum(chances, axis=1)
    chosen: IntArray = (edges <= (uniform * edges[:, -1])[:, None]).sum(axis=1).astype(np.int64)
    return chosen
