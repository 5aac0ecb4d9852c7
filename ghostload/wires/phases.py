"""Who is on which phase: dealt out in turn by the crew, with strays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams, spans
from ghostload.territory.order import Runs
from ghostload.wires.catalogue import Practice
from ghostload.wires.model import MaskArray

_DEALS = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], dtype=np.uint8)

PhaseArray = NDArray[np.uint8]


def dealt_phases(
    group: IntArray, stage: Stage, stray_share: float, streams: Streams, scratch: Scratch | None = None
) -> PhaseArray:
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
    scratch : Scratch, optional
        Where the result lies.

    Returns
    -------
    (n,) array of 0, 1, 2 (uint8)
    """
    phase: PhaseArray = (scratch or Scratch()).zeros(len(group), np.uint8)
    dealer = _Dealer(int(group.max(initial=-1)) + 1)
    for part in spans(len(group)):
        drawn = streams.uniform(stage, part.start, part.stop, 3)
        dealt = dealer.dealt(group[part], (6 * drawn[:, 0]).astype(np.uint8))
        phase[part] = np.where(drawn[:, 1] < stray_share, (3 * drawn[:, 2]).astype(np.uint8), dealt)
    return phase


class _Dealer:
    """Deals phases to members as they come.

    Parameters
    ----------
    groups : int
        How many there are.
    """

    def __init__(self, groups: int) -> None:
        self._served = np.zeros(groups, dtype=np.int64)
        self._deal = np.zeros(groups, dtype=np.uint8)

    def dealt(self, group: IntArray, own: PhaseArray) -> PhaseArray:
        """Return the phases of the next members, (n,), from the deals that each would give as the first of three."""
        runs = Runs.of(group)
        third = (runs.along(self._served[runs.group]) + runs.rank) % 3
        first = np.arange(len(group)) - third
        begun = first < runs.along(runs.start)
        deal = np.where(begun, runs.along(self._deal[runs.group]), own[runs.order[np.maximum(first, 0)]])
        self._served[runs.group] += runs.length
        self._deal[runs.group] = deal[runs.start + runs.length - 1]
        phase = np.empty(len(group), dtype=np.uint8)
        phase[runs.order] = _DEALS[deal, third]
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
