"""Transactions: what they add and remove, what they refuse, and that they leave nothing behind."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest
from power_grid_support import LINE, small_data, small_grid

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.power_grid import PowerGrid

OTHER = small_grid()


def test_a_new_bus_is_used_by_a_new_line_in_the_same_block() -> None:
    grid = small_grid()
    with grid.edit() as e:
        number, bus = e.add_bus(20.0, name="new")
        line = e.add_line(6, number, length_km=2.0, r_ohm_per_km=0.1, x_ohm_per_km=0.3)
        load = e.add_load(bus, 0.5, 0.1)
    assert (number, line.id, load.id) == (10, 8, 6)
    assert (bus.vn_kv, bus.name) == (20.0, "new")
    assert (line.to_bus, line.length_km, load.bus) == (10, 2.0, 10)
    report = grid.solve()
    assert (report.converged, report.rebuild) == (True, "full")
    assert 0.98 < bus.vm_pu < grid.bus(6).vm_pu  # type: ignore[union-attr]
    assert line.p_to_mw == pytest.approx(-0.5, abs=1e-6)


def test_every_component_can_be_added() -> None:
    grid = small_grid()
    with grid.edit() as e:
        medium, _ = e.add_bus(10.0)
        low, _ = e.add_bus(0.4)
        extra, _ = e.add_bus(20.0)
        e.add_trafo(3, medium, sn_mva=5.0, vk_percent=8.0, vkr_percent=0.4, tap_pos=2)
        trafo3w = e.add_trafo3w(
            1, 4, low, sn_hv_mva=10.0, sn_mv_mva=8.0, sn_lv_mva=2.0, vk_hv_percent=10.0, vk_mv_percent=10.0,
            vk_lv_percent=10.0, vkr_hv_percent=0.3, vkr_mv_percent=0.3, vkr_lv_percent=0.3, shift_mv_degree=150.0,
        )  # fmt: skip
        impedance = e.add_impedance(3, extra, rft_pu=0.01, xft_pu=0.05, sn_mva=10.0)
        e.add_gen(extra, 0.5, 1.005, q_min=-1.0, q_max=1.0, p_min=0.0, p_max=2.0, name="hydro")
        e.add_sgen(medium, 0.1, 0.0)
        e.add_load(low, 0.05, 0.01, scaling=0.5)
        e.add_shunt(medium, -0.1)
        e.add_ext_grid(1, 1.0195, in_service=False)
        e.add_switch(extra, 9)
        e.add_switch(extra, e.add_line(extra, 3, 1.0, in_service=False))
    assert (trafo3w.vn_hv_kv, trafo3w.vn_mv_kv, trafo3w.vn_lv_kv) == (110.0, 20.0, 0.4)
    assert (impedance.rtf_pu, impedance.xtf_pu) == (0.01, 0.05)
    trafo = grid.trafo(3, 10)
    assert trafo is not None
    assert (trafo.vn_hv_kv, trafo.vn_lv_kv, trafo.tap_changer_type) == (20.0, 10.0, "Ratio")
    assert grid.solve()
    assert np.isfinite(grid.res_bus.vm_pu[[9, 10, 11, 12]]).all()


def test_what_is_removed_is_gone() -> None:
    grid = small_grid()
    with grid.edit() as e:
        e.remove(grid.load(3))  # type: ignore[arg-type]
        e.remove(grid.line(4, 5))  # type: ignore[arg-type]
    assert grid.load(3) is None
    assert grid.line(4, 5) is None
    assert grid.solve()
    assert 2 not in grid.res_line.index


def test_ids_are_not_given_twice() -> None:
    grid = small_grid()
    with grid.edit() as e:
        e.remove(grid.element("load", 5))  # type: ignore[arg-type]
    with grid.edit() as e:
        assert e.add_load(3, 1.0).id == 6
        assert e.add_load(3, 1.0).id == 7
        assert e.add_load(3, 1.0, id=40).id == 40
        assert e.add_load(3, 1.0).id == 41
        with pytest.raises(UsageError, match=r"add_load: id 40 is taken"):
            e.add_load(3, 1.0, id=40)
        with pytest.raises(UsageError, match=r"add_load: id is -1"):
            e.add_load(3, 1.0, id=-1)


def test_an_exception_leaves_the_grid_as_it_was() -> None:
    grid = small_grid()
    grid.solve()
    before, v = grid.get_parquet_case(), grid.v
    load = grid.load(3)
    assert load is not None
    with pytest.raises(ZeroDivisionError), grid.edit() as e:  # noqa: PT012
        _, bus = e.add_bus(20.0)
        e.remove(load)
        load.p_mw = 99.0
        grid.line(2, 3).in_service = False  # type: ignore[union-attr]
        raise ZeroDivisionError
    assert grid.get_parquet_case() == before
    np.testing.assert_array_equal(grid.v, v)
    assert not bus.exists
    assert load.p_mw == 4.0
    report = grid.solve()
    assert (report.rebuild, report.iterations) == ("incremental", 0)


def test_abort_leaves_the_grid_as_it_was_and_ends_the_edit() -> None:
    grid = small_grid()
    before = grid.get_parquet_case()
    with grid.edit() as e:
        e.add_bus(20.0)
        e.abort()
        with pytest.raises(UsageError, match="this edit has ended; open another"):
            e.add_bus(20.0)
    e.abort()
    assert grid.get_parquet_case() == before
    with grid.edit() as again:
        assert again.add_bus(20.0)[0] == 10


def test_what_was_written_before_an_edit_is_still_solved_after_its_abort() -> None:
    grid, same = small_grid(), small_grid()
    for g in (grid, same):
        g.solve()
        g.load(3).p_mw = 6.0  # type: ignore[union-attr]
    editor = grid.edit()
    grid.load(3).p_mw = 1.0  # type: ignore[union-attr]
    editor.abort()
    assert grid.solve().rebuild == same.solve().rebuild == "incremental"
    np.testing.assert_array_equal(grid.v, same.v)


def test_an_edit_of_nothing_changes_nothing() -> None:
    grid = small_grid()
    grid.solve()
    with grid.edit() as e:
        added = e.add_load(3, 1.0)
        e.remove(added)
        grid.load(3).p_mw = 5.0  # type: ignore[union-attr]
    assert grid.converged
    assert grid.solve().rebuild == "incremental"
    assert grid.res_load.p_mw[0] == 5.0


def test_a_start_given_in_an_aborted_edit_is_forgotten() -> None:
    grid = small_grid()
    grid.solve()
    with grid.edit() as e:
        grid.v = np.full(10, 0.5)
        e.abort()
    assert grid.solve().iterations == 0


def test_an_edit_works_without_a_with_block() -> None:
    grid = small_grid()
    e = grid.edit()
    e.add_bus(20.0)
    assert grid.n_bus == 9
    e.commit()
    assert grid.n_bus == 10
    with pytest.raises(UsageError, match="this edit has ended"):
        e.commit()


def test_adding_outside_an_edit_is_refused_and_says_how() -> None:
    grid = small_grid()
    with pytest.raises(UsageError) as error:
        grid.add_load(3, 1.0)
    assert str(error.value) == "grid.add_load() is part of a transaction: with grid.edit() as e: e.add_load(...)"
    with pytest.raises(UsageError, match=r"with grid.edit\(\) as e: e.remove"):
        grid.remove(grid.load(3))
    with pytest.raises(AttributeError, match="no attribute 'res_buss', did you mean res_bus"):
        _ = grid.res_buss


def test_one_edit_at_a_time_and_no_solve_in_it() -> None:
    grid = small_grid()
    with grid.edit():
        with pytest.raises(UsageError, match=r"edit\(\) while an edit is open"):
            grid.edit()
        with pytest.raises(UsageError, match=r"solve\(\) while an edit is open: end its with block first"):
            grid.solve()
        with pytest.raises(UsageError, match="while an edit is open"):
            grid.load_parquet_case(b"")
    assert grid.solve()


def test_a_forgotten_edit_blocks_nothing() -> None:
    grid = small_grid()
    grid.edit().add_bus(20.0)
    gc.collect()
    assert grid.n_bus == 9
    assert grid.solve()


def test_a_handle_of_the_open_edit_says_that_it_is_not_in_the_grid_yet() -> None:
    grid = small_grid()
    with grid.edit() as e:
        _, bus = e.add_bus(20.0)
        with pytest.raises(UsageError, match="bus 10 is in an edit that is not committed yet; use its handle after"):
            _ = bus.vn_kv
    assert bus.vn_kv == 20.0


def test_removing_what_others_stand_on_is_refused_unless_they_go_too() -> None:
    grid = small_grid()
    before = grid.get_parquet_case()
    with pytest.raises(UsageError) as error, grid.edit() as e:
        e.remove(grid.bus(4))  # type: ignore[arg-type]
    assert str(error.value) == (
        "bus 4 cannot be removed, line 1, line 2, line 7 and 3 more would be left on it; remove them too, or call "
        "remove(handle, cascade=True)"
    )
    assert grid.get_parquet_case() == before
    with grid.edit() as e:
        e.remove(grid.bus(4), cascade=True)  # type: ignore[arg-type]
    assert grid.bus(4) is None
    assert grid.loads(4) == grid.lines(4, 5) == grid.shunts(4) == []
    assert grid.solve()


def test_switches_go_with_their_line_in_a_cascade_only() -> None:
    grid = small_grid()
    with pytest.raises(UsageError, match="line 3 cannot be removed, switch 1 would be left on it"), grid.edit() as e:
        e.remove(grid.line(5, 2))  # type: ignore[arg-type]
    with grid.edit() as e:
        e.remove(grid.line(5, 2), cascade=True)  # type: ignore[arg-type]
    assert grid.switch(1) is None
    with grid.edit() as e:
        e.remove(grid.switch(0))  # type: ignore[arg-type]
        e.remove(grid.bus(8))  # type: ignore[arg-type]
    assert grid.bus(8) is None


def test_what_was_added_in_the_block_can_be_removed_in_it() -> None:
    grid = small_grid()
    before = grid.data
    with grid.edit() as e:
        _, bus = e.add_bus(20.0)
        e.add_line(6, bus, 1.0)
        e.remove(bus, cascade=True)
    assert grid.data == before


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda e: e.add_load(77, 1.0), "load 6: bus is 77, and there is no such bus; add it first"),
        (lambda e: e.add_load("3", 1.0), "load 6: bus is '3', must be the id of a bus"),
        (lambda e: e.add_load(3, math.nan), "load 6: p_mw is nan, must be a finite number of MW"),
        (lambda e: e.add_load(3, 1.0, scalign=1.0), "add_load: unknown argument scalign, did you mean scaling?"),
        (lambda e: e.add_trafo3w(1, 2, 3), "add_trafo3w: sn_hv_mva is missing (rated power of the hv winding)"),
        (lambda e: e.add("lode"), "unknown component 'lode', did you mean load?"),
        (lambda e: e.add_switch(3, 99, et="l"), "switch 2: element is 99, and there is no such line; add it first"),
        (lambda e: e.remove(5), "remove: 5 is not a handle; give grid.load(5), grid.line(1, 2) ..."),
        (lambda e: e.remove(OTHER.load(3)), "remove: load 0 belongs to another grid; get the handle from this one"),
        (lambda e: e.add_load(OTHER.bus(3), 1.0), "load 6: bus is the handle of bus 3, must be a bus of this grid"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_refused_in_one_line_and_the_block_goes_on(what, message: str) -> None:  # type: ignore[no-untyped-def]
    grid = small_grid()
    with grid.edit() as e:
        with pytest.raises(UsageError) as error:
            what(e)
        e.add_load(3, 1.0)
    assert str(error.value) == message
    assert len(grid.loads()) == 5


def test_switches_take_handles_of_what_they_switch() -> None:
    grid = small_grid()
    with grid.edit() as e:
        assert e.add_switch(1, grid.trafo(1, 2)).id == 2  # type: ignore[arg-type]
        e.add_switch(2, grid.line(2, 3), closed=False)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="load 0 cannot be switched"):
            e.add_switch(3, grid.load(3))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="et is 'b', but line 0 needs 'l'"):
            e.add_switch(3, grid.line(2, 3), et="b")  # type: ignore[arg-type]
    assert grid.data["switch"]["et"].tolist()[2:] == ["t", "l"]


def test_removing_twice_is_refused() -> None:
    grid = small_grid()
    load = grid.load(3)
    assert load is not None
    with grid.edit() as e:
        e.remove(load)
        with pytest.raises(UsageError, match="load 0 is removed already"):
            e.remove(load)


def test_a_grid_that_would_not_be_valid_is_refused_as_a_whole() -> None:
    grid = small_grid()
    before = grid.get_parquet_case()
    with pytest.raises(UsageError, match=r"edit refused, .*line 8 has no imp"), grid.edit() as e:  # noqa: PT012
        e.add_load(3, 1.0)
        e.add_line(2, 6, 1.0, r_ohm_per_km=0.0, x_ohm_per_km=0.0)
    assert grid.get_parquet_case() == before


def test_errors_that_were_there_before_stand_in_the_way_of_no_edit() -> None:
    data = small_data()
    zero = data["line"]["length_km"].copy()
    zero[1] = 0.0
    grid = PowerGrid.from_data(data.replace("line", length_km=zero))
    assert grid.validate()
    with grid.edit() as e:
        e.add_load(3, 1.0)
    assert len(grid.loads()) == 5


def test_a_grid_is_built_from_nothing() -> None:
    grid = PowerGrid()
    with grid.edit() as e:
        a, _ = e.add_bus(20.0)
        b, _ = e.add_bus(20.0)
        e.add_ext_grid(a)
        e.add_line(a, b, **LINE)
        load = e.add_load(b, 3.0, 1.0)
    assert (a, b) == (0, 1)
    assert grid.solve()
    assert load.bus == 1
    built = grid.data
    again = GridData.from_tables({name: dict(t.items()) for name, t in built.tables.items()}, sn_mva=built.sn_mva)
    assert again == built
