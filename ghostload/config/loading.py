"""Settings from YAML, presets and the command line, strictly: defaults < preset < file < ``--set`` < options.

A group of settings (``anomalies:``) is merged key by key with what lies below it. A mapping of names to values
(``anomalies.mix:``, ``customer_classes:``) replaces the whole mapping below it, because its values belong together;
``--set anomalies.mix.bypass=0.5`` changes one entry of it.
"""

from __future__ import annotations

import copy
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ghostload.config.check import default_of, hints, unwrap
from ghostload.config.model import GeneratorConfig
from ghostload.config.yamltext import parse_yaml, read_mapping
from ghostload.errors import ConfigError, did_you_mean

NOT_DATA = ("output_dir",)
"""Settings that no byte of the data follows from."""


@dataclass(frozen=True)
class Layer:
    """Settings from one place.

    Attributes
    ----------
    label : str
        The place, for messages: a file, ``preset metro_manila``, ``--set``.
    values : mapping
        Nested, as in YAML.
    flags : mapping of path to str
        What stands for a path on the command line, such as ``--seed`` for ``random_seed``.
    """

    label: str
    values: Mapping[str, Any]
    flags: Mapping[str, str] = field(default_factory=dict)


def load_config(path: str | Path) -> GeneratorConfig:
    """Read settings from a YAML file; what it leaves out has its default.

    Raises
    ------
    ConfigError
        In one line that begins with the file's name, then the path of the key, its value and the cure.
    """
    return resolve([file_layer(Path(path))])


def config_from_dict(mapping: Mapping[str, Any], *, source: str = "config") -> GeneratorConfig:
    """Build a config from a nested mapping such as :func:`config_to_dict` returns.

    Parameters
    ----------
    mapping : mapping
        Settings by name; what is left out has its default.
    source : str
        What messages begin with.
    """
    return resolve([Layer(source, mapping)])


def config_to_dict(config: GeneratorConfig, *, data_only: bool = False) -> dict[str, Any]:
    """Return a config as nested plain values, in the order of the dataclasses.

    Parameters
    ----------
    config : GeneratorConfig
    data_only : bool
        Leave out what no byte of the data follows from: the output folder, and the folder of an input file.
    """
    plain: dict[str, Any] = _plain(config, names_only=data_only)
    return {name: value for name, value in plain.items() if not (data_only and name in NOT_DATA)}


def default_settings() -> dict[str, Any]:
    """Return every setting with its default, as nested plain values; what follows from others is None."""
    return {item.name: _plain(default_of(item)) for item in fields(GeneratorConfig)}


def file_layer(path: Path) -> Layer:
    """Read a YAML file; paths of input files in it are relative to its folder."""
    values = read_mapping(path)
    return Layer(str(path), _anchored(values, GeneratorConfig, path.parent))


def apply_overrides(mapping: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a copy of nested settings with single ones changed.

    Parameters
    ----------
    mapping : mapping
        Every setting, as :func:`config_to_dict` or :func:`default_settings` returns.
    settings : iterable of str
        ``key.path=value`` each; the value is read as YAML.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(mapping))
    for setting in settings:
        path, value = _split(setting)
        _put(changed, path, value)
    return changed


def resolve(layers: Iterable[Layer], overrides: Iterable[str] = (), options: Layer | None = None) -> GeneratorConfig:
    """Merge layers over the defaults, then ``--set`` overrides, then named options, and build the config.

    Raises
    ------
    ConfigError
        Beginning with the label of the place that gave the wrong setting.
    """
    layers, overrides = list(layers), list(overrides)
    merged = default_settings()
    for layer in layers:
        _check_keys(layer)
        merged = _merge(merged, layer.values, GeneratorConfig)
    merged = apply_overrides(merged, overrides)
    if overrides:
        layers.append(Layer("--set", _nested(_split(setting)[0] for setting in overrides)))
    if options is not None:
        merged = _merge(merged, options.values, GeneratorConfig)
        layers.append(options)
    try:
        config: GeneratorConfig = _build(GeneratorConfig, merged)
    except ConfigError as error:
        raise ConfigError(_placed(str(error), layers)) from None
    return config


@cache
def all_options() -> tuple[str, ...]:
    """Path of every setting, groups left out: ``random_seed``, ``anomalies.mix`` ..."""
    return tuple(_option_paths(GeneratorConfig, ""))


def group_of(hint: Any) -> type | None:
    """Return the dataclass that a type hint of a group of settings means, or None for a plain setting."""
    hint, _ = unwrap(hint)
    return hint if is_dataclass(hint) and isinstance(hint, type) else None


def _option_paths(cls: type, prefix: str) -> Iterator[str]:
    for name, hint in hints(cls).items():
        group = group_of(hint)
        if group is None:
            yield f"{prefix}{name}"
        else:
            yield from _option_paths(group, f"{prefix}{name}.")


def _plain(value: Any, names_only: bool = False) -> Any:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name), names_only) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item, names_only) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item, names_only) for item in value]
    if isinstance(value, Path):
        return value.name if names_only else value.as_posix()
    return value


