"""DC power flow: angles from active powers, losses and voltage magnitudes left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from ghostload.grid.kernels.solution import REF, FloatArray, IntArray


def dc_matrix(n: int, branch_from: IntArray, branch_to: IntArray, b: FloatArray) -> csc_matrix:
    """Weighted Laplacian of the branches, (n, n): the linear model's injections are this times the angles."""
    rows = np.concatenate([branch_from, branch_to, branch_from, branch_to])
    columns = np.concatenate([branch_from, branch_to, branch_to, branch_from])
    return csc_matrix((np.concatenate([b, b, -b, -b]), (rows, columns)), shape=(n, n))


def dc_angles(
    branch_from: IntArray,
    branch_to: IntArray,
    b: FloatArray,
    shift_rad: FloatArray,
    p: FloatArray,
    node_type: NDArray[np.int8],
    va_rad: FloatArray,
) -> FloatArray:
    """Solve the DC power flow.

    The flow on a branch is ``b * (va_from - va_to - shift)``; slacks keep the angle of ``va_rad``.

    Parameters
    ----------
    branch_from, branch_to : (m,) int array
    b : (m,) array
        Susceptance ``1/(x * ratio)``, per unit.
    shift_rad : (m,) array
        Phase shift from start to end.
    p : (n,) array
        Active power fed in, per unit; what shunts draw at 1.0 pu is taken off by the caller.
    node_type : (n,) int8 array
        Nodes of type REF are slacks; every island needs one.
    va_rad : (n,) array

    Returns
    -------
    (n,) array, rad. NaN throughout when the matrix is singular.
    """
    n = len(node_type)
    angle = np.array(va_rad, dtype=np.float64)
    free = np.flatnonzero(node_type != REF)
    if len(free) == 0:
        return angle
    turned = b * shift_rad
    injected = p + np.bincount(branch_from, turned, n) - np.bincount(branch_to, turned, n)
    matrix = dc_matrix(n, branch_from, branch_to, b)
    held = np.flatnonzero(node_type == REF)
    rest = matrix[free]
    try:
        factors = splu(csc_matrix(rest[:, free]))
    except RuntimeError:
        return np.full(n, np.nan)
    angle[free] = factors.solve(injected[free] - rest[:, held] @ angle[held])
    return angle


def dc_flows(
    branch_from: IntArray, branch_to: IntArray, b: FloatArray, shift_rad: FloatArray, angle_rad: FloatArray
) -> FloatArray:
    """Active power into each branch at its start, per unit; it leaves whole at the end."""
    return np.asarray(b * (angle_rad[branch_from] - angle_rad[branch_to] - shift_rad), dtype=np.float64)
