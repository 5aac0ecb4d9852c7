"""Columns as text, a whole batch at once: numbers with fixed decimals, CSV cells, JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.schema import MONTH_PREFIX, Column, TableSchema
from ghostload.scratch import let_go

BATCH_ROWS = 8_192
"""Rows that are turned into text at once; bounds the memory, does not show in the bytes."""

_QUOTE, _BACKSLASH, _COMMA, _LINE, _RETURN, _FIRST_PRINTABLE = 34, 92, 44, 10, 13, 32


def ordered(dataset: Dataset, schema: TableSchema) -> tuple[pa.Table, tuple[Column, ...]]:
    """Return a table with exactly the columns of its schema, in the order of the file, and what they are.

    Months have as many decimals as the register, and one at least.
    """
    table, columns = dataset.tables[schema.name], schema.columns_for(dataset.months)
    if dataset.config is not None:
        digits = max(1, dataset.config.metering.register_decimals)
        columns = tuple(replace(c, decimals=digits) if c.name.startswith(MONTH_PREFIX) else c for c in columns)
    names = [column.name for column in columns]
    for name in names:
        if name not in table.column_names:
            raise OutputError(f"{schema.file}: the {schema.name} table has no column {name}; add it")
    for name in table.column_names:
        if name not in names:
            raise OutputError(f"{schema.file}: the {schema.name} table has a further column {name}; take it out")
    return table.select(names), columns


def batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield a table in pieces of at most :data:`BATCH_ROWS` rows; after each, files that tables lie in are let go."""
    for batch in table.to_reader(max_chunksize=BATCH_ROWS):
        if batch.num_rows:
            yield batch
            let_go()


def placed(table: pa.Table) -> Iterator[tuple[slice, pa.RecordBatch]]:
    """Yield what :func:`batches` does, each with the rows that it is."""
    done = 0
    for batch in batches(table):
        yield slice(done, done + batch.num_rows), batch
        done += batch.num_rows


def fixed(values: pa.Array, column: Column) -> pa.Array:
    """Return floats as decimals with the column's number of digits after the point; null stays null."""
    try:
        return values.cast(pa.float64()).cast(pa.decimal128(38, column.decimals))
    except pa.ArrowInvalid:
        raise OutputError(
            f"{column.name}: holds NaN, infinity, or a number too large to write; mend the table"
        ) from None


def text(values: pa.Array, column: Column) -> pa.Array:
    """Return cells as text, unquoted; null stays null."""
    return (fixed(values, column) if column.kind == "float" else values).cast(pa.string())


def csv_cells(values: pa.Array, column: Column) -> pa.Array:
    """Return cells as CSV text (RFC 4180): quoted only where the text needs it."""
    cells = text(values, column)
    if column.kind == "float" or not _holds(cells, (_QUOTE, _COMMA, _LINE, _RETURN)):
        return cells
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(cells, '"', '""'), '"', "")
    return pc.if_else(pc.match_substring_regex(cells, '[",\r\n]'), quoted, cells)


def json_cells(values: pa.Array, column: Column) -> pa.Array:
    """Return cells as JSON: numbers as :func:`text` writes them, text in quotes with escapes, null as ``null``."""
    cells = text(values, column)
    if column.kind in ("string", "month"):
        cells = _json_strings(cells)
    return pc.fill_null(cells, "null")


def raw(lines: pa.Array) -> memoryview:
    """Return the characters of a string array, one after the other, without copying."""
    _, offsets, data = lines.buffers()
    if data is None or not len(lines):
        return memoryview(b"")
    at = np.frombuffer(offsets, dtype=np.int32)
    return memoryview(data)[at[lines.offset] : at[lines.offset + len(lines)]]


def _holds(cells: pa.Array, codes: tuple[int, ...], *, below: int = 0) -> bool:
    """Whether any character is one of these ASCII codes, or below a limit."""
    characters = np.frombuffer(raw(cells), dtype=np.uint8)
    return any(bool((characters == code).any()) for code in codes) or bool(below and (characters < below).any())


def _json_strings(cells: pa.Array) -> pa.Array:
    if not _holds(cells, (_QUOTE, _BACKSLASH), below=_FIRST_PRINTABLE):
        return pc.binary_join_element_wise('"', cells, '"', "")
    coded = cells.dictionary_encode()
    escaped = [None if name is None else json.dumps(name, ensure_ascii=False) for name in coded.dictionary.to_pylist()]
    return pa.array(escaped, pa.string()).take(coded.indices)
