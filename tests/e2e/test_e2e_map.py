"""The map in a real browser, at 5,000 and 100,000 meters."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from e2e_support import SIZES, look_for, show
from headless_chromium import Page
from PIL import Image

from ghostload.dataset import Dataset
from ghostload.reporting.map_page import write_map

OpenMap = Callable[..., Page]

HEAT = {(255, 255, 178), (254, 217, 118), (254, 178, 76), (253, 141, 60), (240, 59, 32), (189, 0, 38)}
LAND, WATER, BLUE = (242, 239, 233), (221, 231, 236), (0, 114, 178)


def pixels(page: Page) -> np.ndarray:
    """(height, width, 3) what is on the screen."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def count(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(axis=2).sum())


def screen_place(page: Page, kind: str, number: int) -> tuple[float, float]:
    """Pixel at which a transformer ("tx") or a meter stands."""
    return tuple(
        page.run(
            f"""(() => {{
              const v = GL.view.now(), box = document.getElementById("figure").getBoundingClientRect();
              const place = GL.model["{kind}"];
              return [box.left + (place.x[{number}] - v.west) / v.resolution,
                      box.top + (v.north - place.y[{number}]) / v.resolution];
            }})()"""
        )
    )


@pytest.mark.parametrize("size", SIZES)
def test_the_map_shows_land_water_and_every_shade_of_loading_that_occurs(open_map: OpenMap, size: int) -> None:
    page = open_map(size)
    picture = pixels(page)
    assert count(picture, LAND) > 50_000
    assert count(picture, WATER) > 50_000
    fills = page.run("[...new Set(GL.sources.transformers.data.fill)]")
    shades = {tuple(int(fill[i : i + 2], 16) for i in (1, 3, 5)) for fill in fills}
    assert len(shades) >= 3
    assert shades <= HEAT
    on_map = picture[:, :890]
    assert all(count(on_map, shade) > 0 for shade in shades if size == SIZES[0])
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize("size", SIZES)
def test_counts_in_the_panel_are_those_of_the_data(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    page = open_map(size)
    shown = page.run("document.querySelector('.counts').innerText")
    assert f"{size:,}" in shown
    assert f"{dataset_of(size).tables['transformers'].num_rows:,}" in shown
    assert page.run("GL.state.shown.transformers") == dataset_of(size).tables["transformers"].num_rows
    assert page.run("document.querySelectorAll('#feeders li').length") == page.run("GL.model.meta.feeders.length")


@pytest.mark.parametrize("size", SIZES)
def test_it_opens_and_pans_smoothly(open_map: OpenMap, size: int) -> None:
    page = open_map(size)
    assert page.run("GL.startedMs") < 8_000
    page.run("GL.view.show(GL.model.tx.x[0], GL.model.tx.y[0], 6)")
    page.settle()
    frame = page.run(
        """(async () => {
          const next = () => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)));
          const began = performance.now();
          for (let k = 0; k < 10; k++) { GL.view.pan(k % 2 ? 0.2 : -0.2, 0.05); await next(); }
          return (performance.now() - began) / 10;
        })()"""
    )
    assert frame < 500


@pytest.mark.parametrize("size", SIZES)
def test_meters_appear_when_zoomed_in_and_go_when_zoomed_out(open_map: OpenMap, size: int) -> None:
    page = open_map(size)
    assert page.run("GL.state.shown.meters") == 0
    assert not page.run("document.getElementById('hint').hidden")
    page.run("GL.view.show(GL.model.tx.x[0], GL.model.tx.y[0], 2)")
    page.settle()
    served = page.run("GL.model.metersOf(0).length")
    assert served <= page.run("GL.state.shown.meters") <= 12_000
    assert page.run("document.getElementById('hint').hidden")
    assert count(pixels(page)[:, :890], BLUE) > 40
    page.run("GL.view.fit(GL.model.bounds)")
    page.settle()
    assert page.run("GL.state.shown.meters") == 0


@pytest.mark.parametrize("size", SIZES)
def test_a_click_on_a_transformer_shows_its_meters_months(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    page = open_map(size)
    page.run("GL.view.show(GL.model.tx.x[7], GL.model.tx.y[7], 1)")
    page.settle()
    page.click(*screen_place(page, "tx", 7))
    data = dataset_of(size)
    mine = np.flatnonzero(data.transformer_index == 7)
    assert page.run("document.querySelector('#detail h2').textContent") == "Transformer TX_0008"
    assert page.run("document.querySelectorAll('#detail .meter-line').length") == len(mine)
    titles = page.run("[...document.querySelectorAll('#detail .total-dot title')].map(t => t.textContent)")
    totals = data.registered_kwh[mine].sum(axis=0)
    assert [float(t.split(": ")[1].removesuffix(" kWh").replace(",", "")) for t in titles] == pytest.approx(
        totals, abs=0.06
    )
    line = page.run(f"document.querySelector('#detail [data-meter=\"{mine[0]}\"]').getAttribute('d')")
    assert line.count("L") == len(data.months) - 1
    rows = page.run("[...document.querySelectorAll('#detail tr[data-meter]')].map(r => r.cells[0].innerText.trim())")
    assert sorted(rows) == sorted(data.tables["meters"]["meter_id"].take(mine).to_pylist())


def test_lines_can_be_put_against_their_own_mean(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    page.run("GL.choose({tx: 3})")
    before = page.run("document.querySelector('.meter-line').getAttribute('d')")
    page.run("document.querySelectorAll('.choice.small button')[1].click()")
    assert page.run("document.querySelector('.meter-line').getAttribute('d')") != before
    assert page.run("document.querySelectorAll('.choice.small button')[1].getAttribute('aria-pressed')") == "true"
    page.run("document.querySelectorAll('.choice.small button')[0].click()")
    assert page.run("document.querySelector('.meter-line').getAttribute('d')") == before


def test_a_pointer_on_a_transformer_and_on_a_meter_is_told_what_it_is(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    page.run("GL.view.show(GL.model.tx.x[20], GL.model.tx.y[20], 0.4)")
    page.settle()
    page.mouse("mouseMoved", *screen_place(page, "tx", 20))
    page.settle()
    tip = page.run("document.getElementById('tip').innerText")
    assert tip.startswith("TX_0021")
    assert all(word in tip for word in ("Feeder", "Capacity", "kVA", "Loading", "%", "Meters"))
    meter = page.run(
        """(() => {
          const { tx, meter, metersOf } = GL.model;
          const away = (i) => Math.hypot(meter.x[i] - tx.x[20], meter.y[i] - tx.y[20]);
          return [...metersOf(20)].filter((i) => away(i) > 20).sort((p, q) => away(p) - away(q))[0];
        })()"""
    )
    page.mouse("mouseMoved", *screen_place(page, "meter", meter))
    page.settle()
    assert page.run("document.getElementById('tip').innerText").startswith(
        page.run(f"GL.model.meta.meter_ids[{meter}]")
    )
    assert "° N" in page.run("document.getElementById('cursor').textContent")


@pytest.mark.parametrize("size", SIZES)
def test_an_id_that_is_looked_for_is_shown_and_chosen(open_map: OpenMap, size: int) -> None:
    page = open_map(size)
    wanted = page.run("GL.model.meta.meter_ids[GL.model.numMeters - 5]")
    look_for(page, wanted.lower())
    assert page.run("document.querySelector('#results button').firstChild.textContent") == wanted
    page.run("document.querySelector('#results button').click()")
    page.settle()
    number = page.run("GL.model.numMeters - 5")
    assert page.run("GL.state.meter") == number
    assert page.run(f"GL.view.contains(GL.model.meter.x[{number}], GL.model.meter.y[{number}], 0)")
    assert page.run("GL.state.shown.meters") > 0
    assert page.run("document.querySelector('#detail h3').textContent") == f"Meter {wanted}"


def test_what_is_not_there_is_said_not_to_be(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    look_for(page, "zzzz")
    assert page.run("document.getElementById('results').innerText") == "nothing of that name"


def test_feeders_can_be_hidden_and_shown(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    total = page.run("GL.state.shown.transformers")
    page.run("document.querySelector('#feeders input').click()")
    first = page.run("[...GL.model.a.tx_feeder].filter(f => f === 0).length")
    assert page.run("GL.state.shown.transformers") == total - first
    page.run("document.getElementById('no-feeders').click()")
    page.settle()
    assert page.run("GL.state.shown.transformers") == 0
    assert sum(count(pixels(page)[:, :890], shade) for shade in HEAT) == 0
    page.run("document.getElementById('all-feeders').click()")
    assert page.run("GL.state.shown.transformers") == total


def test_transformers_can_be_coloured_by_feeder(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    page.run("document.querySelector('[data-mode=feeder]').click()")
    fills = set(page.run("GL.sources.transformers.data.fill"))
    assert fills == set(page.run("GL.model.meta.feeder_colours"))


def test_a_metre_east_is_as_long_as_a_metre_north_after_every_change(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    check = "(() => { const v = GL.view.now(); return (v.north - v.south) / v.height / v.resolution; })()"
    for width, height in ((1280, 800), (900, 500), (700, 900)):
        page.resize(width, height)
        page.settle()
        assert page.run(check) == pytest.approx(1, abs=1e-6)
    page.resize(1280, 800)
    page.run("GL.view.plot.x_range.start -= 5000")
    page.settle()
    assert page.run(check) == pytest.approx(1, abs=1e-6)


def test_the_scale_bar_is_as_long_as_it_says(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    page.run("GL.view.show(GL.model.tx.x[0], GL.model.tx.y[0], 5)")
    page.settle()
    label = page.run("document.querySelector('#scale-bar span').textContent")
    width = page.run("parseFloat(document.querySelector('#scale-bar i').style.width)")
    metres = float(label.split()[0]) * (1000 if "km" in label else 1)
    lat = page.run("GL.latOf(GL.view.now().cy)")
    assert width * 5 * np.cos(np.radians(lat)) == pytest.approx(metres, rel=1e-3)


def test_wheel_buttons_and_keys_move_the_map(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    start = page.run("GL.view.now().resolution")
    page.run("document.getElementById('zoom-in').click()")
    assert page.run("GL.view.now().resolution") == pytest.approx(start / 2)
    page.run("document.getElementById('zoom-out').click()")
    page.mouse("mouseWheel", 400, 400, deltaX=0, deltaY=-240)
    page.settle()
    assert page.run("GL.view.now().resolution") < start
    page.run("document.getElementById('zoom-home').click()")
    assert page.run("GL.view.now().resolution") == pytest.approx(start)
    east = page.run("GL.view.now().cx")
    page.run("document.getElementById('map').focus()")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    page.settle()
    assert page.run("GL.view.now().cx") > east


def test_nothing_of_the_truth_is_drawn_without_it(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    assert page.run("typeof GL.startTruth") == "undefined"
    assert page.run("Object.keys(GL.sources).includes('marks')") is False


@pytest.mark.parametrize("size", SIZES)
def test_with_truth_thieves_are_marked_by_kind(
    open_map: OpenMap, dataset_of: Callable[[int], Dataset], size: int
) -> None:
    page = open_map(size, truth=True)
    data = dataset_of(size)
    kinds = data.tables["anomaly_events"].group_by(["family", "kind"]).aggregate([([], "count_all")]).num_rows
    assert page.run("document.querySelectorAll('#truth-kinds li').length") == kinds
    thief = int(np.flatnonzero(data.is_theft)[0])
    page.run(f"GL.goTo({{meter: {thief}}})")
    page.settle()
    marks = page.run("GL.state.shown.marks")
    assert marks >= 1
    assert page.run("document.querySelectorAll('#detail .event-line').length") >= 1
    page.run("document.querySelectorAll('#truth-kinds input:checked').forEach(box => box.click())")
    assert page.run("GL.state.shown.marks") == 0
    page.run("document.querySelector('[data-mode=thieves]').click()")
    assert page.run("document.querySelector('.banner').textContent") == "This page shows the ground truth."


def picture(colour: tuple[int, int, int]) -> bytes:
    """A PNG of 256 x 256 pixels of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + bytes(colour) * 256) * 256
    header = struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_street_map_comes_in_only_when_it_is_switched_on(open_map: OpenMap) -> None:
    page = open_map(SIZES[0])
    assert page.outside() == []
    page.fulfil = picture((1, 200, 3))
    page.allowed.append("https://basemaps.cartocdn.com/")
    page.run("document.getElementById('base-map').click()")
    page.wait_for("performance.getEntriesByType('resource').some(e => e.name.includes('cartocdn'))")
    page.run("new Promise(done => setTimeout(done, 400))")
    assert page.outside()
    assert count(pixels(page)[:, :890], (1, 200, 3)) > 100_000
    assert "OpenStreetMap" in page.run("document.getElementById('attribution').textContent")
    page.run("document.getElementById('base-map').click()")
    page.settle()
    assert count(pixels(page), (1, 200, 3)) == 0
    assert page.run("document.getElementById('attribution').textContent") == ""


NASTY = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=\"document.body.dataset.owned='yes'\">"


def test_hostile_names_stay_text_everywhere(page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]) -> None:
    data = dataset_of(SIZES[0])
    tx, me, labels, events = (data.tables[n] for n in ("transformers", "meters", "anomaly_labels", "anomaly_events"))

    def all_set(table: pa.Table, column: str, value: str) -> pa.Table:
        return table.set_column(table.column_names.index(column), column, pa.array([value] * table.num_rows))

    tables = {
        "transformers": all_set(all_set(tx, "barangay", NASTY), "feeder_id", "\"&'" + IMAGE),
        "meters": all_set(all_set(me, "barangay", IMAGE), "customer_class", IMAGE),
        "anomaly_labels": all_set(labels, "risk_band", IMAGE),
        "anomaly_events": all_set(events, "kind", IMAGE),
    }
    named = {
        "type": "FeatureCollection",
        "features": [dict(f, properties={"name": IMAGE}) for f in data.region["features"]],
    }
    path = tmp_path / "hostile.html"
    write_map(replace(data, tables=tables, region=named, path=tmp_path / IMAGE.replace("/", "")), path, truth=True)
    show(page, path)
    page.run("GL.view.show(GL.model.tx.x[9], GL.model.tx.y[9], 0.5)")
    page.settle()
    page.mouse("mouseMoved", *screen_place(page, "tx", 9))
    page.settle()
    assert NASTY in page.run("document.getElementById('tip').innerText")
    page.click(*screen_place(page, "tx", 9))
    look_for(page, "alert")
    assert page.run("document.querySelector('#results button').firstChild.textContent") == NASTY
    assert IMAGE in page.run("document.getElementById('classes').innerText")
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("document.body.dataset.owned || ''") == ""


def test_a_folder_without_region_is_drawn_on_plain_ground(
    page: Page, tmp_path: Path, dataset_of: Callable[[int], Dataset]
) -> None:
    data = dataset_of(SIZES[0])
    bare = Dataset({name: data.tables[name] for name in ("transformers", "meters")})
    path = tmp_path / "bare.html"
    write_map(bare, path)
    show(page, path)
    assert count(pixels(page), LAND) == 0
    assert sum(count(pixels(page)[:, :890], shade) for shade in HEAT) > 500
