"""JSON Schema of a settings file, made from the dataclasses: types, rules, defaults and docstrings."""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ghostload.config.check import Rule, hints, unwrap
from ghostload.config.loading import default_settings, group_of
from ghostload.config.model import Baseline, GeneratorConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SCALARS = {int: "integer", float: "number", str: "string", bool: "boolean", Path: "string"}


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) that a settings file keeps.

    It holds types, bounds, choices, defaults and descriptions, and refuses unknown keys. What spans several settings,
    such as shares that add up to 1, is beyond a JSON Schema; ``ghostload config check`` looks at that too.
    """
    schema = _group(GeneratorConfig, default_settings())
    return {"$schema": DIALECT, "title": "ghostload settings", **schema}


@cache
def descriptions(cls: type) -> dict[str, str]:
    """Return what the docstring of a config dataclass says of each attribute."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    section = doc.partition("Attributes\n----------\n")[2]
    found: dict[str, str] = {}
    for header, text in re.findall(r"^(\S.*)\n((?:[ ]{4}.*\n?)*)", section, flags=re.MULTILINE):
        words = re.sub(r":\w+:`([^`]+)`", r"\1", " ".join(text.split())).replace("``", "")
        for name in header.partition(" : ")[0].split(", "):
            found[name] = words
    return found


def summary(cls: type) -> str:
    """Return the first line of a class's docstring."""
    return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]


def _group(cls: type, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of a dataclass; with defaults, every key may be left out."""
    properties: dict[str, Any] = {}
    for item in fields(typing.cast(Any, cls)):
        hint = hints(cls)[item.name]
        inner = group_of(hint)
        default = None if defaults is None else defaults[item.name]
        if inner is not None:
            properties[item.name] = _group(inner, default)
            continue
        text = descriptions(cls).get(item.name, "")
        properties[item.name] = {"description": text, **_value(hint)}
        if defaults is not None:
            properties[item.name]["default"] = default
    schema = {"description": summary(cls), "type": "object", "properties": properties, "additionalProperties": False}
    return schema if defaults is not None else {**schema, "required": list(properties)}


def _value(hint: Any) -> dict[str, Any]:
    """Return the schema of one value from its type hint and rules."""
    hint, rules = unwrap(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [{"type": "null"} if option is type(None) else _value(option) for option in args]
        schema: dict[str, Any] = {"anyOf": options}
    elif hint is Baseline:
        pair = {"type": "array", "prefixItems": [{"type": "number", "exclusiveMinimum": 0}] * 2}
        schema = {"anyOf": [_group(Baseline), {**pair, "items": False, "minItems": 2}]}
    elif origin is not None and issubclass(origin, Mapping):
        schema = {"type": "object", "additionalProperties": _value(args[1])}
    elif origin is tuple:
        schema = _list(args)
    else:
        schema = {"type": _SCALARS[hint]}
    for rule in rules:
        schema.update(_limits(rule))
    return schema


def _list(args: tuple[Any, ...]) -> dict[str, Any]:
    if len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _value(args[0])}
    return {"type": "array", "prefixItems": [_value(arg) for arg in args], "items": False, "minItems": len(args)}


def _limits(rule: Rule) -> dict[str, Any]:
    """Return a rule in the keywords of JSON Schema."""
    words: dict[str, Any] = {}
    if math.isfinite(rule.minimum):
        words["minimum"] = rule.minimum
    if math.isfinite(rule.maximum):
        words["maximum"] = rule.maximum
    if math.isfinite(rule.above):
        words["exclusiveMinimum"] = rule.above
    if rule.choices:
        words["enum"] = list(rule.choices)
    if rule.pattern:
        words["pattern"] = f"^(?:{rule.pattern})$"
    if rule.keys:
        words["propertyNames"] = {"enum": list(rule.keys)}
    return words
