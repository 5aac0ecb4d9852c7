from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid.radial.fold import reduce_tree
from ghostload.grid.radial.tree import NotRadial, RadialOrder, radial_order


def ordered(*args: object) -> RadialOrder:
    order = radial_order(*args)  # type: ignore[arg-type]
    assert isinstance(order, RadialOrder)
    return order


def why(*args: object) -> NotRadial:
    order = radial_order(*args)  # type: ignore[arg-type]
    assert isinstance(order, NotRadial)
    assert not order
    return order


def test_parents_come_before_their_children_whichever_end_of_a_branch_is_named_first() -> None:
    order = ordered([2, 1, 1], [1, 0, 3], [0], 4)
    assert order.order.tolist()[0] == 0
    assert (order.parent < np.arange(4)).all()
    by_node = {int(node): int(depth) for node, depth in zip(order.order, order.depth, strict=True)}
    assert by_node == {0: 0, 1: 1, 2: 2, 3: 2}


def test_islands_stand_in_the_order_of_their_roots() -> None:
    order = ordered([0, 5, 2], [1, 4, 3], [5, 0, 2], 6)
    assert order.island_start.tolist() == [0, 2, 4, 6]
    assert order.order[order.island_start[:-1]].tolist() == [5, 0, 2]


def test_a_loop_is_named_by_the_branch_that_closes_it() -> None:
    reason = why([0, 1, 2], [1, 2, 0], [0], 3)
    assert "closes a loop" in reason.reason
    assert set(reason.nodes) <= {0, 1, 2}


def test_two_slacks_in_one_island_are_named() -> None:
    assert why([0, 1], [1, 2], [0, 2], 3).nodes == (0, 2)


def test_nodes_without_a_slack_are_named() -> None:
    assert why([0, 2], [1, 3], [0], 4).nodes == (2, 3)


def test_no_slack_and_a_slack_named_twice_are_told() -> None:
    assert "no slack" in why([0], [1], [], 2).reason
    assert "twice" in why([0], [1], [0, 0], 2).reason


def test_parallel_branches_and_branches_to_the_same_node_make_no_loop() -> None:
    assert ordered([0, 1, 0, 1], [1, 0, 1, 1], [0], 2).parent.tolist() == [-1, 0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_every_random_forest_is_ordered_in_whole_subtrees(seed: int, n: int, islands: int) -> None:
    rng = np.random.default_rng(seed)
    islands = min(islands, n)
    name = rng.permutation(n)
    above = np.array([int(rng.integers(0, k)) for k in range(islands, n)], dtype=np.int64)
    order = ordered(name[above], name[islands:], name[:islands], n)
    assert sorted(order.order.tolist()) == list(range(n))
    size = np.ones(n, dtype=int)
    for k in range(n - 1, -1, -1):
        if order.parent[k] >= 0:
            size[order.parent[k]] += size[k]
    for k in range(n):
        inside = np.arange(k + 1, k + size[k])
        assert (order.parent[inside] >= k).all()
        assert order.depth[k] == (0 if order.parent[k] < 0 else order.depth[order.parent[k]] + 1)


def test_only_loads_and_the_joints_between_them_are_kept() -> None:
    # 0 - 1 - 2 - 3(load), 2 - 4 - 5(load), 1 - 6 - 7
    order = ordered([0, 1, 2, 2, 4, 1, 6], [1, 2, 3, 4, 5, 6, 7], [0], 8)
    loaded = np.zeros(8, dtype=bool)
    loaded[order.position[[3, 5]]] = True
    reduced = reduce_tree(order, loaded)
    assert sorted(order.order[reduced.kept].tolist()) == [0, 2, 3, 5]
    above = {node: int(order.order[reduced.kept[reduced.above[order.position[node]]]]) for node in range(8)}
    assert above == {0: 0, 1: 0, 2: 2, 3: 3, 4: 2, 5: 5, 6: 0, 7: 0}
    below = {node: int(order.order[reduced.kept[reduced.below[order.position[node]]]]) for node in (1, 4, 6, 7)}
    assert below == {1: 2, 4: 5, 6: 2, 7: 2}


@pytest.mark.parametrize("n", [1, 2])
def test_a_grid_without_loads_is_only_its_root(n: int) -> None:
    order = ordered([0] * (n - 1), list(range(1, n)), [0], n)
    assert reduce_tree(order, np.zeros(n, dtype=bool)).kept.tolist() == [0]
