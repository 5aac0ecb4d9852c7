"""The admittance matrix of a network as a fixed pattern, into which values are summed, all or one branch's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.grid.kernels.solution import ComplexArray, IntArray
from ghostload.grid.network import Network

Int32Array = NDArray[np.int32]


class Pattern:
    """Where the admittances of a network stand in its matrix.

    What is summed is called the values: ``y_shunt`` of all nodes, then ``yff``, ``yft``, ``ytf``, ``ytt`` of all
    branches.

    Attributes
    ----------
    n, m : int
        Nodes and branches.
    indptr, indices : int32 arrays
        CSR pattern, indices sorted, every diagonal entry stored.
    position : (n + 4 m,) array
        Element that each value is summed into.
    """

    __slots__ = ("_groups", "indices", "indptr", "m", "n", "position")

    def __init__(self, network: Network) -> None:
        n, self.m = network.n, network.m
        self.n = n
        f, t, each = network.branch_from, network.branch_to, np.arange(n)
        key = np.concatenate([each, f, f, t, t]) * max(n, 1) + np.concatenate([each, f, t, f, t])
        unique, self.position = np.unique(key, return_inverse=True)
        self.indices = (unique % max(n, 1)).astype(np.int32)
        self.indptr = np.searchsorted(unique, np.arange(n + 1) * max(n, 1)).astype(np.int32)
        self._groups: tuple[IntArray, IntArray] | None = None

    def values(self, network: Network) -> ComplexArray:
        """Return what is summed into the matrix."""
        return np.concatenate([network.y_shunt, network.yff, network.yft, network.ytf, network.ytt])

    def fill(self, values: ComplexArray) -> ComplexArray:
        """Return the elements of the matrix, in the order of ``indices``."""
        size = len(self.indices)
        out = np.empty(size, np.complex128)
        out.real = np.bincount(self.position, values.real, size)
        out.imag = np.bincount(self.position, values.imag, size)
        return out

    @property
    def groups(self) -> tuple[IntArray, IntArray]:
        """Values by the element that they are summed into, and where those of each element begin."""
        if self._groups is None:
            counts = np.bincount(self.position, minlength=len(self.indices))
            start = np.concatenate([[0], np.cumsum(counts)])
            self._groups = np.argsort(self.position, kind="stable"), start
        return self._groups

    def live(self) -> Int32Array:
        """Count the branches behind each element off the diagonal."""
        between = self.position[self.n + self.m : self.n + 3 * self.m]
        return np.bincount(between, minlength=len(self.indices)).astype(np.int32)

    def matrix(self, values: ComplexArray) -> csr_matrix:
        """Return the matrix with its elements."""
        matrix = csr_matrix((values, self.indices, self.indptr), shape=(self.n, self.n))
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = True
        return matrix
