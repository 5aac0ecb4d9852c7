"""YAML: the types of YAML 1.2, each key once, and refusals that name the line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config.yamltext import dump_yaml, parse_yaml, read_mapping
from ghostload.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("2025-01-01", "2025-01-01"),
        ("017", 17),
        ("1e3", 1000.0),
        ("5e-2", 0.05),
        ("+.5", 0.5),
        ("-3", -3),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'12'", "12"),
        ("!!int '12'", 12),
        ("[1, 2.0, a]", [1, 2.0, "a"]),
        ("{a: 1, b: {c: null}}", {"a": 1, "b": {"c": None}}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_values_are_read_as_yaml_1_2_reads_them(text: str, value: object) -> None:
    read = parse_yaml(text)
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(parse_yaml(".nan"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a is given twice; keep one"),
        ("a:\n  b: 1\n  b: 2\n", "line 3: b is given twice; keep one"),
        ("{a: 1, a: 1}", "line 1: a is given twice; keep one"),
        ("1: x\n1: y", "line 2: 1 is given twice; keep one"),
        ("? [1, 2]\n: 3\n", "line 1: a key must be text; put it in quotes"),
        ("a: 1\n  b: 2\n", "line 2: mapping values are not allowed"),
        ("a: [1, 2\n", "line 2: "),
        ("a: *nothing\n", "line 1: found undefined alias"),
        ("--- 1\n--- 2\n", "line 2: but found another document"),
        ("!!python/object/apply:os.system [x]", "line 1: could not determine a constructor"),
        ("a: \x00", "is no YAML text: "),
        ("[" * 5000, ""),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- 1\n- 2\n", "holds a list, must hold settings as `name: value`"),
        (b"hello\n", "holds 'hello', must hold settings"),
        (b"\xff\xfe\x00", "is no YAML text: byte 1 is not UTF-8"),
        (b"a: 1\na: 2\n", "line 2: a is given twice"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_mapping(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        read_mapping(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder, must be a YAML file"):
        read_mapping(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(tmp_path / ("x" * 5000))


@pytest.mark.parametrize("content", [b"", b"# nothing but a comment\n", b"{}\n", b"\xef\xbb\xbf{}\n"])
def test_an_empty_file_holds_no_settings(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(content)
    assert read_mapping(file) == {}


_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
_trees = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), _trees, max_size=4))
def test_what_is_dumped_is_read_back_exactly(value: dict[str, object]) -> None:
    assert parse_yaml(dump_yaml(value)) == value


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), _scalars, max_size=4))
def test_what_is_dumped_is_plain_yaml_for_other_readers(value: dict[str, object]) -> None:
    text = dump_yaml(value)
    assert "!!" not in text.replace("!!'", "") or any("!!" in str(item) for item in (*value, *value.values()))
    assert yaml.safe_load(text) == value


def test_keys_stay_in_order_and_equal_lists_are_written_out() -> None:
    same = [1.0, 2.0]
    assert dump_yaml({"b": same, "a": same}) == "b: [1.0, 2.0]\na: [1.0, 2.0]\n"


@pytest.mark.parametrize(
    "text", ["0E0", "1e3", "no", "NO", "2025-01-01", "~", "", "12:30", "0x1f", ".5", "\x85", "\u2028x"]
)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert parse_yaml(dump_yaml({text: [text]})) == {text: [text]}
    assert yaml.safe_load(dump_yaml({text: [text]})) == {text: [text]}
