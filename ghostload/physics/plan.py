"""A feeder made ready for the sweep: made once, then any number of steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ghostload.errors import UsageError
from ghostload.physics.bits import BLOCK
from ghostload.physics.circuit import Circuit, circuit_of
from ghostload.physics.flows import FeederFlows
from ghostload.streams import FloatArray
from ghostload.wires.model import Wires

_PIECE = 512
"""Steps in one piece of work for a thread."""

_KINDS = {"float64": 0, "float32": 1, "int32": 2}


class _Raw(NamedTuple):
    """Arrays that the kernel fills; rows of steps are whole blocks."""

    service: NDArray[np.float32]
    delivered: FloatArray
    reactive: FloatArray
    low_loss: FloatArray
    own_loss: FloatArray
    head: FloatArray
    sweeps: FloatArray
    state: FloatArray


class FeederPlan:
    """Backward/forward sweep of one feeder, each node with the phases that it has.

    Parameters
    ----------
    wires : Wires
    feeder : int

    Attributes
    ----------
    meters, transformers : (n,), (T,) arrays
        Numbers of the feeder's meters and transformers, in the order of inputs and results.
    nodes : slice
        The feeder's nodes in ``wires.layout``.

    Raises
    ------
    UsageError
        A transformer's vector group is not YNyn or Dyn.

    Notes
    -----
    Formulas and sources: ``docs/physics.md``.
    """

    def __init__(self, wires: Wires, feeder: int) -> None:
        self.wires, self.feeder = wires, feeder
        self.nodes = wires.nodes_of(feeder)
        self.circuit: Circuit = circuit_of(wires, feeder)
        self.meters, self.transformers = self.circuit.meters, self.circuit.transformers
        self._idle: list[Any] = []

    def solve(
        self,
        p_kw: NDArray[Any],
        q_kvar: NDArray[Any],
        *,
        minutes: float = 60.0,
        head_pu: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        voltages: bool = True,
        tol: float = 1e-8,
        max_iter: int = 100,
        n_jobs: int = 1,
    ) -> FeederFlows:
        """Solve steps in which each meter draws constant power.

        Parameters
        ----------
        p_kw, q_kvar : (n, S) arrays of float64 or float32
            Mean power of each meter in each step, the meters in the order of :attr:`meters`.
        minutes : float
            Length of a step, for energies.
        head_pu : (S,) array or a number, optional
            Voltage at the substation; the practice's by default.
        weight : (S,) array, optional
            Whole numbers above 0: how many steps each stands for in the sums over time. 1 by default.
        voltages : bool
            Whether the voltages of the meters are wanted; without them ``service_v`` has no steps.
        tol : float
            Largest distance of a voltage from the solution, per unit, as estimated from the change in the last sweep
            and the rate at which changes shrink, doubled.
        max_iter : int
            Sweeps before a step is given up.
        n_jobs : int
            Threads. Results are the same, bit for bit, for any number and for any splitting of the steps.

        Returns
        -------
        FeederFlows

        Raises
        ------
        UsageError
            Shapes or types do not fit.
        """
        return self._solve(p_kw, q_kvar, 1.0, minutes, head_pu, weight, voltages, tol, max_iter, n_jobs)

    def solve_wh(
        self,
        wh: NDArray[np.int32],
        varh: NDArray[np.int32],
        minutes: float,
        *,
        head_pu: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        voltages: bool = True,
        tol: float = 1e-8,
        max_iter: int = 100,
        n_jobs: int = 1,
    ) -> FeederFlows:
        """Solve steps in which each meter draws whole watt-hours and var-hours; see :meth:`solve`."""
        return self._solve(wh, varh, 60.0 / minutes / 1e3, minutes, head_pu, weight, voltages, tol, max_iter, n_jobs)

    def _solve(
        self,
        p: NDArray[Any],
        q: NDArray[Any],
        scale: float,
        minutes: float,
        head_pu: ArrayLike | None,
        weight: ArrayLike | None,
        voltages: bool,
        tol: float,
        max_iter: int,
        n_jobs: int,
    ) -> FeederFlows:
        from ghostload.grid.kernels.compiled import first_call
        from ghostload.physics import kernel
        from ghostload.physics.finish import sweep

        p, q = self._checked(p, q)
        if not (tol > 0 and max_iter >= 1 and minutes > 0 and n_jobs >= 1):
            values = f"tol {tol}, max_iter {max_iter}, minutes {minutes}, n_jobs {n_jobs}"
            raise UsageError(f"{values}: all must be positive")
        steps = p.shape[1]
        head = _by_step("head_pu", self.wires.practice.head_voltage_pu if head_pu is None else head_pu, steps)
        counts = _by_step("weight", 1.0 if weight is None else weight, steps)
        if not (counts >= 1).all() or not (counts == np.rint(counts)).all():
            raise UsageError("weight: all must be whole numbers above 0; leave out what does not count")
        c = self.circuit
        node, one, z, wiring, shunt, start = (
            table.ctypes.data for table in (c.node, c.one, c.z, c.wiring, c.shunt, c.start)
        )
        feeder = kernel.Feeder(len(c.node), len(c.meters), node, one, z, wiring, shunt, start, c.low_v)
        powers = (p.ctypes.data, q.ctypes.data, p.strides[0], q.strides[0])
        given = kernel.Given(_KINDS[p.dtype.name], scale, *powers, head.ctypes.data, counts.ctypes.data)
        raw = self._empty(steps, voltages)
        strides = (raw.service.strides[0], 4) if voltages else (0, 0)
        results = kernel.Results(raw.delivered.shape[1], *strides, *(array.ctypes.data for array in raw))

        def worker(first: int, threads: int) -> Any:
            arrays = self._work_arrays(kernel)
            work = kernel.Work(*(array.ctypes.data for array in arrays))
            for begin in range(first * _PIECE, steps, threads * _PIECE):
                sweep(feeder, given, begin, min(begin + _PIECE, steps), tol, max_iter, work, results)
            return arrays

        with first_call("power flow of feeders"):
            if n_jobs == 1:
                parts = [worker(0, 1)]
            else:
                with ThreadPoolExecutor(n_jobs) as pool:
                    parts = list(pool.map(lambda i: worker(i, n_jobs), range(n_jobs)))
        flows = self._flows(raw, parts, counts, minutes, max_iter, voltages)
        self._idle.extend(parts)
        return flows

    def _work_arrays(self, kernel: Any) -> Any:
        """Return one thread's arrays: those of an earlier call, since new memory costs more than many sweeps."""
        c = self.circuit
        try:
            arrays = self._idle.pop()
        except IndexError:
            arrays = kernel.work_arrays(c.rows, len(c.meters), len(c.transformers), len(c.node))
        kernel.clear_sums(arrays)
        return arrays

    def _checked(self, p: NDArray[Any], q: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        p, q = np.asarray(p), np.asarray(q)
        if p.ndim != 2 or p.shape != q.shape or len(p) != len(self.meters):
            raise UsageError(
                f"powers have shapes {p.shape} and {q.shape}; feeder {self.feeder} has {len(self.meters)} meters, "
                "give meters x steps for both"
            )
        kind = p.dtype if p.dtype == q.dtype and p.dtype.name in _KINDS else np.dtype(np.float64)

        def rows(a: NDArray[Any]) -> NDArray[Any]:
            a = a.astype(kind, copy=False)
            return a if a.strides[1] == kind.itemsize or a.shape[1] <= 1 else np.ascontiguousarray(a)

        return rows(p), rows(q)

    def _empty(self, steps: int, voltages: bool) -> _Raw:
        padded = -(-steps // BLOCK) * BLOCK
        by_transformer = (len(self.transformers), padded)
        shape = (len(self.meters), padded) if voltages else (1, BLOCK)
        service = np.empty(shape, dtype=np.float32)
        return _Raw(
            service,
            np.empty(by_transformer),
            np.empty(by_transformer),
            np.empty(by_transformer),
            np.empty(by_transformer),
            np.empty((2, padded)),
            np.zeros(padded),
            np.ones(padded),
        )

    def _flows(
        self, raw: _Raw, parts: list[Any], counts: FloatArray, minutes: float, limit: int, voltages: bool
    ) -> FeederFlows:
        """Blank the steps without a solution, add the threads' sums, and turn powers into energies."""
        steps = len(counts)
        failed = np.flatnonzero(raw.state[:steps] < 1)
        hours = minutes / 60.0
        for energy in (raw.delivered, raw.reactive, raw.low_loss, raw.own_loss):
            energy *= 1e3 * hours
        for array in raw[0 if voltages else 1 : 6]:
            array[:, failed] = np.nan
        # Rows of nodes behind each other: sums along them are many times faster than along eight lanes.
        sums = np.stack([np.ascontiguousarray(part[5].transpose(1, 2, 0)) for part in parts])
        iron = np.stack([part[6] for part in parts]).sum(axis=(0, 2))
        solved = float(counts.sum() - counts[failed].sum())
        phases = np.bitwise_count(self.wires.phases[self.nodes]).astype(np.int64)
        lost, mean = sums[:, 0].sum(axis=(0, 1)), sums[:, 1].sum(axis=(0, 1))
        low, high = sums[:, 2].min(axis=(0, 1)), sums[:, 3].max(axis=(0, 1))
        return FeederFlows(
            minutes=minutes,
            service_v=raw.service[:, :steps] if voltages else np.empty((len(self.meters), 0), dtype=np.float32),
            delivered_wh=raw.delivered[:, :steps],
            delivered_varh=raw.reactive[:, :steps],
            low_loss_wh=raw.low_loss[:, :steps],
            own_loss_wh=raw.own_loss[:, :steps],
            head_kw=raw.head[0, :steps],
            head_kvar=raw.head[1, :steps],
            edge_loss_kwh=lost * hours,
            iron_loss_kwh=iron * hours,
            vm_mean_pu=mean / (phases * solved) if solved else np.full(len(mean), np.nan),
            vm_lowest_pu=low if solved else np.full(len(mean), np.nan),
            vm_highest_pu=high if solved else np.full(len(mean), np.nan),
            sweeps=raw.sweeps[:steps].astype(np.int64),
            reason={
                int(k): f"no fixed point within {limit} sweeps" if raw.state[k] == 0 else "voltages are not finite"
                for k in failed
            },
        )


def kernels() -> tuple[Any, ...]:
    """Return what :func:`compile_kernels` compiles."""
    from ghostload.physics.finish import sweep

    return (sweep,)


def compile_kernels() -> None:
    """Compile the sweep, by a call for no steps, with the types of every call."""
    from ghostload.physics import kernel
    from ghostload.physics.finish import sweep

    feeder, given = kernel.Feeder(0, 0, 0, 0, 0, 0, 0, 0, 1.0), kernel.Given(0, 1.0, 0, 0, 0, 0, 0, 0)
    work, results = kernel.Work(0, 0, 0, 0, 0, 0, 0), kernel.Results(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    sweep(feeder, given, 0, 0, 1.0, 1, work, results)


def _by_step(name: str, value: ArrayLike, steps: int) -> FloatArray:
    numbers = np.asarray(value, dtype=np.float64)
    if numbers.shape not in ((), (steps,)):
        raise UsageError(f"{name} has shape {numbers.shape}; give one number, or one for each of {steps} steps")
    return np.ascontiguousarray(np.broadcast_to(numbers, (steps,)))
