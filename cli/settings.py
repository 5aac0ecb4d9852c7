"""Settings from the options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ghostload.config.loading import Layer, file_layer, resolve
from ghostload.config.model import GeneratorConfig
from ghostload.config.presets import preset_layer
from ghostload.errors import ConfigError, RegistrationError

F = TypeVar("F", bound=Callable[..., Any])


def layer_options(command: F) -> F:
    """Add ``-c``, ``--preset`` and ``--set`` to a command."""
    for option in (
        click.option("--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True, help="One setting; repeatable."),
        click.option("--preset", metavar="NAME", help="Settings by name; see `ghostload config presets`."),
        click.option("-c", "--config", "file", metavar="FILE", help="Settings from a YAML file."),
    ):
        command = option(command)
    return command


def resolve_settings(
    preset: str | None,
    file: str | None,
    overrides: Sequence[str],
    named: Mapping[str, tuple[str, Any]] | None = None,
) -> GeneratorConfig:
    """Merge defaults < preset < file < ``--set`` < named options, and check that every name in them is known.

    Parameters
    ----------
    preset, file : str, optional
    overrides : sequence of "key.path=value"
    named : mapping of option to (path of the setting, value)
        A value of None was not given.
    """
    layers = [] if preset is None else [preset_layer(preset)]
    if file is not None:
        layers.append(file_layer(Path(file)))
    given = {path: (flag, value) for flag, (path, value) in (named or {}).items() if value is not None}
    options = Layer("options", _nested(given), {path: flag for path, (flag, _) in given.items()}) if given else None
    config = resolve(layers, overrides, options)
    check_names(config)
    return config


def check_names(config: GeneratorConfig) -> None:
    """Refuse kinds of anomaly and exporters that are not registered, or not of the right family.

    Raises
    ------
    ConfigError
        Naming the path of the setting and the nearest name.
    """
    from ghostload.anomalies import KINDS, Family
    from ghostload.export import EXPORTERS

    for group, names in (("mix", config.anomalies.mix), ("look_alikes", config.anomalies.look_alikes)):
        for name in names:
            path = f"anomalies.{group}.{name}"
            is_theft = _registered(path, KINDS.get, name).family is Family.THEFT
            if is_theft != (group == "mix"):
                other = "look_alikes" if group == "mix" else "mix"
                raise ConfigError(f"{path}: belongs under anomalies.{other}, not here")
    for name in config.export.others:
        _registered("export.others", EXPORTERS.get, name)


def _registered(path: str, get: Callable[[str], Any], name: str) -> Any:
    try:
        return get(name)
    except RegistrationError as error:
        raise ConfigError(f"{path}: {error}") from None


def _nested(given: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, (_, value) in given.items():
        *groups, name = path.split(".")
        here = values
        for group in groups:
            here = here.setdefault(group, {})
        here[name] = value
    return values
