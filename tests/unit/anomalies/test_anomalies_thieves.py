"""Which meters steal, against what a sort of all of them would choose."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostload.anomalies import choice
from ghostload.anomalies.choice import ALONE, HONEST, IN_GROUP, smallest_of_groups
from ghostload.anomalies.events import Events
from ghostload.anomalies.peers import with_companions
from ghostload.anomalies.timing import Spans
from ghostload.scratch import Scratch
from ghostload.streams import Stage, Streams
from ghostload.territory.order import grouped

AT_ONCE = st.integers(1, 80)
FEW_KEYS = st.sampled_from([0.25, 0.5, 0.75, 1.0, np.inf])
"""Keys among which many are equal."""


@given(st.lists(FEW_KEYS, min_size=1, max_size=60), st.integers(0, 60), AT_ONCE)
def test_the_smallest_keys_are_marked_and_the_first_of_equal_ones(keys: list[float], count: int, at_once: int) -> None:
    key, count = np.array(keys), min(count, int(np.isfinite(keys).sum()))
    role = np.zeros(len(key), np.uint8)
    with patch("ghostload.streams.AT_ONCE", at_once):
        choice._mark_smallest(role, key, count, Scratch())
    wanted = np.sort(np.argsort(key, kind="stable")[:count])
    assert np.flatnonzero(role == ALONE).tolist() == wanted.tolist()
    assert (role == HONEST).sum() == len(key) - count


members = st.lists(st.tuples(st.integers(0, 5), FEW_KEYS), min_size=1, max_size=60)


@given(members, st.lists(st.integers(0, 9), min_size=6, max_size=6), AT_ONCE)
def test_of_each_group_the_smallest_are_found_in_their_order(
    rows: list[tuple[int, float]], most: list[int], at_once: int
) -> None:
    group, key = (np.array(column) for column in zip(*rows, strict=True))
    with patch("ghostload.streams.AT_ONCE", at_once):
        grouping = grouped(group.__getitem__, len(group), 6, Scratch())
        found = np.concatenate(list(smallest_of_groups(key, grouping, np.array(most))))
    wanted = []
    for number in range(6):
        own = np.flatnonzero(group == number)
        wanted += own[np.argsort(key[own], kind="stable")][: most[number]].tolist()
    assert found.tolist() == wanted


def _sorted_out(key: np.ndarray, group: np.ndarray, size: np.ndarray, wanted: int) -> np.ndarray:
    """Sort all members by round, queue and rank: which of them are the first ``wanted``."""
    order = np.lexsort((key, group))
    at = group[order]
    first = np.searchsorted(at, np.arange(len(size)))
    rank = np.arange(len(order)) - first[at]
    queue = np.full(len(size), np.inf)
    np.minimum.at(queue, group, key)
    queue[np.bincount(group, minlength=len(size)) < 2] = np.inf
    able = np.isfinite(queue[at])
    by_queue = np.lexsort((rank[able], queue[at[able]], (rank // size[at])[able]))
    return np.sort(order[able][by_queue][:wanted])


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_groups_are_those_of_a_sort_by_round_and_queue(distinct: bool, at_once: int) -> None:
    rng = np.random.default_rng(3)
    with patch("ghostload.streams.AT_ONCE", at_once):
        for _ in range(40):
            count, groups = int(rng.integers(1, 90)), int(rng.integers(1, 12))
            group = np.append(rng.integers(0, groups, count), groups - 1)
            key = rng.exponential(size=count + 1) if distinct else rng.integers(1, 6, count + 1) / 4.0
            wanted, streams = int(rng.integers(1, count + 3)), Streams(int(rng.integers(1000)))
            low, high = choice.GROUP_SIZES
            drawn = streams.uniform(Stage.THEFT_CHOICE, 0, groups, 1, 1)[:, 0]
            size = low + (drawn * (high - low + 1)).astype(int)
            role = np.zeros(len(group), np.uint8)
            found = choice._mark_groups(role, key, group, wanted, streams, Scratch())
            chosen = np.flatnonzero(role == IN_GROUP)
            assert chosen.tolist() == _sorted_out(key, group, size, wanted).tolist()
            assert found == len(chosen)


@pytest.mark.parametrize("at_once", [1, 50, 1000])
def test_companions_are_the_neighbours_in_the_order_of_their_draws(at_once: int) -> None:
    rng, streams = np.random.default_rng(4), Streams(9)
    transformer = np.append(rng.integers(0, 12, 120), 11)
    meter = np.flatnonzero(rng.random(121) < 0.4)
    count = len(meter)
    kind = rng.integers(0, 2, count)
    spans = Spans(rng.random(count), 2.0 + rng.random(count))
    thefts = Events(meter, kind, ("balanced_collusion", "bypass"), spans, rng.random(count), rng.random((count, 4)))
    with patch("ghostload.streams.AT_ONCE", at_once):
        events = with_companions(thefts, transformer, streams, Scratch())
    key = streams.uniform(Stage.PEER_CHOICE, 0, len(transformer), 1)[:, 0]
    pairs = {}
    for number in range(12):
        free = np.setdiff1d(np.flatnonzero(transformer == number), meter)
        waiting = meter[(kind == 0) & (transformer[meter] == number)]
        pairs.update(zip(free[np.argsort(key[free])].tolist(), waiting.tolist(), strict=False))
    covers = events.partners >= 0
    assert dict(zip(events.meter[covers].tolist(), events.partners[covers].tolist(), strict=True)) == pairs
    assert 0 < len(pairs) < (kind == 0).sum()
    assert {events.kinds[number] for number in events.kind[covers]} == {"balanced_peer"}
    np.testing.assert_array_equal(events.meter[~covers], meter)
    theft = np.searchsorted(meter, events.partners[covers])
    np.testing.assert_array_equal(events.spans.start[covers], thefts.spans.start[theft])
    np.testing.assert_array_equal(events.uniform[covers], thefts.uniform[theft])
    assert (np.diff(events.meter) >= 0).all()
