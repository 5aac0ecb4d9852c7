"""Batches on a grid: inputs by element, outputs by element; the solving is :mod:`ghostload.grid.batch`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.batch_outages import Element, Outage, Selection, all_sets, iterable, listed, one_or_many
from ghostload.grid.data import GridData
from ghostload.grid.kernels.solution import FloatArray, IntArray
from ghostload.grid.network import Network
from ghostload.grid.options import SolveOptions

if TYPE_CHECKING:
    import pandas as pd

    from ghostload.grid.batch import BatchResult

_INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "p_mw": ("load", "p_mw"),
    "q_mvar": ("load", "q_mvar"),
    "sgen_p_mw": ("sgen", "p_mw"),
    "sgen_q_mvar": ("sgen", "q_mvar"),
    "gen_p_mw": ("gen", "p_mw"),
    "gen_vm_pu": ("gen", "vm_pu"),
    "ext_grid_vm_pu": ("ext_grid", "vm_pu"),
}

METHODS: Final = ("auto", "newton", "chord", "sweep")


@dataclass(frozen=True, eq=False)
class GridBatch:
    """What a batch gave, by scenario and element.

    Attributes
    ----------
    result : BatchResult
        Arrays: ``converged``, ``iterations``, ``mismatch_pu``, ``failed``, ``fallback``, ``method``.
    buses : (B,) array
        Ids of the columns of ``vm_pu`` and ``va_degree``.
    branches : tuple of (component, id)
        Columns of ``loading_percent``: the branches under voltage in the grid as it stands.
    """

    result: BatchResult
    buses: IntArray
    branches: tuple[Element, ...]
    _out: Selection | None
    _column: IntArray

    @cached_property
    def outages(self) -> tuple[Outage, ...]:
        """What is out in each scenario, each a tuple of (component, id); empty without outages."""
        return () if self._out is None else self._out.names()

    @property
    def converged(self) -> Any:
        """Whether each scenario was solved, (K,) bool."""
        return self.result.converged

    @property
    def failed(self) -> list[tuple[int, str]]:
        """Scenarios without a solution, by number, with the reason."""
        return self.result.failed

    @property
    def method(self) -> str:
        """What the batch was solved with: ``"sweep"``, ``"chord"`` or ``"newton"``."""
        return self.result.method

    @property
    def fallback(self) -> IntArray:
        """Scenarios that another solver had to be asked for: Newton's after a sweep, else the pivoting one, (F,)."""
        return self.result.fallback

    def __len__(self) -> int:
        """Count the scenarios."""
        return len(self.result)

    def __getitem__(self, output: str) -> FloatArray:
        """Return an output as an array: (K, buses), (K, branches) or, for ``losses_mw``, (K,)."""
        values: FloatArray = self.result[output]
        if output != "loading_percent":
            return values
        out = np.full((len(values), len(self.branches)), -np.inf)
        for branch, column in enumerate(self._column.tolist()):
            np.maximum(out[:, column], values[:, branch], out=out[:, column])
        return out

    def frame(self, output: str) -> pd.DataFrame:
        """Return an output as a data frame: a row a scenario, a column an element."""
        import pandas as pd

        values = self[output]
        if output == "losses_mw":
            return pd.DataFrame({output: values})
        if output == "loading_percent":
            return pd.DataFrame(values, columns=pd.MultiIndex.from_tuples(self.branches, names=["component", "id"]))
        return pd.DataFrame(values, columns=pd.Index(self.buses, name="bus"))


