"""Results from voltages: what flows, what is lost, what each element takes, with pandapower's names and signs.

All are pure functions that return columns in the order of the component's rows. Branch and voltage columns also work on
many states at once: voltages of shape (K, n) give columns of shape (K, rows). Elements that are not under voltage carry
no power, and their voltages and currents are NaN. From the DC power flow only active powers and angles mean anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.grid.data import GridData
from ghostload.grid.injections import load_shares, shunt_mva
from ghostload.grid.kernels.dc import dc_flows
from ghostload.grid.network import Network
from ghostload.grid.topology import rows_of

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Columns = dict[str, FloatArray]

WINDINGS = ("hv", "mv", "lv")
UNLIMITED_MVAR = 1e9
"""Reactive limit of a generator without one, when several share the reactive power of a node; pandapower's value."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A solved network: voltages and the powers that follow, in per unit, nodes or branches on the last axis.

    Attributes
    ----------
    v : (..., n) complex array
    s_from, s_to : (..., m) complex array
        Power into the branch at its start and end.
    s_node : (..., n) complex array
        Power from the node into branches and ``y_shunt``.
    dc_angle_rad : (n,) array, optional
        Angles of the DC power flow, not wrapped; None for the AC power flow.
    """

    v: ComplexArray
    s_from: ComplexArray
    s_to: ComplexArray
    s_node: ComplexArray
    dc_angle_rad: FloatArray | None = None

    def magnitude(self, node: IntArray) -> FloatArray:
        """Voltage magnitudes at nodes, pu; NaN at node -1."""
        return np.abs(_pick(self.v, node, complex(np.nan, np.nan)))

    def drawing(self, node: IntArray) -> FloatArray:
        """Return the magnitudes that loads and shunts follow: 1 in the DC power flow, 0 without voltage."""
        if self.dc_angle_rad is not None:
            return np.where(node >= 0, 1.0, 0.0)
        return np.nan_to_num(self.magnitude(node))

    def degrees(self, node: IntArray) -> FloatArray:
        """Voltage angles at nodes; NaN at node -1."""
        if self.dc_angle_rad is None:
            return np.asarray(np.degrees(np.angle(_pick(self.v, node, complex(np.nan, np.nan)))), dtype=np.float64)
        return np.asarray(np.degrees(_pick(self.dc_angle_rad, node, np.nan).real), dtype=np.float64)


def ac_state(network: Network, v: ComplexArray) -> State:
    """Compute the flows that belong to voltages."""
    v_from, v_to = v[..., network.branch_from], v[..., network.branch_to]
    s_from = v_from * np.conj(network.yff * v_from + network.yft * v_to)
    s_to = v_to * np.conj(network.ytf * v_from + network.ytt * v_to)
    shunt = np.conj(network.y_shunt) * np.abs(v) ** 2
    return State(v, s_from, s_to, _sum_at_nodes(network, s_from, s_to) + shunt)


def dc_state(network: Network, angle_rad: FloatArray) -> State:
    """Compute the flows of the DC power flow: active only, without losses, magnitudes at their set points or 1.

    Parameters
    ----------
    network : Network
    angle_rad : (n,) array
        From :func:`ghostload.grid.network.dc_power_flow`.
    """
    p = dc_flows(network.branch_from, network.branch_to, network.branch_dc_b, network.branch_shift_rad, angle_rad)
    s_from = p.astype(np.complex128)
    v = np.asarray(network.vm_set * np.exp(1j * angle_rad), dtype=np.complex128)
    s_node = _sum_at_nodes(network, s_from, -s_from) + network.y_shunt.real
    return State(v, s_from, -s_from, s_node, angle_rad)


def _sum_at_nodes(network: Network, s_from: ComplexArray, s_to: ComplexArray) -> ComplexArray:
    """Power into all branches of each node; (..., m) gives (..., n)."""
    m = network.m
    ends = np.concatenate([network.branch_from, network.branch_to])
    at = csr_matrix((np.ones(2 * m), (ends, np.arange(2 * m))), shape=(network.n, 2 * m))
    powers = np.concatenate([s_from, s_to], axis=-1)
    states = powers.reshape(math.prod(powers.shape[:-1]), 2 * m)
    return np.asarray((at @ states.T).T.reshape(*powers.shape[:-1], network.n))


def _pick(values: NDArray[np.generic], where: IntArray, missing: complex) -> ComplexArray:
    """Return ``values[..., where]``, with ``missing`` where the index is -1."""
    out = np.full((*values.shape[:-1], len(where)), missing, dtype=np.complex128)
    here = where >= 0
    out[..., here] = values[..., where[here]]
    return out


def _ends(
    data: GridData, network: Network, state: State, component: str, names: tuple[str, ...], columns: tuple[str, ...]
) -> Columns:
    """Powers, losses, currents and voltages at the ends of two-ended branches."""
    branch, ends = network.branch_of[component], network.ends_of[component]
    sides = zip(names, (state.s_from, state.s_to), strict=True)
    s = {side: _pick(flow, branch, 0.0) * network.sn_mva for side, flow in sides}
    out: Columns = {}
    for side in names:
        out[f"p_{side}_mw"], out[f"q_{side}_mvar"] = s[side].real, s[side].imag
    total = s[names[0]] + s[names[1]]
    out["pl_mw"], out["ql_mvar"] = total.real, total.imag
    for end, side in enumerate(names):
        vn = data.tables["bus"]["vn_kv"][rows_of(data, component, columns[end])]
        vm = out[f"vm_{side}_pu"] = state.magnitude(ends[:, end])
        out[f"va_{side}_degree"] = state.degrees(ends[:, end])
        out[f"i_{side}_ka"] = np.abs(s[side]) / (vm * vn * np.sqrt(3.0))
    return out


def _share(value: FloatArray, limit: FloatArray) -> FloatArray:
    """Percentage of a limit; infinite where that is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(limit == 0.0, np.inf, value / limit) * 100.0, dtype=np.float64)


