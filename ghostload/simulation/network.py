"""The wires of a data set as a table of lines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.ids import ids
from ghostload.export.network import MOST_LINES
from ghostload.streams import BoolArray, IntArray
from ghostload.wires.impedance import phases_of
from ghostload.wires.model import MaskArray, Wires
from ghostload.wires.parts import WiresInParts, WiresPart


class Lines:
    """The lines of all feeders, part by part as their wires are built.

    Parameters
    ----------
    wiring : WiresInParts
    meters : int
        How many there are. When their service drops alone are more than are written, the drops are left out.
    """

    def __init__(self, wiring: WiresInParts, meters: int) -> None:
        self._wiring, self._whole = wiring, meters <= MOST_LINES
        self._tables: dict[int, pa.Table] = {}

    def see(self, part: WiresPart) -> None:
        """Take in the lines of a part; threads may do so at once, and again."""
        if part.number not in self._tables:
            table = network_table(part.wires, part.feeders, part.transformers)
            self._tables[part.number] = table if self._whole else table.filter(pc.not_equal(table["kind"], "drop"))

    def table(self) -> pa.Table:
        """Return all of them, as :func:`network_table` does."""
        for number in range(len(self._wiring)):
            if number not in self._tables:
                self.see(self._wiring.part(number))
        return pa.concat_tables([self._tables[number] for number in sorted(self._tables)])


def network_table(wires: Wires, feeders: IntArray | None = None, transformers: IntArray | None = None) -> pa.Table:
    """Return all lines, each before those behind it, feeder by feeder; no ground truth is in it.

    Parameters
    ----------
    wires : Wires
    feeders, transformers : (F,), (T,) arrays of int, optional
        Their numbers, where the wires are a part.

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
            "kind": _names(levels, line),
            "voltage_kv": kv[line],
            "conductor": _names([entry.name for entry in practice.lines], line),
            "phases": _names([phases_of(mask) for mask in range(8)], wires.phases[rows]),
            "length_m": layout.length_m[rows],
            "feeder_id": _coded("FD_", feeder, feeders),
            "transformer_id": _coded("TX_", layout.transformer[rows], transformers, ~low),
            "drop_percent": 100.0 * (1.0 - wires.vm_pu[rows]),
            "lon0": layout.lon[near],
            "lat0": layout.lat[near],
            "lon1": layout.lon[rows],
            "lat1": layout.lat[rows],
        }
    )


def _names(names: list[str], index: IntArray | MaskArray) -> pa.DictionaryArray:
    distinct = sorted(set(names))
    place = np.array([distinct.index(name) for name in names], dtype=np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(place[index]), pa.array(distinct))


def _coded(prefix: str, index: IntArray, numbers: IntArray | None, none: BoolArray | None = None) -> pa.DictionaryArray:
    """Return ids by their positions, counted from 0 where no numbers are given; null where ``none`` holds."""
    numbers = np.arange(int(index.max(initial=-1)) + 1) if numbers is None else numbers
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=none), ids(prefix, numbers))
