"""The model and its results against pandapower's, column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from oracle_support import GOLDEN, golden_grid

from ghostload.grid import flows
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.qlimits import solve_within_limits
from ghostload.grid.network import Network, build_network, dc_power_flow, init_voltage, ybus

CASES = sorted(folder.name for folder in GOLDEN.glob("powerflow_*"))


def _solved(network: Network, options: dict[str, Any]) -> flows.State:
    if options.get("dc"):
        return flows.dc_state(network, dc_power_flow(network))
    y = ybus(network)
    start = init_voltage(network)

    def run(s: Any, node_type: Any, v0: Any) -> Any:
        return solve(y, s, network.i_bus, node_type, v0, tol_pu=1e-10)

    if options.get("enforce_q_lims"):
        limited = solve_within_limits(
            run,
            lambda v: (v * np.conj(y @ v) - network.i_bus * np.abs(v)).imag,
            network.s_bus,
            network.node_type,
            network.vm_set,
            network.q_min,
            network.q_max,
            start,
        )
        solution = limited.solution
        assert np.any(limited.side != 0)
    else:
        solution = run(network.s_bus, network.node_type, start)
    assert solution.converged
    return flows.ac_state(network, solution.v)


def _tolerance(column: str, scale: float, tol_pu: float) -> tuple[float, float]:
    """Relative and absolute tolerance of a column."""
    if column.endswith(("_mw", "_mvar")):
        return 1e-8, tol_pu * scale
    if column.endswith("_degree"):
        return 0.0, float(np.degrees(tol_pu))
    if column.endswith("_pu"):
        return 0.0, tol_pu
    return 1e-7, 1e-7


@pytest.mark.parametrize("name", CASES)
def test_every_result_column_agrees_with_pandapower(name: str) -> None:
    folder = GOLDEN / name
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    options = case["options"]
    data = golden_grid(name)
    network = build_network(
        data,
        trafo_model=options.get("trafo_model", "t"),
        calculate_voltage_angles=options.get("calculate_voltage_angles", True),
    )
    state = _solved(network, options)
    expected = np.load(folder / "expected.npz")
    assert len(expected.files) > 10
    columns: dict[str, Callable[[], Any]] = {}
    for key in expected.files:
        component, column = key.split(".")
        if component not in columns:
            columns[component] = flows.RESULTS[component](data, network, state)
        relative, absolute = _tolerance(column, data.sn_mva, case["tolerance_pu"])
        np.testing.assert_allclose(
            columns[component][column], expected[key], rtol=relative, atol=absolute, equal_nan=True, err_msg=key
        )