def _build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """Build a config dataclass from nested values; a group's refusal is put under its path."""
    ready = dict(values)
    for name, hint in hints(cls).items():
        group = group_of(hint)
        if group is not None and isinstance(ready[name], Mapping):
            try:
                ready[name] = _build(group, ready[name])
            except ConfigError as error:
                raise ConfigError(f"{name}.{error}") from None
    return cls(**ready)


def _check_keys(layer: Layer) -> None:
    if not isinstance(layer.values, Mapping):
        raise ConfigError(f"{layer.label}: is {layer.values!r}, must be a mapping of settings")
    try:
        _known_keys(layer.values, GeneratorConfig, "")
    except ConfigError as error:
        raise ConfigError(f"{layer.label}: {error}") from None


def _known_keys(values: Mapping[str, Any], cls: type, prefix: str) -> None:
    for key, value in values.items():
        _known_key(key, cls, prefix)
        group = group_of(hints(cls)[key])
        if group is not None and isinstance(value, Mapping):
            _known_keys(value, group, f"{prefix}{key}.")


def _known_key(key: Any, cls: type, prefix: str) -> None:
    """Refuse a key that a group does not have; name the nearest, or the same name in another group."""
    known = hints(cls)
    if key in known:
        return
    elsewhere = [path for path in all_options() if path.rsplit(".", 1)[-1] == key]
    near = did_you_mean(f"{prefix}{key}", (f"{prefix}{name}" for name in known))
    hint = f", did you mean {elsewhere[0]}?" if elsewhere else near
    raise ConfigError(f"unknown option {prefix}{key}{hint}")


def _merge(base: Mapping[str, Any], over: Mapping[str, Any], cls: type) -> dict[str, Any]:
    """Lay settings over others: groups key by key, everything else whole."""
    merged = dict(base)
    for key, value in over.items():
        group = group_of(hints(cls)[key])
        below = merged[key]
        nested = group is not None and isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merge(below, value, group) if nested and group is not None else value
    return merged


def _anchored(values: Mapping[str, Any], cls: type, folder: Path) -> dict[str, Any]:
    """Put the folder of a file before the relative paths of input files that it names."""
    anchored = dict(values)
    for name, hint in hints(cls).items():
        value, group = anchored.get(name), group_of(hint)
        if group is not None and isinstance(value, Mapping):
            anchored[name] = _anchored(value, group, folder)
        elif isinstance(value, str) and value and name not in NOT_DATA and _is_path(hint):
            anchored[name] = (folder / value).as_posix()
    return anchored


def _is_path(hint: Any) -> bool:
    hint, _ = unwrap(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is_path(option) for option in typing.get_args(hint))
    return hint is Path


def _split(setting: str) -> tuple[list[str], Any]:
    path, equals, text = setting.partition("=")
    path = path.strip()
    if not equals or not path or not all(path.split(".")):
        raise ConfigError(f"--set {setting}: must be key.path=value, such as anomalies.hot_spot_share=0.2")
    try:
        return path.split("."), parse_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"--set {path}: {text!r} is no YAML value: {error}") from None


def _put(settings: dict[str, Any], path: list[str], value: Any) -> None:
    """Change one setting or one entry of a mapping of names to values."""
    here: Any = settings
    cls: type | None = GeneratorConfig
    for depth, key in enumerate(path):
        if cls is not None:
            try:
                _known_key(key, cls, "".join(f"{part}." for part in path[:depth]))
            except ConfigError as error:
                raise ConfigError(f"--set: {error}") from None
        if depth == len(path) - 1:
            here[key] = value
            return
        cls = group_of(hints(cls)[key]) if cls is not None else None
        if here.get(key) is None:
            here[key] = {}
        here = here[key]
        if not isinstance(here, dict):
            done = ".".join(path[: depth + 1])
            raise ConfigError(f"--set {'.'.join(path)}: {done} is {here!r} and has no parts; set {done} itself")


def _nested(paths: Iterable[list[str]]) -> dict[str, Any]:
    """Return a mapping that has these paths, for finding out who gave a setting."""
    nested: dict[str, Any] = {}
    for path in paths:
        here = nested
        for key in path[:-1]:
            below = here.setdefault(key, {})
            here = below if isinstance(below, dict) else {}
        here.setdefault(path[-1], None)
    return nested


def _placed(message: str, layers: list[Layer]) -> str:
    """Put before a message the place that gave the setting which it is about."""
    parts = re.split(r"[^\w.-]", message, maxsplit=1)[0].split(".")
    for layer in reversed(layers):
        if not _gives(layer.values, parts):
            continue
        for path in (".".join(parts[:depth]) for depth in range(1, len(parts) + 1)):
            if path in layer.flags:
                return layer.flags[path] + message[len(path) :]
        return f"{layer.label} {message}" if layer.label == "--set" else f"{layer.label}: {message}"
    labels = [layer.label for layer in layers if layer.label != "--set" and not layer.flags]
    return f"{labels[-1]}: {message}" if labels else message


def _gives(values: Any, parts: list[str]) -> bool:
    """Whether nested settings hold a path, something under it, or the whole that it is part of."""
    for part in parts:
        if not isinstance(values, Mapping):
            return True
        if part not in values:
            return False
        values = values[part]
    return True
