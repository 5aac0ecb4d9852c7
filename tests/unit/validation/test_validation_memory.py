"""What checks hold does not grow with the number of meters."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import validation_samples as samples

from ghostload import streams
from ghostload.dataset import Dataset
from ghostload.scratch import Scratch
from ghostload.validation import validate

PREFIXES = {"meter_id": "MTR_", "transformer_id": "TX_", "feeder_id": "FD_", "event_id": "EV_"}
_PER_SET = {"meter_id": samples.METERS, "transformer_id": samples.TRANSFORMERS, "feeder_id": 8, "event_id": 46}


def _many(sound: Dataset, times: int) -> Dataset:
    """Towns alike, side by side, with ids that go on from each to the next."""
    return Dataset(
        {name: pa.concat_tables([_moved(table, town) for town in range(times)]) for name, table in sound.tables.items()}
    )


def _moved(table: pa.Table, town: int) -> pa.Table:
    for at, column in enumerate(table.column_names):
        if column in PREFIXES:
            digits = pc.replace_substring_regex(table[column], r"\D", "").cast(pa.int64()).to_pylist()
            width = {"MTR_": 6, "TX_": 4, "FD_": 2, "EV_": 6}[PREFIXES[column]]
            words = [f"{PREFIXES[column]}{number + town * _PER_SET[column]:0{width}d}" for number in digits]
            table = table.set_column(at, column, pa.array(words))
        elif column == "lon":
            table = table.set_column(at, column, pa.array(np.asarray(table[column]) + 0.1 * town))
    return table


def _held(dataset: Dataset) -> int:
    """Return the most bytes that Python, NumPy and Arrow held while a data set was checked."""
    before = pa.default_memory_pool()
    proxy = pa.proxy_memory_pool(before)
    pa.set_memory_pool(proxy)
    tracemalloc.start()
    try:
        validate(dataset)
        return tracemalloc.get_traced_memory()[1] + int(proxy.max_memory())
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def test_memory_does_not_grow_with_the_meters(sound: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "AT_ONCE", 1024)
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    few, many = _many(sound, 10), _many(sound, 40)
    validate(few)
    growth = (_held(many) - _held(few)) / (many.num_meters - few.num_meters)
    assert growth < 30, "bytes a meter, of which there are ten a transformer and sixty a feeder; whole columns take 680"
