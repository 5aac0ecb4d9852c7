"""One branch of an admittance matrix, written anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.compiled import kernel
from ghostload.grid.kernels.reach import are_joined
from ghostload.grid.kernels.solution import ComplexArray, IntArray

Int32Array = NDArray[np.int32]


@kernel
def put_branch(
    n: int,
    branch: int,
    yff: complex,
    yft: complex,
    ytf: complex,
    ytt: complex,
    position: IntArray,
    order: IntArray,
    start: IntArray,
    values: ComplexArray,
    y: ComplexArray,
) -> None:
    """Write the four admittances of a branch, and sum anew the elements of the matrix that they stand in.

    The sums run in the order of the values, so that they have the very bits of a sum over all of them.

    Parameters
    ----------
    n, branch : int
        Number of nodes; number of the branch.
    position : (n + 4 m,) array
        Element that each value is summed into: ``y_shunt`` of all nodes, then the admittances of all branches.
    order, start : (n + 4 m,), (nnz + 1,) arrays
        Values by element, and where those of each element begin.
    values, y : (n + 4 m,), (nnz,) arrays
        Written to.
    """
    m = (position.size - n) // 4
    at = n + branch
    values[at] = yff
    values[at + m] = yft
    values[at + 2 * m] = ytf
    values[at + 3 * m] = ytt
    for block in range(4):
        element = position[at + block * m]
        real = imag = 0.0
        for k in range(start[element], start[element + 1]):
            real += values[order[k]].real
            imag += values[order[k]].imag
        y[element] = complex(real, imag)


@kernel
def switch_branch(
    n: int,
    branch: int,
    change: int,
    position: IntArray,
    indptr: Int32Array,
    indices: Int32Array,
    live: Int32Array,
    a: int,
    b: int,
) -> bool:
    """Count a branch between nodes ``a`` and ``b`` in (``change`` 1) or out (-1); tell whether they are still joined.

    Parameters
    ----------
    indptr, indices : arrays
        Symmetric CSR pattern.
    live : (nnz,) array
        Branches behind each element; changed.
    """
    m = (position.size - n) // 4
    for block in (1, 2):
        live[position[n + block * m + branch]] += change
    return change > 0 or are_joined(indptr, indices, live, a, b)
