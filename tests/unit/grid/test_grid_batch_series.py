"""Series of injections: the same as one by one, whatever the chunks, the threads and the method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from batch_support import case, random_grid, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid.batch import solve_scenarios, solve_series
from ghostload.grid.batch_engine import Engine
from ghostload.grid.batch_inputs import read_inputs
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.kernels.solution import PQ
from ghostload.grid.network import build_network, ybus


def swings(name: str, steps: int, spread: float = 0.1, seed: int = 0) -> tuple[Any, Any]:
    """Loads of a case that swing around their values: p_mw, q_mvar."""
    data, _ = case(name)
    load = data.tables["load"]
    factor = 1.0 + np.random.default_rng(seed).normal(0.0, spread, (steps, len(load)))
    return factor * load["p_mw"], factor * load["q_mvar"]


def one_by_one(name: str, p: Any, q: Any, k: int) -> Any:
    data, network = case(name)
    changed = data.replace("load", p_mw=p[k], q_mvar=q[k])
    return reference(network, s_bus=build_network(changed).s_bus)


@pytest.mark.parametrize("method", ["chord", "newton"])
@pytest.mark.parametrize("name", ["case14", "case33bw", "case118", "case300", "case1354pegase"])
def test_a_series_equals_one_by_one(name: str, method: Any) -> None:
    data, network = case(name)
    p, q = swings(name, 19, 0.05)
    found = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method=method, tol=1e-11)
    assert found.converged.all()
    assert found.mismatch_pu.max() <= 1e-11
    assert not found.failed
    for k in (0, 7, 18):
        np.testing.assert_allclose(found["v"][k], one_by_one(name, p, q, k), rtol=0.0, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 25), st.sampled_from(["chord", "newton"]), st.booleans())
def test_random_meshed_grids_in_lanes_equal_one_by_one(seed: int, buses: int, method: Any, zip_loads: bool) -> None:
    data = random_grid(seed, buses, zip_loads=zip_loads)
    network = build_network(data)
    rng = np.random.default_rng(seed)
    p, q = rng.uniform(0.0, 5.0, (11, buses)), rng.uniform(-0.5, 2.0, (11, buses))
    found = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method=method, tol=1e-11)
    assert found.converged.all()
    k = seed % 11
    changed = build_network(data.replace("load", p_mw=p[k], q_mvar=q[k]))
    np.testing.assert_allclose(found["v"][k], reference(changed), rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("options", [{"chunk": 8}, {"chunk": 40}, {"n_jobs": 2, "chunk": 16}, {"n_jobs": 3}])
@pytest.mark.parametrize("method", ["auto", "chord", "newton"])
def test_chunks_and_threads_change_no_bit(options: dict[str, Any], method: Any) -> None:
    data, network = case("case118")
    p, q = swings("case118", 331, 0.6)
    outputs = ("v", "vm_pu", "loading_percent", "losses_mw")
    whole = solve_series(network, data, p_mw=p, q_mvar=q, outputs=outputs, method=method)
    parts = solve_series(network, data, p_mw=p, q_mvar=q, outputs=outputs, method=method, **options)
    for name in outputs:
        np.testing.assert_array_equal(whole[name], parts[name])
    np.testing.assert_array_equal(whole.iterations, parts.iterations)
    assert whole.failed == parts.failed


def test_splitting_a_batch_moves_no_voltage() -> None:
    data, network = case("case57")
    p, q = swings("case57", 50, 0.2)
    whole = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), tol=1e-11)["v"]
    parts = [
        solve_series(network, data, p_mw=p[a:b], q_mvar=q[a:b], outputs=("v",), tol=1e-11)["v"]
        for a, b in ((0, 13), (13, 14), (14, 50))
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0.0, atol=1e-10)


def test_the_order_of_the_scenarios_does_not_matter() -> None:
    data, network = case("case118")
    p, q = swings("case118", 61, 0.3)
    mixed = np.random.default_rng(5).permutation(61)
    whole = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method="newton", tol=1e-11)["v"]
    turned = solve_series(network, data, p_mw=p[mixed], q_mvar=q[mixed], outputs=("v",), method="newton", tol=1e-11)
    np.testing.assert_allclose(turned["v"], whole[mixed], rtol=0.0, atol=1e-10)


def test_both_methods_and_the_wide_swings_agree() -> None:
    data, network = case("case118")
    p, q = swings("case118", 64, 0.8)
    chord = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method="chord", tol=1e-10)
    newton = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method="newton", tol=1e-10)
    np.testing.assert_array_equal(chord.converged, newton.converged)
    here = chord.converged
    np.testing.assert_allclose(chord["v"][here], newton["v"][here], rtol=0.0, atol=1e-8)


def test_a_hopeless_scenario_is_told_and_leaves_its_neighbours_alone() -> None:
    data, network = case("case118")
    p, q = swings("case118", 24)
    alone = solve_series(network, data, p_mw=p, q_mvar=q, outputs=("v",), method="newton")
    wild, rest = p.copy(), np.arange(24) != 5
    wild[5] *= 40.0
    prepared = Prepared(network)
    for fallback in ("none", "quick"):
        found = solve_series(
            prepared, data, p_mw=wild, q_mvar=q, outputs=("v", "losses_mw"), method="newton", fallback=fallback
        )
        assert [number for number, _ in found.failed] == [5]
        assert not found.converged[5]
        assert np.isnan(found["v"][5]).all()
        assert np.isnan(found["losses_mw"][5])
        assert list(found.fallback) == ([5] if fallback == "quick" else [])
        np.testing.assert_allclose(found["v"][rest], alone["v"][rest], rtol=0.0, atol=1e-8)


def test_lanes_that_are_nan_do_not_reach_others() -> None:
    data, network = case("case57")
    s = np.tile(network.s_bus, (16, 1))
    inputs = read_inputs(network, data, {}, s)
    inputs.terms[0].values[3] = np.nan
    options: Any = {"method": "chord", "tol": 1e-9, "max_iter": 20, "qlim": False, "fallback": "none"}
    engine = Engine(Prepared(network), read_inputs(network, data, {}, s), **options)
    engine.inputs = inputs
    found = engine.solve(0, 16)
    assert np.isnan(found.mismatch[3])
    assert "broke down" in found.reasons[3]
    assert (np.delete(found.mismatch, 3) <= 1e-9).all()


def test_set_points_differ_between_scenarios() -> None:
    data, network = case("case118")
    gen, ext = data.tables["gen"], data.tables["ext_grid"]
    rng = np.random.default_rng(2)
    vm = gen["vm_pu"] + rng.uniform(-0.01, 0.01, (9, len(gen)))
    slack = ext["vm_pu"] + rng.uniform(-0.01, 0.01, (9, len(ext)))
    found = solve_series(network, data, gen_vm_pu=vm, ext_grid_vm_pu=slack, outputs=("v",), tol=1e-11)
    changed = data.replace("gen", vm_pu=vm[4]).replace("ext_grid", vm_pu=slack[4])
    np.testing.assert_allclose(found["v"][4], reference(build_network(changed)), rtol=0.0, atol=1e-10)


def test_generation_differs_between_scenarios() -> None:
    data, network = case("case118")
    power = data.tables["gen"]["p_mw"] * np.linspace(0.9, 1.05, 10)[:, None]
    found = solve_series(network, data, gen_p_mw=power, outputs=("v",), tol=1e-11)
    changed = build_network(data.replace("gen", p_mw=power[9]))
    np.testing.assert_allclose(found["v"][9], reference(changed), rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("count", [1, 7, 8, 9])
def test_batches_need_not_fill_their_lanes(count: int) -> None:
    _, network = case("case14")
    s = np.linspace(0.5, 1.1, count)[:, None] * network.s_bus
    found = solve_series(network, s_bus=s, outputs=("v",), tol=1e-11)
    for k in range(count):
        np.testing.assert_allclose(found["v"][k], reference(network, s_bus=s[k]), rtol=0.0, atol=1e-10)


def test_a_network_that_has_no_solution_still_serves_scenarios_that_have() -> None:
    data, _ = case("case57")
    p, q = swings("case57", 3, 0.01)
    p[1:], q[1:] = 60.0 * p[1:], 60.0 * q[1:]
    heavy = build_network(data.replace("load", p_mw=60.0 * data.tables["load"]["p_mw"]))
    found = solve_series(heavy, data.replace("load", p_mw=60.0 * data.tables["load"]["p_mw"]), p_mw=p, q_mvar=q)
    np.testing.assert_array_equal(found.converged, [True, False, False])
    assert found.method == "newton"


def test_reactive_limits_hold_in_every_lane() -> None:
    data, network = case("case118")
    p, q = swings("case118", 20, 0.1)
    found = solve_series(network, data, p_mw=p, q_mvar=1.2 * q, outputs=("v",), qlim=True, tol=1e-9)
    free = solve_series(network, data, p_mw=p, q_mvar=1.2 * q, outputs=("v",), tol=1e-9)
    assert found.converged.all()
    held = np.flatnonzero(network.node_type == 2)
    bound = 0
    for k in range(20):
        changed = build_network(data.replace("load", p_mw=p[k], q_mvar=1.2 * q[k]))
        v = found["v"][k]
        made = (v * np.conj(ybus(changed) @ v) - changed.s_bus).imag[held]
        low, high = network.q_min[held], network.q_max[held]
        assert (made <= high + 1e-7).all()
        assert (made >= low - 1e-7).all()
        kept = np.abs(np.abs(v[held]) - network.vm_set[held]) < 1e-9
        at_low, at_high = np.abs(made - low) < 1e-7, np.abs(made - high) < 1e-7
        assert (kept | at_low | at_high).all()
        assert (np.abs(v[held])[~kept & at_high] <= network.vm_set[held][~kept & at_high] + 1e-7).all()
        assert (np.abs(v[held])[~kept & at_low] >= network.vm_set[held][~kept & at_low] - 1e-7).all()
        bound += int((~kept).sum())
    assert bound > 0
    assert not np.allclose(found["v"], free["v"])


@pytest.mark.parametrize("options", [{}, {"qlim": True}])
def test_the_fallback_solves_the_same_equations(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_grid(11, 12, zip_loads=True)
    data = data.replace("gen", min_q_mvar=np.full(2, -1.0), max_q_mvar=np.full(2, 1.0))
    network = build_network(data)
    p = np.random.default_rng(0).uniform(0.0, 5.0, (4, 12))
    inputs: Any = {"p_mw": p, "gen_vm_pu": np.full((4, 2), 1.01), "outages": [[], [3], [15], [2]]}
    lanes = solve_scenarios(network, data, **inputs, outputs=("v",), tol=1e-10, **options)
    assert not lanes.fallback.size
    real = Engine._lanes

    def spoilt(self: Engine, *args: Any) -> Any:
        found = real(self, *args)
        found.mismatch[:] = np.inf
        return found

    monkeypatch.setattr(Engine, "_lanes", spoilt)
    alone = solve_scenarios(network, data, **inputs, outputs=("v",), tol=1e-10, **options)
    assert alone.converged.all()
    assert list(alone.fallback) == [0, 1, 2, 3]
    np.testing.assert_allclose(alone["v"], lanes["v"], rtol=0.0, atol=1e-8)


def test_pq_nodes_are_not_held() -> None:
    _, network = case("case14")
    found = solve_series(network, s_bus=np.stack([network.s_bus, 0.5 * network.s_bus]), outputs=("v",))
    free = network.node_type == PQ
    assert (np.abs(found["v"][0][free] - found["v"][1][free]) > 1e-6).any()
