"""``PowerGrid3ph``: solve, result tables, writes, series; flows are those of OpenDSS."""

from __future__ import annotations

import copy
import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ghostload import PowerGrid3ph
from ghostload.errors import DataError, OutputError, UsageError
from ghostload.grid.radial.conductors import sequence_matrix
from ghostload.grid.radial.three_phase import Bus3, LineCode

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "grid"
CASES = sorted(folder.name for folder in GOLDEN.glob("opendss_*"))


def street(**changes: Any) -> PowerGrid3ph:
    parts: dict[str, Any] = {
        "source": {"bus": "grid", "vm_pu": 1.02, "z1_ohm": 0.5 + 3j, "z0_ohm": 0.6 + 3.5j},
        "buses": [
            {"name": "grid", "vn_kv": 20.0},
            {"name": "lv", "vn_kv": 0.4, "conductors": "abcn", "earth_ohm": 2.0},
            Bus3("mid", 0.4, "abcn"),
            {"name": "end", "vn_kv": 0.4, "conductors": "an"},
        ],
        "transformers": [
            {"name": "t", "hv_bus": "grid", "lv_bus": "lv", "sn_kva": 160.0, "vn_hv_kv": 20.0, "vn_lv_kv": 0.4,
             "vk_percent": 4.0, "vkr_percent": 1.4, "pfe_kw": 0.3, "i0_percent": 0.4},
        ],
        "lines": [
            {"name": "main", "from_bus": "lv", "to_bus": "mid", "code": "cable", "length_km": 0.2},
            {"name": "service", "from_bus": "end", "to_bus": "mid", "code": "thin", "length_km": 0.03,
             "conductors": "an"},
        ],
        "loads": [
            {"name": "house", "bus": "end", "p_kw": 5.0, "q_kvar": 1.0, "phases": "a"},
            {"name": "shop", "bus": "mid", "p_kw": 18.0, "q_kvar": 6.0, "i_share": 0.3, "z_share": 0.3},
            {"name": "pump", "bus": "mid", "p_kw": 6.0, "q_kvar": 3.0, "connection": "delta"},
        ],
        "codes": {"cable": LineCode(np.eye(4) * (0.3 + 0.08j) + 0.05, max_i_ka=0.2), "thin": np.eye(2) * (0.8 + 0.09j)},
    }  # fmt: skip
    return PowerGrid3ph(**(parts | changes))


