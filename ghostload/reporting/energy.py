"""Energy balances of transformers by the month: what a utility sees of them, or the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset import Dataset
from ghostload.reporting.columns import numbers, texts
from ghostload.streams import FloatArray

READINGS, TRUTH = "transformer_readings", "transformer_energy"


@dataclass(frozen=True)
class Balance:
    """Energies in kWh, (transformers, months) arrays, NaN where not known.

    Attributes
    ----------
    delivered : array
        From the transformer's own meter; with the truth, what left its low-voltage terminals.
    registered : array
        Sum of its customers' meters.
    technical, non_technical, own : array, optional
        Truth alone: lost in the low-voltage wires, drawn but hidden by events, and lost in the transformer before
        what it delivers.
    """

    delivered: FloatArray
    registered: FloatArray
    technical: FloatArray | None = None
    non_technical: FloatArray | None = None
    own: FloatArray | None = None

    @property
    def lost(self) -> FloatArray:
        """Delivered and not registered."""
        return self.delivered - self.registered


def balance_of(dataset: Dataset, *, truth: bool) -> Balance | None:
    """Return the balance of a data set's transformers, or None where there is none.

    Without ``truth`` it is taken from ``transformer_readings`` and the meters' months, which a utility has; with it
    from ``transformer_energy``, or as without where that is missing.

    Raises
    ------
    DataError
        A column is missing or holds no numbers.
    """
    if not dataset.months:
        return None
    if truth and TRUTH in dataset.tables:
        names = ("delivered", "registered", "technical_loss", "non_technical_loss", "transformer_loss")
        return Balance(*(_matrix(dataset, TRUTH, f"{name}_kwh") for name in names))
    if READINGS not in dataset.tables:
        return None
    return Balance(_matrix(dataset, READINGS, "registered_kwh"), _registered(dataset))


def _matrix(dataset: Dataset, name: str, column: str) -> FloatArray:
    """Return a column as (transformers, months); rows of other transformers or months are left out."""
    table, ids = dataset.tables[name], texts(dataset.tables["transformers"], "transformer_id")
    values = numbers(table, column)
    months = [text.replace("-", "", 1) for text in texts(table, "month")]
    row = pc.index_in(pa.array(texts(table, "transformer_id"), pa.string()), value_set=pa.array(ids, pa.string()))
    place = pc.index_in(pa.array(months, pa.string()), value_set=pa.array(dataset.months, pa.string()))
    there = np.asarray(pc.and_(row.is_valid(), place.is_valid()).to_numpy(zero_copy_only=False), dtype=bool)
    found: FloatArray = np.full((len(ids), len(dataset.months)), np.nan)
    at = (np.asarray(index.filter(pa.array(there)), dtype=np.int64) for index in (row, place))
    found[tuple(at)] = values[there]
    return found


def _registered(dataset: Dataset) -> FloatArray:
    """Return the sums of the meters' months; NaN where a month of one of them is missing."""
    kwh, owner = dataset.registered_kwh, dataset.transformer_index
    found: FloatArray = np.zeros((dataset.tables["transformers"].num_rows, kwh.shape[1]))
    served = owner >= 0
    np.add.at(found, owner[served], kwh[served])
    return found
