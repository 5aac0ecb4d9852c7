"""Presets and the files under configs/ load, and are what they claim."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ghostload.config import GeneratorConfig, load_config
from ghostload.config.loading import all_options, config_to_dict, resolve
from ghostload.config.presets import load_preset, preset_layer, preset_names, preset_purpose, preset_text
from ghostload.config.reference import reference_table, template
from ghostload.config.yamltext import parse_yaml
from ghostload.errors import ConfigError


def test_the_default_preset_is_the_default_config() -> None:
    assert load_preset("default") == GeneratorConfig()


def test_metro_manila_has_the_energy_shares_of_its_source() -> None:
    config = load_preset("metro_manila")
    energy = {
        name: part * config.consumption_baselines[name].mean_kwh for name, part in config.customer_classes.items()
    }
    shares = {name: value / sum(energy.values()) for name, value in energy.items()}
    assert shares == pytest.approx({"residential": 0.36, "commercial": 0.38, "industrial": 0.26}, abs=5e-4)
    home = config.consumption_baselines["residential"]
    assert config.customer_classes["residential"] == 0.92
    assert home.mean_kwh == pytest.approx(19_455e6 / 12 / (8.04e6 * 0.92), rel=2e-3)
    assert math.sqrt(math.log(1 + (home.spread_kwh / home.mean_kwh) ** 2)) == pytest.approx(0.65, abs=1e-3)
    for name in ("commercial", "industrial"):
        baseline = config.consumption_baselines[name]
        assert baseline.spread_kwh == baseline.mean_kwh


def test_metro_manila_changes_nothing_else() -> None:
    changed = {"customer_classes", "consumption_baselines"}
    plain, default = config_to_dict(load_preset("metro_manila")), config_to_dict(GeneratorConfig())
    assert {name for name in plain if plain[name] != default[name]} == changed


def test_the_small_preset_has_two_hundred_meters() -> None:
    config = load_preset("small")
    assert (config.num_meters, config.transformers) == (200, 5)


def test_presets_are_listed_and_say_what_they_are_for() -> None:
    assert preset_names() == ("default", "metro_manila", "small")
    assert all(len(preset_purpose(name)) > 20 for name in preset_names())
    assert (
        preset_purpose("metro_manila")
        == "Metro Manila as its utility's 2024 figures have it: real class shares and mean energy."
    )


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^unknown preset metro_manilla, did you mean metro_manila"):
        preset_layer("metro_manilla")
    with pytest.raises(ConfigError, match="unknown preset"):
        preset_text("../presets/default")


def test_a_preset_can_be_changed_from_above() -> None:
    config = resolve([preset_layer("metro_manila")], ["num_meters=80"])
    assert (config.num_meters, config.transformers) == (80, 2)


def test_the_default_file_is_the_template_and_holds_every_setting(root: Path) -> None:
    text = (root / "configs" / "default.yaml").read_text(encoding="utf-8")
    assert text == template()
    assert load_config(root / "configs" / "default.yaml") == GeneratorConfig()
    settings = parse_yaml(text)
    for path in all_options():
        here = settings
        for part in path.split("."):
            assert part in here, path
            here = here[part]


def test_the_metro_manila_file_is_the_preset(root: Path) -> None:
    assert (root / "configs" / "metro_manila.yaml").read_text(encoding="utf-8") == preset_text("metro_manila")


def test_the_other_files_are_what_their_names_say(root: Path) -> None:
    drops = load_config(root / "configs" / "sudden_drops.yaml").anomalies
    assert drops.mix == {"sudden_drop": 0.4, "gradual_decline": 0.3, "bypass": 0.2, "erratic": 0.1}
    assert (drops.hot_spot_share, drops.hot_spot_factor) == (0.2, 5.0)
    hard = load_config(root / "configs" / "hard_two_years.yaml")
    assert (hard.difficulty, hard.num_months, hard.months[0], hard.anomaly_rate) == ("hard", 24, "202401", 0.05)
    city = load_config(root / "configs" / "own_city.yaml")
    assert city.geo_bounds == {"lat": (16.38, 16.43), "lon": (120.57, 120.62)}
    assert city.barangays == ("Irisan", "Loakan Proper", "Bakakeng Central", "Pacdal", "Camp 7")


def test_every_file_names_a_command_that_runs_it(root: Path) -> None:
    for file in (root / "configs").glob("*.yaml"):
        if file.stem not in ("default", "metro_manila"):
            assert f"ghostload generate -c configs/{file.name}" in file.read_text(encoding="utf-8")


def test_the_reference_has_a_row_for_every_setting_with_a_meaning() -> None:
    rows = [line.strip("| \n").split(" | ") for line in reference_table().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{path}`" for path in all_options()]
    assert all(len(row) == 6 and len(row[5]) > 10 for row in rows)


def test_the_page_on_configuration_holds_the_reference(root: Path) -> None:
    page = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert reference_table() in page, "run `ghostload config reference` and put its table into docs/configuration.md"
    assert all(name in page for name in preset_names())
