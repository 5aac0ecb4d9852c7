"""What holds for every batch of power flows, on random grids, through the public interface."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.network import build_network, ybus

TOL = 1e-10
SN_MVA = 100.0

seeds = st.integers(0, 10**6)
sizes = st.integers(4, 18)


def tables(seed: int, buses: int, *, zip_loads: bool = False, narrow: bool = False) -> dict[str, dict[str, Any]]:
    """Return a lightly loaded 110 kV grid: a random tree with chords, loads, two generators, a slack.

    ``narrow``: reactive limits that some generators run into.
    """
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(0, bus)), bus) for bus in range(1, buses)]
    chords = [tuple(int(end) for end in rng.choice(buses, 2, replace=False)) for _ in range(buses // 3)]
    ends = np.array(tree + chords)
    lines = len(ends)
    share = rng.uniform(0.0, 45.0, (4, buses)) if zip_loads else np.zeros((4, buses))
    reach = rng.uniform(0.5, 4.0, 2) if narrow else np.full(2, 1e3)
    return {
        "bus": {"id": np.arange(buses), "vn_kv": np.full(buses, 110.0)},
        "line": {
            "id": np.arange(lines),
            "from_bus": ends[:, 0],
            "to_bus": ends[:, 1],
            "length_km": rng.uniform(5.0, 30.0, lines),
            "r_ohm_per_km": rng.uniform(0.05, 0.2, lines),
            "x_ohm_per_km": rng.uniform(0.3, 0.5, lines),
            "c_nf_per_km": rng.uniform(5.0, 12.0, lines),
            "max_i_ka": np.full(lines, 0.5),
        },
        "load": {
            "id": np.arange(buses),
            "bus": np.arange(buses),
            "p_mw": rng.uniform(0.5, 4.0, buses),
            "q_mvar": rng.uniform(-0.5, 1.5, buses),
            "const_z_p_percent": share[0],
            "const_i_p_percent": share[1],
            "const_z_q_percent": share[2],
            "const_i_q_percent": share[3],
        },
        "gen": {
            "id": np.arange(2),
            "bus": rng.choice(np.arange(1, buses), 2, replace=False),
            "p_mw": rng.uniform(1.0, 5.0, 2),
            "vm_pu": rng.uniform(0.99, 1.03, 2),
            "min_q_mvar": -reach,
            "max_q_mvar": reach,
        },
        "ext_grid": {"id": np.arange(1), "bus": [0], "vm_pu": [1.02], "va_degree": [5.0]},
    }


def grid_of(content: dict[str, dict[str, Any]], **options: Any) -> PowerGrid:
    return PowerGrid.from_data(GridData.from_tables(content, sn_mva=SN_MVA), tolerance=TOL, **options)


def swings(content: dict[str, dict[str, Any]], seed: int, steps: int, spread: float = 0.3) -> dict[str, pd.DataFrame]:
    """Return powers of the loads, a column a load."""
    rng, load = np.random.default_rng(seed), content["load"]
    factor = rng.uniform(1.0 - spread, 1.0 + spread, (2, steps, len(load["id"])))
    return {
        "p_mw": pd.DataFrame(factor[0] * load["p_mw"], columns=load["id"]),
        "q_mvar": pd.DataFrame(factor[1] * load["q_mvar"], columns=load["id"]),
    }


def shuffled(content: dict[str, dict[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    """Return the same grid with the rows of every table in another order."""
    rng, out = np.random.default_rng(seed), {}
    for component, columns in content.items():
        order = rng.permutation(len(columns["id"]))
        out[component] = {name: np.asarray(column)[order] for name, column in columns.items()}
    return out


def voltages(batch: Any) -> np.ndarray:
    """Return complex voltages, (scenarios, buses) by ascending id."""
    size, angle = batch.frame("vm_pu").sort_index(axis=1), batch.frame("va_degree").sort_index(axis=1)
    return np.asarray(size.to_numpy() * np.exp(1j * np.deg2rad(angle.to_numpy())))


def same_bits(a: Any, b: Any, outputs: tuple[str, ...]) -> None:
    for output in outputs:
        np.testing.assert_array_equal(a[output], b[output])
    np.testing.assert_array_equal(a.result.iterations, b.result.iterations)
    assert a.failed == b.failed


@settings(max_examples=12, deadline=None)
@given(seeds, sizes, st.booleans(), st.sampled_from(["chord", "newton"]))
def test_a_series_equals_one_by_one_solves(seed: int, buses: int, zip_loads: bool, method: str) -> None:
    content = tables(seed, buses, zip_loads=zip_loads)
    grid, given_ = grid_of(content), swings(content, seed, 11)
    found = voltages(grid.solve_series(**given_, method=method))
    for step in range(11):
        for load in grid.loads():
            load.p_mw, load.q_mvar = (float(given_[name].loc[step, load.id]) for name in ("p_mw", "q_mvar"))
        assert grid.solve()
        np.testing.assert_allclose(found[step], grid.v[:buses], rtol=0.0, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(seeds, sizes, st.sampled_from(["chord", "newton"]))
def test_the_order_of_scenarios_and_elements_does_not_matter(seed: int, buses: int, method: str) -> None:
    content = tables(seed, buses, zip_loads=True)
    given_ = swings(content, seed, 13)
    outages = [[("line", k % len(content["line"]["id"]))] if k % 3 else [] for k in range(13)]
    found = grid_of(content).solve_scenarios(**given_, outages=outages, method=method)
    mixed = np.random.default_rng(seed).permutation(13)
    again = grid_of(shuffled(content, seed)).solve_scenarios(
        **{name: table.iloc[mixed, ::-1] for name, table in given_.items()},
        outages=[outages[k] for k in mixed],
        method=method,
    )
    assert found.converged.all()
    np.testing.assert_allclose(voltages(again), voltages(found)[mixed], rtol=0.0, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seeds, sizes, st.sampled_from(["auto", "chord", "newton"]), st.integers(1, 40), st.integers(1, 3))
def test_chunks_and_threads_change_no_bit(seed: int, buses: int, method: str, chunk: int, n_jobs: int) -> None:
    content = tables(seed, buses)
    grid, given_ = grid_of(content), swings(content, seed, 45)
    outputs = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
    whole = grid.solve_series(**given_, method=method, outputs=outputs)
    parts = grid.solve_series(**given_, method=method, outputs=outputs, chunk=chunk, n_jobs=n_jobs)
    same_bits(whole, parts, outputs)


@settings(max_examples=10, deadline=None)
@given(seeds, sizes, st.data())
def test_splitting_a_list_of_outages_changes_no_bit(seed: int, buses: int, data: st.DataObject) -> None:
    content = tables(seed, buses)
    grid = grid_of(content)
    lines = [("line", int(k)) for k in content["line"]["id"]]
    cut = data.draw(st.integers(1, len(lines) - 1))
    whole = grid.contingencies(lines, n_jobs=2)
    parts = [grid.contingencies(lines[:cut]), grid.contingencies(lines[cut:])]
    for output in ("vm_pu", "va_degree"):
        np.testing.assert_array_equal(whole[output], np.concatenate([part[output] for part in parts]))


@settings(max_examples=10, deadline=None)
@given(seeds, sizes, st.integers(1, 22))
def test_splitting_a_series_moves_no_voltage(seed: int, buses: int, cut: int) -> None:
    content = tables(seed, buses)
    grid, given_ = grid_of(content), swings(content, seed, 23)
    parts = [{name: table.iloc[at] for name, table in given_.items()} for at in (slice(cut), slice(cut, None))]
    found = np.concatenate([voltages(grid.solve_series(**part)) for part in parts])
    np.testing.assert_allclose(found, voltages(grid.solve_series(**given_)), rtol=0.0, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(seeds, sizes, st.booleans())
def test_power_is_balanced_at_every_bus_and_lines_only_lose(seed: int, buses: int, zip_loads: bool) -> None:
    content = tables(seed, buses, zip_loads=zip_loads)
    grid, given_ = grid_of(content), swings(content, seed, 10)
    batch = grid.solve_series(**given_, outputs=("vm_pu", "va_degree", "losses_mw"))
    v, load = voltages(batch), content["load"]
    network = build_network(GridData.from_tables(content | {"load": {"id": [], "bus": []}}, sn_mva=SN_MVA))
    np.testing.assert_array_equal(network.node_of_bus, np.arange(buses))
    fed_in = v * np.conj((ybus(network) @ v.T).T) * SN_MVA
    share = {
        letter: (load[f"const_z_{letter}_percent"] / 100.0, load[f"const_i_{letter}_percent"] / 100.0)
        for letter in ("p", "q")
    }
    size = np.abs(v)
    drawn_p, drawn_q = (
        given_[name].to_numpy() * (1.0 - z - i + i * size + z * size**2)
        for name, (z, i) in (("p_mw", share["p"]), ("q_mvar", share["q"]))
    )
    generated = np.zeros(buses)
    np.add.at(generated, content["gen"]["bus"], content["gen"]["p_mw"])
    held = np.zeros(buses, bool)
    held[[0, *content["gen"]["bus"]]] = True
    close = {"rtol": 0.0, "atol": 2e-7}
    np.testing.assert_allclose(fed_in.real[:, 1:], (generated - drawn_p)[:, 1:], **close)
    np.testing.assert_allclose(fed_in.imag[:, ~held], -drawn_q[:, ~held], **close)
    np.testing.assert_allclose(batch["losses_mw"], fed_in.real.sum(axis=1), **close)
    assert (batch["losses_mw"] >= 0.0).all()


@settings(max_examples=10, deadline=None)
@given(seeds, sizes, st.sampled_from(["chord", "newton"]), st.integers(1, 2))
def test_an_outage_is_the_grid_built_without_the_branch(seed: int, buses: int, method: str, k: int) -> None:
    content = tables(seed, buses, zip_loads=True)
    rng = np.random.default_rng(seed)
    lines = len(content["line"]["id"])
    chosen = [rng.choice(lines, k, replace=False) for _ in range(9)]
    found = grid_of(content).contingencies([[("line", int(line)) for line in out] for out in chosen], method=method)
    assert found.converged.all()
    for scenario, out in enumerate(chosen):
        rest = np.delete(np.arange(lines), out)
        left = grid_of(content | {"line": {name: np.asarray(x)[rest] for name, x in content["line"].items()}})
        assert left.solve()
        table = left.res_bus.sort_index()
        for output in ("vm_pu", "va_degree"):
            mine = found.frame(output).sort_index(axis=1).to_numpy()[scenario]
            np.testing.assert_allclose(mine, table[output], rtol=0.0, atol=1e-7)


@settings(max_examples=10, deadline=None)
@given(seeds, sizes)
def test_what_an_outage_cuts_off_and_nothing_else_has_no_voltage(seed: int, buses: int) -> None:
    content = tables(seed, buses)
    found = grid_of(content).contingencies(1, "line", outputs=("vm_pu", "losses_mw"))
    ends = np.stack([content["line"]["from_bus"], content["line"]["to_bus"]], axis=1)
    for scenario, ((_, out),) in enumerate(found.outages):
        reached = {0}
        for _ in range(buses):
            for line, (a, b) in enumerate(ends.tolist()):
                if line != out and (a in reached or b in reached):
                    reached |= {a, b}
        alive = ~np.isnan(found.frame("vm_pu").sort_index(axis=1).to_numpy()[scenario])
        assert set(np.flatnonzero(alive).tolist()) == reached
    assert found.converged.all()
    assert np.isfinite(found["losses_mw"]).all()


@settings(max_examples=10, deadline=None)
@given(seeds, sizes, st.integers(0, 15), st.sampled_from(["chord", "newton"]))
def test_a_scenario_without_solution_is_named_and_disturbs_no_other(
    seed: int, buses: int, wild: int, method: str
) -> None:
    content = tables(seed, buses)
    grid, given_ = grid_of(content), swings(content, seed, 16)
    calm = voltages(grid.solve_series(**given_, method=method))
    given_["p_mw"].iloc[wild] *= 1e4
    found = grid.solve_series(**given_, method=method)
    assert [number for number, _ in found.failed] == [wild]
    assert found.failed[0][1]
    assert list(found.fallback) == [wild]
    assert np.isnan(found["vm_pu"][wild]).all()
    rest = np.arange(16) != wild
    assert found.converged[rest].all()
    np.testing.assert_allclose(voltages(found)[rest], calm[rest], rtol=0.0, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(5, 18))
def test_reactive_limits_in_a_batch_are_those_of_single_solves(seed: int, buses: int) -> None:
    content = tables(seed, buses, narrow=True)
    given_ = swings(content, seed, 9, 0.6)
    found = grid_of(content, qlim=True).solve_series(**given_)
    free = voltages(grid_of(content).solve_series(**given_))
    single = grid_of(content, qlim=True)
    limited = 0
    for step in range(9):
        for load in single.loads():
            load.p_mw, load.q_mvar = (float(given_[name].loc[step, load.id]) for name in ("p_mw", "q_mvar"))
        assert bool(single.solve()) == bool(found.converged[step])
        if found.converged[step]:
            np.testing.assert_allclose(voltages(found)[step], single.v[:buses], rtol=0.0, atol=1e-7)
            limited += bool(np.abs(free[step] - single.v[:buses]).max() > 1e-6)
    assume(limited > 0)


@settings(max_examples=6, deadline=None)
@given(seeds, sizes, st.integers(8, 40))
def test_what_goes_to_parquet_in_chunks_is_what_stays_in_memory(seed: int, buses: int, chunk: int) -> None:
    content = tables(seed, buses)
    grid, given_ = grid_of(content), swings(content, seed, 30)
    outputs = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
    kept = grid.solve_series(**given_, outputs=outputs)
    with tempfile.TemporaryDirectory() as folder:
        grid.solve_series(**given_, outputs=outputs, path=folder, chunk=chunk)
        bus, branch, whole = (
            pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("res_bus", "res_branch", "scenarios")
        )
    for output in ("vm_pu", "va_degree"):
        table = bus.pivot(index="scenario", columns="bus", values=output)
        pd.testing.assert_frame_equal(table, kept.frame(output), check_names=False, check_exact=True)
    loading = branch.pivot(index="scenario", columns="element", values="loading_percent")
    np.testing.assert_array_equal(loading.to_numpy(), kept["loading_percent"])
    np.testing.assert_array_equal(whole["losses_mw"], kept["losses_mw"])
    np.testing.assert_array_equal(whole["iterations"], kept.result.iterations)
