"""``ghostload powerflow``."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ghostload import PowerGrid
from ghostload.grid.io.parquet import unpack
from ghostload_cli import powerflow, powerflow_batch
from ghostload_cli.main import main


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["powerflow", *args])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """Have the kernels compiled, since the first compilation is announced on stderr."""
    grid = PowerGrid.from_case("case14")
    grid.solve()
    grid.contingencies(1)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the file of a grid of two buses, with a rated line."""
    return _two_buses(tmp_path / "small.zip", load_mw=10.0)


def _two_buses(path: Path, load_mw: float) -> Path:
    grid = PowerGrid()
    with grid.edit() as e:
        a, _ = e.add_bus(20.0)
        b, _ = e.add_bus(20.0)
        e.add_bus(20.0)
        e.add_ext_grid(a, 1.02)
        e.add_line(a, b, 2.0, r_ohm_per_km=0.2, x_ohm_per_km=0.35, max_i_ka=0.4)
        e.add_load(b, load_mw, 2.0)
    path.write_bytes(grid.get_parquet_case())
    return path


def test_a_case_by_name_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "case14")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "case14: 14 bus, 17 line, 3 trafo, 11 load, 4 gen, 1 ext_grid, 1 shunt"
    assert lines[1].startswith("converged        ")
    assert "losses           13.393 MW (4.92% of generation)" in lines
    assert "lowest voltage   1.0100 pu at bus 3" in lines
    assert "highest voltage  1.0900 pu at bus 8" in lines
    assert "islands          1" in lines


def test_a_file_is_solved_and_its_results_are_written(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path
) -> None:
    target = tmp_path / "results.zip"
    code, out, err = _run(capsys, str(small), "-o", str(target))
    assert code == 0
    assert err.splitlines()[0].startswith("ghostload: bus: bus 2 lies in an island without a slack")
    assert err.splitlines()[-1] == f"{target}: written"
    assert "islands          1; 1 buses without voltage" in out
    assert "  line 0 " in out
    meta, tables = unpack(target.read_bytes())
    assert meta["converged"]
    assert tables["res_bus"].vm_pu[0] == pytest.approx(1.02)


def test_json_says_the_same(capsys: pytest.CaptureFixture[str], small: Path) -> None:
    code, out, _ = _run(capsys, str(small), "--format", "json")
    assert code == 0
    summary = json.loads(out)
    grid = PowerGrid(small)
    grid.solve()
    assert summary["converged"]
    assert summary["loss_mw"] == pytest.approx(grid.res_line.pl_mw.sum())
    assert summary["lowest_voltage"] == {"bus": 1, "vm_pu": pytest.approx(grid.res_bus.vm_pu[1])}
    assert summary["most_loaded"][0]["buses"] == [0, 1]
    assert summary["buses_without_voltage"] == 1


def test_no_solution_ends_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, target = _two_buses(tmp_path / "heavy.zip", load_mw=900.0), tmp_path / "results.zip"
    code, out, _ = _run(capsys, str(path), "-o", str(target), "--contingencies", "1")
    assert code == 1
    assert "not converged    " in out
    assert "worst at bus 1" in out
    assert not target.exists()
    code, out, _ = _run(capsys, str(path), "--format", "json")
    assert (code, json.loads(out)["converged"]) == (1, False)


def test_a_grid_with_errors_ends_with_3(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path) -> None:
    data = PowerGrid(small).data.replace("line", length_km=[0.0])
    path = tmp_path / "wrong.zip"
    path.write_bytes(PowerGrid.from_data(data).get_parquet_case())
    code, out, err = _run(capsys, str(path))
    assert (code, out) == (3, "")
    assert err.startswith("ghostload: line.length_km: line 0 has no impedance")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["case11800"], 2, "unknown case 'case11800'"),
        (["nowhere.zip"], 1, "nowhere.zip: no such file"),
        (["case14", "--tolerance", "0"], 2, "option tolerance is 0.0, must be a positive number"),
        (["case14", "--series", "a.csv", "--contingencies", "1"], 2, "do not go together; give one"),
        (["case14", "--series", "nowhere.csv"], 2, "nowhere.csv: no such file; give a series"),
        (["case14", "--contingencies", "1", "-o", "no/such/folder/results.zip"], 1, "results.zip: cannot be written"),
        (["case14", "-o", "no/such/folder/results.zip"], 1, "results.zip: cannot be written"),
        (["case14", "--contingencies", "99"], 2, "contingencies: k is 99, must be from 1 to 20"),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], args: list[str], code: int, message: str
) -> None:
    got, out, err = _run(capsys, *args)
    assert (got, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("target", "message"), [("no/results.zip", "there is no folder"), ("", "is a folder")])
def test_where_nothing_can_be_written_nothing_is_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str, message: str
) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a case was loaded")

    monkeypatch.setattr(PowerGrid, "from_case", loaded)
    code, out, err = _run(capsys, "case14", "-o", str(tmp_path / target))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message in err


def test_reactive_limits_are_kept_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    _, free, _ = _run(capsys, "case118", "--format", "json")
    _, kept, _ = _run(capsys, "case118", "--format", "json", "--qlim")
    assert json.loads(free)["loss_mw"] != json.loads(kept)["loss_mw"]


