"""Checks that the config dataclasses share. Each refusal names the field, the value and the cure."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ghostload.errors import ConfigError, did_you_mean

_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def check_types(instance: Any) -> None:
    """Refuse a field whose value does not fit its annotation (``True`` and ``1.7`` are no integers, NaN no number)."""
    hints = _hints(type(instance))
    for item in fields(instance):
        check_value(item.name, getattr(instance, item.name), hints[item.name])


def check_value(path: str, value: Any, hint: Any) -> None:
    """Refuse a value that does not fit a type hint made of scalars, unions, mappings, tuples and dataclasses."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in args if option is not type(None)]
        if value is None and len(options) < len(args):
            return
        check_value(path, value, options[0])
    elif origin is not None and issubclass(origin, Mapping):
        _check_mapping(path, value, args[1])
    elif origin is tuple:
        _check_tuple(path, value, args)
    elif is_dataclass(hint):
        if not isinstance(value, hint):
            raise ConfigError(f"{path}: is {value!r}, must be a group of settings")
    else:
        _check_scalar(path, value, hint)


def _check_scalar(path: str, value: Any, hint: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {int: number and isinstance(value, int), float: number and math.isfinite(value)}
    if not fits.get(hint, isinstance(value, hint)):
        raise ConfigError(f"{path}: is {value!r}, must be {_NAMES.get(hint, hint)}")


def _check_mapping(path: str, value: Any, value_hint: Any) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: is {value!r}, must be a mapping of names to values")
    for key, item in value.items():
        if not isinstance(key, str):
            raise ConfigError(f"{path}: has the key {key!r}, must be text; put it in quotes")
        check_value(f"{path}.{key}", item, value_hint)


def _check_tuple(path: str, value: Any, args: tuple[Any, ...]) -> None:
    if not isinstance(value, tuple):
        raise ConfigError(f"{path}: is {value!r}, must be a list")
    if len(args) == 2 and args[1] is Ellipsis:
        args = (args[0],) * len(value)
    if len(value) != len(args):
        raise ConfigError(f"{path}: has {len(value)} values, must have {len(args)}")
    for position, (item, hint) in enumerate(zip(value, args, strict=True)):
        check_value(f"{path}[{position}]", item, hint)


@dataclass(frozen=True)
class Bound:
    """Inclusive range of a number."""

    path: str
    minimum: float
    maximum: float = math.inf

    def check(self, value: float) -> None:
        """Refuse a value outside the range."""
        if not self.minimum <= value <= self.maximum:
            span = f"at least {self.minimum:g}"
            if math.isfinite(self.maximum):
                span = f"from {self.minimum:g} to {self.maximum:g}"
            raise ConfigError(f"{self.path}: is {value}, must be {span}")


def positive(path: str, value: float) -> None:
    """Refuse zero and below."""
    if not value > 0:
        raise ConfigError(f"{path}: is {value:g}, must be positive")


def share(path: str, value: float) -> None:
    """Refuse what is not between 0 and 1."""
    Bound(path, 0, 1).check(value)


def unit_sum(path: str, shares: Mapping[str, float], known: Iterable[str] | None = None) -> None:
    """Refuse shares that are unknown, negative, or do not add up to 1."""
    names = tuple(known) if known is not None else None
    for name, value in shares.items():
        if names is not None and name not in names:
            raise ConfigError(f"{path}.{name}: unknown name{did_you_mean(name, names)}")
        share(f"{path}.{name}", value)
    total = math.fsum(shares.values())
    if abs(total - 1.0) > 1e-6:
        raise ConfigError(f"{path}: shares add up to {total:.6g}, not 1")
