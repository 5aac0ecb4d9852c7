from __future__ import annotations

import re

import pytest

from ghostload.detection import DETECTORS, evaluate, normalised_features, truth_of


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "detection.md").read_text(encoding="utf-8")


def test_the_snippets_run(page, capsys):
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "docs/detection.md", "exec"), names)
    assert "isolation_forest" in capsys.readouterr().out


def test_every_detector_feature_and_metric_is_described(page, town):
    for name in DETECTORS.names():
        assert f"| `{name}` |" in page
    for name in normalised_features(town).names:
        assert f"`{name}`" in page or name.startswith("over_mean_")
    for name in evaluate(normalised_features(town).values[:, 0], truth_of(town), n_bootstrap=0):
        assert f"`{name.split('@')[0]}" in page


def test_the_number_of_features_is_as_stated(page, town):
    extra = int(re.search(r"`T` \+ (\d+) columns", page)[1])
    assert len(normalised_features(town).names) == len(town.months) + extra
