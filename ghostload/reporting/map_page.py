"""The map of a data set: one HTML file that works from disk."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from string import Template
from typing import Any

from ghostload.dataset import Dataset
from ghostload.reporting.map_data import Arrays, facts, map_content, title_of
from ghostload.reporting.map_energy import energy_content
from ghostload.reporting.map_network import network_content
from ghostload.reporting.output import write_html
from ghostload.reporting.page import asset, data_block, origin, page, policy, script, text
from ghostload.reporting.payload import pack

TILE_URL = "https://basemaps.cartocdn.com/light_all/{Z}/{X}/{Y}.png"
TILE_ATTRIBUTION = "© OpenStreetMap contributors, © CARTO"

_SCRIPTS = (
    "payload.js",
    "map_model.js",
    "map_view.js",
    "map_layers.js",
    "map_events.js",
    "map_detail.js",
    "map_panel.js",
)


def render_map(
    dataset: Dataset, *, truth: bool = False, tile_url: str = TILE_URL, tile_attribution: str = TILE_ATTRIBUTION
) -> str:
    """Return the map as an HTML document.

    Parameters
    ----------
    dataset : Dataset
        With the tables ``transformers`` and ``meters``; the region and the rest may be missing.
    truth : bool
        Whether to show the ground truth. Without it not one datum of it is in the page.
    tile_url : str
        Address of the street map that a reader may switch on, with ``{Z}``, ``{X}``, ``{Y}``.
    tile_attribution : str
        What its owner wants to be read beside it.

    Returns
    -------
    str
        The same text for the same data set and versions, in every process.

    Raises
    ------
    DataError
        A column is missing or holds no numbers; or ``truth`` is set and the folder holds none.
    UsageError
        ``tile_url`` is no address.
    """
    meta, arrays = map_content(dataset)
    tiles = {"url": tile_url, "attribution": tile_attribution}
    layers = _layers(dataset, meta, truth=truth)
    blocks = [
        data_block("map-data", json.dumps(pack(meta, arrays))),
        data_block("map-tiles", json.dumps(tiles)),
        *(data_block(f"{name}-data", json.dumps(pack(*content))) for name, content in layers.items()),
    ]
    body = "\n".join([_markup(dataset, meta, tile_url, layers), *blocks, *_scripts(layers)])
    name = title_of(dataset)
    return page(
        kind="map",
        title=f"{name} – ghostload map",
        body=body,
        styles=("base.css", "map.css"),
        content_policy=policy(scripts=True, images_from=origin(tile_url)),
    )


def write_map(dataset: Dataset, path: Path, *, truth: bool = False, force: bool = False, **options: Any) -> int:
    """Write the map; return its size in bytes. Options as in :func:`render_map`, refusals as in ``write_html``."""
    return write_html(path, render_map(dataset, truth=truth, **options), force=force)


def _markup(dataset: Dataset, meta: dict[str, Any], tile_url: str, layers: Collection[str]) -> str:
    found = facts(dataset, len(meta["feeders"]))
    shown = [(found[key], key) for key in ("meters", "transformers", "feeders", "months")]
    counts = "".join(f"<dt>{name}</dt><dd>{number:,}</dd>" for number, name in shown)
    banner = '<p class="banner">This page shows the ground truth.</p>' if "truth" in layers else ""
    return Template(asset("map.html")).substitute(
        title=text(title_of(dataset)),
        counts=counts,
        span=text(found["span"]),
        banner=banner,
        truth=asset("map_truth.html") if "truth" in layers else "",
        network=asset("map_network.html") if "network" in layers else "",
        tile_host=text(origin(tile_url).split("//")[1]),
    )


def _layers(dataset: Dataset, meta: dict[str, Any], *, truth: bool) -> dict[str, tuple[dict[str, Any], Arrays]]:
    """Return what is drawn beside transformers and meters, by name, in the order of the scripts."""
    found = {"network": network_content(dataset, meta["feeders"]), "energy": energy_content(dataset, truth=truth)}
    if truth:
        from ghostload.reporting.map_truth import truth_content

        found["truth"] = truth_content(dataset)
    return {name: content for name, content in found.items() if content is not None}


def _scripts(layers: Collection[str]) -> list[str]:
    from ghostload.reporting.map_document import bokeh_script, figure_json

    names = [*_SCRIPTS, *(f"map_{name}.js" for name in layers), "map_main.js"]
    own = [script(asset(name)) for name in names]
    figure = figure_json(truth="truth" in layers, network="network" in layers)
    return [data_block("map-figure", figure), script(bokeh_script()), *own]
