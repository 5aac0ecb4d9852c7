"""The static part of a factorisation by 2x2 blocks: where every block lies, and which block every product goes to.

Nodes are renumbered: free nodes first, in the order of elimination, reference nodes after them. Row i of the factor is
one run of slots, ascending by column: the blocks of L, the diagonal, the blocks of U. Filling a row, eliminating it and
the substitutions are then walks over flat lists of numbers, the same for every set of values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.kernels.ordering import Int32Array, minimum_degree, postorder
from ghostload.grid.kernels.solution import REF

HEADER = (
    "perm",
    "row",
    "diag",
    "col",
    "entry_row",
    "entry_col",
    "entry_slot",
    "entry_source",
    "diag_source",
    "fill_row",
    "fill_slot",
    "update",
)
"""What :attr:`Symbolic.code` begins with: the number of nodes, of free nodes, then the start of each of these lists."""


@dataclass(frozen=True, eq=False)
class Symbolic:
    """A pattern, ready for numbers.

    Attributes
    ----------
    nodes, free : int
        Nodes, and those of them that are not reference nodes.
    slots : int
        Blocks of the factor.
    updates : int
        Products of blocks in one factorisation.
    position : (n,) array
        New number of each node.
    code : array of int32
        All lists, one after the other, behind their starts; see :data:`HEADER` and :func:`section`.
    """

    nodes: int
    free: int
    slots: int
    updates: int
    position: Int32Array
    code: Int32Array

    def part(self, name: str) -> Int32Array:
        """Return one list."""
        return section(self.code, HEADER.index(name))


def section(code: Int32Array, index: int) -> Int32Array:
    """Return list ``index`` of the packed lists."""
    part: Int32Array = code[code[2 + index] : code[3 + index]]
    return part


def analyse(indptr: NDArray[np.integer], indices: NDArray[np.integer], node_type: NDArray[np.int8]) -> Symbolic:
    """Order the nodes and lay out the factor.

    Parameters
    ----------
    indptr, indices : arrays
        Pattern of the bus admittance matrix in CSR form, symmetric, with an explicit diagonal.
    node_type : (n,) array
        1 PQ, 2 PV, 3 reference.
    """
    n = len(indptr) - 1
    is_ref = node_type == REF
    free = np.flatnonzero(~is_ref)
    number = np.full(n, -1, np.int32)
    number[free] = np.arange(free.size)
    rows = np.repeat(np.arange(n), np.diff(indptr))
    keep = (number[rows] >= 0) & (number[indices] >= 0) & (rows != indices)
    neighbours = number[indices[keep]].astype(np.int32)
    begin = np.zeros(free.size + 1, np.int32)
    np.cumsum(np.bincount(number[rows[keep]], minlength=free.size), out=begin[1:])
    order, start, pattern = minimum_degree(begin, neighbours)
    steps = postorder(order, start, pattern)
    perm = np.concatenate([free[order[steps]], np.flatnonzero(is_ref)]).astype(np.int32)
    position = np.empty(n, np.int32)
    position[perm] = np.arange(n, dtype=np.int32)
    place = position[free]
    row, diag, col = _rows(steps, start, pattern, place)
    lists = _entries(np.asarray(indptr, np.int32), np.asarray(indices, np.int32), perm, position, row, col, free.size)
    update = _updates(row, diag, col)
    parts = (perm, row, diag, col, *lists, update)
    offsets = np.cumsum([3 + len(HEADER), *(part.size for part in parts)])
    code = np.concatenate([[n, free.size], offsets, *parts]).astype(np.int32)
    return Symbolic(n, int(free.size), int(col.size), int(update.size), position, code)


@kernel
def _rows(
    steps: Int32Array, start: Int32Array, pattern: Int32Array, place: Int32Array
) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Return start, diagonal slot and columns of each row, from the patterns found during ordering."""
    n = steps.size
    lower = np.zeros(n, np.int32)
    for node in pattern:
        lower[place[node]] += 1
    row = np.zeros(n + 1, np.int32)
    diag = np.empty(n, np.int32)
    for i in range(n):
        diag[i] = row[i] + lower[i]
        row[i + 1] = diag[i] + 1 + start[steps[i] + 1] - start[steps[i]]
    col = np.empty(row[n], np.int32)
    filled = row[:n].copy()
    for i in range(n):
        col[diag[i]] = i
        for q in range(start[steps[i]], start[steps[i] + 1]):
            j = place[pattern[q]]
            col[filled[j]] = i
            filled[j] += 1
    filled[:] = diag + 1
    for j in range(n):
        for p in range(row[j], diag[j]):
            i = col[p]
            col[filled[i]] = j
            filled[i] += 1
    return row, diag, col


@kernel
def _entries(
    indptr: Int32Array,
    indices: Int32Array,
    perm: Int32Array,
    position: Int32Array,
    row: Int32Array,
    col: Int32Array,
    free: int,
) -> tuple[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]:
    """Match the elements of the admittance matrix with slots; slots without one are listed as fill.

    Elements of row i: those off the diagonal in ``entry_*[entry_row[i]:entry_row[i + 1]]``, with slot -1 in columns of
    reference nodes; the diagonal's source in ``diag_source[i]``.
    """
    n = perm.size
    slot_of = np.full(n, -1, np.int32)
    taken = np.zeros(col.size, np.bool_)
    entry_row = np.zeros(free + 1, np.int32)
    entry_col = np.empty(indices.size, np.int32)
    entry_slot = np.empty(indices.size, np.int32)
    entry_source = np.empty(indices.size, np.int32)
    diag_source = np.full(free, -1, np.int32)
    fill_row = np.zeros(free + 1, np.int32)
    fill_slot = np.empty(col.size, np.int32)
    count = 0
    fills = 0
    for i in range(free):
        for p in range(row[i], row[i + 1]):
            slot_of[col[p]] = p
        node = perm[i]
        for source in range(indptr[node], indptr[node + 1]):
            j = position[indices[source]]
            if j == i:
                diag_source[i] = source
                taken[slot_of[i]] = True
                continue
            entry_col[count] = j
            entry_source[count] = source
            entry_slot[count] = -1
            if j < free:
                entry_slot[count] = slot_of[j]
                taken[slot_of[j]] = True
            count += 1
        entry_row[i + 1] = count
        for p in range(row[i], row[i + 1]):
            if not taken[p]:
                fill_slot[fills] = p
                fills += 1
        fill_row[i + 1] = fills
    return (
        entry_row,
        entry_col[:count],
        entry_slot[:count],
        entry_source[:count],
        diag_source,
        fill_row,
        fill_slot[:fills],
    )


@kernel
def _updates(row: Int32Array, diag: Int32Array, col: Int32Array) -> Int32Array:
    """Return the slots that the products of the elimination are taken from, in the order of the walk.

    For each row i, each of its L blocks (column k), each U block of row k (column j): the slot (i, j).
    """
    n = diag.size
    total = 0
    for i in range(n):
        for p in range(row[i], diag[i]):
            total += row[col[p] + 1] - diag[col[p]] - 1
    update = np.empty(total, np.int32)
    slot_of = np.full(n, -1, np.int32)
    at = 0
    for i in range(n):
        for p in range(row[i], row[i + 1]):
            slot_of[col[p]] = p
        for p in range(row[i], diag[i]):
            k = col[p]
            for q in range(diag[k] + 1, row[k + 1]):
                update[at] = slot_of[col[q]]
                at += 1
    return update
