"""Who is on which phase: dealt out in turn by the crew, with strays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.streams import BLOCK, FloatArray, IntArray, Stage, Streams
from ghostload.wires.catalogue import Practice
from ghostload.wires.model import MaskArray

_DEALS = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], dtype=np.uint8)
_NONE = 3
_AT_ONCE = 64 * BLOCK

PhaseArray = NDArray[np.uint8]


def dealt_phases(group: IntArray, stage: Stage, stray_share: float, streams: Streams) -> PhaseArray:
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
    (n,) array of 0, 1, 2 (uint8)
    """
    count = len(group)
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    rank = np.arange(count) - np.searchsorted(sorted_group, sorted_group, side="left")
    deal, stray = _drawn(count, stage, stray_share, streams)
    third = rank % 3
    phase = np.empty(count, dtype=np.uint8)
    phase[order] = _DEALS[deal[order[np.arange(count) - third]], third]
    return np.where(stray < _NONE, stray, phase)


def _drawn(count: int, stage: Stage, stray_share: float, streams: Streams) -> tuple[PhaseArray, PhaseArray]:
    """Return the order of chance that each would give as the first of three, and the phase of chance of strays."""
    deal, stray = np.empty(count, dtype=np.uint8), np.empty(count, dtype=np.uint8)
    for start in range(0, count, _AT_ONCE):
        here = slice(start, min(start + _AT_ONCE, count))
        drawn = streams.uniform(stage, here.start, here.stop, 3)
        deal[here] = 6 * drawn[:, 0]
        stray[here] = np.where(drawn[:, 1] < stray_share, 3 * drawn[:, 2], _NONE)
    return deal, stray


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
    transformer_phase: PhaseArray,
    own: PhaseArray,
    practice: Practice,
) -> MaskArray:
    """Return the phases of each service: that of a single-phase transformer, one of three, or all three.

    Parameters
    ----------
    customers : Customers
    home : (N,) array of transformer indices
    three_phase : (T,) array of bool
    transformer_phase : (T,) array of 0, 1, 2
    own : (N,) array of 0, 1, 2
        Of the service, where its transformer has three.
    practice : Practice

    Returns
    -------
    (N,) array of bit masks
    """
    rules = practice.rules
    limit = np.where(customers.class_index == 0, rules["three_phase_home_kva"], rules["three_phase_business_kva"])
    mask = np.where(customers.peak_kva > limit, 7, 1 << own)
    return np.where(three_phase[home], mask, 1 << transformer_phase[home]).astype(np.uint8)
