"""Settings: dataclasses, strict loading, JSON Schema, presets."""

from ghostload.config.model import (
    CUSTOMER_CLASSES,
    DIFFICULTIES,
    AnomalyConfig,
    Baseline,
    GeneratorConfig,
    MeteringConfig,
    TerritoryConfig,
)

__all__ = [
    "CUSTOMER_CLASSES",
    "DIFFICULTIES",
    "AnomalyConfig",
    "Baseline",
    "GeneratorConfig",
    "MeteringConfig",
    "TerritoryConfig",
]
