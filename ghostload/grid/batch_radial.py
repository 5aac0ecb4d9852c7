"""Batches on radial grids: backward/forward sweeps in place of Newton's method, which gets what the sweep leaves.

Every scenario is solved by itself: what it gives does not depend on its neighbours, on chunks or on threads, to the
last bit. A scenario counts as solved when its mismatch of power is within the tolerance, as with Newton's method.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.batch import PIECES, BatchOptions, BatchResult, _map, _options, _sink, solve_scenarios
from ghostload.grid.batch_inputs import Inputs, Outages, read_inputs
from ghostload.grid.batch_outputs import Outputs, check_outputs
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.data import GridData
from ghostload.grid.kernels.compiled import first_call, kernel
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray
from ghostload.grid.network import Network
from ghostload.grid.radial.lanes import address, fma, get, larger, load, prefetch, put, spread, store
from ghostload.grid.radial.outputs import SeriesResult, into
from ghostload.grid.radial.plan import RadialPlan, recognise
from ghostload.grid.radial.tree import NotRadial

CLOSEST = 1e-10
"""Voltages are swept at least this near to the solution, per unit: angles and loadings follow from them."""

MOST_SWEEPS = 100
"""A scenario that needs more is near the nose of its PV curve, or beyond: Newton's method takes it."""

CHUNK_BYTES = 2**23
"""Voltages of a chunk: enough for a call to cost nothing, few enough for the processor's cache."""

LEAST_CHUNK, MOST_CHUNK = 64, 8192


