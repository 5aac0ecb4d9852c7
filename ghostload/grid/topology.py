"""Which buses are one node, which ends of branches hang free, what is connected.

A branch hangs free at one end behind an open switch, and a line also at a bus that is out of service: it stays under
voltage and draws its charging current, as pandapower models it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ghostload.errors import DataError
from ghostload.grid.data import GridData

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ENDS = {
    "line": ("from_bus", "to_bus"),
    "trafo": ("hv_bus", "lv_bus"),
    "trafo3w": ("hv_bus", "mv_bus", "lv_bus"),
    "impedance": ("from_bus", "to_bus"),
}
"""Columns that hold the buses of each kind of branch."""

_SWITCHED = {"l": "line", "t": "trafo", "t3": "trafo3w"}


def rows_of(data: GridData, component: str, field: str, refers: str = "bus") -> IntArray:
    """Rows in ``refers`` that a column of ids points to.

    Raises
    ------
    DataError
        When one does not exist, naming the element that asks for it.
    """
    return _rows_of(data, component, field, refers, np.arange(len(data.tables[component])))


def _rows_of(data: GridData, component: str, field: str, refers: str, which: IntArray) -> IntArray:
    table = data.tables[component]
    rows = data.tables[refers].rows_of(table[field][which])
    if len(rows) and rows.min() < 0:
        lost = int(which[np.flatnonzero(rows < 0)[0]])
        raise DataError(
            f"{component} {table['id'][lost]}: {field} is {table[field][lost]}, no such {refers}; "
            f"add the {refers} or correct the id"
        )
    return rows


def labels(n: int, ends: tuple[IntArray, IntArray]) -> IntArray:
    """Return the number of the connected part to which each of ``n`` nodes belongs, for the edges between ``ends``."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SwitchState:
    """What the switches do.

    Attributes
    ----------
    fused : (B,) int array
        Row of the bus that stands for each bus: the first of those joined by closed bus-bus switches.
    open_ends : dict of component to (elements, ends) bool array
        Ends of lines and transformers that an open switch parts from their bus.
    """

    fused: IntArray
    open_ends: dict[str, BoolArray]


def switch_state(data: GridData) -> SwitchState:
    """Read the switch table. A switch that is out of service does not conduct."""
    switch, bus = data.tables["switch"], data.tables["bus"]
    none = {name: np.zeros((len(data.tables[name]), len(ENDS[name])), dtype=bool) for name in _SWITCHED.values()}
    if len(switch) == 0:
        return SwitchState(np.arange(len(bus)), none)
    at = rows_of(data, "switch", "bus")
    closed = switch["closed"] & switch["in_service"]
    joins = np.flatnonzero((switch["et"] == "b") & closed)
    other = _rows_of(data, "switch", "element", "bus", joins)
    both = bus["in_service"][at[joins]] & bus["in_service"][other]
    part = labels(len(bus), (at[joins][both], other[both]))
    first = np.full(len(bus), len(bus), dtype=np.int64)
    np.minimum.at(first, part, np.arange(len(bus)))
    ends = {
        name: _open_ends(data, et, np.flatnonzero((switch["et"] == et) & ~closed)) for et, name in _SWITCHED.items()
    }
    return SwitchState(first[part], ends)


