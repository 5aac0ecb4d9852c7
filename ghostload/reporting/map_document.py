"""The figure of the map: a bokeh document whose sources are empty until the page's scripts fill them.

So the document is the same for every data set, and nothing from an input file passes through bokeh's own markup.
"""

from __future__ import annotations

import json
from typing import Any

from bokeh.core.json_encoder import serialize_json
from bokeh.core.properties import value
from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJS, PanTool, Range1d, WheelZoomTool
from bokeh.plotting import figure
from bokeh.resources import Resources

_LAND = {"fill_color": "#F2EFE9", "line_color": "#CFC8BA", "line_width": 0.8}
_LABEL = {"text_align": "center", "text_baseline": "middle", "text_font": value("system-ui, sans-serif")}


def bokeh_script() -> str:
    """Return BokehJS itself: the core bundle, nothing else."""
    core: str = Resources(mode="inline", components=["bokeh"]).js_raw[0]
    return core + '\nBokeh.set_log_level("warn");'


def figure_json(*, truth: bool, network: bool = False) -> str:
    """Return the document as JSON, with ids that depend on nothing but the document.

    Parameters
    ----------
    truth : bool
        Whether there is a layer for the marks of the ground truth.
    network : bool
        Whether there are layers for lines.
    """
    document = Document()
    root = _figure(truth=truth, network=network)
    document.add_root(root)
    content = _plain(document.to_json())
    names: dict[str, str] = {}
    renamed = _rename(content, names)
    text: str = serialize_json({"doc": renamed, "root_id": names[root.id], "version": renamed["version"]})
    return text


def _figure(*, truth: bool, network: bool) -> Any:
    pan, wheel = PanTool(), WheelZoomTool(zoom_on_axis=False, speed=1 / 400)
    plot = figure(
        name="map",
        x_range=Range1d(0, 1, name="x"),
        y_range=Range1d(0, 1, name="y"),
        tools=[pan, wheel],
        toolbar_location=None,
        sizing_mode="stretch_both",
        min_border=0,
        outline_line_color=None,
        background_fill_color="#DDE7EC",
    )
    plot.toolbar.active_scroll = wheel
    plot.toolbar.active_drag = pan
    plot.axis.visible = False
    plot.grid.visible = False
    _areas(plot)
    _lines(plot, network=network)
    _points(plot)
    if truth:
        _layer(plot, "marks", "scatter", ["x", "y", "marker", "size", "fill", "line"], size="size", marker="marker",
               fill_color="fill", line_color="line", line_width=1.4)  # fmt: skip
    _labels(plot)
    for event in ("tap", "doubletap", "mousemove", "mouseleave"):
        plot.js_on_event(event, CustomJS(code="window.GL.onEvent(cb_obj)"))
    for axis in (plot.x_range, plot.y_range):
        for edge in ("start", "end"):
            axis.js_on_change(edge, CustomJS(code="window.GL.onView()"))
    return plot


def _layer(plot: Any, name: str, glyph: str, columns: list[str], **look: Any) -> None:
    """Add one empty layer whose source the scripts find under its name."""
    source = ColumnDataSource({column: [] for column in columns}, name=name)
    fields = {"xs": "xs", "ys": "ys"} if "xs" in columns else {}
    if "x0" in columns:
        fields = {column: column for column in ("x0", "y0", "x1", "y1")}
    elif "x" in columns:
        fields = {"x": "x", "y": "y"}
    getattr(plot, glyph)(**fields, source=source, name=name, **look)


def _areas(plot: Any) -> None:
    _layer(plot, "land", "multi_polygons", ["xs", "ys"], **_LAND)
    _layer(plot, "areas", "multi_polygons", ["xs", "ys", "colour"], fill_color="colour", fill_alpha=0.13,
           line_color="colour", line_alpha=0.75, line_width=1.3)  # fmt: skip


def _lines(plot: Any, *, network: bool) -> None:
    """Add the meters' straight lines to their transformer, the frame of the chosen ones, and the lines of a network."""
    ends = ["x0", "y0", "x1", "y1"]
    _layer(plot, "drops", "segment", ends, line_color="#6B7280", line_alpha=0.35, line_width=0.8)
    _layer(plot, "chosen_drops", "segment", ends, line_color="#111827", line_alpha=0.7)
    for name, width in (("low", 1.7), ("mv", 2.6)) if network else ():
        _layer(plot, name, "segment", [*ends, "colour"], line_color="colour", line_width=width, line_cap="round")


def _points(plot: Any) -> None:
    _layer(plot, "meters", "scatter", ["x", "y", "marker", "size", "fill"], size="size", marker="marker",
           fill_color="fill", line_color="white", line_width=0.5)  # fmt: skip
    _layer(plot, "transformers", "scatter", ["x", "y", "size", "fill", "line", "width"], size="size",
           fill_color="fill", line_color="line", line_width="width")  # fmt: skip
    _layer(plot, "ring", "scatter", ["x", "y", "size"], size="size", fill_color=None, line_color="#111827",
           line_width=2.5)  # fmt: skip


def _labels(plot: Any) -> None:
    _layer(plot, "land_names", "text", ["x", "y", "text"], text="text", text_color="#6B6555", text_font_size="11px",
           **_LABEL)  # fmt: skip
    _layer(plot, "feeder_names", "text", ["x", "y", "text"], text="text", text_color="#1F2933",
           text_font_size="11px", text_font_style="bold", **_LABEL)  # fmt: skip


def _plain(content: Any) -> Any:
    """Return the document's JSON as plain containers."""
    return json.loads(serialize_json(content))


def _rename(node: Any, names: dict[str, str]) -> Any:
    """Return the node with models numbered as they stand: bokeh's own numbers go on counting through a process."""
    if isinstance(node, dict):
        return {key: _renamed_id(key, value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_rename(item, names) for item in node]
    return node


def _renamed_id(key: str, value: Any, names: dict[str, str]) -> Any:
    if key == "id" and isinstance(value, str):
        return names.setdefault(value, f"m{len(names) + 1}")
    return _rename(value, names)
