"""Checks of the columns: there, in order, of the right type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from ghostload.dataset.csv_table import ARROW_TYPES, cells_not_of_kind, fits_kind, kind_of
from ghostload.schema import CORE_TABLES, TableSchema
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, Severity, error, info, warning

_WORDS = {"float": "a number", "integer": "a whole number", "string": "text", "month": "text, YYYY-MM"}


@register(subject="columns")
def columns_present(context: Context) -> Iterable[Finding]:
    """Check that every table has all its columns, each once."""
    for name in CORE_TABLES:
        context.table(name)
    for schema, table in context.schemas():
        present = Counter(table.column_names)
        missing = [column for column in schema.column_names if column not in present]
        if missing:
            yield error("columns are missing", f"add them to {schema.file}", table=schema.name, ids=missing)
        repeated = sorted(column for column, times in present.items() if times > 1)
        if repeated:
            yield error("columns stand more than once", "keep one of each", table=schema.name, ids=repeated)


@register(subject="columns", severities=(Severity.WARNING, Severity.INFO))
def columns_in_order(context: Context) -> Iterable[Finding]:
    """Check that columns stand in the order of the data contract, with no others between them."""
    for schema, table in context.schemas():
        known = [name for name in table.column_names if kind_of(name, schema) is not None]
        further = [name for name in table.column_names if kind_of(name, schema) is None]
        wanted = _wanted_order(schema, known)
        if known != wanted:
            order = ", ".join(_shortened(wanted))
            yield warning("columns are not in order", f"write them as {order}", table=schema.name)
        if further:
            yield info("holds columns that the data contract does not know", table=schema.name, ids=further)


def _wanted_order(schema: TableSchema, present: Sequence[str]) -> list[str]:
    """Return the columns that are there in the schema's order; consumption columns keep theirs."""
    months = [name for name in present if name not in schema.column_names]
    wanted: list[str] = []
    for name in schema.column_names:
        if schema.has_months and name == schema.months_before:
            wanted.extend(months)
        if name in present:
            wanted.append(name)
    return wanted


def _shortened(names: Sequence[str]) -> list[str]:
    """Put the consumption columns into one word."""
    short = ["monthly_consumption_..." if name.startswith("monthly_") else name for name in names]
    return list(dict.fromkeys(short))


@register(subject="columns")
def types(context: Context) -> Iterable[Finding]:
    """Check that every column is of the type that the schema gives: numbers are numbers, ids and months are text."""
    for schema, table in context.schemas():
        for position, name in enumerate(table.column_names):
            kind = kind_of(name, schema)
            column = table.column(position)
            if kind is None or fits_kind(column.type, kind):
                continue
            yield _wrong_type(context, schema, name, column, kind)


def _wrong_type(context: Context, schema: TableSchema, name: str, column: pa.ChunkedArray, kind: str) -> Finding:
    mask = cells_not_of_kind(column, kind)
    cure = f"write {_WORDS[kind]} in every cell"
    bad = np.asarray(mask) if mask is not None else np.empty(0, dtype=np.bool_)
    if not bad.any():
        message = f"the column is {column.type}, must be {ARROW_TYPES[kind]}"
        return error(message, cure, table=schema.name, column=name)
    first = str(column[int(np.argmax(bad))].as_py())
    message = f"{int(bad.sum())} cells are not {_WORDS[kind]}, the first is {first[:40]!r}"
    ids = context.names(schema.name, bad)
    return error(message, cure, table=schema.name, column=name, ids=ids, count=int(bad.sum()))
