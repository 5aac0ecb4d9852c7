"""Lines and energy balances on the map, in a real browser, at 5,000 and 100,000 meters."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from e2e_support import SIZES, show
from headless_chromium import Page
from PIL import Image

from ghostload.dataset import Dataset
from ghostload.reporting.map_page import write_map

OpenMap = Callable[..., Page]
EDGES, SHADES = (-2, 0, 2, 4), ("#B5DE2B", "#35B779", "#26828E", "#3E4A89", "#440154")


def count(page: Page, shade: str) -> int:
    """Pixels of one colour on the map."""
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))[:, :890]
    return int((picture == [int(shade[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2).sum())


def shade_of(drop: float) -> str:
    return SHADES[sum(drop >= edge for edge in EDGES)]


@pytest.mark.parametrize("size", SIZES)
def test_medium_voltage_is_always_drawn_in_the_colours_of_its_drops(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    page = open_map(size)
    network = dataset_of(size).network
    assert network is not None
    lines = network.filter(pc.equal(network["kind"], "mv"))
    assert page.run("GL.sources.mv.data.x0.length") == lines.num_rows
    assert page.run("GL.sources.low.data.x0.length") == 0
    expected = [shade_of(round(drop, 2)) for drop in lines["drop_percent"].to_pylist()]
    assert page.run("GL.sources.mv.data.colour") == expected
    assert count(page, max(set(expected), key=expected.count)) > 300
    x, y = page.run("[GL.sources.mv.data.x1[5], GL.sources.mv.data.y1[5]]")
    assert page.run(f"[GL.lonOf({x}), GL.latOf({y})]") == pytest.approx(
        [lines["lon1"][5].as_py(), lines["lat1"][5].as_py()], abs=2e-6
    )


def test_low_voltage_comes_when_zoomed_in_and_takes_the_place_of_straight_lines(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset]
) -> None:
    page = open_map(SIZES[0])
    network = dataset_of(SIZES[0]).network
    assert network is not None
    worst = int(np.argmax(network["drop_percent"].to_numpy()))
    name = network["transformer_id"][worst].as_py()
    own = pc.sum(pc.equal(network["transformer_id"], name)).as_py()
    page.run(f"GL.goTo({{tx: GL.model.meta.tx_ids.indexOf('{name}')}})")
    page.settle()
    assert page.run("GL.sources.low.data.x0.length") >= own
    assert page.run("GL.sources.chosen_drops.data.x0.length") == own
    assert page.run("GL.sources.drops.data.x0.length") == 0
    assert count(page, shade_of(network["drop_percent"][worst].as_py())) > 20
    page.run("document.getElementById('lines-on').click()")
    assert page.run("GL.sources.low.data.x0.length + GL.sources.mv.data.x0.length") == 0
    page.run("document.getElementById('lines-on').click()")
    assert page.run("GL.sources.low.data.x0.length") >= own
    page.run("GL.view.fit(GL.model.bounds)")
    page.settle()
    assert page.run("GL.sources.low.data.x0.length") == 0


def test_at_a_hundred_thousand_meters_straight_lines_stand_for_low_voltage(open_map: OpenMap) -> None:
    page = open_map(SIZES[1])
    page.run("GL.view.show(GL.model.tx.x[0], GL.model.tx.y[0], 2)")
    page.settle()
    assert page.run("GL.sources.low.data.x0.length") == 0
    assert page.run("GL.sources.drops.data.x0.length") >= page.run("GL.model.metersOf(0).length")
    assert "low voltage not drawn" in page.run("document.getElementById('line-scale').textContent")


def test_lines_go_with_their_feeder(open_map: OpenMap, dataset_of: Callable[[int], Dataset]) -> None:
    page = open_map(SIZES[0])
    network = dataset_of(SIZES[0]).network
    assert network is not None
    mine = pc.and_(pc.equal(network["kind"], "mv"), pc.equal(network["feeder_id"], "FD_03"))
    before = page.run("GL.sources.mv.data.x0.length")
    page.run("document.querySelector('#feeders input[aria-label=\"Show feeder FD_03\"]').click()")
    assert before - page.run("GL.sources.mv.data.x0.length") == pc.sum(mine).as_py() > 0


def test_the_legend_names_the_steps_in_per_cent(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    ticks = page.run("[...document.querySelectorAll('#line-scale .bar-ticks span')].map(s => s.textContent)")
    assert ticks == ["", *(str(edge).replace("-", "−") for edge in EDGES), "%"]
    bars = page.run("[...document.querySelectorAll('#line-scale .bar span')].map(s => s.getAttribute('style'))")
    assert bars == [f"background:{shade}" for shade in SHADES]


def energy_rows(page: Page) -> dict[str, list[str]]:
    """Cells of the balance's table by the label of their row."""
    rows = page.run(
        "[...document.querySelectorAll('.energy-table tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("size", SIZES)
def test_a_transformer_shows_what_was_delivered_registered_and_lost(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    page = open_map(size)
    data = dataset_of(size)
    page.run("GL.choose({tx: 7})")
    own = data.frame("transformer_readings").query("transformer_id == 'TX_0008'")["registered_kwh"].to_numpy()
    registered = data.registered_kwh[data.transformer_index == 7].sum(axis=0)
    rows = energy_rows(page)
    assert len(rows) == len(data.months) + 2
    for m, month in enumerate(data.months):
        shown = [float(cell.replace(",", "")) for cell in rows[f"{month[:4]}-{month[4:]}"]]
        assert shown == pytest.approx([own[m], registered[m], own[m] - registered[m]], abs=0.61)
    assert page.run("[...document.querySelectorAll('#detail .energy-line')].map(p => p.dataset.energy)") == [
        "delivered", "registered", "lost"
    ]  # fmt: skip
    lines = page.run("[...document.querySelectorAll('#detail .energy-line')].map(p => p.getAttribute('d'))")
    assert all(line.count("L") == len(data.months) - 1 for line in lines)
    assert "non-technical" not in page.run("document.getElementById('detail').textContent")


def test_with_truth_losses_are_told_apart(open_map: OpenMap, dataset_of: Callable[[int], Dataset]) -> None:
    page = open_map(SIZES[0], truth=True)
    page.run("GL.choose({tx: 7})")
    energy = dataset_of(SIZES[0]).frame("transformer_energy").query("transformer_id == 'TX_0008'")
    sums = [float(cell.replace(",", "")) for cell in energy_rows(page)["Sum"]]
    lost = energy.delivered_kwh - energy.registered_kwh
    parts = (
        energy.delivered_kwh,
        energy.registered_kwh,
        lost,
        energy.technical_loss_kwh,
        energy.non_technical_loss_kwh,
    )
    assert sums == pytest.approx([part.sum() for part in parts], abs=1.5)
    assert page.run("document.querySelectorAll('#detail .energy-line').length") == 5


def test_a_transformer_without_a_meter_of_its_own_says_so(
    page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]
) -> None:
    data = dataset_of(SIZES[0])
    table = data.tables["transformer_readings"]
    less = table.filter(pc.not_equal(table["transformer_id"], "TX_0008"))
    path = tmp_path / "map.html"
    write_map(replace(data, tables={**data.tables, "transformer_readings": less}), path)
    show(page, path)
    page.run("GL.choose({tx: 7})")
    assert "no meter of its own" in page.run("document.getElementById('detail').textContent")
    assert energy_rows(page) == {}


def test_hostile_lines_of_a_folder_are_drawn_or_left_out_and_never_run(
    page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]
) -> None:
    image = "</script><img src=x onerror=\"document.body.dataset.owned='yes'\">"
    line = {"type": "LineString", "coordinates": [[121.0, 14.5], [121.05, 14.6]]}
    told = [
        {"kind": "mv", "feeder_id": image, "conductor": image},
        {"kind": image},
        {"kind": "main", "drop_percent": image},
    ]
    features = [{"type": "Feature", "geometry": line, "properties": properties} for properties in told]
    (tmp_path / "network.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    data = replace(dataset_of(SIZES[0]), network=None, path=tmp_path)
    energy = data.tables["transformer_readings"]
    named = energy.set_column(1, "month", pa.array([image] * energy.num_rows))
    path = tmp_path / "map.html"
    write_map(replace(data, tables={**data.tables, "transformer_readings": named}), path)
    assert "<img src=x" not in path.read_text()
    show(page, path)
    page.run("GL.choose({tx: 7})")
    assert page.run("GL.sources.mv.data.colour") == ["#9CA3AF"]
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("document.body.dataset.owned || ''") == ""
