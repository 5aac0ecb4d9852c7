"""Results that follow from voltages: they balance, and elements without voltage carry nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid import flows
from ghostload.grid.data import GridData
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.network import Network, build_network, dc_power_flow, init_voltage, ybus

LINE = {"length_km": 1.0, "r_ohm_per_km": 0.3, "x_ohm_per_km": 0.4, "c_nf_per_km": 200.0, "max_i_ka": 0.3}


def meshed(seed: int = 1, n: int = 8) -> GridData:
    """A random meshed 20 kV grid with loads of all kinds, generators, shunts and a phase-shifting transformer."""
    rng = np.random.default_rng(seed)
    ends = [(int(rng.integers(0, k)), k) for k in range(1, n)] + [(0, n - 1), (1, n - 2)]
    m = len(ends)
    shares = rng.uniform(0, 50, (4, n))
    names = ("const_z_p_percent", "const_i_p_percent", "const_z_q_percent", "const_i_q_percent")
    tables = {
        "bus": {"vn_kv": np.full(n, 20.0)},
        "line": {
            "from_bus": [f for f, _ in ends],
            "to_bus": [t for _, t in ends],
            **{name: np.full(m, value) for name, value in LINE.items()},
            "parallel": rng.integers(1, 3, m),
        },
        "trafo": {
            "hv_bus": [0], "lv_bus": [n - 1], "sn_mva": [40.0], "vn_hv_kv": [20.0], "vn_lv_kv": [20.2],
            "vk_percent": [10.0], "vkr_percent": [0.5], "pfe_kw": [15.0], "i0_percent": [0.2], "tap_side": ["hv"],
            "tap_changer_type": ["Ideal"], "tap_pos": [1.0], "tap_neutral": [0.0], "tap_step_degree": [0.4],
        },
        "load": {
            "bus": np.arange(n), "p_mw": rng.uniform(0.1, 0.6, n), "q_mvar": rng.uniform(-0.1, 0.2, n),
            **dict(zip(names, shares, strict=True)),
        },
        "sgen": {"bus": [2], "p_mw": [0.4], "q_mvar": [0.1]},
        "gen": {
            "bus": [3, 3, 0], "p_mw": [0.5, 0.2, 0.3], "vm_pu": [1.01, 1.01, 1.0],
            "min_q_mvar": [-1.0, -3.0, np.nan], "max_q_mvar": [1.0, 3.0, np.nan],
        },
        "ext_grid": {"bus": [0, 0], "vm_pu": [1.0, 1.0], "slack_weight": [1.0, 3.0]},
        "shunt": {"bus": [4], "p_mw": [0.01], "q_mvar": [-0.3]},
    }  # fmt: skip
    return GridData.from_tables(tables, sn_mva=10.0)


def solved(data: GridData) -> tuple[Network, flows.State]:
    network = build_network(data)
    start = init_voltage(network)
    solution = solve(ybus(network), network.s_bus, network.i_bus, network.node_type, start, tol_pu=1e-12)
    assert solution.converged, solution.reason
    return network, flows.ac_state(network, solution.v)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_each_bus_draws_comes_in_through_its_branches(seed: int) -> None:
    data = meshed(seed)
    network, state = solved(data)
    bus = flows.bus_columns(data, network, state)
    line, trafo = flows.line_columns(data, network, state), flows.trafo_columns(data, network, state)
    left = bus["p_mw"] + 1j * bus["q_mvar"]
    lines, trafos = data["line"], data["trafo"]
    np.add.at(left, lines["from_bus"], line["p_from_mw"] + 1j * line["q_from_mvar"])
    np.add.at(left, lines["to_bus"], line["p_to_mw"] + 1j * line["q_to_mvar"])
    np.add.at(left, trafos["hv_bus"], trafo["p_hv_mw"] + 1j * trafo["q_hv_mvar"])
    np.add.at(left, trafos["lv_bus"], trafo["p_lv_mw"] + 1j * trafo["q_lv_mvar"])
    assert np.max(np.abs(left)) < 1e-9, f"seed {seed}"
    assert np.all(line["pl_mw"] >= -1e-12), f"seed {seed}"
    assert np.all(trafo["pl_mw"] >= 0.0), f"seed {seed}"
    assert bus["p_mw"].sum() == pytest.approx(-line["pl_mw"].sum() - trafo["pl_mw"].sum(), abs=1e-9)


def test_slacks_share_by_weight_and_generators_by_reactive_range() -> None:
    data = meshed()
    network, state = solved(data)
    ext, gen = flows.ext_grid_columns(data, network, state), flows.gen_columns(data, network, state)
    assert ext["p_mw"][1] == pytest.approx(3.0 * ext["p_mw"][0])
    assert ext["q_mvar"].tolist() == [0.0, 0.0]
    assert gen["p_mw"].tolist() == [0.5, 0.2, 0.3]
    used = (gen["q_mvar"][:2] + np.array([1.0, 3.0])) / np.array([2.0, 6.0])
    assert used[0] == pytest.approx(used[1])


def test_slacks_of_no_weight_share_equally() -> None:
    data = meshed().replace("ext_grid", slack_weight=[0.0, 0.0])
    network, state = solved(data)
    p = flows.ext_grid_columns(data, network, state)["p_mw"]
    assert p[0] == pytest.approx(p[1])


def test_many_states_at_once_give_the_columns_of_each() -> None:
    data = meshed()
    network, state = solved(data)
    other = flows.ac_state(network, state.v * np.exp(0.01j * np.arange(network.n)))
    both = flows.ac_state(network, np.stack([state.v, other.v]))
    for columns in (
        flows.line_columns,
        flows.trafo_columns,
        flows.load_columns,
        flows.shunt_columns,
        flows.sgen_columns,
    ):
        wide = columns(data, network, both)
        for k, one in enumerate((state, other)):
            for name, column in columns(data, network, one).items():
                np.testing.assert_allclose(np.broadcast_to(wide[name], (2, len(column)))[k], column, atol=1e-12)
    np.testing.assert_allclose(both.s_node[1], other.s_node, atol=1e-12)


def test_elements_without_voltage_carry_no_power() -> None:
    data = meshed()
    dead = {"bus": [8], "p_mw": [1.0], "q_mvar": [1.0]}
    data = data.append("bus", {"vn_kv": [20.0]}).append("load", dead).append("sgen", dead)
    data = data.append("shunt", dead).append("gen", {"bus": [8], "p_mw": [1.0], "vm_pu": [1.0]})
    data = data.replace("line", in_service=np.arange(len(data["line"])) != 8)
    network, state = solved(data)
    for component in ("load", "sgen", "shunt", "gen"):
        columns = flows.RESULTS[component](data, network, state)
        assert columns["p_mw"][-1] == columns["q_mvar"][-1] == 0.0
    assert np.isnan(flows.gen_columns(data, network, state)["vm_pu"][-1])
    assert np.isnan(flows.bus_columns(data, network, state)["vm_pu"][-1])
    line = flows.line_columns(data, network, state)
    assert line["p_from_mw"][8] == line["i_ka"][8] == line["loading_percent"][8] == 0.0


def test_a_limit_of_zero_is_loaded_without_bound_and_an_unknown_one_not_at_all() -> None:
    data = meshed()
    limits = np.where(np.arange(len(data["line"])) == 0, 0.0, np.nan)
    data = data.replace("line", max_i_ka=limits)
    network, state = solved(data)
    loading = flows.line_columns(data, network, state)["loading_percent"]
    assert np.isposinf(loading[0])
    assert np.isnan(loading[1:]).all()


def test_the_dc_power_flow_balances_without_losses() -> None:
    data = meshed()
    network = build_network(data)
    state = flows.dc_state(network, dc_power_flow(network))
    bus, line = flows.bus_columns(data, network, state), flows.line_columns(data, network, state)
    assert abs(bus["p_mw"].sum()) < 1e-9
    np.testing.assert_allclose(line["pl_mw"], 0.0, atol=1e-15)
    assert np.all(flows.gen_columns(data, network, state)["p_mw"] == [0.5, 0.2, 0.3])


def test_dc_angles_are_not_wrapped() -> None:
    data = meshed()
    network = build_network(data)
    state = flows.dc_state(network, dc_power_flow(network) + 4.0)
    assert flows.bus_columns(data, network, state)["va_degree"][0] == pytest.approx(np.degrees(4.0))


def test_every_table_of_results_has_one_value_a_row() -> None:
    data = meshed()
    network, state = solved(data)
    for component, columns in flows.RESULTS.items():
        got: dict[str, Any] = columns(data, network, state)
        assert got
        assert all(len(column) == len(data[component]) for column in got.values()), component
