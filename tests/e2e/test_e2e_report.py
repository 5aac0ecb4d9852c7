"""The report in a real browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from e2e_support import SIZES
from headless_chromium import Page
from PIL import Image

from ghostload.dataset import Dataset
from ghostload.reporting.report_page import write_report


@pytest.mark.parametrize("size", SIZES)
def test_the_report_draws_every_chart_and_fits_the_page(
    page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    path = tmp_path / "report.html"
    write_report(dataset_of(size), path)
    page.open(path, width=1200, height=900)
    assert page.run("document.querySelectorAll('#distributions figure svg').length") == 6
    assert page.run("document.querySelectorAll('#truth .multiples svg').length") >= 30
    empty = "[...document.querySelectorAll('figure svg')].filter(s => s.getBoundingClientRect().height < 40).length"
    assert page.run(empty) == 0
    assert page.run("document.documentElement.scrollWidth") <= 1200
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot(whole=True))).convert("RGB"))
    for colour in ((0, 114, 178), (213, 94, 0), (123, 50, 148)):
        assert (picture == colour).all(axis=2).sum() > 200
    assert page.run("document.querySelectorAll('script').length") == 0


def test_no_text_of_a_chart_runs_over_its_edge(
    page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]
) -> None:
    path = tmp_path / "report.html"
    write_report(dataset_of(SIZES[0]), path)
    page.open(path, width=1200, height=900)
    over = page.run(
        """[...document.querySelectorAll('figure svg text')].filter(t => {
          const own = t.getBoundingClientRect(), box = t.ownerSVGElement.getBoundingClientRect();
          return own.left < box.left - 2 || own.right > box.right + 2 || own.bottom > box.bottom + 2;
        }).map(t => t.textContent)"""
    )
    assert over == []


def test_it_fits_a_narrow_screen(page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]) -> None:
    path = tmp_path / "report.html"
    write_report(dataset_of(SIZES[0]), path)
    page.open(path, width=420, height=800)
    assert page.run("document.documentElement.scrollWidth") <= 420
