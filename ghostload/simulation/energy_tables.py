"""Balances as the tables of the data contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.consumption.calendar import month_name
from ghostload.dataset.ids import ids
from ghostload.schema import FEEDER_ENERGY, FEEDER_READINGS, TRANSFORMER_ENERGY, TRANSFORMER_READINGS, TableSchema
from ghostload.simulation.network import Lines
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
    balance: Mapping[str, np.ndarray[Any, Any]],
    lines: Lines,
    capacity_kva: FloatArray,
    has_meter: BoolArray,
    numbers: IntArray,
) -> dict[str, pa.Table]:
    """Return the balances and readings of transformers and feeders by month, and the losses of elements.

    Parameters
    ----------
    balance : mapping
        As :func:`ghostload.simulation.balance.joined` gives it.
    lines : Lines
    capacity_kva, has_meter : (transformers,) arrays
    numbers : (months,) array of int
        Month numbers.
    """
    months = [month_name(number) for number in numbers.tolist()]
    units = ids("TX_", np.arange(len(capacity_kva)))
    loading = balance["peak_kva"] / capacity_kva[:, None]
    of_units = {**balance, "loading_pu": loading}
    of_feeders = {**balance, **{column: balance[name] for column, name in _OF_FEEDER.items()}}
    of_heads = {column: balance[name] for column, name in _OF_HEAD.items()}
    seen = {"registered_kwh": balance["meter_kwh"][has_meter]}
    feeders = ids("FD_", balance["feeder"])
    return {
        "transformer_energy": _monthly(TRANSFORMER_ENERGY, units, months, of_units),
        "transformer_readings": _monthly(TRANSFORMER_READINGS, units.filter(pa.array(has_meter)), months, seen),
        "feeder_energy": _monthly(FEEDER_ENERGY, feeders, months, of_feeders),
        "feeder_readings": _monthly(FEEDER_READINGS, feeders, months, of_heads),
        "network_losses": lines.losses(balance, loading.max(axis=1)),
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
