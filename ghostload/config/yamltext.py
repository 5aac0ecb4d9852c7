"""YAML in and out: the core types of YAML 1.2, each key once, every refusal one line with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ghostload.errors import ConfigError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.1, which PyYAML follows, reads `no` as false, `12:30` as 750 and `1e-3` as text.
_TYPES = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?[0-9]+", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


class _Loader(_Base):  # type: ignore[misc]
    """Safe loader with the types above that refuses a key given twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; each key may stand once."""
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            place = f"line {key_node.start_mark.line + 1}"
            if isinstance(key, list | dict):
                raise ConfigError(f"{place}: a key must be text; put it in quotes")
            if key in found:
                raise ConfigError(f"{place}: {key} is given twice; keep one")
            found[key] = self.construct_object(value_node, deep=True)
        return found

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Decimal digits, whatever they begin with."""
        return int(self.construct_scalar(node))

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Read `.inf` and `.nan` as YAML writes them."""
        return float(re.sub(r"\.(?=inf|nan)", "", self.construct_scalar(node).lower()))

    def construct_map(self, node: yaml.MappingNode) -> dict[Any, Any]:
        """Build a mapping at once, not in the two steps that recursive aliases would need."""
        return self.construct_mapping(node)


for _tag, (_pattern, _first) in _TYPES.items():
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), [c.replace("\0", "") for c in _first])
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_map)


class _Dumper(yaml.SafeDumper):
    """Safe dumper without aliases; lists on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out each time."""
        return True

    def represent_list(self, data: Any) -> yaml.SequenceNode:
        """Write a list on one line."""
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Quote what would be read as another type, and text with rare line breaks, which PyYAML loses elsewhere."""
        style = '"' if _RARE_BREAKS.search(data) else "'" if _NOT_TEXT.fullmatch(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_NOT_TEXT = re.compile("|".join(pattern for pattern, _ in _TYPES.values()))
_RARE_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
_Dumper.add_representer(list, _Dumper.represent_list)
_Dumper.add_representer(str, _Dumper.represent_str)


def dump_yaml(value: Mapping[str, Any]) -> str:
    """Return plain YAML: keys in the given order, no tags, no aliases, text as it is."""
    text: str = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def parse_yaml(text: str) -> Any:
    """Return what a YAML text holds; a refusal names the line."""
    _refuse_deep(text)
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{place}{error.problem or error.context or 'is no YAML'}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is no YAML text: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError("is nested too deeply") from None


_LARGEST, _LONGEST_LINE, _MOST_BRACKETS = 1 << 20, 10_000, 10_000
"""Characters of a text and of a line, and brackets: far more than settings need; libyaml stands a depth of 20,000."""


def _refuse_deep(text: str) -> None:
    """Refuse what may nest so deeply that libyaml, which recurses in C, would take the process down with it."""
    brackets = text.count("{") + text.count("[")
    longest = max(map(len, text.splitlines()), default=0)
    if len(text) > _LARGEST or brackets > _MOST_BRACKETS or longest > _LONGEST_LINE:
        raise ConfigError("is too large or too deeply nested for settings; break long lines")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; an empty file is an empty mapping.

    Raises
    ------
    ConfigError
        When the file cannot be read, is no YAML, or holds anything but a mapping; begins with the file's name.
    """
    try:
        value = parse_yaml(path.read_bytes().decode("utf-8-sig"))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no YAML text: byte {error.start + 1} is not UTF-8") from None
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, must be a YAML file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: holds {_kind(value)}, must hold settings as `name: value`")
    return value


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"{value!r}"
