"""What the map shows, as numbers: nothing here but what a utility would know itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.dataset import Dataset
from ghostload.reporting.columns import codes, numbers, texts
from ghostload.reporting.geometry import Shapes, can_be_drawn, distinct_colours, districts, flatten, hulls, mercator
from ghostload.reporting.loading import transformer_loading_pu
from ghostload.reporting.payload import narrow
from ghostload.streams import FloatArray, IntArray

FEEDER_COLOURS = (
    "#332288",
    "#117733",
    "#44AA99",
    "#88CCEE",
    "#CC6677",
    "#AA4499",
    "#882255",
    "#999933",
    "#6699CC",
    "#AA6E28",
)
"""Told apart with the usual colour-vision deficiencies: eight of Paul Tol's "muted" scheme [1]_ and two beside it.

.. [1] Paul Tol, "Colour schemes", SRON technical note SRON/EPS/TN/09-002, issue 3.2, 2021.
"""

NOWHERE = -(2**31)
"""Stands for a place that is missing or cannot be drawn, and for a reading that is missing."""

_MICRO = 1e6
_HULL_MARGIN_M = 120.0
_NEIGHBOUR_M = 1500.0

Arrays = dict[str, NDArray[Any]]


def map_content(dataset: Dataset) -> tuple[dict[str, Any], Arrays]:
    """Return the description and the arrays of a map.

    Places are in millionths of a degree, those of meters relative to their transformer; months are whole multiples of
    ``meta["kwh_step"]``.

    Returns
    -------
    (dict, dict of name to array)
        For :func:`ghostload.reporting.payload.pack`.
    """
    transformers, meters = dataset.tables["transformers"], dataset.tables["meters"]
    feeder_names, feeder = codes(transformers, "feeder_id")
    tx_district_names, tx_district = codes(transformers, "barangay")
    class_names, meter_class = codes(meters, "customer_class")
    land_names, land = districts(dataset.region)
    lat, lon = numbers(transformers, "lat"), numbers(transformers, "lon")
    feeder_colour, feeder_shapes = _feeders(lat, lon, feeder, len(feeder_names))
    step, months = whole_steps(dataset.registered_kwh)
    places, meters_nowhere = _places(dataset, lat, lon)
    meta = {
        "months": list(dataset.months),
        "kwh_step": step,
        "feeders": feeder_names,
        "feeder_colours": [FEEDER_COLOURS[c] for c in feeder_colour],
        "districts": tx_district_names,
        "land": land_names,
        "classes": class_names,
        "tx_ids": texts(transformers, "transformer_id"),
        "meter_ids": texts(meters, "meter_id"),
        "not_drawn": {
            "transformers": int((~can_be_drawn(lat, lon)).sum()),
            "meters": meters_nowhere,
            "meters_unserved": int((dataset.transformer_index < 0).sum()),
        },
    }
    arrays: Arrays = {
        "tx_feeder": narrow(feeder),
        "tx_district": narrow(tx_district),
        "tx_capacity": _single(numbers(transformers, "capacity_kVA")),
        "tx_loading": _single(transformer_loading_pu(dataset)),
        **places,
        "meter_class": narrow(meter_class),
        "meter_kva": _single(numbers(meters, "kVA")),
        "months": months,
        **_shape_arrays("land", land),
        **_shape_arrays("feeder", feeder_shapes),
    }
    return meta, arrays


def _single(values: FloatArray) -> NDArray[np.float32]:
    return values.astype(np.float32)


def _places(dataset: Dataset, tx_lat: FloatArray, tx_lon: FloatArray) -> tuple[Arrays, int]:
    """Whole millionths of a degree; a meter's are counted from its transformer, which makes them small."""
    meters, owner = dataset.tables["meters"], dataset.transformer_index
    lat, lon = numbers(meters, "lat"), numbers(meters, "lon")
    tx_drawn, drawn = can_be_drawn(tx_lat, tx_lon), can_be_drawn(lat, lon)
    anchored = owner >= 0
    anchored[anchored] = tx_drawn[owner[anchored]]
    whole = {}
    for axis, tx_deg, deg in (("lat", tx_lat, lat), ("lon", tx_lon, lon)):
        tx_micro, micro = _micro(tx_deg, tx_drawn), _micro(deg, drawn)
        micro[anchored & drawn] -= tx_micro[owner[anchored & drawn]]
        tx_micro[~tx_drawn] = NOWHERE
        micro[~drawn] = NOWHERE
        whole[f"tx_{axis}"], whole[f"meter_{axis}"] = tx_micro.astype(np.int32), micro.astype(np.int32)
    return {**whole, "meter_tx": narrow(owner)}, int((~drawn).sum())


def _micro(degrees: FloatArray, valid: NDArray[np.bool_]) -> IntArray:
    return np.rint(np.where(valid, degrees, 0.0) * _MICRO).astype(np.int64)


def whole_steps(kwh: FloatArray) -> tuple[float, NDArray[np.int32]]:
    """Return energies as whole multiples of a step: 0.1 kWh, or ten times that as often as the largest one needs."""
    present = np.isfinite(kwh)
    largest = float(np.abs(kwh[present]).max(initial=0.0))
    step = 0.1
    while largest / step > 2**31 - 2:
        step *= 10.0
    whole = np.full(kwh.shape, NOWHERE, dtype=np.int64)
    whole[present] = np.rint(kwh[present] / step).astype(np.int64)
    return step, whole.astype(np.int32)


def _feeders(lat: FloatArray, lon: FloatArray, feeder: IntArray, count: int) -> tuple[IntArray, Shapes]:
    """Colours of the feeders, and the hulls of what they serve."""
    drawn = can_be_drawn(lat, lon)
    x, y = mercator(lat[drawn], lon[drawn])
    stretch = 1.0 / np.cos(np.radians(np.median(lat[drawn]))) if drawn.any() else 1.0
    areas = hulls(x, y, feeder[drawn], count, _HULL_MARGIN_M * stretch)
    return distinct_colours(areas, len(FEEDER_COLOURS), _NEIGHBOUR_M * stretch), flatten(areas)


def _shape_arrays(prefix: str, shapes: Shapes) -> Arrays:
    """Rings as sizes, and corners as steps from the corner before, which makes them small."""
    return {
        f"{prefix}_x": _steps(shapes.x_m),
        f"{prefix}_y": _steps(shapes.y_m),
        f"{prefix}_ring_size": narrow(shapes.ring_size),
        f"{prefix}_ring_polygon": narrow(shapes.ring_polygon),
        f"{prefix}_polygon_owner": narrow(shapes.polygon_owner),
    }


def _steps(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.diff(values, prepend=np.int32(0)).astype(np.int32)


def title_of(dataset: Dataset) -> str:
    """Return what to call a data set: the name of its folder, else "data set"."""
    return dataset.path.resolve().name if dataset.path else "data set"


def facts(dataset: Dataset, feeders: int) -> Mapping[str, Any]:
    """Return the counts and the span of months for a heading."""
    months = [f"{month[:4]}-{month[4:]}" for month in dataset.months]
    return {
        "meters": dataset.num_meters,
        "transformers": int(dataset.tables["transformers"].num_rows),
        "feeders": feeders,
        "months": len(months),
        "span": "" if not months else months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}",
    }
