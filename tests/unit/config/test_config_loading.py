"""Layers of settings: what wins, what is replaced whole, and who is named when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import AnomalyConfig, Baseline, ExportConfig, GeneratorConfig, TerritoryConfig
from ghostload.config.loading import (
    Layer,
    all_options,
    apply_overrides,
    config_from_dict,
    config_to_dict,
    default_settings,
    load_config,
    resolve,
)
from ghostload.config.yamltext import dump_yaml, parse_yaml
from ghostload.errors import ConfigError


def _file(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


_names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
_shares = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda parts: [p / sum(parts) for p in parts])


@st.composite
def configs(draw: st.DrawFn) -> GeneratorConfig:
    """Return any valid config."""
    meters = draw(st.integers(1, 10**6))
    shares = draw(_shares)
    kinds = draw(st.lists(_names, min_size=len(shares), max_size=len(shares), unique=True))
    low = draw(st.floats(-89, 0))
    return GeneratorConfig(
        random_seed=draw(st.integers(0, 2**70)),
        num_meters=meters,
        num_transformers=draw(st.none() | st.integers(1, meters)),
        num_months=draw(st.integers(1, 1200)),
        anomaly_rate=draw(st.floats(0, 1)),
        output_dir=Path(draw(st.sampled_from(["out", "/x/y", "a/b c"]))),
        geo_bounds=draw(st.none() | st.just({"lat": (low, low + 1.5), "lon": (-180.0, 180.0)})),
        consumption_baselines={
            name: Baseline(draw(st.floats(1e-3, 1e6)), draw(st.floats(1e-3, 1e6)))
            for name in ("residential", "commercial", "industrial")
        },
        barangays=draw(st.none() | st.lists(_names, min_size=1, max_size=4, unique=True).map(tuple)),
        start_month=f"{draw(st.integers(1900, 2199))}-{draw(st.integers(1, 12)):02d}",
        difficulty=draw(st.sampled_from(["easy", "realistic", "hard"])),
        territory=TerritoryConfig(region=draw(st.none() | st.just(Path("some/region.geojson")))),
        anomalies=AnomalyConfig(mix=dict(zip(kinds, shares, strict=True))),
        export=ExportConfig(parquet=draw(st.booleans()), others=tuple(draw(st.lists(_names, max_size=2)))),
    )


@settings(max_examples=60, deadline=None)
@given(configs())
def test_a_config_comes_back_from_its_dict_and_from_its_yaml(config: GeneratorConfig) -> None:
    assert config_from_dict(config_to_dict(config)) == config
    assert config_from_dict(parse_yaml(dump_yaml(config_to_dict(config)))) == config


def test_the_default_settings_are_the_default_config() -> None:
    assert config_from_dict(default_settings()) == GeneratorConfig()
    assert config_from_dict({}) == GeneratorConfig()


def test_data_only_leaves_out_the_output_folder_and_the_folder_of_the_region() -> None:
    config = GeneratorConfig(output_dir=Path("/a/b"), territory=TerritoryConfig(region=Path("/c/d.geojson")))
    plain = config_to_dict(config, data_only=True)
    assert "output_dir" not in plain
    assert plain["territory"]["region"] == "d.geojson"
    assert config_to_dict(config)["output_dir"] == "/a/b"


def test_preset_then_file_then_set_then_option_wins() -> None:
    preset = Layer("preset p", {"num_meters": 10, "num_months": 10, "random_seed": 10, "anomaly_rate": 0.1})
    file = Layer("f.yaml", {"num_months": 20, "random_seed": 20, "anomaly_rate": 0.2})
    options = Layer("options", {"anomaly_rate": 0.4}, {"anomaly_rate": "--anomaly-rate"})
    config = resolve([preset, file], ["random_seed=30", "anomaly_rate=0.3"], options)
    assert (config.num_meters, config.num_months, config.random_seed, config.anomaly_rate) == (10, 20, 30, 0.4)
    assert config.difficulty == "realistic"


def test_transformers_that_nobody_gave_follow_the_meters_of_any_layer() -> None:
    assert resolve([Layer("f", {"num_meters": 400})]).transformers == 10
    assert resolve([Layer("f", {"num_transformers": 7})], ["num_meters=400"]).transformers == 7


def test_a_group_is_merged_key_by_key_and_a_mapping_replaced_whole() -> None:
    below = Layer("preset p", {"anomalies": {"hot_spot_share": 0.5, "mix": {"bypass": 0.5, "erratic": 0.5}}})
    above = Layer("f.yaml", {"anomalies": {"mix": {"full_tap": 1.0}}})
    config = resolve([below, above])
    assert config.anomalies.mix == {"full_tap": 1.0}
    assert config.anomalies.hot_spot_share == 0.5


def test_set_changes_one_entry_of_a_mapping() -> None:
    config = resolve([], ["anomalies.mix.bypass=0.5", "anomalies.mix.low_consumption=0.1"])
    assert config.anomalies.mix == {"low_consumption": 0.1, "gradual_decline": 0.3, "bypass": 0.5, "erratic": 0.1}
    with pytest.raises(ConfigError, match=r"^--set anomalies\.mix: shares add up to 1\.3, not 1$"):
        resolve([], ["anomalies.mix.bypass=0.5"])


def test_set_reaches_into_baselines_and_bounds_and_takes_whole_mappings() -> None:
    config = resolve(
        [], ["consumption_baselines.residential.mean_kwh=219", "geo_bounds.lat=[1, 2]", "geo_bounds.lon=[3, 4]"]
    )
    assert config.consumption_baselines["residential"] == Baseline(219.0, 120.0)
    assert config.geo_bounds == {"lat": (1.0, 2.0), "lon": (3.0, 4.0)}
    assert resolve([], ["anomalies.mix={bypass: 1}"]).anomalies.mix == {"bypass": 1.0}
    assert resolve([], ["barangays=[Tondo, No]", "num_transformers="]).barangays == ("Tondo", "No")


def test_overrides_leave_what_they_were_given_untouched() -> None:
    given_settings = default_settings()
    changed = apply_overrides(given_settings, ["anomalies.mix.bypass=0.9"])
    assert changed["anomalies"]["mix"]["bypass"] == 0.9
    assert given_settings == default_settings()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("foo", "--set foo: must be key.path=value, such as anomalies.hot_spot_share=0.2"),
        ("=3", "--set =3: must be key.path=value"),
        ("a..b=1", "--set a..b=1: must be key.path=value"),
        ("anomaly_rat=.1", "--set: unknown option anomaly_rat, did you mean anomaly_rate?"),
        ("anomalies.mixx.a=1", "--set: unknown option anomalies.mixx, did you mean anomalies.mix?"),
        ("region=x", "--set: unknown option region, did you mean territory.region?"),
        ("anomaly_rate.x=2", "--set anomaly_rate.x: anomaly_rate is 0.075 and has no parts; set anomaly_rate itself"),
        ("anomaly_rate=[", "--set anomaly_rate: '[' is no YAML value: line "),
        ("anomalies.hot_spot_share=20", "--set anomalies.hot_spot_share: is 20.0, must be from 0 to 1; a share"),
        ("territory=3", "--set territory: is 3, must be a group of settings"),
        ("territory=", "--set territory: is None, must be a group of settings"),
        ("customer_classes.rural=0.1", "--set customer_classes.rural: unknown name"),
    ],
)
def test_a_wrong_override_is_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve([], [setting])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("anomaly_rat: 0.1", "unknown option anomaly_rat, did you mean anomaly_rate?"),
        ("anomalies: {mixx: {}}", "unknown option anomalies.mixx, did you mean anomalies.mix?"),
        ("region: x.geojson", "unknown option region, did you mean territory.region?"),
        ("zzz: 1", "unknown option zzz; known: "),
        ("1: 2", "unknown option 1; known: "),
        ("anomalies: {mix: {bypass: 0.5}}", "anomalies.mix: shares add up to 0.5, not 1"),
        ("anomalies: {mix: {bypass: 7}}", "anomalies.mix.bypass: is 7.0, must be from 0 to 1"),
        ("anomalies: 3", "anomalies: is 3, must be a group of settings"),
        ("num_meters: '100'", "num_meters: is '100', must be a whole number"),
        ("num_meters: 1e3", "num_meters: is 1000.0, must be a whole number"),
        ("consumption_baselines: {residential: [1, -1]}", "consumption_baselines.residential.spread_kwh: is -1"),
        ("{num_meters: 3, num_transformers: 9}", "num_transformers: is 9, more than num_meters (3)"),
        ("a: 1\na: 2", "line 2: a is given twice"),
        ("- 1", "holds a list"),
    ],
)
def test_a_wrong_file_is_named_with_the_path_of_the_key(tmp_path: Path, text: str, message: str) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert "\n" not in str(caught.value)


def test_the_place_that_gave_the_wrong_setting_is_named() -> None:
    preset = Layer("preset p", {"anomaly_rate": 3.0})
    file = Layer("f.yaml", {"num_months": 0, "anomalies": {"hot_spot_share": 2}})
    options = Layer(
        "options",
        {"random_seed": -1, "territory": {"region": ""}},
        {"random_seed": "--seed", "territory.region": "--region"},
    )
    good = {"num_months": 1, "anomalies": {"hot_spot_share": 0.2}}
    with pytest.raises(ConfigError, match=r"^preset p: anomaly_rate: is 3\.0"):
        resolve([preset, Layer("f.yaml", good)])
    with pytest.raises(ConfigError, match=r"^f\.yaml: anomalies\.hot_spot_share: is 2"):
        resolve([file])
    with pytest.raises(ConfigError, match=r"^f\.yaml: num_months: is 0"):
        resolve([file], ["anomalies.hot_spot_share=0.2"])
    with pytest.raises(ConfigError, match=r"^--seed: is -1, must be at least 0$"):
        resolve([], [], Layer("options", {"random_seed": -1}, options.flags))
    with pytest.raises(ConfigError, match=r"^--region: is '', must be a path$"):
        resolve([], [], options)


def test_a_refusal_about_a_default_names_the_file_that_brought_it_up() -> None:
    layer = Layer("f.yaml", {"consumption_baselines": {"residential": [1, 1]}})
    with pytest.raises(ConfigError, match=r"^f\.yaml: consumption_baselines: has no 'commercial'"):
        resolve([layer])
    with pytest.raises(ConfigError, match=r"^f\.yaml: num_transformers: is 50, more than num_meters \(3\)"):
        resolve([Layer("f.yaml", {"num_transformers": 50}), Layer("g.yaml", {})], ["num_meters=3"])


def test_a_refusal_that_nobody_can_be_blamed_for_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: GeneratorConfig) -> None:
        raise ConfigError("num_months: is odd")

    monkeypatch.setattr(GeneratorConfig, "_check_place", refuse)
    with pytest.raises(ConfigError, match=r"^num_months: is odd$"):
        resolve([])
    with pytest.raises(ConfigError, match=r"^f\.yaml: num_months: is odd$"):
        resolve([Layer("f.yaml", {"random_seed": 1})])


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^config: is \[1\], must be a mapping of settings"):
        config_from_dict([1])  # type: ignore[arg-type]


def test_a_region_in_a_file_lies_beside_the_file_and_the_output_folder_does_not(tmp_path: Path) -> None:
    file = _file(tmp_path, "output_dir: out\nterritory: {region: sub/r.geojson}\n")
    config = load_config(file)
    assert config.territory.region == tmp_path / "sub" / "r.geojson"
    assert config.output_dir == Path("out")
    absolute = _file(tmp_path, f"territory: {{region: {tmp_path / 'x.geojson'}}}\n")
    assert load_config(absolute).territory.region == tmp_path / "x.geojson"


def test_every_setting_has_a_path() -> None:
    assert {"random_seed", "anomalies.mix", "territory.region", "export.parquet"} <= set(all_options())
    assert "anomalies" not in all_options()