class Powers:
    """The injections of a batch at the nodes that have any, chunk by chunk.

    Attributes
    ----------
    nodes : (L,) array
    kinds : int
        1 where all are at constant power, else 3: constant power, current and impedance.
    """

    def __init__(self, inputs: Inputs) -> None:
        base = np.stack([inputs.base_s, inputs.base_current, inputs.base_impedance])
        used = np.any(base != 0, axis=0)
        for term in inputs.terms:
            used[term.node[term.node >= 0]] = True
        self.nodes = np.flatnonzero(used)
        self.kinds = 3 if inputs.follows_voltage or bool(np.any(inputs.base_impedance)) else 1
        column = np.append(np.full(len(used), -1, np.int64), -1)
        column[self.nodes] = np.arange(len(self.nodes))
        here = base[: self.kinds, self.nodes]
        self._base = np.ascontiguousarray(np.stack([here.real, here.imag], axis=1))
        self._values = [term.values for term in inputs.terms]
        self._start = np.cumsum([0, *(len(term.node) for term in inputs.terms)])
        self._column = np.concatenate([np.zeros(0, np.int64), *(column[term.node] for term in inputs.terms)])
        self._scale = np.concatenate([np.zeros(0), *(term.scale for term in inputs.terms)])
        in_line = [np.array_equal(column[term.node], np.arange(len(term.node))) for term in inputs.terms]
        self._in_line = np.array(in_line, np.bool_)
        self._row = np.array([2 * term.kind + term.part for term in inputs.terms], np.int64)

    def of(self, first: int, last: int, room: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return those of some scenarios, and how much power can be missing per unit of change; see :func:`lay_powers`.

        Parameters
        ----------
        first, last : int
        room : array
            Takes the powers, :meth:`size` numbers a scenario.

        Returns
        -------
        (kinds, 2, scenarios, L) array
            Active then reactive, per unit.
        (scenarios,) array
        """
        count = last - first
        out = room[: self.size * count].reshape(2 * self.kinds, count, len(self.nodes))
        begin = np.array([values[first:last].ctypes.data for values in self._values], np.int64)
        missing = np.empty(count)
        with first_call("the inputs of batches"):
            lay_powers(
                self._base.reshape(2 * self.kinds, -1), begin, self._start, self._column, self._scale, self._row,
                self._in_line, out, missing,
            )  # fmt: skip
        return out.reshape(self.kinds, 2, count, -1), missing

    @property
    def size(self) -> int:
        """Numbers a scenario."""
        return 2 * self.kinds * len(self.nodes)


class Sweeper:
    """A radial circuit, prepared for a batch."""

    def __init__(self, network: Network, plan: RadialPlan, inputs: Inputs, tol: float) -> None:
        self.network, self.plan, self.inputs, self.tol = network, plan, inputs, tol
        self.powers, self._local = Powers(inputs), threading.local()
        self._turn = np.exp(1j * network.va_set_rad[plan.roots])
        self._held = network.vm_set[plan.roots]
        column = {node: number for number, node in enumerate(inputs.set_node.tolist())}
        given = [(root, column[node]) for root, node in enumerate(plan.roots.tolist()) if node in column]
        self._root, self._column = (
            np.array(part, np.int64) for part in (zip(*given, strict=True) if given else ([], []))
        )

    def solve(
        self, first: int, last: int, v: ComplexArray | None, vm: FloatArray | None, with_losses: bool
    ) -> tuple[SeriesResult, FloatArray]:
        """Sweep scenarios.

        Parameters
        ----------
        first, last : int
        v : (scenarios, n) complex array, optional
            Takes the voltages of the nodes.
        vm : (scenarios, B) array, optional
            Takes the magnitudes at the buses, all of which are under voltage, where ``v`` is None.
        with_losses : bool
            Have the sweep sum up losses, where ``v`` is None.

        Returns
        -------
        SeriesResult
        (scenarios,) array
            Largest mismatch of power there can be, per unit; NaN where there is no solution.
        """
        room = _scratch(self._local, "powers", (last - first) * self.powers.size)
        powers, missing = self.powers.of(first, last, room)
        parts = [(active, reactive) for active, reactive in powers]
        with np.errstate(divide="ignore"):
            most_change = (1.0 - 1e-9) * self.tol / missing
        result = self.plan.solve_series(
            parts[0],
            nodes=self.powers.nodes,
            s_i=parts[1] if len(parts) > 1 else None,
            s_z=parts[2] if len(parts) > 1 else None,
            v_root=self._roots(first, last),
            outputs=("v",) if v is not None else ("vm", "losses") if with_losses else ("vm",),
            at=None if v is not None else self.network.node_of_bus,
            tol=min(self.tol, CLOSEST),
            most_change=most_change,
            max_iter=MOST_SWEEPS,
            reuse=into(v, vm),
        )
        return result, missing * result.change

    def _roots(self, first: int, last: int) -> ComplexArray:
        size = np.repeat(self._held[None], last - first, axis=0)
        size[:, self._root] = self.inputs.set_vm[first:last, self._column]
        return np.asarray(size * self._turn)


_PLANS: WeakKeyDictionary[Prepared, RadialPlan | NotRadial] = WeakKeyDictionary()
"""Plans of the circuits of grids that are alive, or why there is none."""


def radial_plan(prepared: Prepared) -> RadialPlan | NotRadial:
    """Return the plan of a circuit, or why it cannot be swept."""
    found = _PLANS.get(prepared)
    if found is None:
        order = recognise(prepared.network)
        found = _PLANS[prepared] = order if isinstance(order, NotRadial) else RadialPlan(prepared.network, order)
    return found


def solve_radial(
    prepared: Prepared,
    data: GridData,
    tables: Mapping[str, Any],
    outages: Outages | None,
    outputs: tuple[str, ...],
    options: Mapping[str, Any],
    *,
    insist: bool = False,
) -> BatchResult | None:
    """Solve a batch by sweeps where the grid is radial, no generator holds a voltage and nothing is out.

    Parameters
    ----------
    prepared, data, tables, outages, outputs, options
        As for :func:`ghostload.grid.batch.solve_scenarios`.
    insist : bool
        Say why where it cannot be swept.

    Returns
    -------
    BatchResult or None
        ``method`` is ``"sweep"``, ``fallback`` names the scenarios that Newton's method was asked for. None: the batch
        cannot be swept.

    Raises
    ------
    UsageError
        As for any batch; or, with ``insist``, the batch cannot be swept.
    """
    reason = "the batch has outages, which change the tree" if outages is not None and outages.branch.size else ""
    plan = radial_plan(prepared) if not reason else NotRadial(reason)
    if isinstance(plan, NotRadial):
        if insist:
            raise UsageError(f"method 'sweep': {plan.reason}; leave method out, and Newton's method is taken")
        return None
    given = dict(options)
    s_bus = given.pop("s_bus", None)
    chosen, names = _options(given), check_outputs(outputs)
    of_loads = {name: f"load_{name}" if name in ("p_mw", "q_mvar") else name for name in tables}
    inputs = read_inputs(prepared.network, data, {of_loads[name]: tables[name] for name in tables}, s_bus, outages)
    single = dict(tables) if s_bus is None else {**tables, "s_bus": s_bus}
    return _run(prepared, data, plan, inputs, single, names, chosen)


def _run(
    prepared: Prepared,
    data: GridData,
    plan: RadialPlan,
    inputs: Inputs,
    tables: Mapping[str, Any],
    names: tuple[str, ...],
    options: BatchOptions,
) -> BatchResult:
    """Sweep chunk by chunk and collect; ``tables`` is what ``inputs`` was read from."""
    network, total = prepared.network, inputs.scenarios
    n = network.n
    sweeper, outputs = Sweeper(network, plan, inputs, options.tol), Outputs(network, data, names)
    sink = None if options.path is None else _sink(options.path, network, data, names)
    kept = outputs.empty(total if sink is None else 0)
    iterations, mismatch = np.zeros(total, np.int64), np.zeros(total)
    fallback, reasons = np.zeros(total, np.bool_), dict[int, str]()
    newton, local = _Newton(prepared, data, tables, options), threading.local()
    with_losses = "losses_mw" in names
    quick = set(names) <= {"vm_pu", "losses_mw"} and bool((network.node_of_bus >= 0).all())

    def work(bounds: tuple[int, int]) -> dict[str, Any]:
        first, last = bounds
        at, count = slice(first, last), last - first
        out, rows = (kept, at) if sink is None else (outputs.empty(count), slice(0, count))
        v, vm = None, out["vm_pu"][rows] if quick and "vm_pu" in out else None
        if not quick:
            v = kept["v"][at] if "v" in kept else _scratch(local, "v", 2 * count * n).view(complex).reshape(count, n)
        found, mismatch[at] = sweeper.solve(first, last, v, vm, with_losses)
        iterations[at] = found.iterations
        if v is None and "losses_mw" in out and found.losses is not None:
            out["losses_mw"][rows, 0] = found.losses.real * network.sn_mva
        left = np.flatnonzero(~(mismatch[at] <= options.tol))
        others = [newton.solve(first + k) for k in left.tolist()]
        for k, other in zip(left.tolist(), others, strict=True):
            mismatch[first + k], fallback[first + k] = other.mismatch_pu[0], True
            iterations[first + k] += other.iterations[0]
            reasons.update((first + k, reason) for _, reason in other.failed)
            if v is not None:
                v[k] = other["v"][0]
            else:
                single = {name: array[rows][k : k + 1] for name, array in out.items()}
                outputs.fill(single, slice(0, 1), other["v"], inputs, first + k)
        if v is not None:
            outputs.fill(out, rows, v, inputs, first)
        if "losses_mw" in out:
            out["losses_mw"][rows][np.isnan(mismatch[at])] = np.nan
        return out

    chunks = _chunks(total, n, options)
    in_order = sink is not None or options.progress is not None
    for (first, last), out in zip(chunks, _map(work, chunks, options.n_jobs, in_order), strict=True):
        if sink is not None:
            sink.write(first, out, mismatch[first:last] <= options.tol, iterations[first:last])
        if options.progress is not None:
            options.progress(last, total)
    if sink is not None:
        sink.close()
        kept = {}
    if "losses_mw" in kept:
        kept["losses_mw"] = kept["losses_mw"][:, 0]
    failed, again = sorted(reasons.items()), np.flatnonzero(fallback)
    return BatchResult(mismatch <= options.tol, iterations, mismatch, failed, again, "sweep", kept)


class _Newton:
    """Newton's method for single scenarios, each by itself, so that none depends on which others need it."""

    def __init__(self, prepared: Prepared, data: GridData, tables: Mapping[str, Any], options: BatchOptions) -> None:
        self._prepared, self._data, self._options = prepared, data, options
        self._tables = {name: np.asarray(values) for name, values in tables.items()}

    def solve(self, k: int) -> BatchResult:
        options = self._options
        row = {name: values[k : k + 1] for name, values in self._tables.items()}
        return solve_scenarios(
            self._prepared, self._data, outputs=("v",), method="newton", tol=options.tol, max_iter=options.max_iter,
            fallback=options.fallback, **row,
        )  # fmt: skip


def _chunks(total: int, nodes: int, options: BatchOptions) -> list[tuple[int, int]]:
    """Cut a batch at multiples of sixteen; with threads so that each has several to take."""
    chunk = options.chunk
    if chunk is None:
        chunk = min(max(CHUNK_BYTES // (16 * max(nodes, 1)), LEAST_CHUNK), MOST_CHUNK)
        if options.n_jobs > 1:
            chunk = min(chunk, max(total // (PIECES * options.n_jobs) + 15, LEAST_CHUNK))
    size = max(16, chunk // 16 * 16)
    return [(first, min(first + size, total)) for first in range(0, total, size)]


def _scratch(local: threading.local, name: str, size: int) -> FloatArray:
    """Return memory of this thread for so many numbers, whatever is in it."""
    array: FloatArray | None = getattr(local, name, None)
    if array is None or len(array) < size:
        array = np.empty(size)
        setattr(local, name, array)
    return array[:size]


@kernel
def lay_powers(
    base: FloatArray,
    begin: IntArray,
    start: IntArray,
    column: IntArray,
    scale: FloatArray,
    row: IntArray,
    in_line: NDArray[np.bool_],
    out: FloatArray,
    missing: FloatArray,
) -> None:
    """Fill ``out`` (rows, scenarios, L) with the injections of scenarios, and ``missing`` (scenarios,).

    Voltages of a sweep fit the currents of the voltages before exactly, so that what is missing at a node is how much
    its current has changed: for each unit of ``change / |v|`` no more than once its constant power, twice its constant
    current and once its constant impedance. Magnitudes are taken to be from 0.5 to 2 per unit. ``missing`` is what can
    be missing at most for a change of one.

    Parameters
    ----------
    base : (rows, L) array
        What all scenarios share; rows are active and reactive power at constant power, then current, then impedance.
    begin : (terms,) array
        Where the values of each term are: an address; scenario after scenario.
    start : (terms + 1,) array
        Where the elements of each term begin in ``column`` (-1: left out) and ``scale``.
    row, in_line : (terms,) arrays
        Row of the term, and whether its columns are those of ``out`` from the first on, one after the other.
    """
    width = base.shape[1]
    to_scale, to_out = address(scale), address(out)
    for k in range(missing.size):
        for r in range(base.shape[0]):
            out[r, k, :] = base[r]
        for term in range(begin.size):
            first, count = start[term], start[term + 1] - start[term]
            to, at = to_out + 8 * width * (row[term] * missing.size + k), begin[term] + 8 * count * k
            done = 0
            if in_line[term]:
                done = count // 8 * 8
                for e in range(0, done, 8):
                    prefetch(at + 8 * (count + e))
                    store(to, e, fma(load(to_scale, first + e), load(at, e), load(to, e)))
            for e in range(done, count):
                if column[first + e] >= 0:
                    put(to, column[first + e], get(to, column[first + e]) + scale[first + e] * get(at, e))
        total = 0.0
        for r in range(0, base.shape[0], 2):
            p, q = to_out + 8 * width * (r * missing.size + k), to_out + 8 * width * ((r + 1) * missing.size + k)
            total += (2.0 if r == 0 else 8.0) * math.sqrt(largest_square(p, q, width))
        missing[k] = total


@kernel
def largest_square(p: int, q: int, width: int) -> float:
    """Return the largest ``p^2 + q^2`` of numbers at two addresses."""
    eight = spread(0.0)
    done = width // 8 * 8
    for e in range(0, done, 8):
        a, b = load(p, e), load(q, e)
        eight = larger(fma(a, a, b * b), eight)
    largest = 0.0
    for e in range(done, width):
        largest = max(largest, get(p, e) ** 2 + get(q, e) ** 2)
    lanes = np.empty(8)
    store(address(lanes), 0, eight)
    for value in lanes:
        largest = max(largest, value)
    return largest
