"""The wires of a data set as tables: the lines, and what is lost in each element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload.dataset.ids import ids
from ghostload.export.network import MOST_LINES
from ghostload.schema import NETWORK_LOSSES
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.wires.impedance import phases_of
from ghostload.wires.model import Kind
from ghostload.wires.parts import WiresInParts, WiresPart

_FIXED = ("element_id", "kind", "feeder_id", "transformer_id", "meter_id", "fed_by", "length_m")
"""Columns of the losses of elements that do not depend on what flows."""


@dataclass(frozen=True, eq=False)
class Elements:
    """Lines and transformers of the feeders of a part, each after the one that feeds it.

    Attributes
    ----------
    table : pyarrow.Table
        The first columns of :data:`~ghostload.schema.NETWORK_LOSSES`.
    node_feeder : (nodes,) array of int32
        Numbers of the feeders.
    is_element : (nodes,) array of bool
        Which nodes have a line or a transformer above them.
    transformer : (elements,) array of int32
        Number of the transformer that an element is; -1 for lines.
    """

    table: pa.Table
    node_feeder: NDArray[np.int32]
    is_element: BoolArray
    transformer: NDArray[np.int32]


class Lines:
    """The lines and other elements of all feeders, part by part as their wires are built.

    Parameters
    ----------
    wiring : WiresInParts
    meters : int
        How many there are. When their service drops alone are more than are written as lines, the drops are left out
        there.
    """

    def __init__(self, wiring: WiresInParts, meters: int) -> None:
        self._wiring, self._whole = wiring, meters <= MOST_LINES
        self._seen: dict[int, tuple[pa.Table, Elements]] = {}

    def see(self, part: WiresPart) -> None:
        """Take in the elements of a part; threads may do so at once, and again."""
        if part.number not in self._seen:
            named = element_ids(part)
            table = network_table(part, named)
            lines = table if self._whole else table.filter(pc.not_equal(table["kind"], "drop"))
            self._seen[part.number] = (lines, elements_of(part, named))

    def _parts(self) -> list[tuple[pa.Table, Elements]]:
        for number in range(len(self._wiring)):
            if number not in self._seen:
                self.see(self._wiring.part(number))
        return [self._seen[number] for number in sorted(self._seen)]

    def table(self) -> pa.Table:
        """Return all lines, as :func:`network_table` does."""
        return pa.concat_tables([lines for lines, _ in self._parts()])

    def losses(self, balance: Mapping[str, np.ndarray[Any, Any]], loading_pu: FloatArray) -> pa.Table:
        """Return what is lost in each line and transformer of the feeders that were solved.

        Parameters
        ----------
        balance : mapping
            As :func:`ghostload.simulation.balance.joined` gives it: ``feeder``; ``edge_loss_kwh``, ``vm_lowest_pu``
            and ``vm_mean_pu`` of their nodes, one feeder after the other; ``iron_loss_kwh`` (transformers,).
        loading_pu : (transformers,) array
            Largest over all months.
        """
        parts = [found for _, found in self._parts()]
        solved = [np.isin(found.node_feeder, balance["feeder"]) for found in parts]
        tables = [
            found.table if kept.all() else found.table.filter(pa.array(kept[found.is_element]))
            for found, kept in zip(parts, solved, strict=True)
        ]
        is_element = np.concatenate([found.is_element[kept] for found, kept in zip(parts, solved, strict=True)])
        transformer = np.concatenate(
            [found.transformer[kept[found.is_element]] for found, kept in zip(parts, solved, strict=True)]
        )
        lost, lowest, mean = (balance[name][is_element] for name in ("edge_loss_kwh", "vm_lowest_pu", "vm_mean_pu"))
        line = transformer < 0
        columns = [
            pa.array(lost),
            pa.array(balance["iron_loss_kwh"][transformer], mask=line),
            *(pa.array(pu, mask=np.isnan(pu)) for pu in (lowest, mean)),
            pa.array(loading_pu[transformer], mask=line),
        ]
        table = pa.concat_tables(tables)
        return pa.table([*table.columns, *columns], names=list(NETWORK_LOSSES.column_names))


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
            "kind": _names(levels, line),
            "voltage_kv": kv[line],
            "conductor": _names([entry.name for entry in practice.lines], line),
            "phases": _names([phases_of(mask) for mask in range(8)], wires.phases[rows]),
            "length_m": layout.length_m[rows],
            "feeder_id": _coded("FD_", _feeder_at(part)[rows], part.feeders),
            "transformer_id": _coded("TX_", layout.transformer[rows], part.transformers, ~low),
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
    feeder = _feeder_at(part)
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


def elements_of(part: WiresPart, named: pa.Array) -> Elements:
    """Return the lines and transformers of a part.

    Parameters
    ----------
    part : WiresPart
    named : pyarrow.StringArray
        What :func:`element_ids` gives.
    """
    wires = part.wires
    layout, feeder = wires.layout, _feeder_at(part)
    is_unit = layout.kind == Kind.TRANSFORMER_LV
    is_element = is_unit | (wires.line >= 0)
    rows, unit = np.flatnonzero(is_element), is_unit[is_element]
    levels = [entry.level for entry in wires.practice.lines]
    meter = layout.meter[rows]
    columns = [
        named.take(pa.array(rows)),
        _names([*levels, "transformer"], np.where(unit, len(levels), wires.line[rows])),
        _coded("FD_", feeder[rows], part.feeders),
        _coded("TX_", layout.transformer[rows], part.transformers, layout.kind[rows] <= Kind.TRANSFORMER_HV),
        _coded("MTR_", meter, part.meters, meter < 0),
        named.take(pa.array(layout.parent[rows])),
        pa.array(layout.length_m[rows], mask=unit),
    ]
    return Elements(
        pa.table(columns, names=list(_FIXED)),
        part.feeders[feeder].astype(np.int32),
        is_element,
        np.where(unit, part.transformers[np.maximum(layout.transformer[rows], 0)], -1).astype(np.int32),
    )


def _feeder_at(part: WiresPart) -> IntArray:
    """Return the position in the part of the feeder of each node."""
    layout = part.wires.layout
    return np.searchsorted(layout.feeder_start, np.arange(len(layout)), side="right") - 1


def _joined(*parts: str | IntArray) -> pa.Array:
    """Return texts and numbers joined to one text a row."""
    texts = [part if isinstance(part, str) else pc.cast(pa.array(part), pa.string()) for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def _names(names: list[str], index: NDArray[np.integer[Any]]) -> pa.DictionaryArray:
    distinct = sorted(set(names))
    place = np.array([distinct.index(name) for name in names], dtype=np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(place[index]), pa.array(distinct))


def _coded(prefix: str, index: IntArray, numbers: IntArray, none: BoolArray | None = None) -> pa.DictionaryArray:
    """Return ids by positions among some numbers; null where ``none`` holds."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=none), ids(prefix, numbers))
