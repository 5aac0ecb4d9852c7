"""The wires of a territory as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.findings import Finding
from ghostload.streams import FloatArray, IntArray
from ghostload.wires.catalogue import Practice, TransformerType

MaskArray = NDArray[np.uint8]


class Kind(IntEnum):
    """What a node is."""

    SUBSTATION = 0
    MV_JUNCTION = 1
    TRANSFORMER_HV = 2
    TRANSFORMER_LV = 3
    LV_POLE = 4
    SERVICE_POINT = 5


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the wires go; M nodes, N meters, T transformers, F feeders.

    A feeder's nodes stand together: substation, medium-voltage nodes, then for each of its transformers the low-voltage
    terminals, the poles and the service points. Every node stands after its parent.

    Attributes
    ----------
    feeder_start : (F + 1,) array
        First node of each feeder; the last entry is M.
    parent : (M,) array
        Node towards the substation; -1 for substations.
    depth : (M,) array
        Edges to the substation.
    kind : (M,) array of :class:`Kind`
    lat, lon : (M,) arrays, degrees
    transformer : (M,) array
        Transformer of high- and low-voltage terminals, poles and service points; else -1.
    meter : (M,) array
        Meter of a service point; else -1.
    length_m : (M,) array
        Of the line to the parent; 0 for substations and low-voltage terminals.
    block_start, block_stop : (T,) arrays
        Nodes of a transformer's low-voltage side: its terminals first.
    transformer_hv : (T,) array
        Node of each transformer's high-voltage terminals.
    meter_node : (N,) array
    """

    feeder_start: IntArray
    parent: IntArray
    depth: IntArray
    kind: NDArray[np.int8]
    lat: FloatArray
    lon: FloatArray
    transformer: IntArray
    meter: IntArray
    length_m: FloatArray
    block_start: IntArray
    block_stop: IntArray
    transformer_hv: IntArray
    meter_node: IntArray

    def __len__(self) -> int:
        """Count the nodes."""
        return len(self.parent)


@dataclass(frozen=True, eq=False)
class Wires:
    """Everything between the substations and the meters, planned.

    Attributes
    ----------
    practice : Practice
    layout : Layout
    phases : (M,) array of bit masks
        Phases at a node: 1 is a, 2 is b, 4 is c.
    line : (M,) array
        Position in ``practice.lines`` of the line to the parent; -1 where there is none.
    transformer_type : tuple of TransformerType
        The types in use.
    transformer_kind : (T,) array
        Position in ``transformer_type``.
    tap_pu : (T,) array
        Turns of the high side over rated turns.
    meter_kw, meter_kvar : (N,) arrays
        Share of each meter in the peak of its transformer: what the planner takes as its load.
    peak_kva : (M,) array
        Diversified peak that passes the edge to the parent.
    loading : (M,) array
        Largest current of a phase at that peak over what the line or transformer may carry; 0 for substations.
    vm_pu : (M,) array
        Lowest phase voltage, estimated, when every edge has its own peak.
    findings : tuple of Finding
        What the planner could not meet; ids are numbers of meters, transformers or nodes.
    """

    practice: Practice
    layout: Layout
    phases: MaskArray
    line: IntArray
    transformer_type: tuple[TransformerType, ...]
    transformer_kind: IntArray
    tap_pu: FloatArray
    meter_kw: FloatArray
    meter_kvar: FloatArray
    peak_kva: FloatArray
    loading: FloatArray
    vm_pu: FloatArray
    findings: tuple[Finding, ...]

    @property
    def feeders(self) -> int:
        """Count the feeders."""
        return len(self.layout.feeder_start) - 1

    def nodes_of(self, feeder: int) -> slice:
        """Return the nodes of a feeder."""
        start = self.layout.feeder_start
        return slice(int(start[feeder]), int(start[feeder + 1]))

    def type_of(self, transformer: int) -> TransformerType:
        """Return the type of a transformer."""
        return self.transformer_type[int(self.transformer_kind[transformer])]
