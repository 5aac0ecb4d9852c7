"""``ghostload validate``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ghostload_cli.main import main

CSV = {
    "transformers.csv": "transformer_id,feeder_id,barangay,lat,lon,capacity_kVA\nTX_0001,FD_01,Tondo,14.62,120.97,50\n",
    "meter_consumption.csv": (
        "meter_id,transformer_id,customer_class,barangay,lat,lon,monthly_consumption_202501,kVA\n"
        "MTR_000001,TX_0001,residential,Tondo,14.6201,120.97,150.5,24\n"
        "MTR_000002,TX_0001,residential,Tondo,14.6199,120.97,90,22.5\n"
    ),
    "anomaly_labels.csv": "meter_id,anomaly_flag,risk_band,anomaly_type\nMTR_000001,1,High,bypass\n",
    "generation_report.txt": "a report\n",
    "transformers.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [120.97, 14.62]},
                    "properties": {
                        "transformer_id": "TX_0001", "feeder_id": "FD_01", "barangay": "Tondo", "capacity_kVA": 50.0,
                        "num_meters": 2, "meter_ids": ["MTR_000001", "MTR_000002"],
                    },
                }
            ],
        }
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    for name, text in CSV.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["validate", *args])
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_a_valid_set_ends_with_0(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = _run(capsys, str(folder))
    assert (code, err) == (0, "")
    assert out.startswith(f"{folder}: valid: ")


def test_errors_end_with_3_and_stand_on_stdout(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "anomaly_labels.csv").unlink()
    code, out, err = _run(capsys, str(folder))
    assert (code, err) == (3, "")
    assert "not valid" in out.splitlines()[0]
    assert "core_files · anomaly_labels.csv" in out


def test_strict_counts_warnings(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "generation_report.txt").unlink()
    assert _run(capsys, str(folder))[0] == 0
    assert _run(capsys, str(folder), "--strict")[0] == 3


def test_json_is_the_only_thing_on_stdout(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "meter_consumption.csv").write_text(CSV["meter_consumption.csv"].replace("90,", "-90,"), encoding="utf-8")
    code, out, _ = _run(capsys, str(folder), "--format", "json")
    report = json.loads(out)
    assert code == 3
    assert report["ok"] is False
    assert report["directory"] == str(folder)
    found = [f for f in report["findings"] if f["severity"] == "error"]
    assert [(f["check"], f["table"], f["column"], f["ids"]) for f in found] == [
        ("values_in_range", "meters", "monthly_consumption_202501", ["MTR_000002"])
    ]


def test_single_checks_can_be_chosen(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "generation_report.txt").unlink()
    code, out, _ = _run(capsys, str(folder), "--strict", "--check", "unique_ids", "--check", "types")
    assert code == 0
    assert "2 checks" in out


def test_verbose_names_what_is_fine(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert "fine     unique_ids" in _run(capsys, str(folder), "-v", "--check", "unique_ids")[1]


def test_an_unknown_check_is_one_line_with_the_nearest(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = _run(capsys, str(folder), "--check", "uniqe_ids")
    assert (code, out) == (2, "")
    assert err == "ghostload: unknown check 'uniqe_ids', did you mean unique_ids?\n"


@pytest.mark.parametrize("place", ["nothing", "set/transformers.csv"])
def test_no_folder_is_a_usage_error_in_one_line(capsys: pytest.CaptureFixture[str], folder: Path, place: str) -> None:
    code, out, err = _run(capsys, str(folder.parent / place))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "give the folder of a data set" in err


def test_no_argument_is_a_usage_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "DIR is missing" in err


def test_help_has_one_line_of_purpose_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--help")
    assert code == 0
    assert "Check a data set and list what is wrong with it." in out
    assert "ghostload validate generated_data" in out
    assert max(map(len, out.splitlines())) <= 100


def test_checks_are_listed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--list-checks")
    assert code == 0
    assert any(line.startswith("unique_ids ") for line in out.splitlines())
    assert max(map(len, out.splitlines())) <= 100
    rows = json.loads(_run(capsys, "--list-checks", "--format", "json")[1])
    assert {"name", "subject", "severities", "summary"} == set(rows[0])
    assert "unique_ids" in {row["name"] for row in rows}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_finding(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "transformers.csv").chmod(0)
    code, out, _ = _run(capsys, str(folder))
    assert code == 3
    assert "Permission denied" in out


def test_validating_imports_neither_scipy_nor_scikit_learn(folder: Path) -> None:
    script = (
        "import sys\nfrom ghostload_cli.main import main\n"
        "try:\n    main(['validate', sys.argv[1]])\nexcept SystemExit:\n    pass\n"
        "heavy = {'scipy', 'sklearn', 'bokeh'} & set(sys.modules)\nsys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
