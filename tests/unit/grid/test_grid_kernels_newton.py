"""The single power flow without pivoting."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from batch_support import case, random_grid, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.errors import UsageError
from ghostload.grid.kernels.plan import Plan, make_plan
from ghostload.grid.kernels.solution import PQ, PV
from ghostload.grid.network import Network, build_network, init_voltage, ybus

CASES = ["case4gs", "case14", "case33bw", "case57", "case118", "case141", "case300", "case1354pegase", "case2869pegase"]


def plan_of(network: Network) -> tuple[Plan, Any]:
    matrix = ybus(network)
    return make_plan(matrix.indptr, matrix.indices, network.node_type), np.asarray(matrix.data)


def solved(network: Network, tol: float = 1e-11) -> Any:
    plan, y = plan_of(network)
    current = network.i_bus if np.any(network.i_bus) else None
    return plan.solve(y, network.s_bus, init_voltage(network), tol, i_bus=current)


@pytest.mark.parametrize("name", CASES)
def test_voltages_are_those_of_the_pivoting_solver(name: str) -> None:
    _, network = case(name)
    # case141 has admittances of 1.6e6 pu: its mismatch cannot be computed to better than some 1e-10.
    tol = 1e-9 if name == "case141" else 1e-10
    found = solved(network, tol)
    assert found.converged, found.reason
    np.testing.assert_allclose(found.v, reference(network, tol=tol), rtol=0.0, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 30), st.booleans())
def test_random_meshed_grids_are_solved(seed: int, buses: int, zip_loads: bool) -> None:
    network = build_network(random_grid(seed, buses, zip_loads=zip_loads))
    found = solved(network)
    assert found.converged
    np.testing.assert_allclose(found.v, reference(network), rtol=0.0, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_the_nodes_does_not_matter(seed: int) -> None:
    _, network = case("case57")
    matrix, start = ybus(network), init_voltage(network)
    mixed = np.random.default_rng(seed).permutation(network.n)
    turned = matrix[mixed][:, mixed].tocsr()
    turned.sort_indices()
    plan = make_plan(turned.indptr, turned.indices, network.node_type[mixed])
    found = plan.solve(turned.data, network.s_bus[mixed], start[mixed], 1e-11)
    np.testing.assert_allclose(found.v, solved(network).v[mixed], rtol=0.0, atol=1e-11)


def test_set_points_are_kept_to_the_last_digits() -> None:
    _, network = case("case118")
    found = solved(network)
    held = network.node_type != PQ
    np.testing.assert_allclose(np.abs(found.v[held]), network.vm_set[held], rtol=4e-16 * 20)


def test_types_may_change_between_solves() -> None:
    _, network = case("case118")
    plan, y = plan_of(network)
    kind = network.node_type.copy()
    gone = np.flatnonzero(kind == PV)[:5]
    kind[gone] = PQ
    found = plan.solve(y, network.s_bus, init_voltage(network), node_type=kind)
    assert found.converged
    power = found.v * np.conj(ybus(network) @ found.v)
    np.testing.assert_allclose(power.imag[gone], network.s_bus.imag[gone], atol=1e-8)
    again = plan.solve(y, network.s_bus, init_voltage(network))
    np.testing.assert_array_equal(again.v, plan_of(network)[0].solve(y, network.s_bus, init_voltage(network)).v)


def test_what_cannot_be_solved_is_told_with_its_worst_node() -> None:
    _, network = case("case14")
    plan, y = plan_of(network)
    found = plan.solve(y, 40.0 * network.s_bus, init_voltage(network), max_iter=8)
    assert not found.converged
    assert found.reason
    lost = init_voltage(network)
    lost[3] = np.nan
    broken = plan.solve(y, network.s_bus, lost)
    assert not broken.converged
    assert "broke down" in broken.reason
    few = plan.solve(y, network.s_bus, init_voltage(network), max_iter=1)
    assert few.iterations == 1
    assert few.worst_node >= 0
    assert few.reason.startswith("mismatch is still")


def test_a_circuit_of_slacks_only_needs_no_step() -> None:
    plan = make_plan(np.array([0, 1]), np.array([0]), np.array([3], np.int8))
    found = plan.solve(np.array([1.0 - 2.0j]), np.zeros(1, complex), np.array([1.02 + 0.0j]))
    assert found.converged
    assert (found.iterations, found.worst_node) == (0, -1)


def test_a_plan_pickles_and_works_from_threads() -> None:
    _, network = case("case118")
    plan, y = plan_of(network)
    plan = pickle.loads(pickle.dumps(plan))
    start = init_voltage(network)
    shares = np.linspace(0.6, 1.1, 40)
    one = [plan.solve(y, share * network.s_bus, start).v for share in shares]
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda share: plan.solve(y, share * network.s_bus, start).v, shares))
    np.testing.assert_array_equal(one, many)


def test_the_start_and_the_injections_are_not_changed() -> None:
    _, network = case("case14")
    plan, y = plan_of(network)
    start, s, values = init_voltage(network), network.s_bus.copy(), y.copy()
    plan.solve(y, s, start)
    np.testing.assert_array_equal(start, init_voltage(network))
    np.testing.assert_array_equal(s, network.s_bus)
    np.testing.assert_array_equal(values, y)


def test_what_does_not_fit_the_plan_is_refused() -> None:
    _, network = case("case14")
    plan, y = plan_of(network)
    with pytest.raises(UsageError, match="13 injections and 14 voltages do not fit"):
        plan.solve(y, network.s_bus[:13], init_voltage(network))
    with pytest.raises(UsageError, match="no reference node"):
        make_plan(np.array([0, 1]), np.array([0]), np.array([1], np.int8))
