"""Ground truth of a data set, as the metrics need it. No detector gets it, but for the labels of training folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.detection.panel import panel_of
from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Truth:
    """Who steals, how, how much, and who only looks like it.

    Attributes
    ----------
    is_theft : (N,) array of bool
        Whether the meter is in the labels.
    group_code : (N,) array of int
        Transformer, counted from 0: what the bootstrap draws.
    kinds : mapping of theft kind to (N,) array of bool
    look_alikes : mapping of fault or benign kind to (N,) array of bool
        Honest meters only. Empty without ``anomaly_events.csv``.
    lost_kwh : (N,) array, optional
        Energy lost to theft in the months of the data; None without ``anomaly_events.csv``.
    """

    is_theft: BoolArray
    group_code: IntArray
    kinds: Mapping[str, BoolArray]
    look_alikes: Mapping[str, BoolArray]
    lost_kwh: FloatArray | None


def truth_of(dataset: Dataset) -> Truth:
    """Read the ground truth of a data set.

    Raises
    ------
    DataError
        There are no labels, they hold one sort of meters only, or a label or event names a meter that is not there.
    """
    is_theft = theft_labels(dataset).astype(np.bool_)
    labels = dataset.tables["anomaly_labels"]
    where = _rows(labels["meter_id"], dataset, "anomaly_labels.csv")
    kinds = _masks(labels["anomaly_type"], where, is_theft)
    look_alikes: dict[str, BoolArray] = {}
    lost_kwh: FloatArray | None = None
    if "anomaly_events" in dataset.tables:
        events = dataset.tables["anomaly_events"]
        at = _rows(events["meter_id"], dataset, "anomaly_events.csv")
        theft = np.asarray(pc.equal(events["family"], "theft"))
        lost = np.asarray(events["lost_kwh"], dtype=np.float64)
        lost_kwh = np.bincount(at[theft], weights=lost[theft], minlength=len(is_theft)).astype(np.float64)
        look_alikes = _masks(events["kind"].filter(pa.array(~theft)), at[~theft], ~is_theft)
    return Truth(is_theft, panel_of(dataset).group_code, kinds, look_alikes, lost_kwh)


def theft_labels(dataset: Dataset) -> IntArray:
    """Return (N,) ground truth of 0 and 1; refuse a data set without it or with one sort of meters alone."""
    if "anomaly_labels" not in dataset.tables:
        raise DataError("anomaly_labels.csv: is not there; without ground truth nothing can be scored")
    labels = dataset.is_theft.astype(np.int64)
    if labels.size == 0:
        raise DataError("meter_consumption.csv: has no meter; there is nothing to score")
    if labels.min() == labels.max():
        which = "every meter" if labels[0] else "no meter"
        raise DataError(f"anomaly_labels.csv: lists {which} of this data set; a score needs thieves and honest meters")
    return labels


def _rows(ids: pa.ChunkedArray, dataset: Dataset, file: str) -> IntArray:
    """Rows of the meters table that the ids mean."""
    known = dataset.tables["meters"]["meter_id"].combine_chunks()
    found = pc.index_in(ids, value_set=known)
    if found.null_count:
        stray = ids.filter(pc.is_null(found))[0].as_py()
        raise DataError(f"{file}: meter_id: {stray} is not in meter_consumption.csv; run ghostload validate")
    return np.asarray(found, dtype=np.int64)


def _masks(kinds: pa.ChunkedArray, rows: IntArray, among: BoolArray) -> dict[str, BoolArray]:
    """One (N,) mask for each kind, in alphabetical order."""
    names = np.asarray(pc.fill_null(kinds.cast(pa.string()), "unnamed"), dtype=object)
    masks: dict[str, BoolArray] = {}
    for name in sorted(set(names)):
        mask = np.zeros(len(among), dtype=np.bool_)
        mask[rows[names == name]] = True
        masks[name] = mask & among
    return masks
