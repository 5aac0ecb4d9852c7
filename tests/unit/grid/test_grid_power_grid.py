"""``PowerGrid``: solving, what it says of it, what it keeps from solve to solve."""

from __future__ import annotations

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from power_grid_support import small_data, small_grid

import ghostload
from ghostload.errors import DataError, UsageError
from ghostload.grid.effects import EFFECT
from ghostload.grid.flows import RESULTS, ac_state
from ghostload.grid.power_grid import PowerGrid
from ghostload.grid.results import RESULT_COLUMNS
from ghostload.grid.schema import COMPONENTS

TIGHT = 1e-9


def solved(**options: Any) -> PowerGrid:
    grid = small_grid(**options)
    assert grid.solve()
    return grid


def fresh(grid: PowerGrid, **options: Any) -> PowerGrid:
    """Return a grid that never saw what came before, solved."""
    other = PowerGrid.from_data(grid.data, **options)
    other.solve()
    return other


def test_it_is_a_public_name() -> None:
    assert ghostload.PowerGrid is PowerGrid


def test_the_first_solve_is_a_full_rebuild_and_the_next_is_not() -> None:
    grid = small_grid()
    assert (grid.converged, grid.iterations, grid.report) == (False, 0, None)
    first, second = grid.solve(), grid.solve()
    assert (first.rebuild, second.rebuild) == ("full", "incremental")
    assert first
    assert second.iterations == 0
    assert (grid.converged, grid.iterations, grid.report) == (True, 0, second)
    assert first.mismatch <= 1e-8
    assert first.runtime_ms > 0


def test_powers_balance_at_every_bus() -> None:
    grid = solved()
    flows = grid.res_bus.p_mw.sum(), grid.res_bus.q_mvar.sum()
    branches = [getattr(grid, f"res_{name}") for name in ("line", "trafo", "impedance")]
    assert flows[0] == pytest.approx(-sum(table.pl_mw.sum() for table in branches), abs=1e-6)
    assert flows[1] == pytest.approx(-sum(table.ql_mvar.sum() for table in branches), abs=1e-6)


WRITES = [
    ("load", 0, {"p_mw": 6.0}),
    ("load", 2, {"q_mvar": -0.4}),
    ("load", 1, {"scaling": 0.3}),
    ("load", 5, {"p_mw": 2.5, "q_mvar": 1.0}),
    ("load", 0, {"const_i_p_percent": 50.0}),
    ("sgen", 0, {"p_mw": 1.6, "q_mvar": -0.2, "scaling": 0.7}),
    ("gen", 0, {"p_mw": 1.0, "scaling": 1.5}),
    ("gen", 0, {"vm_pu": 0.995}),
    ("gen", 0, {"max_q_mvar": 0.5}),
    ("ext_grid", 0, {"vm_pu": 1.0, "va_degree": 12.0}),
    ("shunt", 0, {"q_mvar": 1.5, "step": 2}),
    ("line", 0, {"length_km": 3.0, "x_ohm_per_km": 0.2}),
    ("line", 7, {"parallel": 2}),
    ("trafo", 0, {"tap_pos": 3.0}),
    ("impedance", 0, {"xft_pu": 0.02}),
    ("bus", 3, {"name": "other", "max_vm_pu": 1.1}),
]


@pytest.mark.parametrize(("component", "number", "values"), WRITES)
def test_parameters_take_the_incremental_path_to_the_same_result(
    component: str, number: int, values: dict[str, Any]
) -> None:
    grid = solved(tolerance=TIGHT)
    handle = grid.element(component, number)
    assert handle is not None
    handle.set(**values)
    report = grid.solve()
    assert (report.converged, report.rebuild) == (True, "incremental")
    other = fresh(grid, tolerance=TIGHT)
    np.testing.assert_allclose(grid.v, other.v, rtol=0, atol=1e-8)
    for name in RESULT_COLUMNS:
        for column in RESULT_COLUMNS[name]:
            mine, theirs = getattr(grid, f"res_{name}")[column], getattr(other, f"res_{name}")[column]
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("component", "number", "field"),
    [("line", 0, "in_service"), ("trafo", 0, "in_service"), ("bus", 6, "in_service"), ("load", 0, "in_service"),
     ("gen", 0, "in_service"), ("switch", 1, "closed"), ("switch", 0, "closed")],
)  # fmt: skip
def test_topology_takes_a_full_rebuild_to_the_same_result(component: str, number: int, field: str) -> None:
    grid = solved(tolerance=TIGHT)
    handle = grid.element(component, number)
    assert handle is not None
    before = grid.v
    for value in (False, True):
        setattr(handle, field, value)
        report = grid.solve()
        assert (report.converged, report.rebuild) == (True, "full")
        np.testing.assert_allclose(grid.v, fresh(grid, tolerance=TIGHT).v, rtol=0, atol=1e-8)
    np.testing.assert_allclose(grid.v, before, rtol=0, atol=1e-8)


