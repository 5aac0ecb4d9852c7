"""What a data set follows from, as a hash: its settings, its input files, and the versions that computed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pyarrow

from ghostload import __version__
from ghostload.config.loading import NOT_DATA, config_to_dict
from ghostload.config.model import GeneratorConfig
from ghostload.errors import ConfigError


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def sha256(data: bytes) -> str:
    """Return the hash as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def input_files(config: GeneratorConfig, known: Mapping[str, Any] | None = None) -> dict[str, dict[str, str]]:
    """Return name and hash of each file that the settings name, by the path of the setting.

    Parameters
    ----------
    config : GeneratorConfig
    known : mapping, optional
        The same of a data set that was read from disk; used for files that are not there (any more).
    """
    found = {}
    for path, file in _paths(config):
        try:
            found[path] = {"file": file.name, "sha256": sha256(file.read_bytes())}
        except OSError as error:
            if known is None or path not in known:
                raise ConfigError(
                    f"{path}: {file} cannot be read ({error.strerror}); name a file that is there"
                ) from None
            found[path] = dict(known[path])
    return found


def config_sha256(config: GeneratorConfig, inputs: Mapping[str, Any]) -> str:
    """Return the hash of the settings and of their input files; equal hashes mean equal data."""
    return sha256(canonical_json({"config": config_to_dict(config, data_only=True), "inputs": dict(inputs)}))


def work_key(config: GeneratorConfig) -> str:
    """Return a name for all that the numbers of a run follow from: settings, input files, versions."""
    settings = config_sha256(config, input_files(config))
    return sha256(canonical_json({"config": settings, "versions": versions()}))[:16]


@cache
def versions() -> dict[str, str]:
    """Return the versions of what computes and writes the numbers."""
    import shapely

    return {
        "ghostload": __version__,
        "numpy": numpy.__version__,
        "pyarrow": pyarrow.__version__,
        "shapely": shapely.__version__,
    }


def _paths(group: Any, prefix: str = "") -> list[tuple[str, Path]]:
    """Return the settings that name an input file."""
    found: list[tuple[str, Path]] = []
    for item in fields(group):
        value = getattr(group, item.name)
        if is_dataclass(value):
            found += _paths(value, f"{prefix}{item.name}.")
        elif isinstance(value, Path) and item.name not in NOT_DATA:
            found.append((f"{prefix}{item.name}", value))
    return found
