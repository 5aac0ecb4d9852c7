from __future__ import annotations

import json
from pathlib import Path

import pytest

from ghostload.reporting.output import MARK
from ghostload_cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "town"
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


def board(**about: object) -> str:
    counts = {"num_meters": 120, "num_transformers": 3, "first_month": "202501", "last_month": "202512"} | about
    metrics = {"ap": {"value": 0.31, "low": 0.2, "high": 0.4}}
    return json.dumps({"data_set": counts, "detectors": [{"name": "some_detector", "metrics": metrics}]})


def test_the_report_stands_in_the_current_folder_and_the_data_set_is_left_alone(folder: Path, tmp_path: Path) -> None:
    before = sorted(p.name for p in folder.iterdir())
    assert run("report", folder) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["town_report.html"]
    assert sorted(p.name for p in folder.iterdir()) == before
    text = (tmp_path / "town_report.html").read_text(encoding="utf-8")
    assert MARK in text[:2048]
    assert "random_seed" in text
    assert 'id="truth"' in text


def test_the_same_data_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert run("report", folder, "-o", "a.html") == 0
    assert run("report", folder, "-o", "b.html") == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_no_truth_leaves_out_kinds_rates_and_leaderboard(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "leaderboard.json").write_text(board())
    assert run("report", folder, "--no-truth", "-o", "r.html") == 0
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    kinds = {row.split(",")[3] for row in (folder / "anomaly_events.csv").read_text().splitlines()[1:]}
    assert kinds
    for word in (*kinds, "anomaly_rate", "anomaly_labels", "some_detector", "theft"):
        assert word not in text, word


def test_a_leaderboard_beside_the_folder_is_shown_when_it_is_of_this_data_set(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "leaderboard.json").write_text(board())
    assert run("report", folder, "-o", "r.html") == 0
    assert "some_detector" in (tmp_path / "r.html").read_text(encoding="utf-8")
    (folder.parent / "leaderboard.json").write_text(board(num_meters=9))
    assert run("report", folder, "-o", "r.html") == 0
    assert "some_detector" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_leaderboard_that_is_named_is_shown(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(board(num_meters=9))
    assert run("report", folder, "-o", "r.html", "--leaderboard", "other.json") == 0
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "some_detector" in text
    assert "of another data set" in text


def test_what_a_new_user_gets_wrong_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "mine.html").write_text("mine")
    for arguments, code, words in (
        (["report", "nowhere"], 2, "nowhere: no such folder"),
        (["report", folder, "--leaderboard", "bad.json"], 1, "bad.json: is no JSON"),
        (["report", folder, "--leaderboard", "none.json"], 2, "none.json: cannot be read"),
        (["report", folder, "--leaderboard", "bad.json", "--no-truth"], 2, "--leaderboard"),
        (["report", folder, "-o", "mine.html"], 1, "--force"),
        (["report"], 2, "DIR"),
    ):
        assert run(*arguments) == code, arguments
        err = capsys.readouterr().err
        assert words in err
        assert err.count("\n") == 1
    assert not (tmp_path / "town_report.html").exists()


def test_help_has_purpose_options_and_an_example_on_lines_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", "--help") == 0
    out = capsys.readouterr().out
    assert "Describe a data set in one HTML page" in out
    assert "\n    ghostload report generated_data\n" in out
    assert "--no-truth" in out
