"""Who steals, how, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ghostload.anomalies.choice import IN_GROUP, choose_thieves
from ghostload.anomalies.difficulty import PROFILES
from ghostload.anomalies.events import MAX_PARAMETERS, Events, KeptEvents
from ghostload.anomalies.peers import with_companions
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.timing import Spans, geometric_months
from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.errors import ConfigError
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams, spans

FULL_WINDOW = 12
LONGEST_BEFORE = 36.0
SHORTEST_MONTHS = 3.0
_TIMING = 4 + MAX_PARAMETERS


def draw_thefts(
    config: GeneratorConfig,
    customers: Customers,
    meter_transformer: IntArray,
    meter_barangay: IntArray,
    streams: Streams,
    scratch: Scratch | None = None,
) -> Events:
    """Choose exactly ``config.num_anomalies`` meters and say how and when they steal.

    Parameters
    ----------
    config : GeneratorConfig
    customers : Customers
        All customers.
    meter_transformer, meter_barangay : (N,) arrays of int
    streams : Streams
    scratch : Scratch, optional
        Where the events lie, and what is as long as the meters.

    Returns
    -------
    Events, one for each thief, in the order of their meters, and those of the companions of thefts that have one.

    Raises
    ------
    ConfigError
        When fewer meters than asked for can have the kinds of the mix, or one of them comes with a theft only.
    """
    scratch, mix = scratch or Scratch(), _Mix.of(config)
    role = choose_thieves(
        config,
        customers,
        meter_transformer,
        meter_barangay,
        streams,
        scratch,
        alone_able=np.any(mix.able[:, ~mix.in_group], axis=1),
        in_groups=round(float(mix.shares[mix.in_group].sum()) * config.num_anomalies),
    )
    _refuse_shortfall(config, int(np.count_nonzero(role)))
    shared = _shared_draws(meter_transformer, streams, scratch) if mix.in_group.any() else np.empty((0, 1 + _TIMING))
    kept = KeptEvents(scratch)
    for part in spans(len(role)):
        meters = np.flatnonzero(role[part]) + part.start
        grouped = role[meters] == IN_GROUP
        draws = _own_draws(part, streams)[meters - part.start]
        draws[grouped] = shared[meter_transformer[meters[grouped]]]
        allowed = mix.able[customers.class_index[meters]] & (mix.in_group == grouped[:, None])
        kept.add(_with_timing(config, meters, mix.picked(draws[:, 0], allowed), mix.kinds, draws[:, 1:]))
    return with_companions(kept.whole(), meter_transformer, streams, scratch)


def refuse_companions(place: str, kinds: Sequence[str]) -> None:
    """Refuse, in a setting, kinds that come with a theft only."""
    for name in kinds:
        if not KINDS.get(name).alone:
            raise ConfigError(
                f"{place}.{name}: comes with a theft that needs it, on its own it cannot be; leave it out"
            )


def _refuse_shortfall(config: GeneratorConfig, found: int) -> None:
    if found < config.num_anomalies:
        raise ConfigError(
            f"anomalies.mix: only {found} meters can have its kinds, but anomaly_rate {config.anomaly_rate:g} asks for "
            f"{config.num_anomalies}; lower the rate or add a kind that fits every customer class"
        )


@dataclass(frozen=True)
class _Mix:
    """K kinds of theft: their shares, which classes of customers can have each, and which are done in groups."""

    kinds: tuple[str, ...]
    shares: FloatArray
    able: BoolArray
    in_group: BoolArray

    @classmethod
    def of(cls, config: GeneratorConfig) -> _Mix:
        kinds = tuple(sorted(name for name, part in config.anomalies.mix.items() if part > 0))
        refuse_companions("anomalies.mix", kinds)
        return cls(
            kinds,
            np.array([config.anomalies.mix[k] for k in kinds]),
            np.array([[c in KINDS.get(k).classes for k in kinds] for c in CUSTOMER_CLASSES]),
            np.array([KINDS.get(k).group for k in kinds]),
        )

    def picked(self, drawn: FloatArray, allowed: BoolArray) -> IntArray:
        """Pick a kind for each draw from the shares of those that it may have."""
        weights = np.where(allowed, self.shares, 0.0)
        edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        picked: IntArray = (drawn[:, None] >= edges).sum(axis=1)
        return np.minimum(picked, len(self.shares) - 1)


def _shared_draws(meter_transformer: IntArray, streams: Streams, scratch: Scratch) -> FloatArray:
    """Draw what the members of a group share, by transformer; (T, 1 + 8)."""
    shared: FloatArray = scratch.zeros((int(meter_transformer.max()) + 1, 1 + _TIMING))
    for part in spans(len(shared)):
        shared[part, :1] = streams.uniform(Stage.THEFT_KIND, part.start, part.stop, 1, 1)
        shared[part, 1:] = streams.uniform(Stage.THEFT_TIMING, part.start, part.stop, _TIMING, 1)
    return shared


def _own_draws(part: slice, streams: Streams) -> FloatArray:
    """Draw the same for some meters; (n, 1 + 8)."""
    kind = streams.uniform(Stage.THEFT_KIND, part.start, part.stop, 1, 0)
    return np.hstack([kind, streams.uniform(Stage.THEFT_TIMING, part.start, part.stop, _TIMING)])


def _with_timing(
    config: GeneratorConfig, meters: IntArray, kind: IntArray, kinds: tuple[str, ...], draws: FloatArray
) -> Events:
    """Add start, end, strength and parameter draws."""
    profile = PROFILES[config.difficulty]
    first, last = np.array(profile.onset_months) * min(config.num_months, FULL_WINDOW) / FULL_WINDOW
    inside = first + (last - first) * draws[:, 1]
    start = np.where(draws[:, 0] < profile.before_share, -LONGEST_BEFORE * draws[:, 1], inside)
    end = np.maximum(start, 0.0) + geometric_months(draws[:, 2], SHORTEST_MONTHS, profile.mean_months)
    low, high = profile.strength
    return Events(meters, kind, kinds, Spans(start, end), low + (high - low) * draws[:, 3], draws[:, 4:])
