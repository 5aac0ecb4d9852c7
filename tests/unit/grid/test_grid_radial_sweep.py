from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from radial_support import Circuit, dense_newton, nodal, random_circuit

from ghostload.errors import UsageError
from ghostload.grid.radial.plan import RadialPlan, recognise

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "grid"


def powers(rng: np.random.Generator, steps: int, n: int, size: float = 0.03) -> np.ndarray:
    return size * (rng.uniform(-1, 0.3, (steps, n)) + 1j * rng.uniform(-0.5, 0.3, (steps, n)))


@pytest.fixture(scope="module")
def street() -> tuple[Circuit, RadialPlan, np.ndarray]:
    rng = np.random.default_rng(7)
    circuit = random_circuit(rng, 45)
    return circuit, RadialPlan(circuit), powers(rng, 53, 45)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_the_sweep_is_newton_on_random_radial_grids(seed: int, n: int, islands: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, islands=min(islands, n))
    s, s_i, s_z = (powers(rng, 3, n, size) for size in (0.02, 0.01, 0.01))
    result = RadialPlan(circuit).solve_series(s, s_i=s_i, s_z=s_z, tol=1e-13)
    assert result.converged.all()
    for k in range(3):
        assert result.v is not None
        np.testing.assert_allclose(result.v[k], dense_newton(circuit, s[k], s_i[k], s_z[k]), rtol=0, atol=1e-10)


def test_the_sweep_is_pandapower_on_a_feeder_with_dyn5_transformers() -> None:
    from ghostload.grid.data import GridData
    from ghostload.grid.network import build_network

    folder = GOLDEN / "pandapower_radial_dyn5"
    content = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    network = build_network(GridData.from_tables(content["tables"], sn_mva=content["sn_mva"]))
    result = RadialPlan(network).solve_series(network.s_bus[None], outputs=("v", "losses"), tol=1e-12)
    assert result.v is not None
    assert result.losses is not None
    v = result.v[0, network.node_of_bus]
    want = np.array(expected["vm_pu"]) * np.exp(1j * np.deg2rad(expected["va_degree"]))
    np.testing.assert_allclose(v, want, rtol=0, atol=1e-10)
    assert result.losses[0].real * content["sn_mva"] == pytest.approx(expected["losses_mw"], abs=1e-9)


def test_constant_current_loads_of_the_network_are_taken_where_none_are_given(street: object) -> None:
    rng = np.random.default_rng(3)
    circuit = random_circuit(rng, 20)
    circuit.i_bus = np.where(np.arange(20) % 3 == 0, -0.01 - 0.004j, 0)
    s = powers(rng, 1, 20)
    nodes = np.flatnonzero(np.arange(20) % 2)
    only = np.zeros_like(s)
    only[:, nodes] = s[:, nodes]
    v = RadialPlan(circuit).solve_series(s[:, nodes], nodes=nodes, tol=1e-13).v
    assert v is not None
    np.testing.assert_allclose(v[0], dense_newton(circuit, only[0], circuit.i_bus), rtol=0, atol=1e-10)


