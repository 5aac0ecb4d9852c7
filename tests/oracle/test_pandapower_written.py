"""What is written here, read and solved by those it is written for; and how pandapower's own converter differs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle_support import (
    assert_same_results,
    cases_are_here,
    golden_grid,
    oracle,
    run_pandapower,
    solved,
    voltages,
)

from ghostload.grid.data import GridData
from ghostload.grid.io.cases import case_path, load_case
from ghostload.grid.io.files import read_grid, read_text
from ghostload.grid.io.matpower_case import parse

pp = oracle("pandapower")
cases_are_here()

GOLDEN = ("everything", "example_multivoltage", "example_simple", "cigre_hv", "cigre_lv", "cigre_mv", "mv_oberrhein",
          "kerber_vorstadt", "shared_slack")  # fmt: skip
CASES = ("case9", "case14", "case30", "case33bw", "case39", "case57", "case118", "case145", "case300", "case141",
         "case1354pegase", "case_RTS_GMLC", "case2383wp")  # fmt: skip


def data_of(name: str) -> GridData:
    return golden_grid(f"powerflow_{name}") if name in GOLDEN else load_case(name)


@pytest.mark.parametrize("name", [*GOLDEN, *CASES])
def test_pandapower_reads_our_json_and_finds_our_results(name: str, tmp_path: Path) -> None:
    grid = solved(data_of(name))
    grid.save(tmp_path / "net.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pp.from_json(str(tmp_path / "net.json"))
    options = {"init": "flat"} if name == "shared_slack" else {}
    assert run_pandapower(net, **options)
    assert assert_same_results(grid, net) >= 9


@pytest.mark.parametrize("name", CASES)
def test_others_read_our_case_file_and_find_our_voltages(name: str, tmp_path: Path) -> None:
    frames = oracle("matpowercaseframes")
    init = oracle("lightsim2grid.network.from_matpower").init
    grid = solved(load_case(name))
    grid.save(tmp_path / "written.m")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = frames.CaseFrames(str(tmp_path / "written.m"))
        matrices = {name: getattr(case, name).to_numpy(float) for name in ("bus", "gen", "branch")}
        other = init({"version": "2", "baseMVA": float(case.baseMVA), **matrices})
    np.testing.assert_array_equal(matrices["bus"][:, 0], grid.data["bus"]["id"])
    own = grid.v[grid.data["bus"]["id"]]
    turn = np.exp(1j * np.radians(grid.data["ext_grid"]["va_degree"][0]))
    start = np.where(np.isnan(own), 1.0, own / turn)
    # What rounding lets it reach.
    found = [np.array(other.ac_pf(start, 20, tolerance)) for tolerance in (1e-9, 1e-8)]
    theirs = next(v for v in found if len(v))[: len(own)] * turn
    theirs[theirs == 0.0] = complex(np.nan, np.nan)
    np.testing.assert_allclose(theirs, own, rtol=0, atol=1e-8, equal_nan=True)


@pytest.mark.parametrize("suffix", [".json", ".m", ".zip"])
@pytest.mark.parametrize("name", ["case39", "case118", "case300"])
def test_what_is_written_and_read_again_has_pandapowers_voltages(name: str, suffix: str, tmp_path: Path) -> None:
    grid = solved(load_case(name))
    grid.save(tmp_path / f"out{suffix}")
    again = read_grid(tmp_path / f"out{suffix}")
    grid.save(tmp_path / "net.json")
    net = pp.from_json(str(tmp_path / "net.json"))
    assert run_pandapower(net)
    np.testing.assert_allclose(solved(again).v[again["bus"]["id"]], voltages(net.res_bus).to_numpy(), rtol=0, atol=1e-8)


# -- pandapower's converter ------------------------------------------------------------------------------------------


def converted(name: str) -> Any:
    from pandapower.converter.pypower.from_ppc import from_ppc

    case = parse(read_text(case_path(name)), name)
    matrices = {key: getattr(case, key).copy() for key in ("bus", "gen", "branch")}
    return from_ppc({"version": "2", "baseMVA": case.base_mva, **matrices}, f_hz=50.0)


def test_from_ppc_puts_the_tap_of_a_branch_that_starts_at_the_lower_voltage_on_the_wrong_side() -> None:
    grid = solved(load_case("case24_ieee_rts"))
    own = grid.v[grid.data["bus"]["id"]]
    net = converted("case24_ieee_rts")
    assert run_pandapower(net)
    assert np.abs(voltages(net.res_bus).to_numpy() - own).max() > 0.03
    # All five transformers of this case begin at 138 kV and end at 230 kV; the ratio is at their beginning.
    assert (net.trafo.tap_side == "hv").all()
    net.trafo["tap_side"] = "lv"
    assert run_pandapower(net)
    assert np.abs(voltages(net.res_bus).to_numpy() - own).max() < 1e-8


def test_from_ppc_agrees_where_branches_with_a_ratio_start_at_the_higher_voltage() -> None:
    for name in ("case39", "case118", "case60nordic"):
        grid = solved(load_case(name))
        net = converted(name)
        assert run_pandapower(net)
        np.testing.assert_allclose(voltages(net.res_bus).to_numpy(), grid.v[grid.data["bus"]["id"]], rtol=0, atol=1e-8)
