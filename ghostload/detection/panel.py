"""What a utility can see of its meters: the only thing that features are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset


@dataclass(frozen=True)
class Panel:
    """Meters x months, with what the customer file knows. It holds no ground truth and cannot reach any.

    Attributes
    ----------
    registered_kwh : (N, T) array
        Registered energy of each month, finite and non-negative.
    months : tuple of str
        Calendar months, "YYYYMM".
    class_code : (N,) array of int
        Customer class, counted from 0.
    group_code : (N,) array of int
        Transformer, counted from 0. Meters whose transformer is not in the transformers table each stand alone.
    kva : (N,) array
        The customer's own peak apparent demand.
    """

    registered_kwh: FloatArray
    months: tuple[str, ...]
    class_code: IntArray
    group_code: IntArray
    kva: FloatArray

    @property
    def num_months(self) -> int:
        """Number of months, T."""
        return int(self.registered_kwh.shape[1])


def panel_of(dataset: Dataset) -> Panel:
    """Take from a data set what a utility can see; the labels and events are not looked at.

    Raises
    ------
    DataError
        There is no meter or no month, or an energy or kVA is missing, not finite or negative.
    """
    meters = dataset.tables["meters"]
    if dataset.num_meters == 0 or not dataset.month_columns:
        raise DataError("meter_consumption.csv: has no meter or no monthly_ column; there is nothing to detect in")
    values = dataset.registered_kwh
    for position in np.flatnonzero(~(np.isfinite(values) & (values >= 0)).all(axis=0))[:1]:
        _refuse(meters, dataset.month_columns[position], values[:, position])
    kva = np.asarray(meters["kVA"], dtype=np.float64) if "kVA" in meters.column_names else np.ones(len(values))
    if not (np.isfinite(kva) & (kva >= 0)).all():
        _refuse(meters, "kVA", kva)
    return Panel(values, dataset.months, _codes(meters["customer_class"]), _groups(dataset.transformer_index), kva)


def _refuse(meters: pa.Table, column: str, values: FloatArray) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    first = meters["meter_id"][int(bad[0])].as_py()
    raise DataError(
        f"meter_consumption.csv: {column}: {len(bad)} of {len(values)} values are missing, not finite or negative "
        f"(first: {first}); repair them or leave those meters out"
    )


def _codes(column: pa.ChunkedArray) -> IntArray:
    """Give distinct values numbers in alphabetical order, so that the order of the rows does not matter."""
    filled = pc.fill_null(column.cast(pa.string()), "")
    ordered = pa.array(sorted(pc.unique(filled).to_pylist()), pa.string())
    return np.asarray(pc.index_in(filled, ordered), dtype=np.int64)


def _groups(transformer_index: IntArray) -> IntArray:
    lone = transformer_index < 0
    codes = transformer_index.copy()
    codes[lone] = transformer_index.max(initial=-1) + 1 + np.arange(int(lone.sum()))
    codes = np.unique(codes, return_inverse=True)[1]
    return codes.astype(np.int64)
