"""Every golden folder of grids is whole, says where it is from, and is read by a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from oracle_support import GOLDEN

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
SOURCES = [
    path
    for path in sorted(TESTS.rglob("*.py"))
    if path.name.startswith("test_") or path.name.endswith("_support.py")
    if path != Path(__file__).resolve()
]


def _named() -> tuple[set[str], list[str]]:
    """Words in the texts of tests, and beginnings of the names of folders that they go through."""
    words: set[str] = set()
    beginnings: list[str] = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        words |= set(re.findall(r'"([\w./-]+)"', text))
        beginnings += re.findall(r'GOLDEN\.glob\("(\w+)\*"\)', text)
    return words, beginnings


def test_there_are_golden_folders_and_nothing_else() -> None:
    assert len(FOLDERS) >= 40
    assert [path.name for path in GOLDEN.iterdir() if not path.is_dir()] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_a_golden_folder_holds_input_expected_output_and_where_it_is_from(name: str) -> None:
    files = {path.name for path in (GOLDEN / name).iterdir()}
    assert "case.yaml" in files
    about = yaml.safe_load((GOLDEN / name / "case.yaml").read_text(encoding="utf-8"))
    assert about["oracle"]
    assert re.search(r"\d+\.\d+", str(about["version"]))
    tolerances = [float(value) for key, value in about.items() if re.fullmatch(r"tolerance(_v)?_pu", key)]
    assert len(tolerances) == 1
    assert 0.0 < tolerances[0] <= 1e-6
    script = re.search(r"tests/oracle/(\w+\.py)", about["command"])
    assert script is not None
    maker = TESTS / "oracle" / script[1]
    assert maker.is_file()
    short = name.removeprefix("powerflow_")
    assert name in maker.read_text(encoding="utf-8") or f'"{short}"' in maker.read_text(encoding="utf-8")
    stems = {file.partition(".")[0] for file in files}
    assert "expected" in stems
    # A folder about a writer holds what was written, which is the oracle's input, and names what it was written from.
    assert "input" in stems or ("output" in stems and about["input"])
    assert stems <= {"input", "output", "expected", "flows", "case"}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_golden_folder_is_read_by_a_test(name: str) -> None:
    words, beginnings = _named()
    assert name in words or any(name.startswith(beginning) for beginning in beginnings)
