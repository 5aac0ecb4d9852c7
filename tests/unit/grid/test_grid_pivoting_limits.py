"""Reactive limits: generators give up their voltage, stay at the limit, and take it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ghostload import PowerGrid
from ghostload.grid.io.cases import load_case
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.qlimits import Limited, solve_within_limits
from ghostload.grid.kernels.solution import PQ, PV, REF, Solution


def chain(n: int, z: complex) -> Any:
    y = np.zeros((n, n), dtype=complex)
    for k in range(n - 1):
        y[k, k] += 1 / z
        y[k + 1, k + 1] += 1 / z
        y[k, k + 1] -= 1 / z
        y[k + 1, k] -= 1 / z
    return csr_matrix(y)


def limited(y: Any, s: Any, kind: Any, vm: Any, low: Any, high: Any, **options: Any) -> Limited:
    start = np.where(kind == PQ, 1.0, vm).astype(complex)
    return solve_within_limits(
        lambda s_now, kind_now, v0: solve(y, s_now, None, kind_now, v0, tol_pu=1e-10),
        lambda v: np.asarray((v * np.conj(y @ v)).imag),
        s, np.array(kind, dtype=np.int8), vm, low, high, start, tol_pu=1e-10, **options,
    )  # fmt: skip


KIND = np.array([REF, PV, PV, PQ], dtype=np.int8)
LOAD = np.array([0.0, 0.1, 0.1, -0.6 - 0.4j])
SET = np.array([1.0, 1.01, 1.03, 1.0])
FREE = np.full(4, np.inf)


def generation(y: Any, got: Limited, s: Any) -> Any:
    v = got.solution.v
    return (v * np.conj(y @ v)).imag - s.imag


def test_limits_that_are_wide_change_nothing() -> None:
    y = chain(4, 0.01 + 0.05j)
    got = limited(y, LOAD, KIND, SET, -FREE, FREE)
    assert got.rounds == 1
    assert not got.side.any()
    np.testing.assert_allclose(np.abs(got.solution.v[1:3]), SET[1:3])


@pytest.mark.parametrize("high", [0.05, 0.3, 0.6])
def test_each_node_holds_its_voltage_or_stands_at_a_limit_that_it_needs(high: float) -> None:
    y = chain(4, 0.01 + 0.05j)
    low, up = np.full(4, -0.02), np.full(4, high)
    got = limited(y, LOAD, KIND, SET, low, up)
    assert got.solution.converged
    q, vm = generation(y, got, LOAD), np.abs(got.solution.v)
    for node in (1, 2):
        if got.side[node] > 0:
            assert q[node] == pytest.approx(up[node], abs=1e-8)
            assert vm[node] <= SET[node] + 1e-8
        elif got.side[node] < 0:
            assert q[node] == pytest.approx(low[node], abs=1e-8)
            assert vm[node] >= SET[node] - 1e-8
        else:
            assert low[node] - 1e-8 <= q[node] <= up[node] + 1e-8
            assert vm[node] == pytest.approx(SET[node])


def test_a_node_takes_its_voltage_back_when_a_neighbour_gives_way() -> None:
    y = chain(4, 0.01 + 0.05j)
    low, up = np.array([0.0, -0.05, -9.0, 0.0]), np.array([0.0, 9.0, 0.1, 0.0])
    back = limited(y, LOAD, KIND, SET, low, up)
    stay = limited(y, LOAD, KIND, SET, low, up, may_return=False)
    assert stay.side.tolist() == [0, -1, 1, 0]
    assert back.side.tolist() == [0, 0, 1, 0]
    assert np.abs(back.solution.v[1]) == pytest.approx(1.01)
    assert np.abs(stay.solution.v[1]) < 1.01
    assert back.rounds > stay.rounds


def test_iterations_count_all_rounds_and_a_failure_says_that_limits_were_in_force() -> None:
    y = chain(4, 0.02 + 0.4j)
    low, up = np.zeros(4), np.full(4, 0.01)
    heavy = np.array([0.0, 0.0, 0.0, -0.55 - 0.2j])
    free = limited(y, heavy, KIND, SET, -FREE, FREE)
    assert free.solution.converged
    got = limited(y, heavy, KIND, SET, low, up)
    assert not got.solution.converged
    assert got.solution.reason.startswith("with reactive limits in force")
    assert got.solution.iterations > free.solution.iterations


def test_a_generator_for_which_no_side_of_its_limit_is_right_is_not_called_solved() -> None:
    """Behind a series capacitor voltage falls with reactive power: at its limit it has more than its set point."""
    y = chain(2, 0.001 - 0.2j)
    kind = np.array([REF, PV], dtype=np.int8)
    s, low, up = np.array([0.0, 0.1 + 0j]), np.full(2, -0.1), np.full(2, 0.1)
    got = limited(y, s, kind, np.array([1.0, 0.95]), low, up)
    assert not got.solution.converged
    assert got.solution.reason.startswith("reactive limits contradict each other: generators of 1 nodes")
    assert got.solution.iterations < 100
    wide = limited(y, s, kind, np.array([1.0, 0.95]), low, 5.0 * up)
    assert wide.solution.converged
    assert abs(wide.solution.v[1]) == pytest.approx(0.95)


@pytest.mark.parametrize("seed", range(12))
def test_case39_with_random_limits_is_within_them_or_not_solved_and_says_so_soon(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = load_case("case39")
    gen = data["gen"]
    high = gen["max_q_mvar"] * rng.uniform(0.0, 1.1, len(gen))
    low = np.minimum(gen["min_q_mvar"] * rng.uniform(0.0, 1.0, len(gen)), high)
    grid = PowerGrid.from_data(data.replace("gen", min_q_mvar=low, max_q_mvar=high), qlim=True)
    report = grid.solve()
    assert report.iterations < 1000
    assert report.converged == (report.reason == "")
    if report:
        q, vm = np.array(grid.res_gen.q_mvar), np.array(grid.res_gen.vm_pu)
        assert (q <= high + 1e-4).all(), f"seed {seed}"
        assert (q >= low - 1e-4).all(), f"seed {seed}"
        at_high, at_low = q > high - 1e-4, q < low + 1e-4
        assert (vm[at_high & ~at_low] <= gen["vm_pu"][at_high & ~at_low] + 1e-6).all(), f"seed {seed}"
        assert (vm[at_low & ~at_high] >= gen["vm_pu"][at_low & ~at_high] - 1e-6).all(), f"seed {seed}"


def test_rounds_that_do_not_settle_end() -> None:
    """Many nodes that leave one by one and come back one by one use up the rounds."""
    n = 80
    state = {"count": 0}

    def solver(s: Any, kind: Any, v0: Any) -> Solution:
        state["count"] += 1
        return Solution(np.full(n, 1.0 + 0j), 1, True, 0.0, 0)

    def reactive(v: Any) -> Any:
        q = np.zeros(n)
        q[state["count"] % n] = 5.0
        return q

    kind = np.full(n, PV, dtype=np.int8)
    kind[0] = REF
    ones = np.ones(n)
    got = solve_within_limits(solver, reactive, np.zeros(n, complex), kind, ones, -ones, ones, ones + 0j)
    assert not got.solution.converged
    assert "did not settle" in got.solution.reason
