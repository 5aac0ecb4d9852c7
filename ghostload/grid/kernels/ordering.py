"""The order in which nodes are eliminated: minimum degree on the graph of the grid, then a postorder of its tree.

Minimum degree [1]_ takes, at each step, a node with the fewest neighbours left, and joins its neighbours to one
another. Grids are nearly planar, so the graph is kept explicitly; what a node is joined to when its turn comes is at
the same time the pattern of its column of the factor, so the symbolic factorisation comes with the order.

References
----------
.. [1] W. F. Tinney and J. W. Walker, "Direct solutions of sparse network equations by optimally ordered triangular
   factorization", Proc. IEEE 55(11), 1967. :doi:`10.1109/PROC.1967.6011`
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compiled import kernel

Int32Array = NDArray[np.int32]


@kernel
def _grown(array: Int32Array, size: int) -> Int32Array:
    """Return a longer array that begins with the elements of this one."""
    longer = np.empty(max(size, 2 * array.size), np.int32)
    longer[: array.size] = array
    return longer


@kernel
def _unlink(node: int, degree: Int32Array, head: Int32Array, after: Int32Array, before: Int32Array) -> None:
    """Take a node out of the list of its degree."""
    if before[node] >= 0:
        after[before[node]] = after[node]
    else:
        head[degree[node]] = after[node]
    if after[node] >= 0:
        before[after[node]] = before[node]


@kernel
def _link(node: int, degree: Int32Array, head: Int32Array, after: Int32Array, before: Int32Array) -> None:
    """Put a node at the head of the list of its degree."""
    first = head[degree[node]]
    after[node] = first
    before[node] = -1
    if first >= 0:
        before[first] = node
    head[degree[node]] = node


@kernel
def minimum_degree(indptr: Int32Array, indices: Int32Array) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Order the nodes of an undirected graph and find the pattern of the factor.

    Parameters
    ----------
    indptr, indices : arrays
        Neighbours of each node, each edge in both directions, without the node itself.

    Returns
    -------
    order : (n,) array
        Nodes in the order of elimination.
    start : (n + 1,) array
        Where the pattern of the k-th eliminated node begins.
    pattern : array
        Nodes that the k-th eliminated node is joined to when its turn comes.
    """
    n = indptr.size - 1
    order = np.empty(n, np.int32)
    start = np.zeros(n + 1, np.int32)
    pattern = np.empty(2 * indices.size + n, np.int32)
    pool = np.empty(3 * indices.size + n, np.int32)
    pool[: indices.size] = indices
    used = indices.size
    first = indptr[:n].copy()
    degree = indptr[1:] - indptr[:n]
    room = degree.copy()
    head = np.full(n + 1, -1, np.int32)
    after = np.full(n, -1, np.int32)
    before = np.full(n, -1, np.int32)
    mark = np.full(n, -1, np.int32)
    for node in range(n - 1, -1, -1):
        _link(node, degree, head, after, before)
    least = 0
    for step in range(n):
        while head[least] < 0:
            least += 1
        pivot = head[least]
        size = degree[pivot]
        _unlink(pivot, degree, head, after, before)
        order[step] = pivot
        at = start[step]
        if at + size > pattern.size:
            pattern = _grown(pattern, at + size)
        pattern[at : at + size] = pool[first[pivot] : first[pivot] + size]
        start[step + 1] = at + size
        for q in range(at, at + size):
            node = pattern[q]
            _unlink(node, degree, head, after, before)
            old = degree[node]
            if room[node] < old + size:
                if used + old + size > pool.size:
                    pool = _grown(pool, used + old + size)
                pool[used : used + old] = pool[first[node] : first[node] + old]
                first[node] = used
                room[node] = old + size
                used += old + size
            base = first[node]
            count = 0
            mark[node] = q
            for p in range(base, base + old):
                other = pool[p]
                if other != pivot:
                    pool[base + count] = other
                    count += 1
                    mark[other] = q
            for p in range(at, at + size):
                other = pattern[p]
                if mark[other] != q:
                    pool[base + count] = other
                    count += 1
            degree[node] = count
            _link(node, degree, head, after, before)
            if count < least:
                least = count
    return order, start, pattern[: start[n]]


@kernel
def postorder(order: Int32Array, start: Int32Array, pattern: Int32Array) -> Int32Array:
    """Renumber an order of elimination so that each subtree of the elimination tree is contiguous.

    The factor is the same but for the numbering, and its rows are used soon after they are made.

    Returns
    -------
    (n,) array
        Steps of the old order in the new order.
    """
    n = order.size
    position = np.empty(n, np.int32)
    for step in range(n):
        position[order[step]] = step
    child = np.full(n + 1, -1, np.int32)
    sibling = np.full(n + 1, -1, np.int32)
    for step in range(n - 1, -1, -1):
        parent = n
        for p in range(start[step], start[step + 1]):
            parent = min(parent, position[pattern[p]])
        sibling[step] = child[parent]
        child[parent] = step
    result = np.empty(n, np.int32)
    stack = np.empty(n + 1, np.int32)
    stack[0] = n
    depth = 1
    count = 0
    while depth > 0:
        node = stack[depth - 1]
        nxt = child[node]
        if nxt >= 0:
            child[node] = sibling[nxt]
            stack[depth] = nxt
            depth += 1
        else:
            depth -= 1
            if node < n:
                result[count] = node
                count += 1
    return result
