"""The grid as an electrical circuit: nodes, branches and injections in per unit, ready for the solvers.

What pandapower calls the internal model: buses joined by closed switches are one node, three-winding transformers are
three branches around a star node, free ends of branches are nodes of their own, and whatever no slack reaches is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.errors import UsageError
from ghostload.grid import branches as pi
from ghostload.grid import topology
from ghostload.grid.data import GridData
from ghostload.grid.injections import element_nodes, load_shares, refuse_unknown, scales, scatter, set_points, shunt_mva
from ghostload.grid.kernels.dc import dc_angles
from ghostload.grid.kernels.solution import PQ, PV
from ghostload.grid.two_ports import BRANCH_COMPONENTS as BRANCH_COMPONENTS
from ghostload.grid.two_ports import refuse_infinite, two_ports

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Init = Literal["flat", "dc", "auto"]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A circuit of ``n`` nodes and ``m`` branches, all of them under voltage, per unit of ``sn_mva``.

    Injections are positive into the grid. Rows of components that are not in the circuit point to node or branch -1.

    Attributes
    ----------
    sn_mva : float
    node_of_bus : (B,) int array
        Node of each row of the bus table; -1 when out of service or in an island without slack.
    vn_kv : (n,) array
        Rated voltage, line to line.
    node_type : (n,) int8 array
        1 PQ, 2 PV, 3 REF.
    island : (n,) int array
        Number of the electrical island of each node, in order of the first node.
    branch_from, branch_to : (m,) int array
    yff, yft, ytf, ytt : (m,) complex array
        Two-port admittances; currents into the branch are ``yff v_f + yft v_t`` and ``ytf v_f + ytt v_t``.
    branch_dc_b, branch_shift_rad : (m,) array
        Susceptance and phase shift for the DC power flow.
    branch_component : (m,) int8 array
        Index into :data:`BRANCH_COMPONENTS`.
    branch_row, branch_part : (m,) int array
        Row in that component's table; 0, 1, 2 for the hv, mv, lv part of a three-winding transformer, else 0.
    branch_of : mapping of component to int array
        The way back: (rows,) for line, trafo, impedance; (rows, 3) for trafo3w.
    ends_of : mapping of component to int array
        Nodes at the ends of each row, also of those out of service: (rows, 2), for trafo3w (rows, 3); -1 where there is
        no voltage.
    y_shunt : (n,) complex array
        Shunts and the constant-impedance part of loads.
    s_bus : (n,) complex array
        Given power: generation less constant-power load; reactive power of generators that hold a voltage is not in it.
    i_bus : (n,) complex array
        Constant-current part of loads: it injects ``i_bus * |v|``.
    vm_set, va_set_rad : (n,) array
        Set points; 1 and the angle of the island's slack where none is set.
    q_min, q_max : (n,) array
        Reactive limits of the generators of a PV node together; infinite elsewhere.
    load_node, sgen_node, gen_node, ext_grid_node, shunt_node : (rows,) int array
    load_scale, sgen_scale, gen_scale : (rows,) array
        ``scaling`` of each row, 0 where it is not in the circuit.
    star_node : (rows,) int array
        Star node of each three-winding transformer.
    trafo_model : str
    """

    sn_mva: float
    node_of_bus: IntArray
    vn_kv: FloatArray
    node_type: NDArray[np.int8]
    island: IntArray
    branch_from: IntArray
    branch_to: IntArray
    yff: ComplexArray
    yft: ComplexArray
    ytf: ComplexArray
    ytt: ComplexArray
    branch_dc_b: FloatArray
    branch_shift_rad: FloatArray
    branch_component: NDArray[np.int8]
    branch_row: IntArray
    branch_part: IntArray
    branch_of: Mapping[str, IntArray]
    ends_of: Mapping[str, IntArray]
    y_shunt: ComplexArray
    s_bus: ComplexArray
    i_bus: ComplexArray
    vm_set: FloatArray
    va_set_rad: FloatArray
    q_min: FloatArray
    q_max: FloatArray
    load_node: IntArray
    load_scale: FloatArray
    sgen_node: IntArray
    sgen_scale: FloatArray
    gen_node: IntArray
    gen_scale: FloatArray
    ext_grid_node: IntArray
    shunt_node: IntArray
    star_node: IntArray
    trafo_model: str

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.node_type)

    @property
    def m(self) -> int:
        """Number of branches."""
        return len(self.branch_from)

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__slots__}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)


