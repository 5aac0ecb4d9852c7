"""Who steals, how, and when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ghostload.anomalies.difficulty import PROFILES
from ghostload.anomalies.events import MAX_PARAMETERS, Events, join
from ghostload.anomalies.peers import draw_companions
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.timing import Spans, geometric_months
from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.errors import ConfigError
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams

FULL_WINDOW = 12
LONGEST_BEFORE = 36.0
SHORTEST_MONTHS = 3.0
GROUP_SIZES = (3, 6)


def draw_thefts(
    config: GeneratorConfig,
    customers: Customers,
    meter_transformer: IntArray,
    meter_barangay: IntArray,
    streams: Streams,
) -> Events:
    """Choose exactly ``config.num_anomalies`` meters and say how and when they steal.

    Meters are drawn without replacement, with weights from their level relative to their class and from the hot spots
    (the smallest of exponential keys, each the meter's own; Efraimidis and Spirakis, doi:10.1016/j.ipl.2005.11.003).

    Parameters
    ----------
    config : GeneratorConfig
    customers : Customers
        All customers.
    meter_transformer, meter_barangay : (N,) arrays of int
    streams : Streams

    Returns
    -------
    Events, one for each thief, in the order of their meters, and those of the companions of thefts that have one.

    Raises
    ------
    ConfigError
        When fewer meters than asked for can have the kinds of the mix, or one of them comes with a theft only.
    """
    kinds = tuple(sorted(name for name, part in config.anomalies.mix.items() if part > 0))
    refuse_companions("anomalies.mix", kinds)
    able = np.array([[c in KINDS.get(k).classes for k in kinds] for c in CUSTOMER_CLASSES])
    keys = _keys(config, customers, meter_barangay, streams)
    in_group = np.array([KINDS.get(k).group for k in kinds])
    shares = np.array([config.anomalies.mix[k] for k in kinds])
    wanted_in_groups = round(float(shares[in_group].sum()) * config.num_anomalies)
    grouped = _choose_groups(keys, meter_transformer, wanted_in_groups, streams)
    alone_able: BoolArray = np.any(able[:, ~in_group], axis=1)
    keys[grouped] = np.inf
    keys[~alone_able[customers.class_index]] = np.inf
    alone = _smallest(keys, config.num_anomalies - len(grouped))
    meters = np.sort(np.concatenate([grouped, alone]))
    _refuse_shortfall(config, len(meters))
    is_grouped = np.isin(meters, grouped)
    kind = np.empty(len(meters), dtype=np.int64)
    for rows, columns in ((is_grouped, in_group), (~is_grouped, ~in_group)):
        address = (meter_transformer[meters] if columns is in_group else meters)[rows]
        allowed = able[customers.class_index[meters[rows]]] & columns
        kind[rows] = _draw_kind(shares, allowed, address, streams, by_transformer=bool(columns is in_group))
    group = np.where(is_grouped, meter_transformer[meters], -1)
    thefts = _with_timing(config, meters, kind, kinds, group, streams)
    companions = draw_companions(thefts, meter_transformer, streams)
    return join([thefts, *companions]) if companions else thefts


def refuse_companions(place: str, kinds: Sequence[str]) -> None:
    """Refuse, in a setting, kinds that come with a theft only."""
    for name in kinds:
        if not KINDS.get(name).alone:
            raise ConfigError(
                f"{place}.{name}: comes with a theft that needs it, on its own it cannot be; leave it out"
            )


def _keys(config: GeneratorConfig, customers: Customers, meter_barangay: IntArray, streams: Streams) -> FloatArray:
    """Exponential keys divided by weights; (N,), the smallest are chosen."""
    profile = PROFILES[config.difficulty]
    count = len(customers)
    drawn = streams.rows(
        Stage.THEFT_CHOICE, 0, count, 1, lambda rng, shape: rng.standard_exponential(shape, method="inv")
    )[:, 0]
    class_mean = np.array(
        [
            config.consumption_baselines[c].mean_kwh if c in config.consumption_baselines else 1.0
            for c in CUSTOMER_CLASSES
        ]
    )
    weight = (customers.level_kwh / class_mean[customers.class_index]) ** profile.level_exponent
    hot = hot_spots(config, int(meter_barangay.max(initial=0)) + 1, streams)
    weight *= np.where(hot[meter_barangay], config.anomalies.hot_spot_factor, 1.0)
    keys: FloatArray = drawn / weight
    return keys


def hot_spots(config: GeneratorConfig, num_barangays: int, streams: Streams) -> BoolArray:
    """Whether each barangay is a hot spot of theft; (num_barangays,), by the barangay's number alone."""
    return streams.uniform(Stage.HOT_SPOT, 0, num_barangays, 1)[:, 0] < config.anomalies.hot_spot_share


def _smallest(keys: FloatArray, count: int) -> IntArray:
    """Positions of the smallest finite keys, at most ``count``."""
    count = min(count, int(np.isfinite(keys).sum()))
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    return np.argpartition(keys, count - 1)[:count].astype(np.int64)


def _choose_groups(keys: FloatArray, meter_transformer: IntArray, wanted: int, streams: Streams) -> IntArray:
    """Meters that steal in groups: transformer by transformer, some of each, until there are enough."""
    if wanted <= 0:
        return np.empty(0, dtype=np.int64)
    num_transformers = int(meter_transformer.max()) + 1
    low, high = GROUP_SIZES
    size = low + (streams.uniform(Stage.THEFT_CHOICE, 0, num_transformers, 1, 1)[:, 0] * (high - low + 1)).astype(int)
    order = np.lexsort((keys, meter_transformer))
    transformer = meter_transformer[order]
    first = np.searchsorted(transformer, np.arange(num_transformers))
    rank = np.arange(len(order)) - first[transformer]
    # A transformer's place in the queue is the key of its likeliest thief; one with a single customer has no group.
    queue = keys[order[first]]
    queue[np.bincount(transformer, minlength=num_transformers) < 2] = np.inf
    member = np.isfinite(queue[transformer])
    # Beyond its size a group grows only when all transformers have theirs.
    overflow = (rank // size[transformer])[member]
    by_queue = np.lexsort((rank[member], queue[transformer[member]], overflow))
    return order[member][by_queue][:wanted]


def _refuse_shortfall(config: GeneratorConfig, found: int) -> None:
    if found < config.num_anomalies:
        raise ConfigError(
            f"anomalies.mix: only {found} meters can have its kinds, but anomaly_rate {config.anomaly_rate:g} asks for "
            f"{config.num_anomalies}; lower the rate or add a kind that fits every customer class"
        )


def _draw_kind(
    shares: FloatArray, allowed: BoolArray, address: IntArray, streams: Streams, *, by_transformer: bool
) -> IntArray:
    """Pick a kind for each meter from the shares of those that it may have; members of a group pick alike."""
    if not len(address):
        return np.empty(0, dtype=np.int64)
    drawn = streams.uniform(Stage.THEFT_KIND, 0, int(address.max()) + 1, 1, int(by_transformer))[address, 0]
    weights = np.where(allowed, shares, 0.0)
    edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    picked: IntArray = (drawn[:, None] >= edges).sum(axis=1)
    return np.minimum(picked, len(shares) - 1)


def _with_timing(
    config: GeneratorConfig,
    meters: IntArray,
    kind: IntArray,
    kinds: tuple[str, ...],
    group: IntArray,
    streams: Streams,
) -> Events:
    """Add start, end, strength and parameter draws; those of a group are its transformer's."""
    profile = PROFILES[config.difficulty]
    width = 4 + MAX_PARAMETERS
    size = config.num_meters
    own = streams.uniform(Stage.THEFT_TIMING, 0, size, width)[meters]
    shared = streams.uniform(Stage.THEFT_TIMING, 0, int(group.max(initial=-1)) + 1, width, 1)
    draws = own.copy()
    draws[group >= 0] = shared[group[group >= 0]]
    first, last = np.array(profile.onset_months) * min(config.num_months, FULL_WINDOW) / FULL_WINDOW
    inside = first + (last - first) * draws[:, 1]
    start = np.where(draws[:, 0] < profile.before_share, -LONGEST_BEFORE * draws[:, 1], inside)
    end = np.maximum(start, 0.0) + geometric_months(draws[:, 2], SHORTEST_MONTHS, profile.mean_months)
    low, high = profile.strength
    return Events(meters, kind, kinds, Spans(start, end), low + (high - low) * draws[:, 3], draws[:, 4:])
