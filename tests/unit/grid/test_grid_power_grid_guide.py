"""Every example of the interface's guide runs as it stands there, but for its import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_support import counted_from_0, write_csv_zip

from ghostload.grid.io.cases import load_case

LOAD_AND_SOLVE = """
from ghostload import PowerGrid

# Load a case (PandaPower .zip format)

grid = PowerGrid("cases/IEEE118/data.zip")

# Run power flow

report = grid.solve()

if report.converged:
    print(f"Converged in {report.iterations} iterations")
    print(f"Runtime: {report.runtime_ms:.2f} ms")

    # Access results as Pandas DataFrames
    print(grid.res_bus.head())
    print(grid.res_line.head())
else:
    print("Power flow diverged!")
"""

SWEEP = """
load = grid.load(bus=5)  # Get a handle to the load at bus 5

for p in [50.0, 60.0, 70.0]:
    load.p_mw = p        # Immediate-mode property write
    report = grid.solve() # Automatically runs incremental solve with warm start
    print(f"P={p} MW, Bus 5 Voltage: {grid.bus(5).vm_pu:.4f}")
"""

EDIT = """
with grid.edit() as e:
    # Add a new bus and a line connecting it
    new_bus_id, b_handle = e.add_bus(110.0, name="Expansion")
    e.add_line(from_bus=0, to_bus=new_bus_id, length_km=10.0, r_ohm_per_km=0.1, x_ohm_per_km=0.4)

    # Add a load to the new bus
    e.add_load(new_bus_id, p_mw=10.0, q_mvar=2.0)

# Once the 'with' block exits, the transaction is committed.

# The next solve() will automatically trigger a full matrix rebuild.

grid.solve()
"""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run the first example where its case is; return its names."""
    write_csv_zip(counted_from_0(load_case("case118")), tmp_path / "cases/IEEE118/data.zip")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(LOAD_AND_SOLVE, names)
    capsys.readouterr()
    return names


def test_scenario_a_load_and_solve(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(LOAD_AND_SOLVE, names)
    grid, report = names["grid"], names["report"]
    assert (report.converged, report.rebuild) == (True, "full")
    assert (grid.converged, grid.iterations) == (True, report.iterations)
    out = capsys.readouterr().out
    assert out.startswith(f"Converged in {report.iterations} iterations\nRuntime: ")
    assert grid.res_bus.vm_pu[0] == pytest.approx(0.955)


def test_scenario_b_sweep(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(SWEEP, names)
    assert names["report"].rebuild == "incremental"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["P=50.0 MW", "P=60.0 MW", "P=70.0 MW"]
    assert all(line.endswith("Bus 5 Voltage: 0.9900") for line in lines)
    assert names["grid"].res_load.p_mw[names["load"].id] == 70.0


def test_scenario_c_edit(names: dict[str, Any]) -> None:
    grid = names["grid"]
    exec(EDIT, names)
    assert grid.report.rebuild == "full"
    assert grid.converged
    assert names["new_bus_id"] == names["b_handle"].id == 118
    assert names["b_handle"].name == "Expansion"
    assert grid.line(118, 0).p_to_mw == pytest.approx(-10.0, abs=1e-5)
    assert 0.8 < grid.bus(118).vm_pu < 1.0


def test_the_api_reference(names: dict[str, Any]) -> None:
    from ghostload import PowerGrid

    grid = PowerGrid("cases/IEEE118/data.zip", qlim=True, branch_analysis=True)
    assert grid.solve(v_init=np.ones(118, complex))
    assert grid.bus(500) is grid.load(500) is grid.gen(500) is grid.line(0, 117) is None
    assert grid.v.shape == (118,)
    grid.v = grid.v * 1.01
    assert grid.solve().rebuild == "incremental"
    assert "loading_percent" in grid.res_line
    grid.post_process()
    assert isinstance(grid.get_parquet_results(), bytes)
    case = grid.get_parquet_case()
    other = PowerGrid()
    other.load_parquet_case(case)
    assert other.solve()
    assert np.nanmax(abs(other.v)) < 1.1
    load = other.load(bus=5)
    assert load is not None
    load.in_service = False
    report = other.solve()
    assert (report.converged, report.rebuild) == (True, "full")
    with other.edit() as e:
        e.remove(load)
    assert other.load(bus=5) is None
