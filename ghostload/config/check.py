"""Checks that the config dataclasses share. Each refusal names the field, the value and the cure."""

from __future__ import annotations

import math
import numbers
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from ghostload.errors import ConfigError, did_you_mean

_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}


@dataclass(frozen=True)
class Rule:
    """What a setting may be, beyond its type; the checks, the JSON Schema and the documentation read it.

    Attributes
    ----------
    minimum, maximum : float
        Inclusive bounds of a number.
    above : float
        Exclusive lower bound of a number.
    unit : str
        Unit, as written in docs/nomenclature.md.
    choices : tuple of str
        The only texts there may be.
    pattern : str
        Regular expression that the whole text matches, with :attr:`example`.
    example : str
    keys : tuple of str
        The only keys that a mapping may have.
    shares : bool
        Whether the values of a mapping add up to 1.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    above: float = -math.inf
    unit: str = ""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    example: str = ""
    keys: tuple[str, ...] = ()
    shares: bool = False

    def check(self, path: str, value: Any) -> None:
        """Refuse a value (of the right type) that the rule excludes."""
        if isinstance(value, str):
            self._check_text(path, value)
        elif isinstance(value, Mapping):
            self._check_mapping(path, value)
        elif isinstance(value, int | float):
            self._check_number(path, value)

    def _check_number(self, path: str, value: float) -> None:
        if self.above > -math.inf and not value > self.above:
            limit = "positive" if self.above == 0 else f"above {self.above:g}"
            raise ConfigError(f"{path}: is {value:g}, must be {limit}")
        if not self.minimum <= value <= self.maximum:
            hint = ""
            if self.minimum == 0 and self.maximum == 1 and 1 < value <= 100:
                hint = f"; a share, not per cent: {value:g} % is {value / 100:g}"
            raise ConfigError(f"{path}: is {value}, must be {span(self.minimum, self.maximum)}{hint}")

    def _check_text(self, path: str, value: str) -> None:
        if self.choices and value not in self.choices:
            raise ConfigError(f"{path}: is {value!r}, must be one of {', '.join(self.choices)}")
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise ConfigError(f"{path}: is {value!r}, must be {self.example}")

    def _check_mapping(self, path: str, value: Mapping[str, Any]) -> None:
        for key in value:
            if self.keys and key not in self.keys:
                raise ConfigError(f"{path}.{key}: unknown name{did_you_mean(key, self.keys)}")
        if self.shares:
            unit_sum(path, value)


Share = Annotated[float, Rule(0, 1, unit="share")]
"""A number from 0 to 1."""

Positive = Annotated[float, Rule(above=0)]
"""A number above zero."""


def span(minimum: float, maximum: float) -> str:
    """Say an inclusive range in words."""
    if math.isfinite(minimum) and math.isfinite(maximum):
        return f"from {minimum:.15g} to {maximum:.15g}"
    return f"at most {maximum:.15g}" if math.isfinite(maximum) else f"at least {minimum:.15g}"


def hints(cls: type) -> dict[str, Any]:
    """Return the type hints of a config dataclass, rules included."""
    return _hints(cls)


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def unwrap(hint: Any) -> tuple[Any, tuple[Rule, ...]]:
    """Split ``Annotated[type, Rule(...)]`` into the type and its rules."""
    if typing.get_origin(hint) is Annotated:
        return hint.__origin__, tuple(item for item in hint.__metadata__ if isinstance(item, Rule))
    return hint, ()


def default_of(item: Field[Any]) -> Any:
    """Return the default of a dataclass field; :data:`dataclasses.MISSING` when there is none."""
    return item.default if item.default_factory is MISSING else item.default_factory()


def normalise(instance: Any) -> None:
    """Bring the fields of a frozen dataclass into one form, so that equal settings give equal bytes.

    NumPy's numbers become Python's, whole numbers become floats where a float is meant, lists become tuples, text
    becomes a path, and the keys of a mapping stand in the order of its default, further ones after it by name. What
    does not fit is left for :func:`check_types` to refuse.
    """
    for item in fields(instance):
        value = _in_form(getattr(instance, item.name), hints(type(instance))[item.name])
        default = default_of(item)
        if isinstance(value, dict):
            first = list(default) if isinstance(default, Mapping) else []
            value = {key: value[key] for key in sorted(value, key=lambda k: (_place(first, k), str(k)))}
        object.__setattr__(instance, item.name, value)


def _place(first: list[str], key: str) -> int:
    return first.index(key) if key in first else len(first)


def _in_form(value: Any, hint: Any) -> Any:
    hint, _ = unwrap(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in args if option is not type(None)]
        return None if value is None else _in_form(value, options[0])
    if origin is not None and isinstance(value, Mapping) and issubclass(origin, Mapping):
        return {key: _in_form(item, args[1]) for key, item in value.items()}
    if origin is tuple and isinstance(value, list | tuple):
        inner = args[0] if args else Any
        return tuple(_in_form(item, inner) for item in value)
    if hint is Path and isinstance(value, str) and value:
        return Path(value)
    return _number_in_form(value, hint)


def _number_in_form(value: Any, hint: Any) -> Any:
    if isinstance(value, bool):
        return value
    if hint is int and isinstance(value, numbers.Integral):
        return int(value)
    if hint is float and isinstance(value, numbers.Real):
        try:
            return float(value) + 0.0
        except OverflowError:
            return math.inf
    return value


def check_types(instance: Any) -> None:
    """Refuse a field whose value does not fit its annotation (``True`` and ``1.7`` are no integers, NaN no number)."""
    for item in fields(instance):
        check_value(item.name, getattr(instance, item.name), hints(type(instance))[item.name])


def check_value(path: str, value: Any, hint: Any) -> None:
    """Refuse a value that does not fit a type hint made of scalars, unions, mappings, tuples, dataclasses and rules."""
    hint, rules = unwrap(hint)
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
        if not isinstance(value, typing.cast(type, hint)):
            raise ConfigError(f"{path}: is {value!r}, must be a group of settings")
    else:
        _check_scalar(path, value, hint)
    for rule in rules:
        rule.check(path, value)


def _check_scalar(path: str, value: Any, hint: Any) -> None:
    if isinstance(value, bool) or hint not in (int, float):
        fits = isinstance(value, hint) and hint is not int
    elif hint is int:
        fits = isinstance(value, int)
    else:
        fits = isinstance(value, float) and math.isfinite(value)
    if not fits:
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


def unit_sum(path: str, shares: Mapping[str, float]) -> None:
    """Refuse shares that do not add up to 1."""
    total = math.fsum(shares.values())
    if abs(total - 1.0) > 1e-6:
        raise ConfigError(f"{path}: shares add up to {total:.6g}, not 1")
