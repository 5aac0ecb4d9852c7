"""ghostload: synthetic electricity-meter data in which theft and faults are known.

Public names are loaded when they are first used, so that ``import ghostload`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "AnomalyConfig": "ghostload.config",
    "Baseline": "ghostload.config",
    "Dataset": "ghostload.dataset",
    "GeneratorConfig": "ghostload.config",
    "GeoJSONGenerator": "ghostload.generators",
    "GhostloadError": "ghostload.errors",
    "MeterGenerator": "ghostload.generators",
    "MeteringConfig": "ghostload.config",
    "PowerGrid": "ghostload.grid.power_grid",
    "PowerGrid3ph": "ghostload.grid.power_grid_3ph",
    "SyntheticDataPipeline": "ghostload.pipeline",
    "TerritoryConfig": "ghostload.config",
    "TransformerGenerator": "ghostload.generators",
    "load_config": "ghostload.config",
    "load_dataset": "ghostload.dataset",
    "make_meter_readings": "ghostload.make",
    "run_benchmark": "ghostload.detection",
    "validate": "ghostload.validation",
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from ghostload.config import AnomalyConfig as AnomalyConfig
    from ghostload.config import Baseline as Baseline
    from ghostload.config import GeneratorConfig as GeneratorConfig
    from ghostload.config import MeteringConfig as MeteringConfig
    from ghostload.config import TerritoryConfig as TerritoryConfig
    from ghostload.config import load_config as load_config
    from ghostload.dataset import Dataset as Dataset
    from ghostload.dataset import load_dataset as load_dataset
    from ghostload.detection import run_benchmark as run_benchmark
    from ghostload.errors import GhostloadError as GhostloadError
    from ghostload.generators import GeoJSONGenerator as GeoJSONGenerator
    from ghostload.generators import MeterGenerator as MeterGenerator
    from ghostload.generators import TransformerGenerator as TransformerGenerator
    from ghostload.grid.power_grid import PowerGrid as PowerGrid
    from ghostload.grid.power_grid_3ph import PowerGrid3ph as PowerGrid3ph
    from ghostload.make import make_meter_readings as make_meter_readings
    from ghostload.pipeline import SyntheticDataPipeline as SyntheticDataPipeline
    from ghostload.validation import validate as validate


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ghostload' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
