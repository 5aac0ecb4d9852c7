"""Handles: parameters read and written, results read, what is refused."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from power_grid_support import small_grid

from ghostload.errors import UsageError
from ghostload.grid.handles import FIXED, HANDLES, LoadHandle
from ghostload.grid.results import RESULT_COLUMNS
from ghostload.grid.schema import COMPONENTS


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_handle_has_every_column_of_its_component(component: str) -> None:
    cls = HANDLES[component]
    for field in COMPONENTS[component].fields:
        prop = getattr(cls, field.name)
        assert isinstance(prop, property)
        assert (prop.fset is None) == (field.name in FIXED)
        assert prop.__doc__


@pytest.mark.parametrize("component", RESULT_COLUMNS)
def test_a_handle_has_every_result_that_is_not_a_parameter(component: str) -> None:
    for column in RESULT_COLUMNS[component]:
        assert isinstance(getattr(HANDLES[component], column), property)


def test_parameters_are_read_with_the_types_of_their_columns() -> None:
    grid = small_grid()
    trafo = grid.trafo(1, 2)
    assert trafo is not None
    values = trafo.to_dict()
    assert values["vector_group"] == "Dyn5"
    assert {type(values[name]) for name in ("parallel", "hv_bus")} == {int}
    assert type(values["tap_pos"]) is float
    assert type(values["in_service"]) is bool


def test_what_is_written_is_read_back_and_is_in_the_data() -> None:
    grid = small_grid()
    load = grid.load(3)
    assert load is not None
    load.p_mw, load.name, load.in_service = np.float32(2.5), "saw mill", np.bool_(False)
    assert (load.p_mw, load.name, load.in_service) == (2.5, "saw mill", False)
    assert grid.data["load"]["p_mw"][0] == 2.5
    load.set(p_mw=3, q_mvar=1)
    assert (load.p_mw, load.q_mvar) == (3.0, 1.0)


def test_the_tables_that_a_grid_was_made_of_are_never_written_to() -> None:
    grid = small_grid()
    before = grid.data
    assert grid.load(3) is not None
    grid.load(3).p_mw = 9.0  # type: ignore[union-attr]
    assert before["load"]["p_mw"][0] == 4.0
    assert grid.data["load"]["p_mw"][0] == 9.0
    assert grid.data["line"] is before["line"]


def test_elements_are_found_by_where_they_stand() -> None:
    grid = small_grid()
    assert [load.id for load in grid.loads(4)] == [1, 2]
    assert grid.load(4) == grid.element("load", 1)
    assert grid.load(name="farm") == grid.load(6)
    assert grid.load(bus=3, name="farm") is None
    assert [line.id for line in grid.lines(4, 3)] == [1, 7]
    assert grid.line(3, 2) == grid.line(2, 3)
    assert grid.trafo(2, 1) == grid.trafo(1, 2)
    assert [grid.sgen(6), grid.gen(5), grid.ext_grid(0), grid.shunt(4), grid.switch(1), grid.impedance(1, 0)].count(
        None
    ) == 0
    assert (len(grid.loads()), len(grid.lines()), len(grid.trafos())) == (4, 6, 1)


def test_what_is_not_there_is_none() -> None:
    grid = small_grid()
    missing = [grid.bus(7), grid.load(0), grid.gen(99), grid.line(0, 5), grid.trafo(3, 4), grid.trafo3w(1, 2, 3)]
    missing += [grid.sgen(0), grid.switch(5), grid.ext_grid(5), grid.shunt(0), grid.impedance(3, 4)]
    assert missing == [None] * len(missing)
    assert grid.loads(0) == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("p_mw", math.nan, "load 0: p_mw is nan, must be a finite number of MW"),
        ("p_mw", math.inf, "load 0: p_mw is inf, must be a finite number of MW"),
        ("p_mw", "5", "load 0: p_mw is '5', must be a number"),
        ("q_mvar", None, "load 0: q_mvar is None, must be a number"),
        ("q_mvar", True, "load 0: q_mvar is True, must be a number"),
        ("in_service", "no", "load 0: in_service is 'no', must be True or False"),
        ("in_service", 2, "load 0: in_service is 2, must be True or False"),
        ("name", 5, "load 0: name is 5, must be text"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line(field: str, value: object, message: str) -> None:
    grid = small_grid()
    before = grid.get_parquet_case()
    with pytest.raises(UsageError) as error:
        setattr(grid.load(3), field, value)
    assert str(error.value) == message
    assert grid.get_parquet_case() == before


def test_nan_is_taken_where_it_means_no_limit() -> None:
    grid = small_grid()
    gen = grid.gen(5)
    assert gen is not None
    gen.max_q_mvar = math.nan
    assert math.isnan(gen.max_q_mvar)


def test_only_known_texts_are_taken() -> None:
    trafo = small_grid().trafo(1, 2)
    assert trafo is not None
    with pytest.raises(UsageError, match=r"trafo 0: tap_side is 'top', must be one of 'hv'"):
        trafo.tap_side = "top"


def test_where_an_element_stands_is_not_written() -> None:
    load = small_grid().load(3)
    assert load is not None
    with pytest.raises(AttributeError):
        load.bus = 5
    with pytest.raises(UsageError, match=r"load: bus cannot be written; remove the element in grid.edit\(\)"):
        load.set(bus=5)
    with pytest.raises(UsageError, match="there is no p_mv, did you mean p_mw"):
        load.set(p_mv=5)
    with pytest.raises(AttributeError):
        load.p_mv = 5


def test_all_or_nothing_is_written_by_set() -> None:
    load = small_grid().load(3)
    assert load is not None
    with pytest.raises(UsageError, match="q_mvar is nan"):
        load.set(p_mw=1.0, q_mvar=math.nan)
    assert load.p_mw == 4.0


@pytest.mark.parametrize("value", ["3", 3.0, None, True])
def test_an_id_is_a_whole_number(value: object) -> None:
    with pytest.raises(UsageError, match="must be a whole number"):
        small_grid().bus(value)  # type: ignore[arg-type]


def test_a_handle_outlives_edits_that_leave_its_element() -> None:
    grid = small_grid()
    last, first = grid.load(6), grid.load(3)
    assert last is not None
    assert first is not None
    with grid.edit() as e:
        e.remove(first)
    last.p_mw = 0.25
    assert grid.data["load"]["p_mw"][-1] == 0.25
    assert (last.exists, first.exists) == (True, False)


def test_a_removed_element_says_so_on_any_use() -> None:
    grid = small_grid()
    load = grid.load(3)
    assert load is not None
    with grid.edit() as e:
        e.remove(load)
    for use in (lambda: load.p_mw, lambda: setattr(load, "p_mw", 1.0), lambda: load.set(p_mw=1.0), load.to_dict):
        with pytest.raises(UsageError, match=r"load 0 is not in the grid any more .*get a new handle"):
            use()


def test_a_new_element_under_a_removed_id_is_another_one() -> None:
    grid = small_grid()
    old = grid.load(3)
    assert old is not None
    with grid.edit() as e:
        e.remove(old)
    with grid.edit() as e:
        new = e.add_load(3, 1.0, id=0)
    assert new.id == old.id
    assert new != old
    assert (new.exists, old.exists) == (True, False)


def test_results_of_elements_are_those_of_the_tables() -> None:
    grid = small_grid()
    grid.solve()
    for component, columns in RESULT_COLUMNS.items():
        parameters = COMPONENTS[component].by_name
        for number in grid.data[component]["id"].tolist():
            handle = grid.element(component, number)
            table = getattr(grid, f"res_{component}")
            for column in columns:
                if column not in parameters:
                    np.testing.assert_equal(getattr(handle, column), table[column][number])


def test_bus_results_need_no_tables() -> None:
    grid = small_grid()
    grid.solve()
    bus, dead = grid.bus(3), grid.bus(9)
    assert bus is not None
    assert dead is not None
    v = grid.v[3]
    assert (bus.vm_pu, bus.va_degree) == pytest.approx((abs(v), math.degrees(np.angle(v))), abs=1e-12)
    assert math.isnan(dead.vm_pu)


def test_results_before_a_solve_are_refused() -> None:
    bus = small_grid().bus(3)
    assert bus is not None
    with pytest.raises(UsageError, match=r"call solve\(\) first"):
        _ = bus.vm_pu


def test_a_bus_writes_its_loads_and_generators() -> None:
    grid = small_grid()
    grid.bus(4).set_load(1.25, 0.5)  # type: ignore[union-attr]
    assert [(load.p_mw, load.q_mvar) for load in grid.loads(4)] == [(1.25, 0.5)] * 2
    grid.bus(5).set_gen(1.5, 1.0)  # type: ignore[union-attr]
    gen = grid.gen(5)
    assert gen is not None
    gen.set_p(1.75)
    gen.set_vm(1.005)
    assert (gen.p_mw, gen.vm_pu) == (1.75, 1.005)
    load = grid.load(3)
    assert load is not None
    load.set_p(1.0)
    load.set_q(0.5)
    assert (load.p_mw, load.q_mvar) == (1.0, 0.5)
    with pytest.raises(UsageError, match="bus 0 has no load; add one"):
        grid.bus(0).set_load(1.0, 1.0)  # type: ignore[union-attr]


def test_handles_compare_by_element_and_have_a_name() -> None:
    grid = small_grid()
    load = grid.load(3)
    assert load == grid.load(3)
    assert load != small_grid().load(3)
    assert load != grid.sgen(6)
    assert load != 0
    assert len({load, grid.load(3)}) == 1
    assert (str(load), repr(load)) == ("load 0", "LoadHandle(0)")


def test_a_handle_travels_with_its_grid() -> None:
    grid = small_grid()
    load, same = pickle.loads(pickle.dumps((grid.load(3), grid)))
    assert isinstance(load, LoadHandle)
    load.p_mw = 8.0
    assert same.data["load"]["p_mw"][0] == 8.0
    twin = copy.deepcopy(grid.load(3))
    assert twin is not None
    twin.p_mw = 1.0
    assert grid.data["load"]["p_mw"][0] == 4.0
