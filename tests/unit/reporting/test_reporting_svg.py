from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostload.reporting.svg import Axis, Chart, log_ticks, round_ticks, short

SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart: Chart) -> ET.Element:
    drawing = chart.render().split("</svg>")[0] + "</svg>"
    return ET.fromstring(drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 8))
def test_round_ticks_lie_inside_and_are_as_many_as_asked(low: float, span: float, count: int) -> None:
    ticks = round_ticks(low, low + span, count)
    assert all(low - 1e-6 * span <= t <= low + span * (1 + 1e-6) for t in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) <= count + 1


def test_round_ticks_are_round() -> None:
    assert round_ticks(0, 100, 5) == [0, 20, 40, 60, 80, 100]
    assert round_ticks(0, 1, 4) == [0, 0.25, 0.5, 0.75, 1.0]


def test_log_ticks_go_by_half_decades_and_by_decades_when_many() -> None:
    assert log_ticks(10, 1000) == [10, 30, 100, 300, 1000]
    assert log_ticks(1e-4, 1e6) == pytest.approx([10.0**e for e in range(-4, 7)])


@pytest.mark.parametrize(
    ("value", "label"), [(0, "0"), (0.25, "0.25"), (2500, "2,500"), (12000, "12 k"), (1.5e6, "1.5 M"), (2e9, "2 G")]
)
def test_numbers_on_axes_are_short(value: float, label: str) -> None:
    assert short(value) == label


def test_a_log_axis_places_the_geometric_middle_in_the_middle() -> None:
    assert Axis(1, 100, log=True).place(10.0) == pytest.approx(0.5)
    assert not np.isfinite(Axis(1, 100, log=True).place(np.array([0.0, -1.0]))).any()


def test_an_axis_of_no_length_places_without_error() -> None:
    assert Axis(3, 3).place(3.0) == 0.0


def test_text_is_escaped_and_the_drawing_is_described() -> None:
    chart = Chart(Axis(0, 1, "<x> & 'y'"), Axis(0, 1, "<b>"), 'what "it" shows <now>')
    chart.words(0.5, 0.5, "<script>", "#000")
    chart.upright(0.5, "#000", label="<i>")
    root = parsed(chart)
    assert root.get("aria-label") == 'what "it" shows <now>'
    assert root.get("role") == "img"
    texts = {t.text for t in root.iter(f"{SVG}text")}
    assert {"<x> & 'y'", "<b>", "<script>", "<i>"} <= texts


def test_a_line_breaks_where_a_value_is_missing() -> None:
    chart = Chart(Axis(0, 3), Axis(0, 1), "t")
    chart.line(np.arange(4.0), np.array([0.0, np.nan, 1.0, 0.5]), "#111")
    (path,) = parsed(chart).iter(f"{SVG}path")
    assert path.get("d", "").count("M") == 2
    assert path.get("d", "").count("L") == 1


def test_bars_reach_their_heights() -> None:
    chart = Chart(Axis(0, 2), Axis(0, 10), "t", height=100)
    chart.bars(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([10.0, 0.0]), "#111")
    (bar,) = parsed(chart).iter(f"{SVG}rect")
    assert float(bar.get("y", "")) == chart.top
    assert float(bar.get("height", "")) == 100 - chart.top - chart.bottom


def test_every_other_mark_is_drawn_inside_the_frame() -> None:
    chart = Chart(Axis(0, 4), Axis(0, 2), "t")
    chart.steps(np.arange(5.0), np.array([0.0, 1.0, 2.0, 0.0]), "#111", label="one")
    chart.band(np.arange(3.0), np.array([0.0, np.nan, 0.5]), np.array([1.0, np.nan, 1.5]), "#222")
    chart.span(1.0, 2.0, "#333")
    chart.range(0.5, 1.5, 1.0, "#444", label="range")
    chart.range(0.5, 1.5, 2.0, "#444", label="range")
    chart.dots(np.array([2.0]), np.array([1.0]), "#555")
    root = parsed(chart)
    assert len(list(root.iter(f"{SVG}circle"))) == 1
    assert len(list(root.iter(f"{SVG}path"))) == 2
    for rect in root.iter(f"{SVG}rect"):
        assert chart.left <= float(rect.get("x", "")) <= chart.width - chart.right
    assert chart.render().count("<li>") == 2
