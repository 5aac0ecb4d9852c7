"""Options, outputs and files of a batch; and what is refused, in one line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from batch_support import case

from ghostload.errors import OutputError, UsageError
from ghostload.grid.batch import contingencies, solve_scenarios, solve_series
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.flows import ac_state, line_columns, trafo_columns

OUTPUTS = ("vm_pu", "va_degree", "loading_percent", "losses_mw")


def series(steps: int = 30, **options: Any) -> Any:
    data, network = case("case14")
    p = np.linspace(0.7, 1.2, steps)[:, None] * data.tables["load"]["p_mw"]
    return solve_series(network, data, p_mw=p, **options)


def test_outputs_are_those_of_the_result_tables() -> None:
    data, network = case("case14")
    found = series(outputs=("v", *OUTPUTS))
    state = ac_state(network, found["v"])
    np.testing.assert_allclose(found["vm_pu"], np.abs(found["v"][:, network.node_of_bus]), rtol=1e-14)
    np.testing.assert_allclose(found["va_degree"], np.degrees(np.angle(found["v"][:, network.node_of_bus])), rtol=1e-12)
    for component, table in (("line", line_columns), ("trafo", trafo_columns)):
        wanted = table(data, network, state)["loading_percent"]
        np.testing.assert_allclose(found["loading_percent"][:, network.branch_of[component]], wanted, rtol=1e-9)
    lost = (state.s_from + state.s_to).real.sum(axis=1) * network.sn_mva
    np.testing.assert_allclose(found["losses_mw"], lost, rtol=1e-9)


def test_a_batch_on_disk_is_the_batch_in_memory(tmp_path: Path) -> None:
    data, _ = case("case14")
    kept = series(outputs=OUTPUTS)
    steps: list[tuple[int, int]] = []
    written = series(outputs=OUTPUTS, path=tmp_path / "out", chunk=8, progress=lambda *at: steps.append(at))
    assert steps == [(8, 30), (16, 30), (24, 30), (30, 30)]
    assert written.outputs == {}
    np.testing.assert_array_equal(written.converged, kept.converged)
    bus = pq.read_table(tmp_path / "out" / "res_bus.parquet").to_pandas()
    wide = bus.pivot(index="scenario", columns="bus", values="vm_pu")
    np.testing.assert_array_equal(wide.columns, data.tables["bus"]["id"])
    np.testing.assert_array_equal(wide.to_numpy(), kept["vm_pu"])
    branch = pq.read_table(tmp_path / "out" / "res_branch.parquet").to_pandas()
    loading = branch.pivot(index="scenario", columns="branch", values="loading_percent").to_numpy()
    np.testing.assert_array_equal(loading, kept["loading_percent"])
    assert set(branch.component) == {"line", "trafo"}
    whole = pq.read_table(tmp_path / "out" / "scenarios.parquet").to_pandas()
    np.testing.assert_array_equal(whole.losses_mw, kept["losses_mw"])
    assert whole.converged.all()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "res_branch.parquet", "res_bus.parquet", "scenarios.parquet",
    ]  # fmt: skip


def test_a_failed_scenario_has_no_outputs() -> None:
    data, network = case("case14")
    p = np.stack([data.tables["load"]["p_mw"], 90.0 * data.tables["load"]["p_mw"]])
    found = solve_series(network, data, p_mw=p, outputs=OUTPUTS)
    np.testing.assert_array_equal(found.converged, [True, False])
    for name in OUTPUTS:
        assert np.isnan(found[name][1]).all()
        assert name == "loading_percent" or np.isfinite(found[name][0]).all()
    assert np.isnan(found.mismatch_pu[1])


def test_the_choice_of_the_method_follows_the_swings() -> None:
    data, network = case("case1354pegase")
    rng = np.random.default_rng(0)
    load = data.tables["load"]["p_mw"]
    calm = solve_series(network, data, p_mw=load * rng.normal(1.0, 0.01, (264, len(load))), outputs=())
    assert calm.method == "chord"
    wild = solve_series(network, data, p_mw=load * rng.normal(1.0, 0.35, (264, len(load))), outputs=(), fallback="none")
    assert wild.method == "newton"


def test_prepared_circuits_pickle() -> None:
    _, network = case("case14")
    prepared = Prepared(network)
    contingencies(prepared)
    again = pickle.loads(pickle.dumps(prepared))
    np.testing.assert_array_equal(contingencies(again)["vm_pu"], contingencies(prepared)["vm_pu"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"p_mw": np.ones((3, 4))}, r"load_p_mw: has shape \(3, 4\), must be \(scenarios, 11\)"),
        ({"p_mw": np.full((3, 11), np.nan)}, "load_p_mw: is nan in scenario 0, load in column 0"),
        ({"p_mw": np.ones((3, 11)), "q_mvar": np.ones((4, 11))}, "load_q_mvar: has 4 scenarios, but load_p_mw has 3"),
        ({"p_mw": np.ones((3, 11)), "s_bus": np.ones((3, 14))}, "s_bus and load_p_mw: both give injections"),
        ({"s_bus": np.ones((3, 13))}, r"s_bus: has shape \(3, 13\)"),
        ({"gen_vm_pu": np.zeros((2, 4))}, "gen_vm_pu: is 0 in scenario 0, column 0; must be positive"),
        ({}, "nothing differs between the scenarios"),
        ({"s_bus": np.ones((3, 14)), "outputs": ("vm",)}, "unknown output 'vm', did you mean"),
        ({"s_bus": np.ones((3, 14)), "method": "fast"}, "method is 'fast'"),
        ({"s_bus": np.ones((3, 14)), "n_jobs": 0}, "n_jobs is 0"),
        ({"s_bus": np.ones((3, 14)), "chunk": 0}, "chunk is 0"),
        ({"s_bus": np.ones((3, 14)), "tol": 0.0}, "tol is 0"),
        ({"s_bus": np.ones((3, 14)), "fallback": "slow"}, "fallback is 'slow'"),
        ({"s_bus": np.ones((3, 14)), "speed": 9}, "unknown option 'speed'"),
    ],
)
def test_bad_input_is_refused_in_one_line(inputs: dict[str, Any], message: str) -> None:
    data, network = case("case14")
    with pytest.raises(UsageError, match=message) as caught:
        solve_scenarios(network, data, **inputs)
    assert "\n" not in str(caught.value)


def test_what_needs_the_data_of_the_grid_says_so() -> None:
    _, network = case("case14")
    with pytest.raises(UsageError, match="load_p_mw: tables of elements need the grid's data"):
        solve_series(network, p_mw=np.ones((3, 11)))
    with pytest.raises(UsageError, match="loading_percent needs the limits"):
        contingencies(network, outputs=("loading_percent",))


def test_an_output_that_was_not_asked_for_is_not_there() -> None:
    with pytest.raises(UsageError, match="output 'v' was not asked for; it has vm_pu"):
        series(outputs=("vm_pu",))["v"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"):
        series(path=tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="'v' cannot be written"):
        series(path=tmp_path / "out", outputs=("v",))
