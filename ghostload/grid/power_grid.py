"""``PowerGrid``: the object that people hold in their hands."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import ArrayLike

from ghostload.errors import DataError, UsageError, did_you_mean
from ghostload.grid.batches import Batches
from ghostload.grid.data import GridData
from ghostload.grid.elements import Elements
from ghostload.grid.flows import dc_state
from ghostload.grid.grid_files import GridFiles
from ghostload.grid.kernels.solution import ComplexArray
from ghostload.grid.lookup import Epoch
from ghostload.grid.network import Network, dc_power_flow
from ghostload.grid.options import SolveOptions, checked_max_iter, checked_tolerance
from ghostload.grid.report import Rebuild, SolveReport
from ghostload.grid.res_tables import ResultTables
from ghostload.grid.results import BRANCHES, Results, places
from ghostload.grid.schema import COMPONENTS
from ghostload.grid.solving import Circuit, changes_topology, network_of
from ghostload.grid.working import Cell, WorkingCopy

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

    from ghostload.grid.editor import GridEditor
    from ghostload.grid.findings import Finding


class PowerGrid(Elements, ResultTables, GridFiles, Batches):
    """A power grid that is solved, changed and solved again.

    Three ways of working::

        PowerGrid("case.zip").solve()                    # A: load a case and solve it
        grid.load(bus=5).p_mw = 50.0; grid.solve()       # B: change parameters; incremental, warm start
        with grid.edit() as e: e.add_bus(110.0)          # C: change the topology, all or nothing

    Parameters
    ----------
    case_path : path, optional
        File to read: zip of pandapower's CSV tables or of Parquet tables, pandapower JSON, MATPOWER ``.m``. Without,
        the grid is empty.
    qlim : bool
        Whether generators keep to their reactive limits.
    **kwargs
        Further options: see :class:`ghostload.grid.options.SolveOptions`.

    Notes
    -----
    Grids are independent: threads may work on one each. One grid solves for one thread at a time; a write of another
    thread during a solve takes effect at the next.
    """

    def __init__(self, case_path: str | Path | None = None, qlim: bool = False, **kwargs: Any) -> None:
        options = SolveOptions.of({"qlim": qlim, **kwargs})
        if case_path is None:
            data = GridData({})
        else:
            from ghostload.grid.io.files import read_grid

            data = read_grid(case_path)
        self._begin(data, options)

    @classmethod
    def from_data(cls, data: GridData, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return a grid on given tables."""
        grid = cls.__new__(cls)
        grid._begin(data, SolveOptions.of({"qlim": qlim, **kwargs}))
        return grid

    @classmethod
    def from_case(cls, name: str, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return a case by name: ``"case118"``, ``"pglib:case118_ieee"``; ``ghostload cases`` lists them."""
        from ghostload.grid.io.cases import load_case

        return cls.from_data(load_case(name), qlim, **kwargs)

    @classmethod
    def from_pandapower(cls, net: Any, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return the grid of a pandapower net; the net is only read."""
        from ghostload.grid.io import from_pandapower

        return cls.from_data(from_pandapower(net), qlim, **kwargs)

    def _begin(self, data: GridData, options: SolveOptions) -> None:
        self._options = options
        self._lock = threading.RLock()
        self._serial = 0
        self._loaded = 0
        self._births: dict[tuple[str, int], int] = {}
        self._next_id: dict[str, int] = {}
        self._editor: ReferenceType[GridEditor] | None = None
        self._take_over(data)

    def _take_over(self, data: GridData) -> None:
        """Stand on new tables; what was solved is gone."""
        self._epoch = Epoch(WorkingCopy(data))
        self._circuit: Circuit | None = None
        self._v: ComplexArray | None = None
        self._v_next: ComplexArray | None = None
        self._report: SolveReport | None = None
        self._results: Results | None = None
        self._checked = False
        self._stale = False

    # -- the grid as data --------------------------------------------------------------------------------------------

    @property
    def data(self) -> GridData:
        """The grid as it is now, as immutable tables."""
        return self._epoch.copy.data()

    @property
    def options(self) -> SolveOptions:
        """How the grid is solved."""
        return self._options

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return len(self.data["bus"])

    @property
    def n_line(self) -> int:
        """Number of lines."""
        return len(self.data["line"])

    @property
    def islands(self) -> int:
        """Number of islands under voltage, as solved last, or as it is now when nothing was solved."""
        island = (self._circuit or self._new_circuit()).network.island
        return int(island.max(initial=-1)) + 1

    @property
    def y_bus(self) -> csr_matrix:
        """Nodal admittance matrix as solved last, or as it is now when nothing was solved."""
        circuit = self._circuit or self._new_circuit()
        return circuit.pattern.matrix(circuit.y.copy())

    def describe(self) -> pd.DataFrame:
        """Count the elements: columns element and count."""
        import pandas as pd

        counts = [(name, len(table)) for name, table in self.data.tables.items()]
        return pd.DataFrame(counts, columns=["element", "count"])

    def validate(self) -> list[Finding]:
        """Return what is wrong with the grid; empty when nothing is."""
        from ghostload.grid.findings import validate_grid

        return validate_grid(self.data)

    # -- births and rows ---------------------------------------------------------------------------------------------

    def _birth_of(self, component: str, number: int) -> int:
        """Return when an element came into the grid: the serial of the edit or of the loading."""
        return self._births.get((component, number), self._loaded)

    def _row_of(self, component: str, number: int, birth: int) -> int | None:
        if self._birth_of(component, number) != birth:
            return None
        return self._epoch.rows(component).get(number)

    def _why_missing(self, component: str, number: int, birth: int) -> str:
        editor = self._open_editor()
        if editor is not None and editor._knows(component, number, birth):
            return f"{component} {number} is in an edit that is not committed yet; use its handle after the with block"
        return (
            f"{component} {number} is not in the grid any more (removed, or its edit was aborted, or another case was "
            f"loaded); get a new handle"
        )

    def _replace_by(self, data: GridData) -> None:
        """Put another case in place of this one; all handles become invalid."""
        self._serial += 1
        self._loaded = self._serial
        self._births, self._next_id = {}, {}
        self._take_over(data)

    # -- transactions ------------------------------------------------------------------------------------------------

    def edit(self) -> GridEditor:
        """Open a transaction in which elements are added and removed; use it in a ``with`` block."""
        from ghostload.grid.editor import GridEditor

        self._refuse_open_edit("edit()")
        self._serial += 1
        editor = GridEditor(self, self._serial)
        self._editor = ref(editor)
        return editor

    def __getattr__(self, name: str) -> Any:
        """Say how elements are added and removed, and name the nearest attribute."""
        if name == "remove" or (name.startswith("add_") and name[4:] in COMPONENTS):
            return _outside(name)
        known = [known for known in dir(type(self)) if not known.startswith("_")]
        raise AttributeError(f"PowerGrid has no attribute {name!r}{did_you_mean(name, known)}", name=name, obj=self)

    def _open_editor(self) -> GridEditor | None:
        editor = self._editor() if self._editor is not None else None
        return editor if editor is not None and editor.is_open else None

    def _refuse_open_edit(self, what: str) -> None:
        if self._editor is not None:
            if self._open_editor() is not None:
                raise UsageError(f"{what} while an edit is open: end its with block first, or call commit() or abort()")
            self._editor = None

    def _install(
        self, data: GridData, births: Mapping[tuple[str, int], int], next_id: Mapping[str, int], *, checked: bool
    ) -> None:
        """Put the grid of a transaction in force."""
        self._births.update(births)
        self._next_id = dict(next_id)
        self._take_over(data)
        self._checked = checked

    def _restore(self, data: GridData, pending: Mapping[Cell, Any], start: ComplexArray | None) -> None:
        """Go back to how the grid was when a transaction began; what was solved then still holds."""
        epoch = Epoch(WorkingCopy(data))
        epoch.copy.pending.update(pending)
        self._epoch, self._v_next = epoch, start

    # -- solving -----------------------------------------------------------------------------------------------------

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
                v = self._started_from(circuit, value)
            elif v is None:
                v = circuit.start(options.init)
            self._v_next = None
            solution = circuit.solve(v, tolerance, steps)
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
        """Return the circuit with all that was written, where to start from, and whether it was built anew."""
        copy, circuit = self._epoch.copy, self._circuit
        cells = copy.take()
        try:
            if circuit is None or self._stale or changes_topology(cells):
                self._circuit = circuit = self._new_circuit()
                self._v, self._stale = None, False
                return circuit, None, True
            v = circuit.update(copy, cells, self._v) if cells else self._v
            return circuit, v, False
        except BaseException:
            copy.pending = {**copy.pending, **cells}
            raise

    def _new_circuit(self) -> Circuit:
        return Circuit(self._network_now(), self._options, self.data)

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

    def _given_start(self, given: ArrayLike) -> ComplexArray:
        """Check voltages in the order of bus ids, and return those of the rows of the bus table."""
        v_init = np.asarray(given)
        ids = self._epoch.copy.column("bus", "id")
        size = places(ids)
        if v_init.shape != (size,) or v_init.dtype.kind not in "cfi":
            raise UsageError(
                f"v_init has shape {v_init.shape} and dtype {v_init.dtype}, must be ({size},) complex: one value for "
                f"each bus id from 0 to {size - 1}, NaN where there is none"
            )
        return v_init[ids].astype(np.complex128)

    def _started_from(self, circuit: Circuit, value: ComplexArray) -> ComplexArray:
        """Return node voltages to start from, given those of the rows of the bus table."""
        node = circuit.network.node_of_bus
        v = circuit.start(self._options.init)
        rows = np.flatnonzero((node >= 0) & np.isfinite(value) & (value != 0))[::-1]
        v[node[rows]] = value[rows]
        circuit.pin(v)
        return v

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

    def _result_of(self, component: str, column: str, number: int) -> float:
        """Return one result of an element."""
        v, circuit = self._v, self._circuit
        quick = component == "bus" and column in ("vm_pu", "va_degree") and self._results is None
        if quick and v is not None and circuit is not None:
            node = circuit.network.node_of_bus.item(self._epoch.rows("bus")[number])
            value = complex(v.item(node)) if node >= 0 else complex("nan")
            return abs(value) if column == "vm_pu" else math.degrees(math.atan2(value.imag, value.real))
        return self._result().of(component, column, number)

    # -- copies ------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        self._refuse_open_edit("a copy of the grid was asked for")
        kept = ("_options", "_serial", "_loaded", "_births", "_next_id", "_circuit", "_v", "_v_next", "_report")
        state = {name: getattr(self, name) for name in kept}
        copied = {name: dict(state[name]) for name in ("_births", "_next_id")}
        state |= {"_checked": self._checked, "_results": self._results}
        state["_circuit"] = None if self._circuit is None else self._circuit.copy()
        return {**state, **copied, "data": self.data, "pending": dict(self._epoch.copy.pending)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        data, pending = state["data"], state["pending"]
        self.__dict__.update({name: value for name, value in state.items() if name.startswith("_")})
        self._lock = threading.RLock()
        self._editor = None
        self._stale = True
        self._restore(data, pending, self._v_next)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(table)} {name}" for name, table in self.data.tables.items() if len(table))
        state = "not solved" if self._report is None else "solved" if self._report.converged else "not converged"
        return f"PowerGrid({self.data.name!r}: {counts or 'empty'}; {state})"


def _outside(name: str) -> Callable[..., Any]:
    """Return what refuses to add or remove outside a transaction."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UsageError(f"grid.{name}() is part of a transaction: with grid.edit() as e: e.{name}(...)")

    return refuse
