"""Branches that are out in a scenario: what they split off, and the patches that take them out of the equations.

A branch alone can split off a part only when it is a bridge of the graph; all bridges, and the nodes beyond each,
come from one depth-first walk [1]_. Several branches out at once are followed by a search for each scenario.

References
----------
.. [1] R. E. Tarjan, "A note on finding the bridges of a graph", Information Processing Letters 2(6), 1974.
   :doi:`10.1016/0020-0190(74)90003-9`
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compensation import mirrors
from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.kernels.lanes import Patch
from ghostload.grid.kernels.plan import Plan
from ghostload.grid.kernels.solution import ComplexArray

FloatArray = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Branches:
    """Branches of a circuit as the patches need them.

    Attributes
    ----------
    start, end : (m,) arrays
        New numbers of the nodes at the ends.
    slot_start, slot_end : (m,) arrays
        Slots of the blocks (start, end) and (end, start); -1 where there is none.
    value : (m, 4) complex array
        yff, yft, ytt, ytf.
    graph_start, graph_node, graph_branch : arrays
        Neighbours of each node (new numbers; all reference nodes are node ``free``), and the branches to them.
    walk, depth_of, size : arrays
        Nodes in the order of a depth-first walk from the reference nodes, where each stands in it, nodes of its
    subtree. beyond : (m,) array
        Node at the far end of each bridge; -1 for branches that are none.
    mirror : (slots,) array
        Slot of the block across the diagonal.
    """

    start: Int32Array
    end: Int32Array
    slot_start: Int32Array
    slot_end: Int32Array
    value: ComplexArray
    graph_start: Int32Array
    graph_node: Int32Array
    graph_branch: Int32Array
    walk: Int32Array
    depth_of: Int32Array
    size: Int32Array
    beyond: Int32Array
    mirror: Int32Array


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of some scenarios; see :mod:`.lanes`.

    Attributes
    ----------
    start : (scenarios + 1,) array
        Where those of each scenario begin.
    row, column, slot, flag : (patches,) arrays
    value : (4 * patches,) array
    """

    start: Int32Array
    row: Int32Array
    column: Int32Array
    slot: Int32Array
    flag: Int32Array
    value: FloatArray

    def for_lanes(self, free: int) -> Patch:
        """Return them as the lanes take them, not linked yet; ``free``: nodes that are not reference nodes."""
        size = self.row.size
        first, link, lane = np.full(free, -1, np.int32), np.full(size, -1, np.int32), np.zeros(size, np.int32)
        return Patch(first, link, lane, self.column, self.slot, self.flag, self.value)


def no_patches(scenarios: int) -> Patches:
    """Return patches for scenarios in which nothing is out."""
    none = np.zeros(0, np.int32)
    return Patches(np.zeros(scenarios + 1, np.int32), none, none, none, none, np.zeros(0))


def branches_of(
    plan: Plan,
    start: Int64Array,
    end: Int64Array,
    yff: ComplexArray,
    yft: ComplexArray,
    ytf: ComplexArray,
    ytt: ComplexArray,
) -> Branches:
    """Prepare the branches of a circuit for outages."""
    symbolic = plan.symbolic
    f, t = symbolic.position[start], symbolic.position[end]
    row, col = symbolic.part("row"), symbolic.part("col")
    key = np.repeat(np.arange(symbolic.free, dtype=np.int64), np.diff(row)) * symbolic.nodes + col
    inside = (f < symbolic.free) & (t < symbolic.free)

    def slots(a: Int32Array, b: Int32Array) -> Int32Array:
        at = np.searchsorted(key, a.astype(np.int64) * symbolic.nodes + b)
        return np.where(inside, at, -1).astype(np.int32)

    root = symbolic.free
    a, b = np.minimum(f, root), np.minimum(t, root)
    kept = np.flatnonzero(a != b)
    both = np.concatenate([a[kept], b[kept]])
    order = np.argsort(both, kind="stable")
    graph_start = np.zeros(root + 2, np.int32)
    np.cumsum(np.bincount(both, minlength=root + 1), out=graph_start[1:])
    graph_node = np.concatenate([b[kept], a[kept]])[order].astype(np.int32)
    graph_branch = np.concatenate([kept, kept])[order].astype(np.int32)
    walk, place, size, beyond = find_bridges(graph_start, graph_node, graph_branch, len(f))
    value = np.stack([yff, yft, ytt, ytf], axis=1)
    return Branches(
        f,
        t,
        slots(f, t),
        slots(t, f),
        value,
        graph_start,
        graph_node,
        graph_branch,
        walk,
        place,
        size,
        beyond,
        mirrors(symbolic.code),
    )


