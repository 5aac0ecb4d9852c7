"""The page on wires tells what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from ghostload.wires.catalogue import rows_of
from ghostload.wires.table import line_table


def test_the_page_holds_the_table_of_lines(root: Path) -> None:
    page = (root / "docs" / "wires.md").read_text(encoding="utf-8")
    assert line_table() in page, "put the output of ghostload.wires.table.line_table() into docs/wires.md"


def test_the_page_names_every_planning_figure(root: Path) -> None:
    page = (root / "docs" / "wires.md").read_text(encoding="utf-8")
    for row in rows_of("practices"):
        assert f"`{row['name']}`" in page, row["name"]
