"""Balances as the tables of the data contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.consumption.calendar import month_name
from ghostload.dataset.ids import ids
from ghostload.schema import FEEDER_ENERGY, FEEDER_READINGS, TRANSFORMER_ENERGY, TRANSFORMER_READINGS, TableSchema
from ghostload.scratch import Scratch
from ghostload.simulation.balance import Balances
from ghostload.simulation.pieces import in_pieces
from ghostload.streams import BoolArray, FloatArray, IntArray

_OF_FEEDER = {
    "true_kwh": "feeder_true_kwh",
    "registered_kwh": "feeder_registered_kwh",
    "non_technical_loss_kwh": "feeder_non_technical_loss_kwh",
    "peak_kw": "head_peak_kw",
    "peak_kva": "head_peak_kva",
}
_OF_HEAD = {"registered_kwh": "head_meter_kwh", "registered_kvarh": "head_meter_kvarh", "peak_kw": "head_meter_peak_kw"}
"""Columns of the feeders' tables that a balance knows under another name."""


def energy_tables(
    balances: Balances,
    feeders: Sequence[int],
    capacity_kva: FloatArray,
    has_meter: BoolArray,
    numbers: IntArray,
    scratch: Scratch,
) -> dict[str, pa.Table]:
    """Return the balances and readings of transformers and feeders by month.

    Parameters
    ----------
    balances : Balances
        Of all feeders.
    feeders : sequence of int
        Their numbers.
    capacity_kva, has_meter : (transformers,) arrays
    numbers : (months,) array of int
        Month numbers.
    scratch : Scratch
    """
    months = [month_name(number) for number in numbers.tolist()]
    units, heads, named = balances.of_transformers, balances.of_feeders, np.asarray(feeders, dtype=np.int64)
    seen = np.flatnonzero(has_meter)

    def energy(start: int, stop: int) -> pa.Table:
        values = {name: array[start:stop] for name, array in units.items()}
        values["loading_pu"] = values["peak_kva"] / capacity_kva[start:stop, None]
        return _monthly(TRANSFORMER_ENERGY, ids("TX_", np.arange(start, stop)), months, values)

    def readings(start: int, stop: int) -> pa.Table:
        rows = seen[start:stop]
        values = {"registered_kwh": units["meter_kwh"][rows]}
        return _monthly(TRANSFORMER_READINGS, ids("TX_", rows), months, values)

    def of_feeders(start: int, stop: int) -> pa.Table:
        values = {name: array[start:stop] for name, array in heads.items()}
        values |= {column: values[name] for column, name in _OF_FEEDER.items()}
        return _monthly(FEEDER_ENERGY, ids("FD_", named[start:stop]), months, values)

    def of_heads(start: int, stop: int) -> pa.Table:
        values = {column: heads[name][start:stop] for column, name in _OF_HEAD.items()}
        return _monthly(FEEDER_READINGS, ids("FD_", named[start:stop]), months, values)

    return {
        "transformer_energy": in_pieces(energy, len(capacity_kva), scratch, each=len(months)),
        "transformer_readings": in_pieces(readings, len(seen), scratch, each=len(months)),
        "feeder_energy": in_pieces(of_feeders, len(named), scratch, each=len(months)),
        "feeder_readings": in_pieces(of_heads, len(named), scratch, each=len(months)),
    }


def _monthly(
    schema: TableSchema, entities: pa.Array, months: list[str], values: Mapping[str, np.ndarray[Any, Any]]
) -> pa.Table:
    """Return (entities, months) arrays as a table, month after month of one entity after the other; NaN is null."""
    keys = [
        entities.take(pa.array(np.repeat(np.arange(len(entities)), len(months)))),
        pa.array(months * len(entities), pa.string()),
    ]
    columns = [values[column.name].reshape(-1) for column in schema.columns[2:]]
    arrays = [
        pa.array(given, mask=np.isnan(given) if column.nullable else None)
        for column, given in zip(schema.columns[2:], columns, strict=True)
    ]
    return pa.table([*keys, *arrays], names=list(schema.column_names))
