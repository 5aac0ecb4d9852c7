from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from reporting_tables import NASTY, many, meters, small, transformers

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.reporting.realism import RealismRow
from ghostload.reporting.report_charts import distributions, gauge
from ghostload.reporting.report_leaderboard import (
    find_leaderboard,
    is_about,
    leaderboard_section,
    read_leaderboard,
)
from ghostload.reporting.report_page import render_report, write_report
from ghostload.reporting.report_series import samples_by_class, samples_by_kind
from ghostload.reporting.report_tables import class_table, config_table, findings_table, realism_table
from ghostload.reporting.summary import Summary
from ghostload.reporting.truth import truth_of
from ghostload.validation import Finding, Severity, ValidationReport

TRUTH_WORDS = ("secret_theft_kind", "secret_benign_kind", "secret_fault_kind", "anomaly_rate", "hot_spot", "steal")


def board(**changes: object) -> dict:
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6}
    made = {
        "data_set": {
            "num_meters": 6, "num_transformers": 3, "num_theft": 1, "first_month": "202501", "last_month": "202503",
        },
        "protocol": "Higher is <worse>.",
        "interval_level": 0.9,
        "detectors": [
            {"name": "boosting", "supervised": True, "status": "ok", "summary": "s", "metrics": {
                "ap": estimate, "roc_auc": estimate, "recall@1%": {"value": None, "low": None, "high": None},
                "recall@1%/bypass": estimate}},
            {"name": NASTY, "supervised": False, "status": "ok", "metrics": {"ap": 0.25}},
            {"name": "broken", "supervised": False, "status": "failed", "reason": "it <b>fell</b>", "metrics": {}},
        ],
    }  # fmt: skip
    return made | changes


def test_the_report_has_its_sections_in_order_and_is_well_formed() -> None:
    html = render_report(small(), leaderboard=board())
    assert re.findall(r'<section id="(\w+)">', html) == [
        "counts", "validation", "distributions", "realism", "samples", "truth", "leaderboard", "settings",
    ]  # fmt: skip
    main = re.search(r"<main>.*</main>", html, re.S)
    assert main
    ET.fromstring(main[0].replace("&nbsp;", " "))
    assert "<script" not in html


def test_every_drawing_and_table_says_what_it_is() -> None:
    main = re.search(r"<main>.*</main>", render_report(small(), leaderboard=board()), re.S)
    assert main
    root = ET.fromstring(main[0])
    assert all(svg.get("aria-label") and svg.get("role") == "img" for svg in root.iter("svg"))
    assert all(table.find("caption") is not None for table in root.iter("table"))
    assert len(list(root.iter("svg"))) > 10


def test_names_from_the_input_are_text() -> None:
    html = render_report(small(path=Path(f"/nowhere/{NASTY.replace('/', '')}")), leaderboard=board())
    assert "<script" not in html
    assert "it &lt;b&gt;fell&lt;/b&gt;" in html


def test_without_truth_nothing_of_it_is_in_the_page() -> None:
    config = GeneratorConfig(num_meters=6)
    dataset = small()
    with_config = Dataset(dataset.tables, region=dataset.region, config=config)
    html = render_report(with_config, truth=False, leaderboard=board())
    for word in TRUTH_WORDS:
        assert word not in html, word
    assert "anomaly_events" not in html
    assert 'id="leaderboard"' not in html
    told = render_report(with_config, truth=True)
    for word in TRUTH_WORDS:
        assert word in told, word


def test_a_folder_without_truth_is_described_without_it() -> None:
    html = render_report(small(with_truth=False))
    assert 'id="truth"' not in html
    assert "has no config.yaml" in html