def test_contingencies_are_solved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "results.zip"
    code, out, _ = _run(capsys, "pglib:case14_ieee", "--contingencies", "1", "--jobs", "2", "-o", str(target))
    assert code == 0
    assert "scenarios        20 of 20 solved" in out
    assert "without voltage  at most 1 buses" in out
    assert out.count(", outage of ") == 2
    _, tables = unpack(target.read_bytes())
    assert len(tables["scenarios"]) == 20
    assert len(tables["res_bus"]) == 20 * 14
    assert set(tables["res_branch"].columns) == {"scenario", "component", "id", "loading_percent"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_series_is_solved(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path, suffix: str) -> None:
    table = pd.DataFrame({"time": ["noon", "night"], "load.0.p_mw": [12, 3], "ext_grid.0.vm_pu": [1.03, 1.0]})
    path = tmp_path / f"series.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    code, out, _ = _run(capsys, str(small), "--series", str(path), "--format", "json")
    assert code == 0
    batch = json.loads(out)["batch"]
    assert (batch["scenarios"], batch["solved"], batch["failed"]) == (2, 2, [])
    assert (batch["most_loaded"][0]["scenario"], batch["highest_voltage"]["vm_pu"]) == ("noon", 1.03)


def test_a_step_without_solution_is_named_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "series.csv"
    path.write_text("step,load.0.p_mw\nfine,5\nstorm,5000\n", encoding="utf-8")
    code, out, _ = _run(capsys, str(small), "--series", str(path))
    assert code == 1
    assert "scenarios        1 of 2 solved" in out
    assert "no solution\n  storm: " in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lode.0.p_mw\n5\n", "column 'lode.0.p_mw' is not part of a series, did you mean load.0.p_mw?"),
        ("load.0.p_mw\nmuch\n", "column 'load.0.p_mw' holds what is no number"),
        ("load.7.p_mw\n5\n", "p_mw: column 7 is the id of no load"),
        ("step\n1\n", "has no steps or no columns such as load.3.p_mw"),
        ("", "cannot be read as a series"),
    ],
)
def test_a_series_that_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "series.csv"
    path.write_text(text, encoding="utf-8")
    code, out, err = _run(capsys, str(small), "--series", str(path))
    assert code in (1, 2)
    assert out == ""
    assert message in err.splitlines()[-1]


def _changed(small: Path, path: Path, **columns: list[float | int]) -> Path:
    data = PowerGrid(small).data
    for name, values in columns.items():
        component, _, field = name.partition("__")
        data = data.replace(component, **{field: values})
    path.write_bytes(PowerGrid.from_data(data).get_parquet_case())
    return path


@pytest.mark.parametrize(
    ("columns", "code", "message"),
    [
        ({"bus__id": [0, 1, 1]}, 3, "ghostload: bus.id: bus 1 is there more than once; give each its own id"),
        ({"load__bus": [7]}, 3, "ghostload: load.bus: load 0 is at bus 7, which does not exist"),
        ({"load__p_mw": [float("nan")]}, 3, "ghostload: load.p_mw: load 0 has no value"),
        ({"line__length_km": [float("inf")]}, 3, "ghostload: line.length_km: line 0 has inf"),
    ],
)
def test_an_element_that_is_wrong_is_named_and_ends_with_3(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path, columns: dict[str, list[float]], code: int,
    message: str,
) -> None:  # fmt: skip
    target = tmp_path / "results.zip"
    got, out, err = _run(capsys, str(_changed(small, tmp_path / "wrong.zip", **columns)), "-o", str(target))
    assert (got, out) == (code, "")
    assert err.splitlines()[0].startswith(message)
    assert not target.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\x03\x04 cut short", "broken.zip: not a readable zip"), (b"", "broken.zip: is empty")],
)
def test_a_broken_zip_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(content)
    code, out, err = _run(capsys, str(path))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message in err


def test_a_batch_in_many_chunks_says_and_writes_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, at_once in (("whole", powerflow_batch.AT_ONCE), ("chunks", 1)):
        monkeypatch.setattr(powerflow_batch, "AT_ONCE", at_once)
        target = tmp_path / f"{name}.zip"
        code, out, _ = _run(capsys, "case57", "--contingencies", "1", "--format", "json", "-o", str(target))
        assert code == 0
        found.append((json.loads(out)["batch"], unpack(target.read_bytes())[1]))
    (whole, tables), (chunks, pieces) = found
    for key in ("scenarios", "solved", "failed", "most_buses_without_voltage"):
        assert whole[key] == chunks[key]
    assert whole["scenarios"] > 64
    assert [one["branch"] for one in whole["most_loaded"]] == [one["branch"] for one in chunks["most_loaded"]]
    assert whole["lowest_voltage"]["scenario"] == chunks["lowest_voltage"]["scenario"]
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, pieces[name], rtol=0, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chunks.zip", "whole.zip"]


def test_a_batch_that_fails_leaves_the_file_that_was_there(
    capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path
) -> None:
    series, target = tmp_path / "series.csv", tmp_path / "results.zip"
    series.write_text("load.7.p_mw\n5\n", encoding="utf-8")
    target.write_bytes(b"kept")
    code, _, _ = _run(capsys, str(small), "--series", str(series), "-o", str(target))
    assert code in (1, 2)
    assert target.read_bytes() == b"kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.zip", "series.csv", "small.zip"]


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0.2134, "0.21 ms"), (12.34, "12.3 ms"), (345.6, "346 ms"), (16_100.0, "16.10 s"), (180_000.0, "3.0 min")],
)
def test_times_are_for_people(ms: float, text: str) -> None:
    assert powerflow.duration(ms) == text
