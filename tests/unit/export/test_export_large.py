"""Tables that lie in files, in many pieces: the same bytes, in memory that does not grow with the number of meters."""

from __future__ import annotations

import ctypes
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from export_samples import sample

from ghostload.config import GeneratorConfig
from ghostload.config.model import ExportConfig
from ghostload.dataset import Dataset
from ghostload.dataset.columns import cells_at
from ghostload.export.base import ALWAYS, EXPORTERS, ExportJob
from ghostload.export.served import Served
from ghostload.export.sink import CountingSink
from ghostload.export.write import export_files
from ghostload.scratch import Scratch


def coded(table: pa.Table) -> pa.Table:
    """Return a table with all its text as codes."""
    columns = [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


def filed(table: pa.Table, scratch: Scratch, rows: int) -> pa.Table:
    """Return a table that lies in a file, in pieces of some rows."""
    kept = scratch.table()
    for start in range(0, max(1, table.num_rows), rows):
        kept.add(table.slice(start, rows))
    return kept.whole()


def scattered(dataset: Dataset) -> Dataset:
    """Return the same with its meters in another order, so that those of a transformer stand anywhere."""
    meters = dataset.tables["meters"]
    order = pa.array(np.random.default_rng(0).permutation(meters.num_rows))
    return replace(dataset, tables={**dataset.tables, "meters": meters.take(order)}, _frames={})


@pytest.fixture
def in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """Where nothing is small enough for memory."""
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    return Scratch(tmp_path)


@pytest.mark.parametrize("codes", [False, True], ids=["plain text", "coded text"])
def test_tables_in_files_and_pieces_are_written_as_those_in_memory(
    in_files: Scratch, monkeypatch: pytest.MonkeyPatch, codes: bool
) -> None:
    config = GeneratorConfig(
        num_meters=300, num_transformers=40, num_months=3, start_month="2024-11", export=ExportConfig(parquet=True)
    )
    plain = scattered(sample(300, 40, config))
    expected = export_files(plain, CountingSink(), None)
    tables = {name: coded(table) if codes else table for name, table in plain.tables.items()}
    pieces = replace(plain, tables={name: filed(table, in_files, 37) for name, table in tables.items()}, _frames={})
    assert pieces.tables["meters"]["meter_id"].num_chunks == 9
    monkeypatch.setattr("ghostload.export.cells.BATCH_ROWS", 11)
    monkeypatch.setattr("ghostload.export.registered.BATCH_ROWS", 11)
    monkeypatch.setattr("ghostload.export.served.BATCH_ROWS", 5)
    monkeypatch.setattr("ghostload.export.served.MOST_METERS", 25)
    monkeypatch.setattr("ghostload.export.served._LOOKED_UP", 64)
    assert export_files(pieces, CountingSink(), None, in_files) == expected
    np.testing.assert_array_equal(pieces.transformer_index, plain.transformer_index)
    np.testing.assert_array_equal(pieces.is_theft, plain.is_theft)
    np.testing.assert_array_equal(pieces.registered_kwh, plain.registered_kwh)


def test_spans_of_transformers_have_all_meters_in_order_and_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = scattered(sample(200, 30))
    monkeypatch.setattr("ghostload.export.served.MOST_METERS", 20)
    served = Served(dataset)
    owner = dataset.transformer_index
    spans = list(served.spans())
    assert [first for first, _, _ in spans] == [0, *(last for _, last, _ in spans[:-1])]
    assert spans[-1][1] == 30
    np.testing.assert_array_equal(np.concatenate([rows for *_, rows in spans]), np.argsort(owner, kind="stable"))
    assert all(len(rows) <= 20 or last == first + 1 for first, last, rows in spans)
    assert len(spans) < 30


def test_text_is_taken_from_any_chunk_in_the_order_asked_for() -> None:
    names = [f"m{number}" for number in range(50)]
    column = pa.chunked_array([names[:7], [], names[7:30], names[30:]])
    rows = np.array([49, 0, 7, 6, 29, 30, 0, 12])
    assert cells_at(column, rows, pa.string()).to_pylist() == [names[row] for row in rows]
    assert cells_at(column, rows[:0], pa.string()).to_pylist() == []
    assert cells_at(column.slice(0, 0), rows[:0], pa.string()).to_pylist() == []


def lines(count: int) -> pa.Table:
    """Return lines as the pipeline makes them, half of them service drops."""
    text = {"line_id": "l", "conductor": "ACSR", "phases": "abc", "feeder_id": "FD_01", "transformer_id": "TX_0001"}
    numbers = ("voltage_kv", "length_m", "drop_percent", "lon0", "lat0", "lon1", "lat1")
    return pa.table(
        {"kind": pa.array(["main", "drop"] * (count // 2))}
        | {name: pa.array([value] * count) for name, value in text.items()}
        | {name: np.linspace(1.0, 2.0, count) for name in numbers}
    )


def many(dataset: Dataset, times: int, scratch: Scratch) -> Dataset:
    """Return a data set with as many times the rows, in files, but for those of transformers and feeders."""

    def more(table: pa.Table) -> pa.Table:
        return filed(pa.concat_tables([table] * times), scratch, 2_000)

    few = ("transformers", "feeder_energy")
    tables = {name: table if name in few else more(table) for name, table in dataset.tables.items()}
    return replace(dataset, tables=tables, network=more(lines(2_000)), _frames={})


@contextmanager
def most_bytes() -> Iterator[list[int]]:
    """Give what Arrow and numpy held at the most, once the block is left."""
    default, found = pa.default_memory_pool(), [0]
    counting = pa.proxy_memory_pool(default)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(counting))  # it has to outlive the last of its buffers
    pa.set_memory_pool(counting)
    tracemalloc.start()
    try:
        yield found
        found[0] = counting.max_memory() + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(default)


@pytest.mark.parametrize("name", [*ALWAYS, "parquet"])
def test_memory_does_not_grow_with_the_rows(in_files: Scratch, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in ("cells", "registered", "served"):
        monkeypatch.setattr(f"ghostload.export.{module}.BATCH_ROWS", 500)
    monkeypatch.setattr("ghostload.export.served._LOOKED_UP", 500)
    monkeypatch.setattr("ghostload.export.served.MOST_METERS", 500)
    monkeypatch.setattr("ghostload.export.parquet.ROWS_PER_GROUP", 1_000)
    monkeypatch.setattr("ghostload.export.network.MOST_LINES", 1_000)
    dataset = scattered(sample(2_000, 500))
    held = []
    for times in (1, 2, 8):
        job = ExportJob(many(dataset, times, in_files), CountingSink(), scratch=in_files)
        with most_bytes() as found:
            EXPORTERS.get(name).write(job)
        held.append(found[0])
    _, twice, eight_times = held  # the first time also imports
    assert (eight_times - twice) / (6 * 2_000) < 3.0
