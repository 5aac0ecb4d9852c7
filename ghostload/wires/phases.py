"""Who is on which phase: dealt out in turn by the crew, with strays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.streams import FloatArray, IntArray, Stage, Streams
from ghostload.wires.catalogue import Practice
from ghostload.wires.model import MaskArray

_DEALS = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])


def dealt_phases(group: IntArray, stage: Stage, stray_share: float, streams: Streams) -> IntArray:
    """Give each member of each group one of three phases.

    Members are taken in threes, in the order of their numbers; each three get the phases in an order of chance. A
    share of them is then put on a phase of chance, as later works leave it. A member that is added at the end changes
    no other's phase.

    Parameters
    ----------
    group : (n,) array
        Group of each member.
    stage : Stage
        Where the draws belong; a member's address is its number.
    stray_share : float
    streams : Streams

    Returns
    -------
    (n,) array of 0, 1, 2
    """
    count = len(group)
    drawn = streams.uniform(stage, 0, count, 3)
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    first = np.searchsorted(sorted_group, sorted_group, side="left")
    rank = np.arange(count) - first
    leader = order[first + rank - rank % 3]
    phase = np.empty(count, dtype=np.int64)
    phase[order] = _DEALS[(6 * drawn[leader, 0]).astype(np.int64), rank % 3]
    stray = drawn[:, 1] < stray_share
    phase[stray] = (3 * drawn[stray, 2]).astype(np.int64)
    return phase


def is_three_phase(
    customers: Customers, home: IntArray, capacity_kva: FloatArray, practice: Practice
) -> NDArray[np.bool_]:
    """Tell which transformers are three-phase: no single-phase size of the catalogue, or a customer too large.

    Parameters
    ----------
    customers : Customers
    home : (N,) array of transformer indices
    capacity_kva : (T,) array
    practice : Practice
    """
    rules = practice.rules
    largest = np.zeros(len(capacity_kva))
    np.maximum.at(largest, home, customers.peak_kva)
    needs = (largest > rules["largest_single_phase_kva"]) & (capacity_kva >= rules["bank_min_kva"])
    return np.asarray(~np.isin(capacity_kva, practice.single_phase_kva) | needs)


def service_masks(
    customers: Customers,
    home: IntArray,
    three_phase: NDArray[np.bool_],
    transformer_phase: IntArray,
    practice: Practice,
    streams: Streams,
) -> MaskArray:
    """Return the phases of each service: that of a single-phase transformer, one of three, or all three.

    Parameters
    ----------
    customers : Customers
    home : (N,) array of transformer indices
    three_phase : (T,) array of bool
    transformer_phase : (T,) array of 0, 1, 2
    practice : Practice
    streams : Streams

    Returns
    -------
    (N,) array of bit masks
    """
    rules = practice.rules
    own = dealt_phases(home, Stage.WIRES_SERVICE_PHASE, rules["stray_service_share"], streams)
    limit = np.where(customers.class_index == 0, rules["three_phase_home_kva"], rules["three_phase_business_kva"])
    mask = np.where(customers.peak_kva > limit, 7, 1 << own)
    return np.where(three_phase[home], mask, 1 << transformer_phase[home]).astype(np.uint8)
