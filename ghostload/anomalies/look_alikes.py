"""Faults and benign events: what makes theft hard to tell.

They are drawn by calendar year, so that another window has the same events in the months that both hold.
"""

from __future__ import annotations

import numpy as np

from ghostload.anomalies.base import AnomalyKind, Family
from ghostload.anomalies.difficulty import PROFILES
from ghostload.anomalies.events import MAX_PARAMETERS, Events, KeptEvents, join
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.theft import LONGEST_BEFORE, refuse_companions
from ghostload.anomalies.timing import Spans, geometric_months
from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.errors import ConfigError
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams, spans

_LIFELONG = 0
"""Address of the draws of kinds that began before any data; calendar years are the others."""


def draw_look_alikes(config: GeneratorConfig, customers: Customers, numbers: IntArray, streams: Streams) -> Events:
    """Draw the faults and benign events of a range of meters.

    The rate of a kind is the share of meters on which it begins within a year, or, for lifelong kinds, that has it.
    A meter has at most one event a year, and at most one lifelong one.

    Parameters
    ----------
    config : GeneratorConfig
    customers : Customers
    numbers : (T,) array of int
        Month numbers of the data.
    streams : Streams

    Returns
    -------
    Events, in the order of their meters.

    Raises
    ------
    ConfigError
        When the rates of a year add up to more than 1, or a kind is a theft or comes with one.
    """
    kinds = tuple(sorted(config.anomalies.look_alikes))
    _refuse_theft(kinds)
    refuse_companions("anomalies.look_alikes", kinds)
    factor = PROFILES[config.difficulty].look_alike_factor
    rates = np.array([config.anomalies.look_alikes[k] * factor for k in kinds])
    lifelong = np.array([KINDS.get(k).lifelong for k in kinds], dtype=bool)
    for chosen, what in ((lifelong, "lifelong kinds"), (~lifelong, "the other kinds")):
        if rates[chosen].sum() > 1.0:
            raise ConfigError(
                f"anomalies.look_alikes: rates of {what} add up to {rates[chosen].sum():g} at difficulty "
                f"{config.difficulty}, must be 1 at most"
            )
    parts = [_draw(customers, kinds, np.where(lifelong, rates, 0.0), _LIFELONG, numbers, streams)]
    for year in range(int(numbers[0]) // 12 - 1, int(numbers[-1]) // 12 + 1):
        parts.append(_draw(customers, kinds, np.where(lifelong, 0.0, rates), year, numbers, streams))
    return join(parts)


def with_look_alikes(
    thefts: Events,
    config: GeneratorConfig,
    customers: Customers,
    numbers: IntArray,
    streams: Streams,
    scratch: Scratch | None = None,
) -> Events:
    """Add the faults and benign events of all meters to the thefts; see :func:`draw_look_alikes`.

    Parameters
    ----------
    thefts : Events
    config : GeneratorConfig
    customers : Customers
        All customers.
    numbers : (T,) array of int
    streams : Streams
    scratch : Scratch, optional
        Where the events lie.

    Returns
    -------
    Events, in the order of their meters.
    """
    kept = KeptEvents(scratch or Scratch())
    for part in spans(len(customers)):
        own = customers.rows(part.start, part.stop)
        added = draw_look_alikes(config, own, numbers, streams)
        kept.add(join([thefts.of_meters(part.start, part.stop), added]))
    return kept.whole()


def _refuse_theft(kinds: tuple[str, ...]) -> None:
    for name in kinds:
        if KINDS.get(name).family is Family.THEFT:
            raise ConfigError(f"anomalies.look_alikes.{name}: is a theft; give it a share of anomalies.mix instead")


def _draw(
    customers: Customers, kinds: tuple[str, ...], rates: FloatArray, year: int, numbers: IntArray, streams: Streams
) -> Events:
    start, stop = customers.start, customers.start + len(customers)
    edges = np.cumsum(rates)
    drawn = streams.uniform(Stage.LOOKALIKE_CHOICE, start, stop, 1, year)[:, 0]
    kind = np.searchsorted(edges, drawn, side="right")
    able = np.array([[c in KINDS.get(k).classes for k in kinds] + [False] for c in CUSTOMER_CLASSES])
    row = np.flatnonzero(able[customers.class_index, kind])
    kind = kind[row].astype(np.int64)
    draws = streams.uniform(Stage.LOOKALIKE_TIMING, start, stop, 2 + MAX_PARAMETERS, year)[row]
    spans = _spans([KINDS.get(k) for k in kinds], kind, draws, year, int(numbers[0]))
    seen = spans.touches(len(numbers)) & ((spans.start >= 0.0) | np.isfinite(spans.end) | (year == _LIFELONG))
    events = Events(row + start, kind, kinds, spans, np.ones(len(row)), draws[:, 2:])
    return events.rows(seen)


def _spans(kinds: list[AnomalyKind], kind: IntArray, draws: FloatArray, year: int, first: int) -> Spans:
    """Start within the calendar year, or long before the data; duration as the kind has it."""
    begin = -1.0 - LONGEST_BEFORE * draws[:, 0] if year == _LIFELONG else 12.0 * (year + draws[:, 0]) - first
    end = np.empty(len(kind))
    for position, item in enumerate(kinds):
        at = kind == position
        end[at] = begin[at] + geometric_months(draws[at, 1], *item.lasting_months)
    return Spans(begin, end)
