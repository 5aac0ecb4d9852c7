"""Settings: dataclasses, strict loading, JSON Schema, presets."""

from ghostload.config.loading import config_from_dict, config_to_dict, load_config
from ghostload.config.model import (
    CUSTOMER_CLASSES,
    DIFFICULTIES,
    AnomalyConfig,
    Baseline,
    ExportConfig,
    GeneratorConfig,
    MeteringConfig,
    NetworkConfig,
    TerritoryConfig,
)

__all__ = [
    "CUSTOMER_CLASSES",
    "DIFFICULTIES",
    "AnomalyConfig",
    "Baseline",
    "ExportConfig",
    "GeneratorConfig",
    "MeteringConfig",
    "NetworkConfig",
    "TerritoryConfig",
    "config_from_dict",
    "config_to_dict",
    "load_config",
]
