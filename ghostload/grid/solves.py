"""Solving one grid: from what was written to what came out."""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike

from ghostload.errors import DataError, GhostloadError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.flows import dc_state
from ghostload.grid.kernels.solution import ComplexArray
from ghostload.grid.lookup import Epoch
from ghostload.grid.network import Network, dc_power_flow
from ghostload.grid.options import SolveOptions, checked_max_iter, checked_tolerance
from ghostload.grid.report import Rebuild, SolveReport
from ghostload.grid.results import BRANCHES, MOST_PLACES, Results, places
from ghostload.grid.solving import Circuit, network_of

if TYPE_CHECKING:
    from threading import RLock
    from weakref import ReferenceType

    from ghostload.grid.editor import GridEditor
    from ghostload.grid.findings import Finding


class Solves:
    """The part of :class:`ghostload.PowerGrid` that solves, and keeps what came out."""

    _epoch: Epoch
    _lock: RLock
    _editor: ReferenceType[GridEditor] | None
    _options: SolveOptions
    _checked: bool
    _circuit: Circuit | None = None
    _v: ComplexArray | None = None
    _v_next: ComplexArray | None = None
    _report: SolveReport | None = None
    _results: Results | None = None

    @property
    def data(self) -> GridData:
        """The grid as it is now, as immutable tables."""
        raise NotImplementedError

    def validate(self) -> list[Finding]:
        """Return what is wrong with the grid; empty when nothing is."""
        raise NotImplementedError

    def _refuse_open_edit(self, what: str) -> None:
        raise NotImplementedError

    def solve(
        self, v_init: ArrayLike | None = None, max_iter: int | None = None, tol: float | None = None
    ) -> SolveReport:
        """Run the power flow.

        Parameters
        ----------
        v_init : (highest bus id + 1,) complex array, optional
            Voltages to start from, in the order of bus ids; NaN or 0 where there is nothing to say. Set points are
            put into it, so it changes where Newton's method starts, never the result.
        max_iter, tol : optional
            In place of the grid's options ``max_iter`` and ``tolerance``.

        Returns
        -------
        SolveReport
            False where the iteration did not converge; then all results are NaN, and the next solve starts anew.

        Raises
        ------
        GhostloadError
            The grid cannot be solved as it stands: no slack, an impedance of zero, set points that contradict.
        """
        began = perf_counter()
        if self._editor is not None:
            self._refuse_open_edit("solve()")
        options = self._options
        tolerance = options.tolerance if tol is None else checked_tolerance(tol)
        steps = options.max_iter if max_iter is None else checked_max_iter(max_iter)
        with self._lock:
            given = self._v_next if v_init is None else v_init
            value = None if given is None else self._given_start(given)
            circuit, v, full = self._prepared()
            self._results = None
            if value is not None:
                v = circuit.started_from(value, options.init)
            elif v is None:
                v = circuit.start(options.init)
            self._v_next = None
            solution = circuit.solve(v, tolerance, steps)
            circuit.is_new = False
            self._v = solution.v if solution.converged else None
            self._report = SolveReport(
                solution.converged,
                solution.iterations,
                (perf_counter() - began) * 1e3,
                "full" if full else "incremental",
                circuit.bus_of(solution.worst_node),
                solution.mismatch_pu,
                solution.reason,
            )
            if options.branch_analysis:
                for component in BRANCHES:
                    self._result().columns(component)
                self._report = self._report._replace(runtime_ms=(perf_counter() - began) * 1e3)
            return self._report

    def solve_dc(self) -> SolveReport:
        """Run the DC power flow: active powers and angles alone, no losses, magnitudes at their set points or 1.

        Results are in the same tables; a later :meth:`solve` starts anew.
        """
        began = perf_counter()
        self._refuse_open_edit("solve_dc()")
        with self._lock:
            circuit, _, full = self._prepared()
            data = self.data
            network = circuit.as_solved(data)
            angle = dc_power_flow(network)
            solved = bool(np.isfinite(angle).all())
            state = dc_state(network, angle) if solved else None
            self._v = None
            self._results = Results(data, network, None if state is None else state.v, state)
            ms, rebuild = (perf_counter() - began) * 1e3, "full" if full else "incremental"
            reason = "" if solved else "the matrix of the DC power flow is singular"
            self._report = SolveReport(solved, 0, ms, cast(Rebuild, rebuild), None, 0.0 if solved else math.nan, reason)
            return self._report

    def _prepared(self) -> tuple[Circuit, ComplexArray | None, bool]:
        """Return the circuit with all that was written, where to start from, and whether its topology is new."""
        copy, circuit = self._epoch.copy, self._circuit
        cells = copy.take()
        try:
            if not cells and circuit is not None and not circuit.is_new:
                return circuit, self._v, False
            update = None if circuit is None else circuit.update(copy, cells, self._v)
            if circuit is None or update is None:
                self._circuit = circuit = self._new_circuit()
            elif not circuit.is_new and not update.anew:
                return circuit, update.v, False
            self._v = None
            return circuit, None, True
        except BaseException:
            copy.pending = {**copy.pending, **cells}
            raise

    def _make_ready(self) -> None:
        """Check a grid that was loaded and lay out its circuit; what is wrong with it, the first solve says.

        The order of elimination is found here too, once the kernels are there; loading alone does not bring them in.
        """
        if len(self._epoch.copy.column("bus", "id")):
            with suppress(GhostloadError):
                self._circuit = self._new_circuit()
                if "ghostload.grid.kernels.plan" in sys.modules:
                    self._circuit.make_plan()

    def _new_circuit(self) -> Circuit:
        return Circuit(self._network_now(), self._options, self.data)

    def _circuit_seen(self) -> Circuit:
        """Return the circuit of the last solve, or that of the grid as it is now when there was none."""
        return self._circuit if self._circuit is not None and self._report is not None else self._new_circuit()

    def _network_now(self) -> Network:
        """Build the network of the grid as it is, or say why there is none."""
        data, options = self.data, self._options
        if not self._checked:
            errors = [str(finding) for finding in self.validate() if finding.severity == "error"]
            if errors:
                more = f" (and {len(errors) - 1} more: see PowerGrid.validate())" if len(errors) > 1 else ""
                raise DataError(f"the grid cannot be solved: {errors[0]}{more}")
            self._checked = True
        network = network_of(data, options)
        if network.n == 0:
            raise DataError(
                "the grid cannot be solved: it has no slack; add an ext_grid in grid.edit(), or put one in service"
            )
        return network

    def _start_at(self, voltages: ComplexArray | None) -> None:
        """Have the first solve start from voltages in the order of the bus table, when it may choose."""
        ids = self._epoch.copy.column("bus", "id")
        if voltages is None or self._options.init != "auto" or ids.max(initial=0) >= MOST_PLACES:
            return
        self._v_next = np.full(places(ids), complex(np.nan, np.nan))
        self._v_next[ids] = voltages

    def _given_start(self, given: ArrayLike) -> ComplexArray:
        """Check voltages in the order of bus ids."""
        v_init = np.asarray(given)
        size = self._epoch.places
        if v_init.shape != (size,) or v_init.dtype.kind not in "cfi":
            raise UsageError(
                f"v_init has shape {v_init.shape} and dtype {v_init.dtype}, must be ({size},) complex: one value for "
                f"each bus id from 0 to {size - 1}, NaN where there is none"
            )
        return np.ascontiguousarray(v_init, np.complex128)

    # -- results -----------------------------------------------------------------------------------------------------

    @property
    def converged(self) -> bool:
        """Whether the last solve converged; False when there was none."""
        return self._report is not None and self._report.converged

    @property
    def iterations(self) -> int:
        """Iterations of the last solve; 0 when there was none."""
        return 0 if self._report is None else self._report.iterations

    @property
    def v(self) -> ComplexArray:
        """Voltages of the last solve in the order of bus ids, (highest bus id + 1,) complex, per unit.

        Element ``i`` is bus ``i``; NaN where there is no such bus, or no voltage. Assigned voltages are what the next
        solve starts from.
        """
        return self._result().voltages()

    @v.setter
    def v(self, value: ArrayLike) -> None:
        self._v_next = np.array(value, dtype=np.complex128)

    @property
    def report(self) -> SolveReport | None:
        """What the last solve said; None when there was none."""
        return self._report

    def post_process(self) -> None:
        """Compute all results now, and not when they are first looked at."""
        self._result().compute_all()

    def _result(self) -> Results:
        if self._report is None or self._circuit is None:
            raise UsageError("there is no result yet: call solve() first")
        if self._results is None:
            copy = self._epoch.copy
            data = copy.data_before(copy.pending)
            self._results = Results(data, self._circuit.as_solved(data), self._v)
        return self._results

    def _result_of(self, component: str, column: str, number: int, row: int) -> float:
        """Return one result of an element."""
        v, circuit = self._v, self._circuit
        quick = component == "bus" and (column == "vm_pu" or column == "va_degree") and self._results is None
        if quick and v is not None and circuit is not None:
            node = circuit.network.node_of_bus.item(row)
            value = complex(v.item(node)) if node >= 0 else complex("nan")
            return abs(value) if column == "vm_pu" else math.degrees(math.atan2(value.imag, value.real))
        return self._result().of(component, column, number)
