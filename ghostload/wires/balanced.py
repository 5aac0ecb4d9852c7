"""A feeder as its positive-sequence equivalent, for the balanced power flow and pandapower."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.radial.windings import vector_group
from ghostload.streams import FloatArray, IntArray
from ghostload.wires.impedance import capacitance_nf_per_km, impedance_table, may_serve, phases_of
from ghostload.wires.model import Kind, Wires
from ghostload.wires.names import node_names

_TURNED = np.exp(-2j * np.pi / 3 * np.arange(3))


def to_grid_data(
    wires: Wires, feeder: int, p_kw: FloatArray | None = None, q_kvar: FloatArray | None = None
) -> GridData:
    """Return a feeder as a balanced grid; its buses are the feeder's nodes in their order.

    A line of k phases becomes a three-phase line with 3 / k times the impedance that balanced currents meet on it, so
    that the same power causes the same relative voltage drop and the same losses as in the k wires; its ampacity is k
    / 3 of theirs. A single-phase transformer becomes a three-phase one of the same rating and per cent values.

    Parameters
    ----------
    wires : Wires
    feeder : int
    p_kw, q_kvar : (n,) arrays, optional
        Loads of the feeder's meters in the order of their nodes; the planner's peak by default.

    Raises
    ------
    UsageError
        The loads are not as many as the meters.
    """
    layout, practice = wires.layout, wires.practice
    nodes = wires.nodes_of(feeder)
    start, count = nodes.start, nodes.stop - nodes.start
    kind = layout.kind[nodes]
    number = np.arange(count)
    names = np.array(node_names(wires, feeder))
    medium = kind <= Kind.TRANSFORMER_HV
    bus = {
        "id": number,
        "name": names,
        "vn_kv": np.where(medium, practice.mv_kv, practice.lv_kv),
        "x": layout.lon[nodes],
        "y": layout.lat[nodes],
    }
    lines = np.flatnonzero(wires.line[nodes] >= 0)
    services = np.flatnonzero(kind == Kind.SERVICE_POINT)
    p, q = loads_of(wires, feeder, p_kw, q_kvar)
    tables: dict[str, Any] = {
        "bus": bus,
        "line": _lines(wires, lines, start, names),
        "trafo": _transformers(wires, np.flatnonzero(kind == Kind.TRANSFORMER_LV), start, names),
        "load": {"bus": services, "name": names[services], "p_mw": p / 1e3, "q_mvar": q / 1e3},
        "ext_grid": {"bus": [0], "name": [names[0]], "vm_pu": [practice.head_voltage_pu], "va_degree": [0.0]},
    }
    return GridData.from_tables(tables, sn_mva=1.0, f_hz=practice.f_hz, name=f"feeder {feeder + 1}, {practice.name}")


def loads_of(
    wires: Wires, feeder: int, p_kw: FloatArray | None, q_kvar: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return the loads of a feeder's meters in the order of their nodes, kW and kvar."""
    meters = wires.layout.meter[wires.nodes_of(feeder)]
    meters = meters[meters >= 0]
    p = wires.meter_kw[meters] if p_kw is None else np.asarray(p_kw, dtype=np.float64)
    q = wires.meter_kvar[meters] if q_kvar is None else np.asarray(q_kvar, dtype=np.float64)
    if p.shape != meters.shape or q.shape != meters.shape:
        raise UsageError(f"p_kw, q_kvar: have shapes {p.shape} and {q.shape}; feeder {feeder} has {len(meters)} meters")
    return p, q


def _lines(wires: Wires, rows: IntArray, start: int, names: Any) -> dict[str, Any]:
    layout = wires.layout
    at = rows + start
    kind, mask = wires.line[at], wires.phases[at]
    z, c, amps = _equivalents(wires)
    return {
        "name": names[rows],
        "from_bus": layout.parent[at] - start,
        "to_bus": rows,
        "length_km": layout.length_m[at] / 1e3,
        "r_ohm_per_km": z.real[kind, mask],
        "x_ohm_per_km": z.imag[kind, mask],
        "c_nf_per_km": c[kind, mask],
        "max_i_ka": amps[kind, mask] / 1e3,
    }


def _equivalents(wires: Wires) -> tuple[Any, FloatArray, FloatArray]:
    """Return impedance, capacitance and ampacity of every line type and mask as of a three-phase line, (lines, 8)."""
    practice = wires.practice
    matrices = impedance_table(practice)
    count = np.maximum(np.bitwise_count(np.arange(8)), 1)
    on = (np.arange(8)[:, None] >> np.arange(3)) & 1
    met = np.einsum("lmij,j,i,mj,mi->lm", matrices, _TURNED, _TURNED.conj(), on, on) / count
    c = np.zeros((len(practice.lines), 8))
    amps = np.zeros((len(practice.lines), 8))
    for i, line in enumerate(practice.lines):
        for mask in range(1, 8):
            if may_serve(line, mask):
                amps[i, mask] = line.ampacity_a * count[mask] / 3
                matrix = capacitance_nf_per_km(line, phases_of(mask))
                if matrix is not None:
                    turned = _TURNED[on[mask] == 1]
                    c[i, mask] = (turned.conj() @ matrix @ turned).real / 3
    return met * 3 / count, c, amps


def _transformers(wires: Wires, rows: IntArray, start: int, names: Any) -> dict[str, Any]:
    layout, practice = wires.layout, wires.practice
    at = rows + start
    numbers = layout.transformer[at]
    types = [wires.type_of(int(t)) for t in numbers]
    clock = np.array([vector_group(practice.vector_group)[2] if t.phases == 3 else 0 for t in types])
    tap_percent = practice.rules["tap_step"] * 100
    return {
        "name": names[rows],
        "hv_bus": layout.parent[at] - start,
        "lv_bus": rows,
        "sn_mva": [t.sn_kva / 1e3 for t in types],
        "vn_hv_kv": np.full(len(types), practice.mv_kv),
        "vn_lv_kv": np.full(len(types), practice.lv_kv),
        "vk_percent": [t.vk_percent for t in types],
        "vkr_percent": [t.vkr_percent for t in types],
        "pfe_kw": [t.pfe_kw for t in types],
        "i0_percent": [t.i0_percent for t in types],
        "shift_degree": clock * 30.0,
        "tap_side": ["hv"] * len(types),
        "tap_neutral": np.zeros(len(types)),
        "tap_min": np.full(len(types), -2.0),
        "tap_max": np.full(len(types), 2.0),
        "tap_step_percent": np.full(len(types), tap_percent),
        "tap_pos": np.rint((wires.tap_pu[numbers] - 1) * 100 / tap_percent),
        "tap_changer_type": ["Ratio"] * len(types),
        "vector_group": [practice.vector_group.rstrip("0123456789")] * len(types),
    }