def test_what_is_written_and_taken_back_needs_no_rebuild() -> None:
    grid = solved()
    line = grid.line(2, 3)
    assert line is not None
    line.in_service = True
    assert grid.solve().rebuild == "incremental"


def test_every_column_has_an_effect() -> None:
    assert set(EFFECT) == {(c.name, f.name) for c in COMPONENTS.values() for f in c.fields}


def test_many_writes_at_once_are_taken_together() -> None:
    grid = PowerGrid.from_case("case118", tolerance=TIGHT)
    grid.solve()
    for load in grid.loads():
        load.p_mw = load.p_mw * 0.9
    for gen in grid.gens():
        gen.p_mw = gen.p_mw * 0.9
    assert grid.solve().rebuild == "incremental"
    np.testing.assert_allclose(grid.v, fresh(grid, tolerance=TIGHT).v, equal_nan=True, rtol=0, atol=1e-8)


def test_a_warm_start_takes_fewer_iterations() -> None:
    grid = PowerGrid.from_case("case118")
    cold = grid.solve().iterations
    grid.loads()[0].p_mw *= 1.01
    assert 0 < grid.solve().iterations < cold


def test_results_are_of_the_grid_as_it_was_solved() -> None:
    grid = solved()
    before = {name: getattr(grid, f"res_{name}") for name in RESULT_COLUMNS}
    grid.solve()
    grid.load(3).p_mw = 9.0  # type: ignore[union-attr]
    grid.line(2, 3).max_i_ka = 9.0  # type: ignore[union-attr]
    grid.line(4, 5).in_service = False  # type: ignore[union-attr]
    for name, table in before.items():
        np.testing.assert_array_equal(getattr(grid, f"res_{name}"), table)


def test_result_tables_have_the_columns_that_are_promised_and_are_yours() -> None:
    grid = solved()
    network = grid._circuit.network  # type: ignore[union-attr]
    state = ac_state(network, grid._v)  # type: ignore[arg-type]
    for name, columns in RESULT_COLUMNS.items():
        table = getattr(grid, f"res_{name}")
        assert tuple(table.columns) == columns == tuple(RESULTS[name](grid.data, network, state))
        assert table.index.tolist() == grid.data[name]["id"].tolist()
    table = grid.res_bus
    table.loc[3, "vm_pu"] = 0.0
    assert grid.res_bus.vm_pu[3] > 0.9


def test_v_is_in_the_order_of_bus_ids() -> None:
    grid = solved()
    assert grid.v.shape == (10,)
    np.testing.assert_allclose(abs(grid.v[grid.res_bus.index]), grid.res_bus.vm_pu)
    assert np.isnan(grid.v[[7, 9]]).all()


def test_a_start_changes_the_way_and_not_the_result() -> None:
    grid = solved(tolerance=TIGHT)
    v = grid.v
    start = v * 1.05 * np.exp(0.02j)
    start[5] = np.nan
    report = grid.solve(v_init=start)
    assert report.iterations > 0
    np.testing.assert_allclose(grid.v, v, rtol=0, atol=1e-8)
    grid.v = v
    assert grid.solve().iterations == 0
    other = small_grid()
    other.v = v
    assert other.solve().iterations <= 1


def test_a_start_that_cannot_be_is_refused() -> None:
    grid = solved()
    with pytest.raises(UsageError, match=r"v_init has shape \(3,\) .*must be \(10,\) complex"):
        grid.solve(v_init=np.ones(3))
    assert grid.solve(v_init=np.zeros(10)).converged
    assert grid.solve(v_init=np.ones(10)).converged


