"""``PowerGrid3ph``: an unbalanced radial feeder, three wires or four, that is solved, changed and solved again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import OutputError, UsageError, did_you_mean
from ghostload.grid.options import checked_max_iter, checked_tolerance
from ghostload.grid.radial.build3 import feeder_of
from ghostload.grid.radial.plan3 import Place, ThreePhasePlan
from ghostload.grid.radial.series3 import OUTPUTS, Series3ph, checked_outputs, loads_table, series_of, step_count
from ghostload.grid.radial.three_phase import Load3, ThreePhaseGrid
from ghostload.grid.radial.three_phase_json import feeder_from_json, feeder_to_json, read_feeder
from ghostload.grid.report import Rebuild

if TYPE_CHECKING:
    import pandas as pd

    from ghostload.grid.radial.flows3 import Columns, Flows3

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class SolveReport3ph(NamedTuple):
    """What :meth:`PowerGrid3ph.solve` returns; true where it converged.

    Attributes
    ----------
    converged : bool
    iterations : int
        Sweeps.
    runtime_ms : float
        Wall time of the call, all of it.
    rebuild : {"full", "incremental"}
        "full": the feeder was ordered and folded anew; "incremental": only powers and the source changed.
    change : float
        Largest change of a voltage in the last sweep, per unit; NaN where it did not converge.
    reason : str
        Why it did not converge; empty where it did.
    """

    converged: bool
    iterations: int
    runtime_ms: float
    rebuild: Rebuild
    change: float
    reason: str = ""

    def __bool__(self) -> bool:
        return self.converged

    def __str__(self) -> str:
        """One line for people."""
        end = f"converged in {self.iterations} sweeps" if self.converged else f"did not converge: {self.reason}"
        return f"{end} ({self.runtime_ms:.3g} ms, {self.rebuild} rebuild)"


class LoadHandle3ph:
    """A load of a :class:`PowerGrid3ph`: ``p_kw`` and ``q_kvar`` are written to, the rest is read."""

    __slots__ = ("_grid", "_number")

    def __init__(self, grid: PowerGrid3ph, number: int) -> None:
        object.__setattr__(self, "_grid", grid)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        load = self._grid._base.loads[self._number]
        if name in ("p_kw", "q_kvar"):
            return float(getattr(self._grid, f"_{name}")[self._number])
        known = [field.name for field in dataclasses.fields(Load3)]
        if name not in known:
            raise AttributeError(f"load {load.name!r} has no {name!r}{did_you_mean(name, known)}")
        return getattr(load, name)

    def __setattr__(self, name: str, value: Any) -> None:
        load = self._grid._base.loads[self._number]
        if name not in ("p_kw", "q_kvar"):
            raise UsageError(f"load {load.name!r}: {name} is not written to; p_kw and q_kvar are, else make a new grid")
        getattr(self._grid, f"_{name}")[self._number] = _finite(value, f"load {load.name!r}: {name}")

    def __repr__(self) -> str:
        return f"load {self.name!r} at bus {self.bus!r}: {self.p_kw:g} kW, {self.q_kvar:g} kvar"


class PowerGrid3ph:
    """An unbalanced radial feeder.

    Parameters
    ----------
    case : path or ThreePhaseGrid, optional
        A feeder's JSON file, or the feeder itself. Without, its parts are given by name.
    tolerance : float
        Largest distance of a voltage from the solution, per unit.
    max_iter : int
        Sweeps before a solve is given up.
    **parts
        ``source``, ``buses``, ``lines``, ``transformers``, ``single_phase``, ``loads``, ``codes``, ``f_hz``,
        ``name``: of :class:`~ghostload.grid.radial.three_phase.ThreePhaseGrid`; elements as objects or as dicts of
        their columns, a line code also as its matrix in ohm per km.

    Raises
    ------
    UsageError
        A part names what is not there, or the feeder is not radial.
    """

    def __init__(
        self,
        case: str | Path | ThreePhaseGrid | None = None,
        *,
        tolerance: float = 1e-10,
        max_iter: int = 200,
        **parts: Any,
    ) -> None:
        if case is not None and parts:
            raise UsageError(f"PowerGrid3ph: {next(iter(parts))} beside a case; give a case or the parts of one")
        if case is None:
            case = feeder_of(parts)
        self._base = case if isinstance(case, ThreePhaseGrid) else read_feeder(case)
        self._tolerance, self._max_iter = checked_tolerance(tolerance), checked_max_iter(max_iter)
        self._p_kw = np.array([load.p_kw for load in self._base.loads], np.float64)
        self._q_kvar = np.array([load.q_kvar for load in self._base.loads], np.float64)
        self._vm_source, self._va_source = float(self._base.source.vm_pu), float(self._base.source.va_degree)
        self._row = {load.name: row for row, load in enumerate(self._base.loads)}
        if len(self._row) < len(self._base.loads):
            names = [load.name for load in self._base.loads]
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"load {twice!r} is there twice; give each its own name")
        self._plan: ThreePhasePlan | None = None
        self._solved: tuple[ComplexArray, FloatArray, FloatArray] | None = None
        self._report: SolveReport3ph | None = None
        self._flows: Flows3 | None = None

    @classmethod
    def from_json(cls, text: str, **options: Any) -> PowerGrid3ph:
        """Return the feeder that a JSON text describes."""
        return cls(feeder_from_json(text), **options)

    def save(self, path: str | Path) -> None:
        """Write the feeder as it is now to a JSON file."""
        try:
            Path(path).write_text(feeder_to_json(self.data) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    # -- the feeder as data ------------------------------------------------------------------------------------------

    @property
    def data(self) -> ThreePhaseGrid:
        """The feeder as it is now, with all that was written."""
        powers = zip(self._base.loads, self._p_kw.tolist(), self._q_kvar.tolist(), strict=True)
        loads = tuple(dataclasses.replace(load, p_kw=p, q_kvar=q) for load, p, q in powers)
        source = dataclasses.replace(self._base.source, vm_pu=self._vm_source, va_degree=self._va_source)
        return dataclasses.replace(self._base, loads=loads, source=source)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every conductor of every bus: the order of ``v``."""
        return self._planned().places

    def load(self, name: str) -> LoadHandle3ph | None:
        """Return a load by its name, None where there is none."""
        return LoadHandle3ph(self, self._row[name]) if name in self._row else None

    def loads(self, bus: str | None = None) -> list[LoadHandle3ph]:
        """Return all loads, or those of a bus."""
        chosen = [row for row, load in enumerate(self._base.loads) if bus is None or load.bus == bus]
        return [LoadHandle3ph(self, row) for row in chosen]

    @property
    def vm_source_pu(self) -> float:
        """Voltage behind the impedance of the source; it may be written to."""
        return self._vm_source

    @vm_source_pu.setter
    def vm_source_pu(self, value: float) -> None:
        number = _finite(value, "vm_source_pu")
        if number <= 0.0:
            raise UsageError(f"vm_source_pu is {number:g}, must be positive")
        self._vm_source = number

    @property
    def va_source_degree(self) -> float:
        """Angle of phase a behind the impedance of the source; it may be written to."""
        return self._va_source

    @va_source_degree.setter
    def va_source_degree(self, value: float) -> None:
        self._va_source = _finite(value, "va_source_degree")

    # -- solving -----------------------------------------------------------------------------------------------------

    def _planned(self) -> ThreePhasePlan:
        if self._plan is None:
            self._plan = ThreePhasePlan(self._base)
        return self._plan

    def _factor(self, vm_pu: Any) -> Any:
        base = self._base.source
        turn = np.exp(1j * math.radians(self._va_source - base.va_degree))
        return np.asarray(vm_pu) / base.vm_pu * turn

    def solve(self, max_iter: int | None = None, tol: float | None = None) -> SolveReport3ph:
        """Run the power flow.

        Parameters
        ----------
        max_iter, tol : optional
            In place of the grid's ``max_iter`` and ``tolerance``.

        Returns
        -------
        SolveReport3ph
            False where it did not converge; then all results are NaN.
        """
        began, full = perf_counter(), self._plan is None
        p, q = self._p_kw.copy(), self._q_kvar.copy()
        found = self._planned().solve_series(
            (p[None], q[None]),
            v_source=self._factor(self._vm_source),
            outputs=("v",),
            tol=self._tolerance if tol is None else checked_tolerance(tol),
            max_iter=self._max_iter if max_iter is None else checked_max_iter(max_iter),
        )
        v = np.full(len(self.places), complex(np.nan, np.nan)) if found.v is None else found.v[0]
        self._solved, self._flows = (v, p, q), None
        milliseconds, rebuild = (perf_counter() - began) * 1e3, "full" if full else "incremental"
        self._report = SolveReport3ph(
            bool(found.converged[0]), int(found.iterations[0]), milliseconds, rebuild,  # type: ignore[arg-type]
            float(found.change[0]), found.reason.get(0, ""),
        )  # fmt: skip
        return self._report

    def solve_series(
        self,
        *,
        p_kw: Any = None,
        q_kvar: Any = None,
        vm_source_pu: Any = None,
        outputs: str | Iterable[str] = ("vm_pu",),
        at: Sequence[Place] | None = None,
        n_jobs: int = 1,
        tol: float | None = None,
        max_iter: int | None = None,
    ) -> Series3ph:
        """Solve K steps; the grid itself is not changed.

        Parameters
        ----------
        p_kw, q_kvar : (K, loads) array or DataFrame, optional
            Powers at rated voltage. Columns of an array are the loads in their order, those of a data frame are their
            names; what is not given or named stays as it is.
        vm_source_pu : (K,) array, optional
            Voltage of the source.
        outputs : names out of ``vm_pu``, ``va_degree``, ``v``, ``vm_lowest_pu``, ``vm_highest_pu``, ``losses_kw``,
            ``losses_kvar``, ``source_kw``, ``source_kvar``
        at : list of (bus, conductors), optional
            Where voltages are wanted: ``("b17", "a")`` to earth, ``("b17", "an")`` to the neutral, ``("b17", "ab")``
            between phases, per unit of the rated voltage over root three. Default: ``places``.
        n_jobs : int
            Threads; -1 for all processors. Results are the same, bit for bit, for any number.
        tol, max_iter : optional
            In place of the grid's.
        """
        wanted = checked_outputs(outputs)
        steps = step_count({"p_kw": p_kw, "q_kvar": q_kvar, "vm_source_pu": vm_source_pu})
        p, q = (
            loads_table(name, values, steps, now, self._row)
            for name, values, now in (("p_kw", p_kw, self._p_kw), ("q_kvar", q_kvar, self._q_kvar))
        )
        vm = np.full(steps, self._vm_source) if vm_source_pu is None else np.asarray(vm_source_pu, np.float64)
        if vm.shape != (steps,) or not (np.isfinite(vm) & (vm > 0)).all():
            raise UsageError(f"vm_source_pu: has shape {vm.shape}, must be ({steps},) positive numbers, one a step")
        plan = self._planned()
        found = plan.solve_series(
            (p, q),
            v_source=self._factor(vm),
            outputs={OUTPUTS[name] for name in wanted},
            at=at,
            n_jobs=n_jobs,
            tol=self._tolerance if tol is None else checked_tolerance(tol),
            max_iter=self._max_iter if max_iter is None else checked_max_iter(max_iter),
        )
        places = plan.places if at is None else tuple((bus, conductors) for bus, conductors in at)
        return series_of(found, wanted, places)

    # -- results -----------------------------------------------------------------------------------------------------

    @property
    def report(self) -> SolveReport3ph:
        """What the last solve did."""
        if self._report is None:
            raise UsageError("there are no results yet: call solve() first")
        return self._report

    @property
    def converged(self) -> bool:
        """Whether the last solve converged; False before the first."""
        return self._report is not None and self._report.converged

    @property
    def iterations(self) -> int:
        """Sweeps of the last solve; 0 before the first."""
        return 0 if self._report is None else self._report.iterations

    @property
    def v(self) -> ComplexArray:
        """Voltages in the order of ``places``, per unit of the rated voltage over root three."""
        return self._result()[0].copy()

    def _result(self) -> tuple[ComplexArray, FloatArray, FloatArray]:
        if self._solved is None:
            raise UsageError("there are no results yet: call solve() first")
        return self._solved

    def _frame(self, table: str, names: Iterable[str]) -> pd.DataFrame:
        import pandas as pd

        from ghostload.grid.radial.flows3 import Flows3

        if self._flows is None:
            self._flows = Flows3(self._planned(), *self._result())
        columns: Columns = getattr(self._flows, table)()
        return pd.DataFrame(dict(columns), index=pd.Index(list(names), name="name"))

    @property
    def res_bus_3ph(self) -> pd.DataFrame:
        """Voltages, powers taken and unbalance of buses; ``vm_n_pu`` is the voltage of the neutral to earth."""
        return self._frame("bus", [bus.name for bus in self._base.buses])

    @property
    def res_line_3ph(self) -> pd.DataFrame:
        """Powers into both ends of lines, losses, currents and loadings by conductor."""
        return self._frame("line", [line.name for line in self._base.lines])

    @property
    def res_trafo_3ph(self) -> pd.DataFrame:
        """Powers into both ends of transformers, single-phase ones last; losses, currents and loadings by conductor."""
        return self._frame("trafo", [unit.name for unit in self._base.units])

    @property
    def res_load_3ph(self) -> pd.DataFrame:
        """What loads take, in all and from each conductor."""
        return self._frame("load", [load.name for load in self._base.loads])

    @property
    def res_ext_grid_3ph(self) -> pd.DataFrame:
        """What the source gives at its bus."""
        return self._frame("source", [self._base.source.bus])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plan": None, "_flows": None}

    def __repr__(self) -> str:
        grid = self._base
        state = "not solved" if self._report is None else str(self._report)
        return f"PowerGrid3ph({grid.name!r}: {len(grid.buses)} buses, {len(grid.loads)} loads; {state})"


def _finite(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise UsageError(f"{what} is {value!r}, must be a finite number")
    return float(value)
