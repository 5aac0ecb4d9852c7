"""Lines for maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ghostload.wires.impedance import phases_of
from ghostload.wires.model import Wires


def network_geojson(
    wires: Wires, feeder_ids: Sequence[str] | None = None, transformer_ids: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return all lines as an RFC 7946 FeatureCollection of line strings; no ground truth is in it.

    Parameters
    ----------
    wires : Wires
    feeder_ids, transformer_ids : sequences of str, optional
        Names to use; numbers counted from 1 without them.

    Returns
    -------
    dict
        Properties of each line: ``kind`` (mv, main, drop), ``voltage_kv`` (line to line), ``conductor``, ``phases``,
        ``length_m``, ``feeder_id``, and below a transformer ``transformer_id``.
    """
    layout, practice = wires.layout, wires.practice
    rows = np.flatnonzero(wires.line >= 0)
    feeder = np.searchsorted(layout.feeder_start, rows, side="right") - 1
    columns = (
        wires.line[rows],
        wires.phases[rows],
        feeder,
        layout.transformer[rows],
        layout.length_m[rows].round(1),
        layout.lon[layout.parent[rows]],
        layout.lat[layout.parent[rows]],
        layout.lon[rows],
        layout.lat[rows],
    )
    kv = {"mv": practice.mv_kv, "main": round(practice.lv_kv, 3), "drop": round(practice.lv_kv, 3)}
    phases = [phases_of(mask) for mask in range(8)]
    features = []
    for line, mask, fed_by, home, metres, *ends in zip(*(c.tolist() for c in columns), strict=True):
        entry = practice.lines[line]
        properties = {
            "kind": entry.level,
            "voltage_kv": kv[entry.level],
            "conductor": entry.name,
            "phases": phases[mask],
            "length_m": metres,
            "feeder_id": feeder_ids[fed_by] if feeder_ids is not None else fed_by + 1,
        }
        if entry.level != "mv":
            properties["transformer_id"] = transformer_ids[home] if transformer_ids is not None else home + 1
        geometry = {"type": "LineString", "coordinates": [ends[:2], ends[2:]]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}
