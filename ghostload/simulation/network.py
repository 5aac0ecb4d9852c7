"""The wires of a data set as a table of lines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.ids import ids, names_at
from ghostload.wires.impedance import phases_of
from ghostload.wires.model import Wires


def network_table(wires: Wires) -> pa.Table:
    """Return all lines, each before those behind it, feeder by feeder; no ground truth is in it.

    Parameters
    ----------
    wires : Wires

    Returns
    -------
    pyarrow.Table
        ``kind`` (mv, main, drop), ``voltage_kv`` (line to line), ``conductor``, ``phases``, ``length_m``,
        ``feeder_id``, ``transformer_id`` (null for mv), ``drop_percent``, and the ends ``lon0``, ``lat0`` (towards the
        substation), ``lon1``, ``lat1``. ``drop_percent`` is how far the planner expects the lowest phase at the far
        end to be below the rated voltage at peak; it is negative above it.
    """
    layout, practice = wires.layout, wires.practice
    rows = np.flatnonzero(wires.line >= 0)
    line, near = wires.line[rows], layout.parent[rows]
    feeder = np.searchsorted(layout.feeder_start, rows, side="right") - 1
    levels = [entry.level for entry in practice.lines]
    kv = np.array([practice.mv_kv if level == "mv" else practice.lv_kv for level in levels])
    low = np.array([level != "mv" for level in levels], dtype=bool)[line]
    return pa.table(
        {
            "kind": names_at(levels, line),
            "voltage_kv": kv[line],
            "conductor": names_at([entry.name for entry in practice.lines], line),
            "phases": names_at([phases_of(mask) for mask in range(8)], wires.phases[rows].astype(np.int64)),
            "length_m": layout.length_m[rows],
            "feeder_id": ids("FD_", feeder),
            "transformer_id": pc.if_else(
                pa.array(low), ids("TX_", np.maximum(layout.transformer[rows], 0)), pa.scalar(None, pa.string())
            ),
            "drop_percent": 100.0 * (1.0 - wires.vm_pu[rows]),
            "lon0": layout.lon[near],
            "lat0": layout.lat[near],
            "lon1": layout.lon[rows],
            "lat1": layout.lat[rows],
        }
    )
