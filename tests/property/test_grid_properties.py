"""What holds for every grid: powers balance, losses are no gains, order and splitting of elements do not matter."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "grid"))

from grid_io_support import sound_grids

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.io.files import read_grid

AT_BUSES = ("load", "sgen", "gen", "ext_grid", "shunt")
SIGN = {"load": 1.0, "sgen": -1.0, "gen": -1.0, "ext_grid": -1.0, "shunt": 1.0}
"""Of a component in ``res_bus``: what is drawn is positive there."""

quick = settings(max_examples=50, deadline=None)


def solved(data: GridData) -> PowerGrid:
    grid = PowerGrid.from_data(data, tolerance=1e-12)
    report = grid.solve()
    if not report.converged:
        grid = PowerGrid.from_data(data, tolerance=1e-10)
        report = grid.solve()
    assert report.converged, report.reason
    return grid


def assert_same_voltages(a: PowerGrid, b: PowerGrid) -> None:
    one, other = a.res_bus, b.res_bus
    assert set(one.index) == set(other.index)
    other = other.loc[one.index]
    v, w = (t.vm_pu * np.exp(1j * np.radians(t.va_degree)) for t in (one, other))
    np.testing.assert_allclose(v.to_numpy(), w.to_numpy(), rtol=0, atol=1e-10, equal_nan=True)


def shares_of_buses(grid: PowerGrid) -> pd.DataFrame:
    """Active and reactive power that the elements of each bus draw, summed from their own tables."""
    out = pd.DataFrame(0.0, index=grid.res_bus.index, columns=["p_mw", "q_mvar"])
    for component in AT_BUSES:
        table = getattr(grid, f"res_{component}")[["p_mw", "q_mvar"]]
        if len(table):
            at = pd.Series(grid.data[component]["bus"], index=table.index)
            out = out.add(table.groupby(at).sum() * SIGN[component], fill_value=0.0)
    return out


@given(sound_grids())
@quick
def test_what_the_elements_of_a_bus_draw_comes_in_through_its_branches(data: GridData) -> None:
    grid = solved(data)
    drawn = shares_of_buses(grid)
    scale = 1e-9 * data.sn_mva
    np.testing.assert_allclose(drawn, grid.res_bus[["p_mw", "q_mvar"]].loc[drawn.index], rtol=0, atol=scale)
    balance = drawn.copy()
    for component, ends in {"line": ("from", "to"), "trafo": ("hv", "lv")}.items():
        result = getattr(grid, f"res_{component}")
        for end in ends if len(result) else ():
            flow = result[[f"p_{end}_mw", f"q_{end}_mvar"]].set_axis(["p_mw", "q_mvar"], axis=1)
            at = pd.Series(data[component][f"{end}_bus"], index=result.index)
            balance = balance.add(flow.groupby(at).sum(), fill_value=0.0)
    np.testing.assert_allclose(balance, 0.0, rtol=0, atol=scale)


@given(sound_grids())
@quick
def test_lines_carry_what_their_pi_circuit_says(data: GridData) -> None:
    grid = solved(data)
    t, result = data.frame("line"), grid.res_line
    opened = data.frame("switch").query("et == 'l' and not closed").element
    t = t[t.in_service & ~t.index.isin(opened)]
    vn = data.frame("bus").vn_kv[t.from_bus].to_numpy()
    v = [grid.v[t[end].to_numpy()] * vn for end in ("from_bus", "to_bus")]
    z = ((t.r_ohm_per_km + 1j * t.x_ohm_per_km) * t.length_km / t.parallel).to_numpy()
    omega = 2e-9 * np.pi * data.f_hz
    y = ((t.g_us_per_km * 1e-6 + 1j * omega * t.c_nf_per_km) * t.length_km * t.parallel).to_numpy()
    into = v[0] * np.conj((v[0] - v[1]) / z + v[0] * y / 2.0)
    got = (result.p_from_mw + 1j * result.q_from_mvar)[t.index].to_numpy()
    live = np.isfinite(v[0])
    np.testing.assert_allclose(got[live], into[live], rtol=1e-9, atol=1e-9 * data.sn_mva)


@given(sound_grids())
@quick
def test_nothing_is_lost_below_zero_and_all_that_is_fed_in_is_drawn_or_lost(data: GridData) -> None:
    grid = solved(data)
    lost = 0.0
    for component in ("line", "trafo"):
        losses = getattr(grid, f"res_{component}").pl_mw
        assert (losses >= -1e-12 * data.sn_mva).all()
        lost += losses.sum()
    assert abs(lost + shares_of_buses(grid).p_mw.sum()) < 1e-9 * data.sn_mva


@given(sound_grids(), st.randoms(use_true_random=False))
@quick
def test_the_order_of_the_rows_does_not_matter(data: GridData, random: Any) -> None:
    tables = {}
    for name, table in data.tables.items():
        order = list(range(len(table)))
        random.shuffle(order)
        tables[name] = {column: values[order] for column, values in table.items()}
    turned = GridData.from_tables(tables, sn_mva=data.sn_mva, f_hz=data.f_hz, name=data.name)
    assert_same_voltages(solved(data), solved(turned))


@given(sound_grids(), st.lists(st.floats(-1.0, 2.0), min_size=1, max_size=4))
@quick
def test_a_load_is_the_sum_of_its_parts(data: GridData, parts: list[float]) -> None:
    load = data["load"]
    assume(len(load))
    weights = np.array([*parts, 1.0 - sum(parts)])
    pieces = {column: np.repeat(values, len(weights)) for column, values in load.items() if column != "id"}
    for column in ("p_mw", "q_mvar"):
        pieces[column] = np.outer(load[column], weights).ravel()
    tables = {name: dict(table.items()) for name, table in data.tables.items()}
    split = GridData.from_tables({**tables, "load": pieces}, sn_mva=data.sn_mva, f_hz=data.f_hz)
    whole, apart = solved(data), solved(split)
    assert_same_voltages(whole, apart)
    summed = apart.res_load.p_mw.to_numpy().reshape(len(load), -1).sum(axis=1)
    np.testing.assert_allclose(summed, whole.res_load.p_mw, rtol=0, atol=1e-9)


@given(sound_grids())
@quick
def test_systems_side_by_side_are_lines_of_their_own(data: GridData) -> None:
    line, switch = data["line"], data["switch"]
    first = int(line["id"].max()) + 1
    double = np.flatnonzero(line["parallel"] == 2)
    twin = {column: values[double] for column, values in line.items()}
    twin |= {"id": first + np.arange(len(double)), "parallel": np.ones(len(double), np.int64)}
    apart = data.replace("line", parallel=np.ones(len(line), np.int64)).append("line", twin)
    at = [np.flatnonzero(switch["element"] == number) for number in line["id"][double]]
    rows = np.concatenate([*at, np.zeros(0, np.int64)]).astype(np.int64)
    copies = {column: values[rows] for column, values in switch.items()}
    copies |= {
        "id": int(switch["id"].max()) + 1 + np.arange(len(rows)),
        "element": np.repeat(first + np.arange(len(double)), [len(x) for x in at]),
    }
    assert_same_voltages(solved(data), solved(apart.append("switch", copies)))


@given(sound_grids(), st.sampled_from([".json", ".zip", ".m"]))
@quick
def test_what_is_written_and_read_again_is_solved_alike(data: GridData, suffix: str) -> None:
    grid = solved(data)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"grid{suffix}"
        grid.save(path)
        again = solved(read_grid(path))
    if suffix != ".m":
        assert_same_voltages(grid, again)
        return
    # The format has no buses without voltage that are in service, and no loads that follow the voltage: shunts do.
    there = again.res_bus.vm_pu.notna()
    here = grid.res_bus.vm_pu.notna()
    assert set(grid.res_bus.index[here]) <= set(again.res_bus.index[there])
    ids = grid.res_bus.index[here]
    np.testing.assert_allclose(grid.v[ids], again.v[ids], rtol=0, atol=1e-10)


def test_a_grid_without_a_branch_under_voltage_has_results() -> None:
    grid = PowerGrid()
    with grid.edit() as e:
        one, _ = e.add_bus(20.0)
        other, _ = e.add_bus(20.0)
        e.add_line(one, other, 1.0, r_ohm_per_km=0.1, x_ohm_per_km=0.1, in_service=False)
        e.add_ext_grid(one, vm_pu=1.03)
        e.add_load(one, 2.0, 0.5)
        e.add_load(other, 1.0, 0.5)
    assert grid.solve().converged
    assert grid.res_bus.vm_pu[one] == 1.03
    assert np.isnan(grid.res_bus.vm_pu[other])
    assert abs(grid.res_ext_grid.p_mw[0] - 2.0) < 1e-12
    assert (grid.res_line.p_from_mw == 0.0).all()
