"""Batches of a grid: by element, and the same as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from power_grid_support import small_grid

from ghostload.errors import UsageError
from ghostload.grid.power_grid import PowerGrid

P = np.array([[4.0, 2.0, 1.0, 1.5], [5.0, 2.5, 1.0, 1.0], [3.0, 0.0, 2.0, 0.5]])


def test_a_series_is_the_same_as_one_by_one() -> None:
    grid = small_grid()
    batch = grid.solve_series(
        p_mw=P, gen_vm_pu=[[1.0], [1.005], [1.01]], outputs=("vm_pu", "loading_percent", "losses_mw")
    )
    assert (len(batch), batch.converged.all(), batch.failed) == (3, True, [])
    for row, p in enumerate(P):
        for load, value in zip(grid.loads(), p, strict=True):
            load.p_mw = float(value)
        grid.gen(5).vm_pu = [1.0, 1.005, 1.01][row]  # type: ignore[union-attr]
        assert grid.solve()
        np.testing.assert_allclose(batch.frame("vm_pu").iloc[row], grid.res_bus.vm_pu, atol=1e-7)
        lines = batch.frame("loading_percent").iloc[row]["line"]
        np.testing.assert_allclose(lines, grid.res_line.loading_percent, atol=1e-5)
        losses = sum(getattr(grid, f"res_{name}").pl_mw.sum() for name in ("line", "trafo", "impedance"))
        assert batch.frame("losses_mw").losses_mw[row] == pytest.approx(losses, abs=1e-6)


def test_a_batch_starts_from_what_was_written_and_changes_nothing() -> None:
    grid = small_grid()
    grid.solve()
    before, v = grid.get_parquet_case(), grid.v
    grid.load(3).q_mvar = 2.0  # type: ignore[union-attr]
    batch = grid.solve_series(p_mw=P[:1])
    np.testing.assert_array_equal(grid.v, v)
    grid.solve()
    np.testing.assert_allclose(batch["vm_pu"][0], grid.res_bus.vm_pu, atol=1e-7)
    assert grid.get_parquet_case() != before


def test_columns_of_a_data_frame_are_ids_and_the_others_stay() -> None:
    grid = small_grid()
    some = grid.solve_series(p_mw=pd.DataFrame({5: P[:, 3], 0: P[:, 0]}))
    whole = P.copy()
    whole[:, 1:3] = [2.0, 1.0]
    np.testing.assert_array_equal(some["vm_pu"], grid.solve_series(p_mw=whole)["vm_pu"])


def test_contingencies_are_the_same_as_switching_off() -> None:
    grid = small_grid()
    batch = grid.contingencies(elements=["line", "trafo"][0])
    assert batch.outages == tuple((("line", number),) for number in (0, 1, 2, 3, 4, 7))
    for row, ((_, number),) in enumerate(batch.outages):
        handle = grid.element("line", number)
        assert handle is not None
        handle.in_service = False
        assert grid.solve()
        np.testing.assert_allclose(batch["vm_pu"][row], grid.res_bus.vm_pu, atol=1e-7)
        handle.in_service = True


def test_outages_are_given_by_element() -> None:
    grid = small_grid()
    line, trafo = grid.line(2, 3), grid.trafo(1, 2)
    batch = grid.contingencies([line, ("trafo", 0), (line, ("line", 3)), [trafo]])
    assert batch.outages == ((("line", 0),), (("trafo", 0),), (("line", 0), ("line", 3)), (("trafo", 0),))
    dark = np.isnan(batch.frame("vm_pu").iloc[1])
    assert dark[[2, 3, 4, 5, 6, 8]].all()
    assert not dark[[0, 1]].any()
    assert len(grid.contingencies(2, elements=[line, ("line", 1), ("line", 2)])) == 3
    assert len(grid.contingencies()) == 8
    mixed = grid.solve_scenarios(outages=[[], [line]], p_mw=P[:2])
    assert mixed.outages == ((), (("line", 0),))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda g: g.contingencies(elements="load"), "'load' is no kind of branch"),
        (lambda g: g.contingencies(0), "k is 0, must be from 1 to 8"),
        (lambda g: g.contingencies("line"), "k is 'line', must be a number or a list"),
        (lambda g: g.contingencies([("line", 99)]), "there is no line 99"),
        (lambda g: g.contingencies([g.load(3)]), "is no branch; give grid.line"),
        (lambda g: g.contingencies([("line", 1)], elements="line"), "nothing to choose from"),
        (lambda g: g.solve_series(p_mw=np.ones((3, 2))), r"has shape \(3, 2\), must be \(scenarios, 4\)"),
        (lambda g: g.solve_series(p_mw=pd.DataFrame({9: [1.0]})), "column 9 is the id of no load"),
        (lambda g: g.solve_series(p_mw=np.full((1, 4), np.nan)), "is nan in scenario 0"),
        (lambda g: g.solve_series(p_mv=P), "unknown option 'p_mv'"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(how: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        how(small_grid())


def test_a_three_winding_transformer_is_one_element() -> None:
    grid = small_grid()
    with grid.edit() as e:
        low, _ = e.add_bus(0.4)
        e.add_trafo3w(
            1, 4, low, sn_hv_mva=10.0, sn_mv_mva=8.0, sn_lv_mva=2.0, vk_hv_percent=10.0, vk_mv_percent=10.0,
            vk_lv_percent=10.0, vkr_hv_percent=0.3, vkr_mv_percent=0.3, vkr_lv_percent=0.3, shift_mv_degree=150.0,
        )  # fmt: skip
    batch = grid.contingencies(elements="trafo", outputs=("loading_percent",))
    assert batch.branches.count(("trafo3w", 0)) == 1
    grid.trafo(1, 2).in_service = False  # type: ignore[union-attr]
    assert grid.solve()
    loading = batch.frame("loading_percent")[("trafo3w", 0)][0]
    assert loading == pytest.approx(grid.res_trafo3w.loading_percent[0], abs=1e-5)


def test_a_batch_of_a_published_case() -> None:
    grid = PowerGrid.from_case("case118")
    batch = grid.contingencies(elements="line", outputs=("vm_pu", "losses_mw"), n_jobs=2)
    assert len(batch) == len(grid.data["line"])
    assert batch.converged.mean() > 0.95


def test_threads_that_share_chunks_give_what_one_gives_and_pass_errors_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from ghostload.grid import batch_engine

    grid = PowerGrid.from_case("case118")
    one, three = grid.contingencies(1, chunk=16), grid.contingencies(1, chunk=16, n_jobs=3)
    np.testing.assert_array_equal(one["vm_pu"], three["vm_pu"])
    assert len(one.outages) == len(one) == 186

    def broken(self: object, first: int, last: int, v: object = None) -> None:
        raise RuntimeError(f"scenario {first}")

    monkeypatch.setattr(batch_engine.Engine, "solve", broken)
    with pytest.raises(RuntimeError, match="scenario"):
        grid.contingencies(1, chunk=16, n_jobs=3)


def test_an_element_named_twice_is_out_once() -> None:
    grid = PowerGrid.from_case("case118")
    pair, single = grid.contingencies(2, [("line", 3), ("line", 3)]), grid.contingencies([("line", 3)])
    assert pair.outages == ((("line", 3), ("line", 3)),)
    np.testing.assert_array_equal(pair["vm_pu"], single["vm_pu"])
