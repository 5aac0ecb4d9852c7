"""The JSON Schema agrees with the loader on what both can see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ghostload.config import GeneratorConfig
from ghostload.config.jsonschema import DIALECT, descriptions, json_schema, summary
from ghostload.config.loading import all_options, config_from_dict, config_to_dict, default_settings
from ghostload.config.presets import preset_names, preset_text
from ghostload.config.yamltext import parse_yaml
from ghostload.errors import ConfigError

VALIDATOR = Draft202012Validator(json_schema())


def _leaf(path: str) -> dict[str, Any]:
    schema = json_schema()
    for part in path.split("."):
        schema = schema["properties"][part]
    return schema


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == DIALECT


@pytest.mark.parametrize("path", all_options())
def test_every_setting_is_described_and_has_its_default(path: str) -> None:
    leaf = _leaf(path)
    assert len(leaf["description"]) > 10
    default: Any = default_settings()
    for part in path.split("."):
        default = default[part]
    assert leaf["default"] == default


def test_no_group_takes_unknown_keys() -> None:
    groups = [json_schema(), *(_leaf(name) for name in json_schema()["properties"])]
    assert all(group["additionalProperties"] is False for group in groups if "properties" in group)


@pytest.mark.parametrize("name", preset_names())
def test_presets_pass(name: str) -> None:
    assert VALIDATOR.is_valid(parse_yaml(preset_text(name)))


def test_the_example_files_pass(root: Path) -> None:
    files = sorted((root / "configs").glob("*.yaml"))
    assert len(files) >= 5
    assert [f.name for f in files if not VALIDATOR.is_valid(parse_yaml(f.read_text(encoding="utf-8")))] == []


def test_a_whole_config_passes() -> None:
    assert VALIDATOR.is_valid(config_to_dict(GeneratorConfig()))
    assert VALIDATOR.is_valid(default_settings())


BROKEN: list[dict[str, Any]] = [
    {"anomaly_rat": 0.1},
    {"anomalies": {"mixx": {}}},
    {"num_meters": 0},
    {"num_meters": 1.5},
    {"num_meters": "100"},
    {"num_meters": True},
    {"num_months": 1201},
    {"anomaly_rate": 7.5},
    {"anomaly_rate": None},
    {"random_seed": -1},
    {"num_transformers": 0},
    {"start_month": "2025-13"},
    {"start_month": "x2025-01"},
    {"difficulty": "hrad"},
    {"customer_classes": {"rural": 1.0}},
    {"customer_classes": {"residential": 2.0}},
    {"geo_bounds": {"lat": [1], "lon": [1, 2]}},
    {"geo_bounds": {"lat": [1, 2, 3], "lon": [1, 2]}},
    {"geo_bounds": {"north": [1, 2]}},
    {"consumption_baselines": {"residential": [1]}},
    {"consumption_baselines": {"residential": [1, -1]}},
    {"consumption_baselines": {"residential": {"mean_kwh": 1}}},
    {"consumption_baselines": {"residential": {"mean_kwh": 0, "spread_kwh": 1}}},
    {"transformer_capacity_range": [0, 10]},
    {"transformer_capacity_range": [10]},
    {"barangays": [1]},
    {"barangays": "Tondo"},
    {"territory": {"service_radius_m": 0}},
    {"territory": {"transformers_per_feeder": 1.5}},
    {"territory": None},
    {"anomalies": {"mix": {"bypass": 1.5}}},
    {"export": {"parquet": 1}},
    {"export": {"others": "parquet"}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_broken_settings_fail_in_the_schema_and_in_the_loader(broken: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(broken)
    with pytest.raises(ConfigError):
        config_from_dict(broken)


_values = (
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(-2, 2) | st.sampled_from(["easy", "2025-01", "x"])
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([p for p in all_options() if "." not in p]), _values | st.lists(_values, max_size=2), max_size=2
    )
)
def test_what_the_loader_takes_the_schema_takes(found: dict[str, Any]) -> None:
    try:
        config_from_dict(found)
    except ConfigError:
        return
    assert VALIDATOR.is_valid(found)


def test_docstrings_are_read_by_attribute() -> None:
    class Sample:
        """First line.

        Attributes
        ----------
        a, b : int
            What both
            are: ``x`` and :class:`Y`.
        c
            Another.
        """

    assert descriptions(Sample) == {"a": "What both are: x and Y.", "b": "What both are: x and Y.", "c": "Another."}
    assert summary(Sample) == "First line."


def test_without_docstrings_the_schema_still_works() -> None:
    class Bare:
        pass

    Bare.__doc__ = None
    assert descriptions(Bare) == {}
    assert summary(Bare) == ""
