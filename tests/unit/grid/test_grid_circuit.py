"""The circuit that is kept from solve to solve is, after any writes, the one that is built anew."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from power_grid_support import small_grid
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from ghostload import PowerGrid
from ghostload.errors import DataError
from ghostload.grid.branches import line_branches
from ghostload.grid.io.cases import case_path, load_case, load_voltages
from ghostload.grid.kernels.reach import are_joined
from ghostload.grid.network import build_network, dc_power_flow, ybus
from ghostload.grid.options import SolveOptions
from ghostload.grid.solving import Circuit
from ghostload.grid.two_ports import LINE_COLUMNS, line_two_port

TIGHT = 1e-10


def fresh(grid: PowerGrid) -> PowerGrid:
    """Return a grid of the same data, solved from nothing."""
    twin = PowerGrid.from_data(grid.data, tolerance=TIGHT)
    assert twin.solve()
    return twin


WRITES = (
    ("line", "x_ohm_per_km"), ("line", "c_nf_per_km"), ("line", "in_service"), ("trafo", "vk_percent"),
    ("trafo", "in_service"), ("load", "p_mw"), ("load", "const_z_p_percent"), ("load", "in_service"),
    ("shunt", "q_mvar"), ("shunt", "in_service"), ("gen", "vm_pu"), ("gen", "in_service"), ("bus", "vn_kv"),
)  # fmt: skip


def _write(grid: PowerGrid, rng: np.random.Generator) -> str:
    component, field = WRITES[rng.integers(len(WRITES))]
    numbers = grid.data[component]["id"]
    handle = grid.element(component, int(numbers[rng.integers(len(numbers))]))
    assert handle is not None
    value = getattr(handle, field)
    if field == "in_service":
        setattr(handle, field, not value)
    elif field == "vm_pu":
        setattr(handle, field, 1.0 + 0.02 * rng.random())
    elif field == "const_z_p_percent":
        setattr(handle, field, float(rng.integers(100)))
    elif field == "vn_kv":
        setattr(handle, field, value)
    else:
        setattr(handle, field, value * rng.uniform(0.9, 1.1))
    return f"{handle}.{field}"


@pytest.mark.parametrize("seed", range(6))
def test_after_any_writes_matrix_and_result_are_those_of_a_new_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = PowerGrid.from_case("case118", tolerance=TIGHT)
    grid.solve()
    solved = 0
    for step in range(25):
        for component in ("line", "gen", "trafo", "shunt", "load") if step % 4 == 0 else ():
            for handle in getattr(grid, f"{component}s")():
                handle.in_service = True
        written = [_write(grid, rng) for _ in range(rng.integers(1, 4))]
        grid.solve()
        anew = PowerGrid.from_data(grid.data, tolerance=TIGHT)
        anew.solve()
        assert grid.converged == anew.converged, f"seed {seed}, step {step}: {written}"
        rounding = 1e-14 * abs(anew.y_bus).max()
        assert abs(grid.y_bus - anew.y_bus).max() <= rounding, f"seed {seed}, step {step}: {written}"
        solved += grid.converged
        np.testing.assert_allclose(grid.v, anew.v, rtol=0, atol=1e-8, err_msg=f"seed {seed}, step {step}: {written}")
        for name in ("line", "trafo", "gen", "bus"):
            mine, theirs = getattr(grid, f"res_{name}"), getattr(anew, f"res_{name}")
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6, err_msg=f"{name}, seed {seed}, step {step}")
    assert solved > 15


@pytest.mark.parametrize("name", ["case118", "case533mt_hi"])
def test_one_line_by_numbers_has_the_admittances_of_the_table(name: str) -> None:
    data = load_case(name)
    rng, table = np.random.default_rng(1), data["line"]
    data = data.replace(
        "line", g_us_per_km=rng.uniform(0.0, 5.0, len(table)), parallel=rng.integers(1, 4, len(table)),
        r_ohm_per_km=table["r_ohm_per_km"] * rng.choice([-1.0, 0.0, 1.0], len(table)),
    )  # fmt: skip
    table = data["line"]
    vn_kv = data["bus"]["vn_kv"][data["bus"].rows_of(table["from_bus"])]
    two = line_branches(table, vn_kv, np.ones(len(table), bool), sn_mva=data.sn_mva, f_hz=data.f_hz)
    expected = np.stack([two.yff, two.yft, two.ytf, two.ytt, two.dc_b], axis=1)
    for row in range(len(table)):
        values = [table[column].item(row) for column in LINE_COLUMNS]
        found = line_two_port(values, vn_kv.item(row), data.sn_mva, data.f_hz)
        assert found is not None
        np.testing.assert_allclose(found, expected[row], rtol=1e-14)


@pytest.mark.parametrize(("column", "value"), [(0, np.inf), (4, 0.0), (5, 0.0), (2, np.nan)])
def test_a_line_without_admittance_is_left_to_who_can_say_why(column: int, value: float) -> None:
    values = [0.1, 0.3, 10.0, 0.0, 1.0, 1.0]
    assert line_two_port(values, 110.0, 100.0, 50.0) is not None
    values[column] = value
    assert line_two_port(values, 110.0, 100.0, 50.0) is None


def test_a_line_written_while_it_is_out_comes_back_as_written() -> None:
    grid = PowerGrid.from_case("case14", tolerance=TIGHT)
    grid.solve()
    line = grid.lines()[2]
    line.in_service = False
    grid.solve()
    line.x_ohm_per_km = 1.3 * line.x_ohm_per_km
    assert grid.solve().rebuild == "incremental"
    line.in_service = True
    assert grid.solve().rebuild == "full"
    np.testing.assert_allclose(grid.v, fresh(grid).v, rtol=0, atol=1e-10)


def test_lines_that_part_a_bus_together_take_its_voltage_and_give_it_back() -> None:
    grid = PowerGrid.from_case("case14")
    grid.solve()
    before = grid.v
    pair = [grid.line(12, 6), grid.line(12, 13)]
    for line in pair:
        assert line is not None
        assert np.isfinite(grid.bus(12).vm_pu)  # type: ignore[union-attr]
        line.in_service = False
        grid.solve()
    assert np.flatnonzero(~np.isfinite(grid.v)).tolist() == [0, 12]
    for line in pair:
        line.in_service = True  # type: ignore[union-attr]
    grid.solve()
    np.testing.assert_allclose(grid.v, before, rtol=0, atol=1e-8, equal_nan=True)


def test_loading_a_grid_brings_no_compiler_in_before_there_is_something_to_solve() -> None:
    code = (
        "import sys; from ghostload import PowerGrid\n"
        "grid = PowerGrid.from_case('case14'); print('numba' in sys.modules)\n"
        "first = grid.solve(); twin = PowerGrid.from_case('case14'); print(first.rebuild, twin.solve().rebuild)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "full", "full"]


def test_writes_before_the_first_solve_are_in_it() -> None:
    grid = PowerGrid.from_case("case14", tolerance=TIGHT)
    grid.lines()[2].in_service = False
    grid.loads()[0].p_mw = 30.0
    grid.lines()[4].r_ohm_per_km = 5.0
    report = grid.solve()
    assert (report.converged, report.rebuild) == (True, "full")
    np.testing.assert_allclose(grid.v, fresh(grid).v, rtol=0, atol=1e-10)


def test_what_is_seen_before_the_first_solve_is_the_grid_as_written() -> None:
    grid = PowerGrid.from_case("case14")
    grid.lines()[2].in_service = False
    expected = ybus(build_network(grid.data))
    assert abs(grid.y_bus - expected).max() == 0.0


def test_a_refused_branch_leaves_the_results_and_can_be_corrected() -> None:
    grid = small_grid()
    grid.solve()
    before = grid.v
    line = grid.line(2, 3)
    assert line is not None
    r, x = line.r_ohm_per_km, line.x_ohm_per_km
    line.r_ohm_per_km = line.x_ohm_per_km = 0.0
    with pytest.raises(DataError, match=r"^line \d+: series impedance is 0\+0j pu"):
        grid.solve()
    np.testing.assert_array_equal(grid.v, before)
    line.r_ohm_per_km, line.x_ohm_per_km = r, x
    grid.solve()
    np.testing.assert_allclose(grid.v, before, rtol=0, atol=1e-7)


def test_a_copy_with_a_line_out_pickles_and_goes_on() -> None:
    grid = PowerGrid.from_case("case14", tolerance=TIGHT)
    grid.solve()
    grid.lines()[2].in_service = False
    grid.solve()
    twin = pickle.loads(pickle.dumps(grid))
    for one in (grid, twin):
        one.lines()[2].in_service = True
        assert one.solve()
    np.testing.assert_allclose(twin.v, grid.v, rtol=0, atol=1e-10)
    np.testing.assert_allclose(twin.v, fresh(grid).v, rtol=0, atol=1e-10)


def test_a_loaded_grid_with_errors_says_so_at_the_first_solve_and_not_before() -> None:
    data = load_case("case14")
    grid = PowerGrid.from_data(data.replace("line", x_ohm_per_km=0.0, r_ohm_per_km=0.0))
    for _ in range(2):
        with pytest.raises(DataError, match=r"^the grid cannot be solved: line\.x_ohm_per_km: line 0 has no impedance"):
            grid.solve()
    for line, x in zip(grid.lines(), data["line"]["x_ohm_per_km"], strict=True):
        line.x_ohm_per_km = x
    assert grid.solve()


@pytest.mark.parametrize("name", ["case14", "case118", "case300", "case1354pegase"])
def test_the_start_by_the_plan_is_the_dc_power_flow(name: str) -> None:
    data = load_case(name)
    network = build_network(data)
    v = Circuit(network, SolveOptions(), data).start("dc")
    turn = np.angle(v * np.exp(-1j * dc_power_flow(network)))
    assert np.abs(turn).max() < 1e-5


@pytest.mark.parametrize("seed", range(20))
def test_nodes_are_joined_where_scipy_finds_one_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    dense = rng.random((n, n)) < 2.0 / n
    dense |= dense.T
    np.fill_diagonal(dense, val=True)
    pattern = csr_matrix(dense.astype(float))
    rows = np.repeat(np.arange(n), np.diff(pattern.indptr))
    cut = rng.random((n, n)) < 0.2
    live = np.where((cut | cut.T)[rows, pattern.indices] | (rows == pattern.indices), 0, 1).astype(np.int32)
    graph = csr_matrix((live, pattern.indices, pattern.indptr), shape=(n, n), copy=True)
    graph.eliminate_zeros()
    label = connected_components(graph, directed=False)[1]
    for a, b in rng.integers(0, n, (20, 2)).tolist():
        assert are_joined(pattern.indptr, pattern.indices, live, a, b) == (label[a] == label[b])


@pytest.mark.parametrize("name", ["case1951rte", "case2848rte", "case6468rte"])
def test_the_first_solve_finds_the_solution_near_the_voltages_that_the_case_file_holds(name: str) -> None:
    grid = PowerGrid.from_case(name)
    report = grid.solve()
    assert report, report
    assert report.iterations <= 4
    stored, bus = load_voltages(name), grid.data["bus"]
    on = bus["in_service"]
    assert np.nanmax(np.abs(np.abs(grid.v[bus["id"]]) - np.abs(stored))[on]) < 0.03


def test_stored_voltages_are_not_used_when_told_where_to_start() -> None:
    stored, told = PowerGrid.from_case("case118"), PowerGrid.from_case("case118", init="flat")
    assert stored.solve().iterations < told.solve().iterations
    np.testing.assert_allclose(stored.v, told.v, rtol=0, atol=1e-7)


def test_a_case_file_starts_where_the_case_by_name_does() -> None:
    by_name, by_file = PowerGrid.from_case("case57"), PowerGrid(case_path("case57"))
    assert by_name.solve().iterations == by_file.solve().iterations
    np.testing.assert_array_equal(by_name.v, by_file.v)