def test_a_refused_start_leaves_the_last_results() -> None:
    grid = solved()
    before = grid.res_load
    grid.load(3).p_mw = 8.0  # type: ignore[union-attr]
    with pytest.raises(UsageError):
        grid.solve(v_init=np.ones(3))
    pd.testing.assert_frame_equal(grid.res_load, before)
    grid.solve()
    assert grid.res_load.p_mw[0] == 8.0


def test_bus_ids_that_are_no_places_are_told() -> None:
    data = small_data()
    ids = data["bus"]["id"].copy()
    ids[-1] = 10**12
    grid = PowerGrid.from_data(data.replace("bus", id=ids))
    assert grid.solve()
    assert grid.res_bus.index[-1] == 10**12
    with pytest.raises(UsageError, match="bus 1000000000000 has no place in it; take res_bus"):
        _ = grid.v


def overloaded() -> PowerGrid:
    grid = solved()
    grid.load(3).p_mw = 5_000.0  # type: ignore[union-attr]
    return grid


def test_what_has_no_solution_is_told_and_corrupts_nothing() -> None:
    grid = overloaded()
    v = fresh(small_grid()).v
    report = grid.solve()
    assert not report
    assert report.rebuild == "incremental"
    assert report.reason
    assert report.worst_bus in grid.res_bus.index
    assert report.mismatch > 1e-8
    assert "did not converge: " in str(report)
    assert not grid.converged
    assert np.isnan(grid.v).all()
    for name in RESULT_COLUMNS:
        assert getattr(grid, f"res_{name}").isna().all(axis=None)
    assert math.isnan(grid.bus(3).vm_pu)  # type: ignore[union-attr]
    grid.load(3).p_mw = 4.0  # type: ignore[union-attr]
    assert grid.solve().rebuild == "incremental"
    np.testing.assert_allclose(grid.v, v, rtol=0, atol=1e-8)


def test_options_of_one_solve() -> None:
    grid = small_grid(step_control=False)
    assert not grid.solve(max_iter=1)
    assert grid.solve(tol=1e-3).mismatch <= 1e-3
    assert grid.solve(tol=1e-11).mismatch <= 1e-11
    with pytest.raises(UsageError, match="option tolerance is -1, must be a positive number"):
        grid.solve(tol=-1)
    with pytest.raises(UsageError, match="option max_iter is 0, must be a whole number from 1"):
        grid.solve(max_iter=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"branch_analisis": True}, "unknown option branch_analisis, did you mean branch_analysis?"),
        ({"qlim": 1}, "option qlim is 1, must be True or False"),
        ({"init": "hot"}, "option init is 'hot', must be one of auto, flat, dc"),
        ({"trafo_model": "x"}, "option trafo_model is 'x', must be one of t, pi"),
        ({"tolerance": math.nan}, "option tolerance is nan, must be a positive number, such as 1e-8"),
        ({"max_iter": 2.5}, "option max_iter is 2.5, must be a whole number from 1"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        PowerGrid(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "options", [{"init": "flat"}, {"init": "dc"}, {"branch_analysis": True}, {"trafo_model": "pi"}]
)
def test_options_lead_to_a_solution(options: dict[str, Any]) -> None:
    grid = PowerGrid.from_case("case14", **options)
    assert grid.solve()
    assert grid.res_line.shape[1] == 14


def test_branch_analysis_computes_branches_in_the_solve() -> None:
    grid = small_grid(branch_analysis=True)
    grid.solve()
    assert grid._results is not None
    assert set(grid._results._columns) == {"line", "trafo", "trafo3w", "impedance"}
    assert grid.res_line.loading_percent.max() > 30


def test_without_voltage_angles_a_vector_group_does_not_turn() -> None:
    grid = solved(calculate_voltage_angles=False)
    assert grid.res_bus.va_degree.abs().max() < 2
    grid.ext_grid(0).va_degree = 30.0  # type: ignore[union-attr]
    assert grid.solve()
    assert grid.res_bus.va_degree.abs().max() < 2


def test_reactive_limits_bind_and_let_go() -> None:
    grid = solved(qlim=True)
    gen = grid.gen(5)
    assert gen is not None
    free = gen.q_mvar
    gen.max_q_mvar, gen.min_q_mvar = 2.0, -0.25
    assert grid.solve()
    assert gen.q_mvar == pytest.approx(-0.25, abs=1e-6)
    assert grid.bus(5).vm_pu > 1.01  # type: ignore[union-attr]
    gen.min_q_mvar = -3.0
    assert grid.solve()
    assert gen.q_mvar == pytest.approx(free, abs=1e-6)
    assert grid.bus(5).vm_pu == pytest.approx(1.01)  # type: ignore[union-attr]


def test_the_dc_power_flow_has_no_losses_and_leaves_nothing_behind() -> None:
    grid = small_grid()
    report = grid.solve_dc()
    assert (report.converged, report.rebuild, report.iterations, report.mismatch) == (True, "full", 0, 0.0)
    assert grid.res_line.pl_mw.abs().max() < 1e-12
    made = sum(getattr(grid, f"res_{name}").p_mw.sum() for name in ("ext_grid", "gen", "sgen"))
    assert made == pytest.approx(grid.res_load.p_mw.sum() + grid.res_shunt.p_mw.sum(), abs=1e-6)
    assert grid.bus(3).va_degree == pytest.approx(grid.res_bus.va_degree[3])  # type: ignore[union-attr]
    assert abs(pickle.loads(pickle.dumps(grid)).v[3]) == 1.0
    assert grid.solve().iterations == small_grid().solve().iterations
    assert grid.res_line.pl_mw.sum() > 0


def test_an_empty_grid_and_one_without_slack_say_why() -> None:
    with pytest.raises(DataError, match=r"the grid cannot be solved: .*no buses; add buses and a slack"):
        PowerGrid().solve()
    grid = solved()
    grid.ext_grid(0).in_service = False  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"the grid cannot be solved: .*ext_grid"):
        grid.solve()
    grid.ext_grid(0).in_service = True  # type: ignore[union-attr]
    assert grid.solve()


