"""Interval readings of a data set on disk, read feeder by feeder; ``truth/`` is never opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.consumption.customers import draw_customers
from ghostload.consumption.shapes import POWER_FACTOR
from ghostload.dataset import Dataset
from ghostload.detection.low_voltage import LowVoltage, low_voltage_of
from ghostload.detection.seen import FeederReadings
from ghostload.errors import DataError
from ghostload.schema_in_time import OF_TRANSFORMERS, READINGS
from ghostload.streams import FloatArray, IntArray, Streams
from ghostload.territory import build_territory
from ghostload.wires import Wires, build_wires

_MINUTE_MS = 60_000


def stored_readings(dataset: Dataset) -> StoredReadings | None:
    """Return the readings of a data set, None when it has none."""
    has = any(name.startswith(f"{READINGS.folder}/") for name in dataset.files)
    return StoredReadings(dataset) if has and dataset.config is not None else None


@dataclass(frozen=True)
class StoredReadings:
    """Readings that are read when a feeder is asked for.

    Parameters
    ----------
    dataset : Dataset
        With files of readings, and its config.
    """

    dataset: Dataset

    @property
    def has_delivered(self) -> bool:
        """Whether any transformer has a meter of its own."""
        return any(name.startswith(f"{OF_TRANSFORMERS.folder}/") for name in self.dataset.files)

    @property
    def has_voltage(self) -> bool:
        """Whether voltages are recorded, as they are where the power flow is solved."""
        config = self.dataset.config
        return config is not None and config.physics != "none"

    def feeders(self) -> Iterator[FeederReadings]:
        """Yield the feeders in the order of their ids."""
        transformers = self.dataset.tables["transformers"]
        feeder_of = np.asarray(transformers["feeder_id"].to_pylist(), dtype=object)
        names = np.asarray(transformers["transformer_id"].to_pylist(), dtype=object)
        wires = self._wires if self.has_voltage else None
        for feeder in sorted(set(feeder_of.tolist())):
            numbers = np.flatnonzero(feeder_of == feeder)
            yield self._feeder(feeder, numbers, names[numbers].tolist(), wires)

    def _feeder(self, feeder: str, numbers: IntArray, names: list[str], wires: Wires | None) -> FeederReadings:
        home = self.dataset.transformer_index
        rows = np.flatnonzero(np.isin(home, numbers))
        meters = self.dataset.tables["meters"]["meter_id"].take(pa.array(rows)).to_pylist()
        table = self.dataset.readings(feeder=feeder).to_table()
        start_ms, minutes, steps = _clock(table, feeder)
        cell = _Cells(feeder, meters, "meter_id", start_ms, minutes, steps).of(table)
        registered = _grid(table, "registered_wh", cell, (len(meters), steps), 0, np.int32)
        actual = np.zeros((len(meters), steps), dtype=np.bool_)
        actual.reshape(-1)[cell] = np.asarray(pc.equal(table["flag"].cast(pa.string()), "A"))
        volts = _grid(table, "voltage_v", cell, actual.shape, np.nan, np.float32) if wires is not None else None
        return FeederReadings(
            rows=rows,
            home=np.searchsorted(numbers, home[rows]),
            start=np.datetime64(start_ms, "ms") + np.timedelta64(self._offset_minutes, "m"),
            minutes=minutes,
            registered_wh=registered,
            actual=actual,
            tan_phi=self._tan_phi[rows],
            delivered_wh=self._delivered(feeder, names, start_ms, minutes, steps),
            voltage_v=volts,
            network=None if wires is None else tuple(self._network(wires, int(t), rows, home) for t in numbers),
        )

    def _delivered(self, feeder: str, names: list[str], start_ms: int, minutes: int, steps: int) -> FloatArray | None:
        if not self.has_delivered:
            return None
        table = self.dataset.readings(feeder=feeder, of="transformers").to_table()
        cell = _Cells(feeder, names, "transformer_id", start_ms, minutes, steps).of(table)
        grid: FloatArray = _grid(table, "registered_wh", cell, (len(names), steps), np.nan, np.float64)
        return grid

    def _network(self, wires: Wires, transformer: int, rows: IntArray, home: IntArray) -> LowVoltage:
        network = low_voltage_of(wires, transformer)
        if not np.array_equal(network.meters, rows[home[rows] == transformer]):
            raise DataError(
                "meter_consumption.csv: meters are not those of config.yaml, so that the wires are not known; "
                "generate the data set again"
            )
        return network

    @cached_property
    def _wires(self) -> Wires:
        """The utility's model of its network, as the config gives it; customers' demand does not enter."""
        config = self.dataset.config
        if config is None:
            raise DataError("config.yaml: is not there, so that the wires are not known; generate the data set again")
        streams = Streams(config.random_seed)
        capacity = np.asarray(self.dataset.tables["transformers"]["capacity_kVA"], dtype=np.float64)
        return build_wires(build_territory(config, streams), draw_customers(config, streams), capacity, config, streams)

    @cached_property
    def _tan_phi(self) -> FloatArray:
        factor = np.array([POWER_FACTOR[name] for name in CUSTOMER_CLASSES] + [POWER_FACTOR[CUSTOMER_CLASSES[0]]])
        classes = self.dataset.tables["meters"]["customer_class"].cast(pa.string())
        code = np.asarray(pc.fill_null(pc.index_in(classes, pa.array(CUSTOMER_CLASSES)), len(CUSTOMER_CLASSES)))
        return np.asarray(np.sqrt(factor**-2.0 - 1.0)[code])

    @property
    def _offset_minutes(self) -> int:
        config = self.dataset.config
        return 0 if config is None else config.territory.utc_offset_minutes


@dataclass(frozen=True)
class _Cells:
    """Where readings go in an array of entities x steps."""

    feeder: str
    ids: list[str]
    column: str
    start_ms: int
    minutes: int
    steps: int

    def of(self, table: pa.Table) -> IntArray:
        """Return the flat position of each row of a table of readings."""
        column = table[self.column].unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0)
        row_of = np.asarray(pc.fill_null(pc.index_in(column.dictionary, pa.array(self.ids)), -1), dtype=np.int64)
        row = row_of[np.asarray(column.indices)]
        step = (_milliseconds(table) - self.start_ms) // (self.minutes * _MINUTE_MS)
        if (row < 0).any() or (step < 0).any() or (step >= self.steps).any():
            raise DataError(
                f"readings: feeder={self.feeder}: {self.column} or time is not of this feeder; generate the data again"
            )
        return np.asarray(row * self.steps + step, dtype=np.int64)


def _milliseconds(table: pa.Table) -> IntArray:
    return np.asarray(table["time"].cast(pa.timestamp("ms")).cast(pa.int64()), dtype=np.int64)


def _clock(table: pa.Table, feeder: str) -> tuple[int, int, int]:
    """Return the first moment in milliseconds UTC, the minutes of a step, and the number of steps."""
    times = np.unique(_milliseconds(table))
    if len(times) < 2:
        raise DataError(f"readings: feeder={feeder}: has {len(times)} moments; needs two")
    minutes = int(np.diff(times).min()) // _MINUTE_MS
    return int(times[0]), minutes, int(times[-1] - times[0]) // (minutes * _MINUTE_MS) + 1


def _grid(table: pa.Table, name: str, cell: IntArray, shape: tuple[int, int], missing: float, dtype: Any) -> Any:
    """Return a column as an array (entities, steps), ``missing`` where there is no value."""
    grid = np.full(shape[0] * shape[1], missing, dtype=dtype)
    column = table[name]
    if column.null_count:
        there = np.asarray(column.is_valid())
        grid[cell[there]] = np.asarray(column.drop_null())
    else:
        grid[cell] = np.asarray(column)
    return grid.reshape(shape)
