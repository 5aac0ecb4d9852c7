"""From arrays to the tables of the data contract."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ghostload.anomalies.apply import kind_parameters
from ghostload.anomalies.base import Family
from ghostload.anomalies.events import Events
from ghostload.anomalies.registry import KINDS
from ghostload.anomalies.risk import risk_band_index, severity
from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.consumption.calendar import month_name
from ghostload.consumption.customers import Customers
from ghostload.dataset.ids import ids, names_at
from ghostload.schema import ANOMALY_EVENTS, ANOMALY_LABELS, METERS, RISK_BANDS, TRANSFORMERS, month_column
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.territory import Territory


def transformers_table(territory: Territory, capacity_kva: FloatArray, start: int, stop: int) -> pa.Table:
    """Return the rows of the transformers ``start .. stop - 1``; ``capacity_kva`` has shape (T,)."""
    rows = slice(start, stop)
    columns = [
        ids("TX_", np.arange(start, stop)),
        ids("FD_", territory.transformer_feeder[rows]),
        names_at(territory.region.names, territory.transformer_barangay[rows]),
        pa.array(territory.transformer_lat[rows]),
        pa.array(territory.transformer_lon[rows]),
        pa.array(capacity_kva[rows]),
    ]
    return pa.table(columns, names=list(TRANSFORMERS.column_names))


def meters_table(
    territory: Territory,
    customers: Customers,
    months: Sequence[str],
    registered_kwh: FloatArray,
    start: int,
    stop: int,
) -> pa.Table:
    """Return the rows of the meters ``start .. stop - 1``; ``registered_kwh`` has shape (T, N), a month a row."""
    rows = slice(start, stop)
    columns = {
        "meter_id": ids("MTR_", np.arange(start, stop)),
        "transformer_id": ids("TX_", territory.meter_transformer[rows]),
        "customer_class": names_at(CUSTOMER_CLASSES, customers.class_index[rows]),
        "barangay": names_at(territory.region.names, territory.meter_barangay[rows]),
        "lat": pa.array(territory.meter_lat[rows]),
        "lon": pa.array(territory.meter_lon[rows]),
        "kVA": pa.array(np.round(customers.peak_kva[rows], 2)),
    }
    columns |= {month_column(m).name: pa.array(registered_kwh[i, rows]) for i, m in enumerate(months)}
    return pa.table({column.name: columns[column.name] for column in METERS.columns_for(months)})


def labels_table(events: Events, lost_kwh: FloatArray, exposed_kwh: FloatArray, num_months: int) -> pa.Table:
    """Return the labels: one row for each theft; energies have shape (E,)."""
    active = events.spans.active(num_months).sum(axis=1)
    band = risk_band_index(lost_kwh, severity(lost_kwh, exposed_kwh), active)
    columns = [
        ids("MTR_", events.meter),
        pa.array(np.ones(len(events), dtype=np.int64)),
        names_at(RISK_BANDS, band),
        names_at(list(events.kinds), events.kind),
    ]
    return pa.table(columns, names=list(ANOMALY_LABELS.column_names))


def events_table(
    events: Events, lost_kwh: FloatArray, exposed_kwh: FloatArray, first: int, num_months: int, number: int = 0
) -> pa.Table:
    """Return the events, numbered from ``number`` on; ``first`` is the month number of the start of the data."""
    families = [KINDS.get(name).family.value for name in events.kinds]
    start = first + events.spans.first_month().astype(np.int64)
    last = events.spans.last_month()
    inside = last < num_months
    end = first + np.where(inside, last, 0).astype(np.int64)
    columns = [
        ids("EV_", np.arange(number, number + len(events))),
        ids("MTR_", events.meter),
        names_at(families, events.kind),
        names_at(list(events.kinds), events.kind),
        _months(start, np.ones(len(events), dtype=bool)),
        _months(end, inside),
        pa.array(np.round(lost_kwh, 1) + 0.0),
        pa.array(np.round(severity(lost_kwh, exposed_kwh), 4) + 0.0),
        pa.array(_parameters_json(events), pa.string()),
    ]
    return pa.table(columns, names=list(ANOMALY_EVENTS.column_names))


def _months(numbers: IntArray, known: BoolArray) -> pa.Array:
    """Month numbers as "YYYY-MM", null where not known."""
    if not len(numbers):
        return pa.array([], pa.string())
    low, high = int(numbers.min()), int(numbers.max())
    names = pa.array([month_name(number) for number in range(low, high + 1)], pa.string())
    return names.take(pa.array(numbers - low, mask=~known))


def _parameters_json(events: Events) -> list[str]:
    """Parameters of each event as JSON, keys sorted."""
    texts = np.full(len(events), "{}", dtype=object)
    for position, name in enumerate(events.kinds):
        kind = KINDS.get(name)
        row = np.flatnonzero(events.kind == position)
        values = {n: v.tolist() for n, v in kind_parameters(kind, events.uniform[row]).items()}
        if kind.family is Family.THEFT:
            values["strength"] = events.strength[row].tolist()
        if values and len(row):
            keys = sorted(values)
            form = "{{" + ", ".join(f'"{key}": {{:.4g}}' for key in keys) + "}}"
            texts[row] = [form.format(*cells) for cells in zip(*(values[key] for key in keys), strict=True)]
    return list(texts)
