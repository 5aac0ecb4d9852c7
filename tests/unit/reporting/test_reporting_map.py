from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from reporting_tables import MONTHS, NASTY, QUOTED, labels, many, meters, small, transformers

from ghostload.dataset import Dataset
from ghostload.errors import DataError, UsageError
from ghostload.reporting.map_data import FEEDER_COLOURS, NOWHERE, map_content
from ghostload.reporting.map_document import figure_json
from ghostload.reporting.map_page import render_map, write_map
from ghostload.reporting.payload import unpack

TRUTH_WORDS = ("secret_theft_kind", "secret_benign_kind", "secret_fault_kind")


def block(html: str, name: str) -> str:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.S)
    assert found, name
    return json.loads(found[1])


def contents(html: str, name: str = "map-data") -> tuple[dict, dict]:
    return unpack(block(html, name))


def test_the_payload_gives_back_places_and_readings() -> None:
    dataset = small()
    meta, arrays = contents(render_map(dataset))
    assert meta["tx_ids"] == dataset.tables["transformers"]["transformer_id"].to_pylist()
    assert meta["meter_ids"] == dataset.tables["meters"]["meter_id"].to_pylist()
    assert meta["months"] == list(MONTHS)
    owner = arrays["meter_tx"].astype(int)
    lat = (arrays["tx_lat"].astype(int)[owner] + arrays["meter_lat"]) / 1e6
    np.testing.assert_allclose(lat, dataset.tables["meters"]["lat"].to_numpy(), atol=1e-9)
    months = arrays["months"].reshape(-1, 3)
    kwh = np.where(months == NOWHERE, np.nan, months * meta["kwh_step"])
    np.testing.assert_allclose(kwh, dataset.registered_kwh, atol=1e-6)


def test_corners_of_land_come_back_from_steps() -> None:
    _, arrays = map_content(small())
    x = np.cumsum(arrays["land_x"])
    assert arrays["land_ring_size"].tolist() == [5, 5]
    assert x[0] == x[4]
    assert x[0] == pytest.approx(np.radians(120.98) * 6378137, abs=1)


