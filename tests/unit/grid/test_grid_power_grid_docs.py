"""The examples of the pages about the grid run, each by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = ("grid.md", "grid-for-pandapower-users.md", "grid-for-rustpower-users.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs(page: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {number}", "exec"), {})


def test_every_option_is_on_the_page(root: Path) -> None:
    from dataclasses import fields

    from ghostload.grid.options import SolveOptions

    page = (root / "docs" / "grid.md").read_text(encoding="utf-8")
    for field in fields(SolveOptions):
        shown = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
        assert f"{field.name}={shown}" in page