def test_a_grid_with_errors_names_the_first() -> None:
    data = small_data()
    grid = PowerGrid.from_data(data.replace("load", bus=[3, 4, 4, 77]))
    with pytest.raises(DataError, match=r"the grid cannot be solved: load.bus: load 5 is at bus 77"):
        grid.solve()
    assert grid.validate()


def test_an_impedance_of_zero_is_refused_and_can_be_mended() -> None:
    grid = solved()
    line = grid.line(2, 3)
    assert line is not None
    v = grid.v
    line.length_km = 0.0
    for _ in range(2):
        with pytest.raises(DataError, match="line 0: series impedance"):
            grid.solve()
    line.length_km = 1.0
    assert grid.solve()
    np.testing.assert_allclose(grid.v, v, rtol=0, atol=1e-8)


def test_set_points_that_contradict_are_refused() -> None:
    grid = solved()
    with grid.edit() as e:
        second = e.add_gen(5, 0.5, 1.01)
    assert grid.solve()
    second.vm_pu = 1.02
    with pytest.raises(DataError, match=r"vm_pu is .*give both the same"):
        grid.solve()
    grid.gen(5).vm_pu = 1.02  # type: ignore[union-attr]
    assert grid.solve()
    assert grid.bus(5).vm_pu == pytest.approx(1.02)  # type: ignore[union-attr]


def test_two_slacks_of_one_island_keep_their_angles() -> None:
    grid = small_grid(tolerance=TIGHT)
    with grid.edit() as e:
        other = e.add_ext_grid(1, 1.02, 0.1)
    assert grid.solve()
    other.va_degree = -0.2
    assert grid.solve().rebuild == "incremental"
    assert grid.bus(1).va_degree == pytest.approx(-0.2)  # type: ignore[union-attr]
    np.testing.assert_allclose(grid.v, fresh(grid, tolerance=TIGHT).v, rtol=0, atol=1e-8)


def test_results_are_gone_after_an_edit() -> None:
    grid = solved()
    with grid.edit() as e:
        e.add_bus(20.0)
    assert not grid.converged
    with pytest.raises(UsageError, match=r"there is no result yet: call solve\(\) first"):
        _ = grid.res_bus
    with pytest.raises(UsageError, match="no result"):
        _ = grid.v


