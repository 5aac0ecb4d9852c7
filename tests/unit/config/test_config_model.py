"""Config dataclasses: one form for equal settings, and refusals that name place, value and cure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import AnomalyConfig, Baseline, ExportConfig, GeneratorConfig
from ghostload.config.loading import config_to_dict
from ghostload.config.yamltext import dump_yaml
from ghostload.errors import ConfigError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_meters": -5}, "num_meters: is -5, must be from 1 to 100000000"),
        ({"num_meters": 1.7}, "num_meters: is 1.7, must be a whole number"),
        ({"num_meters": True}, "num_meters: is True, must be a whole number"),
        ({"num_meters": "5000"}, "num_meters: is '5000', must be a whole number"),
        ({"num_months": 0}, "num_months: is 0, must be from 1 to 1200"),
        ({"random_seed": -1}, "random_seed: is -1, must be at least 0"),
        ({"random_seed": float("nan")}, "random_seed: is nan, must be a whole number"),
        ({"anomaly_rate": 7.5}, "anomaly_rate: is 7.5, must be from 0 to 1; a share, not per cent: 7.5 % is 0.075"),
        ({"anomaly_rate": -0.1}, "anomaly_rate: is -0.1, must be from 0 to 1"),
        ({"anomaly_rate": float("nan")}, "anomaly_rate: is nan, must be a number"),
        ({"anomaly_rate": 10**400}, "anomaly_rate: is inf, must be a number"),
        ({"anomaly_rate": False}, "anomaly_rate: is False, must be a number"),
        ({"num_meters": 3, "num_transformers": 50}, "num_transformers: is 50, more than num_meters (3)"),
        ({"start_month": "2025-13"}, "start_month: is '2025-13', must be a calendar month"),
        ({"start_month": 2025}, "start_month: is 2025, must be text"),
        ({"difficulty": "hrad"}, "difficulty: is 'hrad', must be one of easy, realistic, hard"),
        ({"customer_classes": {"residental": 1.0}}, "customer_classes.residental: unknown name, did you mean resid"),
        ({"customer_classes": {"residential": 0.9}}, "customer_classes: shares add up to 0.9, not 1"),
        ({"customer_classes": {"residential": "x"}}, "customer_classes.residential: is 'x', must be a number"),
        ({"customer_classes": {3: 1.0}}, "customer_classes: has the key 3, must be text; put it in quotes"),
        ({"customer_classes": 3}, "customer_classes: is 3, must be a mapping of names to values"),
        (
            {"consumption_baselines": {"residential": (150, -450)}},
            "consumption_baselines.residential.spread_kwh: is -450",
        ),
        (
            {"consumption_baselines": {"residential": (150,)}},
            "consumption_baselines.residential: is (150,), must be (mean",
        ),
        (
            {"consumption_baselines": {"residential": {"mean_kwh": 1}}},
            "consumption_baselines.residential: has no spread_kwh",
        ),
        ({"consumption_baselines": {"residential": {"men": 1}}}, "consumption_baselines.residential.men: unknown key"),
        ({"consumption_baselines": {"residential": (1, 1)}}, "consumption_baselines: has no 'commercial'"),
        ({"consumption_baselines": {"rural": (1, 1)}}, "consumption_baselines.rural: unknown name"),
        ({"consumption_baselines": 7}, "consumption_baselines: is 7, must be a mapping"),
        ({"geo_bounds": {"lat": [14, 15]}}, "geo_bounds: has ['lat'], must have exactly"),
        ({"geo_bounds": {"lat": [15, 14], "lon": [1, 2]}}, "geo_bounds.lat: is (15, 14), must be (min, max)"),
        (
            {"geo_bounds": {"lat": [14, 15], "lon": [1, 200]}},
            "geo_bounds.lon: is (1, 200), must be (min, max) within 180",
        ),
        ({"geo_bounds": {"lat": [14, 15, 16], "lon": [1, 2]}}, "geo_bounds.lat: has 3 values, must have 2"),
        ({"geo_bounds": {"lat": 14, "lon": [1, 2]}}, "geo_bounds.lat: is 14, must be a list"),
        ({"transformer_capacity_range": [100, 10]}, "transformer_capacity_range: is (100, 10), must be (smallest"),
        ({"transformer_capacity_range": [0, 10]}, "transformer_capacity_range[0]: is 0, must be positive"),
        ({"barangays": []}, "barangays: is empty"),
        ({"barangays": ["a", " "]}, "barangays: is empty or holds an empty name"),
        ({"barangays": ["a", "a"]}, "barangays: names one of them twice"),
        ({"barangays": "Tondo"}, "barangays: is 'Tondo', must be a list"),
        ({"output_dir": 3}, "output_dir: is 3, must be a path"),
        ({"anomalies": {"mix": {}}}, "anomalies: is {'mix': {}}, must be a group of settings"),
    ],
)
def test_wrong_settings_are_refused_with_path_value_and_cure(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GeneratorConfig(**settings)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_taken_and_become_plain() -> None:
    config = GeneratorConfig(num_meters=np.int64(500), anomaly_rate=np.float64(0.05), random_seed=np.uint8(3))
    assert config == GeneratorConfig(num_meters=500, anomaly_rate=0.05, random_seed=3)
    assert type(config.num_meters) is int
    assert type(config.anomaly_rate) is float


def test_a_numpy_truth_value_is_no_integer() -> None:
    with pytest.raises(ConfigError, match="num_meters"):
        GeneratorConfig(num_meters=np.bool_(True))  # type: ignore[arg-type]


def test_equal_configs_are_written_alike_whatever_the_order_and_the_number_type() -> None:
    one = GeneratorConfig(
        anomaly_rate=0,
        customer_classes={"industrial": 0.0, "commercial": 0.25, "residential": 0.75},
        anomalies=AnomalyConfig(mix={"zap": 0.5, "bypass": 0.25, "low_consumption": 0.25}),
        geo_bounds={"lon": [120, 121], "lat": [14, 15]},  # type: ignore[dict-item]
        output_dir="out",  # type: ignore[arg-type]
    )
    other = GeneratorConfig(
        anomaly_rate=-0.0,
        customer_classes={"residential": 0.75, "commercial": 0.25, "industrial": 0},
        anomalies=AnomalyConfig(mix={"low_consumption": 0.25, "zap": 0.5, "bypass": 0.25}),
        geo_bounds={"lat": (14.0, 15.0), "lon": (120.0, 121.0)},
        output_dir="out",  # type: ignore[arg-type]
    )
    assert one == other
    assert dump_yaml(config_to_dict(one)) == dump_yaml(config_to_dict(other))


def test_changing_the_mapping_that_was_given_changes_no_config() -> None:
    mix = {"bypass": 1.0}
    config = AnomalyConfig(mix=mix)
    mix["bypass"] = 0.5
    assert config.mix == {"bypass": 1.0}


@pytest.mark.parametrize("value", [(150, 120), [150, 120], {"mean": 150, "spread": 120}, Baseline(150.0, 120.0)])
def test_a_baseline_may_be_a_pair_a_mapping_or_a_baseline(value: object) -> None:
    classes = {"residential": 1.0}
    config = GeneratorConfig(customer_classes=classes, consumption_baselines={"residential": value})  # type: ignore[dict-item]
    assert config.consumption_baselines["residential"] == Baseline(150.0, 120.0)


@settings(deadline=None)
@given(meters=st.integers(1, 10_000_000), changed=st.integers(1, 10_000_000))
def test_transformers_follow_the_meters_until_they_are_given(meters: int, changed: int) -> None:
    config = GeneratorConfig(num_meters=meters)
    assert config.transformers == max(1, -(-meters // 40))
    assert config.replace(num_meters=changed).transformers == max(1, -(-changed // 40))


def test_the_seed_counts_give_fifty_transformers() -> None:
    assert GeneratorConfig().transformers == 50


def test_months_run_over_the_end_of_the_year() -> None:
    assert GeneratorConfig(start_month="2024-11", num_months=3).months == ("202411", "202412", "202501")


@settings(deadline=None)
@given(meters=st.integers(1, 10**6), rate=st.floats(0, 1))
def test_the_number_of_thieves_is_exact(meters: int, rate: float) -> None:
    assert GeneratorConfig(num_meters=meters, anomaly_rate=rate).num_anomalies == round(rate * meters)


def test_export_takes_a_list_of_names() -> None:
    assert ExportConfig(others=["a", "b"]).others == ("a", "b")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="parquet: is 'yes', must be true or false"):
        ExportConfig(parquet="yes")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="parquet: is 1, must be true or false"):
        ExportConfig(parquet=1)  # type: ignore[arg-type]
