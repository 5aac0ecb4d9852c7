"""The circuit that is built from a grid."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.errors import DataError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.solution import PQ, PV, REF
from ghostload.grid.network import Network, build_network, dc_power_flow, init_voltage, with_injections, ybus

LINE = {"length_km": 1.0, "r_ohm_per_km": 0.3, "x_ohm_per_km": 0.4, "c_nf_per_km": 200.0, "max_i_ka": 0.3}
TRAFO = {
    "sn_mva": 0.4,
    "vn_hv_kv": 20.0,
    "vn_lv_kv": 0.4,
    "vk_percent": 4.0,
    "vkr_percent": 1.2,
    "pfe_kw": 1.0,
    "i0_percent": 0.3,
    "shift_degree": 150.0,
}


def rows(*dicts: dict[str, Any]) -> dict[str, list[Any]]:
    """Columns from rows."""
    return {name: [row[name] for row in dicts] for name in dicts[0]}


def grid(n: int = 3, **tables: Any) -> GridData:
    """A chain of 20 kV buses 10, 11, ... with a slack at the first; tables given replace those."""
    chain = [{"from_bus": 10 + k, "to_bus": 11 + k, **LINE} for k in range(n - 1)]
    all_tables: dict[str, Any] = {
        "bus": {"id": np.arange(10, 10 + n), "vn_kv": np.full(n, 20.0)},
        "ext_grid": {"bus": [10], "vm_pu": [1.02], "va_degree": [0.0]},
        "load": {"bus": [9 + n], "p_mw": [1.0], "q_mvar": [0.3]},
    }
    if chain:
        all_tables["line"] = rows(*chain)
    return GridData.from_tables({**all_tables, **tables}, sn_mva=1.0)


def voltages(data: GridData) -> Any:
    network = build_network(data)
    start = init_voltage(network)
    solution = solve(ybus(network), network.s_bus, network.i_bus, network.node_type, start, tol_pu=1e-11)
    assert solution.converged, solution.reason
    out = np.full(len(network.node_of_bus), np.nan + 0j)
    here = network.node_of_bus >= 0
    out[here] = solution.v[network.node_of_bus[here]]
    return out


def same(a: Network, b: Network) -> bool:
    for field in fields(Network):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            if not np.array_equal(x, y):
                return False
        elif hasattr(x, "keys"):
            if any(not np.array_equal(x[k], y[k]) for k in x):
                return False
        elif x != y:
            return False
    return True


def test_buses_in_a_chain_are_nodes_in_their_order() -> None:
    network = build_network(grid(4))
    assert network.node_of_bus.tolist() == [0, 1, 2, 3]
    assert network.node_type.tolist() == [REF, PQ, PQ, PQ]
    assert network.branch_of["line"].tolist() == [0, 1, 2]
    assert network.s_bus[3] == pytest.approx(-1.0 - 0.3j)
    assert network.m == 3


def test_a_closed_bus_switch_makes_one_node_and_an_open_one_leaves_two() -> None:
    switch = {"bus": [11], "element": [12], "et": ["b"], "closed": [True]}
    line = rows({"from_bus": 10, "to_bus": 11, **LINE})
    joined = build_network(grid(3, switch=switch, line=line))
    assert joined.node_of_bus.tolist() == [0, 1, 1]
    parted = build_network(grid(3, switch={**switch, "closed": [False]}, line=line))
    assert parted.node_of_bus.tolist() == [0, 1, -1]
    off = build_network(grid(3, switch={**switch, "in_service": [False]}, line=line))
    assert off.node_of_bus.tolist() == [0, 1, -1]


def test_a_line_open_at_one_end_stays_charged_and_one_open_at_both_is_gone() -> None:
    one = build_network(grid(3, switch={"bus": [12], "element": [1], "et": ["l"], "closed": [False]}))
    assert one.node_of_bus.tolist() == [0, 1, -1]
    assert one.n == 3
    assert one.ends_of["line"].tolist() == [[0, 1], [1, 2]]
    both = build_network(
        grid(3, switch={"bus": [11, 12], "element": [1, 1], "et": ["l", "l"], "closed": [False, False]})
    )
    assert both.n == 2
    assert both.branch_of["line"].tolist() == [0, -1]


def test_a_line_to_a_bus_out_of_service_stays_charged() -> None:
    data = grid(3).replace("bus", in_service=[True, True, False])
    network = build_network(data)
    assert network.node_of_bus.tolist() == [0, 1, -1]
    assert network.n == 3
    assert network.load_node.tolist() == [-1]
    assert network.load_scale.tolist() == [0.0]


def test_an_island_without_slack_has_no_nodes_and_several_islands_are_told_apart() -> None:
    data = grid(5, line=rows(*({"from_bus": f, "to_bus": t, **LINE} for f, t in ((10, 11), (13, 14)))))
    assert build_network(data).node_of_bus.tolist() == [0, 1, -1, -1, -1]
    gen = {"bus": [13], "p_mw": [0.0], "vm_pu": [1.0], "slack": [True]}
    two = build_network(
        grid(5, gen=gen, line=rows(*({"from_bus": f, "to_bus": t, **LINE} for f, t in ((10, 11), (13, 14)))))
    )
    assert two.node_of_bus.tolist() == [0, 1, -1, 2, 3]
    assert two.island.tolist() == [0, 0, 1, 1]
    assert two.node_type.tolist() == [REF, PQ, REF, PQ]


def test_a_generator_out_of_service_holds_nothing() -> None:
    gen = {"bus": [11, 12], "p_mw": [0.5, 0.5], "vm_pu": [1.01, 1.03], "in_service": [True, False]}
    network = build_network(grid(3, gen=gen))
    assert network.node_type.tolist() == [REF, PV, PQ]
    assert network.gen_node.tolist() == [1, -1]


def test_reactive_limits_of_one_node_add_up_and_a_missing_one_is_none() -> None:
    gen = {
        "bus": [11, 11],
        "p_mw": [0.5, 0.5],
        "vm_pu": [1.01, 1.01],
        "min_q_mvar": [-1.0, -2.0],
        "max_q_mvar": [3.0, np.nan],
    }
    network = build_network(grid(3, gen=gen))
    assert network.q_min[1] == -3.0
    assert network.q_max[1] == np.inf
    assert np.isinf(network.q_max[[0, 2]]).all()


def test_a_load_by_shares_goes_to_power_current_and_impedance() -> None:
    load = {
        "bus": [12], "p_mw": [2.0], "q_mvar": [1.0], "scaling": [0.5], "const_z_p_percent": [10.0],
        "const_i_p_percent": [20.0], "const_z_q_percent": [30.0], "const_i_q_percent": [40.0],
    }  # fmt: skip
    network = build_network(grid(3, load=load))
    assert network.s_bus[2] == pytest.approx(-0.7 - 0.15j)
    assert network.i_bus[2] == pytest.approx(-0.2 - 0.2j)
    assert network.y_shunt[2] == pytest.approx(0.1 - 0.15j)


def test_a_star_node_belongs_to_each_transformer_with_three_windings() -> None:
    trafo3w = {
        "hv_bus": [10], "mv_bus": [11], "lv_bus": [12], "sn_hv_mva": [40.0], "sn_mv_mva": [25.0], "sn_lv_mva": [15.0],
        "vn_hv_kv": [110.0], "vn_mv_kv": [20.0], "vn_lv_kv": [10.0], "vk_hv_percent": [10.0], "vk_mv_percent": [11.0],
        "vk_lv_percent": [12.0], "vkr_hv_percent": [0.3], "vkr_mv_percent": [0.3], "vkr_lv_percent": [0.3],
    }  # fmt: skip
    bus = {"id": [10, 11, 12], "vn_kv": [110.0, 20.0, 10.0]}
    network = build_network(grid(3, bus=bus, trafo3w=trafo3w, line={}))
    assert network.star_node.tolist() == [3]
    assert network.vn_kv.tolist() == [110.0, 20.0, 10.0, 110.0]
    assert network.branch_of["trafo3w"].tolist() == [[0, 1, 2]]
    assert network.branch_part.tolist() == [0, 1, 2]
    gone = build_network(grid(3, bus=bus, trafo3w={**trafo3w, "in_service": [False]}, line={}))
    assert gone.n == 1
    assert gone.ends_of["trafo3w"].tolist() == [[0, -1, -1]]


def test_the_admittance_matrix_is_sorted_with_every_diagonal_entry() -> None:
    line = rows(*({"from_bus": f, "to_bus": t, **LINE} for f, t in ((12, 10), (10, 12), (11, 12))))
    network = build_network(grid(3, line=line))
    y = ybus(network)
    dense = np.zeros((3, 3), dtype=complex)
    for k in range(network.m):
        f, t = network.branch_from[k], network.branch_to[k]
        dense[f, f] += network.yff[k]
        dense[f, t] += network.yft[k]
        dense[t, f] += network.ytf[k]
        dense[t, t] += network.ytt[k]
    np.testing.assert_allclose(y.toarray(), dense, rtol=1e-15)
    for row in range(3):
        columns = y.indices[y.indptr[row] : y.indptr[row + 1]].tolist()
        assert columns == sorted(set(columns))
        assert row in columns


@pytest.mark.parametrize("n", [0, 1])
def test_grids_of_no_bus_or_one_are_solved(n: int) -> None:
    load = {"bus": [10], "p_mw": [1.0], "q_mvar": [0.0]} if n else {}
    data = grid(n, load=load, ext_grid={"bus": [10]} if n else {}, bus={"id": [10][:n], "vn_kv": [20.0][:n]}, line={})
    network = build_network(data)
    solution = solve(ybus(network), network.s_bus, network.i_bus, network.node_type, init_voltage(network))
    assert solution.converged
    assert len(solution.v) == n
    assert dc_power_flow(network).tolist() == [0.0] * n


def test_a_grid_without_slack_has_an_empty_circuit() -> None:
    network = build_network(grid(3, ext_grid={}))
    assert network.n == network.m == 0
    assert ybus(network).shape == (0, 0)
    assert network.node_of_bus.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"load": {"bus": [77], "p_mw": [1.0], "q_mvar": [0.0]}}, ("load 0", "77", "no such bus")),
        ({"switch": {"bus": [11], "element": [9], "et": ["l"], "closed": [False]}}, ("switch 0", "9", "no such line")),
        ({"switch": {"bus": [10], "element": [1], "et": ["l"], "closed": [False]}}, ("switch 0", "no end of line 1")),
        ({"line": rows({"from_bus": 10, "to_bus": 12, **LINE, "length_km": 0.0})}, ("line 0", "0", "switch")),
        ({"line": rows({"from_bus": 10, "to_bus": 12, **LINE, "x_ohm_per_km": np.nan})}, ("line 0", "nan")),
        ({"line": rows({"from_bus": 10, "to_bus": 12, **LINE, "c_nf_per_km": np.inf})}, ("line 0", "finite")),
        ({"bus": {"id": [10, 11, 12], "vn_kv": [0.0, 20.0, 20.0]}}, ("line 0",)),
        ({"load": {"bus": [11, 12], "p_mw": [1.0, np.nan], "q_mvar": [0.0, 0.0]}}, ("load 1", "power", "nan")),
        ({"shunt": {"bus": [11], "p_mw": [np.inf], "q_mvar": [0.0]}}, ("shunt 0", "power", "finite")),
        ({"ext_grid": {"bus": [10], "vm_pu": [0.0]}}, ("ext_grid 0", "vm_pu", "positive")),
        ({"ext_grid": {"bus": [10], "va_degree": [np.inf]}}, ("ext_grid 0", "va_degree", "inf")),
        ({"gen": {"bus": [11, 11], "p_mw": [0.0, 0.0], "vm_pu": [1.0, 1.1]}}, ("gen 0", "vm_pu", "1.1")),
        (
            {"ext_grid": {"bus": [10, 10], "vm_pu": [1.0, 1.0], "va_degree": [0.0, 5.0]}},
            ("ext_grid 0", "va_degree", "5"),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_built_names_the_element(tables: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as caught:
        build_network(grid(3, **tables))
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "\n" not in text


def test_unknown_options_are_refused() -> None:
    with pytest.raises(UsageError, match="trafo_model"):
        build_network(grid(), trafo_model="gamma")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="init"):
        init_voltage(build_network(grid()), "warm")  # type: ignore[arg-type]


def test_a_branch_out_of_service_may_lack_its_impedance() -> None:
    line = rows(
        {"from_bus": 10, "to_bus": 12, **LINE, "in_service": True},
        {"from_bus": 10, "to_bus": 11, **LINE, "r_ohm_per_km": 0.0, "x_ohm_per_km": 0.0, "in_service": False},
    )
    assert build_network(grid(3, line=line)).m == 1


def test_a_dyn5_transformer_solves_by_default_and_turns_the_low_voltage() -> None:
    trafo = rows({"hv_bus": 10, "lv_bus": 11, **TRAFO})
    bus = {"id": [10, 11], "vn_kv": [20.0, 0.4]}
    data = grid(2, bus=bus, trafo=trafo, line={}, load={"bus": [11], "p_mw": [0.2], "q_mvar": [0.05]})
    v = voltages(data)
    assert np.degrees(np.angle(v[1])) == pytest.approx(-150.0, abs=2.0)
    unturned = build_network(data, calculate_voltage_angles=False)
    assert not np.any(unturned.branch_shift_rad)


def test_a_start_follows_the_set_points() -> None:
    gen = {"bus": [12], "p_mw": [0.5], "vm_pu": [1.06]}
    network = build_network(grid(3, gen=gen, ext_grid={"bus": [10], "vm_pu": [1.02], "va_degree": [30.0]}))
    flat, auto = init_voltage(network, "flat"), init_voltage(network)
    np.testing.assert_allclose(np.abs(flat), [1.02, 1.0, 1.06])
    np.testing.assert_allclose(np.degrees(np.angle(flat)), 30.0)
    np.testing.assert_allclose(np.abs(auto), [1.02, 1.04, 1.06])
    assert np.angle(auto[0]) == pytest.approx(np.radians(30.0))


def test_injections_read_anew_equal_a_network_built_anew() -> None:
    gen = {"bus": [12], "p_mw": [0.5], "vm_pu": [1.06], "min_q_mvar": [-1.0], "max_q_mvar": [1.0]}
    before = grid(3, gen=gen)
    after = before.replace("load", p_mw=[2.5]).replace("gen", vm_pu=[1.01], max_q_mvar=[0.2])
    assert same(with_injections(build_network(before), after), build_network(after))
    assert not same(build_network(before), build_network(after))


def test_a_network_survives_pickling() -> None:
    network = build_network(grid())
    assert same(pickle.loads(pickle.dumps(network)), network)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_elements_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 12))
    ends = [(10 + int(rng.integers(0, k)), 10 + k) for k in range(1, n)] + [(10, 9 + n)]
    line = rows(*({"from_bus": f, "to_bus": t, **LINE} for f, t in ends))
    load = {"bus": rng.integers(10, 10 + n, n), "p_mw": rng.uniform(0, 0.3, n), "q_mvar": rng.uniform(-0.1, 0.1, n)}
    data = grid(n, line=line, load=load)
    shuffled = data
    for component in ("bus", "line", "load"):
        order = rng.permutation(len(data[component]))
        shuffled = shuffled.replace(component, **{c: data[component][c][order] for c in data[component]})
    by_id = dict(zip(data["bus"]["id"].tolist(), voltages(data), strict=True))
    for bus, v in zip(shuffled["bus"]["id"].tolist(), voltages(shuffled), strict=True):
        assert abs(v - by_id[bus]) < 1e-9, f"seed {seed}"
