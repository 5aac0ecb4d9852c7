from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("leaderboard_script", root / "benchmarks" / "leaderboard.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def run(script, difficulty, seed, forest, boosting, simple=0.5):
    detectors = {"isolation_forest": (forest, 0.2), "gradient_boosting": (boosting, 0.3), "random": (0.5, 0.075)}
    return script.Run(difficulty, seed, detectors, {"mean": simple, "cv": 0.6})


@pytest.fixture
def rows(script):
    runs = [run(script, "realistic", 0, 0.60, 0.70), run(script, "realistic", 1, 0.64, 0.72)]
    runs += [run(script, "hard", 0, 0.55, 0.60), run(script, "easy", 0, 0.95, 0.97)]
    return script.rows_of(runs)


def test_one_data_set_is_made_and_scored(script):
    result = script.run_one(("realistic", 3, 400, ("rule_drop", "random")))
    assert set(result.detectors) == {"rule_drop", "random"}
    assert all(0 <= auc <= 1 and 0 < ap <= 1 for auc, ap in result.detectors.values())
    assert set(result.simple) >= {"mean", "median", "last_over_first", "ratio_to_class", "ratio_to_transformer", "kva"}


def test_rows_hold_every_seed_and_are_sorted(script, rows):
    realistic = [row for row in rows if row.difficulty == "realistic"]
    assert [row.name for row in realistic] == ["gradient_boosting", "isolation_forest", "random", "cv", "mean"]
    assert realistic[1].roc_auc == (0.60, 0.64)
    assert script.figure(realistic[1].roc_auc) == "0.620 (0.600–0.640)"
    assert script.figure((0.5,)) == "0.500"
    assert script.figure(()) == ""


def test_targets_hold_and_fail_where_they_should(script, rows):
    assert all(target.holds for target in script.targets_of(rows))
    runs = [run(script, "realistic", 0, 0.80, 0.70, simple=0.80), run(script, "hard", 0, 0.85, 0.6)]
    failed = {target.text for target in script.targets_of(script.rows_of(runs)) if not target.holds}
    assert failed == {
        "AUC of isolation_forest",
        "AUC of the best unsupervised detector (isolation_forest)",
        "AUC of the simple feature mean",
        "AUC of isolation_forest, below realistic",
    }


def test_a_part_of_the_runs_has_only_its_own_targets(script):
    alone = script.Run("realistic", 0, {"gradient_boosting": (0.7, 0.2)}, {})
    assert [target.text for target in script.targets_of(script.rows_of([alone]))] == ["AUC of gradient_boosting"]


def test_seeds_are_a_count_or_a_range(script):
    assert script.parse(["--seeds", "3"]).seeds == [0, 1, 2]
    assert script.parse(["--seeds", "4-6"]).seeds == [4, 5, 6]
    assert script.parse([]).seeds == list(range(10))


def test_main_prints_and_writes_the_report(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "run_all", lambda jobs, processes: map(script.run_one, jobs))
    command = ["--seeds", "2", "--meters", "300", "--difficulty", "easy", "--detectors", "rule_drop,random"]
    assert script.main([*command, "--output-dir", str(tmp_path / "reports")]) in (0, 1)
    report = (tmp_path / "reports" / "leaderboard.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert "| rule_drop |" in report
    assert "python benchmarks/leaderboard.py --seeds 2" in report
    lines = (tmp_path / "reports" / "leaderboard.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "difficulty,group,name,seed,roc_auc,ap"
    assert len(lines) == 1 + 2 * (2 + 9)


def test_processes_do_not_change_the_result(root, tmp_path):
    tables = []
    for processes in ("1", "2"):
        folder = tmp_path / processes
        command = [
            sys.executable,
            str(root / "benchmarks" / "leaderboard.py"),
            "--processes",
            processes,
            "--seeds",
            "2",
        ]
        command += ["--meters", "200", "--difficulty", "easy", "--detectors", "rule_drop", "--output-dir", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "2 of 2 data sets" in done.stderr, done.stderr
        tables.append((folder / "leaderboard.csv").read_bytes())
    assert tables[0] == tables[1]


def test_an_empty_report_is_no_error(script):
    arguments = argparse.Namespace(seeds=[0], meters=10)
    assert "## " not in script.markdown([], arguments, "python benchmarks/leaderboard.py")
