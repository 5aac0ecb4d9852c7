"""Whether two nodes are still connected."""

from __future__ import annotations

import numpy as np

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.kernels.ordering import Int32Array


@kernel
def are_joined(indptr: Int32Array, indices: Int32Array, live: Int32Array, a: int, b: int) -> bool:
    """Walk from two nodes in turn, over elements with ``live`` branches, until the walks meet or one is at its end.

    Parameters
    ----------
    indptr, indices : arrays
        Symmetric CSR pattern.
    live : (nnz,) array
        Branches behind each element; 0 is no connection.
    """
    if a == b:
        return True
    n = indptr.size - 1
    seen = np.zeros(n, np.int8)
    queue = np.empty((2, n), np.int32)
    at = np.zeros(2, np.int32)
    size = np.ones(2, np.int32)
    queue[0, 0], queue[1, 0] = a, b
    seen[a], seen[b] = 1, 2
    side = 0
    while at[side] < size[side]:
        node = queue[side, at[side]]
        at[side] += 1
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            if live[e] == 0 or seen[other] == side + 1:
                continue
            if seen[other] != 0:
                return True
            seen[other] = side + 1
            queue[side, size[side]] = other
            size[side] += 1
        side = 1 - side
    return False
