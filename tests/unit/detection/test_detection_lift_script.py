"""The script behind reports/lift.md."""

from __future__ import annotations

import argparse
import importlib.util
import sys

import numpy as np
import pytest


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("lift_script", root / "benchmarks" / "lift.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_one_data_set_is_scored_with_all_that_may_be_seen(script, monkeypatch):
    few = {step: names[-1:] for step, names in script.STEPS.items()} | {"+ voltage": script.STEPS["+ voltage"]}
    monkeypatch.setattr(script, "STEPS", few)
    found = script.run_one(script.Job("easy", 1, 240, 2, "1h"))
    everything = [f for f in found if not f.kind]
    assert [(f.step, f.detector) for f in everything] == [
        (s, name) for s, names in script.STEPS.items() for name in names
    ]
    assert {f.count for f in everything} == {18}
    for f in found:
        assert 0 <= f.ap <= 1
        assert 0 <= f.roc_auc <= 1
        assert list(f.recall) == sorted(f.recall)
    kinds = {f.kind for f in found} - {""}
    assert sum(next(f.count for f in found if f.kind == kind) for kind in kinds) == 18


def test_the_report_has_the_best_of_each_step_and_a_line_for_each_kind(script, tmp_path):
    found = []
    for seed, shift in ((0, 0.0), (1, 0.2)):
        for number, (step, names) in enumerate(script.STEPS.items()):
            for place, name in enumerate(names):
                ap = 0.1 * (number + 1) + shift - 0.02 * place
                for kind, count in (("", 3), ("bypass", 2), ("full_tap", 1)):
                    found.append(
                        script.Figure(
                            "hard", seed, "perfect", step, name, kind, count, ap, 0.5 + ap / 2, (0.1, 0.2, 0.3, 0.4)
                        )
                    )
    arguments = argparse.Namespace(seeds=[0, 1], meters=10, months=1, interval="1h", processes=1)
    report = script.markdown(found, arguments, "python benchmarks/lift.py", 90.0)
    assert (
        "| hard | perfect | 0.200 (0.10–0.30) | 0.300 (0.20–0.40) | 0.400 (0.30–0.50) | 0.500 (0.40–0.60) |" in report
    )
    assert "| bypass | 4 | 0.60 | 0.65 | 0.70 | 0.75 | 0.80 |" in report
    assert "| bypass | 4 | 40% | 40% | 40% | 40% | 40% |" in report
    assert "| + voltage | `rule_voltage` | 0.580 (0.48–0.68) | 0.790 (0.74–0.84) | 10% | 20% | 30% | 40% |" in report
    script.write_csv(found, tmp_path / "lift.csv")
    lines = (tmp_path / "lift.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(found)
    assert lines[0].startswith("scenario,seed,records,may_see,detector,kind,thieves,ap,roc_auc,recall_1%")


def test_an_exact_balance_leaves_nothing_but_what_is_stolen(script):
    from ghostload.detection.balance import delivered_of
    from ghostload.detection.panel import panel_of

    dataset = script.make(script.Job("realistic", 1, 200, 12, None))
    panel = panel_of(dataset)
    exact = delivered_of(script.with_exact_balance(dataset), panel)
    registered = np.zeros_like(exact)
    np.add.at(registered, panel.group_code, panel.registered_kwh)
    events = dataset.tables["anomaly_events"]
    assert (exact - registered).sum() == pytest.approx(sum(events["lost_kwh"].to_pylist()), rel=0.01)
