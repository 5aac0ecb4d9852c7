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

from ghostload.errors import UsageError
from ghostload.grid.batch import BatchOptions, BatchResult, _map, _options, _sink, solve_scenarios
from ghostload.grid.batch_inputs import Inputs, Outages, read_inputs
from ghostload.grid.batch_outputs import Outputs, check_outputs
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.data import GridData
from ghostload.grid.kernels.compiled import first_call, kernel
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray
from ghostload.grid.network import Network
from ghostload.grid.radial.outputs import SeriesResult, into
from ghostload.grid.radial.plan import RadialPlan, recognise
from ghostload.grid.radial.tree import NotRadial

CLOSER = 1e-3
"""Voltages are swept this much closer than the mismatch of power may be: angles and loadings follow from them."""

MOST_SWEEPS = 100
"""A scenario that needs more is near the nose of its PV curve, or beyond: Newton's method takes it."""

CHUNK_BYTES = 2**22
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
        self._terms = [(term, column[term.node]) for term in inputs.terms]

    def of(self, first: int, last: int) -> FloatArray:
        """Return those of some scenarios: (kinds, 2, scenarios, L), active then reactive, per unit."""
        out = np.empty((self.kinds, 2, last - first, len(self.nodes)))
        out[:] = self._base[:, :, None, :]
        for term, column in self._terms:
            add_columns(term.values[first:last], column, term.scale, out[term.kind, term.part])
        return out


class Sweeper:
    """A radial circuit, prepared for a batch."""

    def __init__(self, network: Network, plan: RadialPlan, inputs: Inputs, tol: float) -> None:
        self.network, self.plan, self.inputs, self.tol = network, plan, inputs, tol
        self.powers = Powers(inputs)
        self._turn = np.exp(1j * network.va_set_rad[plan.roots])
        self._held = network.vm_set[plan.roots]
        column = {node: number for number, node in enumerate(inputs.set_node.tolist())}
        given = [(root, column[node]) for root, node in enumerate(plan.roots.tolist()) if node in column]
        self._root, self._column = (
            np.array(part, np.int64) for part in (zip(*given, strict=True) if given else ([], []))
        )

    def solve(
        self, first: int, last: int, v: ComplexArray | None, vm: FloatArray | None
    ) -> tuple[SeriesResult, FloatArray]:
        """Sweep scenarios.

        Parameters
        ----------
        first, last : int
        v : (scenarios, n) complex array, optional
            Takes the voltages of the nodes.
        vm : (scenarios, B) array, optional
            Takes the magnitudes at the buses, all of which are under voltage, where ``v`` is None.

        Returns
        -------
        SeriesResult
        (scenarios,) array
            Largest mismatch of power there can be, per unit; NaN where there is no solution.
        """
        powers = self.powers.of(first, last)
        parts = [(active, reactive) for active, reactive in powers]
        result = self.plan.solve_series(
            parts[0],
            nodes=self.powers.nodes,
            s_i=parts[1] if len(parts) > 1 else None,
            s_z=parts[2] if len(parts) > 1 else None,
            v_root=self._roots(first, last),
            outputs=("v",) if v is not None else ("vm", "losses") if vm is not None else ("losses",),
            at=None if v is not None else self.network.node_of_bus,
            tol=self.tol * CLOSER,
            max_iter=MOST_SWEEPS,
            reuse=into(v, vm),
        )
        mismatch = np.empty(last - first)
        with first_call("the outputs of batches"):
            largest_mismatch(powers, result.change, mismatch)
        return result, mismatch

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
    quick = set(names) <= {"vm_pu", "losses_mw"} and bool((network.node_of_bus >= 0).all())

    def work(bounds: tuple[int, int]) -> dict[str, Any]:
        first, last = bounds
        at, count = slice(first, last), last - first
        out, rows = (kept, at) if sink is None else (outputs.empty(count), slice(0, count))
        v = None if quick else kept["v"][at] if "v" in kept else _scratch(local, count, n)
        found, mismatch[at] = sweeper.solve(first, last, v, out["vm_pu"][rows] if quick and "vm_pu" in out else None)
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

    chunks = _chunks(total, n, options.chunk)
    for (first, last), out in zip(chunks, _map(work, chunks, options.n_jobs), strict=True):
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


def _chunks(total: int, nodes: int, chunk: int | None) -> list[tuple[int, int]]:
    """Cut a batch at multiples of sixteen."""
    if chunk is None:
        chunk = min(max(CHUNK_BYTES // (16 * max(nodes, 1)), LEAST_CHUNK), MOST_CHUNK)
    size = max(16, chunk // 16 * 16)
    return [(first, min(first + size, total)) for first in range(0, total, size)]


def _scratch(local: threading.local, count: int, n: int) -> ComplexArray:
    """Return a thread's own memory for the voltages of a chunk."""
    array: ComplexArray | None = getattr(local, "v", None)
    if array is None or len(array) < count:
        array = local.v = np.empty((count, n), np.complex128)
    return array[:count]


@kernel
def add_columns(values: FloatArray, column: IntArray, scale: FloatArray, out: FloatArray) -> None:
    """Add ``scale * values`` (scenarios, elements) to the columns of ``out``; those of column -1 are left out."""
    for k in range(values.shape[0]):
        for e in range(column.size):
            if column[e] >= 0:
                out[k, column[e]] += scale[e] * values[k, e]


@kernel
def largest_mismatch(powers: FloatArray, change: FloatArray, out: FloatArray) -> None:
    """Fill ``out`` (scenarios,) with a bound of the mismatch of power after a sweep.

    Voltages of a sweep fit the currents of the voltages before exactly, so that what is missing at a node is how much
    its current has changed: for each unit of ``change / |v|`` no more than once its constant power, twice its constant
    current and once its constant impedance. Magnitudes are taken to be from 0.5 to 2 per unit.
    """
    for k in range(change.size):
        largest = 0.0
        for at in range(powers.shape[3]):
            p, q = powers[0, 0, k, at], powers[0, 1, k, at]
            largest = max(largest, p * p + q * q)
        total = math.sqrt(largest)
        for kind in range(1, powers.shape[0]):
            largest = 0.0
            for at in range(powers.shape[3]):
                p, q = powers[kind, 0, k, at], powers[kind, 1, k, at]
                largest = max(largest, p * p + q * q)
            total += 4.0 * math.sqrt(largest)
        out[k] = 2.0 * total * change[k]
