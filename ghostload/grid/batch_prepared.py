"""What batches on one circuit share, made when first asked for and kept."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from ghostload.grid.kernels.outages import Branches, branches_of
from ghostload.grid.kernels.plan import Plan, make_plan
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, Solution
from ghostload.grid.network import Network, init_voltage, ybus


class Prepared:
    """A circuit with the parts of a batch that do not depend on the scenarios.

    Batches accept it in place of the network, which saves the preparation when there are many small ones.

    Parameters
    ----------
    network : Network
    v0 : (n,) complex array, optional
        Voltages near the solution, from which the base case is solved. Default: those of a DC power flow, or flat.
    """

    def __init__(self, network: Network, v0: ComplexArray | None = None) -> None:
        self.network = network
        self._v0 = v0
        self._lock = threading.Lock()
        self._bases: dict[tuple[float, int], tuple[Solution, FloatArray]] = {}

    @cached_property
    def matrix(self) -> csr_matrix:
        """Admittance matrix."""
        return ybus(self.network)

    @cached_property
    def y(self) -> ComplexArray:
        """Elements of the admittance matrix."""
        return np.asarray(self.matrix.data, np.complex128)

    @cached_property
    def plan(self) -> Plan:
        """Order of elimination and layout of the factor."""
        return make_plan(self.matrix.indptr, self.matrix.indices, self.network.node_type)

    @cached_property
    def branches(self) -> Branches:
        """Branches as outages need them."""
        n = self.network
        return branches_of(self.plan, n.branch_from, n.branch_to, n.yff, n.yft, n.ytf, n.ytt)

    @cached_property
    def start(self) -> ComplexArray:
        """Voltages to start from."""
        return init_voltage(self.network, "auto") if self._v0 is None else np.array(self._v0, np.complex128)

    @property
    def current(self) -> ComplexArray | None:
        """Constant-current injections, None when there are none."""
        return self.network.i_bus if np.any(self.network.i_bus) else None

    def base(self, tol: float, max_iter: int) -> tuple[Solution, FloatArray]:
        """Return the solution of the network as it is, and the factors there."""
        with self._lock:
            key = (tol, max_iter)
            if key not in self._bases:
                self._bases[key] = self.plan.solve_and_factor(
                    self.y, self.network.s_bus, self.start, tol, max_iter, self.current
                )
            return self._bases[key]

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self.network, "_v0": self._v0, "_bases": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
