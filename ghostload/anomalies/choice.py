"""Which meters steal, alone or in groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.difficulty import PROFILES
from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams, spans
from ghostload.territory.order import Grouped, Runs, grouped

GROUP_SIZES = (3, 6)
HONEST, ALONE, IN_GROUP = range(3)
"""What a meter is, as :func:`choose_thieves` says it."""

RoleArray = NDArray[np.uint8]


def choose_thieves(
    config: GeneratorConfig,
    customers: Customers,
    meter_transformer: IntArray,
    meter_barangay: IntArray,
    streams: Streams,
    scratch: Scratch,
    *,
    alone_able: BoolArray,
    in_groups: int,
) -> RoleArray:
    """Choose meters without replacement, with weights from their level relative to their class and from the hot spots.

    Each has an exponential key of its own, divided by its weight; the smallest are chosen (Efraimidis and Spirakis,
    doi:10.1016/j.ipl.2005.11.003), the lowest number first where keys are equal.

    Parameters
    ----------
    config : GeneratorConfig
    customers : Customers
        All customers.
    meter_transformer, meter_barangay : (N,) arrays of int
    streams : Streams
    scratch : Scratch
        Where what is as long as the meters lies.
    alone_able : (classes,) array of bool
        Which classes of customers can have a kind that is done alone.
    in_groups : int
        How many shall steal in groups, as far as there are neighbours; the rest of ``config.num_anomalies`` steal
        alone, as far as they are able to.

    Returns
    -------
    (N,) array of uint8: :data:`HONEST`, :data:`ALONE` or :data:`IN_GROUP`
    """
    count = len(customers)
    role: RoleArray = scratch.zeros(count, np.uint8)
    keys = _keys(config, customers, meter_barangay, streams, scratch)
    wanted = config.num_anomalies
    if in_groups > 0:
        wanted -= _mark_groups(role, keys, meter_transformer, in_groups, streams, scratch)
    finite = 0
    for part in spans(count):
        keys[part][(role[part] == IN_GROUP) | ~alone_able[customers.class_index[part]]] = np.inf
        finite += int(np.isfinite(keys[part]).sum())
    _mark_smallest(role, keys, min(wanted, finite), scratch)
    return role


def hot_spots(config: GeneratorConfig, num_barangays: int, streams: Streams) -> BoolArray:
    """Whether each barangay is a hot spot of theft; (num_barangays,), by the barangay's number alone."""
    return streams.uniform(Stage.HOT_SPOT, 0, num_barangays, 1)[:, 0] < config.anomalies.hot_spot_share


def smallest_of_groups(keys: FloatArray, members: Grouped, most: IntArray) -> Iterator[IntArray]:
    """Find the members of each group that have the smallest keys; the lowest number first where keys are equal.

    Parameters
    ----------
    keys : (N,) array
    members : Grouped
    most : (G,) array of int
        How many of each group are wanted.

    Yields
    ------
    (n,) array of int
        Those of some groups: group by group, the smallest key first.
    """
    for member, group in members.spans():
        wanted = most[group] > 0
        member, group = member[wanted], group[wanted]
        order = np.lexsort((keys[member], group))
        member, group = member[order], group[order]
        yield member[Runs.of(group).rank < most[group]]


def _keys(
    config: GeneratorConfig, customers: Customers, meter_barangay: IntArray, streams: Streams, scratch: Scratch
) -> FloatArray:
    """Exponential keys divided by weights; (N,), the smallest are chosen."""
    profile = PROFILES[config.difficulty]
    baselines = config.consumption_baselines
    class_mean = np.array([baselines[c].mean_kwh if c in baselines else 1.0 for c in CUSTOMER_CLASSES])
    hot = hot_spots(config, int(meter_barangay.max(initial=0)) + 1, streams)
    keys: FloatArray = scratch.zeros(len(customers))
    for part in spans(len(customers)):
        drawn = streams.rows(Stage.THEFT_CHOICE, part.start, part.stop, 1, _exponential)[:, 0]
        level = customers.level_kwh[part] / class_mean[customers.class_index[part]]
        weight = level**profile.level_exponent
        weight *= np.where(hot[meter_barangay[part]], config.anomalies.hot_spot_factor, 1.0)
        keys[part] = drawn / weight
    return keys


def _exponential(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return rng.standard_exponential(shape, method="inv")


def _mark_smallest(role: RoleArray, keys: FloatArray, count: int, scratch: Scratch) -> None:
    """Mark those with the ``count`` smallest keys as thieves that are alone."""
    if count <= 0:
        return
    parted = scratch.zeros(len(keys))
    parted[:] = keys
    parted.partition(count - 1)
    last = parted[count - 1]
    equal = count - sum(int((keys[part] < last).sum()) for part in spans(len(keys)))
    for part in spans(len(keys)):
        role[part][keys[part] < last] = ALONE
        at_last = np.flatnonzero(keys[part] == last)[:equal]
        role[part][at_last] = ALONE
        equal -= len(at_last)


def _mark_groups(
    role: RoleArray, keys: FloatArray, meter_transformer: IntArray, wanted: int, streams: Streams, scratch: Scratch
) -> int:
    """Mark meters that steal in groups, transformer by transformer some of each; return how many there are.

    A transformer's place in the queue is the key of its likeliest thief; one with a single customer has no group.
    """
    transformers = int(meter_transformer.max()) + 1
    low, high = GROUP_SIZES
    drawn = streams.uniform(Stage.THEFT_CHOICE, 0, transformers, 1, 1)[:, 0]
    size = low + (drawn * (high - low + 1)).astype(np.int64)
    members = grouped(meter_transformer.__getitem__, len(keys), transformers, scratch)
    count = np.diff(members.first)
    queue = np.full(transformers, np.inf)
    for part in spans(len(keys)):
        np.minimum.at(queue, meter_transformer[part], keys[part])
    count[(count < 2) | ~np.isfinite(queue)] = 0
    taken = _by_queue(queue, count, size, wanted)
    for meter in smallest_of_groups(keys, members, taken):
        role[meter] = IN_GROUP
    return int(taken.sum())


def _by_queue(queue: FloatArray, count: IntArray, size: IntArray, wanted: int) -> IntArray:
    """Say how many of each group steal, when groups are filled in the order of the queue until there are enough.

    Beyond its size a group grows only when all have theirs, by as many again.

    Parameters
    ----------
    queue : (G,) array
        Smaller is earlier.
    count, size : (G,) arrays of int
        Members there are, and members that a group has before others are full.
    wanted : int

    Returns
    -------
    (G,) array of int
    """
    full, taken = np.minimum(count, size), np.zeros_like(count)
    while full.sum() < wanted and (full < count).any():
        taken, full = full, np.minimum(count, full + size)
    growing = np.flatnonzero(full > taken)
    growing = growing[np.argsort(queue[growing], kind="stable")]
    left = wanted - int(taken.sum())
    before = np.cumsum(full[growing] - taken[growing])
    last = np.append(queue[growing[before > left]], np.inf)[0]
    whole, equal = growing[queue[growing] < last], growing[queue[growing] == last]
    left -= int((full - taken)[whole].sum())
    taken[whole] = full[whole]
    # Groups with equal places in the queue take members in turn.
    group = np.repeat(equal, (full - taken)[equal])
    rank = taken[group] + Runs.of(group).rank
    np.add.at(taken, group[np.lexsort((group, rank))][:left], 1)
    return taken