def test_a_folder_without_months_is_described() -> None:
    columns = [name for name in meters().column_names if name.startswith("monthly_")]
    bare = small(meters=meters().drop_columns(columns))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = distributions(Summary(bare), [])
        assert samples_by_class(Summary(bare)) == ""
        assert samples_by_kind(Summary(bare), truth_of(bare)) == ""
        assert "–" in class_table(Summary(bare))
    assert [re.search("<figcaption>([^<]*)", figure)[1] for figure in drawn] == [
        "Transformer loading", "Meters per transformer", "Transformer ratings",
    ]  # fmt: skip


def test_one_month_is_a_dot() -> None:
    table = meters().drop_columns(["monthly_consumption_202502", "monthly_consumption_202503"])
    drawn = samples_by_class(Summary(small(meters=table)))
    assert drawn.count("<circle") == drawn.count("<figure")


def test_a_set_without_energy_or_ratings_leaves_those_charts_out() -> None:
    zeros = {f"monthly_consumption_{m}": [0.0] * 6 for m in ("202501", "202502", "202503")}
    nothing = small(meters=meters(**zeros), transformers=transformers(capacity_kVA=pa.array([None] * 3, pa.float64())))
    captions = [re.search("<figcaption>([^<]*)", f)[1] for f in distributions(Summary(nothing), [])]
    assert captions == ["Meters per transformer"]


