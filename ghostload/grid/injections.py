"""What is connected to the nodes: loads, generators, external grids, shunts, as injections and set points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.data import GridData
from ghostload.grid.kernels.solution import PQ, PV, REF
from ghostload.grid.topology import rows_of

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def scatter(n: int, node: IntArray, values: NDArray[Any]) -> ComplexArray:
    """Sum ``values`` onto ``n`` nodes; those at node -1 are left out."""
    out = np.zeros(n, dtype=np.complex128)
    here = node >= 0
    np.add.at(out, node[here], values[here])
    return out


def refuse_unknown(data: GridData, component: str, node: IntArray, values: NDArray[Any], what: str) -> None:
    """Raise on a value that is NaN or infinite, naming the element; those at node -1 may be anything."""
    bad = (node >= 0) & ~np.isfinite(values)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{component} {data.tables[component]['id'][row]}: {what} is {values[row]}, give a finite value"
        )


def element_nodes(data: GridData, component: str, node_of_bus: IntArray) -> IntArray:
    """Node of each row; -1 where the element or its bus is not in the circuit."""
    node = node_of_bus[rows_of(data, component, "bus")]
    return np.where(data.tables[component]["in_service"], node, -1)


def scales(data: GridData, component: str, node: IntArray) -> FloatArray:
    """``scaling`` of each row, 0 where it is not in the circuit."""
    return np.where(node >= 0, data.tables[component]["scaling"], 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class LoadShares:
    """Complex power of each load at 1.0 pu, in MVA, by how it follows the voltage; ``scaling`` is not applied."""

    power: ComplexArray
    current: ComplexArray
    impedance: ComplexArray


def load_shares(data: GridData) -> LoadShares:
    """Split loads into constant power, constant current (times ``|v|``) and constant impedance (times ``|v|**2``)."""
    t = data.tables["load"]
    p, q = t["p_mw"], t["q_mvar"]
    zp, ip = t["const_z_p_percent"] / 100.0, t["const_i_p_percent"] / 100.0
    zq, iq = t["const_z_q_percent"] / 100.0, t["const_i_q_percent"] / 100.0
    return LoadShares(p * (1.0 - zp - ip) + 1j * q * (1.0 - zq - iq), p * ip + 1j * q * iq, p * zp + 1j * q * zq)


def shunt_mva(data: GridData) -> ComplexArray:
    """Complex power that each shunt draws at 1.0 pu of its bus, in MVA."""
    t = data.tables["shunt"]
    vn_bus = data.tables["bus"]["vn_kv"][rows_of(data, "shunt", "bus")]
    vn = np.where(np.isnan(t["vn_kv"]), vn_bus, t["vn_kv"])
    return np.asarray((t["p_mw"] + 1j * t["q_mvar"]) * t["step"] * (vn_bus / vn) ** 2, dtype=np.complex128)


@dataclass(frozen=True, slots=True, eq=False)
class SetPoints:
    """Type, set points and reactive limits of each node; the attributes of :class:`~ghostload.grid.network.Network`."""

    node_type: NDArray[np.int8]
    vm_set: FloatArray
    va_set_rad: FloatArray
    q_min: FloatArray
    q_max: FloatArray


def set_points(data: GridData, gen_node: IntArray, ext_node: IntArray, island: IntArray, angles: bool) -> SetPoints:
    """Read what generators and external grids hold.

    Raises
    ------
    DataError
        Two of them hold one node at different voltages or angles.
    """
    gen, ext = data.tables["gen"], data.tables["ext_grid"]
    n = len(island)
    node_type = np.full(n, PQ, dtype=np.int8)
    vm, va = np.ones(n), np.zeros(n)
    at_gen, at_ext = np.flatnonzero(gen_node >= 0), np.flatnonzero(ext_node >= 0)
    node_type[gen_node[at_gen]] = PV
    node_type[gen_node[at_gen[gen["slack"][at_gen]]]] = REF
    node_type[ext_node[at_ext]] = REF
    vm[gen_node[at_gen]] = gen["vm_pu"][at_gen]
    vm[ext_node[at_ext]] = ext["vm_pu"][at_ext]
    for component, node, rows in (("gen", gen_node, at_gen), ("ext_grid", ext_node, at_ext)):
        positive = np.where(data.tables[component]["vm_pu"] > 0.0, data.tables[component]["vm_pu"], np.nan)
        refuse_unknown(data, component, node, positive, "vm_pu (must be positive)")
        _hold_one(data, component, "vm_pu", node, rows, vm)
    if angles:
        refuse_unknown(data, "ext_grid", ext_node, ext["va_degree"], "va_degree")
        va[ext_node[at_ext]] = ext["va_degree"][at_ext]
        _hold_one(data, "ext_grid", "va_degree", ext_node, at_ext, va)
    va_rad = _spread_slack_angle(np.radians(va), node_type, island)
    low, high = np.zeros(n), np.zeros(n)
    for bound, column, none in ((low, "min_q_mvar", -np.inf), (high, "max_q_mvar", np.inf)):
        limit = np.where(np.isnan(gen[column]), none, gen[column])
        np.add.at(bound, gen_node[at_gen], limit[at_gen] / data.sn_mva)
    held = node_type == PV
    return SetPoints(node_type, vm, va_rad, np.where(held, low, -np.inf), np.where(held, high, np.inf))


def _hold_one(data: GridData, component: str, column: str, node: IntArray, rows: IntArray, value: FloatArray) -> None:
    asked = data.tables[component][column][rows]
    bad = ~(np.abs(asked - value[node[rows]]) < 1e-12)
    if bad.any():
        row = int(rows[np.flatnonzero(bad)[0]])
        table = data.tables[component]
        raise DataError(
            f"{component} {table['id'][row]}: {column} is {table[column][row]:g}, but another gen or ext_grid holds "
            f"bus {table['bus'][row]} (or one joined to it by switches) at {value[node[row]]:g}; give both the same"
        )


def _spread_slack_angle(va_rad: FloatArray, node_type: NDArray[np.int8], island: IntArray) -> FloatArray:
    """Give every node without an angle of its own that of the first slack of its island."""
    slack = np.flatnonzero(node_type == REF)[::-1]
    angle = np.zeros(int(island.max()) + 1 if len(island) else 0)
    angle[island[slack]] = va_rad[slack]
    return np.where(node_type == REF, va_rad, angle[island])