@pytest.mark.parametrize("case", CASES)
def test_flows_are_those_of_opendss(case: str) -> None:
    grid = PowerGrid3ph(GOLDEN / case / "input.json")
    assert grid.solve()
    tables = {"line": (grid.res_line_3ph, "from", "to"), "transformer": (grid.res_trafo_3ph, "hv", "lv")}
    with (GOLDEN / case / "flows.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 17
    for row in rows:
        kind, name = row["element"].split(".")
        table, *ends = tables[kind]
        for number, end in enumerate(ends, start=1):
            for letter, unit, dss in (("p", "mw", "kw"), ("q", "mvar", "kvar")):
                got = table.loc[name, f"{letter}_{row['conductor']}_{end}_{unit}"] * 1e3
                assert got == pytest.approx(float(row[f"{letter}_{number}_{dss}"]), rel=1e-5, abs=2e-4), row


@pytest.mark.parametrize("case", CASES)
def test_power_balances_at_every_conductor(case: str) -> None:
    grid = PowerGrid3ph(GOLDEN / case / "input.json", tolerance=1e-12)
    assert grid.solve()
    bus, names = grid.res_bus_3ph, [x for x in "abcn" if f"p_{x}_mw" in grid.res_bus_3ph]
    row = {b.name: k for k, b in enumerate(grid.data.buses)}
    total = powers(bus, names, "")
    lines, trafos = grid.data.lines, grid.data.transformers
    for table, ends, sides in (
        (grid.res_line_3ph, [(x.from_bus, x.to_bus) for x in lines], ("from_", "to_")),
        (grid.res_trafo_3ph, [(x.hv_bus, x.lv_bus) for x in trafos], ("hv_", "lv_")),
    ):
        for number, side in enumerate(sides):
            np.add.at(total, [row[pair[number]] for pair in ends], powers(table, names, side))
    for b in grid.data.buses:
        if b.earth_ohm is not None:
            volts = bus.vm_n_pu[b.name] * b.vn_kv * 1e3 / np.sqrt(3)
            total[row[b.name], 3] += volts**2 / b.earth_ohm / 1e6
    assert np.abs(total).max() < 1e-9 + 1e-7 * np.abs(bus.p_a_mw).max()


def powers(table: pd.DataFrame, names: list[str], end: str) -> np.ndarray:
    """Complex powers of all conductors, 0 where there is none."""
    columns = [table[f"p_{x}_{end}mw"] + 1j * table[f"q_{x}_{end}mvar"] for x in names]
    return np.nan_to_num(np.stack(columns, axis=1))


def test_losses_of_lines_are_current_squared_times_resistance() -> None:
    grid = street()
    assert grid.solve()
    row = grid.res_line_3ph.loc["main"]
    i = np.array([row[f"i_{x}_ka"] for x in "abcn"])
    lost = sum(row[f"pl_{x}_mw"] for x in "abcn")
    assert lost == pytest.approx((0.3 * (i**2).sum()) * 0.2 + lost_mutually(grid), rel=1e-9)
    assert row.loading_a_percent == pytest.approx(100 * i[0] / 0.2)
    assert row.loading_percent == pytest.approx(100 * i.max() / 0.2)
    service = grid.res_line_3ph.loc["service"]
    assert np.isnan(service.loading_percent)
    assert np.isnan(service.p_b_from_mw)
    assert service.p_a_from_mw == pytest.approx(-grid.res_load_3ph.loc["house", "p_a_mw"], rel=1e-9)
    losses = grid.res_line_3ph.filter(regex=r"^pl_.*mw$").sum().sum()
    losses += grid.res_trafo_3ph.filter(regex=r"^pl_.*mw$").sum().sum()
    earth = (grid.res_bus_3ph.loc["lv", "vm_n_pu"] * 400 / np.sqrt(3)) ** 2 / 2.0 / 1e6
    given = grid.res_ext_grid_3ph.filter(regex="^p_").sum().sum()
    assert given == pytest.approx(grid.res_load_3ph.p_mw.sum() + losses + earth, rel=1e-9)


def lost_mutually(grid: PowerGrid3ph) -> float:
    """0.05 ohm per km between all conductors take the square of the summed currents, 0.2 km, in MW."""
    at = dict(zip(grid.places, grid.v, strict=True))
    drop = np.array([at["lv", x] - at["mid", x] for x in "abcn"]) * 400 / np.sqrt(3) / 1e3
    current = np.linalg.solve((np.eye(4) * (0.3 + 0.08j) + 0.05) * 0.2, drop)
    return float(0.05 * 0.2 * abs(current.sum()) ** 2)


def test_columns_are_those_of_runpp_3ph() -> None:
    grid = street()
    grid.solve()
    phases = [f"{letter}_{x}_{{}}{unit}" for x in "abc" for letter, unit in (("p", "mw"), ("q", "mvar"))]
    line = [name.format(end) for end in ("from_", "to_") for name in phases]
    line += [f"{letter}l_{x}_{unit}" for x in "abc" for letter, unit in (("p", "mw"), ("q", "mvar"))]
    line += [f"i_{x}_{end}ka" for x in "abcn" for end in ("from_", "to_", "")]
    line += [f"loading_{x}_percent" for x in "abc"]
    assert set(line) <= set(grid.res_line_3ph.columns)
    trafo = [name.format(end) for end in ("hv_", "lv_") for name in phases] + [
        "loading_percent",
        "i_c_lv_ka",
        "pl_a_mw",
    ]
    assert set(trafo) <= set(grid.res_trafo_3ph.columns)
    bus = [f"{what}_{x}_{unit}" for x in "abc" for what, unit in (("vm", "pu"), ("va", "degree"), ("p", "mw"))]
    assert set(bus) <= set(grid.res_bus_3ph.columns)
    assert {"p_mw", "q_mvar", "p_a_mw"} <= set(grid.res_load_3ph.columns)
    assert grid.res_bus_3ph.index.tolist() == ["grid", "lv", "mid", "end"]
    assert np.isnan(grid.res_bus_3ph.loc["grid", "vm_n_pu"])
    assert np.isnan(grid.res_bus_3ph.loc["end", "vm_b_pu"])


def test_a_balanced_feeder_is_not_unbalanced() -> None:
    grid = street(
        buses=[Bus3("grid", 20.0), Bus3("lv", 0.4), Bus3("mid", 0.4)],
        lines=[{"name": "main", "from_bus": "lv", "to_bus": "mid", "code": "c", "length_km": 0.3}],
        codes={"c": LineCode(sequence_matrix(0.2 + 0.08j, 0.8 + 0.3j), sequence_matrix(200.0, 100.0).real)},
        loads=[{"name": "x", "bus": "mid", "p_kw": 30.0, "q_kvar": 9.0}],
    )
    grid.solve()
    assert grid.res_bus_3ph.unbalance_percent.max() < 1e-9
    load = grid.res_load_3ph.loc["x"]
    assert load.p_a_mw == pytest.approx(0.01)
    assert load.p_mw == pytest.approx(0.03)
    assert grid.res_line_3ph.loc["main", "i_n_ka"] < 1e-9


def test_what_is_written_is_solved_and_the_rest_of_the_work_is_spared() -> None:
    grid = street()
    assert grid.solve().rebuild == "full"
    before = grid.v
    house = grid.load("house")
    assert house is not None
    house.p_kw = 9.0
    assert (house.p_kw, house.bus, house.phases) == (9.0, "end", "a")
    np.testing.assert_array_equal(grid.v, before)
    assert grid.solve().rebuild == "incremental"
    after = grid.v
    other = PowerGrid3ph(grid.data)
    other.solve()
    np.testing.assert_array_equal(other.v, after)
    assert not np.array_equal(after, before)
    grid.vm_source_pu = 0.99
    grid.va_source_degree = 30.0
    grid.solve()
    moved = PowerGrid3ph(grid.data)
    moved.solve()
    np.testing.assert_allclose(moved.v, grid.v, rtol=0, atol=1e-9)
    assert [load.name for load in grid.loads("mid")] == ["shop", "pump"]
    assert grid.load("nobody") is None


def test_a_series_is_its_steps_one_by_one_and_threads_change_no_bit() -> None:
    grid = street()
    factor = np.random.default_rng(2).uniform(0.2, 1.5, (700, 3))
    p, q = factor * [5.0, 18.0, 6.0], factor * [1.0, 6.0, 3.0]
    vm = np.linspace(0.98, 1.04, 700)
    outputs = ("vm_pu", "va_degree", "v", "vm_lowest_pu", "vm_highest_pu", "losses_kw", "source_kw", "source_kvar")
    one = grid.solve_series(p_kw=p, q_kvar=q, vm_source_pu=vm, outputs=outputs)
    two = grid.solve_series(p_kw=p, q_kvar=q, vm_source_pu=vm, outputs=outputs, n_jobs=2)
    for name in outputs:
        np.testing.assert_array_equal(one[name], two[name])
    for step in (0, 17, 699):
        for load, a, b in zip(grid.loads(), p[step], q[step], strict=True):
            load.p_kw, load.q_kvar = float(a), float(b)
        grid.vm_source_pu = float(vm[step])
        assert grid.solve()
        np.testing.assert_array_equal(one["v"][step], grid.v)
        assert one["source_kw"][step] == pytest.approx(
            grid.res_ext_grid_3ph.filter(regex="^p_").sum(axis=1).iloc[0] * 1e3
        )
    frame = one.frame("vm_pu")
    np.testing.assert_allclose(frame["end", "a"], np.abs(one["v"][:, one.places.index(("end", "a"))]), rtol=1e-14)
    assert one.frame("losses_kw").shape == (700, 1)
    assert (one["losses_kw"] > 0).all()
    assert len(one) == 700


def test_columns_of_a_data_frame_are_names_and_the_others_stay() -> None:
    grid = street()
    some = grid.solve_series(p_kw=pd.DataFrame({"shop": [1.0, 2.0]}), at=[("end", "an")])
    whole = grid.solve_series(p_kw=[[5.0, 1.0, 6.0], [5.0, 2.0, 6.0]], at=[("end", "an")])
    np.testing.assert_array_equal(some["vm_pu"], whole["vm_pu"])
    assert some.places == (("end", "an"),)


def test_what_has_no_solution_is_nan_and_says_so() -> None:
    grid = street()
    grid.load("house").p_kw = 5e4  # type: ignore[union-attr]
    report = grid.solve()
    assert not report
    assert report.reason in str(report)
    assert grid.res_bus_3ph.vm_a_pu.isna().all()
    assert grid.res_line_3ph.pl_a_mw.isna().all()
    grid.load("house").p_kw = 5.0  # type: ignore[union-attr]
    assert grid.solve()
    series = grid.solve_series(p_kw=[[5.0, 18.0, 6.0], [5e4, 18.0, 6.0]], outputs=("vm_pu", "losses_kw"))
    assert [step for step, _ in series.failed] == [1]
    assert np.isnan(series["losses_kw"]).tolist() == [False, True]


def test_written_read_copied_and_pickled_grids_are_the_same(tmp_path: Path) -> None:
    grid = street()
    grid.load("pump").q_kvar = 2.5  # type: ignore[union-attr]
    grid.solve()
    grid.save(tmp_path / "street.json")
    read = PowerGrid3ph(tmp_path / "street.json")
    text = PowerGrid3ph.from_json((tmp_path / "street.json").read_text(encoding="utf-8"))
    for other in (read, text, copy.deepcopy(grid), pickle.loads(pickle.dumps(grid))):
        assert other.solve()
        pd.testing.assert_frame_equal(other.res_line_3ph, grid.res_line_3ph)
    with pytest.raises(OutputError, match="cannot be written"):
        grid.save(tmp_path / "nowhere" / "street.json")
    with pytest.raises(DataError, match="cannot be read"):
        PowerGrid3ph(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda g: PowerGrid3ph(buses=[]), "source is missing"),
        (lambda g: PowerGrid3ph(bus=[]), "unknown part 'bus', did you mean buses"),
        (lambda g: PowerGrid3ph(g.data, name="x"), "name beside a case"),
        (lambda g: street(loads=[{"name": "x", "bus": "mid", "p_kv": 1.0}]), "load 0: unknown column 'p_kv', did you"),
        (lambda g: street(loads=[{"name": "x", "bus": "mid"}]), "load 0: p_kw is missing"),
        (lambda g: street(loads=[{"name": "x", "bus": "mid", "p_kw": np.nan}]), "load 'x': p_kw is nan"),
        (lambda g: street(loads=[{"name": "x", "bus": "mid", "p_kw": 1.0}] * 2), "load 'x' is there twice"),
        (lambda g: street(loads=["house"]), "load 0: is str, must be Load3 or a dict"),
        (lambda g: g.res_bus_3ph, "call solve"),
        (lambda g: g.report, "call solve"),
        (lambda g: setattr(g.load("house"), "p_kw", "9"), "load 'house': p_kw is '9'"),
        (lambda g: setattr(g.load("house"), "p_kw", np.inf), "load 'house': p_kw is inf"),
        (lambda g: setattr(g.load("house"), "bus", "mid"), "bus is not written to"),
        (lambda g: setattr(g, "vm_source_pu", 0.0), "vm_source_pu is 0, must be positive"),
        (lambda g: g.solve_series(), "nothing differs between the steps"),
        (lambda g: g.solve_series(p_kw=np.ones((2, 2))), r"p_kw: has shape \(2, 2\), must be \(2, 3\)"),
        (lambda g: g.solve_series(p_kw=[[1.0, np.nan, 2.0]]), "p_kw: is nan in step 0, load 'shop'"),
        (lambda g: g.solve_series(p_kw=np.ones((2, 3)), q_kvar=np.ones((3, 3))), "q_kvar: has 3 steps, but p_kw has 2"),
        (lambda g: g.solve_series(p_kw=pd.DataFrame({"hause": [1.0]})), "'hause' is the name of no load, did"),
        (lambda g: g.solve_series(vm_source_pu=[1.0, -1.0]), "vm_source_pu: has shape"),
        (lambda g: g.solve_series(p_kw=np.ones((1, 3)), outputs="vm_p"), "unknown output 'vm_p', did you mean vm_pu"),
        (lambda g: g.solve_series(p_kw=np.ones((1, 3)), at=[("end", "b")]), "'b' are no conductors of bus 'end'"),
        (lambda g: g.solve_series(p_kw=np.ones((1, 3)))["losses_kw"], "'losses_kw' was not asked for"),
        (lambda g: g.solve(tol=0.0), "tolerance is 0.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(how: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        how(street())
    assert "\n" not in str(caught.value)
    with pytest.raises(AttributeError, match="did you mean p_kw"):
        street().load("house").p_kv  # type: ignore[union-attr]  # noqa: B018
