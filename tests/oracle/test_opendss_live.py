"""OpenDSS, run now: unbalanced feeders under other loads than the golden ones, and scripts that are written here."""

from __future__ import annotations

import dataclasses
from typing import Any

import make_opendss_goldens as goldens
import numpy as np
import pytest
from oracle_support import GOLDEN, cases_are_here, golden_grid, oracle, solved

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.io.cases import load_case
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.grid.radial.three_phase import ThreePhaseGrid

oracle("dss", "dss-python")
cases_are_here()

TOLERANCE = 2e-7
SMALL = sorted(name for name in goldens.CASES if "european" not in name)


def assert_agrees(grid: ThreePhaseGrid) -> None:
    rows, powers = goldens.solved(goldens.script(grid), grid)
    result = ThreePhasePlan(grid).solve(at=[(bus, conductor) for bus, conductor, _ in rows])
    assert result.converged.all()
    assert result.v is not None
    assert result.source is not None
    np.testing.assert_allclose(result.v[0], [v for *_, v in rows], rtol=0, atol=TOLERANCE)
    assert abs(result.source[0, 0] - complex(*powers["source_kva"])) < 1e-6 * abs(result.source[0, 0])  # type: ignore[misc]


def with_loads(grid: ThreePhaseGrid, seed: int) -> ThreePhaseGrid:
    """The feeder with loads and lengths of its own, and some loads turned round the clock."""
    rng = np.random.default_rng(seed)
    next_phase = str.maketrans("abc", "bca")
    free = {bus.name for bus in grid.buses if set("abc") <= set(bus.conductors)}
    loads = []
    for load in grid.loads:
        turn = load.bus in free and len(load.phases) < 3 and rng.random() < 0.5
        phases = load.phases.translate(next_phase) if turn else load.phases
        p, q = load.p_kw * rng.uniform(0.2, 1.3), load.q_kvar * rng.uniform(-0.5, 1.5)
        loads.append(dataclasses.replace(load, p_kw=float(p), q_kvar=float(q), phases=phases))
    lines = tuple(dataclasses.replace(x, length_km=float(x.length_km * rng.uniform(0.5, 1.2))) for x in grid.lines)
    return dataclasses.replace(grid, loads=tuple(loads), lines=lines)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SMALL)
def test_small_feeders_agree(name: str, seed: int) -> None:
    assert_agrees(with_loads(goldens.CASES[name], seed))


@pytest.mark.parametrize("name", ["opendss_european_like", "opendss_european_like_four_wire"])
def test_906_buses_agree(name: str) -> None:
    assert_agrees(with_loads(goldens.CASES[name], 1))


@pytest.mark.parametrize("name", sorted(goldens.CASES))
def test_the_golden_scripts_are_what_is_written_now(name: str) -> None:
    assert goldens.script(goldens.CASES[name]) == (GOLDEN / name / "input.dss").read_text(encoding="utf-8")


# -- scripts of our writer -------------------------------------------------------------------------------------------


def opendss_voltages(path: Any) -> dict[int, complex]:
    """Solve a script; voltages of phase a, per unit, by bus id."""
    from dss import DSS

    DSS.Text.Command = f'Redirect "{path}"'
    circuit = DSS.ActiveCircuit
    assert circuit.Solution.Converged
    found = {}
    for bus in circuit.AllBusNames:
        circuit.SetActiveBus(bus)
        if bus.startswith("b") and bus[1:].isdigit():
            magnitude, degrees = circuit.ActiveBus.puVmagAngle[:2]
            found[int(bus[1:])] = magnitude * np.exp(1j * np.radians(degrees))
    return found


def assert_read_back(data: GridData, path: Any) -> None:
    grid = solved(data)
    grid.save(path)
    theirs = opendss_voltages(path)
    assert len(theirs) > 3
    assert np.isfinite(grid.res_bus.vm_pu[list(theirs)]).all()
    ours = grid.v[list(theirs)]
    gap = ours - np.array(list(theirs.values()))
    if (data["trafo"]["shift_degree"] != 0.0).any():
        gap = np.abs(ours) - np.abs(list(theirs.values()))
    assert np.abs(gap).max() < TOLERANCE


@pytest.mark.parametrize(
    "name", ["case9", "case16ci", "case33bw", "case69", "case85", "case118zh", "case136ma", "case141", "case533mt_hi"]
)
def test_opendss_solves_the_cases_that_are_written_for_it(name: str, tmp_path: Any) -> None:
    data = load_case(name)
    if name == "case9":
        # OpenDSS holds a generator's voltage to its own tolerance: what it feeds is given instead.
        grid = solved(data)
        made = grid.res_gen
        bus = data["gen"]["bus"]
        sgen = {"bus": bus, "p_mw": made.p_mw.to_numpy(), "q_mvar": made.q_mvar.to_numpy()}
        data = data.keep("gen", np.zeros(len(bus), bool)).append("sgen", {"id": np.arange(len(bus)), **sgen})
    assert_read_back(data, tmp_path / "out.dss")


@pytest.mark.parametrize(
    "name", ["cigre_lv", "cigre_mv", "kerber_vorstadt", "mv_oberrhein", "european_lv", "simple_four_bus"]
)
def test_opendss_solves_low_and_medium_voltage_grids_that_are_written_for_it(name: str, tmp_path: Any) -> None:
    assert_read_back(golden_grid(f"powerflow_{name}"), tmp_path / "out.dss")


def test_a_change_of_a_load_is_in_the_script(tmp_path: Any) -> None:
    grid = PowerGrid.from_case("case33bw")
    grid.save(tmp_path / "before.dss")
    load = grid.load(18)
    assert load is not None
    load.p_mw = 3.0 * load.p_mw
    grid.save(tmp_path / "after.dss")
    assert abs(opendss_voltages(tmp_path / "after.dss")[18]) < abs(opendss_voltages(tmp_path / "before.dss")[18]) - 1e-3
