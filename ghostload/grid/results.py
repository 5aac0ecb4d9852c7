"""Results of a solve as data frames with pandapower's column names, made when they are first looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.flows import RESULTS, Columns, State, ac_state
from ghostload.grid.kernels.solution import ComplexArray, IntArray
from ghostload.grid.network import Network

if TYPE_CHECKING:
    import pandas as pd


def _ended(ends: tuple[str, ...], *more: str) -> tuple[str, ...]:
    powers = tuple(name for end in ends for name in (f"p_{end}_mw", f"q_{end}_mvar"))
    return (*powers, "pl_mw", "ql_mvar", *(f"i_{end}_ka" for end in ends), *more)


def _voltages(*ends: str) -> tuple[str, ...]:
    return tuple(name for end in ends for name in (f"vm_{end}_pu", f"va_{end}_degree"))


RESULT_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "bus": ("vm_pu", "va_degree", "p_mw", "q_mvar"),
    "line": _ended(("from", "to"), "i_ka", *_voltages("from", "to"), "loading_percent"),
    "trafo": _ended(("hv", "lv"), *_voltages("hv", "lv"), "loading_percent"),
    "trafo3w": _ended(
        ("hv", "mv", "lv"), *_voltages("hv", "mv", "lv"), "va_internal_degree", "vm_internal_pu", "loading_percent"
    ),
    "impedance": _ended(("from", "to")),
    "load": ("p_mw", "q_mvar"),
    "sgen": ("p_mw", "q_mvar"),
    "gen": ("p_mw", "q_mvar", "va_degree", "vm_pu"),
    "ext_grid": ("p_mw", "q_mvar"),
    "shunt": ("p_mw", "q_mvar", "vm_pu"),
}
"""Columns of the result table of each component that has one, in pandapower's order."""

BRANCHES: Final = ("line", "trafo", "trafo3w", "impedance")
"""Components that power flows through."""

MOST_PLACES: Final = 100_000_000
"""Bus ids from here on are names rather than numbers; no vector has a place for each."""


class Results:
    """What follows from the voltages of a solve.

    Parameters
    ----------
    data : GridData
        The grid as it was solved.
    network : Network
    v : (n,) complex array or None
        Voltages of the nodes; None where the solve did not converge, and then every result is NaN.
    state : State, optional
        Flows; default: those that belong to the voltages.
    """

    def __init__(self, data: GridData, network: Network, v: ComplexArray | None, state: State | None = None) -> None:
        self.data = data
        self.network = network
        self._v = v
        self._state = state
        self._columns: dict[str, Columns] = {}

    def columns(self, component: str) -> Columns:
        """Return the results of a component, in the order of its rows."""
        if component not in self._columns:
            self._columns[component] = self._compute(component)
        return self._columns[component]

    def frame(self, component: str) -> pd.DataFrame:
        """Return the results of a component as a new data frame, its ids as the index."""
        import pandas as pd

        columns = {name: array.copy() for name, array in self.columns(component).items()}
        return pd.DataFrame(columns, index=pd.Index(self.data[component]["id"].copy()))

    def compute_all(self) -> None:
        """Compute the results of every component."""
        for component in RESULT_COLUMNS:
            self.columns(component)

    def of(self, component: str, column: str, element_id: int) -> float:
        """Return one result of one element; NaN where the element was not there when the grid was solved."""
        row = self.data.positions(component).get(element_id)
        return float("nan") if row is None else float(self.columns(component)[column][row])

    def voltages(self) -> ComplexArray:
        """Voltages in the order of bus ids, (highest id + 1,); NaN where there is no bus or no voltage."""
        ids, node = self.data["bus"]["id"], self.network.node_of_bus
        out = np.full(places(ids), complex(np.nan, np.nan))
        if self._v is not None:
            out[ids[node >= 0]] = self._v[node[node >= 0]]
        return out

    def _compute(self, component: str) -> Columns:
        names = RESULT_COLUMNS[component]
        if self._v is None:
            rows = len(self.data[component])
            return {name: np.full(rows, np.nan) for name in names}
        if self._state is None:
            self._state = ac_state(self.network, self._v)
        columns = RESULTS[component](self.data, self.network, self._state)
        return {name: columns[name] for name in names}


def places(bus_ids: IntArray) -> int:
    """Return the length of a vector in which element ``i`` is bus ``i``."""
    low, high = int(bus_ids.min(initial=0)), int(bus_ids.max(initial=-1))
    if low < 0 or high >= MOST_PLACES:
        wrong = low if low < 0 else high
        raise UsageError(f"v is in the order of bus ids, and bus {wrong} has no place in it; take res_bus")
    return high + 1
