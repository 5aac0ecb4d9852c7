"""Which buses hang together, from the tables alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.data import GridData
from ghostload.grid.schema import BRANCH_ENDS, SWITCHED


def islands(data: GridData) -> NDArray[np.int64]:
    """Return the number of the island of each bus; -1 where the bus is out of service.

    Buses are joined by branches in service without an open switch, and by closed switches between buses.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bus, switch = data["bus"], data["switch"]
    opened = set(switch["et"][~switch["closed"]].tolist())
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for name, fields in BRANCH_ENDS.items():
        table = data[name]
        if not len(table):
            continue
        kind = next((et for et, target in SWITCHED.items() if target == name), None)
        for k, one in enumerate(fields):
            other = fields[k - 1]
            on = table["in_service"].copy()
            if kind is not None and kind in opened:
                for end in {one, other}:
                    on &= ~_opened(data, name, kind, end)
            pairs.append((bus.rows_of(table[one][on]), bus.rows_of(table[other][on])))
    joined = (switch["et"] == "b") & switch["closed"]
    pairs.append((bus.rows_of(switch["bus"][joined]), bus.rows_of(switch["element"][joined])))
    start, stop = (np.concatenate(side) for side in zip(*pairs, strict=True))
    live = (start >= 0) & (stop >= 0)
    live[live] = bus["in_service"][start[live]] & bus["in_service"][stop[live]]
    n = len(bus)
    graph = coo_array((np.ones(int(live.sum())), (start[live], stop[live])), shape=(n, n))
    label = connected_components(graph, directed=False)[1].astype(np.int64)
    return np.where(bus["in_service"], label, -1)


def _opened(data: GridData, name: str, kind: str, end: str) -> NDArray[np.bool_]:
    """Rows of a branch component with an open switch at that end."""
    switch, table = data["switch"], data[name]
    open_ = (switch["et"] == kind) & ~switch["closed"]
    rows = table.rows_of(switch["element"][open_])
    at_end = (rows >= 0) & (switch["bus"][open_] == table[end][rows] if len(table) else False)
    out = np.zeros(len(table), np.bool_)
    out[rows[at_end]] = True
    return out
