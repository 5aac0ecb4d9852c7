"""Every setting with type, unit, default, range and meaning: as a Markdown table, and as commented YAML."""

from __future__ import annotations

import math
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ghostload.config.check import Rule, hints, span, unwrap
from ghostload.config.jsonschema import descriptions, summary
from ghostload.config.loading import default_settings, group_of
from ghostload.config.model import Baseline, GeneratorConfig
from ghostload.config.yamltext import dump_yaml

_HEAD = ("setting", "type", "unit", "default", "range", "meaning")
_TYPES = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}


def reference_table() -> str:
    """Return one row for each setting, in the order of the dataclasses."""
    rows = [_HEAD, ("---",) * len(_HEAD), *_rows(GeneratorConfig, default_settings(), "")]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)


def _rows(cls: type, defaults: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, hint in hints(cls).items():
        path, group = f"{prefix}{name}", group_of(hint)
        if group is not None and group is not Baseline:
            yield from _rows(group, defaults[name], f"{path}.")
            continue
        unit = next((rule.unit for rule in _rules(hint) if rule.unit), "")
        yield f"`{path}`", _type(hint), unit, _default(defaults[name]), _ranges(hint), descriptions(cls).get(name, "")


def _rules(hint: Any) -> Iterator[Rule]:
    """All rules of a setting, of the values in it too."""
    hint, rules = unwrap(hint)
    yield from rules
    if hint is Baseline:
        for inner in hints(Baseline).values():
            yield from _rules(inner)
    for inner in typing.get_args(hint):
        yield from _rules(inner)


def _type(hint: Any) -> str:
    hint, _ = unwrap(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = ", ".join(_type(option) for option in args if option is not type(None))
        return f"{inner} or null" if type(None) in args else inner
    if hint is Baseline:
        return "{mean_kwh, spread_kwh} or [mean, spread]"
    if origin is tuple:
        return f"list of {_type(args[0])}" if args[-1] is Ellipsis else f"[{', '.join(_type(arg) for arg in args)}]"
    if origin is not None and issubclass(origin, Mapping):
        return f"mapping of name to {_type(args[1])}"
    return _TYPES[hint]


def _ranges(hint: Any) -> str:
    return "; ".join(dict.fromkeys(text for text in map(_limits, _rules(hint)) if text))


def _limits(rule: Rule) -> str:
    parts = []
    if math.isfinite(rule.above):
        parts.append(f"above {rule.above:g}")
    if math.isfinite(rule.minimum) or math.isfinite(rule.maximum):
        parts.append(span(rule.minimum, rule.maximum))
    if rule.choices:
        parts.append(", ".join(rule.choices))
    if rule.pattern:
        parts.append(rule.example)
    if rule.keys:
        parts.append(f"names: {', '.join(rule.keys)}")
    if rule.shares:
        parts.append("add up to 1")
    return "; ".join(parts)


def _default(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_default(item)}" for name, item in value.items())
    if isinstance(value, list):
        return f"[{', '.join(_default(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def template() -> str:
    """Return YAML with every setting at its default, each with its meaning as a comment."""
    lines = [
        "# Every setting of ghostload with its default. Keep what you change and delete the rest:",
        "# what a file leaves out has its default. Run it: ghostload generate -c FILE",
        *_template(GeneratorConfig, default_settings(), ""),
    ]
    return "\n".join(lines) + "\n"


def _template(cls: type, defaults: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, hint in hints(cls).items():
        group = group_of(hint)
        yield ""
        if group is not None:
            yield from (f"{indent}# {summary(group)}", f"{indent}{name}:")
            yield from list(_template(group, defaults[name], f"{indent}  "))[1:]
            continue
        limits = _ranges(hint)
        words = f"{descriptions(cls).get(name, '')} [{_type(hint)}{'; ' if limits else ''}{limits}]"
        yield from textwrap.wrap(words, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        yield from textwrap.indent(dump_yaml({name: defaults[name]}), indent).rstrip("\n").split("\n")
