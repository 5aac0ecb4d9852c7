"""The wires of a data set as tables: the lines, and what is lost in each element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.ids import ids, names_at
from ghostload.schema import NETWORK_LOSSES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.wires.impedance import phases_of
from ghostload.wires.model import Kind, Wires


def network_table(wires: Wires) -> pa.Table:
    """Return all lines, each before those behind it, feeder by feeder; no ground truth is in it.

    Parameters
    ----------
    wires : Wires

    Returns
    -------
    pyarrow.Table
        ``line_id``, ``kind`` (mv, main, drop), ``voltage_kv`` (line to line), ``conductor``, ``phases``, ``length_m``,
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
            "line_id": element_ids(wires).take(pa.array(rows)),
            "kind": names_at(levels, line),
            "voltage_kv": kv[line],
            "conductor": names_at([entry.name for entry in practice.lines], line),
            "phases": names_at([phases_of(mask) for mask in range(8)], wires.phases[rows].astype(np.int64)),
            "length_m": layout.length_m[rows],
            "feeder_id": ids("FD_", feeder),
            "transformer_id": _where(ids("TX_", np.maximum(layout.transformer[rows], 0)), low),
            "drop_percent": 100.0 * (1.0 - wires.vm_pu[rows]),
            "lon0": layout.lon[near],
            "lat0": layout.lat[near],
            "lon1": layout.lon[rows],
            "lat1": layout.lat[rows],
        }
    )


def element_ids(wires: Wires) -> pa.Array:
    """Return the id of the line or transformer above each node; null for substations.

    A transformer's is its own; a line's follows from the node at its far end, as the OpenDSS text has it: ``l_m1_4``,
    ``l_h12``, ``l_p12_3`` and ``l_c123`` lead to the fourth junction of feeder 1, to transformer 12, to the third pole
    of transformer 12, and to meter 123. So what is added elsewhere renames nothing.

    Parameters
    ----------
    wires : Wires

    Returns
    -------
    pyarrow.StringArray, shape (M,)
    """
    layout = wires.layout
    kind, nodes = layout.kind, np.arange(len(layout))
    feeder = np.searchsorted(layout.feeder_start, nodes, side="right") - 1
    junctions = np.cumsum(kind == Kind.MV_JUNCTION)
    pole = nodes - layout.block_start[np.maximum(layout.transformer, 0)]
    junction = junctions - np.append(0, junctions)[layout.feeder_start[feeder]]
    at = {what: np.flatnonzero(kind == what) for what in Kind}
    named = {
        Kind.SUBSTATION: pa.nulls(len(at[Kind.SUBSTATION]), pa.string()),
        Kind.MV_JUNCTION: _joined("l_m", (feeder + 1)[at[Kind.MV_JUNCTION]], "_", junction[at[Kind.MV_JUNCTION]]),
        Kind.TRANSFORMER_HV: _joined("l_h", layout.transformer[at[Kind.TRANSFORMER_HV]] + 1),
        Kind.TRANSFORMER_LV: ids("TX_", layout.transformer[at[Kind.TRANSFORMER_LV]]),
        Kind.LV_POLE: _joined("l_p", layout.transformer[at[Kind.LV_POLE]] + 1, "_", pole[at[Kind.LV_POLE]]),
        Kind.SERVICE_POINT: _joined("l_c", layout.meter[at[Kind.SERVICE_POINT]] + 1),
    }
    order = np.argsort(np.concatenate(list(at.values())), kind="stable")
    return pa.concat_arrays([named[what] for what in at]).take(pa.array(order))


def _joined(*parts: str | IntArray) -> pa.Array:
    """Return texts and numbers joined to one text a row."""
    texts = [part if isinstance(part, str) else pc.cast(pa.array(part), pa.string()) for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def losses_table(
    wires: Wires, balance: Mapping[str, np.ndarray[Any, Any]], loading_pu: FloatArray, feeders: IntArray
) -> pa.Table:
    """Return what is lost in each line and transformer of some feeders, each element before those behind it.

    Parameters
    ----------
    wires : Wires
    balance : mapping
        ``edge_loss_kwh``, ``vm_lowest_pu`` and ``vm_mean_pu`` of the feeders' nodes, one feeder after the other, and
        ``iron_loss_kwh`` (transformers,).
    loading_pu : (transformers,) array
        Largest over all months.
    feeders : (F,) array of int
        Their numbers, ascending.
    """
    layout = wires.layout
    nodes = np.concatenate([np.arange(at.start, at.stop) for at in map(wires.nodes_of, feeders.tolist())])
    is_unit = layout.kind[nodes] == Kind.TRANSFORMER_LV
    is_element = is_unit | (wires.line[nodes] >= 0)
    rows, unit = nodes[is_element], is_unit[is_element]
    levels = [entry.level for entry in wires.practice.lines]
    home = np.maximum(layout.transformer[rows], 0)
    feeder = np.searchsorted(layout.feeder_start, rows, side="right") - 1
    of_node = {name: balance[name][is_element] for name in ("edge_loss_kwh", "vm_lowest_pu", "vm_mean_pu")}
    named = element_ids(wires)
    columns = [
        named.take(pa.array(rows)),
        names_at([*levels, "transformer"], np.where(unit, len(levels), wires.line[rows])),
        ids("FD_", feeder),
        _where(ids("TX_", home), layout.kind[rows] > Kind.TRANSFORMER_HV),
        _where(ids("MTR_", np.maximum(layout.meter[rows], 0)), layout.meter[rows] >= 0),
        named.take(pa.array(layout.parent[rows])),
        pa.array(layout.length_m[rows], mask=unit),
        pa.array(of_node["edge_loss_kwh"]),
        pa.array(balance["iron_loss_kwh"][home], mask=~unit),
        *(pa.array(of_node[name], mask=np.isnan(of_node[name])) for name in ("vm_lowest_pu", "vm_mean_pu")),
        pa.array(loading_pu[home], mask=~unit),
    ]
    return pa.table(columns, names=list(NETWORK_LOSSES.column_names))


def _where(values: pa.Array, known: BoolArray) -> pa.Array:
    """Return values, null where they are not known."""
    return pc.if_else(pa.array(known), values, pa.scalar(None, pa.string()))
