from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ghostload.reporting.output import MARK
from ghostload_cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("map") / "town"
    with pytest.raises(SystemExit) as stop:
        main(["generate", "-q", "--num-meters", "120", "--output-dir", str(target)])
    assert stop.value.code == 0
    return target


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    return int(stop.value.code or 0)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def test_the_map_stands_in_the_current_folder_and_the_data_set_is_left_alone(folder: Path, tmp_path: Path) -> None:
    before = sorted(p.name for p in folder.iterdir())
    assert run("map", folder) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["town_map.html"]
    assert sorted(p.name for p in folder.iterdir()) == before
    assert MARK in (tmp_path / "town_map.html").read_text(encoding="utf-8")[:2048]


def test_the_size_is_told_on_stderr_and_stdout_stays_empty(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("map", folder, "-o", "x.html") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("x.html: 1.")
    assert "MB" in err


def test_a_second_run_gives_the_same_bytes_and_needs_no_force(folder: Path, tmp_path: Path) -> None:
    assert run("map", folder) == 0
    first = (tmp_path / "town_map.html").read_bytes()
    assert run("map", folder) == 0
    assert (tmp_path / "town_map.html").read_bytes() == first


def test_the_installed_command_gives_the_same_bytes_with_any_hash_seed(folder: Path, tmp_path: Path) -> None:
    for seed in ("1", "999"):
        command = [sys.executable, "-m", "ghostload_cli.main"]
        code = "import sys; from ghostload_cli.main import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", code, "map", str(folder), "-o", f"{seed}.html", "--truth"]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "999.html").read_bytes()


def test_truth_is_in_the_file_only_when_asked_for(folder: Path, tmp_path: Path) -> None:
    assert run("map", folder, "-o", "without.html") == 0
    assert run("map", folder, "-o", "with.html", "--truth") == 0
    assert "truth" not in (tmp_path / "without.html").read_text(encoding="utf-8").split("BEGIN bokeh")[0]
    assert "truth-data" in (tmp_path / "with.html").read_text(encoding="utf-8")


def test_a_folder_with_the_core_files_alone_is_enough(folder: Path, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.mkdir()
    for name in ("transformers.csv", "meter_consumption.csv", "anomaly_labels.csv"):
        shutil.copy(folder / name, core / name)
    assert run("map", "core", "--truth") == 0
    assert (tmp_path / "core_map.html").exists()


def test_a_file_of_other_make_is_kept_unless_forced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.html").write_text("mine")
    assert run("map", folder, "-o", "mine.html") == 1
    assert "--force" in complaint(capsys)
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert run("map", folder, "-o", "mine.html", "--force") == 0
    assert MARK in (tmp_path / "mine.html").read_text(encoding="utf-8")


def test_what_a_new_user_gets_wrong_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, words in (
        (["map", "nowhere"], 2, "nowhere: no such folder"),
        (["map", folder, "-o", "no/such/x.html"], 1, "does not exist"),
        (["map", folder, "-o", "."], 1, "is a folder"),
        (["map", folder, "--tiles", "tiles.png"], 2, "no tile address"),
        (["map", folder, "--attribution", "me"], 2, "--attribution: belongs to --tiles"),
        (["map"], 2, "DIR"),
        (["map", folder, "--thruth"], 2, "--thruth"),
    ):
        assert run(*arguments) == code, arguments
        assert words in complaint(capsys)


def test_a_folder_without_truth_says_so_when_truth_is_wanted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "cut")
    (tmp_path / "cut" / "anomaly_labels.csv").unlink()
    assert run("map", "cut", "--truth") == 1
    assert "anomaly_labels.csv" in complaint(capsys)
    assert run("map", "cut") == 0


def test_own_tiles_are_taken(folder: Path, tmp_path: Path) -> None:
    assert (
        run("map", folder, "--tiles", "https://t.example.org/{Z}/{X}/{Y}.png", "--attribution", "© me", "-o", "t.html")
        == 0
    )
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert "https://t.example.org/{Z}/{X}/{Y}.png" in text
    assert "cartocdn" not in text.replace("BEGIN bokeh", "")[:4000]


def test_help_has_purpose_options_and_an_example_on_lines_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("map", "--help") == 0
    out = capsys.readouterr().out
    assert "Draw a data set on a map" in out
    assert "\n    ghostload map generated_data\n" in out
    assert "--truth" in out