def _open_ends(data: GridData, et: str, rows: IntArray) -> BoolArray:
    """Find the ends that the open switches in these rows, all of kind ``et``, part from their bus."""
    component = _SWITCHED[et]
    table, switch = data.tables[component], data.tables["switch"]
    columns = ENDS[component]
    out = np.zeros((len(table), len(columns)), dtype=bool)
    elements = _rows_of(data, "switch", "element", component, rows)
    left = np.ones(len(rows), dtype=bool)
    # pandapower looks at the end of a line first, but at the high-voltage side of a transformer.
    for end in range(len(columns)) if component != "line" else (1, 0):
        hit = left & (table[columns[end]][elements] == switch["bus"][rows])
        out[elements[hit], end] = True
        left &= ~hit
    if left.any():
        row = int(rows[np.flatnonzero(left)[0]])
        raise DataError(
            f"switch {switch['id'][row]}: bus {switch['bus'][row]} is no end of {component} "
            f"{switch['element'][row]}; put the switch at one of its buses"
        )
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """Where branches begin and end, on provisional nodes.

    These are numbered: each bus by its row (those fused by switches by the first of them), then the star point of each
    three-winding transformer, then each free end.

    Attributes
    ----------
    fused : (B,) int array
        As in :class:`SwitchState`.
    vn_row : (nodes,) int array
        Row of the bus whose rated voltage the node has.
    start, end : dict of component to (elements,) or, for trafo3w, (elements * 3,) int array
        Provisional nodes; a three-winding transformer has its parts hv to star, star to mv, star to lv, all elements'
        hv parts first.
    live : dict of component to bool array
        In service, and no end at a bus that is out of service.
    """

    fused: IntArray
    vn_row: IntArray
    start: dict[str, IntArray]
    end: dict[str, IntArray]
    live: dict[str, BoolArray]


def wire(data: GridData) -> Wiring:
    """Find where each branch begins and ends."""
    state = switch_state(data)
    bus_in = data.tables["bus"]["in_service"]
    n_bus, n_star = len(bus_in), len(data.tables["trafo3w"])
    hv_row = rows_of(data, "trafo3w", "hv_bus")
    vn_row = [np.arange(n_bus), state.fused[hv_row]]
    start: dict[str, IntArray] = {}
    end: dict[str, IntArray] = {}
    live: dict[str, BoolArray] = {}
    count = n_bus + n_star
    for component, columns in ENDS.items():
        in_service = data.tables[component]["in_service"]
        at = np.stack([rows_of(data, component, column) for column in columns], axis=1)
        free = state.open_ends.get(component, np.zeros(at.shape, dtype=bool))
        if component == "line":
            free = free | ~bus_in[at]
        free = free & in_service[:, None]
        node = state.fused[at]
        node[free] = count + np.arange(np.count_nonzero(free))
        vn_row.append(state.fused[at[free]])
        count += len(vn_row[-1])
        connected: BoolArray = (free | bus_in[at]) & in_service[:, None]
        if component == "trafo3w":
            star = n_bus + np.arange(n_star)
            start[component] = np.concatenate([node[:, 0], star, star])
            end[component] = np.concatenate([star, node[:, 1], node[:, 2]])
            live[component] = connected.T.ravel()
        else:
            start[component], end[component] = node[:, 0], node[:, 1]
            live[component] = np.logical_and(connected[:, 0], connected[:, 1])
    return Wiring(state.fused, np.concatenate(vn_row), start, end, live)


def number_nodes(wiring: Wiring, bus_in: BoolArray, slack: IntArray) -> tuple[IntArray, IntArray]:
    """Give numbers to the nodes that a slack reaches, in their provisional order.

    Parameters
    ----------
    wiring : Wiring
    bus_in : (B,) bool array
        Buses in service.
    slack : (k,) int array
        Provisional nodes that hold the angle.

    Returns
    -------
    node : (provisional nodes,) int array
        Node of the solver, -1 where there is none.
    island : (n,) int array
        Island of each node, numbered by its first node.
    """
    total = len(wiring.vn_row)
    live = wiring.live
    starts = np.concatenate([wiring.start[c][live[c]] for c in ENDS])
    ends = np.concatenate([wiring.end[c][live[c]] for c in ENDS])
    part = labels(total, (starts, ends))
    reached = np.zeros(total, dtype=bool)
    reached[part[slack]] = True
    stands = np.ones(total, dtype=bool)
    stands[: len(bus_in)] = bus_in & (wiring.fused == np.arange(len(bus_in)))
    here = reached[part] & stands
    node = np.where(here, np.cumsum(here) - 1, -1)
    _, first, number = np.unique(part[here], return_index=True, return_inverse=True)
    return node, np.argsort(np.argsort(first))[number]
