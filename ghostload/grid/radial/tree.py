"""Is a grid a forest with one root each, and in which order is it swept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RadialOrder:
    """A forest in the order of its sweep: each node after its parent, each island and each subtree in one piece.

    Attributes
    ----------
    order : (n,) int array
        Node at each position.
    parent : (n,) int array
        Position of the parent of each position; -1 for roots.
    depth : (n,) int array
        Branches between a position and its root.
    island_start : (islands + 1,) int array
        First position of each island, in the order of ``roots``; the last entry is n.
    position : (n,) int array
        Position of each node: the inverse of ``order``.
    """

    order: IntArray
    parent: IntArray
    depth: IntArray
    island_start: IntArray
    position: IntArray


@dataclass(frozen=True, slots=True)
class NotRadial:
    """Why a grid cannot be swept; false where a truth is asked for.

    Attributes
    ----------
    reason : str
        One line.
    nodes : tuple of int
        Nodes that show it: the ends of a branch that closes a loop, two roots of one island, nodes without a root.
    """

    reason: str
    nodes: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Tell that there is no order."""
        return False


def radial_order(
    branch_from: IntArray | Sequence[int], branch_to: IntArray | Sequence[int], roots: IntArray | Sequence[int], n: int
) -> RadialOrder | NotRadial:
    """Order the nodes of a radial grid from its roots outwards, or tell why it is not radial.

    Parallel branches between the same two nodes are one connection, and branches from a node to itself are none.

    Parameters
    ----------
    branch_from, branch_to : (m,) ints
        Nodes at the ends of each branch.
    roots : (islands,) ints
        Node of the slack of each island.
    n : int
        Number of nodes.

    Returns
    -------
    RadialOrder, or NotRadial
    """
    tail, head, root = (np.asarray(a, dtype=np.int64) for a in (branch_from, branch_to, roots))
    proper = tail != head
    pairs = np.unique(np.sort(np.stack([tail[proper], head[proper]], axis=1), axis=1), axis=0)
    graph = csr_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    trouble = _roots_trouble(label, root)
    if trouble is not None:
        return trouble
    if len(pairs) > n - len(root):
        a, b = _closing_branch(pairs, n)
        return NotRadial(f"the branch between nodes {a} and {b} closes a loop", (a, b))
    # A node above all roots joins the islands, so that one walk in compiled code finds them all.
    above = np.concatenate([pairs, np.stack([np.full(len(root), n), root], axis=1)])
    joined = csr_array((np.ones(len(above), dtype=np.int8), (above[:, 0], above[:, 1])), shape=(n + 1, n + 1))
    walk, before = depth_first_order(joined, n, directed=False, return_predecessors=True)
    order, parents = walk[1:].astype(np.int64), before[:n].astype(np.int64)
    return _arranged(order, parents, root, n)


def _roots_trouble(label: NDArray[Any], root: IntArray) -> NotRadial | None:
    if len(root) == 0:
        return NotRadial("there is no slack node")
    first: dict[int, int] = {}
    for node in root.tolist():
        other = first.setdefault(int(label[node]), node)
        if other != node:
            return NotRadial(f"nodes {other} and {node} are slacks of one island", (other, node))
    if len(first) < len(root):
        return NotRadial("a slack node is listed twice", tuple(root.tolist()))
    lost = np.flatnonzero(~np.isin(label, label[root]))
    if len(lost):
        return NotRadial(f"{len(lost)} nodes have no path to a slack, the first is {lost[0]}", tuple(lost.tolist()))
    return None


def _closing_branch(pairs: IntArray, n: int) -> tuple[int, int]:
    """Join nodes branch by branch; the first branch between nodes that are joined already closes a loop."""
    group = list(range(n))
    for a, b in pairs.tolist():
        ends = []
        for node in (a, b):
            while group[node] != node:
                group[node] = group[group[node]]
                node = group[node]
            ends.append(node)
        if ends[0] == ends[1]:
            return a, b
        group[ends[1]] = ends[0]
    return int(pairs[-1, 0]), int(pairs[-1, 1])


def _arranged(order: IntArray, before: IntArray, root: IntArray, n: int) -> RadialOrder:
    """Turn a walk that begins at the joined root into positions, islands in the order of their roots."""
    is_root = before[order] == n
    island = np.cumsum(is_root) - 1
    wanted = {node: i for i, node in enumerate(root.tolist())}
    rank = np.array([wanted[node] for node in order[is_root].tolist()], dtype=np.int64)
    order = order[np.argsort(rank[island], kind="stable")]
    position = np.empty(n, dtype=np.int64)
    position[order] = np.arange(n)
    before_ordered = before[order]
    parent = np.where(before_ordered == n, -1, position[np.minimum(before_ordered, n - 1)])
    depth = [0] * n
    for k, up in enumerate(parent.tolist()):
        if up >= 0:
            depth[k] = depth[up] + 1
    start = np.append(np.flatnonzero(parent < 0), n)
    return RadialOrder(order, parent, np.array(depth, dtype=np.int64), start, position)
