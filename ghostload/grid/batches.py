"""Batches on a grid: inputs by element, outputs by element; the solving is :mod:`ghostload.grid.batch`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.data import GridData
from ghostload.grid.handles import ElementHandle
from ghostload.grid.kernels.solution import FloatArray, IntArray
from ghostload.grid.network import BRANCH_COMPONENTS, Network
from ghostload.grid.options import SolveOptions

if TYPE_CHECKING:
    import pandas as pd

    from ghostload.grid.batch import BatchResult

Element = tuple[str, int]
"""Component and id."""
Outage = tuple[Element, ...]

_INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "p_mw": ("load", "p_mw"),
    "q_mvar": ("load", "q_mvar"),
    "sgen_p_mw": ("sgen", "p_mw"),
    "sgen_q_mvar": ("sgen", "q_mvar"),
    "gen_p_mw": ("gen", "p_mw"),
    "gen_vm_pu": ("gen", "vm_pu"),
    "ext_grid_vm_pu": ("ext_grid", "vm_pu"),
}


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
    outages : tuple
        What is out in each scenario, each a tuple of (component, id); empty without outages.
    """

    result: BatchResult
    buses: IntArray
    branches: tuple[Element, ...]
    outages: tuple[Outage, ...]
    _column: IntArray

    @property
    def converged(self) -> Any:
        """Whether each scenario was solved, (K,) bool."""
        return self.result.converged

    @property
    def failed(self) -> list[tuple[int, str]]:
        """Scenarios without a solution, by number, with the reason."""
        return self.result.failed

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
            Of ``vm_pu``, ``va_degree``, ``loading_percent``, ``losses_mw``.
        **options
            Of :func:`ghostload.grid.batch.solve_scenarios`: ``n_jobs``, ``method``, ``path``, ``progress`` ...
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
        if isinstance(k, int) and not isinstance(k, bool):
            pool = self._branch_elements(elements)
            if not 1 <= k <= len(pool):
                raise UsageError(f"contingencies: k is {k}, must be from 1 to {len(pool)}, the elements to choose from")
            outages: list[Any] = [list(out) for out in itertools.combinations(pool, k)]
        elif elements is None:
            outages = [_one_or_many(out) for out in _iterable(k, "k")]
        else:
            raise UsageError(
                "contingencies: with a list of outages there is nothing to choose from; leave elements out"
            )
        return self.solve_scenarios(outages=outages, outputs=outputs, **options)

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
        from ghostload.grid import batch

        tables = {name: tables_and_options.pop(name) for name in _INPUTS if name in tables_and_options}
        data, network = self.data, self._network_now()
        given = {name: _by_row(data, name, values) for name, values in tables.items() if values is not None}
        named = None
        if outages is not None:
            named = tuple(tuple(_element(data, element) for element in _iterable(out, "outage")) for out in outages)
        numbers = None if named is None else [_branches_of(data, network, outage) for outage in named]
        options = {"tol": self._options.tolerance, "qlim": self._options.qlim, **tables_and_options}
        result = batch.solve_scenarios(network, data, outages=numbers, outputs=tuple(outputs), **given, **options)
        branches, column = _columns(data, network)
        return GridBatch(result, data["bus"]["id"], branches, named or (), column)

    def _branch_elements(self, elements: str | Iterable[Any] | None) -> list[Element]:
        data = self.data
        if elements is None or isinstance(elements, str):
            names = BRANCH_COMPONENTS if elements is None else (elements,)
            unknown = [name for name in names if name not in BRANCH_COMPONENTS]
            if unknown:
                near = did_you_mean(unknown[0], BRANCH_COMPONENTS)
                raise UsageError(f"contingencies: {unknown[0]!r} is no kind of branch{near}")
            return [(name, i) for name in names for i in data[name]["id"][data[name]["in_service"]].tolist()]
        return [_element(data, element) for element in elements]


def _iterable(value: Any, what: str) -> Iterable[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UsageError(f"contingencies: {what} is {value!r}, must be a number or a list of elements")
    return value


def _one_or_many(outage: Any) -> list[Any]:
    """Return an outage as a list; it may be a single element."""
    single = isinstance(outage, ElementHandle) or (
        isinstance(outage, tuple) and len(outage) == 2 and isinstance(outage[0], str)
    )
    return [outage] if single else list(_iterable(outage, "outage"))


def _element(data: GridData, element: Any) -> Element:
    """Return a branch as component and id, or refuse it."""
    if isinstance(element, ElementHandle):
        element = (element.component, element.id)
    if not (isinstance(element, tuple) and len(element) == 2 and element[0] in BRANCH_COMPONENTS):
        raise UsageError(f"outage: {element!r} is no branch; give grid.line(1, 2), or a pair such as ('line', 7)")
    component, number = element
    if number not in data.positions(component):
        raise UsageError(f"outage: there is no {component} {number}")
    return component, int(number)


def _branches_of(data: GridData, network: Network, outage: Outage) -> list[int]:
    """Return the branches of the network that an outage takes out; none of what is not under voltage."""
    numbers: list[int] = []
    for component, number in outage:
        parts = np.ravel(network.branch_of[component][data.positions(component)[number]])
        numbers += [int(part) for part in parts if part >= 0]
    return numbers


def _columns(data: GridData, network: Network) -> tuple[tuple[Element, ...], IntArray]:
    """Return the elements behind the branches of the network, and the number of the element of each branch."""
    keys = [
        (BRANCH_COMPONENTS[component], int(data[BRANCH_COMPONENTS[component]]["id"][row]))
        for component, row in zip(network.branch_component.tolist(), network.branch_row.tolist(), strict=True)
    ]
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return tuple(order), np.array([order[key] for key in keys], np.int64)


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
