"""The sample that is kept in the repository is what the generator makes."""

from __future__ import annotations

import json
from pathlib import Path

import geojson

from ghostload import SyntheticDataPipeline, load_config
from ghostload.export import write_dataset
from ghostload.validation import validate_folder


def test_the_sample_is_what_its_config_makes(tmp_path: Path, root: Path) -> None:
    sample = root / "generated_data/sample"
    config = load_config(sample / "config.yaml")
    made = write_dataset(SyntheticDataPipeline(config).build(), tmp_path / "made")
    listed = json.loads((sample / "manifest.json").read_text(encoding="utf-8"))["files"]
    for name in listed:
        assert (made / name).read_bytes() == (sample / name).read_bytes(), name


def test_the_sample_is_valid_and_shows_as_a_map(root: Path) -> None:
    sample = root / "generated_data/sample"
    report = validate_folder(sample)
    assert report.ok, str(report)
    for name in ("transformers", "meters", "region"):
        assert geojson.loads((sample / f"{name}.geojson").read_text(encoding="utf-8")).is_valid
