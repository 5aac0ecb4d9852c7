"""Batches on radial grids take the sweep, give what Newton's method gives, and leave it what they cannot solve."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from power_grid_support import small_grid
from radial_support import random_grid, random_series

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.power_grid import PowerGrid

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "grid"
OUTPUTS = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
RADIAL = ("cigre_lv", "cigre_mv", "european_lv", "kerber_vorstadt", "mv_oberrhein", "shared_slack", "simple_four_bus")


def of_loads(grid: PowerGrid, factors: Any) -> dict[str, np.ndarray]:
    load = grid.data["load"]
    return {name: np.outer(factors, load[name]) for name in ("p_mw", "q_mvar")}


@pytest.fixture(scope="module")
def village() -> tuple[PowerGrid, dict[str, np.ndarray]]:
    rng = np.random.default_rng(12)
    grid = PowerGrid.from_data(random_grid(rng, 30, islands=2))
    return grid, random_series(rng, grid.data, 50)


@pytest.mark.parametrize("case", RADIAL)
def test_pandapowers_radial_networks_are_swept_to_its_voltages_and_losses(case: str) -> None:
    folder = GOLDEN / f"powerflow_{case}"
    with zipfile.ZipFile(folder / "input.zip") as archive:
        tables = {name.removesuffix(".csv"): pd.read_csv(archive.open(name)) for name in archive.namelist()}
    base = tables.pop("grid")
    grid = PowerGrid.from_data(GridData.from_tables(tables, sn_mva=float(base.sn_mva[0]), f_hz=float(base.f_hz[0])))
    want = np.load(folder / "expected.npz")
    found = grid.solve_series(**of_loads(grid, [1.0, 0.5]), outputs=OUTPUTS)
    assert found.method == "sweep"
    np.testing.assert_allclose(found["vm_pu"][0], want["bus.vm_pu"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found["va_degree"][0], want["bus.va_degree"], rtol=0, atol=1e-6)
    lost = sum(np.nansum(want[f"{name}.pl_mw"]) for name in ("line", "trafo") if f"{name}.pl_mw" in want)
    np.testing.assert_allclose(found["losses_mw"][0], lost, rtol=0, atol=1e-8)
    newton = grid.solve_series(**of_loads(grid, [1.0, 0.5]), method="newton", tol=1e-10)
    np.testing.assert_allclose(found["vm_pu"], newton["vm_pu"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("case", ["case33bw", "case69", "case85", "case141", "case533mt_hi"])
def test_radial_cases_are_swept_to_what_newton_gives(case: str) -> None:
    grid = PowerGrid.from_case(case)
    series = of_loads(grid, np.linspace(0.2, 1.1, 7))
    found, newton = grid.solve_series(**series), grid.solve_series(**series, method="newton", tol=1e-10)
    assert (found.method, newton.method, found.fallback.size) == ("sweep", "newton", 0)
    for name, near in (("vm_pu", 1e-10), ("va_degree", np.rad2deg(1e-10))):
        np.testing.assert_allclose(found[name], newton[name], rtol=0, atol=near)


def test_a_step_is_what_solve_gives(village: tuple[PowerGrid, dict[str, np.ndarray]]) -> None:
    grid, _ = village
    grid.solve(tol=1e-11)
    found = grid.solve_series(**of_loads(grid, [1.0]), outputs=OUTPUTS)
    assert found.method == "sweep"
    np.testing.assert_allclose(found["vm_pu"][0], grid.res_bus.vm_pu, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["va_degree"][0], grid.res_bus.va_degree, rtol=0, atol=1e-8)
    lines = found.frame("loading_percent").iloc[0]["line"]
    np.testing.assert_allclose(lines, grid.res_line.loading_percent[lines.index], rtol=0, atol=1e-7)


def test_tables_that_are_not_given_stay_as_in_the_grid(village: tuple[PowerGrid, dict[str, np.ndarray]]) -> None:
    grid, series = village
    for name in series:
        one = {name: series[name][:3]}
        found, newton = grid.solve_series(**one), grid.solve_series(**one, method="newton", tol=2e-11)
        assert found.method == "sweep"
        np.testing.assert_allclose(found["vm_pu"], newton["vm_pu"], rtol=0, atol=1e-9)


def test_threads_chunks_and_splitting_change_no_bit(village: tuple[PowerGrid, dict[str, np.ndarray]]) -> None:
    grid, series = village
    many = {name: np.tile(values, (20, 1)) for name, values in series.items()}
    many["p_mw"][777] *= 40.0
    many["p_mw"][778] *= 1e5
    whole = grid.solve_series(**many, outputs=OUTPUTS)
    assert [k for k, _ in whole.failed] == [778]
    for options in ({"n_jobs": 2}, {"n_jobs": 3, "chunk": 16}, {"chunk": 48}):
        other = grid.solve_series(**many, outputs=OUTPUTS, **options)
        for name in OUTPUTS:
            np.testing.assert_array_equal(other[name], whole[name])
        np.testing.assert_array_equal(other.result.iterations, whole.result.iterations)
        np.testing.assert_array_equal(other.result.mismatch_pu, whole.result.mismatch_pu)
    for first, last in ((0, 1), (1, 700), (770, 1000)):
        part = grid.solve_series(**{name: values[first:last] for name, values in many.items()}, outputs=OUTPUTS)
        for name in OUTPUTS:
            np.testing.assert_array_equal(part[name], whole[name][first:last])


def test_magnitudes_alone_are_those_beside_angles() -> None:
    grid = PowerGrid.from_case("case85")
    series = of_loads(grid, [0.5, 1.0, 2.0, 500.0])
    some, every = (
        grid.solve_series(**series, outputs=("vm_pu", "losses_mw")),
        grid.solve_series(**series, outputs=OUTPUTS),
    )
    for name in ("vm_pu", "losses_mw"):
        np.testing.assert_allclose(some[name], every[name], rtol=1e-9)
    np.testing.assert_array_equal(some["vm_pu"], grid.solve_series(**series, outputs=("vm_pu",))["vm_pu"])
    assert np.isnan(some["losses_mw"]).tolist() == [False, False, False, True]


def test_steps_close_to_the_nose_go_to_newton_and_those_beyond_are_told() -> None:
    grid = PowerGrid.from_case("case85")
    low, high = 1.0, 10.0
    for _ in range(45):
        middle = (low + high) / 2
        done = grid.solve_series(**of_loads(grid, [middle]), method="newton").converged[0]
        low, high = (middle, high) if done else (low, middle)
    factors = [1.0, low * (1 - 1e-9), 0.9 * low, high * 1.01, 0.3, np.nextafter(low, 0.0)]
    found = grid.solve_series(**of_loads(grid, factors), outputs=OUTPUTS)
    assert found.method == "sweep"
    assert found.fallback.tolist() == [1, 3, 5]
    assert found.converged.tolist() == [True, True, True, False, True, True]
    (scenario, reason) = found.failed[0]
    assert (len(found.failed), scenario) == (1, 3)
    assert reason
    assert "\n" not in reason
    for name in OUTPUTS:
        assert np.isnan(found[name][3]).all()
    assert np.isfinite(found["losses_mw"][[0, 1, 2, 4, 5]]).all()
    newton = grid.solve_series(**of_loads(grid, factors[:3]), method="newton")
    np.testing.assert_allclose(found["vm_pu"][[0, 2]], newton["vm_pu"][[0, 2]], rtol=0, atol=1e-8)
    np.testing.assert_allclose(found["vm_pu"][1], newton["vm_pu"][1], rtol=0, atol=1e-4)


def test_what_is_written_to_files_is_what_is_kept(
    village: tuple[PowerGrid, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    grid, series = village
    series = {name: values.copy() for name, values in series.items()}
    series["p_mw"][33] = 1e6
    kept = grid.solve_series(**series, outputs=OUTPUTS)
    seen: list[tuple[int, int]] = []
    written = grid.solve_series(
        **series, outputs=OUTPUTS, path=tmp_path, chunk=16, n_jobs=2, progress=lambda *at: seen.append(at)
    )
    assert seen == [(16, 50), (32, 50), (48, 50), (50, 50)]
    assert written.result.outputs == {}
    assert written.failed == kept.failed
    bus = pq.read_table(tmp_path / "res_bus.parquet").to_pandas()
    for name in ("vm_pu", "va_degree"):
        wide = bus.pivot(index="scenario", columns="bus", values=name)[kept.buses]
        np.testing.assert_array_equal(wide, kept[name])
    branch = pq.read_table(tmp_path / "res_branch.parquet").to_pandas()
    wide = branch.pivot(index="scenario", columns="branch", values="loading_percent")
    np.testing.assert_array_equal(wide, kept.result["loading_percent"])
    whole = pq.read_table(tmp_path / "scenarios.parquet").to_pandas()
    np.testing.assert_array_equal(whole.losses_mw, kept["losses_mw"])
    np.testing.assert_array_equal(whole.converged, np.arange(50) != 33)


def test_outages_and_grids_that_are_not_radial_take_newton(village: tuple[PowerGrid, dict[str, np.ndarray]]) -> None:
    grid, _ = village
    assert grid.contingencies(1).method in ("chord", "newton")
    assert small_grid().solve_series(p_mw=np.ones((1, 4))).method in ("chord", "newton")
    line = grid.data["line"]["id"][0]
    none = grid.solve_scenarios(**of_loads(grid, [1.0, 0.9]), outages=[[], []])
    assert none.method == "sweep"
    mixed = grid.solve_scenarios(**of_loads(grid, [1.0, 0.9]), outages=[[], [("line", line)]])
    assert mixed.method in ("chord", "newton")
    np.testing.assert_allclose(mixed["vm_pu"][0], none["vm_pu"][0], rtol=0, atol=1e-6)


def test_reactive_limits_without_generators_do_not_stand_in_the_way() -> None:
    grid = PowerGrid.from_case("case69", qlim=True)
    assert grid.solve_series(**of_loads(grid, [1.0])).method == "sweep"


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ("case118", {"method": "sweep"}, r"method 'sweep': node \d+ holds its voltage.*; leave method out"),
        ("case69", {"method": "sweep", "outages": [[("line", 1)]]}, "method 'sweep': the batch has outages"),
        ("case69", {"method": "swep"}, "method is 'swep', must be one of 'auto', 'newton', 'chord', 'sweep'"),
        ("case69", {"n_jobs": 0}, "n_jobs is 0"),
        ("case69", {"toll": 1}, "unknown option 'toll'"),
        ("case69", {"outputs": ("vm",)}, "unknown output 'vm'"),
        ("case69", {"p_mw": np.ones((1, 3))}, r"has shape \(1, 3\)"),
        ("case69", {"p_mw": np.full((1, 48), np.inf)}, "is inf in scenario 0"),
        ("case69", {"ext_grid_vm_pu": [[0.0]]}, "is 0 in scenario 0, column 0; must be positive"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_in_one_line(grid: str, options: dict[str, Any], message: str) -> None:
    case = PowerGrid.from_case(grid)
    given = {} if "p_mw" in options or "ext_grid_vm_pu" in options or "outages" in options else of_loads(case, [1.0])
    with pytest.raises(UsageError, match=message) as caught:
        case.solve_scenarios(**given, **options)
    assert "\n" not in str(caught.value)


def test_a_tighter_tolerance_of_the_mismatch_is_kept_by_more_sweeps() -> None:
    grid = PowerGrid.from_case("case33bw")
    series = of_loads(grid, [0.3, 1.0, 2.0])
    usual, tight = grid.solve_series(**series), grid.solve_series(**series, tol=1e-13)
    assert tight.fallback.size == 0
    assert (tight.result.mismatch_pu <= 1e-13).all()
    assert (tight.result.iterations > usual.result.iterations).all()


def test_what_a_step_gives_does_not_depend_on_its_neighbours_or_threads() -> None:
    grid = PowerGrid.from_case("case85")
    factors = np.linspace(0.1, 2.0, 700)
    one = grid.solve_series(**of_loads(grid, factors), outputs=OUTPUTS)
    two = grid.solve_series(**of_loads(grid, factors), outputs=OUTPUTS, n_jobs=2)
    few = grid.solve_series(**of_loads(grid, factors[37:40]), outputs=OUTPUTS)
    for name in OUTPUTS:
        np.testing.assert_array_equal(one[name], two[name])
        np.testing.assert_array_equal(one[name][37:40], few[name])
