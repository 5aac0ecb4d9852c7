"""Every MATPOWER case of up to 9,241 buses, solved by pandapower and here on the same tables: voltages and flows.

From its usual start pandapower does not converge on seven of RTE's cases; all of those it solves from the voltages that
the case file holds, and so from there both are compared. That the tables are what the file says is the matter of
``test_matpower_states.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle_support import (
    TOLERANCE,
    assert_same_results,
    cases_are_here,
    oracle,
    run_pandapower,
    solved,
    to_pandapower,
    voltages,
)

from ghostload.grid.io.cases import case_names, case_path, load_case, load_voltages
from ghostload.grid.kernels import pivoting
from ghostload.grid.kernels.qlimits import solve_within_limits
from ghostload.grid.network import build_network, init_voltage, ybus

pp = oracle("pandapower")
cases_are_here()

LARGEST_FILE = 6_000_000
TOO_LARGE = {"case13659pegase", "case_ACTIVSg10k"}
"""Cases of more than 9,241 buses in files below that size."""
QLIM = ("case14", "case39", "case118", "case300", "case145", "case_ACTIVSg500", "case1354pegase", "case2383wp")
FROM_THE_FILE = {
    "case1888rte", "case1951rte", "case2868rte", "case6468rte", "case6470rte", "case6495rte", "case6515rte",
}  # fmt: skip
"""Cases that pandapower solves from the voltages in the file only."""
ROUGH = {"case16am": 2e-7}
"""Flows through its first line, of some 1e-9 pu, cannot be had any better: that is how the voltages round."""
CASES = [
    name
    for name in case_names()
    if not name.startswith("pglib:") and case_path(name).stat().st_size < LARGEST_FILE and name not in TOO_LARGE
]


def test_the_cases_go_from_4_to_9241_buses_and_include_radial_ones() -> None:
    assert len(CASES) >= 65
    assert {"case4gs", "case33bw", "case69", "case85", "case141", "case533mt_lo", "case9241pegase"} <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_voltages_and_flows_agree_with_pandapower(name: str) -> None:
    data = load_case(name)
    assert len(data["bus"]) <= 9241
    net = to_pandapower(data)
    start, where = None, {}
    if name in FROM_THE_FILE:
        start = load_voltages(name)
        where = {"init_vm_pu": np.abs(start), "init_va_degree": np.degrees(np.angle(start))}
    assert run_pandapower(net, **where), "pandapower does not converge"
    grid = solved(data, start=start)
    assert assert_same_results(grid, net, flows=ROUGH.get(name, TOLERANCE)) >= 18


@pytest.mark.parametrize("name", sorted(FROM_THE_FILE & set(CASES)))
def test_pandapower_needs_the_voltages_of_the_file_for_these_cases(name: str) -> None:
    assert not run_pandapower(to_pandapower(load_case(name)))


@pytest.mark.parametrize("name", QLIM)
def test_generators_that_never_return_stand_at_the_limits_that_pandapower_finds(name: str) -> None:
    data = load_case(name)
    net = to_pandapower(data)
    assert run_pandapower(net, enforce_q_lims=True)
    network = build_network(data)
    # pandapower never gives a generator its voltage back; PowerGrid does, so the loop is asked for by hand.
    limited = solve_within_limits(*_newton(network), init_voltage(network), may_return=False)
    assert limited.solution.converged, limited.solution.reason
    v = np.append(limited.solution.v, np.nan)[network.node_of_bus]
    np.testing.assert_allclose(v, voltages(net.res_bus).to_numpy(), rtol=0, atol=1e-8)


def _newton(network: Any) -> tuple[Any, ...]:
    """Return what the loop over the limits starts with, for a circuit and the pivoting solver."""
    y = ybus(network)

    def run(s: Any, kind: Any, v0: Any) -> Any:
        return pivoting.solve(y, s, network.i_bus, kind, v0, tol_pu=1e-10)

    def reactive(v: Any) -> Any:
        return (v * np.conj(y @ v) - network.i_bus * np.abs(v)).imag

    return run, reactive, network.s_bus, network.node_type, network.vm_set, network.q_min, network.q_max
