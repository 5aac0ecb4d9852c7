"""Settings by name, shipped as YAML; each file says where its numbers are from."""

from __future__ import annotations

from pathlib import Path

from ghostload.config.loading import Layer, file_layer
from ghostload.config.model import GeneratorConfig
from ghostload.errors import ConfigError, did_you_mean

_FOLDER = Path(__file__).parent / "presets"


def preset_names() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def preset_text(name: str) -> str:
    """Return the YAML of a preset, comments included."""
    return _path(name).read_text(encoding="utf-8")


def preset_purpose(name: str) -> str:
    """Return the one line that a preset's file begins with."""
    return preset_text(name).partition("\n")[0].lstrip("# ").rstrip()


def preset_layer(name: str) -> Layer:
    """Return the settings of a preset, to be laid over the defaults."""
    return Layer(f"preset {name}", file_layer(_path(name)).values)


def load_preset(name: str) -> GeneratorConfig:
    """Return the config of a preset."""
    from ghostload.config.loading import resolve

    return resolve([preset_layer(name)])


def _path(name: str) -> Path:
    if name not in preset_names():
        raise ConfigError(f"unknown preset {name}{did_you_mean(name, preset_names())}")
    return _FOLDER / f"{name}.yaml"
