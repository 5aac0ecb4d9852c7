"""The lines of a data set as a table, and the ids of lines and transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload.dataset.ids import ids
from ghostload.streams import BoolArray, IntArray
from ghostload.wires.impedance import phases_of
from ghostload.wires.model import Kind
from ghostload.wires.parts import WiresPart


def network_table(part: WiresPart, named: pa.Array | None = None) -> pa.Table:
    """Return all lines, each before those behind it, feeder by feeder; no ground truth is in it.

    Parameters
    ----------
    part : WiresPart
    named : pyarrow.StringArray, optional
        What :func:`element_ids` gives.

    Returns
    -------
    pyarrow.Table
        ``line_id``, ``kind`` (mv, main, drop), ``voltage_kv`` (line to line), ``conductor``, ``phases``, ``length_m``,
        ``feeder_id``, ``transformer_id`` (null for mv), ``drop_percent``, and the ends ``lon0``, ``lat0`` (towards the
        substation), ``lon1``, ``lat1``. ``drop_percent`` is how far the planner expects the lowest phase at the far
        end to be below the rated voltage at peak; it is negative above it.
    """
    wires = part.wires
    layout, practice = wires.layout, wires.practice
    rows = np.flatnonzero(wires.line >= 0)
    line, near = wires.line[rows], layout.parent[rows]
    levels = [entry.level for entry in practice.lines]
    kv = np.array([practice.mv_kv if level == "mv" else practice.lv_kv for level in levels])
    low = np.array([level != "mv" for level in levels], dtype=bool)[line]
    return pa.table(
        {
            "line_id": (element_ids(part) if named is None else named).take(pa.array(rows)),
            "kind": names_of(levels, line),
            "voltage_kv": kv[line],
            "conductor": names_of([entry.name for entry in practice.lines], line),
            "phases": names_of([phases_of(mask) for mask in range(8)], wires.phases[rows]),
            "length_m": layout.length_m[rows],
            "feeder_id": named_at("FD_", feeder_at(part)[rows], part.feeders),
            "transformer_id": named_at("TX_", layout.transformer[rows], part.transformers, ~low),
            "drop_percent": 100.0 * (1.0 - wires.vm_pu[rows]),
            "lon0": layout.lon[near],
            "lat0": layout.lat[near],
            "lon1": layout.lon[rows],
            "lat1": layout.lat[rows],
        }
    )


def element_ids(part: WiresPart) -> pa.Array:
    """Return the id of the line or transformer above each node; null for substations.

    A transformer's is its own; a line's follows from the node at its far end, as the OpenDSS text has it: ``l_m1_4``,
    ``l_h12``, ``l_p12_3`` and ``l_c123`` lead to the fourth junction of feeder 1, to transformer 12, to the third pole
    of transformer 12, and to meter 123. So what is added elsewhere renames nothing.

    Parameters
    ----------
    part : WiresPart

    Returns
    -------
    pyarrow.StringArray, shape (nodes,)
    """
    layout = part.wires.layout
    kind, nodes = layout.kind, np.arange(len(layout))
    feeder = feeder_at(part)
    junctions = np.cumsum(kind == Kind.MV_JUNCTION)
    junction = junctions - np.append(0, junctions)[layout.feeder_start[feeder]]
    pole = nodes - layout.block_start[np.maximum(layout.transformer, 0)]
    at = {what: np.flatnonzero(kind == what) for what in Kind}

    def unit(what: Kind) -> IntArray:
        return part.transformers[layout.transformer[at[what]]]

    def point(index: IntArray, what: Kind) -> IntArray:
        return index[at[what]]

    named = {
        Kind.SUBSTATION: pa.nulls(len(at[Kind.SUBSTATION]), pa.string()),
        Kind.MV_JUNCTION: _joined(
            "l_m", part.feeders[point(feeder, Kind.MV_JUNCTION)] + 1, "_", point(junction, Kind.MV_JUNCTION)
        ),
        Kind.TRANSFORMER_HV: _joined("l_h", unit(Kind.TRANSFORMER_HV) + 1),
        Kind.TRANSFORMER_LV: ids("TX_", unit(Kind.TRANSFORMER_LV)),
        Kind.LV_POLE: _joined("l_p", unit(Kind.LV_POLE) + 1, "_", point(pole, Kind.LV_POLE)),
        Kind.SERVICE_POINT: _joined("l_c", part.meters[point(layout.meter, Kind.SERVICE_POINT)] + 1),
    }
    order = np.argsort(np.concatenate(list(at.values())), kind="stable")
    return pa.concat_arrays([named[what] for what in at]).take(pa.array(order))


def feeder_at(part: WiresPart) -> IntArray:
    """Return the position in the part of the feeder of each node."""
    layout = part.wires.layout
    return np.searchsorted(layout.feeder_start, np.arange(len(layout)), side="right") - 1


def _joined(*parts: str | IntArray) -> pa.Array:
    """Return texts and numbers joined to one text a row."""
    texts = [part if isinstance(part, str) else pc.cast(pa.array(part), pa.string()) for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def names_of(names: list[str], index: NDArray[np.integer[Any]]) -> pa.DictionaryArray:
    """Return names by positions among some, coded in the same way whatever the positions are."""
    distinct = sorted(set(names))
    place = np.array([distinct.index(name) for name in names], dtype=np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(place[index]), pa.array(distinct))


def named_at(prefix: str, index: IntArray, numbers: IntArray, none: BoolArray | None = None) -> pa.StringArray:
    """Return ids by positions among some numbers; null where ``none`` holds."""
    return ids(prefix, numbers).take(pa.array(index, mask=none))
