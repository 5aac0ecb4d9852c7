from __future__ import annotations

import json
import zipfile
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from grid_io_support import GOLDEN, any_grids, expected, largest_difference, sound_grids
from hypothesis import HealthCheck, given, settings

from ghostload.errors import DataError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.io import from_pandapower, read_grid
from ghostload.grid.io.cases import load_case
from ghostload.grid.io.pandapower_json import from_pandapower_json, to_pandapower_json
from ghostload.grid.io.pandapower_zip import from_csv_zip, to_csv_zip_bytes

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
READ = [
    "io_pandapower_2",
    "io_pandapower_cigre_mv",
    "io_pandapower_elements",
    "io_pandapower_multivoltage",
    "io_pandapower_taps",
]


@pytest.mark.parametrize("name", READ)
def test_json_of_pandapower_solves_to_pandapowers_voltages(name: str) -> None:
    frame, tolerance = expected(name)
    assert largest_difference(read_grid(GOLDEN / name / "input.json"), frame) < tolerance


@pytest.mark.parametrize("name", ["io_written_pandapower_multivoltage", "io_written_pandapower_case300"])
def test_what_we_write_is_what_pandapower_read_and_solved_alike(name: str) -> None:
    source = "multivoltage" in name
    data = read_grid(GOLDEN / "io_pandapower_multivoltage" / "input.json") if source else load_case("case300")
    text = (GOLDEN / name / "output.json").read_text()
    ours, theirs = json.loads(to_pandapower_json(data))["_object"], json.loads(text)["_object"]
    assert ours.keys() == theirs.keys()
    written = from_pandapower_json(text)
    for component, table in data.tables.items():
        for column, values in table.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(written[component][column], values, rtol=1e-12, atol=1e-12)
            else:
                np.testing.assert_array_equal(written[component][column], values)
    frame, tolerance = expected(name)
    assert largest_difference(data, frame) < tolerance


@QUICK
@given(any_grids(infinite=False))
def test_pandapower_json_gives_back_every_cell(data: GridData) -> None:
    assert from_pandapower_json(to_pandapower_json(data)) == data


@QUICK
@given(any_grids())
def test_csv_zip_gives_back_every_cell(data: GridData) -> None:
    # Tables without rows have no file, and without bus.csv it is no grid.
    if len(data["bus"]):
        assert from_csv_zip(to_csv_zip_bytes(data)) == data
    assert to_csv_zip_bytes(data) == to_csv_zip_bytes(data)


@QUICK
@given(sound_grids())
def test_zip_for_rustpower_is_the_same_circuit(data: GridData) -> None:
    again = from_csv_zip(to_csv_zip_bytes(data, for_rustpower=True))
    assert again.f_hz == 60.0
    ours = data["line"]["c_nf_per_km"] * data.f_hz
    np.testing.assert_allclose(again["line"]["c_nf_per_km"] * again.f_hz, ours, rtol=1e-12)
    assert not any(np.isnan(v).any() for c, v in again["trafo"].items() if c.startswith("tap_") and v.dtype.kind == "f")


def test_rustpower_cannot_read_impedances() -> None:
    with pytest.raises(UsageError, match="impedance: 2 elements that RustPower does not read"):
        to_csv_zip_bytes(load_case("case118"), for_rustpower=True)


def test_rustpower_solves_our_zip_alike(tmp_path) -> None:
    rustpower = pytest.importorskip("rustpower")
    from grid_io_support import voltages

    for name in ("case14", "case33bw", "case57"):
        data = load_case(name)
        path = tmp_path / f"{name}.zip"
        path.write_bytes(to_csv_zip_bytes(data, for_rustpower=True))
        grid = rustpower.PowerGrid(str(path))
        assert grid.solve().converged
        found = grid.res_bus.set_index("pp_bus_id").vm_pu
        np.testing.assert_allclose(np.abs(voltages(data)), found.loc[data["bus"]["id"]].to_numpy(), atol=2e-8)


def test_a_net_in_memory_is_read_like_its_json() -> None:
    text = (GOLDEN / "io_pandapower_multivoltage" / "input.json").read_text()
    net = {}
    for key, value in json.loads(text)["_object"].items():
        if isinstance(value, dict) and value.get("_class") == "DataFrame":
            frame = json.loads(value["_object"])
            net[key] = pd.DataFrame(frame["data"], index=frame["index"], columns=frame["columns"])
        else:
            net[key] = value
    data = from_pandapower_json(text)
    assert from_pandapower(net) == data
    assert from_pandapower(SimpleNamespace(**net)) == data


def test_places_come_from_geo_and_from_bus_geodata() -> None:
    new = read_grid(GOLDEN / "io_pandapower_taps" / "input.json")["bus"]
    old = read_grid(GOLDEN / "io_pandapower_2" / "input.json")["bus"]
    assert (new["x"][0], new["y"][0]) == (old["x"][0], old["y"][0]) == (7.0, 51.0)
    assert np.isnan(new["x"][1:]).all()
    assert np.isnan(old["x"][1:]).all()


def test_version_2_and_3_give_the_same_grid() -> None:
    new, old = (read_grid(GOLDEN / name / "input.json") for name in ("io_pandapower_taps", "io_pandapower_2"))
    for component in ("trafo", "load", "line"):
        for column, values in new[component].items():
            np.testing.assert_array_equal(old[component][column], values, err_msg=f"{component}.{column}")


