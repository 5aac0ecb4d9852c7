"""Months of feeders as the tables of readings in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.anomalies.spread import FLAGS, MISSING
from ghostload.consumption.intervals import step_starts_utc
from ghostload.dataset.ids import ids
from ghostload.dataset.readings import key_columns, month_table
from ghostload.schema_in_time import (
    OF_FEEDERS,
    OF_TRANSFORMERS,
    PARTITIONED,
    READINGS,
    TRUTH,
    TRUTH_OF_FEEDERS,
    TRUTH_OF_TRANSFORMERS,
)
from ghostload.simulation.feeder import Feeder, FeederMonth
from ghostload.streams import IntArray

PREFIX = {"meter_id": "MTR_", "transformer_id": "TX_", "feeder_id": "FD_"}
Mask = np.ndarray[Any, np.dtype[np.bool_]]
_FLAGS = pa.array(FLAGS, pa.string())


def wanted_tables(*, flow: bool) -> tuple[str, ...]:
    """Return the folders of readings in time that a data set has."""
    return tuple(name for name, table in PARTITIONED.items() if flow or not table.needs_flow)


def starts_ms(number: int, minutes: int, utc_offset_minutes: int) -> IntArray:
    """Return the start of each step of a month, milliseconds since 1970 in UTC; (S,)."""
    starts = step_starts_utc(np.array([number]), minutes, utc_offset_minutes=utc_offset_minutes)
    found: IntArray = starts.astype("datetime64[ms]").astype(np.int64)
    return found


def month_tables(
    feeder: Feeder, month: FeederMonth, starts: IntArray, schemas: Mapping[str, pa.Schema]
) -> dict[str, pa.Table]:
    """Return a month of a feeder as tables.

    Parameters
    ----------
    feeder : Feeder
    month : FeederMonth
    starts : (S,) array of int
        As :func:`starts_ms` gives them.
    schemas : mapping of folder to pyarrow.Schema
        The wanted tables.

    Returns
    -------
    dict of folder to pyarrow.Table, meter by meter or transformer by transformer, each over the steps
    """
    made = {
        READINGS.folder: _readings,
        TRUTH.folder: _truth,
        OF_TRANSFORMERS.folder: _of_transformers,
        TRUTH_OF_TRANSFORMERS.folder: _truth_of_transformers,
        OF_FEEDERS.folder: _of_feeder,
        TRUTH_OF_FEEDERS.folder: _truth_of_feeder,
    }
    tables, keys = {}, {}
    for name, schema in schemas.items():
        numbers, columns = made[name](feeder, month)
        key = (schema.names[0], len(numbers))
        if key not in keys:
            keys[key] = key_columns(ids(PREFIX[schema.names[0]], numbers), starts)
        tables[name] = month_table(schema, *keys[key], columns)
    return tables


def _readings(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    flags = month.flags.reshape(-1)
    missing = flags == MISSING
    columns: dict[str, Any] = {
        "registered_wh": _masked(month.registered_wh, missing if missing.any() else None),
        "flag": pa.DictionaryArray.from_arrays(pa.array(flags.view(np.int8)), _FLAGS),
    }
    if month.voltage_v is not None:
        columns["voltage_v"] = _masked(month.voltage_v, _blank(month, month.voltage_v, missing))
    return feeder.meters, columns


def _truth(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    columns: dict[str, Any] = {"true_wh": month.true_wh}
    if month.true_voltage_v is not None:
        columns["true_voltage_v"] = _masked(month.true_voltage_v, _blank(month, month.true_voltage_v))
    return feeder.meters, columns


def _of_transformers(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    flow, seen = month.energies, np.flatnonzero(feeder.has_meter)
    return feeder.transformers[seen], {"registered_wh": flow.meter_wh[seen].astype(np.int32)}


def _truth_of_transformers(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    flows = month.energies.flows
    blank = _blank(month, flows.delivered_wh)
    return feeder.transformers, {
        "delivered_wh": _masked(flows.delivered_wh, blank),
        "true_wh": month.energies.true_wh,
        "technical_loss_wh": _masked(flows.low_loss_wh, blank),
        "transformer_loss_wh": _masked(flows.own_loss_wh, blank),
        "registered_wh": month.energies.registered_wh,
        "apparent_kva": _masked(flows.apparent_kva.astype(np.float32), blank),
    }


def _of_feeder(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    wh, varh = month.energies.head_wh
    return np.array([feeder.number]), {"registered_wh": wh, "registered_varh": varh}


def _truth_of_feeder(feeder: Feeder, month: FeederMonth) -> tuple[IntArray, dict[str, Any]]:
    flows = month.energies.flows
    wh, blank = 1e3 * flows.minutes / 60.0, _blank(month, flows.head_kw)
    return np.array([feeder.number]), {
        "supplied_wh": _masked(flows.head_kw * wh, blank),
        "supplied_varh": _masked(flows.head_kvar * wh, blank),
        "true_wh": month.energies.true_wh.sum(axis=0),
        "low_voltage_loss_wh": _masked(flows.low_loss_wh.sum(axis=0), blank),
        "transformer_loss_wh": _masked(flows.own_loss_wh.sum(axis=0), blank),
        "registered_wh": month.energies.registered_wh.sum(axis=0),
    }


def _masked(values: Any, mask: Mask | None) -> pa.Array:
    """Return values as a flat Arrow array, null where the mask holds."""
    return pa.array(np.ascontiguousarray(values).reshape(-1), mask=mask)


def _blank(month: FeederMonth, values: np.ndarray[Any, Any], missing: Mask | None = None) -> Mask | None:
    """Return where values are missing or the power flow has no solution, flat; None where neither is."""
    blank = missing if missing is not None and missing.any() else None
    if month.unsolved:
        unsolved: Mask = np.isnan(values).reshape(-1)
        return unsolved if blank is None else np.logical_or(unsolved, blank)
    return blank
