"""Every command and every snippet of the README and the docs runs as it stands there."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
SHOWN = ("meter_consumption.csv", "anomaly_events.csv")
RUN_BY_CI = re.compile(r"^python3 -m venv")
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")


def _blocks(page: Path) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind in ("sh", "python")]


DRIVER = """
import json, subprocess, sys
namespace = {"__name__": "page"}
for kind, text in json.load(open("blocks.json", encoding="utf-8")):
    print(f"--- {kind}\\n{text}", flush=True)
    if kind == "python":
        exec(compile(text, "page", "exec"), namespace)
    else:
        subprocess.run(["bash", "-euo", "pipefail", "-c", text], check=True)
"""
"""Runs the blocks of a page one after another, Python blocks in one namespace, as a reader would in one session."""


def _run(arguments: list[str], folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{arguments}\n{run.stdout}\n{run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_and_snippets_run_one_after_another(page: Path, tmp_path: Path) -> None:
    blocks = [(kind, text) for kind, text in _blocks(page) if not RUN_BY_CI.match(text)]
    _run(["ghostload", "generate", "--num-meters", "5000"], tmp_path)
    (tmp_path / "blocks.json").write_text(json.dumps(blocks), encoding="utf-8")
    _run([sys.executable, "-W", "error", "-c", DRIVER], tmp_path)


def test_ci_runs_the_first_two_commands_of_the_readme() -> None:
    commands = [
        subprocess.run(
            [sys.executable, ".ci/readme_command.py", number], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for number in ("1", "2")
    ]
    assert commands[0].rstrip().endswith("ghostload generate --num-meters 5000")
    assert commands[1].rstrip().endswith("python -m pytest")
    assert all(RUN_BY_CI.match(command) for command in commands)
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert 'readme "$name-run" 1' in script
    assert 'readme "$name-test" 2' in script


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_rows_that_the_readme_shows_are_in_the_data(tmp_path: Path) -> None:
    _run(["ghostload", "generate", "--num-meters", "5000"], tmp_path)
    files = [(tmp_path / "generated_data" / name).read_text(encoding="utf-8").splitlines() for name in SHOWN]
    block = re.search(r"^```csv\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None
    rows = block[1].splitlines()
    assert len(rows) == 4
    for row in rows:
        assert any(row in lines for lines in files), row


def test_the_figures_that_the_readme_shows_are_those_of_the_leaderboard() -> None:
    board = defaultdict(list)
    with (ROOT / "reports/leaderboard.csv").open(encoding="utf-8", newline="") as file:
        for row in (row for row in csv.DictReader(file) if row["group"] == "detector"):
            board[row["name"], row["difficulty"]].append((float(row["roc_auc"]), float(row["ap"])))
    shown = re.findall(r"^\| `(\w+)` \|(.*?)\|(.*?)\|(.*?)\|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(shown) == 5
    for name, *cells in shown:
        for difficulty, cell in zip(("easy", "realistic", "hard"), cells, strict=True):
            figures = [float(figure) for figure in re.findall(r"\.\d+", cell)]
            means = [math.fsum(values) / len(values) for values in zip(*board[name, difficulty], strict=True)]
            assert all(abs(figure - mean) < 0.00051 for figure, mean in zip(figures, means, strict=True))
