"""Data sets for tests, made once a run."""

from __future__ import annotations

from functools import cache
from typing import Any

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.pipeline import SyntheticDataPipeline


@cache
def built(**settings: Any) -> Dataset:
    """Return the data set of some settings."""
    return SyntheticDataPipeline(GeneratorConfig(**settings)).build()
