"""Outages and series against lightsim2grid, which reads MATPOWER's matrices with its own reader."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from oracle_support import cases_are_here, oracle

from ghostload import PowerGrid
from ghostload.grid.io.cases import case_path
from ghostload.grid.io.files import read_text
from ghostload.grid.io.matpower_case import parse
from ghostload.grid.network import BRANCH_COMPONENTS, build_network

oracle("lightsim2grid")
cases_are_here()

TOL = 1e-9
STEPS = 30


class Peer:
    """A case in lightsim2grid, and which of our elements its own are.

    Its voltages are those of the file's buses in order; the angle of the reference is always 0.
    """

    def __init__(self, name: str) -> None:
        from lightsim2grid.network.from_matpower import init

        raw = parse(read_text(case_path(name)), name)
        self.grid = PowerGrid.from_case(name, tolerance=TOL)
        assert self.grid.solve().converged
        self.data = self.grid.data
        matrices = {"bus": raw.bus, "gen": raw.gen, "branch": raw.branch}
        with warnings.catch_warnings():
            # It tells of ratios that are 0 beside a shift, and so on.
            warnings.simplefilter("ignore")
            self.other = init({"version": "2", "baseMVA": raw.base_mva, **matrices})
        slack = self.data["ext_grid"]
        self.turn = np.exp(1j * np.radians(slack["va_degree"][0]))
        own = self.grid.v[self.data["bus"]["id"]]
        self.v = np.array(self.other.ac_pf(own / self.turn, STEPS, TOL))
        assert len(self.v), "lightsim2grid does not converge"

    def turned(self, v: np.ndarray) -> np.ndarray:
        """Voltages in our frame, a copy; buses that it left out have 0 there and are NaN here."""
        out = np.array(v)[:, : len(self.data["bus"])] * self.turn
        out[out == 0.0] = complex(np.nan, np.nan)
        return out

    def branches(self) -> list[tuple[str, int]]:
        """Our element behind each branch of theirs (lines, then transformers), by its ends and admittance."""
        network = build_network(self.data)
        mine: dict[Any, list[int]] = {}
        for k in range(network.m):
            mine.setdefault(_key(network.branch_from[k], network.branch_to[k], network.yft[k]), []).append(k)
        found = []
        for x in [*self.other.get_lines(), *self.other.get_trafos()]:
            ends = network.node_of_bus[[x.bus1_id, x.bus2_id]]
            k = mine[_key(ends[0], ends[1], complex(x.yac_12))].pop(0)
            component = BRANCH_COMPONENTS[network.branch_component[k]]
            found.append((component, int(self.data[component]["id"][network.branch_row[k]])))
        return found


def _key(a: int, b: int, admittance: complex) -> tuple[int, int, str]:
    return int(min(a, b)), int(max(a, b)), f"{abs(admittance):.7e}"


@cache
def peer(name: str) -> Peer:
    return Peer(name)


def voltages(batch: Any) -> np.ndarray:
    return np.asarray(batch["vm_pu"] * np.exp(1j * np.radians(batch["va_degree"])))


@pytest.mark.parametrize("name", ["case14", "case118", "case300", "case1354pegase", "case2869pegase"])
def test_the_case_itself_agrees(name: str) -> None:
    here = peer(name)
    own = here.grid.v[here.data["bus"]["id"]]
    np.testing.assert_allclose(own, here.turned(here.v[None])[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["case118", "case1354pegase"])
def test_every_single_outage_agrees(name: str) -> None:
    from lightsim2grid.lightsim2grid_cpp import ContingencyAnalysisCPP

    here = peer(name)
    outages = here.branches()
    computer = ContingencyAnalysisCPP(here.other)
    computer.add_multiple_n1(list(range(len(outages))))
    computer.compute(here.v.copy(), STEPS, TOL)
    theirs = here.turned(computer.get_voltages())
    solved = np.array(computer.converged_mask(), bool)

    batch = here.grid.contingencies(outages)
    ours = voltages(batch)
    assert len(batch) == len(outages) == len(theirs)
    # An outage that cuts off buses is a row of zeros there; here the buses are NaN, and the rest is solved.
    islanding = np.isnan(ours).any(axis=1) & batch.converged
    whole = batch.converged & ~islanding
    assert whole.sum() > 0.7 * len(outages)
    np.testing.assert_array_equal(whole, solved & ~np.isnan(theirs).all(axis=1))
    np.testing.assert_allclose(ours[whole], theirs[whole], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["case118", "case1354pegase"])
@pytest.mark.parametrize("method", ["auto", "newton", "chord"])
def test_a_series_agrees(name: str, method: str) -> None:
    from lightsim2grid.lightsim2grid_cpp import TimeSeriesCPP

    here, steps = peer(name), 96
    rng = np.random.default_rng(7)
    load = here.data["load"]
    base_p = np.array([x.target_p_mw for x in here.other.get_loads()])
    np.testing.assert_array_equal(base_p, load["p_mw"])
    day = 1.0 + 0.15 * np.sin(np.linspace(0.0, 2.0 * np.pi, steps))[:, None]
    wobble = rng.uniform(0.95, 1.05, (steps, len(load)))
    p_mw, q_mvar = load["p_mw"] * day * wobble, load["q_mvar"] * day * wobble
    gen_p = np.tile([x.target_p_mw for x in here.other.get_generators()], (steps, 1))
    none = np.zeros((steps, len(here.other.get_static_generators())))
    computer = TimeSeriesCPP(here.other)
    computer.compute_Vs(gen_p, none, p_mw, q_mvar, here.v.copy(), STEPS, TOL)
    theirs = here.turned(computer.get_voltages())

    batch = here.grid.solve_series(p_mw=p_mw, q_mvar=q_mvar, method=method)
    assert batch.converged.all()
    np.testing.assert_allclose(voltages(batch), theirs, rtol=0, atol=1e-8)