def line_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_line``: loading is the larger of both currents against the thermal limit."""
    t = data.tables["line"]
    got = _ends(data, network, state, "line", ("from", "to"), ("from_bus", "to_bus"))
    got["i_ka"] = np.fmax(got["i_from_ka"], got["i_to_ka"])
    got["loading_percent"] = _share(got["i_ka"], t["max_i_ka"] * t["df"] * t["parallel"])
    first = ("p_from_mw", "q_from_mvar", "p_to_mw", "q_to_mvar", "pl_mw", "ql_mvar", "i_from_ka", "i_to_ka", "i_ka")
    then = ("vm_from_pu", "va_from_degree", "vm_to_pu", "va_to_degree", "loading_percent")
    return {name: got[name] for name in (*first, *then)}


def trafo_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_trafo``: loading is the larger of both currents against the rated one of its winding."""
    t = data.tables["trafo"]
    got = _ends(data, network, state, "trafo", ("hv", "lv"), ("hv_bus", "lv_bus"))
    mva = np.fmax(got["i_hv_ka"] * t["vn_hv_kv"], got["i_lv_ka"] * t["vn_lv_kv"]) * np.sqrt(3.0)
    got["loading_percent"] = _share(mva, t["sn_mva"] * t["parallel"] * t["df"])
    first = ("p_hv_mw", "q_hv_mvar", "p_lv_mw", "q_lv_mvar", "pl_mw", "ql_mvar", "i_hv_ka", "i_lv_ka")
    then = ("vm_hv_pu", "va_hv_degree", "vm_lv_pu", "va_lv_degree", "loading_percent")
    return {name: got[name] for name in (*first, *then)}


