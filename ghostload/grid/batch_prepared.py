"""What batches on one circuit share, made when first asked for and kept."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.grid.data import GridData
from ghostload.grid.kernels.outages import Branches, branches_of
from ghostload.grid.kernels.plan import Plan, make_plan
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray, Solution
from ghostload.grid.network import BRANCH_COMPONENTS, Network, init_voltage, ybus

Element = tuple[str, int]
"""Component and id."""


@dataclass(frozen=True, eq=False)
class Index:
    """Elements of a grid that are branches, numbered component by component.

    Attributes
    ----------
    names : tuple of (component, id)
    number : dict
        Number of each name.
    start, branch : (elements + 1,), (branches,) arrays
        Branches of element e of the circuit: ``branch[start[e]:start[e + 1]]``, in order; none where it is not live.
    in_service : array
        Numbers of the elements that are in service.
    """

    names: tuple[Element, ...]
    number: dict[Element, int]
    start: IntArray
    branch: NDArray[np.int32]
    in_service: IntArray


SCRATCH_BYTES = 2**25
"""Scratch of no more than this is kept from one batch to the next, for each thread."""


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
        self._elements: tuple[Element, ...] | None = None
        self._index: Index | None = None
        self._idle: list[dict[str, FloatArray]] = []

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

    def borrow(self) -> dict[str, FloatArray]:
        """Return named scratch that no other thread has, whatever is in it; the borrower adds what is missing."""
        try:
            return self._idle.pop()
        except IndexError:
            return {}

    def give_back(self, scratch: dict[str, FloatArray]) -> None:
        """Take scratch back for later batches: memory that was written before is quicker than new memory."""
        if sum(array.nbytes for array in scratch.values()) <= SCRATCH_BYTES:
            self._idle.append(scratch)

    @cached_property
    def rows(self) -> dict[Element, list[int]]:
        """Branches of each element that has any, by component and row of its table; elements in the order of branches.

        A three-winding transformer has three.
        """
        n = self.network
        found: dict[tuple[str, int], list[int]] = {}
        pairs = zip(n.branch_component.tolist(), n.branch_row.tolist(), strict=True)
        for branch, (component, row) in enumerate(pairs):
            found.setdefault((BRANCH_COMPONENTS[component], row), []).append(branch)
        return found

    def elements(self, data: GridData) -> tuple[Element, ...]:
        """Return component and id of what is in :attr:`rows`; ``data`` is that of the circuit."""
        if self._elements is None:
            ids = {component: data[component]["id"].tolist() for component in BRANCH_COMPONENTS}
            self._elements = tuple((component, ids[component][row]) for component, row in self.rows)
        return self._elements

    def index(self, data: GridData) -> Index:
        """Return the branches of every element of ``data``, those out of service and without voltage too."""
        if self._index is None:
            live = dict(zip(self.elements(data), self.rows.values(), strict=True))
            names = tuple((c, i) for c in BRANCH_COMPONENTS for i in data[c]["id"].tolist())
            parts = [live.get(name, ()) for name in names]
            start = np.zeros(len(names) + 1, np.int64)
            np.cumsum([len(part) for part in parts], out=start[1:])
            branch = np.array([number for part in parts for number in part], np.int32)
            in_service = np.concatenate([data[c]["in_service"] for c in BRANCH_COMPONENTS])
            number = {name: at for at, name in reversed(list(enumerate(names)))}
            self._index = Index(names, number, start, branch, np.flatnonzero(in_service))
        return self._index

    @cached_property
    def column(self) -> IntArray:
        """Place of the element of each branch in :attr:`rows`."""
        place = np.empty(self.network.m, np.int64)
        for number, branches in enumerate(self.rows.values()):
            place[branches] = number
        return place

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self.network, "_v0": self._v0, "_bases": {}, "_elements": None, "_index": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _idle=[])


_KEPT: dict[int, tuple[Any, Prepared]] = {}
"""What was prepared last for grids that are alive, and with which options, by the identity of their data."""


def prepared_for(data: GridData, options: Any, build: Callable[[], Network]) -> Prepared:
    """Return what an earlier batch on the same grid prepared, or prepare the circuit that ``build`` gives.

    It is kept until the data is no more or other options are wanted; many small batches on one grid are quick that way.
    """
    key = id(data)
    kept = _KEPT.get(key)
    if kept is not None and kept[0] == options:
        return kept[1]
    made = Prepared(build())
    if kept is None:
        weakref.finalize(data, _KEPT.pop, key, None)
    _KEPT[key] = options, made
    return made