@kernel
def find_bridges(
    graph_start: Int32Array, graph_node: Int32Array, graph_branch: Int32Array, branches: int
) -> tuple[Int32Array, Int32Array, Int32Array, Int32Array]:
    """Walk a graph depth first from its last node; see :class:`Branches` for what is returned."""
    n = graph_start.size - 1
    walk = np.full(n, -1, np.int32)
    place = np.full(n, -1, np.int32)
    size = np.ones(n, np.int32)
    low = np.zeros(n, np.int32)
    parent_branch = np.full(n, -1, np.int32)
    beyond = np.full(branches, -1, np.int32)
    following = graph_start[:n].copy()
    stack = np.empty(n + 1, np.int32)
    stack[0] = n - 1
    walk[0] = n - 1
    place[n - 1] = 0
    depth, count = 1, 1
    while depth > 0:
        node = stack[depth - 1]
        if following[node] < graph_start[node + 1]:
            other, branch = graph_node[following[node]], graph_branch[following[node]]
            following[node] += 1
            if branch == parent_branch[node]:
                continue
            if place[other] >= 0:
                low[node] = min(low[node], place[other])
                continue
            parent_branch[other] = branch
            place[other] = low[other] = count
            walk[count] = other
            count += 1
            stack[depth] = other
            depth += 1
            continue
        depth -= 1
        if depth > 0:
            above = stack[depth - 1]
            size[above] += size[node]
            low[above] = min(low[above], low[node])
            if low[node] == place[node]:
                beyond[parent_branch[node]] = node
    return walk, place, size, beyond


@kernel
def cut_off(
    graph_start: Int32Array,
    graph_node: Int32Array,
    graph_branch: Int32Array,
    out: Int32Array,
    stamp: int,
    seen: Int64Array,
    queue: Int32Array,
) -> int:
    """Mark in ``seen`` with ``stamp`` what the reference nodes reach without the branches ``out``; return how many."""
    n = graph_start.size - 1
    seen[n - 1] = stamp
    queue[0] = n - 1
    count = 1
    at = 0
    while at < count:
        node = queue[at]
        at += 1
        for e in range(graph_start[node], graph_start[node + 1]):
            other = graph_node[e]
            if seen[other] == stamp:
                continue
            gone = False
            for branch in out:
                gone = gone or branch == graph_branch[e]
            if not gone:
                seen[other] = stamp
                queue[count] = other
                count += 1
    return count


@kernel
def dead_nodes(
    outage_start: Int64Array,
    outage: Int32Array,
    graph_start: Int32Array,
    graph_node: Int32Array,
    graph_branch: Int32Array,
    walk: Int32Array,
    place: Int32Array,
    size: Int32Array,
    beyond: Int32Array,
) -> tuple[Int64Array, Int32Array]:
    """Return the nodes (new numbers) that each scenario leaves without a reference node: starts and list."""
    scenarios = outage_start.size - 1
    n = graph_start.size - 1
    start = np.zeros(scenarios + 1, np.int64)
    dead = np.empty(64, np.int32)
    seen = np.full(n, -1, np.int64)
    queue = np.empty(n + 1, np.int32)
    for k in range(scenarios):
        out = outage[outage_start[k] : outage_start[k + 1]]
        at = start[k]
        lost = 0
        if out.size == 1 and beyond[out[0]] >= 0:
            lost = size[beyond[out[0]]]
        elif out.size > 1:
            lost = n - cut_off(graph_start, graph_node, graph_branch, out, k, seen, queue)
        start[k + 1] = at + lost
        if lost == 0:
            continue
        if at + lost > dead.size:
            longer = np.empty(2 * (at + lost), np.int32)
            longer[:at] = dead[:at]
            dead = longer
        if out.size == 1:
            first = place[beyond[out[0]]]
            dead[at : at + lost] = walk[first : first + lost]
        else:
            for node in range(n):
                if seen[node] != k:
                    dead[at] = node
                    at += 1
    return start, dead[: start[scenarios]]


