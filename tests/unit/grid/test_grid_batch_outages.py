"""Outages: equal to the circuit without the branches, and dark where nothing is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from batch_support import case, random_grid, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.errors import UsageError
from ghostload.grid.batch import contingencies, solve_scenarios
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.network import Network, build_network


def check(network: Network, found: Any, outages: list[Any], some: Any, atol: float = 1e-10) -> int:
    """Compare scenarios with the pivoting solver; return in how many something is dark."""
    dark = 0
    for k in some:
        wanted = reference(network, out=outages[k])
        assert found.converged[k] == (wanted is not None)
        if wanted is not None:
            np.testing.assert_array_equal(np.isnan(found["v"][k]), np.isnan(wanted))
            np.testing.assert_allclose(found["v"][k], wanted, rtol=0.0, atol=atol)
            dark += int(np.isnan(wanted).any())
    return dark


@pytest.mark.parametrize("method", ["chord", "newton"])
@pytest.mark.parametrize("name", ["case14", "case30", "case57", "case118"])
def test_every_single_outage_equals_the_circuit_without_the_branch(name: str, method: Any) -> None:
    _, network = case(name)
    found = contingencies(network, outputs=("v",), method=method, tol=1e-11)
    assert len(found) == network.m
    check(network, found, list(range(network.m)), range(0, network.m, 3))


def test_outages_of_a_large_case_with_many_bridges() -> None:
    _, network = case("case1354pegase")
    some = list(range(0, network.m, 7))
    for method in ("chord", "newton"):
        found = contingencies(network, outages=some, outputs=("v",), method=method, tol=1e-11)
        assert check(network, found, some, range(0, len(some), 12)) > 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 25), st.integers(1, 3), st.sampled_from(["chord", "newton", "auto"]))
def test_random_outages_of_one_to_three_branches(seed: int, buses: int, k: int, method: Any) -> None:
    network = build_network(random_grid(seed, buses))
    rng = np.random.default_rng(seed)
    outages = [rng.choice(network.m, k, replace=False) for _ in range(12)]
    found = contingencies(network, outages=outages, outputs=("v",), method=method, tol=1e-11)
    check(network, found, outages, range(0, 12, 5))


def test_a_radial_grid_goes_dark_beyond_the_outage() -> None:
    _, network = case("case33bw")
    found = contingencies(network, outputs=("v",), tol=1e-11)
    assert found.converged.all()
    assert check(network, found, list(range(network.m)), range(network.m)) == network.m


def test_all_pairs_are_in_lexicographic_order() -> None:
    _, network = case("case14")
    found = contingencies(network, k=2, branches=[0, 1, 2, 5], outputs=("v",), tol=1e-11)
    pairs = [(0, 1), (0, 2), (0, 5), (1, 2), (1, 5), (2, 5)]
    assert len(found) == len(pairs)
    check(network, found, pairs, range(6))


def test_an_outage_among_changed_loads_and_set_points() -> None:
    data, network = case("case118")
    rng = np.random.default_rng(1)
    load, gen = data.tables["load"], data.tables["gen"]
    p = load["p_mw"] * rng.uniform(0.8, 1.2, (20, len(load)))
    vm = gen["vm_pu"] + rng.uniform(-0.01, 0.01, (20, len(gen)))
    outages: list[list[int]] = [[] if k % 3 == 0 else [int(rng.integers(network.m))] for k in range(20)]
    found = solve_scenarios(network, data, p_mw=p, gen_vm_pu=vm, outages=outages, outputs=("v",), tol=1e-11)
    for k in range(0, 20, 4):
        changed = build_network(data.replace("load", p_mw=p[k]).replace("gen", vm_pu=vm[k]))
        np.testing.assert_allclose(found["v"][k], reference(changed, out=outages[k]), rtol=0.0, atol=1e-10)


def test_chunks_threads_and_neighbours_change_no_bit() -> None:
    _, network = case("case118")
    whole = contingencies(network, outputs=("v", "losses_mw"), method="chord")
    parts = contingencies(network, outputs=("v", "losses_mw"), method="chord", n_jobs=2, chunk=24)
    for name in ("v", "losses_mw"):
        np.testing.assert_array_equal(whole[name], parts[name])
    some = [3, 50, 51, 120]
    few = contingencies(network, outages=some, outputs=("v",), method="chord")
    np.testing.assert_array_equal(few["v"], whole["v"][some])


def test_an_outage_without_solution_is_told_not_hidden() -> None:
    _, network = case("case1354pegase")
    found = contingencies(network, outages=[0, 75, 76], outputs=("v",))
    assert [number for number, _ in found.failed] == [1]
    assert np.isnan(found["v"][1]).all()
    told = contingencies(network, outages=[75], outputs=("v",), fallback="thorough", max_iter=12)
    assert "beyond" in told.failed[0][1]


def test_a_branch_that_is_out_carries_nothing_and_is_not_counted_in_the_losses() -> None:
    data, network = case("case14")
    found = contingencies(network, data, outages=[3, 13], outputs=("v", "loading_percent", "losses_mw"), tol=1e-11)
    assert found["loading_percent"][0, 3] == 0.0
    for k, out in enumerate((3, 13)):
        v = found["v"][k]
        s = v * np.conj(network.y_shunt * v)
        rest = np.delete(np.arange(network.m), out)
        f, t = network.branch_from[rest], network.branch_to[rest]
        lost = v[f] * np.conj(network.yff[rest] * v[f] + network.yft[rest] * v[t])
        lost = lost + v[t] * np.conj(network.ytf[rest] * v[f] + network.ytt[rest] * v[t])
        assert found["losses_mw"][k] == pytest.approx(np.nansum(lost.real) * network.sn_mva, abs=1e-9)
        assert np.isfinite(s[~np.isnan(v)]).all()


def test_prepared_circuits_give_the_same() -> None:
    _, network = case("case57")
    prepared = Prepared(network)
    first = contingencies(network, outputs=("v",))
    for _ in range(2):
        np.testing.assert_array_equal(contingencies(prepared, outputs=("v",))["v"], first["v"])


def test_outages_of_branches_that_are_not_there_are_refused() -> None:
    _, network = case("case14")
    with pytest.raises(UsageError, match="scenario 1 names branch 20, must be 0 to 19"):
        contingencies(network, outages=[[0], [1, 20]])
    with pytest.raises(UsageError, match="k is 0, must be 1 to 20"):
        contingencies(network, k=0)
