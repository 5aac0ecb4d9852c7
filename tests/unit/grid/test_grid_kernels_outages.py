"""What outages split off, against a search that knows nothing of bridges."""

from __future__ import annotations

import numpy as np
from batch_support import random_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.kernels.outages import dead_nodes, find_bridges
from ghostload.grid.network import build_network

graphs = st.integers(2, 14).flatmap(
    lambda n: st.tuples(
        st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=24)
    )
)


def neighbours(nodes: int, edges: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lists that the kernels walk: starts, neighbours, edges."""
    lists: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    for number, (a, b) in enumerate(edges):
        if a != b:
            lists[a].append((b, number))
            lists[b].append((a, number))
    start = np.concatenate([[0], np.cumsum([len(part) for part in lists])]).astype(np.int32)
    flat = np.array([pair for part in lists for pair in part], np.int32).reshape(-1, 2)
    return start, np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])


def reached(nodes: int, edges: list[tuple[int, int]], out: set[int]) -> set[int]:
    """Return what the last node reaches without some edges."""
    seen, waiting = {nodes - 1}, [nodes - 1]
    while waiting:
        node = waiting.pop()
        for number, (a, b) in enumerate(edges):
            if number not in out and node in (a, b):
                other = b if node == a else a
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
    return seen


def connected(nodes: int, edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add edges until all nodes are reached."""
    edges = list(edges)
    while len(seen := reached(nodes, edges, set())) < nodes:
        edges.append((min(set(range(nodes)) - seen), nodes - 1))
    return edges


@settings(max_examples=120, deadline=None)
@given(graphs)
def test_an_edge_is_a_bridge_when_something_is_lost_without_it(graph: tuple[int, list[tuple[int, int]]]) -> None:
    nodes, edges = graph[0], connected(*graph)
    walk, place, size, beyond = find_bridges(*neighbours(nodes, edges), len(edges))
    for number in range(len(edges)):
        lost = set(range(nodes)) - reached(nodes, edges, {number})
        if beyond[number] < 0:
            assert not lost
        else:
            first = place[beyond[number]]
            assert set(walk[first : first + size[beyond[number]]].tolist()) == lost


@settings(max_examples=80, deadline=None)
@given(graphs, st.lists(st.lists(st.integers(0, 23), max_size=4, unique=True), min_size=1, max_size=6))
def test_outages_of_any_number_lose_what_nothing_reaches(
    graph: tuple[int, list[tuple[int, int]]], outages: list[list[int]]
) -> None:
    nodes, edges = graph[0], connected(*graph)
    outages = [[number for number in out if number < len(edges)] for out in outages]
    lists = neighbours(nodes, edges)
    start = np.concatenate([[0], np.cumsum([len(out) for out in outages])]).astype(np.int64)
    flat = np.array([number for out in outages for number in out], np.int32)
    dead_start, dead = dead_nodes(start, flat, *lists, *find_bridges(*lists, len(edges)))
    for k, out in enumerate(outages):
        found = dead[dead_start[k] : dead_start[k + 1]].tolist()
        assert len(found) == len(set(found))
        assert set(found) == set(range(nodes)) - reached(nodes, edges, set(out))


def test_slots_of_a_branch_are_the_blocks_between_its_ends() -> None:
    prepared = Prepared(build_network(random_grid(1, 25)))
    branches, symbolic = prepared.branches, prepared.plan.symbolic
    row, col = symbolic.part("row"), symbolic.part("col")
    inside = 0
    for a, b, ab, ba in zip(
        branches.start, branches.end, branches.slot_start, branches.slot_end, strict=True
    ):  # fmt: skip
        if max(a, b) >= symbolic.free:
            assert ab == ba == -1
            continue
        inside += 1
        assert row[a] <= ab < row[a + 1]
        assert row[b] <= ba < row[b + 1]
        assert (col[ab], col[ba]) == (b, a)
    assert inside > 10
