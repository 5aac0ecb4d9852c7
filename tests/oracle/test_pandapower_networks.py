"""pandapower's own networks, read from its nets: Dyn5 transformers, switches, three windings, ZIP loads."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle_support import assert_same_results, oracle, run_pandapower, solved, voltages

from ghostload.grid.io import from_pandapower

pp = oracle("pandapower")
pn = oracle("pandapower.networks")

LOW_AND_MEDIUM_VOLTAGE = (
    "create_cigre_network_hv", "create_cigre_network_lv", "create_cigre_network_mv", "create_dickert_lv_network",
    "create_kerber_dorfnetz", "create_kerber_landnetz_freileitung_1", "create_kerber_landnetz_freileitung_2",
    "create_kerber_landnetz_kabel_1", "create_kerber_landnetz_kabel_2", "create_kerber_vorstadtnetz_kabel_1",
    "create_synthetic_voltage_control_lv_network", "example_multivoltage",
    "example_simple", "four_loads_with_branches_out", "ieee_european_lv_asymmetric", "kb_extrem_dorfnetz",
    "kb_extrem_landnetz_freileitung", "kb_extrem_landnetz_freileitung_trafo",
    "kb_extrem_landnetz_kabel", "kb_extrem_landnetz_kabel_trafo",
    "kb_extrem_vorstadtnetz_trafo_1", "lv_schutterwald", "mv_oberrhein", "panda_four_load_branch",
    "simple_four_bus_system", "simple_mv_open_ring_net",
)  # fmt: skip
TRANSMISSION = (
    "GBnetwork", "GBreducednetwork", "case118", "case1354pegase", "case14", "case145", "case1888rte",
    "case24_ieee_rts", "case2848rte", "case2869pegase", "case30", "case300", "case3120sp", "case33bw", "case39",
    "case4gs", "case5", "case57", "case6470rte", "case6495rte", "case6515rte", "case6ww", "case89pegase", "case9",
    "case9241pegase", "case_ieee30", "case_illinois200", "iceland",
)  # fmt: skip


def built(name: str, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(pn, name)(**options)


def assert_agrees(net: Any, **options: Any) -> None:
    assert run_pandapower(net, **options), "pandapower does not converge"
    assert assert_same_results(solved(from_pandapower(net)), net) >= 18


@pytest.mark.parametrize("name", LOW_AND_MEDIUM_VOLTAGE)
def test_low_and_medium_voltage_networks_agree(name: str) -> None:
    assert_agrees(built(name))


@pytest.mark.parametrize("name", TRANSMISSION)
def test_transmission_networks_agree(name: str) -> None:
    assert_agrees(built(name))


def test_every_network_without_arguments_is_among_them() -> None:
    made = set(LOW_AND_MEDIUM_VOLTAGE) | set(TRANSMISSION)
    # Twins of what is here, and one that has no solution.
    left = {
        "create_empty_network", "case11_iwamoto", "create_kerber_vorstadtnetz_kabel_2", "kb_extrem_dorfnetz_trafo",
        "kb_extrem_vorstadtnetz_1", "kb_extrem_vorstadtnetz_2", "kb_extrem_vorstadtnetz_trafo_2",
    }  # fmt: skip
    assert set(_without_arguments()) <= made | left


def _without_arguments() -> list[str]:
    import inspect

    names = []
    for name, function in inspect.getmembers(pn, inspect.isfunction):
        needed = [x for x in inspect.signature(function).parameters.values() if x.default is x.empty and x.kind < 2]
        if not needed and function.__module__.startswith("pandapower.networks"):
            names.append(name)
    return names


@pytest.mark.parametrize("with_der", ["pv_wind", "all"])
def test_the_medium_voltage_benchmark_agrees_with_its_generation_and_storage(with_der: str) -> None:
    assert_agrees(built("create_cigre_network_mv", with_der=with_der))


@pytest.mark.parametrize("model", ["t", "pi"])
@pytest.mark.parametrize("name", ["example_multivoltage", "mv_oberrhein", "create_cigre_network_lv"])
def test_both_models_of_transformers_agree(name: str, model: str) -> None:
    net = built(name)
    assert run_pandapower(net, trafo_model=model)
    assert_same_results(solved(from_pandapower(net), trafo_model=model), net)


def test_without_voltage_angles_phase_shifts_are_left_out_as_there() -> None:
    net = built("example_multivoltage")
    assert run_pandapower(net, calculate_voltage_angles=False)
    assert_same_results(solved(from_pandapower(net), calculate_voltage_angles=False), net)


# -- one change at a time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", range(4))
def test_open_switches_agree(group: int) -> None:
    for name in ("example_multivoltage", "mv_oberrhein"):
        net = built(name)
        rng = np.random.default_rng(group)
        closed = net.switch.index[net.switch.closed.to_numpy(bool)]
        net.switch.loc[rng.choice(closed, 6, replace=False), "closed"] = False
        assert_agrees(net)


@pytest.mark.parametrize("group", range(4))
def test_elements_out_of_service_agree(group: int) -> None:
    rng = np.random.default_rng(100 + group)
    for name in ("example_multivoltage", "mv_oberrhein", "case118"):
        net = built(name)
        for component in ("line", "load", "sgen", "gen", "shunt", "trafo3w", "impedance"):
            if len(net[component]):
                out = rng.choice(net[component].index, 1 + len(net[component]) // 40, replace=False)
                net[component].loc[out, "in_service"] = False
        assert_agrees(net)


def test_buses_out_of_service_agree() -> None:
    for bus in (7, 20, 33, 41, 50):
        net = built("example_multivoltage")
        net.bus.loc[bus, "in_service"] = False
        assert_agrees(net)


@pytest.mark.parametrize("tap_side", ["hv", "mv", "lv"])
@pytest.mark.parametrize("star", [False, True])
def test_taps_of_three_winding_transformers_agree(tap_side: str, star: bool) -> None:
    net = built("example_multivoltage")
    net.trafo3w["tap_side"], net.trafo3w["tap_at_star_point"] = tap_side, star
    for tap_pos, tap_step_degree in ((-7, 0.0), (3, 15.0)):
        net.trafo3w["tap_pos"], net.trafo3w["tap_step_degree"] = tap_pos, tap_step_degree
        assert_agrees(net)


def test_pandapower_ignores_a_tap_at_the_star_point_that_has_no_step_degree() -> None:
    net = built("example_multivoltage")
    net.trafo3w["tap_pos"], net.trafo3w["tap_at_star_point"] = 3, True
    assert net.trafo3w.tap_step_degree.isna().all()
    assert run_pandapower(net)
    ours = solved(from_pandapower(net)).res_trafo3w.vm_mv_pu[0]
    assert abs(ours - net.res_trafo3w.vm_mv_pu[0]) > 0.03
    net.trafo3w["tap_step_degree"] = 0.0
    assert run_pandapower(net)
    assert abs(ours - net.res_trafo3w.vm_mv_pu[0]) < 1e-8


def test_a_transformer_open_at_one_side_agrees() -> None:
    for side in ("hv_bus", "lv_bus"):
        net = built("mv_oberrhein")
        trafo = net.trafo.index[0]
        pp.create_switch(net, net.trafo.at[trafo, side], trafo, "t", closed=False)
        # The other transformer carries what both did: lighter loads keep that solvable.
        net.load["scaling"] = 0.3
        assert_agrees(net)


# -- loads that follow the voltage -----------------------------------------------------------------------------------

ZIP = {"const_z_p_percent": 30.0, "const_z_q_percent": 50.0, "const_i_p_percent": 25.0, "const_i_q_percent": 10.0}


@pytest.mark.parametrize(
    "build",
    [lambda: built("create_cigre_network_lv"), lambda: built("case118"), lambda: built("create_cigre_network_mv")],
    ids=["cigre_lv", "case118", "cigre_mv"],
)
def test_loads_that_follow_the_voltage_agree_where_a_bus_has_one(build: Callable[[], Any]) -> None:
    net = build()
    # A load for each bus that has no generation: see the tests of pandapower's averaging below.
    net.load = net.load[~net.load.duplicated("bus") & ~net.load.bus.isin([*net.sgen.bus, *net.gen.bus])]
    assert len(net.load) > 5
    for number, (column, value) in enumerate(ZIP.items()):
        net.load[column] = value * (1.0 - 0.1 * number)
    assert_agrees(net)


def two_loads(first: dict[str, float], second: dict[str, float]) -> Any:
    net = pp.create_empty_network()
    a, b = pp.create_bus(net, 20.0), pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, a, vm_pu=1.05)
    pp.create_line_from_parameters(net, a, b, 10.0, 0.2, 0.3, 10.0, 0.4)
    pp.create_load(net, b, **first)
    pp.create_load(net, b, **second)
    return net


def test_pandapower_averages_the_shares_of_the_loads_at_a_bus_whatever_their_size() -> None:
    small = {"p_mw": 0.1, "q_mvar": 0.0, "const_z_p_percent": 100.0, "const_z_q_percent": 100.0}
    large = {"p_mw": 5.0, "q_mvar": 1.0}
    net = two_loads(small, large)
    assert run_pandapower(net)
    # Each load has its own shares here.
    ours = solved(from_pandapower(net))
    gap = abs(ours.res_bus.vm_pu[1] - net.res_bus.vm_pu[1])
    assert gap > 1e-4
    # With half of both loads as impedances, which is what the average says, it is pandapower's result.
    averaged = two_loads(*({**load, "const_z_p_percent": 50.0, "const_z_q_percent": 50.0} for load in (small, large)))
    mean = solved(from_pandapower(averaged))
    assert abs(mean.res_bus.vm_pu[1] - net.res_bus.vm_pu[1]) < 1e-9
    # Each load at a bus of its own, a metre apart: what is computed here for one bus.
    split = copy.deepcopy(net)
    split.load.loc[0, "bus"] = pp.create_bus(split, 20.0)
    pp.create_line_from_parameters(split, 1, 2, 0.001, 0.2, 0.3, 0.0, 0.4)
    assert_agrees(split)
    assert abs(ours.res_bus.vm_pu[1] - split.res_bus.vm_pu[1]) < 1e-6


def test_pandapower_applies_the_shares_of_loads_to_the_generation_at_their_bus() -> None:
    zip_load = {"p_mw": 1.0, "q_mvar": 0.2, "const_z_p_percent": 100.0, "const_z_q_percent": 100.0}
    net = two_loads(zip_load, {"p_mw": 0.0, "q_mvar": 0.0, "in_service": False})
    net.load = net.load.iloc[:1]
    pp.create_sgen(net, 1, p_mw=3.0)
    assert run_pandapower(net)
    ours = solved(from_pandapower(net))
    assert abs(ours.res_bus.vm_pu[1] - net.res_bus.vm_pu[1]) > 1e-4
    # The generation as a negative load with the same shares: what pandapower computed.
    same = two_loads(zip_load, {**zip_load, "p_mw": -3.0, "q_mvar": 0.0})
    grid = solved(from_pandapower(same))
    assert abs(voltages(grid.res_bus)[1] - voltages(net.res_bus)[1]) < 1e-9