def impedance_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_impedance``."""
    got = _ends(data, network, state, "impedance", ("from", "to"), ("from_bus", "to_bus"))
    return {name: column for name, column in got.items() if not name.startswith("v")}


def trafo3w_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_trafo3w``: loading is the largest of the three currents against the rated one of its winding."""
    t = data.tables["trafo3w"]
    branch, ends = network.branch_of["trafo3w"], network.ends_of["trafo3w"]
    powers: Columns = {}
    currents: Columns = {}
    voltages: Columns = {}
    total: ComplexArray | float = 0.0
    loading = np.full((*state.v.shape[:-1], len(t)), np.nan)
    for part, side in enumerate(WINDINGS):
        s = _pick(state.s_from if part == 0 else state.s_to, branch[:, part], 0.0) * network.sn_mva
        vn = data.tables["bus"]["vn_kv"][rows_of(data, "trafo3w", f"{side}_bus")]
        powers[f"p_{side}_mw"], powers[f"q_{side}_mvar"] = s.real, s.imag
        vm = voltages[f"vm_{side}_pu"] = state.magnitude(ends[:, part])
        voltages[f"va_{side}_degree"] = state.degrees(ends[:, part])
        currents[f"i_{side}_ka"] = np.abs(s) / (vm * vn * np.sqrt(3.0))
        total = total + s
        mva = currents[f"i_{side}_ka"] * t[f"vn_{side}_kv"] * np.sqrt(3.0)
        loading = np.fmax(loading, _share(mva, t[f"sn_{side}_mva"]))
    losses: Columns = {"pl_mw": np.real(total), "ql_mvar": np.imag(total)}
    inside: Columns = {
        "va_internal_degree": state.degrees(network.star_node),
        "vm_internal_pu": state.magnitude(network.star_node),
    }
    return powers | losses | currents | voltages | inside | {"loading_percent": loading}


def load_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_load``: what is drawn at the present voltage; 0 without voltage."""
    shares, scale = load_shares(data), network.load_scale
    vm = state.drawing(network.load_node)
    s = (shares.power + shares.current * vm + shares.impedance * vm**2) * scale
    return {"p_mw": s.real, "q_mvar": s.imag}


def sgen_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_sgen``."""
    t, wide = data.tables["sgen"], np.ones((*state.v.shape[:-1], 1))
    return {name: t[name] * network.sgen_scale * wide for name in ("p_mw", "q_mvar")}


def shunt_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_shunt``."""
    s = shunt_mva(data) * state.drawing(network.shunt_node) ** 2
    return {"p_mw": s.real, "q_mvar": s.imag, "vm_pu": state.magnitude(network.shunt_node)}


@dataclass(frozen=True, slots=True, eq=False)
class _Machines:
    """External grids, then generators: what shares the generation of a node."""

    node: IntArray
    p_given: FloatArray
    weight: FloatArray
    q_min: FloatArray
    q_max: FloatArray
    slack: NDArray[np.bool_]


def _machines(data: GridData, network: Network) -> _Machines:
    gen, ext = data.tables["gen"], data.tables["ext_grid"]
    none, slack = np.zeros(len(ext)), np.ones(len(ext), dtype=bool)
    bounds = []
    for column, unlimited in (("min_q_mvar", -UNLIMITED_MVAR), ("max_q_mvar", UNLIMITED_MVAR)):
        limit = np.clip(gen[column], -UNLIMITED_MVAR, UNLIMITED_MVAR)
        bounds.append(np.concatenate([none, np.where(np.isnan(limit), unlimited, limit)]))
    return _Machines(
        node=np.concatenate([network.ext_grid_node, network.gen_node]),
        p_given=np.concatenate([none, gen["p_mw"] * network.gen_scale]),
        weight=np.concatenate([ext["slack_weight"], gen["slack_weight"]]),
        q_min=bounds[0],
        q_max=bounds[1],
        slack=np.concatenate([slack, gen["slack"]]),
    )


def _share_reactive(made: FloatArray, node: IntArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Share what nodes make among the machines there: each as far up its range, or equally when there is no range."""
    n = len(made)
    whole = np.bincount(node, high - low, n)[node]
    equal = 1.0 / np.bincount(node, minlength=n)[node]
    share = np.where(whole > 0.0, np.divide(high - low, whole, out=np.zeros(len(node)), where=whole > 0.0), equal)
    q = made[node] * share + np.where(whole > 0.0, low - np.bincount(node, low, n)[node] * share, 0.0)
    # Ranges without limits are so wide that rounding would show in the balance of the node.
    rest = made - np.bincount(node, q, n)
    return np.asarray(q + rest[node] * share, dtype=np.float64)


