"""Kinds of customers in the course of a day: when they are active, what they switch on, what always runs.

The numbers are assumptions about habits, chosen so that the statistics of half-hourly demand lie where real homes'
do (``reports/realism-intervals.md`` measures that); no public set of Metro Manila's half hours was found for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ghostload.consumption.appliances import BUSINESS, HOME, INDUSTRY, Slot

Hours = tuple[float, ...]


@dataclass(frozen=True)
class Archetype:
    """One kind of customer.

    Attributes
    ----------
    name : str
    class_index : int
        0 residential, 1 commercial, 2 industrial.
    sizes : (float, float, float)
        Weight among small, medium and large customers of its class.
    load_factor_tilt : float
        Positive where the kind is likelier among customers whose own load factor is high.
    work, saturday, sunday, quiet : 24 numbers
        Relative activity by hour: lights, screens, machines that run on.
    cooling : 24 numbers
        Hours in which rooms are cooled, on any day it is open.
    slots : tuple of Slot
        What is switched on.
    floor_share : float
        Share of the mean demand that never stops.
    events_share : float
        Share of what is left beside floor and cooling that is switched on and off, the rest being activity.
    day_sd : float
        Median standard deviation over days of the logarithm of the day's level.
    shift_sd_h : float
        Standard deviation over customers of the shift of all hours.
    away_rate : float
        Chance that an absence begins on a day.
    """

    name: str
    class_index: int
    sizes: tuple[float, float, float]
    load_factor_tilt: float
    work: Hours
    saturday: Hours
    sunday: Hours
    quiet: Hours
    cooling: Hours
    slots: tuple[Slot, ...] = field(repr=False)
    floor_share: float = 0.0
    events_share: float = 0.86
    day_sd: float = 0.34
    shift_sd_h: float = 0.8
    away_rate: float = 0.013


def _hours(*spans: tuple[float, int, int], base: float = 0.0) -> Hours:
    """Add a level over spans of hours to a base; a span may run past midnight."""
    levels = [base] * 24
    for level, start, stop in spans:
        for hour in range(start, stop):
            levels[hour % 24] += level
    return tuple(levels)


_EVENING = ((0.5, 17, 18), (1.0, 18, 22), (0.7, 22, 23), (0.3, 23, 24))
_AWAY = _hours((0.8, 5, 7), *_EVENING, base=0.22)
_AT_HOME = _hours((0.8, 5, 8), (0.4, 8, 17), *_EVENING, base=0.22)
_NIGHT_SLEEP = _hours((1.3, 20, 29), (0.6, 18, 20), base=0.25)
_HOME_HOT = _hours((1.1, 20, 29), (1.0, 11, 17), (0.6, 17, 20), base=0.3)


def _home(
    name: str,
    sizes: tuple[float, float, float],
    work: Hours,
    slots: tuple[Slot, ...],
    *,
    rest: Hours = _AT_HOME,
    cooling: Hours = _NIGHT_SLEEP,
    **more: float,
) -> Archetype:
    return Archetype(name, 0, sizes, 0.0, work, rest, rest, rest, cooling, slots, **more)


def _shifted(hours: Hours, by: int) -> Hours:
    return tuple(hours[(hour - by) % 24] for hour in range(24))


_HOMES = (
    _home("working family", (0.30, 0.32, 0.25), _AWAY, HOME.during_work(0.60)),
    _home("home all day", (0.20, 0.28, 0.25), _AT_HOME, HOME.during_work(1.0), cooling=_HOME_HOT),
    _home(
        "night shift",
        (0.08, 0.08, 0.05),
        _shifted(_AWAY, 10),
        HOME.during_work(0.8).later(9.0),
        rest=_shifted(_AT_HOME, 5),
        cooling=_hours((1.3, 7, 16), (0.5, 22, 30), base=0.25),
        shift_sd_h=1.5,
    ),
    _home(
        "evening-peaked small household",
        (0.24, 0.12, 0.03),
        _hours((0.4, 5, 7), *_EVENING, base=0.10),
        HOME.during_work(0.1),
        rest=_hours((0.5, 6, 9), (0.3, 9, 17), *_EVENING, base=0.12),
        day_sd=0.40,
        shift_sd_h=1.2,
        away_rate=0.018,
    ),
    _home(
        "home with a sari-sari shop",
        (0.08, 0.10, 0.10),
        _hours((0.9, 5, 21), (0.8, 18, 21), base=0.25),
        HOME.during_work(1.0),
        rest=_hours((0.9, 5, 21), (0.8, 18, 21), base=0.25),
        cooling=_HOME_HOT,
        floor_share=0.16,
        day_sd=0.26,
        away_rate=0.005,
    ),
    _home("air-conditioned large home", (0.02, 0.06, 0.26), _AT_HOME, HOME.during_work(0.7), cooling=_HOME_HOT),
    _home(
        "early risers",
        (0.08, 0.04, 0.06),
        _shifted(_AT_HOME, -1),
        HOME.during_work(1.0).later(-1.2),
        rest=_shifted(_AT_HOME, -1),
        cooling=_HOME_HOT,
        day_sd=0.28,
    ),
)


def _works(
    name: str,
    class_index: int,
    sizes: tuple[float, float, float],
    tilt: float,
    week: tuple[Hours, Hours, Hours, Hours],
    cooling: Hours,
    slots: tuple[Slot, ...],
    **more: float,
) -> Archetype:
    work, saturday, sunday, quiet = week
    settings = {"away_rate": 0.001} | more
    return Archetype(name, class_index, sizes, tilt, work, saturday, sunday, quiet, cooling, slots, **settings)


_SHOP = _hours((1.0, 9, 20), (0.3, 8, 9), base=0.08)
_OFFICE = _hours((1.0, 8, 17), (0.6, 7, 8), (0.7, 17, 18), (0.5, 18, 20), base=0.20)
_CLOSED = _hours(base=0.12)
_REST = _hours(base=0.20)
_KITCHEN = _hours((0.6, 8, 11), (1.0, 11, 14), (0.6, 14, 17), (1.1, 17, 22), base=0.10)
_ALWAYS = _hours((0.3, 7, 9), (0.8, 9, 22), (0.3, 22, 23), base=1.0)
_ONE_SHIFT = _hours((1.0, 7, 17), (0.6, 6, 7), (0.7, 17, 18), (0.5, 18, 20), base=0.28)
_TWO_SHIFTS = _hours((1.0, 6, 22), (0.5, 5, 6), (0.5, 22, 23), base=0.28)
_THREE_SHIFTS = _hours((0.15, 7, 17), base=1.0)
_DAY_AND_NIGHT = _hours((0.3, 6, 18), base=1.0)
_HALF_DAY = _hours((0.7, 8, 13), base=0.12)

_COMMERCE = (
    _works(
        "shop",
        1,
        (0.45, 0.35, 0.20),
        -0.2,
        (_SHOP, _SHOP, _hours((0.9, 9, 20), base=0.08), _CLOSED),
        _hours((1.0, 9, 20), base=0.05),
        BUSINESS.open_hours(9.0, 20.0),
        floor_share=0.14,
        events_share=0.20,
        day_sd=0.08,
        away_rate=0.002,
    ),
    _works(
        "office",
        1,
        (0.20, 0.25, 0.35),
        -0.3,
        (_OFFICE, _HALF_DAY, _REST, _REST),
        _hours((1.0, 8, 18), (0.5, 7, 8), (0.5, 18, 20), base=0.12),
        BUSINESS.open_hours(8.0, 17.0, sunday=0.05, saturday=0.4),
        floor_share=0.24,
        events_share=0.18,
        day_sd=0.07,
        shift_sd_h=0.5,
    ),
    _works(
        "restaurant",
        1,
        (0.25, 0.20, 0.10),
        0.0,
        (_KITCHEN, _KITCHEN, _KITCHEN, _hours((0.5, 11, 21), base=0.1)),
        _hours((1.0, 10, 22), base=0.05),
        BUSINESS.open_hours(9.0, 22.0, sunday=1.1),
        floor_share=0.20,
        events_share=0.35,
        day_sd=0.10,
    ),
    _works(
        "round the clock",
        1,
        (0.10, 0.20, 0.35),
        0.6,
        (_ALWAYS, _ALWAYS, _ALWAYS, _ALWAYS),
        _hours((0.7, 8, 22), base=0.7),
        BUSINESS.open_hours(0.0, 24.0, sunday=1.0),
        floor_share=0.25,
        events_share=0.35,
        day_sd=0.07,
        away_rate=0.0005,
    ),
)
_INDUSTRY = (
    _works(
        "one shift",
        2,
        (0.55, 0.30, 0.10),
        -0.8,
        (_ONE_SHIFT, _ONE_SHIFT, _REST, _REST),
        _hours((1.0, 7, 17), base=0.05),
        INDUSTRY.open_hours(7.0, 17.0, sunday=0.03, saturday=0.9),
        floor_share=0.24,
        events_share=0.18,
        day_sd=0.06,
        shift_sd_h=0.6,
    ),
    _works(
        "two shifts",
        2,
        (0.25, 0.30, 0.30),
        -0.1,
        (_TWO_SHIFTS, _TWO_SHIFTS, _REST, _REST),
        _hours((1.0, 6, 22), base=0.05),
        INDUSTRY.open_hours(6.0, 22.0, sunday=0.05, saturday=0.9),
        floor_share=0.16,
        events_share=0.20,
        day_sd=0.06,
        shift_sd_h=0.5,
    ),
    _works(
        "three shifts",
        2,
        (0.10, 0.30, 0.50),
        0.6,
        (_THREE_SHIFTS, _THREE_SHIFTS, _hours(base=0.75), _hours(base=0.3)),
        _hours(base=1.0),
        INDUSTRY.open_hours(0.0, 24.0, sunday=0.7),
        floor_share=0.20,
        events_share=0.26,
        day_sd=0.05,
        shift_sd_h=0.5,
    ),
    _works(
        "cold store",
        2,
        (0.10, 0.10, 0.10),
        0.5,
        (_DAY_AND_NIGHT, _DAY_AND_NIGHT, _DAY_AND_NIGHT, _DAY_AND_NIGHT),
        _hours(base=1.0),
        INDUSTRY.open_hours(0.0, 24.0, sunday=1.0),
        floor_share=0.35,
        events_share=0.50,
        day_sd=0.06,
    ),
)

ARCHETYPES: tuple[Archetype, ...] = (*_HOMES, *_COMMERCE, *_INDUSTRY)
"""The order is part of the data."""
