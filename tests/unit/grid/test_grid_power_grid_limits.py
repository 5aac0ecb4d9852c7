"""Generators within their reactive limits: every one inside at its set point, or at a limit on the right side of it."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload import PowerGrid
from ghostload.grid.io.cases import load_case
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


@pytest.mark.parametrize("seed", range(6))
def test_a_scenario_of_a_batch_is_within_its_limits_or_not_solved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = load_case("case39")
    gen = data["gen"]
    high = gen["max_q_mvar"] * rng.uniform(0.3, 1.1, len(gen))
    low = np.minimum(gen["min_q_mvar"] * rng.uniform(0.0, 1.0, len(gen)), high)
    tight = data.replace("gen", min_q_mvar=low, max_q_mvar=high)
    share = np.linspace(0.7, 1.1, 16)[:, None]
    batch = PowerGrid.from_data(tight, qlim=True).solve_series(
        p_mw=data["load"]["p_mw"] * share, q_mvar=data["load"]["q_mvar"] * share
    )
    failed = dict(batch.failed)
    for k in range(len(share)):
        assert (k in failed) == bool(np.isnan(batch["vm_pu"][k]).all())
        if k in failed:
            continue
        single = PowerGrid.from_data(
            tight.replace("load", p_mw=data["load"]["p_mw"] * share[k], q_mvar=data["load"]["q_mvar"] * share[k]),
            qlim=True,
        )
        assert single.solve()
        assert _sides(single)[1] == 0
        np.testing.assert_allclose(batch["vm_pu"][k], single.res_bus.vm_pu, atol=1e-6, err_msg=f"scenario {k}")
