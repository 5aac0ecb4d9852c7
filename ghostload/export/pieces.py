"""Some readings in time as text or Parquet, batch by batch."""

from __future__ import annotations

import json
from typing import IO

import pyarrow as pa

from ghostload.dataset.readings import Readings
from ghostload.export.formats.intervals import iso_text


def write_readings(readings: Readings, form: str, stream: IO[bytes]) -> int:
    """Write readings into a binary stream and return how many.

    Parameters
    ----------
    readings : Readings
    form : {"csv", "json", "parquet"}
        CSV with a header; JSON Lines, one object a reading; Parquet. Times in text are ISO 8601 with the local offset.
    stream : binary file
    """
    return {"csv": _csv, "json": _json, "parquet": _parquet}[form](readings, stream)


def _csv(readings: Readings, stream: IO[bytes]) -> int:
    from pyarrow import csv

    options, rows = csv.WriteOptions(include_header=False, quoting_style="none"), 0
    stream.write((",".join(readings.columns) + "\n").encode())
    for batch in readings.batches():
        csv.write_csv(_as_text(batch), stream, options)
        rows += batch.num_rows
    return rows


def _json(readings: Readings, stream: IO[bytes]) -> int:
    rows = 0
    for batch in readings.batches():
        text = _as_text(batch)
        columns = [_short_floats(column).to_pylist() for column in text.columns]
        for cells in zip(*columns, strict=True):
            stream.write(json.dumps(dict(zip(text.schema.names, cells, strict=True))).encode() + b"\n")
        rows += batch.num_rows
    return rows


def _parquet(readings: Readings, stream: IO[bytes]) -> int:
    import pyarrow.parquet as pq

    table = readings.to_table()
    pq.write_table(table, stream, compression="zstd")
    return int(table.num_rows)


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose times are text and whose codes are plain text."""
    return pa.RecordBatch.from_arrays([_plain(column) for column in batch.columns], names=batch.schema.names)


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return iso_text(column) if pa.types.is_timestamp(column.type) else column


def _short_floats(column: pa.Array) -> pa.Array:
    """Return single precision as the doubles that are written with the same digits."""
    return column.cast(pa.string()).cast(pa.float64()) if column.type == pa.float32() else column
