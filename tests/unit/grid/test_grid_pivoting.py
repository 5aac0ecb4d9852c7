"""Newton with pivoting: derivatives, stressed cases, cases without solution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ghostload.grid.kernels.dc import dc_angles, dc_flows
from ghostload.grid.kernels.equations import Equations
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.solution import PQ, PV, REF

TWO = np.array([REF, PQ], dtype=np.int8)


def line_y(z: complex) -> Any:
    """Two nodes and one line."""
    y = 1.0 / z
    return csr_matrix(np.array([[y, -y], [-y, y]]))


def ring(n: int, seed: int) -> tuple[Any, Any, Any, Any]:
    """A random ring with chords: admittances, power, constant current, types."""
    rng = np.random.default_rng(seed)
    y = np.zeros((n, n), dtype=complex)
    for f in range(n):
        for t in {(f + 1) % n, int(rng.integers(0, n))} - {f}:
            branch = 1.0 / complex(rng.uniform(0.01, 0.05), rng.uniform(0.03, 0.1))
            y[f, f] += branch + 0.01j
            y[t, t] += branch + 0.01j
            y[f, t] -= branch
            y[t, f] -= branch
    kind = np.full(n, PQ, dtype=np.int8)
    kind[0], kind[n // 2] = REF, PV
    s = -rng.uniform(0.0, 0.2, n) - 1j * rng.uniform(-0.05, 0.1, n)
    return csr_matrix(y), s, 0.2 * s, kind


@pytest.mark.parametrize("seed", range(3))
def test_the_jacobian_is_the_derivative_of_the_mismatch(seed: int) -> None:
    y, s, current, kind = ring(7, seed)
    eq = Equations(y, kind)
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.9, 1.1, 7) * np.exp(1j * rng.uniform(-0.3, 0.3, 7))
    exact = eq.jacobian(v, current).toarray()
    h = 1e-6
    for k in range(eq.size):
        step = np.zeros(eq.size)
        step[k] = h
        ahead, back = eq.mismatch(eq.move(v, step), s, current), eq.mismatch(eq.move(v, -step), s, current)
        np.testing.assert_allclose(exact[:, k], (ahead - back) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_a_solution_balances_and_keeps_what_is_held(seed: int) -> None:
    y, s, current, kind = ring(12, seed)
    v0 = np.ones(12, dtype=complex)
    v0[kind == PV] = 1.02
    got = solve(y, s, current, kind, v0)
    assert got.converged
    assert got.method == "newton"
    assert got.mismatch_pu < 1e-8
    lack = got.v * np.conj(y @ got.v) - s - current * np.abs(got.v)
    assert np.max(np.abs(lack[kind == PQ])) < 1e-8
    assert np.max(np.abs(lack.real[kind == PV])) < 1e-8
    np.testing.assert_allclose(np.abs(got.v[kind == PV]), 1.02)
    assert got.v[0] == 1.0


def test_a_solved_state_needs_no_step() -> None:
    y, s, current, kind = ring(12, 1)
    first = solve(y, s, current, kind, np.ones(12, dtype=complex))
    again = solve(y, s, current, kind, first.v)
    assert again.iterations == 0
    assert again.converged


def test_the_voltage_of_a_two_bus_grid_is_the_closed_form() -> None:
    z, load = 0.02 + 0.06j, 0.8 + 0.3j
    got = solve(line_y(z), np.array([0.0, -load]), None, TWO, np.ones(2, dtype=complex), tol_pu=1e-12)
    drop = (z * np.conj(load)).real
    lift = abs(z) ** 2 * abs(load) ** 2
    square = (1 - 2 * drop + np.sqrt((1 - 2 * drop) ** 2 - 4 * lift)) / 2
    assert abs(got.v[1]) == pytest.approx(np.sqrt(square), abs=1e-11)


def test_a_case_just_below_its_nose_is_solved_and_one_above_is_told_as_such() -> None:
    # A lossless line that feeds a purely active load has its nose at 1 / (2 x).
    x, v0 = 0.1, np.ones(2, dtype=complex)
    below = solve(line_y(1j * x), np.array([0.0, -(1 - 1e-6) / (2 * x)]), None, TWO, v0)
    assert below.converged
    assert abs(below.v[1]) == pytest.approx(np.sqrt(0.5), abs=2e-3)
    above = solve(line_y(1j * x), np.array([0.0, -1.25 / (2 * x)]), None, TWO, v0)
    assert not above.converged
    assert above.loadability == pytest.approx(0.8, abs=1e-3)
    assert "beyond" in above.reason
    assert "past its nose" in above.reason
    assert above.worst_node == 1
    assert above.mismatch_pu > 0.1


def test_without_step_control_a_failure_is_told_at_once() -> None:
    s = np.array([0.0, -20.0])
    got = solve(line_y(0.1j), s, None, TWO, np.ones(2, dtype=complex), step_control=False, max_iter=5)
    assert not got.converged
    assert got.iterations <= 5
    assert got.reason


@pytest.mark.parametrize("start", [0.05, 0.3j, -1.0])
def test_a_hopeless_start_is_overcome(start: complex) -> None:
    y, s, current, kind = ring(12, 3)
    good = solve(y, s, current, kind, np.ones(12, dtype=complex))
    v0 = np.where(kind == PQ, start, 1.0).astype(complex)
    got = solve(y, s, current, kind, v0, max_iter=6)
    assert got.converged
    assert np.max(np.abs(got.v - good.v)) < 1e-6 or got.method == "newton"


def test_a_start_of_zero_or_nan_is_refused_with_its_node() -> None:
    for bad in (0.0, np.nan):
        got = solve(line_y(0.1j), np.zeros(2, dtype=complex), None, TWO, np.array([1.0, bad], dtype=complex))
        assert not got.converged
        assert got.worst_node == 1
        assert "node 1" in got.reason


def test_a_node_without_any_branch_is_told_as_singular() -> None:
    y = csr_matrix(np.array([[1.0, 0.0], [0.0, 0.0]], dtype=complex))
    y = csr_matrix((np.array([1.0 + 0j, 0j]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    got = solve(y, np.array([0.0, -0.1]), None, TWO, np.ones(2, dtype=complex))
    assert not got.converged
    assert got.worst_node == 1


def test_powers_below_rounding_are_told_as_such() -> None:
    y = line_y(1e-11j)
    got = solve(y, np.array([0.0, -1e-3 - 1e-3j]), None, TWO, np.ones(2, dtype=complex), tol_pu=1e-12)
    assert not got.converged
    assert "rounding" in got.reason


def test_nothing_to_solve_is_solved() -> None:
    empty = solve(csr_matrix((0, 0), dtype=complex), np.zeros(0), None, np.zeros(0, np.int8), np.zeros(0, complex))
    assert empty.converged
    assert empty.worst_node == -1
    slack = solve(csr_matrix([[0j]]), np.zeros(1), None, np.array([REF], np.int8), np.array([1.02 + 0j]))
    assert slack.converged
    assert slack.v.tolist() == [1.02]


def test_dc_angles_follow_from_flows_and_shifts() -> None:
    f, t = np.array([0, 1]), np.array([1, 2])
    b, shift = np.array([10.0, 5.0]), np.array([0.0, 0.3])
    kind = np.array([REF, PQ, PQ], dtype=np.int8)
    angle = dc_angles(f, t, b, shift, np.array([0.0, -0.5, -1.0]), kind, np.array([0.1, 0.0, 0.0]))
    np.testing.assert_allclose(angle, [0.1, -0.05, -0.55])
    np.testing.assert_allclose(dc_flows(f, t, b, shift, angle), [1.5, 1.0])


def test_dc_angles_of_a_part_without_branches_are_nan() -> None:
    none = np.zeros(0, dtype=np.int64)
    angle = dc_angles(none, none, np.zeros(0), np.zeros(0), np.zeros(2), TWO, np.zeros(2))
    assert np.isnan(angle).all()