def test_an_empty_class_of_readings_gives_dashes_and_no_warning() -> None:
    missing = {
        f"monthly_consumption_{m}": pa.array([1.0, None, 1.0, None, 1.0, 1.0]) for m in ("202501", "202502", "202503")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = Summary(small(meters=meters(**missing))).class_rows()
    assert [row.name for row in rows] == ["residential", "commercial", "industrial"]
    assert np.isnan(rows[1].mean_kwh)
    assert rows[0].share == pytest.approx(4 / 6)


def test_class_shares_add_up() -> None:
    rows = Summary(many(300)).class_rows()
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert sum(row.energy_share for row in rows) == pytest.approx(1)


def test_a_foreign_class_stands_after_the_usual_ones() -> None:
    table = meters(customer_class=["farm", "commercial", "residential", "", "residential", "residential"])
    assert Summary(small(meters=table)).classes == ["residential", "commercial", "", "farm"]


def test_samples_of_a_kind_shade_the_event_and_mark_its_start() -> None:
    dataset = small()
    drawn = samples_by_kind(Summary(dataset), truth_of(dataset))
    theft = drawn.split("<h3>")[1]
    assert "from 2025-02, 110 kWh lost" in theft
    assert theft.count("stroke-dasharray") == 1
    assert "<rect" in theft
    benign = drawn.split("<h3>")[3]
    assert "to 2025-01" in benign


def test_samples_of_a_kind_run_from_small_to_large_losses() -> None:
    dataset = many(300)
    ids = dataset.tables["meters"]["meter_id"].to_pylist()
    count = 40
    events = pa.table({
        "event_id": [f"EV_{i}" for i in range(count)], "meter_id": ids[:count], "family": ["theft"] * count,
        "kind": ["bypass"] * count, "start": ["2025-06"] * count, "end": [None] * count,
        "lost_kwh": np.arange(count, dtype=float)[::-1] + 1, "severity": [0.3] * count, "parameters": ["{}"] * count,
    })  # fmt: skip
    told = Dataset({**dataset.tables, "anomaly_events": events})
    losses = [
        float(v) for v in re.findall(r"([\d,]+) kWh lost</small>", samples_by_kind(Summary(told), truth_of(told)))
    ]
    assert losses == sorted(losses)
    assert len(losses) == 5
    assert (losses[0], losses[-1]) == (1.0, 40.0)


def test_the_settings_are_complete_and_the_output_folder_is_not_among_them() -> None:
    config = GeneratorConfig(num_meters=77, barangays=("A<b>", "C"))
    table = config_table(config, truth=True)
    for key in ("random_seed", "num_meters", "anomalies.mix.bypass", "territory.region", "metering.error_sd"):
        assert f"<code>{key}</code>" in table
    assert "A&lt;b&gt;, C" in table
    assert "output_dir" not in table
    assert "anomalies" not in config_table(config, truth=False)


def test_findings_are_listed_with_ids_and_cure() -> None:
    finding = Finding("c", Severity.ERROR, "bad <x>", "cure", "meters", "kVA", tuple(f"M{i}" for i in range(9)))
    table = findings_table(ValidationReport((finding,), ("c", "d")))
    assert "bad &lt;x&gt;" in table
    assert "M4 and 4 more" in table
    assert "meters.kVA" in table
    assert "All 2 checks passed" in findings_table(ValidationReport((), ("c", "d")))


def row(measured: float | None, inside: bool | None, unit: str = "1") -> RealismRow:
    return RealismRow("cv_p50", "label", measured, 1.0, 2.0, unit, inside, "source")


def test_reference_figures_are_shown_with_their_verdict() -> None:
    table = realism_table([row(1.5, True), row(9.0, False, "kWh"), row(None, None)])
    assert "1 of 2 figures lie inside" in table
    assert table.count("inside</span>") == 1
    assert "9 kWh" in table
    assert table.count("<circle") == 2


@pytest.mark.parametrize(("value", "centre"), [(1.0, 60.0), (1.5, 90.0), (2.0, 120.0), (99.0, 177.0), (-99.0, 3.0)])
def test_the_gauge_puts_the_range_in_the_middle_third(value: float, centre: float) -> None:
    assert f'cx="{centre:.1f}"' in gauge(row(value, True))


def test_the_gauge_is_empty_without_a_value() -> None:
    assert gauge(row(float("nan"), None)) == ""


def test_the_leaderboard_shows_headline_metrics_and_failures() -> None:
    section = leaderboard_section(board())
    assert "0.500" in section
    assert "(0.400–0.600)" in section
    assert "failed: it &lt;b&gt;fell&lt;/b&gt;" in section
    assert "random order" in section
    assert "bypass" not in section
    assert "Higher is &lt;worse&gt;." in section


def test_a_leaderboard_without_scores_or_counts_is_still_a_table() -> None:
    section = leaderboard_section({"detectors": [{"name": "x"}]})
    assert "<svg" not in section
    assert "<td>x</td>" in section or ">x</span>" in section


def test_a_leaderboard_of_another_data_set_is_said_to_be_one() -> None:
    other = board(data_set={"num_meters": 7})
    assert not is_about(other, small())
    assert "of another data set" in render_report(small(), leaderboard=other)
    assert is_about(board(), small())


def test_a_leaderboard_is_found_in_the_folder_and_beside_it_when_it_fits(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    assert find_leaderboard(folder, small()) is None
    beside = tmp_path / "leaderboard.json"
    beside.write_text(json.dumps(board(data_set={"num_meters": 7})))
    assert find_leaderboard(folder, small()) is None
    beside.write_text(json.dumps(board()))
    assert find_leaderboard(folder, small()) is not None
    (folder / "leaderboard.json").write_text(json.dumps(board(protocol="inner")))
    found = find_leaderboard(folder, small())
    assert found
    assert found["protocol"] == "inner"


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"detectors": [1]}', '{"detectors": [{"name": "a", "metrics": 3}]}']
)
def test_what_is_no_leaderboard_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "board.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"board\.json: .*ghostload benchmark"):
        read_leaderboard(path)


def test_a_leaderboard_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot be read"):
        read_leaderboard(tmp_path / "none.json")


def test_the_report_is_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from reporting_tables import small; from pathlib import Path;"
        "from ghostload.reporting.report_page import write_report; write_report(small(), Path(sys.argv[2]))"
    )
    pages = []
    for seed in ("0", "77"):
        target = tmp_path / f"{seed}.html"
        env = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent), str(target)], check=True, env=env)
        pages.append(target.read_bytes())
    assert pages[0] == pages[1]
    assert write_report(small(), tmp_path / "here.html") == len(pages[0])
