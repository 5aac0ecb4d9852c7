"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from tests_support import built  # noqa: E402

from ghostload.dataset import Dataset  # noqa: E402


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
