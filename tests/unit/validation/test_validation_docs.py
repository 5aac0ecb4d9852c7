"""The page on validation lists the checks that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ghostload.dataset import Dataset
from ghostload.validation import CHECKS, validate

PAGE = Path(__file__).parents[3] / "docs" / "validation.md"
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| (.+) \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_lists_every_check_with_its_severities_and_its_cure(text: str) -> None:
    listed = {name: tuple(severities.split(", ")) for name, severities, _, _ in ROW.findall(text)}
    own = [check for check in CHECKS if check.function.__module__.startswith("ghostload.")]
    assert listed == {check.name: tuple(severity.value for severity in check.severities) for check in own}
    for name, _, looks_at, cure in ROW.findall(text):
        assert looks_at.endswith("."), name
        assert cure.endswith("."), name


def test_the_example_on_the_page_runs(text: str, sound: Dataset) -> None:
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "@register" in block]
    exec(compile(example, str(PAGE), "exec"), {})
    try:
        assert validate(sound, checks=["no_round_hundreds"]).findings == ()
    finally:
        CHECKS.remove("no_round_hundreds")