def build_network(
    data: GridData, *, trafo_model: pi.TrafoModel = "t", calculate_voltage_angles: bool = True
) -> Network:
    """Build the circuit of a grid.

    Parameters
    ----------
    data : GridData
    trafo_model : {"t", "pi"}
        Where the magnetising branch of transformers sits.
    calculate_voltage_angles : bool
        Whether phase shifts of vector groups and angles of external grids count; taps that turn the phase always do.

    Raises
    ------
    DataError
        A bus or element that is referred to does not exist, a branch under voltage has no impedance, a value is NaN or
        infinite, or two set points of one node contradict each other.
    """
    if trafo_model not in ("t", "pi"):
        raise UsageError(f"trafo_model: is {trafo_model!r}, must be 't' or 'pi'")
    wiring = topology.wire(data)
    bus = data.tables["bus"]
    ext, gen = data.tables["ext_grid"], data.tables["gen"]
    holds = np.concatenate(
        [
            topology.rows_of(data, "ext_grid", "bus")[ext["in_service"]],
            topology.rows_of(data, "gen", "bus")[gen["in_service"] & gen["slack"]],
        ]
    )
    slack = wiring.fused[holds[bus["in_service"][holds]]]
    node, island = topology.number_nodes(wiring, bus["in_service"], slack)
    node_of_bus = np.where(bus["in_service"], node[wiring.fused], -1)
    vn_kv = bus["vn_kv"][wiring.vn_row]
    with np.errstate(all="ignore"):
        branches = _branches(data, wiring, node, vn_kv, trafo_model, calculate_voltage_angles)
        injections = _injections(data, node_of_bus, island, calculate_voltage_angles)
    return Network(
        sn_mva=data.sn_mva,
        node_of_bus=node_of_bus,
        vn_kv=vn_kv[node >= 0],
        island=island,
        star_node=node[len(bus) : len(bus) + len(data.tables["trafo3w"])],
        trafo_model=trafo_model,
        **branches,
        **injections,
    )


def with_injections(network: Network, data: GridData, *, calculate_voltage_angles: bool = True) -> Network:
    """Return the network with powers, shunts, set points and limits read anew; nodes and branches are shared.

    Right as long as no bus, branch or switch, no ``in_service`` of a slack and no ``slack`` of a generator has changed
    since ``network`` was built.
    """
    fresh = _injections(data, network.node_of_bus, network.island, calculate_voltage_angles)
    return replace(network, **fresh)


def _branches(
    data: GridData,
    wiring: topology.Wiring,
    node: IntArray,
    vn_kv: FloatArray,
    trafo_model: pi.TrafoModel,
    angles: bool,
) -> dict[str, Any]:
    """Compute the branch attributes of the network: all components one after the other, dead branches left out."""
    parts: dict[str, list[Any]] = {}
    branch_of: dict[str, IntArray] = {}
    ends_of: dict[str, IntArray] = {}
    count = 0
    for code, (component, two) in enumerate(two_ports(data, wiring, vn_kv, trafo_model, angles)):
        start, end = node[wiring.start[component]], node[wiring.end[component]]
        kept = wiring.live[component] & (start >= 0) & (end >= 0)
        refuse_infinite(data.tables[component]["id"], component, two, kept)
        number = np.where(kept, count + np.cumsum(kept) - 1, -1)
        count += int(np.count_nonzero(kept))
        rows, elements = np.arange(len(kept)), len(data.tables[component])
        if component == "trafo3w":
            branch_of[component] = number.reshape(3, elements).T.copy()
            ends_of[component] = np.stack([start[:elements], end[elements : 2 * elements], end[2 * elements :]], axis=1)
            part, rows = rows // max(elements, 1), rows % max(elements, 1)
        else:
            branch_of[component] = number
            ends_of[component] = np.stack([start, end], axis=1)
            part = np.zeros_like(rows)
        for name, values in (
            ("branch_from", start),
            ("branch_to", end),
            ("yff", two.yff),
            ("yft", two.yft),
            ("ytf", two.ytf),
            ("ytt", two.ytt),
            ("branch_dc_b", two.dc_b),
            ("branch_shift_rad", two.shift_rad),
            ("branch_component", np.full(len(kept), code, dtype=np.int8)),
            ("branch_row", rows),
            ("branch_part", part),
        ):
            parts.setdefault(name, []).append(values[kept])
    out: dict[str, Any] = {name: np.concatenate(values) for name, values in parts.items()}
    return out | {"branch_of": MappingProxyType(branch_of), "ends_of": MappingProxyType(ends_of)}


