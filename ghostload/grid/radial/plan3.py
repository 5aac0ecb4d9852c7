"""Unbalanced radial feeders: a plan made once for a feeder, then any number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ghostload.errors import UsageError
from ghostload.grid.radial.fold3 import fold3, paths
from ghostload.grid.radial.outputs import SeriesResult, begin_anew, checked_quantities, empty_results, finished
from ghostload.grid.radial.plan import CHUNK, Power, checked_limit, pairs, powers_of, step_count, table_of
from ghostload.grid.radial.pool import run_steps, thread_count
from ghostload.grid.radial.three_phase import CONDUCTORS, Load3, ThreePhaseGrid

IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]
Place = tuple[str, str]


class ThreePhasePlan:
    """Backward/forward sweep of an unbalanced feeder, many steps side by side.

    Parameters
    ----------
    grid : ThreePhaseGrid

    Raises
    ------
    UsageError
        The feeder is not radial, or a part of it is held nowhere against earth.

    Notes
    -----
    Formulas and sources: ``docs/radial.md``.
    """

    def __init__(self, grid: ThreePhaseGrid) -> None:
        self.grid = grid
        self.folded = fold3(grid)
        self.bus_number = {bus.name: 1 + i for i, bus in enumerate(grid.buses)}
        self.places: tuple[Place, ...] = tuple((bus.name, x) for bus in grid.buses for x in bus.conductors)
        order = self.folded.order
        loaded = np.zeros(len(order.order), dtype=bool)
        for load in grid.loads:
            loaded[order.position[self.bus_number[load.bus]]] = True
        self.paths = paths(self.folded, loaded)
        self._constants: Any = None
        self._everywhere: Any = None

    def solve(self, *, at: Sequence[Place] | None = None, tol: float = 1e-8, max_iter: int = 100) -> SeriesResult:
        """Solve one step with the loads of the grid; see :meth:`solve_series`."""
        p = np.array([[load.p_kw for load in self.grid.loads]])
        q = np.array([[load.q_kvar for load in self.grid.loads]])
        return self.solve_series((p, q), outputs=("v", "vm", "source", "losses"), at=at, tol=tol, max_iter=max_iter)

    def solve_series(
        self,
        s: Power,
        *,
        v_source: ArrayLike | None = None,
        steps: int | None = None,
        outputs: str | Iterable[str] = ("vm",),
        at: Sequence[Place] | None = None,
        tol: float = 1e-8,
        max_iter: int = 100,
        n_jobs: int = 1,
        reuse: SeriesResult | None = None,
    ) -> SeriesResult:
        """Solve K steps.

        Parameters
        ----------
        s : (K, L) complex array, pair of (K, L) real arrays, or function (start, stop) of either
            Power that each load of the grid draws at rated voltage, kW and kvar, in the order of ``grid.loads``. A
            function is asked for a few thousand steps at a time; it needs ``steps``.
        v_source : (K,) complex array or a number, optional
            Factor on the voltage of the source, as a substation's bus bar swings.
        steps : int, optional
            K, where ``s`` is a function.
        outputs : names out of ``"v"``, ``"vm"``, ``"extremes"``, ``"source"``, ``"losses"``
            Voltages are per unit of the rated voltage over root three, powers in kVA; ``source`` is what enters at the
            bus of the source.
        at : list of (bus, conductors), optional
            ``("b17", "a")`` is phase a to earth, ``("b17", "an")`` to the neutral, ``("b17", "ab")`` between phases.
            Default: every conductor of every bus to earth, as in ``places``.
        tol : float
            Largest distance of a voltage from the solution, per unit, as estimated from the change in the last sweep
            and the rate at which changes shrink, doubled.
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
        from ghostload.grid.radial import kernel3
        from ghostload.grid.radial.sweep_kernel import Results
        from ghostload.grid.radial.sweep_parts import BLOCK

        wanted, limit, threads = checked_quantities(outputs), checked_limit(tol, max_iter), thread_count(n_jobs)
        count = step_count(s, steps)
        feeder = self._feeder(kernel3)
        probes = self._probes_everywhere(kernel3) if at is None else self._probes(at, kernel3)
        factor = self._factor(v_source, count)
        raw = empty_results(wanted, count, len(probes.above), 1, reuse)
        size = CHUNK if callable(s) else max(count, 1)
        for begin in range(0, count, size):
            end = min(begin + size, count)
            part = tuple(a[begin:end] for a in raw)
            arrays = [
                *powers_of(s, begin, end, len(self.grid.loads), "s"),
                factor.real[begin:end],
                factor.imag[begin:end],
            ]
            given = kernel3.Given3(*(table_of(array) for array in arrays))

            def kernel(chosen: IntArray, most: int, work: Any, given: Any = given, part: Any = part) -> None:
                kernel3.sweep3(chosen, feeder, given, tol, most, probes, work, Results(*part))

            with first_call("three-phase feeders"):
                run_steps(
                    kernel,
                    partial(kernel3.work_arrays, len(feeder.parent), len(self.folded.v_root), len(feeder.element_a)),
                    part[6],
                    partial(begin_anew, part),
                    block=BLOCK,
                    nodes=4 * len(feeder.parent),
                    limit=limit,
                    n_jobs=threads,
                )
        return finished(raw, wanted, limit)

    def _factor(self, v_source: ArrayLike | None, count: int) -> ComplexArray:
        value = np.asarray(1.0 if v_source is None else v_source, dtype=np.complex128)
        if value.shape not in ((), (1,), (count,)):
            raise UsageError(f"v_source has shape {value.shape}; give one factor, or one for each of {count} steps")
        return np.broadcast_to(value, (count,))

    def _feeder(self, kernel: Any) -> Any:
        """Gather the constants of the kernel, once."""
        if self._constants is None:
            self._constants = self._gathered(kernel)
        return self._constants

    def _gathered(self, kernel: Any) -> Any:
        folded, way = self.folded, self.paths
        kept, order = way.reduced.kept, folded.order
        open_v = np.zeros((len(order.order), len(folded.v_root)), dtype=np.complex128)
        open_v[0] = folded.v_root
        for k, parent in enumerate(order.parent.tolist()):
            if parent >= 0:
                open_v[k] = folded.n[k] @ open_v[parent]
        rows = [
            (int(order.position[self.bus_number[load.bus]]), column, *entry)
            for column, load in enumerate(self.grid.loads)
            for entry in self.elements(load)
        ]
        rows.sort(key=lambda row: row[:2])
        place = np.array([row[0] for row in rows], dtype=np.int64)
        shares = np.array([row[5:8] for row in rows], dtype=np.float64).reshape(-1, 3)
        return kernel.Feeder(
            parent=way.reduced.parent,
            plain=way.plain[kept].astype(np.int64),
            n=pairs(way.n[kept]),
            z=pairs(way.z[kept]),
            f=pairs(way.f[kept]),
            v_open=pairs(open_v[kept]),
            element_start=np.searchsorted(place, np.append(kept, len(order.order))),
            element_a=np.array([row[2] for row in rows], dtype=np.int64),
            element_b=np.array([row[3] for row in rows], dtype=np.int64),
            element_column=np.array([row[1] for row in rows], dtype=np.int64),
            element_share=np.array([row[4] for row in rows], dtype=np.float64),
            element_zip=shares,
            root_g=pairs(folded.root_g),
            root_z=pairs(folded.root_z),
        )

    def elements(self, load: Load3) -> list[tuple[int, int, float, float, float, float]]:
        """Return for each element its two conductors (-1 is earth), its share, and its ZIP shares per unit to earth."""
        bus = self.grid.buses[self.bus_number[load.bus] - 1]
        names = load.elements()
        entries = []
        for pair in names:
            a, b = pair[0], pair[1]
            rated = 1.0 if b == "n" else np.sqrt(3.0)
            to = CONDUCTORS.index(b) if b != "n" or "n" in bus.conductors else -1
            zip_ = (1.0 - load.i_share - load.z_share, load.i_share / rated, load.z_share / rated**2)
            entries.append((CONDUCTORS.index(a), to, 1.0 / len(names), *zip_))
        return entries

    def _probes_everywhere(self, kernel: Any) -> Any:
        if self._everywhere is None:
            self._everywhere = self._probes(self.places, kernel)
        return self._everywhere

    def _probes(self, at: Sequence[Place], kernel: Any) -> Any:
        """Express the wanted voltages by those of the kept buses and the currents between them."""
        way, order = self.paths, self.folded.order
        buses = {bus.name: bus for bus in self.grid.buses}
        position = np.empty(len(at), dtype=np.int64)
        pick = np.zeros((len(at), len(self.folded.v_root)))
        for i, (name, conductors) in enumerate(at):
            if name not in buses:
                raise UsageError(f"at: entry {i}: there is no bus {name!r}")
            if not 1 <= len(conductors) <= 2 or set(conductors) - set(buses[name].conductors):
                raise UsageError(f"at: entry {i}: {conductors!r} are no conductors of bus {name!r}")
            position[i] = order.position[self.bus_number[name]]
            for sign, conductor in zip((1.0, -1.0), tuple(conductors), strict=False):
                pick[i, CONDUCTORS.index(conductor)] += sign
        kept = way.reduced.kept[way.reduced.above[position]] == position
        one = np.eye(pick.shape[1])
        n = np.where(kept[:, None, None], one, way.n[position])
        z = np.where(kept[:, None, None], 0.0, way.z[position])
        n, z = np.einsum("mi,mij->mj", pick, n), np.einsum("mi,mij->mj", pick, z)
        above, below = way.reduced.above[position], way.reduced.below[position]
        return kernel.Probes3(above, below, pairs(n), pairs(z), np.arange(len(at)))
