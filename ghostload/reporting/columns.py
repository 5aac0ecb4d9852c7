"""Columns of a table as plain arrays, whatever make the folder is of."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray


def numbers(table: pa.Table, column: str) -> FloatArray:
    """Return a column as float64, NaN where the cell is empty.

    Raises
    ------
    DataError
        A cell is no number.
    """
    values = _column(table, column)
    try:
        return np.asarray(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise DataError(f"column {column}: {error}; give numbers") from error


def texts(table: pa.Table, column: str) -> list[str]:
    """Return a column as text, "" where the cell is empty."""
    values: list[str] = pc.fill_null(pc.cast(_column(table, column), pa.string()), "").to_pylist()
    return values


def codes(table: pa.Table, column: str) -> tuple[list[str], IntArray]:
    """Return the different texts of a column, in the order people count in, and each row's place among them."""
    encoded = pc.fill_null(pc.cast(_column(table, column), pa.string()), "").combine_chunks().dictionary_encode()
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    order = sorted(range(len(names)), key=lambda i: (_counted(names[i]), names[i]))
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    indices = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    return [names[i] for i in order], rank[indices] if names else indices


def _counted(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which FD_9 comes before FD_10."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]


def _column(table: pa.Table, column: str) -> Any:
    if column not in table.column_names:
        raise DataError(f"column {column} is missing; found: {', '.join(table.column_names)}")
    return table[column]