def test_feeders_have_a_colour_each_and_neighbours_differ() -> None:
    meta, arrays = map_content(many(2000))
    assert len(meta["feeders"]) == 25 > len(FEEDER_COLOURS)
    assert len(meta["feeder_colours"]) == 25
    assert set(meta["feeder_colours"]) <= set(FEEDER_COLOURS)
    places = {f: (f // 8, f % 8) for f in range(25)}
    near = [(i, j) for i in places for j in places if abs(np.subtract(places[i], places[j])).sum() == 1]
    assert near
    assert all(meta["feeder_colours"][i] != meta["feeder_colours"][j] for i, j in near)
    assert arrays["tx_feeder"].max() == 24


def test_very_large_readings_get_a_coarser_step() -> None:
    table = meters(monthly_consumption_202501=[3e9, 0.0, 0.0, 0.0, 0.0, 0.0])
    meta, arrays = map_content(small(meters=table))
    assert meta["kwh_step"] == pytest.approx(10.0)
    assert arrays["months"].reshape(-1, 3)[0, 0] * meta["kwh_step"] == pytest.approx(3e9)


def test_places_that_cannot_be_drawn_are_counted_and_not_guessed() -> None:
    table = transformers(lat=[14.57, None, 14.59])
    orphan = meters(
        transformer_id=["TX_0001", "TX_9999", "TX_0002", "TX_0003", "TX_0003", "TX_0003"],
        lon=[121.0, 121.0, None, 121.0, 121.0, 121.0],
    )
    meta, arrays = map_content(small(transformers=table, meters=orphan))
    assert meta["not_drawn"] == {"transformers": 1, "meters": 1, "meters_unserved": 1}
    assert arrays["tx_lat"][1] == NOWHERE
    assert arrays["meter_lon"][2] == NOWHERE
    assert arrays["meter_tx"][1] == -1
    assert arrays["meter_lat"][1] == 14570100  # whole, as there is nothing to count it from


def test_a_folder_without_region_config_manifest_or_months_is_drawn() -> None:
    bare = Dataset(
        {"transformers": transformers(), "meters": meters().drop_columns([f"monthly_consumption_{m}" for m in MONTHS])}
    )
    meta, arrays = contents(render_map(bare))
    assert meta["months"] == []
    assert meta["land"] == []
    assert arrays["months"].size == 0


def test_a_transformer_whose_loading_cannot_be_told_has_none() -> None:
    table = meters(customer_class=["residential", "commercial", "farm", "industrial", "residential", "residential"])
    capacity = transformers(capacity_kVA=[0.0, 100.0, 37.5])
    _, arrays = map_content(small(meters=table, transformers=capacity))
    assert np.isnan(arrays["tx_loading"]).tolist() == [True, True, False]
    assert arrays["tx_loading"][2] > 0


def test_without_truth_not_a_datum_of_it_is_in_the_page() -> None:
    html = render_map(small())
    meta, arrays = contents(html)
    for word in TRUTH_WORDS:
        assert word not in html
        assert word not in json.dumps(meta)
    assert "High" not in json.dumps(meta)
    assert "truth-data" not in html
    assert not [name for name in arrays if name.startswith("event")]
    assert html == render_map(small(with_truth=False))


def test_with_truth_events_and_undated_labels_are_there() -> None:
    two = labels(
        meter_id=["MTR_000005", "MTR_000003"],
        anomaly_flag=[1, 1],
        risk_band=["High", "Low"],
        anomaly_type=["secret_theft_kind"] * 2,
    )
    html = render_map(small(anomaly_labels=two), truth=True)
    meta, arrays = contents(html, "truth-data")
    assert [k["family"] for k in meta["kinds"]] == ["theft", "fault", "benign"]
    assert arrays["event_meter"].tolist() == [0, 2, 4, 5]
    assert arrays["event_start"].tolist() == [2024 * 12 + 10, NOWHERE, 2025 * 12 + 1, 2025 * 12]
    assert meta["bands"] == ["", "Low", "High", ""]


def test_truth_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="no ground truth here"):
        render_map(small(with_truth=False), truth=True)


def test_no_name_of_an_input_file_becomes_markup(tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    for truth in (False, True):
        html = render_map(small(path=folder), truth=truth)
        assert NASTY not in html
        assert "<img src=x" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
    meta, _ = contents(html)
    assert NASTY in meta["districts"]
    assert QUOTED in meta["feeders"]


def test_the_page_names_no_outside_address_but_the_street_map_and_what_bokeh_carries() -> None:
    html = render_map(small(), tile_url="https://tiles.example.org/{Z}/{X}/{Y}.png", tile_attribution="© <me>")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert "https://tiles.example.org;" in policy[1]
    assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)', html)
    assert block(html, "map-tiles") == {"url": "https://tiles.example.org/{Z}/{X}/{Y}.png", "attribution": "© <me>"}


def test_a_bad_tile_address_is_refused() -> None:
    with pytest.raises(UsageError, match="no tile address"):
        render_map(small(), tile_url="nowhere")


def test_the_figure_is_the_same_however_many_were_made_before() -> None:
    assert figure_json(truth=True) == figure_json(truth=True)
    assert figure_json(truth=False) != figure_json(truth=True)


def test_the_page_is_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from reporting_tables import small; from pathlib import Path;"
        "from ghostload.reporting.map_page import write_map; write_map(small(), Path(sys.argv[2]), truth=True)"
    )
    pages = []
    for seed in ("0", "4242"):
        target = tmp_path / f"{seed}.html"
        env = os.environ | {"PYTHONHASHSEED": seed, "BOKEH_SIMPLE_IDS": "yes" if seed == "0" else "no"}
        subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent), str(target)], check=True, env=env)
        pages.append(target.read_bytes())
    assert pages[0] == pages[1]
    write_map(small(), tmp_path / "here.html", truth=True)
    assert (tmp_path / "here.html").read_bytes() == pages[0]


def test_a_meter_costs_few_bytes() -> None:
    few, more = len(render_map(many(200))), len(render_map(many(4200)))
    assert (more - few) / 4000 < 60


def test_a_column_without_numbers_is_named() -> None:
    with pytest.raises(DataError, match="column capacity_kVA"):
        render_map(small(transformers=transformers(capacity_kVA=["big", "1", "2"])))
    with pytest.raises(DataError, match="column feeder_id is missing"):
        render_map(small(transformers=transformers().drop_columns("feeder_id")))


def test_dictionary_and_chunked_columns_read_the_same() -> None:
    plain = small()
    table = plain.tables["meters"]
    coded = table.set_column(2, "customer_class", table["customer_class"].dictionary_encode())
    chunked = pa.concat_tables([coded.slice(0, 2), coded.slice(2)])
    assert render_map(small(meters=chunked)) == render_map(plain)