def _injections(data: GridData, node_of_bus: IntArray, island: IntArray, angles: bool) -> dict[str, Any]:
    """Compute the attributes of the network that elements at buses give."""
    n, sn = len(island), data.sn_mva
    at = {name: element_nodes(data, name, node_of_bus) for name in ("load", "sgen", "gen", "ext_grid", "shunt")}
    scale = {name: scales(data, name, at[name]) for name in ("load", "sgen", "gen")}
    shares = load_shares(data)
    sgen, gen = data.tables["sgen"], data.tables["gen"]
    made = {
        "load": (shares.power + shares.current + shares.impedance) * scale["load"],
        "sgen": (sgen["p_mw"] + 1j * sgen["q_mvar"]) * scale["sgen"],
        "gen": gen["p_mw"] * scale["gen"],
        "shunt": shunt_mva(data),
    }
    for component, power in made.items():
        refuse_unknown(data, component, at[component], power, "power")
    given = (
        scatter(n, at["sgen"], made["sgen"])
        + scatter(n, at["gen"], made["gen"])
        - scatter(n, at["load"], shares.power * scale["load"])
    )
    drawn = scatter(n, at["shunt"], made["shunt"]) + scatter(n, at["load"], shares.impedance * scale["load"])
    hold = set_points(data, at["gen"], at["ext_grid"], island, angles)
    return {
        "s_bus": given / sn,
        "i_bus": -scatter(n, at["load"], shares.current * scale["load"]) / sn,
        "y_shunt": np.conj(drawn) / sn,
        "node_type": hold.node_type,
        "vm_set": hold.vm_set,
        "va_set_rad": hold.va_set_rad,
        "q_min": hold.q_min,
        "q_max": hold.q_max,
        **{f"{name}_node": node for name, node in at.items()},
        **{f"{name}_scale": values for name, values in scale.items()},
    }


def ybus(network: Network) -> csr_matrix:
    """Nodal admittance matrix: (n, n) complex CSR, indices sorted, with every diagonal entry stored.

    Entries of parallel branches are summed, and kept where they cancel to 0.
    """
    n = network.n
    f, t, each = network.branch_from, network.branch_to, np.arange(n)
    rows = np.concatenate([each, f, f, t, t])
    columns = np.concatenate([each, f, t, f, t])
    values = np.concatenate([network.y_shunt, network.yff, network.yft, network.ytf, network.ytt])
    key, position = np.unique(rows * n + columns, return_inverse=True)
    data = np.zeros(len(key), dtype=np.complex128)
    np.add.at(data, position, values)
    indptr = np.searchsorted(key, np.arange(n + 1) * n)
    matrix = csr_matrix((data, key % n if n else key, indptr), shape=(n, n))
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix


def init_voltage(network: Network, init: Init = "auto") -> ComplexArray:
    """Voltages to start from, with set points where there are any.

    Parameters
    ----------
    network : Network
    init : {"flat", "dc", "auto"}
        "flat": magnitude 1, the angle of the island's slack. "dc": the mean of the magnitudes that are held in the
        island, and the angles of the DC power flow. "auto": "dc" as soon as a branch shifts the phase, slacks
        of an island hold different angles, or there are generators; else "flat".

    Returns
    -------
    (n,) complex array
    """
    if init not in ("flat", "dc", "auto"):
        raise UsageError(f"init: is {init!r}, must be 'flat', 'dc' or 'auto'")
    magnitude, angle = network.vm_set, network.va_set_rad
    if init == "dc" or (init == "auto" and _is_uneven(network)):
        magnitude = mean_magnitude(network, network.vm_set)
        by_dc = dc_power_flow(network)
        angle = by_dc if np.isfinite(by_dc).all() else angle
    return np.asarray(magnitude * np.exp(1j * angle), dtype=np.complex128)


def mean_magnitude(network: Network, vm_set: FloatArray) -> FloatArray:
    """Set magnitudes, and the mean of those of the island where none is set."""
    held = network.node_type != PQ
    islands = int(network.island.max(initial=-1)) + 1
    total = np.bincount(network.island[held], vm_set[held], islands)
    mean = total / np.bincount(network.island[held], minlength=islands)
    return np.where(held, vm_set, mean[network.island])


def dc_power_flow(network: Network) -> FloatArray:
    """Solve the DC power flow: angles of the nodes in rad, (n,), not wrapped; NaN where it has no solution.

    Shunts, and loads of every kind, draw what they draw at 1.0 pu.
    """
    return dc_angles(
        network.branch_from,
        network.branch_to,
        network.branch_dc_b,
        network.branch_shift_rad,
        (network.s_bus + network.i_bus - network.y_shunt).real,
        network.node_type,
        network.va_set_rad,
    )


def _is_uneven(network: Network) -> bool:
    """Whether voltages differ much even without any flow."""
    f, t = network.branch_from, network.branch_to
    if np.any(network.branch_shift_rad != 0.0) or np.any(network.va_set_rad[f] != network.va_set_rad[t]):
        return True
    return bool(np.any(network.node_type == PV))
