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
    "product",
    "pair",
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
    product, pair = _products(row, diag, col)
    parts = (perm, row, diag, col, *lists, product, pair)
    offsets = np.cumsum([3 + len(HEADER), *(part.size for part in parts)])
    code = np.concatenate([[n, free.size], offsets, *parts]).astype(np.int32)
    return Symbolic(n, int(free.size), int(col.size), int(pair.size) // 2, position, code)


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
        size = row[i + 1] - diag[i] - 1
        upper = col[diag[i] + 1 : row[i + 1]]
        for q in range(size):
            upper[q] = place[pattern[start[steps[i]] + q]]
        upper.sort()
        for q in range(size):
            j = upper[q]
            col[filled[j]] = i
            filled[j] += 1
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
def _products(row: Int32Array, diag: Int32Array, col: Int32Array) -> tuple[Int32Array, Int32Array]:
    """Return the products of blocks that are taken from each slot (i, j): L(i, k) U(k, j), by ascending k.

    Those of slot t are ``pair[2 * product[t]:2 * product[t + 1]]``: slot of L, slot of U, and so on.
    """
    n = diag.size
    slot_of = np.full(n, -1, np.int32)
    product = np.zeros(col.size + 1, np.int32)
    for i in range(n):
        for p in range(row[i], row[i + 1]):
            slot_of[col[p]] = p
        for p in range(row[i], diag[i]):
            for q in range(diag[col[p]] + 1, row[col[p] + 1]):
                product[slot_of[col[q]] + 1] += 1
    for t in range(col.size):
        product[t + 1] += product[t]
    pair = np.empty(2 * product[col.size], np.int32)
    filled = product[: col.size].copy()
    for i in range(n):
        for p in range(row[i], row[i + 1]):
            slot_of[col[p]] = p
        for p in range(row[i], diag[i]):
            for q in range(diag[col[p]] + 1, row[col[p] + 1]):
                t = slot_of[col[q]]
                pair[2 * filled[t]] = p
                pair[2 * filled[t] + 1] = q
                filled[t] += 1
    return product, pair
