"""Near the nose of the PV curve: solved just below the collapse, told as unsolvable just above it.

The nose of two buses is known in closed form, that of whole cases is found with pandapower: steps of load, each from
the solution before, halved when it does not converge.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from oracle_support import cases_are_here, oracle, solved, to_pandapower, voltages

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.io.cases import load_case

cases_are_here()

CASES = ("case9", "case14", "case39", "case57", "case118", "case300")


def two_buses(r: float, x: float, p: float, q: float) -> GridData:
    """A slack of 1 pu and a load behind an impedance, per unit of 100 MVA and 110 kV."""
    ohm = 110.0**2 / 100.0
    return GridData.from_tables(
        {
            "bus": {"id": [0, 1], "vn_kv": [110.0, 110.0]},
            "line": {
                "from_bus": [0], "to_bus": [1], "length_km": [1.0],
                "r_ohm_per_km": [r * ohm], "x_ohm_per_km": [x * ohm],
            },
            "load": {"bus": [1], "p_mw": [p * 100.0], "q_mvar": [q * 100.0]},
            "ext_grid": {"bus": [0], "vm_pu": [1.0]},
        },
        sn_mva=100.0,
    )  # fmt: skip


def magnitude(r: float, x: float, p: float, q: float) -> float:
    """The upper solution: the square of the voltage solves u**2 - (1 - 2a) u + |z|**2 |s|**2 = 0, a = r p + x q."""
    b = 1.0 - 2.0 * (r * p + x * q)
    return float(np.sqrt((b + np.sqrt(b * b - 4.0 * (r * r + x * x) * (p * p + q * q))) / 2.0))


CIRCUITS = [(0.0, 0.2, 1.0, 0.0), (0.05, 0.2, 1.0, 0.4), (0.2, 0.1, 1.0, -0.3), (0.1, 0.1, -1.0, 0.7)]


@pytest.mark.parametrize(("r", "x", "p", "q"), CIRCUITS)
@pytest.mark.parametrize("below", [0.5, 1e-2, 1e-4, 1e-6])
def test_two_buses_are_solved_up_to_their_nose(r: float, x: float, p: float, q: float, below: float) -> None:
    nose = 1.0 / (2.0 * (r * p + x * q + np.hypot(r, x) * np.hypot(p, q)))
    assert nose > 0
    at = nose * (1.0 - below)
    grid = PowerGrid.from_data(two_buses(r, x, at * p, at * q), tolerance=1e-12)
    report = grid.solve()
    assert report.converged, report.reason
    # A mismatch of 1e-12 moves the voltage by the more the nearer the nose is.
    assert abs(grid.bus(1).vm_pu - magnitude(r, x, at * p, at * q)) < 1e-11 / np.sqrt(below)  # type: ignore[union-attr]


@pytest.mark.parametrize(("r", "x", "p", "q"), CIRCUITS)
@pytest.mark.parametrize("above", [1e-5, 1e-2, 1.0])
def test_two_buses_beyond_their_nose_are_unsolvable(r: float, x: float, p: float, q: float, above: float) -> None:
    at = (1.0 + above) / (2.0 * (r * p + x * q + np.hypot(r, x) * np.hypot(p, q)))
    grid = PowerGrid.from_data(two_buses(r, x, at * p, at * q))
    report = grid.solve()
    assert not report.converged
    assert report.reason
    assert report.worst_bus == 1
    assert grid.res_bus.vm_pu.isna().all()


def scaled(data: GridData, factor: float) -> GridData:
    """The case with the active power of generators and all of loads multiplied."""
    for component in ("load", "gen", "sgen"):
        data = data.replace(component, scaling=np.full(len(data[component]), factor))
    return data


@cache
def collapse(name: str) -> tuple[float, Any]:
    """Largest factor that pandapower solves, to 1e-5 of it, and its voltages by bus there."""
    pp = oracle("pandapower")
    net = to_pandapower(load_case(name))
    pp.runpp(net, init="dc", calculate_voltage_angles=True, max_iteration=30)
    factor, step, last = 1.0, 0.2, voltages(net.res_bus)
    while step > 1e-5 * factor:
        for component in ("load", "gen", "sgen"):
            if len(net[component]):
                net[component]["scaling"] = factor + step
        start = {"init_vm_pu": last.abs(), "init_va_degree": np.degrees(np.angle(last))}
        try:
            pp.runpp(net, calculate_voltage_angles=True, max_iteration=15, tolerance_mva=1e-9, **start)
        except pp.LoadflowNotConverged:
            step /= 2.0
            continue
        factor, last = factor + step, voltages(net.res_bus)
    return factor, last


@pytest.mark.parametrize("name", CASES)
def test_cases_are_solved_just_below_their_collapse_from_their_usual_start(name: str) -> None:
    nose, at_nose = collapse(name)
    assert 1.02 < nose < 5.0
    data = load_case(name)
    for below in (0.02, 1e-3, 1e-4):
        grid = PowerGrid.from_data(scaled(data, nose * (1.0 - below)))
        report = grid.solve()
        assert report.converged, f"{below}: {report.reason}"
        # The upper branch: as high as where pandapower's steps from the base case have come to, or higher.
        ours = np.abs(grid.v[data["bus"]["id"]])
        assert np.nanmin(ours) > np.nanmin(at_nose.abs()) - 1e-6


@pytest.mark.parametrize("name", CASES)
def test_near_the_collapse_voltages_are_those_that_pandapower_comes_to(name: str) -> None:
    nose, at_nose = collapse(name)
    data = scaled(load_case(name), nose)
    start = at_nose.to_numpy()
    ours = solved(data, start=start).v[data["bus"]["id"]]
    np.testing.assert_allclose(ours, start, rtol=0, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("name", CASES)
def test_cases_just_above_their_collapse_are_told_as_unsolvable(name: str) -> None:
    nose, _ = collapse(name)
    grid = PowerGrid.from_data(scaled(load_case(name), nose * 1.005))
    report = grid.solve()
    assert not report.converged
    assert report.reason
    assert report.worst_bus in grid.data["bus"]["id"]
    assert grid.res_bus.vm_pu.isna().all()
