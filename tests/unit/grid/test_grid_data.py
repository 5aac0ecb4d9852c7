from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from ghostload.errors import DataError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.schema import COMPONENTS


@pytest.fixture
def data() -> GridData:
    return GridData.from_tables(
        {
            "bus": {"id": [7, 3, 5], "vn_kv": [20.0, 20.0, 0.4], "name": ["a", None, "c"]},
            "line": {"from_bus": [7], "to_bus": [3], "length_km": [1], "r_ohm_per_km": [0.1], "x_ohm_per_km": [0.2]},
            "load": pd.DataFrame({"bus": [5, 3], "p_mw": [1, 2], "q_mvar": ["0.5", None]}, index=[10, 11]),
            "ext_grid": {"bus": [7]},
        },
        sn_mva=10,
        name="three",
    )


def test_every_component_is_there_with_its_dtypes(data: GridData) -> None:
    dtypes = {"int": np.int64, "float": np.float64, "bool": np.bool_, "text": object}
    for name, kind in COMPONENTS.items():
        assert list(data.tables[name].keys()) == [field.name for field in kind.fields]
        for field in kind.fields:
            assert data.tables[name][field.name].dtype == dtypes[field.kind]


def test_missing_columns_and_empty_cells_take_the_defaults(data: GridData) -> None:
    assert data["bus"]["in_service"].tolist() == [True] * 3
    assert data["bus"]["name"].tolist() == ["a", "", "c"]
    assert data["line"]["parallel"].tolist() == [1]
    assert data["load"]["id"].tolist() == [10, 11]
    np.testing.assert_array_equal(data["load"]["q_mvar"], [0.5, np.nan])
    assert data["ext_grid"]["vm_pu"].tolist() == [1.0]


def test_arrays_cannot_be_written_nor_change_with_their_origin(data: GridData) -> None:
    with pytest.raises(ValueError, match="read-only"):
        data["bus"]["vn_kv"][0] = 1.0
    origin = np.array([1.0, 2.0])
    changed = data.replace("load", p_mw=origin)
    origin[0] = 99.0
    assert changed["load"]["p_mw"].tolist() == [1.0, 2.0]
    with pytest.raises(TypeError):
        data.tables["bus"] = data["bus"]  # type: ignore[index]


def test_replace_shares_what_did_not_change(data: GridData) -> None:
    new = data.replace("load", p_mw=[3, 4])
    assert new["bus"] is data["bus"]
    assert new["load"]["bus"] is data["load"]["bus"]
    assert new != data
    assert new.replace("load", p_mw=[1, 2]) == data
    assert data.replace("load", in_service=False)["load"]["in_service"].tolist() == [False, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.replace("load", p_kw=[1, 2]), "did you mean p_mw"),
        (lambda d: d.replace("loads", p_mw=[1]), "did you mean load"),
        (lambda d: d.replace("load", p_mw=[1, 2, 3]), "has 3 values, must have 2"),
        (lambda d: d.replace("load", id=[1], p_mw=[1]), "give every column"),
        (lambda d: d.replace("load", p_mw=[1, "x"]), "row 1 is 'x', must be a number"),
        (lambda d: d.replace("load", bus=[1, 2.5]), "row 1 is 2.5, must be a whole number"),
        (lambda d: d.replace("load", bus=[1, None]), "row 1 is empty, give the id of a bus"),
        (lambda d: d.replace("load", p_mw=[[1, 2], [3, 4]]), "has 2 dimensions"),
        (lambda d: d.replace("load", in_service=["yes", True]), "must be true or false"),
        (lambda d: d.append("load", {"bus": [1], "p_mw": [1]}), "column 'q_mvar' is missing"),
        (lambda d: d.append("load", {"bus": [1], "p_mw": [1], "q_mw": [1]}), "no column 'q_mw'"),
        (lambda d: d["switches"], "did you mean switch"),
        (lambda d: d["load"]["p"], "no column 'p'"),
        (lambda d: GridData.from_tables({"bus": {"vn": [1]}}), "column 'vn_kv' is missing"),
        (lambda d: GridData.from_tables({}, sn_mva=0), "sn_mva: is 0, must be a positive number"),
        (lambda d: GridData.from_tables({}, f_hz=float("nan")), "f_hz"),
        (lambda d: GridData.from_tables({"bus": pd.DataFrame({"vn_kv": [1.0]}, index=["x"])}), "bus.id: row 0"),
        (
            lambda d: GridData.from_tables({"switch": {"bus": [1], "element": [1], "et": ["x"]}}),
            "must be one of 'b', 'l', 't', 't3'",
        ),
    ],
)
def test_bad_input_gets_one_line_with_its_place(data: GridData, call, words: str) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        call(data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_are_found_by_id(data: GridData) -> None:
    assert data.positions("bus") == {7: 0, 3: 1, 5: 2}
    assert data.positions("bus") is data.positions("bus")
    assert data["bus"].rows_of(np.array([5, 7, 99, -1])).tolist() == [2, 0, -1, -1]
    assert data["gen"].rows_of(np.array([1])).tolist() == [-1]
    twice = data.replace("bus", id=[1, 1, 2])
    assert twice.positions("bus") == {1: 0, 2: 2}
    assert twice["bus"].rows_of(np.array([1])).tolist() == [0]


def test_rows_are_added_and_taken_out(data: GridData) -> None:
    more = data.append("load", {"bus": [7], "p_mw": [5], "q_mvar": 1.0})
    assert more["load"]["id"].tolist() == [10, 11, 12]
    assert more["load"]["scaling"].tolist() == [1.0, 1.0, 1.0]
    assert more.keep("load", more["load"]["id"] != 12) == data


def test_frames_go_out_and_come_in_unchanged(data: GridData) -> None:
    frames = {name: data.frame(name) for name in COMPONENTS}
    assert GridData.from_tables(frames, sn_mva=10, name="three") == data


def test_copies_are_equal_and_read_only(data: GridData) -> None:
    for other in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data), copy.copy(data)):
        assert other == data
        assert not other["bus"]["vn_kv"].flags.writeable
    with pytest.raises(TypeError):
        hash(data)


def test_large_ids_keep_all_their_digits() -> None:
    big = 2**60 + 1
    data = GridData.from_tables({"bus": {"id": [big, str(big + 1)], "vn_kv": [1.0, 1.0]}})
    assert data["bus"]["id"].tolist() == [big, big + 1]