@kernel
def _lay_patches(
    outage_start: Int64Array,
    outage: Int32Array,
    dead_start: Int64Array,
    dead: Int32Array,
    end_a: Int32Array,
    end_b: Int32Array,
    slot_a: Int32Array,
    slot_b: Int32Array,
    value: ComplexArray,
    free: int,
    start: Int32Array,
    head: Int32Array,
    y: FloatArray,
) -> int:
    """Fill the patches of each scenario (``head``: row, column, slot, flag); return how many."""
    count = 0
    is_dead = np.full(max(free, 1) + 1, -1, np.int64)
    for k in range(outage_start.size - 1):
        for q in range(dead_start[k], dead_start[k + 1]):
            is_dead[dead[q]] = k
            head[0, count], head[1, count], head[2, count], head[3, count] = dead[q], dead[q], -1, 8
            y[4 * count : 4 * count + 4] = 0.0
            count += 1
        for q in range(outage_start[k], outage_start[k + 1]):
            branch = outage[q]
            for side in range(2):
                row = end_a[branch] if side == 0 else end_b[branch]
                column = end_b[branch] if side == 0 else end_a[branch]
                slot = slot_a[branch] if side == 0 else slot_b[branch]
                own, other = value[branch, 2 * side], value[branch, 2 * side + 1]
                if row >= free:
                    continue
                flag = 7
                if is_dead[row] == k:
                    if column < free and is_dead[column] == k:
                        continue
                    flag = 2
                if row == column:
                    own, other, flag = own + other, 0.0 * other, 5
                head[0, count], head[1, count], head[2, count], head[3, count] = row, column, slot, flag
                y[4 * count], y[4 * count + 1] = own.real, own.imag
                y[4 * count + 2], y[4 * count + 3] = other.real, other.imag
                count += 1
        start[k + 1] = count
    return count


def patches_of(
    branches: Branches, free: int, outage_start: Int64Array, outage: Int32Array
) -> tuple[Patches, Int64Array, Int32Array]:
    """Make the patches of some scenarios.

    Parameters
    ----------
    branches : Branches
    free : int
        Nodes that are not reference nodes.
    outage_start, outage : (scenarios + 1,), (outages,) arrays
        Branches that are out in scenario k: ``outage[outage_start[k]:outage_start[k + 1]]``, none twice.

    Returns
    -------
    patches : Patches
    dead_start, dead : arrays
        Nodes (new numbers) that each scenario de-energises.
    """
    b = branches
    dead_start, dead = dead_nodes(
        outage_start, outage, b.graph_start, b.graph_node, b.graph_branch, b.walk, b.depth_of, b.size, b.beyond
    )
    room = 2 * len(outage) + len(dead)
    start = np.zeros(len(outage_start), np.int32)
    head = np.empty((4, room), np.int32)
    y = np.empty(4 * room)
    count = _lay_patches(
        outage_start, outage, dead_start, dead, b.start, b.end, b.slot_start, b.slot_end, b.value, free, start, head, y
    )
    row, column, slot, flag = (np.ascontiguousarray(part[:count]) for part in head)
    return Patches(start, row, column, slot, flag, y[: 4 * count]), dead_start, dead
