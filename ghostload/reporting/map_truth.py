"""Ground truth for the map: who steals, what is broken, what only looks like it. Used when it is asked for, only."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.dataset import Dataset
from ghostload.reporting.map_data import NOWHERE, Arrays
from ghostload.reporting.payload import narrow
from ghostload.reporting.truth import truth_of


def truth_content(dataset: Dataset) -> tuple[dict[str, Any], Arrays]:
    """Return the description and the arrays of the ground truth, one row an event.

    Raises
    ------
    DataError
        The folder holds none.
    """
    truth = truth_of(dataset)
    number = {pair: i for i, pair in enumerate(truth.kinds)}
    meta = {
        "kinds": [{"family": family, "kind": kind} for family, kind in truth.kinds],
        "bands": [row.band for row in truth.rows],
        "unknown_meters": truth.unknown_meters,
    }
    columns = {
        "event_meter": [row.meter for row in truth.rows],
        "event_kind": [number[row.family, row.kind] for row in truth.rows],
        "event_start": [NOWHERE if row.start is None else row.start for row in truth.rows],
        "event_end": [NOWHERE if row.end is None else row.end for row in truth.rows],
    }
    arrays: Arrays = {name: narrow(np.array(values, dtype=np.int64)) for name, values in columns.items()}
    arrays["event_lost"] = np.array([row.lost_kwh for row in truth.rows], dtype=np.float32)
    return meta, arrays
