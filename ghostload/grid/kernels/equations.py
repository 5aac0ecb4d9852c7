r"""The power-flow equations of a circuit and their derivatives, as flat arrays.

Polar coordinates; unknowns are the angles of all nodes but the slacks and the magnitudes of the PQ nodes. With the
admittance matrix :math:`Y`, voltages :math:`v` and :math:`S_{ij} = v_i \overline{Y_{ij} v_j}`, the Jacobian is

.. math::

    \partial S_i/\partial\theta_j = -j S_{ij}, \qquad \partial S_i/\partial|v_j| = S_{ij}/|v_j| \qquad (i \ne j)

with :math:`j (S_i - S_{ii})` and :math:`(S_i + S_{ii})/|v_i| - I_i` on the diagonal, :math:`I` the constant-current
injections.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from ghostload.grid.kernels.solution import PQ, REF, ComplexArray, FloatArray, IntArray

ROUNDING = 50.0
"""A mismatch below this many units in the last place of the flows at a node cannot be made smaller."""


class Equations:
    """The power-flow equations of one circuit and one set of node types: mismatch and Jacobian as flat arrays.

    Parameters
    ----------
    ybus : (n, n) complex CSR
        Indices sorted, every diagonal entry stored.
    node_type : (n,) int8 array
        1 PQ, 2 PV, 3 REF.
    """

    def __init__(self, ybus: csr_matrix, node_type: NDArray[np.int8]) -> None:
        self.y = np.asarray(ybus.data, dtype=np.complex128)
        self.ybus, self.node_type = ybus, node_type
        n = len(node_type)
        self.columns = np.asarray(ybus.indices, dtype=np.int64)
        self.rows = np.repeat(np.arange(n), np.diff(ybus.indptr))
        self.diagonal = np.flatnonzero(self.rows == self.columns)
        self.angle_nodes = np.flatnonzero(node_type != REF)
        self.magnitude_nodes = np.flatnonzero(node_type == PQ)
        self.angles = len(self.angle_nodes)
        self.size = self.angles + len(self.magnitude_nodes)
        angle_at, magnitude_at = np.full(n, -1), np.full(n, -1)
        angle_at[self.angle_nodes] = np.arange(self.angles)
        magnitude_at[self.magnitude_nodes] = np.arange(self.angles, self.size)
        self._lay_out(angle_at, magnitude_at)

    def _lay_out(self, angle_at: IntArray, magnitude_at: IntArray) -> None:
        """Find where each admittance goes in the compressed columns of the Jacobian's four blocks."""
        blocks = [(r, c) for r in (angle_at, magnitude_at) for c in (angle_at, magnitude_at)]
        places = [(r[self.rows], c[self.columns]) for r, c in blocks]
        self.taken = [np.flatnonzero((r >= 0) & (c >= 0)) for r, c in places]
        rows = np.concatenate([r[k] for (r, _), k in zip(places, self.taken, strict=True)])
        columns = np.concatenate([c[k] for (_, c), k in zip(places, self.taken, strict=True)])
        self.order = np.lexsort((rows, columns))
        self.indices = rows[self.order].astype(np.int32)
        self.indptr = np.searchsorted(columns[self.order], np.arange(self.size + 1)).astype(np.int32)

    def power(self, v: ComplexArray) -> ComplexArray:
        """Power that flows from each node into the grid."""
        return np.asarray(v * np.conj(self.ybus @ v), dtype=np.complex128)

    def mismatch(self, v: ComplexArray, s: ComplexArray, i_bus: ComplexArray) -> FloatArray:
        """Return what the equations lack: active power of all but slacks, then reactive power of PQ nodes."""
        return self.select(self.power(v) - s - i_bus * np.abs(v))

    def select(self, power: ComplexArray) -> FloatArray:
        """Pick the active and reactive powers for which there are equations."""
        return np.concatenate([power.real[self.angle_nodes], power.imag[self.magnitude_nodes]])

    def rounding(self, v: ComplexArray) -> float:
        """Mismatch that rounding alone can bring about."""
        flows = np.abs(v[self.rows]) * np.abs(self.y * v[self.columns])
        return float(ROUNDING * np.finfo(np.float64).eps * np.max(flows, initial=0.0))

    def node_of(self, equation: int) -> int:
        """Node to which an equation belongs."""
        if equation < self.angles:
            return int(self.angle_nodes[equation])
        return int(self.magnitude_nodes[equation - self.angles])

    def jacobian(self, v: ComplexArray, i_bus: ComplexArray) -> csc_matrix:
        """Return the derivative of the mismatch by angles and magnitudes."""
        magnitude = np.abs(v)
        s_ij = v[self.rows] * np.conj(self.y * v[self.columns])
        s_i = self.power(v)
        own = s_ij[self.diagonal]
        by_angle = -1j * s_ij
        by_angle[self.diagonal] = 1j * (s_i - own)
        by_magnitude = s_ij / magnitude[self.columns]
        by_magnitude[self.diagonal] = (s_i + own) / magnitude - i_bus
        p_angle, p_magnitude, q_angle, q_magnitude = self.taken
        data = np.concatenate(
            [
                by_angle.real[p_angle],
                by_magnitude.real[p_magnitude],
                by_angle.imag[q_angle],
                by_magnitude.imag[q_magnitude],
            ]
        )
        return csc_matrix((data[self.order], self.indices, self.indptr), shape=(self.size, self.size))

    def move(self, v: ComplexArray, step: FloatArray) -> ComplexArray:
        """Return the voltages after a step in angles and magnitudes."""
        angle, magnitude = np.zeros(len(v)), np.abs(v)
        angle[self.angle_nodes] = step[: self.angles]
        new = magnitude.copy()
        new[self.magnitude_nodes] += step[self.angles :]
        return np.asarray(v / magnitude * new * np.exp(1j * angle), dtype=np.complex128)
