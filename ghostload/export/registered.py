"""What meters registered, by class and by month, in memory that does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.dataset.dataset import Dataset
from ghostload.export.cells import BATCH_ROWS, placed
from ghostload.scratch import Scratch, let_go
from ghostload.streams import FloatArray


@dataclass(frozen=True)
class ClassFigures:
    """The customers of a class; what they registered is in kWh a month, the mean of all months of each.

    ``zeros`` counts the months with nothing registered.
    """

    meters: int
    zeros: int
    mean: float = 0.0
    p5: float = 0.0
    p50: float = 0.0
    p95: float = 0.0


@dataclass(frozen=True)
class Registered:
    """The figures of all meters.

    Attributes
    ----------
    class_index : (meters,) array of int8
        Places in :data:`~ghostload.config.model.CUSTOMER_CLASSES`; -1 for other classes.
    month_kwh : tuple of float
        Sums over all meters.
    classes : tuple of ClassFigures
    """

    class_index: NDArray[np.int8]
    month_kwh: tuple[float, ...]
    classes: tuple[ClassFigures, ...]


def registered(dataset: Dataset, scratch: Scratch) -> Registered:
    """Return what meters registered.

    Sums are taken over all meters at once, as their last digits depend on the order.

    Parameters
    ----------
    dataset : Dataset
    scratch : Scratch
        Holds 25 bytes a meter.
    """
    table, names, known = dataset.tables["meters"], dataset.month_columns, pa.array(CUSTOMER_CLASSES)
    kind = scratch.zeros(table.num_rows, np.int8)
    for rows, batch in placed(table.select(["customer_class"])):
        kind[rows] = pc.fill_null(pc.index_in(batch.column(0), value_set=known), -1)
    month, total = scratch.zeros(table.num_rows), scratch.zeros(table.num_rows)
    zeros, sums = np.zeros(1 + len(known), dtype=np.int64), []
    for name in names:
        for rows, batch in placed(table.select([name])):
            kwh = floats(batch.column(0))
            month[rows] = kwh
            total[rows] += kwh
            zeros += np.bincount(kind[rows][kwh == 0] + 1, minlength=len(zeros))
        sums.append(float(month.sum()))
    months = max(1, len(names))
    classes = [_class(kind, total, number, months, scratch, int(zeros[1 + number])) for number in range(len(known))]
    return Registered(kind, tuple(sums), tuple(classes))


def _class(
    kind: NDArray[np.int8], total: FloatArray, number: int, months: int, scratch: Scratch, zeros: int
) -> ClassFigures:
    """Return the figures of a class; ``total`` is what each meter registered in all months."""
    spans = [slice(start, start + BATCH_ROWS) for start in range(0, len(kind), BATCH_ROWS)]
    kwh = scratch.zeros(sum(int(np.count_nonzero(kind[span] == number)) for span in spans))
    done = 0
    for span in spans:
        mine = total[span][kind[span] == number] / months
        kwh[done : done + len(mine)] = mine
        done += len(mine)
        let_go()
    if not done:
        return ClassFigures(0, zeros)
    mean = float(kwh.mean())
    return ClassFigures(done, zeros, mean, *np.percentile(kwh, [5, 50, 95], overwrite_input=True).tolist())


def floats(column: Any) -> FloatArray:
    """Return a column as numbers, NaN where there is none."""
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
