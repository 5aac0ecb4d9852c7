"""A browser for the whole run, and data sets of two sizes that it looks at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from e2e_support import show
from headless_chromium import Chromium, Page, find

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.pipeline import SyntheticDataPipeline


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find()
    if program is None:
        reason = "Chromium is not there; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Chromium(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A fresh page; when the test is over it must have asked for nothing outside and complained about nothing."""
    opened = chromium.page()
    yield opened
    asked, said = opened.outside(), opened.complaints
    opened.close()
    assert [url for url in asked if not url.startswith(tuple(opened.allowed))] == []
    assert said == []


@pytest.fixture(scope="session")
def dataset_of() -> Callable[[int], Dataset]:
    """Data sets by number of meters, made once."""
    made: dict[int, Dataset] = {}

    def get(num_meters: int) -> Dataset:
        if num_meters not in made:
            built = SyntheticDataPipeline(GeneratorConfig(num_meters=num_meters)).build()
            made[num_meters] = replace(built, path=Path(f"sample_{num_meters}"))
        return made[num_meters]

    return get


@pytest.fixture(scope="session")
def map_file(dataset_of: Callable[[int], Dataset], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Maps by number of meters and options, written once."""
    from ghostload.reporting.map_page import write_map

    folder = tmp_path_factory.mktemp("maps")

    def get(num_meters: int, **options: Any) -> Path:
        path = folder / f"map_{num_meters}_{'_'.join(sorted(options))}.html"
        if not path.exists():
            write_map(dataset_of(num_meters), path, **options)
        return path

    return get


@pytest.fixture
def open_map(page: Page, map_file: Callable[..., Path]) -> Callable[..., Page]:
    """Open a map and wait until it is drawn."""

    def opened(num_meters: int, **options: Any) -> Page:
        return show(page, map_file(num_meters, **options))

    return opened
