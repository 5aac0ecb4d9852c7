"""The report's section on feeders says what the tables say, and without the truth what meters show."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests_support import built

from ghostload.config import TerritoryConfig
from ghostload.dataset import Dataset
from ghostload.reporting import report_feeders
from ghostload.reporting.report_feeders import feeder_section
from ghostload.reporting.report_page import render_report

LOSSES = ("mv_line", "transformer_no_load", "transformer_load", "lv_main", "service_drop")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    few = TerritoryConfig(transformers_per_feeder=3)
    return built(num_meters=200, num_transformers=6, num_months=3, anomaly_rate=0.2, territory=few)


def _cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row, re.S) for row in rows if "<td" in row]


def _without(dataset: Dataset, *names: str) -> Dataset:
    return replace(dataset, tables={n: t for n, t in dataset.tables.items() if n not in names}, _frames={})


def test_with_the_truth_losses_are_told_apart_by_month_feeder_and_kind(dataset: Dataset) -> None:
    html = feeder_section(dataset, truth=True)
    energy = dataset.frame("feeder_energy")
    energy["technical"] = energy[[f"{name}_loss_kwh" for name in LOSSES]].sum(axis=1)
    rows = {row[0]: row[1:] for row in _cells(html)}
    for key in ("month", "feeder_id"):
        for name, sums in energy.groupby(key).sum(numeric_only=True).iterrows():
            supplied, technical, hidden = sums.supplied_kwh, sums.technical, sums.non_technical_loss_kwh
            assert rows[str(name)][:5] == [
                f"{supplied / 1e3:,.1f}",
                f"{technical / 1e3:,.1f}",
                f"{100 * technical / supplied:.2f} %",
                f"{hidden / 1e3:,.1f}",
                f"{100 * hidden / supplied:.2f} %",
            ]
    assert rows["FD_01"][5] == f"{energy[energy.feeder_id == 'FD_01'].peak_kw.max():,.0f}"
    assert rows["FD_01"][6] == f"{energy[energy.feeder_id == 'FD_01'].lowest_voltage_pu.min():.3f}"
    assert rows["lv main"][0] == f"{energy.lv_main_loss_kwh.sum() / 1e3:,.1f}"
    assert len(rows) == 3 + 2 + len(LOSSES)
    assert "non-technical" in html
    assert "<svg" in html


def test_without_the_truth_it_is_the_meter_at_the_head_against_the_customers(dataset: Dataset) -> None:
    html = feeder_section(dataset, truth=False)
    rows = {row[0]: row[1:] for row in _cells(html)}
    supplied = dataset.frame("feeder_readings").groupby("month").registered_kwh.sum()
    registered = dataset.registered_kwh.sum(axis=0)
    for month, got in zip(supplied.index, registered, strict=True):
        given = supplied[month]
        assert rows[month][:2] == [f"{given / 1e3:,.1f}", f"{got / 1e3:,.1f}"]
        assert rows[month][3] == f"{100 * (given - got) / given:.2f} %"
    assert set(rows) == {*supplied.index, "FD_01", "FD_02"}
    assert "technical" not in html


def test_without_the_truth_the_report_holds_nothing_of_the_true_tables(dataset: Dataset) -> None:
    truth = ("feeder_energy", "network_losses", "transformer_energy", "anomaly_labels", "anomaly_events")
    assert render_report(dataset, truth=False) == render_report(_without(dataset, *truth), truth=False)
    assert 'id="feeders"' in render_report(dataset)


def test_a_set_that_says_nothing_of_feeders_has_no_such_section(dataset: Dataset) -> None:
    bare = _without(dataset, "feeder_energy", "feeder_readings")
    assert feeder_section(bare, truth=True) == feeder_section(bare, truth=False) == ""
    assert 'id="feeders"' not in render_report(bare)
    empty = replace(dataset, tables={**dataset.tables, "feeder_energy": dataset.tables["feeder_energy"].slice(0, 0)})
    assert feeder_section(empty, truth=True) == ""


def test_of_many_feeders_the_first_are_listed(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_feeders, "MOST_FEEDERS", 1)
    for truth in (True, False):
        html = feeder_section(dataset, truth=truth)
        assert "The first 1 of 2 feeders" in html
        assert "FD_02" not in html
