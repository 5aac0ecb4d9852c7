from __future__ import annotations

from pathlib import Path

import pytest
import validation_samples as samples

from ghostload.dataset import Dataset


@pytest.fixture(scope="session")
def sound() -> Dataset:
    return samples.sound()


@pytest.fixture
def folder(sound: Dataset, tmp_path: Path) -> Path:
    return samples.write_folder(sound, tmp_path / "set")
