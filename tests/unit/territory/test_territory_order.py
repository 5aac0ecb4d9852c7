"""Members of groups are brought into order piece by piece as a sort of all of them would."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ghostload.scratch import Scratch
from ghostload.territory.order import Runs, grouped

groups_of_members = st.lists(st.integers(0, 9), max_size=60).map(lambda items: np.array(items, dtype=np.int64))


@given(groups_of_members)
def test_runs_are_the_groups_in_order_with_their_members_ascending(group: np.ndarray) -> None:
    runs = Runs.of(group)
    found, count = np.unique(group, return_counts=True)
    assert runs.group.tolist() == found.tolist()
    assert runs.length.tolist() == count.tolist()
    np.testing.assert_array_equal(runs.along(runs.group), np.sort(group))
    for member, rank in zip(runs.order, runs.rank, strict=True):
        assert rank == (group[:member] == group[member]).sum()


@given(groups_of_members, st.integers(1, 70))
def test_grouped_is_a_stable_sort_however_many_are_taken_at_once(group: np.ndarray, at_once: int) -> None:
    with patch("ghostload.streams.AT_ONCE", at_once):
        made = grouped(group.__getitem__, len(group), 11, Scratch())
        spans = list(made.spans())
    assert made.order.dtype == np.int32
    assert len(made) == 11
    np.testing.assert_array_equal(made.order, np.argsort(group, kind="stable"))
    for number in range(11):
        np.testing.assert_array_equal(made.of(number), np.flatnonzero(group == number))
    np.testing.assert_array_equal(made.of(3, 4), made.order[(np.sort(group) >= 3) & (np.sort(group) < 7)])
    members, theirs = (np.concatenate(parts) for parts in zip(*spans, strict=True))
    np.testing.assert_array_equal(members, made.order)
    np.testing.assert_array_equal(theirs, group[made.order])
    for one, other in pairwise(spans):
        assert not np.intersect1d(one[1], other[1]).size
    assert all(len(own) <= at_once or len(set(own.tolist())) == 1 for _, own in spans)