class Batches:
    """The part of :class:`ghostload.PowerGrid` that solves many scenarios at once; the grid itself is not changed."""

    _options: SolveOptions

    @property
    def data(self) -> GridData:
        """The grid as it is now, as immutable tables."""
        raise NotImplementedError

    def _network_now(self) -> Network:
        raise NotImplementedError

    def solve_series(
        self,
        *,
        p_mw: Any = None,
        q_mvar: Any = None,
        sgen_p_mw: Any = None,
        sgen_q_mvar: Any = None,
        gen_p_mw: Any = None,
        gen_vm_pu: Any = None,
        ext_grid_vm_pu: Any = None,
        outputs: Sequence[str] = ("vm_pu", "va_degree"),
        **options: Any,
    ) -> GridBatch:
        """Solve a series of injections and set points.

        Parameters
        ----------
        p_mw, q_mvar : (K, loads) array or DataFrame, optional
            Powers of the loads before ``scaling``. Columns of an array are the rows of the table; those of a data frame
            are ids of loads, and loads that it does not name stay as they are, as does all that is not given.
        sgen_p_mw, sgen_q_mvar, gen_p_mw, gen_vm_pu, ext_grid_vm_pu : optional
            Likewise.
        outputs : sequence of str
            Of ``vm_pu``, ``va_degree``, ``loading_percent``, ``losses_mw``, ``v`` (complex, by node).
        **options
            ``method``: "auto" takes the sweep of :mod:`ghostload.grid.radial` where the grid is radial and no generator
            holds a voltage, with Newton's method for scenarios that it leaves, and else the lanes of
            :mod:`ghostload.grid.batch`; "sweep", "newton" and "chord" insist. The others are those of
            :func:`ghostload.grid.batch.solve_scenarios`: ``n_jobs``, ``path``, ``progress`` ...
        """
        return self.solve_scenarios(
            p_mw=p_mw,
            q_mvar=q_mvar,
            sgen_p_mw=sgen_p_mw,
            sgen_q_mvar=sgen_q_mvar,
            gen_p_mw=gen_p_mw,
            gen_vm_pu=gen_vm_pu,
            ext_grid_vm_pu=ext_grid_vm_pu,
            outputs=outputs,
            **options,
        )

    def contingencies(
        self,
        k: int | Iterable[Any] = 1,
        elements: str | Iterable[Any] | None = None,
        *,
        outputs: Sequence[str] = ("vm_pu", "va_degree"),
        **options: Any,
    ) -> GridBatch:
        """Solve outages of branches.

        Parameters
        ----------
        k : int or iterable
            So many elements out at a time, all sets of them; or the outages themselves: each an element or several, an
            element being a handle or ``("line", 7)``.
        elements : str or iterable, optional
            With a number ``k``, what to choose from: a component, or elements. Default: every line, transformer and
            impedance in service.
        outputs, **options
            As for :meth:`solve_series`. Buses that an outage cuts off are NaN; that is no failure.
        """
        outages: Any
        if isinstance(k, int) and not isinstance(k, bool):
            outages = partial(all_sets, k=k, elements=elements)
        elif elements is None:
            outages = [one_or_many(out) for out in iterable(k, "k")]
        else:
            raise UsageError(
                "contingencies: with a list of outages there is nothing to choose from; leave elements out"
            )
        return self._solve(outages, outputs, options)

    def solve_scenarios(
        self,
        *,
        outages: Sequence[Iterable[Any]] | None = None,
        outputs: Sequence[str] = ("vm_pu", "va_degree"),
        **tables_and_options: Any,
    ) -> GridBatch:
        """Solve scenarios, each with injections, set points and outages of its own.

        Parameters
        ----------
        outages : sequence, optional
            What is out in each scenario: elements as for :meth:`contingencies`, none where it is empty.
        outputs, **tables_and_options
            As for :meth:`solve_series`.
        """
        return self._solve(outages, outputs, tables_and_options)

    def _solve(self, outages: Any, outputs: Sequence[str], given: dict[str, Any]) -> GridBatch:
        """Solve scenarios; ``outages`` may be a function that gives them for the data and the index of its elements."""
        from ghostload.grid import batch
        from ghostload.grid.batch_prepared import prepared_for

        tables = {name: given.pop(name) for name in _INPUTS if name in given}
        method = _checked_method(given.pop("method", "auto"))
        data = self.data
        prepared = prepared_for(data, self._options, self._network_now)
        tables = {name: _by_row(data, name, values) for name, values in tables.items() if values is not None}
        out = None
        if outages is not None:
            index = prepared.index(data)
            out = outages(data, index) if callable(outages) else listed(data, index, outages)
        numbers = None if out is None else out.branches()
        options = {"tol": self._options.tolerance, "qlim": self._options.qlim, **given}
        swept = None
        if method in ("auto", "sweep"):
            from ghostload.grid.batch_radial import solve_radial

            swept = solve_radial(prepared, data, tables, numbers, tuple(outputs), options, insist=method == "sweep")
        result = (
            swept
            if swept is not None
            else batch.solve_scenarios(
                prepared, data, outages=numbers, outputs=tuple(outputs), method=method, **tables, **options
            )
        )
        return GridBatch(result, data["bus"]["id"], prepared.elements(data), out, prepared.column)


def _checked_method(method: Any) -> str:
    if method not in METHODS:
        raise UsageError(f"batch: method is {method!r}, must be one of {', '.join(map(repr, METHODS))}")
    return str(method)


def _by_row(data: GridData, name: str, values: Any) -> Any:
    """Return a table of one column for each row of its component."""
    component, field = _INPUTS[name]
    if not (hasattr(values, "columns") and hasattr(values, "to_numpy")):
        return values
    rows = data.positions(component)
    unknown = [column for column in values.columns if column not in rows]
    if unknown:
        raise UsageError(f"{name}: column {unknown[0]!r} is the id of no {component}; its columns must be ids")
    if len(set(values.columns)) < len(values.columns):
        raise UsageError(f"{name}: a {component} is given twice; give each one column")
    out = np.tile(data[component][field], (len(values), 1))
    out[:, [rows[column] for column in values.columns]] = values.to_numpy()
    return out