def test_the_number_of_threads_changes_no_bit(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    circuit, plan, _ = street
    s = powers(np.random.default_rng(5), 12_000, circuit.n)
    one, two, three = (plan.solve_series(s, outputs=("v", "losses"), n_jobs=jobs) for jobs in (1, 2, 3))
    for other in (two, three):
        assert np.array_equal(one.v, other.v)  # type: ignore[arg-type]
        assert np.array_equal(one.losses, other.losses)  # type: ignore[arg-type]
        assert np.array_equal(one.iterations, other.iterations)


def test_splitting_a_series_changes_no_bit(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    _, plan, s = street
    whole = plan.solve_series(s).v
    assert whole is not None
    parts = [plan.solve_series(s[a:b]).v for a, b in ((0, 1), (1, 18), (18, 53))]
    assert np.array_equal(whole, np.concatenate(parts))  # type: ignore[arg-type]


def test_powers_given_piecewise_in_any_layout_change_no_bit(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    _, plan, s = street
    want = plan.solve_series(s).v
    for given_s in (np.asfortranarray(s), (s.real.copy(), np.asfortranarray(s.imag)), np.repeat(s, 2, axis=0)[::2]):
        assert np.array_equal(plan.solve_series(given_s).v, want)  # type: ignore[arg-type]
    calls = []

    def ask(start: int, stop: int) -> np.ndarray:
        calls.append((start, stop))
        return np.tile(s, (400, 1))[start:stop]

    many = plan.solve_series(ask, steps=400 * 53, outputs="vm")
    assert len(calls) > 1
    assert np.array_equal(many.vm, np.tile(np.abs(want), (400, 1))) or np.allclose(  # type: ignore[arg-type]
        many.vm, np.tile(np.abs(want), (400, 1)), rtol=0, atol=1e-15  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_step_without_solution_is_named_and_touches_no_other(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    _, plan, s = street
    outputs = ("v", "extremes", "losses", "source")
    want = plan.solve_series(s, outputs=outputs)
    broken = s.copy()
    broken[11] *= 1e4
    broken[12, 3] = np.nan
    got = plan.solve_series(broken, outputs=outputs)
    assert sorted(got.reason) == [11, 12]
    assert np.flatnonzero(~got.converged).tolist() == [11, 12]
    others = np.setdiff1d(np.arange(len(s)), [11, 12])
    for name in ("v", "vm_lowest", "vm_highest", "losses", "source"):
        assert np.isnan(getattr(got, name)[[11, 12]]).all()
        assert np.array_equal(getattr(got, name)[others], getattr(want, name)[others])


def test_arrays_of_an_earlier_result_are_written_again(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    _, plan, s = street
    outputs = ("v", "vm", "extremes", "losses", "source")
    want = plan.solve_series(s, outputs=outputs)
    old = plan.solve_series(0.5 * s, outputs=outputs)
    got = plan.solve_series(s, outputs=outputs, reuse=old)
    assert np.shares_memory(got.v, old.v)  # type: ignore[arg-type]
    assert np.shares_memory(got.vm, old.vm)  # type: ignore[arg-type]
    for name in ("v", "vm", "vm_lowest", "vm_highest", "losses", "source"):
        assert np.array_equal(getattr(got, name), getattr(want, name))
    other = plan.solve_series(s[:9], outputs=outputs, reuse=got)
    assert np.array_equal(other.v, want.v[:9])  # type: ignore[index,arg-type]


def test_the_tolerance_bounds_the_distance_from_the_solution(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    _, plan, s = street
    for load in (1.0, 4.0, 10.0):
        exact = plan.solve_series(load * s, tol=1e-14, max_iter=1000)
        for tol in (1e-4, 1e-6, 1e-8, 1e-10):
            near = plan.solve_series(load * s, tol=tol, max_iter=1000)
            both = exact.converged & near.converged
            assert both.sum() > 20
            assert np.abs(near.v[both] - exact.v[both]).max() < tol  # type: ignore[index]


def test_a_slow_step_is_solved_in_the_second_pass(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    circuit, plan, s = street
    base = np.where(circuit.node_type == 1, -0.02 - 0.005j, 0)
    low, high = 1.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        done = plan.solve_series((middle * base)[None], max_iter=60).converged[0]
        low, high = (middle, high) if done else (low, middle)
    stressed = np.concatenate([s[:20], (low * base)[None], s[20:]])
    result = plan.solve_series(stressed, outputs=("v", "extremes", "losses"), tol=1e-8, max_iter=60)
    assert result.converged.all()
    assert result.iterations[20] > 20
    assert result.vm_lowest is not None
    assert result.v is not None
    assert result.losses is not None
    np.testing.assert_allclose(result.vm_lowest, np.abs(result.v).min(axis=1), rtol=1e-14)
    again = plan.solve_series(stressed[20:21], outputs=("v", "losses"), max_iter=60)
    assert np.array_equal(result.v[20:21], again.v)  # type: ignore[arg-type]
    assert np.array_equal(result.losses[20:21], again.losses)  # type: ignore[arg-type]


def test_islands_do_not_see_each_other() -> None:
    rng = np.random.default_rng(11)
    circuit = random_circuit(rng, 30, islands=3)
    plan = RadialPlan(circuit)
    s = powers(rng, 4, 30)
    want = plan.solve_series(s)
    island = np.searchsorted(plan.order.island_start, plan.order.position, side="right") - 1
    changed = np.where(island == 1, 2 * s, s)
    got = plan.solve_series(changed)
    assert want.v is not None
    assert got.v is not None
    assert np.array_equal(want.v[:, island != 1], got.v[:, island != 1])
    assert not np.array_equal(want.v[:, island == 1], got.v[:, island == 1])


def test_all_given_to_the_grid_is_taken_from_it_or_lost(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    circuit, plan, s = street
    result = plan.solve_series(s, outputs=("v", "vm", "extremes", "source", "losses"), tol=1e-13)
    v = result.v
    assert v is not None
    assert result.source is not None
    assert result.losses is not None
    flow = v * np.conj(v @ nodal(circuit).T)
    root = int(plan.roots[0])
    np.testing.assert_allclose(result.source[:, 0] + s[:, root], flow[:, root], atol=1e-11)
    shunts = np.abs(v) ** 2 @ np.conj(circuit.y_shunt)
    np.testing.assert_allclose(result.losses, flow.sum(axis=1) - shunts, atol=1e-11)
    assert (result.losses.real > 0).all()
    np.testing.assert_allclose(result.vm, np.abs(v), rtol=1e-14)
    np.testing.assert_allclose(result.vm_lowest, np.abs(v).min(axis=1), rtol=1e-14)
    np.testing.assert_allclose(result.vm_highest, np.abs(v).max(axis=1), rtol=1e-14)


def test_naming_only_the_nodes_that_draw_gives_the_same_voltages_everywhere() -> None:
    rng = np.random.default_rng(23)
    circuit = random_circuit(rng, 60, shunts=False)
    plan = RadialPlan(circuit)
    nodes = np.array([3, 17, 44, 17])
    s = powers(rng, 9, 4)
    full = np.zeros((9, 60), dtype=complex)
    np.add.at(full, (slice(None), nodes), s)
    want = plan.solve_series(full, outputs=("v", "losses"), tol=1e-13)
    at = np.array([59, 0, 17, 17, 3])
    got = plan.solve_series(s, nodes=nodes, outputs=("v", "losses"), at=at, tol=1e-13)
    np.testing.assert_allclose(got.v, want.v[:, at], rtol=0, atol=1e-12)  # type: ignore[index]
    np.testing.assert_allclose(got.losses, want.losses, rtol=0, atol=1e-11)  # type: ignore[arg-type]


def test_the_voltage_of_the_root_may_change_with_the_step(street: tuple[Circuit, RadialPlan, np.ndarray]) -> None:
    circuit, plan, s = street
    v_root = np.linspace(0.95, 1.05, 53)[:, None] * np.exp(0.1j)
    got = plan.solve_series(s, v_root=v_root, tol=1e-13)
    circuit_at_40 = Circuit(
        **(vars(circuit) | {"vm_set": np.full(45, abs(v_root[40, 0])), "va_set_rad": np.full(45, 0.1)})
    )
    np.testing.assert_allclose(got.v[40], dense_newton(circuit_at_40, s[40]), rtol=0, atol=1e-10)  # type: ignore[index]


def test_parallel_branches_are_one() -> None:
    rng = np.random.default_rng(2)
    circuit = random_circuit(rng, 6)
    half = {name: np.concatenate([getattr(circuit, name) / 2] * 2) for name in ("yff", "yft", "ytf", "ytt")}
    ends = {name: np.tile(getattr(circuit, name), 2) for name in ("branch_from", "branch_to")}
    s = powers(rng, 1, 6)
    got = RadialPlan(Circuit(**(vars(circuit) | half | ends))).solve_series(s).v
    np.testing.assert_allclose(got, RadialPlan(circuit).solve_series(s).v, rtol=0, atol=1e-14)  # type: ignore[arg-type]


def test_nothing_to_solve_is_solved() -> None:
    circuit = random_circuit(np.random.default_rng(1), 5)
    plan = RadialPlan(circuit)
    none = plan.solve_series(np.zeros((0, 5)), outputs=("v", "vm", "extremes", "source", "losses"))
    assert none.v is not None
    assert none.v.shape == (0, 5)
    empty = plan.solve_series(np.zeros((2, 0)), nodes=[], outputs=("vm", "losses"))
    assert empty.converged.all()
    one = RadialPlan(random_circuit(np.random.default_rng(1), 1)).solve_series(np.array([[-1 - 2j]]), outputs="source")
    assert one.source is not None
    assert one.source[0, 0] == pytest.approx(1 + 2j)


def test_pv_nodes_and_loops_are_not_taken_and_the_reason_is_told() -> None:
    circuit = random_circuit(np.random.default_rng(4), 8)
    circuit.node_type[np.flatnonzero(circuit.node_type == 1)[0]] = 2
    assert "PV" in recognise(circuit).reason  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=r"cannot be swept: node \d+ holds its voltage.*; solve it with Newton"):
        RadialPlan(circuit)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s": np.zeros((2, 3))}, r"s has shape \(2, 3\); expected \(2, 45\)"),
        ({"s_i": np.zeros((1, 45))}, r"s_i has shape \(1, 45\)"),
        ({"nodes": [0, 45], "s": np.zeros((2, 2))}, r"nodes: entry 1 is node 45; nodes are 0 to 44"),
        ({"at": [-1]}, "at: entry 0 is node -1"),
        ({"outputs": "loses"}, "unknown quantity 'loses', did you mean losses"),
        ({"tol": 0.0}, "tol is 0.0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"v_root": np.ones(7)}, r"v_root has shape \(7,\)"),
        ({"s": lambda a, b: np.zeros((b - a, 45))}, "give the number of steps"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    street: tuple[Circuit, RadialPlan, np.ndarray], changes: dict[str, object], message: str
) -> None:
    arguments: dict[str, object] = {"s": np.zeros((2, 45))} | changes
    with pytest.raises(UsageError, match=message) as caught:
        street[1].solve_series(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
