"""The lines and transformers of some feeders, with what is lost in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.schema import NETWORK_LOSSES
from ghostload.simulation.network import feeder_at, named_at, names_of
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.wires.model import Kind
from ghostload.wires.parts import WiresPart


@dataclass(frozen=True, eq=False)
class Elements:
    """Lines and transformers of the feeders of a part, each after the one that feeds it.

    Attributes
    ----------
    table : pyarrow.Table
        The columns of :data:`~ghostload.schema.NETWORK_LOSSES` that do not depend on what flows.
    feeder_start : (feeders + 1,) array of int
        Where each feeder's nodes begin.
    is_element : (nodes,) array of bool
        Which nodes have a line or a transformer above them.
    transformer : (elements,) array of int
        Number of the transformer that an element is; -1 for lines.
    """

    table: pa.Table
    feeder_start: IntArray
    is_element: BoolArray
    transformer: IntArray

    def losses(
        self,
        feeder: int,
        transformers: IntArray,
        balance: Mapping[str, np.ndarray[Any, Any]],
        loading_pu: FloatArray,
    ) -> pa.Table:
        """Return what is lost in each line and transformer of a feeder.

        Parameters
        ----------
        feeder : int
            Its position in the part.
        transformers : (T,) array of int
            Numbers of its transformers, ascending.
        balance : mapping
            As :func:`ghostload.simulation.balance.stacked` gives it: ``edge_loss_kwh``, ``vm_lowest_pu`` and
            ``vm_mean_pu`` (nodes,), ``iron_loss_kwh`` (T,).
        loading_pu : (T,) array
            Largest over all months.
        """
        start, stop = self.feeder_start[feeder : feeder + 2].tolist()
        mine = self.is_element[start:stop]
        first, count = int(np.count_nonzero(self.is_element[:start])), int(np.count_nonzero(mine))
        number = self.transformer[first : first + count]
        line, unit = number < 0, np.searchsorted(transformers, number)
        lost, lowest, mean = (balance[name][mine] for name in ("edge_loss_kwh", "vm_lowest_pu", "vm_mean_pu"))
        columns = [
            pa.array(lost),
            pa.array(balance["iron_loss_kwh"][unit], mask=line),
            *(pa.array(pu, mask=np.isnan(pu)) for pu in (lowest, mean)),
            pa.array(loading_pu[unit], mask=line),
        ]
        fixed = self.table.slice(first, count).columns
        return pa.table([*fixed, *columns], names=list(NETWORK_LOSSES.column_names))


def elements_of(part: WiresPart, named: pa.Array) -> Elements:
    """Return the lines and transformers of a part.

    Parameters
    ----------
    part : WiresPart
    named : pyarrow.StringArray
        What :func:`~ghostload.simulation.network.element_ids` gives.
    """
    wires = part.wires
    layout, feeder = wires.layout, feeder_at(part)
    is_unit = layout.kind == Kind.TRANSFORMER_LV
    is_element = is_unit | (wires.line >= 0)
    rows, unit = np.flatnonzero(is_element), is_unit[is_element]
    levels = [entry.level for entry in wires.practice.lines]
    meter = layout.meter[rows]
    columns = {
        "element_id": named.take(pa.array(rows)),
        "kind": names_of([*levels, "transformer"], np.where(unit, len(levels), wires.line[rows])),
        "feeder_id": named_at("FD_", feeder[rows], part.feeders),
        "transformer_id": named_at(
            "TX_", layout.transformer[rows], part.transformers, layout.kind[rows] <= Kind.TRANSFORMER_HV
        ),
        "meter_id": named_at("MTR_", meter, part.meters, meter < 0),
        "fed_by": named.take(pa.array(layout.parent[rows])),
        "length_m": pa.array(layout.length_m[rows], mask=unit),
    }
    number = np.where(unit, part.transformers[np.maximum(layout.transformer[rows], 0)], -1)
    return Elements(pa.table(columns), np.asarray(layout.feeder_start), is_element, number)
