"""Radial grids, positive sequence: a plan made once for a circuit, then any number of steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ghostload.errors import UsageError
from ghostload.grid.radial.fold import Reduced, fold, path_impedance, reduce_tree
from ghostload.grid.radial.outputs import SeriesResult, begin_anew, checked_quantities, empty_results, finished
from ghostload.grid.radial.pool import run_steps, thread_count
from ghostload.grid.radial.tree import NotRadial, RadialOrder, radial_order

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Power = Any
"""Complex array (K, L), or a pair of real ones, or a function (start, stop) that returns either for those steps."""

_PQ, _REF = 1, 3
CHUNK = 8192
"""Steps asked at a time of a function that gives the powers."""


class RadialNetwork(Protocol):
    """What a plan reads of a circuit; :class:`ghostload.grid.network.Network` has it."""

    @property
    def node_type(self) -> NDArray[Any]:
        """(n,) 1 PQ, 2 PV, 3 REF."""

    @property
    def branch_from(self) -> IntArray:
        """(m,) nodes."""

    @property
    def branch_to(self) -> IntArray:
        """(m,) nodes."""

    @property
    def yff(self) -> ComplexArray:
        """(m,) per unit."""

    @property
    def yft(self) -> ComplexArray:
        """(m,) per unit."""

    @property
    def ytf(self) -> ComplexArray:
        """(m,) per unit."""

    @property
    def ytt(self) -> ComplexArray:
        """(m,) per unit."""

    @property
    def y_shunt(self) -> ComplexArray:
        """(n,) per unit."""

    @property
    def i_bus(self) -> ComplexArray:
        """(n,) injects ``i_bus |v|``."""

    @property
    def vm_set(self) -> FloatArray:
        """(n,) per unit."""

    @property
    def va_set_rad(self) -> FloatArray:
        """(n,) radians."""


def recognise(network: RadialNetwork) -> RadialOrder | NotRadial:
    """Return the order in which a circuit can be swept, or why it cannot: loops, PV nodes, two slacks in an island."""
    kinds = np.asarray(network.node_type)
    held = np.flatnonzero((kinds != _PQ) & (kinds != _REF))
    if len(held):
        return NotRadial(f"node {held[0]} holds its voltage with reactive power (PV)", tuple(held.tolist()))
    return radial_order(network.branch_from, network.branch_to, np.flatnonzero(kinds == _REF), len(kinds))


@dataclass(frozen=True, slots=True, eq=False)
class _Loading:
    """The circuit reduced to the nodes that the given columns load."""

    circuit: Any
    reduced: Reduced
    on_path: ComplexArray
    most_nodes: int
    most_loads: int
    probes: dict[bytes, Any] = field(default_factory=dict)


class RadialPlan:
    """Backward/forward sweep of a radial circuit, many steps side by side.

    Parameters
    ----------
    network : Network
        Only its branches, shunts, node types and set points are read.
    order : RadialOrder, optional
        What :func:`recognise` gave for the network, where it was asked already.

    Raises
    ------
    UsageError
        The circuit is not radial, or has PV nodes; the message says where.

    Notes
    -----
    Formulas and sources: ``docs/radial.md``.
    """

    def __init__(self, network: RadialNetwork, order: RadialOrder | NotRadial | None = None) -> None:
        order = recognise(network) if order is None else order
        if isinstance(order, NotRadial):
            raise UsageError(f"the grid cannot be swept: {order.reason}; solve it with Newton")
        self.order = order
        self.n = len(order.order)
        self.islands = len(order.island_start) - 1
        self.roots = order.order[order.island_start[:-1]]
        self._y_shunt = np.asarray(network.y_shunt, dtype=np.complex128)
        self._i_bus = np.asarray(network.i_bus, dtype=np.complex128)
        self._v_root = network.vm_set[self.roots] * np.exp(1j * network.va_set_rad[self.roots])
        admittances = (network.yff, network.yft, network.ytf, network.ytt)
        self.folded = fold(order, (network.branch_from, network.branch_to), admittances, self._y_shunt)
        self._loadings: dict[Any, _Loading] = {}

    def solve_series(
        self,
        s: Power,
        *,
        nodes: ArrayLike | None = None,
        s_i: Power | None = None,
        s_z: Power | None = None,
        v_root: ArrayLike | None = None,
        steps: int | None = None,
        outputs: str | Iterable[str] = ("v",),
        at: ArrayLike | None = None,
        tol: float = 1e-8,
        most_change: ArrayLike = np.inf,
        max_iter: int = 100,
        n_jobs: int = 1,
        reuse: SeriesResult | None = None,
    ) -> SeriesResult:
        """Solve K steps.

        Parameters
        ----------
        s : (K, L) complex array, pair of (K, L) real arrays, or function (start, stop) of either
            Constant power injected at each node of ``nodes``, per unit, generation positive. A function is asked for
            a few thousand steps at a time, so that a series larger than memory can be solved; it needs ``steps``.
        nodes : (L,) ints, optional
            Node of each column; several columns may name one node. Default: all nodes in their order. Nodes that
            draw nothing cost nothing when they are not named.
        s_i, s_z : like ``s``, optional
            Injections at 1 pu that grow with the voltage magnitude and with its square. ``s_i`` replaces the
            constant-current loads of the network.
        v_root : complex, (islands,) or (K, islands) complex array, optional
            Voltage of each root, in the order of ``roots``. Default: the set points of the network.
        steps : int, optional
            K, where ``s`` is a function.
        outputs : names out of ``"v"``, ``"vm"``, ``"extremes"``, ``"source"``, ``"losses"``
        at : (m,) ints, optional
            Nodes whose voltages are wanted. Default: all in their order.
        tol : float
            Largest distance of a voltage from the solution, per unit, as estimated from the change in the last sweep
            and the rate at which changes shrink, doubled.
        most_change : float or (K,) array
            Largest change of a voltage in the last sweep, per unit: how far currents may be from the voltages.
        max_iter : int
            Sweeps before a step is given up.
        n_jobs : int
            Threads; -1 for all processors. Results are the same, bit for bit, for any number.
        reuse : SeriesResult, optional
            Result of an earlier call for as many steps: its arrays are written again, which spares the machine from
            clearing new memory. It must not be used any more.

        Returns
        -------
        SeriesResult
            Steps without a solution are NaN and named in ``reason``.
        """
        from ghostload.grid.kernels.compiled import first_call
        from ghostload.grid.radial import sweep_kernel, sweep_parts

        columns = _indices(nodes, self.n, "nodes")
        wanted = checked_quantities(outputs)
        count = step_count(s, steps)
        limit, threads = checked_limit(tol, max_iter), thread_count(n_jobs)
        loading = self._loading(columns, s_i is None, sweep_parts.Circuit)
        probes = self._probes_at(loading, _indices(at, self.n, "at"), sweep_kernel.Probes)
        root_v = self._roots_at(v_root, count)
        most = np.broadcast_to(np.asarray(most_change, np.float64), (count,))
        raw = empty_results(wanted, count, len(probes.column), self.islands, reuse)
        parts = 3 if s_i is not None or s_z is not None or np.any(loading.circuit.steady) else 1
        size = CHUNK if callable(s) else max(count, 1)
        for begin in range(0, count, size):
            end = min(begin + size, count)
            given = [powers_of(a, begin, end, len(columns), name) for a, name in ((s, "s"), (s_i, "s_i"), (s_z, "s_z"))]
            part = tuple(a[begin:end] for a in raw)
            roots = root_v[begin:end]
            arrays = [array for pair in given for array in pair] + [roots.real, roots.imag, most[begin:end]]
            tables = sweep_parts.Given(parts, *(table_of(array) for array in arrays))

            def kernel(chosen: IntArray, most: int, work: Any, tables: Any = tables, part: Any = part) -> None:
                results = sweep_kernel.Results(*part)
                sweep_kernel.sweep(chosen, loading.circuit, tables, tol, most, probes, work, results)

            with first_call("radial grids"):
                run_steps(
                    kernel,
                    partial(sweep_kernel.work_arrays, loading.most_nodes, parts * loading.most_loads),
                    part[6],
                    partial(begin_anew, part),
                    block=sweep_parts.BLOCK,
                    nodes=len(loading.reduced.kept),
                    limit=limit,
                    n_jobs=threads,
                )
        return finished(raw, wanted, limit)

    def _loading(self, columns: IntArray, with_steady: bool, circuit_type: Any) -> _Loading:
        """Reduce the circuit to the nodes of the columns; kept for the next call with the same ones."""
        key = (columns.tobytes(), with_steady)
        if key in self._loadings:
            return self._loadings[key]
        order, folded = self.order, self.folded
        loaded = np.zeros(self.n, dtype=bool)
        loaded[order.position[columns]] = True
        steady = self._i_bus[order.order] if with_steady else np.zeros(self.n, dtype=np.complex128)
        loaded |= steady != 0
        shunt = self._y_shunt[order.order]
        reduced = reduce_tree(order, loaded | (shunt != 0))
        kept = reduced.kept
        on_path = path_impedance(order, reduced, folded.z)
        draws = np.flatnonzero(loaded[kept])
        load_of = np.full(len(kept), -1, dtype=np.int64)
        load_of[draws] = np.arange(len(draws))
        reduced_of = np.full(self.n, -1, dtype=np.int64)
        reduced_of[kept] = np.arange(len(kept))
        at = reduced_of[order.position[columns]]
        by_place = np.argsort(at, kind="stable")
        shunted = np.flatnonzero(shunt[kept] != 0)
        size = np.abs(folded.scale_v[kept])
        weight = 1.0 / (folded.scale_j * np.conj(folded.scale_v))[kept[draws]]
        circuit = circuit_type(
            start=reduced.island_start,
            parent=reduced.parent,
            z=pairs(on_path[kept]),
            load_of=load_of,
            load_start=np.searchsorted(draws, reduced.island_start),
            weight=pairs(weight),
            size=size[draws],
            steady=pairs(steady[kept[draws]]),
            column_start=np.searchsorted(at[by_place], reduced.island_start),
            column=by_place,
            column_load=load_of[at[by_place]],
            root_d=pairs(folded.root_d),
            shunt_start=np.searchsorted(shunted, reduced.island_start),
            shunt_node=shunted,
            shunt_s=pairs(np.conj(shunt[kept[shunted]]) * size[shunted] ** 2),
        )
        most_nodes = int(np.diff(circuit.start).max(initial=1))
        most_loads = int(np.diff(circuit.load_start).max(initial=0))
        self._loadings = {key: _Loading(circuit, reduced, on_path, most_nodes, most_loads)}
        return self._loadings[key]

    def _probes_at(self, loading: _Loading, nodes: IntArray, probes_type: Any) -> Any:
        """Return what :meth:`_probes` gives; the last is kept for calls that want the same nodes."""
        key = nodes.tobytes()
        made = loading.probes.get(key)
        if made is None:
            made = self._probes(loading, nodes, probes_type)
            loading.probes.clear()
            loading.probes[key] = made
        return made

    def _probes(self, loading: _Loading, nodes: IntArray, probes_type: Any) -> Any:
        """Express the wanted voltages by those of the kept nodes and the currents between them."""
        position = self.order.position[nodes]
        island = np.searchsorted(self.order.island_start, position, side="right") - 1
        # Island by island, and in the order of the columns, so that results are written line after line.
        by_island = np.argsort(island, kind="stable")
        place = position[by_island]
        reduced = loading.reduced
        kept = reduced.kept[reduced.above[place]] == place
        z = np.where(kept, 0.0, loading.on_path[place])
        start = np.searchsorted(island[by_island], np.arange(self.islands + 1))
        above, below = reduced.above[place], reduced.below[place]
        return probes_type(start, above, below, pairs(z), pairs(self.folded.scale_v[place]), by_island)

    def _roots_at(self, v_root: ArrayLike | None, count: int) -> ComplexArray:
        value = self._v_root if v_root is None else np.asarray(v_root, dtype=np.complex128)
        try:
            return np.broadcast_to(value, (count, self.islands))
        except ValueError:
            raise UsageError(
                f"v_root has shape {value.shape}; give one, one for each of {self.islands} islands, or as many a step"
            ) from None


def pairs(values: ComplexArray) -> FloatArray:
    """Return complex numbers as rows of two."""
    return np.stack([values.real, values.imag], axis=-1)


def table_of(array: NDArray[np.float64]) -> tuple[int, int, int]:
    """Return where an array is, for a kernel; the caller keeps it alive meanwhile."""
    from ghostload.grid.radial.sweep_parts import Table

    strides = array.strides if array.ndim == 2 else (*array.strides, 0)
    return Table(array.ctypes.data, *strides)


def _indices(nodes: ArrayLike | None, n: int, name: str) -> IntArray:
    chosen = np.arange(n) if nodes is None else np.asarray(nodes, dtype=np.int64).ravel()
    wrong = np.flatnonzero((chosen < 0) | (chosen >= n))
    if len(wrong):
        raise UsageError(f"{name}: entry {wrong[0]} is node {chosen[wrong[0]]}; nodes are 0 to {n - 1}")
    return chosen


def checked_limit(tol: float, max_iter: int) -> int:
    """Return the most sweeps; a tolerance or limit that cannot be is an error."""
    if not tol > 0:
        raise UsageError(f"tol is {tol}; give a positive number, as 1e-8")
    if max_iter < 1:
        raise UsageError(f"max_iter is {max_iter}; give 1 or more")
    return int(max_iter)


def step_count(s: Power, steps: int | None) -> int:
    """Return K."""
    if callable(s):
        if steps is None:
            raise UsageError("s is a function; give the number of steps too")
        return steps
    return len(s[0]) if isinstance(s, tuple) else len(s)


def powers_of(
    given: Power | None, begin: int, end: int, columns: int, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the active and the reactive powers of some steps."""
    if given is None:
        nothing = np.broadcast_to(np.zeros(1), (end - begin, columns))
        return nothing, nothing
    part = given(begin, end) if callable(given) else given
    if isinstance(part, tuple):
        p, q = (np.asarray(a, dtype=np.float64) for a in part)
    else:
        whole = np.asarray(part)
        p, q = whole.real.astype(np.float64, copy=False), whole.imag.astype(np.float64, copy=False)
    for array in (p, q):
        if array.shape != (end - begin, columns):
            raise UsageError(f"{name} has shape {array.shape}; expected {(end - begin, columns)}: steps by nodes")
    return p, q