def generation(data: GridData, network: Network, state: State) -> tuple[ComplexArray, ComplexArray]:
    """Power of each external grid and each generator, MVA, for one state.

    What a node generates is what it sends out less what loads and sgens leave. At a slack node the generators that are
    no slack keep their active power and the slacks share the rest: by ``slack_weight``, on top of what they are given,
    or all equally when the weights are 0. Reactive power is shared in proportion to the ranges of the limits, equally
    when there is no range; an external grid beside generators takes none [1]_.

    References
    ----------
    .. [1] pandapower does both this way, the second after R. D. Zimmerman et al., "MATPOWER", IEEE Transactions on
       Power Systems 26 (2011). :doi:`10.1109/TPWRS.2010.2051168`
    """
    m = _machines(data, network)
    on = np.flatnonzero(m.node >= 0)
    node, n = m.node[on], network.n
    made = (state.s_node - network.s_bus - network.i_bus * np.abs(state.v)) * network.sn_mva
    made_p = made.real + np.bincount(node, m.p_given[on], n)
    made_q = made.imag if state.dc_angle_rad is None else np.zeros(n)
    weight = np.where(m.slack[on], m.weight[on], 0.0)
    equal = m.slack[on] & (np.bincount(node, weight, n)[node] <= 0.0)
    weight = np.where(equal, 1.0, weight)
    base = np.where(equal, 0.0, m.p_given[on])
    left = made_p - np.bincount(node, base, n)
    heavy = np.bincount(node, weight, n)[node]
    p = base + left[node] * np.divide(weight, heavy, out=np.zeros(len(on)), where=heavy > 0.0)
    q = _share_reactive(made_q, node, m.q_min[on], m.q_max[on])
    out = np.zeros(len(m.node), dtype=np.complex128)
    out[on] = p + 1j * q
    split = len(network.ext_grid_node)
    return out[:split], out[split:]


def gen_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_gen``: 0 power and NaN voltage where it is not in the circuit."""
    _, s = generation(data, network, state)
    node = network.gen_node
    return {"p_mw": s.real, "q_mvar": s.imag, "va_degree": state.degrees(node), "vm_pu": state.magnitude(node)}


def ext_grid_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_ext_grid``."""
    s, _ = generation(data, network, state)
    return {"p_mw": s.real, "q_mvar": s.imag}


def bus_columns(data: GridData, network: Network, state: State) -> Columns:
    """``res_bus``: voltage, and what the elements at the bus draw together, generation negative."""
    drawn = np.zeros(len(data.tables["bus"]), dtype=np.complex128)
    ext, gen = generation(data, network, state)
    load, shunt = load_columns(data, network, state), shunt_columns(data, network, state)
    sgen = sgen_columns(data, network, state)
    for component, s in (
        ("load", load["p_mw"] + 1j * load["q_mvar"]),
        ("shunt", shunt["p_mw"] + 1j * shunt["q_mvar"]),
        ("sgen", -sgen["p_mw"] - 1j * sgen["q_mvar"]),
        ("gen", -gen),
        ("ext_grid", -ext),
    ):
        np.add.at(drawn, rows_of(data, component, "bus"), s)
    return {
        "vm_pu": state.magnitude(network.node_of_bus),
        "va_degree": state.degrees(network.node_of_bus),
        "p_mw": drawn.real,
        "q_mvar": drawn.imag,
    }


RESULTS: Mapping[str, Callable[[GridData, Network, State], Columns]] = MappingProxyType(
    {
        "bus": bus_columns,
        "line": line_columns,
        "trafo": trafo_columns,
        "trafo3w": trafo3w_columns,
        "impedance": impedance_columns,
        "load": load_columns,
        "sgen": sgen_columns,
        "gen": gen_columns,
        "ext_grid": ext_grid_columns,
        "shunt": shunt_columns,
    }
)
"""Result table of each component that has one."""
