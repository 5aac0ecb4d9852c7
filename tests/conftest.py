"""What all tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.pipeline import SyntheticDataPipeline

ROOT = Path(__file__).resolve().parent.parent


@cache
def built(**settings: object) -> Dataset:
    """Return the data set of some settings, made once a run."""
    return SyntheticDataPipeline(GeneratorConfig(**settings)).build()  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Return a data set of the default kind, small."""
    return built(num_meters=600)


@pytest.fixture(scope="session")
def dataset_2000() -> Dataset:
    """Return the seed's data set: all defaults."""
    return built()