def test_a_case_travels_as_parquet() -> None:
    grid = solved()
    old = grid.load(3)
    case = grid.get_parquet_case()
    other = PowerGrid()
    other.load_parquet_case(case)
    assert other.data == grid.data
    assert other.get_parquet_case() == case
    grid.load_parquet_case(case)
    assert old is not None
    assert not old.exists
    assert not grid.converged


def test_a_broken_parquet_case_leaves_the_grid() -> None:
    grid = solved()
    before = grid.get_parquet_case()
    with pytest.raises(DataError):
        grid.load_parquet_case(b"not a zip")
    assert grid.get_parquet_case() == before
    assert grid.converged


def test_results_travel_as_parquet() -> None:
    from ghostload.grid.io.parquet import unpack

    grid = solved()
    grid.post_process()
    packed = grid.get_parquet_results()
    meta, tables = unpack(packed)
    assert (meta["converged"], set(tables)) == (True, {f"res_{name}" for name in RESULT_COLUMNS})
    np.testing.assert_array_equal(tables["res_bus"].vm_pu, grid.res_bus.vm_pu)
    assert tables["res_load"]["id"].tolist() == [0, 1, 2, 5]
    grid.solve()
    again = small_grid()
    again.solve()
    assert again.get_parquet_results() == packed


def test_it_is_written_to_a_file_and_read(tmp_path: Path) -> None:
    grid = solved()
    grid.save(tmp_path / "grid.zip")
    other = PowerGrid(tmp_path / "grid.zip")
    assert other.data == grid.data
    with pytest.raises(DataError, match="no such file"):
        PowerGrid(tmp_path / "none.zip")


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda grid: pickle.loads(pickle.dumps(grid))])
def test_a_copy_is_another_grid_in_the_same_state(how: Any) -> None:
    grid = solved()
    grid.load(3).p_mw = 6.0  # type: ignore[union-attr]
    twin = how(grid)
    before = grid.res_ext_grid
    np.testing.assert_array_equal(twin.v, grid.v)
    np.testing.assert_array_equal(twin.res_load, grid.res_load)
    twin.load(3).p_mw = 1.0
    assert grid.load(3).p_mw == 6.0  # type: ignore[union-attr]
    assert grid.solve().rebuild == "incremental"
    np.testing.assert_array_equal(twin.res_ext_grid, before)
    assert twin.solve().rebuild == "full"
    twin.load(3).p_mw = 6.0
    twin.solve()
    np.testing.assert_allclose(twin.v, grid.v, rtol=0, atol=1e-8)


def test_no_copy_is_made_of_a_grid_in_an_edit() -> None:
    grid = small_grid()
    with grid.edit(), pytest.raises(UsageError, match="a copy of the grid was asked for while an edit is open"):
        copy.copy(grid)


def test_threads_have_a_grid_each() -> None:
    def series(scale: float) -> list[float]:
        grid = small_grid()
        load = grid.load(3)
        assert load is not None
        out = []
        for p in np.linspace(1.0, 5.0, 40) * scale:
            load.p_mw = float(p)
            assert grid.solve()
            out.append(grid.bus(3).vm_pu)  # type: ignore[union-attr]
        return out

    scales = [0.5, 0.8, 1.0, 1.2]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(series, scales)) == [series(scale) for scale in scales]


def test_threads_may_solve_one_grid() -> None:
    grid = solved()
    v = grid.v
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: grid.solve(), range(200)))
    assert all(reports)
    np.testing.assert_array_equal(grid.v, v)


def test_an_overview() -> None:
    grid = solved()
    assert (grid.n_bus, grid.n_line) == (9, 6)
    assert grid.describe().set_index("element")["count"]["load"] == 4
    assert repr(grid) == (
        "PowerGrid('small': 9 bus, 6 line, 1 trafo, 4 load, 1 sgen, 1 gen, 1 ext_grid, 1 shunt, 2 switch, 1 impedance; "
        "solved)"
    )
    assert repr(PowerGrid()) == "PowerGrid('': empty; not solved)"
    assert repr(overloaded()).endswith("solved)")
    y = grid.y_bus
    assert y.shape == (7, 7)
    assert abs(y - small_grid().y_bus).max() == 0
    assert grid.options.tolerance == 1e-8
