"""What the browser tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headless_chromium import Page

SIZES = (5_000, 100_000)


def show(page: Page, path: Path, **size: Any) -> Page:
    """Open a map and wait until it is drawn."""
    page.open(path, **size)
    page.wait_for("document.body.dataset.ready")
    assert page.run("document.body.dataset.ready") == "yes", page.complaints
    page.settle()
    return page


def look_for(page: Page, words: str) -> None:
    """Type into the map's search box."""
    page.run(
        f"""(() => {{
          const box = document.getElementById("search");
          box.value = {words!r};
          box.dispatchEvent(new Event("input"));
        }})()"""
    )
