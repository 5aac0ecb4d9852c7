"""Generators within their reactive limits: every one inside at its set point, or at a limit on the right side of it."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload import PowerGrid
from ghostload.grid.kernels.solution import PV
from ghostload.grid.network import build_network

MARGIN = 1e-6


def _sides(grid: PowerGrid) -> tuple[int, int]:
    """Return how many nodes of generators stand at a limit, and how many are neither inside nor on its right side."""
    network = build_network(grid.data)
    bus = grid.data["bus"]["id"]
    v = np.empty(network.n, complex)
    here = network.node_of_bus >= 0
    v[network.node_of_bus[here]] = grid.v[bus[here]]
    q = (v * np.conj(grid.y_bus @ v) - network.s_bus).imag
    vm, held = np.abs(v), network.node_type == PV
    inside = (np.abs(vm - network.vm_set) < MARGIN) & (q > network.q_min - MARGIN) & (q < network.q_max + MARGIN)
    upper = (np.abs(q - network.q_max) < MARGIN) & (vm < network.vm_set + MARGIN)
    lower = (np.abs(q - network.q_min) < MARGIN) & (vm > network.vm_set - MARGIN)
    return int((held & (upper | lower) & ~inside).sum()), int((held & ~inside & ~upper & ~lower).sum())


@pytest.mark.parametrize(
    "name",
    ["case14", "case30", "case39", "case57", "case118", "case300", "case_ACTIVSg200", "case_ACTIVSg500",
     "case1354pegase", "case1888rte", "case2383wp", "case2869pegase", "case3120sp", "case6515rte", "case9241pegase",
     "case_ACTIVSg10k"],
)  # fmt: skip
def test_every_generator_is_inside_at_its_set_point_or_at_a_limit_on_the_right_side_of_it(name: str) -> None:
    grid = PowerGrid.from_case(name, qlim=True)
    report = grid.solve()
    assert (report.converged, report.reason) == (True, "")
    assert _sides(grid)[1] == 0


def test_some_of_these_stand_at_limits() -> None:
    grid = PowerGrid.from_case("case2869pegase", qlim=True)
    grid.solve()
    at_limits, wrong = _sides(grid)
    assert (at_limits > 10, wrong) == (True, 0)


def test_without_limits_the_same_check_finds_generators_outside() -> None:
    grid = PowerGrid.from_case("case118")
    grid.solve()
    assert _sides(grid)[1] > 0