BUS = "index,name,vn_kv,in_service\n0,a,20.0,True\n1,b,20.0,True\n"


def _zip(**tables: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in tables.items():
            archive.writestr(f"case/{name}.csv", text)
    return out.getvalue()


@pytest.mark.parametrize("header", ["index", "id", "", "Unnamed: 0"])
def test_csv_index_goes_by_several_names(header: str) -> None:
    data = from_csv_zip(_zip(bus=BUS.replace("index", header, 1).replace("1,b", "7,b")))
    assert data["bus"]["id"].tolist() == [0, 7]
    assert data.f_hz == 60.0


def test_csv_without_index_is_numbered_and_semicolons_and_extra_columns_do_no_harm() -> None:
    data = from_csv_zip(_zip(bus="vn_kv;colour\n20.0;red\n10.0;blue\n", res_bus="x\n1\n", std_types="a\n"))
    assert data["bus"]["id"].tolist() == [0, 1]
    assert data["bus"]["vn_kv"].tolist() == [20.0, 10.0]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"line": "a\n1\n"}, "has no bus.csv; it holds line.csv"),
        ({"bus": ""}, "bus.csv: is empty"),
        ({"bus": "index,vn\n0,20\n"}, "column 'vn_kv' is missing"),
        ({"bus": "index,vn_kv,vn_kv\n0,20,20\n"}, "column 'vn_kv' is given twice"),
        ({"bus": "index,vn_kv\n0,20\n1\n"}, "row 1 has 1 cells, the header 2"),
        ({"bus": "index,vn_kv\n,20\n"}, "bus.id: row 0 is empty, give the whole number"),
        ({"bus": "index,vn_kv\nnan,20\n"}, "bus.id: row 0 is empty"),
        ({"bus": "index,vn_kv\n0,high\n"}, "bus.vn_kv: row 0 is 'high', must be a number"),
        ({"bus": "index,vn_kv,in_service\n0,20,maybe\n"}, "row 0 is 'maybe', must be true or false"),
        (
            {"bus": BUS, "load": "index,bus,p_mw,q_mvar\n0,0.5,1,1\n"},
            "load.bus: row 0 is '0.5', must be a whole number",
        ),
        ({"bus": BUS, "switch": "index,bus,element,et\n0,0,1,x\n"}, "row 0 is 'x', must be one of"),
        ({"bus": BUS, "parameters": "index,parameter\nsn_mva,-1\n"}, "sn_mva is '-1', must be a positive number"),
        ({"bus": BUS, "svc": "index,bus\n0,0\n"}, "has 1 svc in service, which is not supported"),
        ({"bus": BUS, "ward": "index,bus\n0,0\n"}, "ward: column 'ps_mw' is missing"),
    ],
)
def test_bad_csv_gets_one_line_that_names_table_and_row(tables: dict[str, str], words: str) -> None:
    with pytest.raises(DataError) as caught:
        from_csv_zip(_zip(**tables), "data.zip")
    assert words in str(caught.value)
    assert str(caught.value).startswith("data.zip")
    assert "\n" not in str(caught.value)


def _json(**tables: dict[str, object]) -> str:
    frames = {
        key: {"_class": "DataFrame", "_object": json.dumps(value), "orient": "split"} for key, value in tables.items()
    }
    return json.dumps({"_class": "pandapowerNet", "_object": frames})


GOOD = {"columns": ["vn_kv"], "index": [0], "data": [[20.0]]}
TRAFO = {
    "columns": ["hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "extra"],
    "index": [4],
    "data": [[0, 0, 1.0, 20.0, 0.4, 4.0, 1.0, 1]],
}


def _trafo(column: str) -> dict[str, object]:
    return {**TRAFO, "columns": [*TRAFO["columns"][:-1], column]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON (line 1)"),
        (_json(bus=GOOD)[:-10], "not JSON (line 1); it may be cut short"),
        ("[" * 100_000, "JSON"),
        ("[1, 2]", "not a pandapower net"),
        ('{"a": 1}', "not a pandapower net"),
        (_json(bus={"columns": ["vn_kv"]}), "bus: not a table in orientation 'split'"),
        (_json(bus={**GOOD, "index": [0, 1]}), "rows, index and columns do not fit together"),
        (_json(bus={**GOOD, "index": [None]}), "bus.id: row 0 is empty"),
        (_json(bus={**GOOD, "columns": ["kv"]}), "column 'vn_kv' is missing"),
        (
            _json(bus=GOOD, trafo=_trafo("tap_dependency_table")),
            "trafo 4: tap_dependency_table is 1, which is not supp",
        ),
        (_json(bus=GOOD, trafo=_trafo("tap2_pos")), "trafo 4: tap2_pos is 1"),
        (_json(bus=GOOD, trafo=_trafo("leakage_resistance_ratio_hv")), "only 0.5 is supported"),
    ],
)
def test_bad_json_gets_one_line(text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        from_pandapower_json(text, "net.json")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_net_is_refused() -> None:
    with pytest.raises(DataError, match="int: not a pandapower net with buses"):
        from_pandapower(3)
