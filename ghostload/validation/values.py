"""Checks of single cells: there, finite, in range, of a known value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.csv_table import fits_kind, is_text, kind_of
from ghostload.schema import Column, TableSchema, month_column
from ghostload.scratch import let_go
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, error
from ghostload.validation.pieces import Hits

_ANY_MONTH = month_column("000000")


def _columns(context: Context) -> Iterator[tuple[TableSchema, str, pa.ChunkedArray, Column]]:
    """Yield every column that the schema knows: its table, name, cells and rules."""
    for schema, table in context.schemas():
        known = {column.name: column for column in schema.columns}
        for position, name in enumerate(table.column_names):
            if kind_of(name, schema) is not None:
                yield schema, name, table.column(position), known.get(name, _ANY_MONTH)


def _number_columns(context: Context) -> Iterator[tuple[TableSchema, str, pa.ChunkedArray, Column]]:
    for schema, name, cells, rules in _columns(context):
        if rules.kind in ("float", "integer") and fits_kind(cells.type, "float"):
            yield schema, name, cells, rules


def _about(context: Context, schema: TableSchema, name: str, bad: Hits, message: str, cure: str) -> Iterable[Finding]:
    if bad:
        ids = context.names(schema.name, bad)
        yield error(f"{bad.count} {message}", cure, table=schema.name, column=name, ids=ids, count=bad.count)


def _spans(context: Context, schema: TableSchema, cells: pa.ChunkedArray) -> Iterator[tuple[slice, pa.ChunkedArray]]:
    """Yield the cells of a column piece by piece, each with its rows."""
    for rows in context.pieces(schema.name):
        yield rows, cells.slice(rows.start, rows.stop - rows.start)


@register(subject="values")
def no_empty_cells(context: Context) -> Iterable[Finding]:
    """Check that no cell is empty, except the end of an event that goes on."""
    for schema, name, cells, rules in _columns(context):
        if rules.nullable or not (is_text(cells.type) or cells.null_count):
            continue
        bad = Hits()
        for rows, some in _spans(context, schema, cells):
            if is_text(cells.type):
                empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(some.cast(pa.string())), ""), True)
            else:
                empty = pc.is_null(some)
            if pc.any(empty, min_count=0).as_py():
                bad.add(rows, np.asarray(empty, dtype=np.bool_))
        yield from _about(context, schema, name, bad, "cells are empty", "fill them, or take the rows away")


@register(subject="values")
def finite_values(context: Context) -> Iterable[Finding]:
    """Check that every number is finite: no NaN, no infinity."""
    for schema, name, cells, _ in _number_columns(context):
        if not pa.types.is_floating(cells.type):
            continue
        bad = Hits()
        for rows, some in _spans(context, schema, cells):
            finite = pc.is_finite(some)
            if not pc.all(finite, min_count=0).as_py():
                bad.add(rows, ~np.asarray(pc.fill_null(finite, True), dtype=np.bool_))
        yield from _about(context, schema, name, bad, "cells are NaN or infinite", "write the measured value")


@register(subject="values")
def values_in_range(context: Context) -> Iterable[Finding]:
    """Check that numbers keep the schema's bounds: no negative energy, degrees are degrees, anomaly_flag is 1."""
    for schema, name, cells, rules in _number_columns(context):
        if not any(_is_perhaps_outside(chunk, rules) for chunk in cells.chunks):
            continue
        floats, bad = context.floats(schema.name, name), Hits()
        for rows in context.pieces(schema.name):
            values = floats(rows)
            outside = np.zeros(len(values), dtype=np.bool_)
            if rules.minimum is not None:
                outside |= values < rules.minimum
            if rules.maximum is not None:
                outside |= values > rules.maximum
            bad.add(rows, outside)
        if bad:
            first = floats(np.array(bad.rows[:1]))[0]
            message = f"cells are out of range, the first is {first:g}; must be {_range(rules)}"
            yield from _about(context, schema, name, bad, message, "correct them")


def _is_perhaps_outside(cells: pa.Array, rules: Column) -> bool:
    extent = pc.min_max(cells).as_py()
    let_go()
    low, high = extent["min"], extent["max"]
    under = rules.minimum is not None and low is not None and not low >= rules.minimum
    over = rules.maximum is not None and high is not None and not high <= rules.maximum
    return under or over


def _range(rules: Column) -> str:
    if rules.minimum is not None and rules.minimum == rules.maximum:
        return f"{rules.minimum:g}"
    if rules.maximum is None:
        return f"at least {rules.minimum:g}"
    return f"from {rules.minimum:g} to {rules.maximum:g}" if rules.minimum is not None else f"at most {rules.maximum:g}"


@register(subject="values")
def ratings_are_positive(context: Context) -> Iterable[Finding]:
    """Check that transformers and meters have a rating above 0 kVA."""
    for table, column in (("transformers", "capacity_kVA"), ("meters", "kVA")):
        ratings, zero = context.floats(table, column), Hits()
        for rows in context.pieces(table):
            zero.add(rows, ratings(rows) == 0)
        if zero:
            cure, ids = "write the rated power in kVA", context.names(table, zero)
            yield error(f"{zero.count} ratings are 0 kVA", cure, table=table, column=column, ids=ids, count=zero.count)


@register(subject="values")
def known_values(context: Context) -> Iterable[Finding]:
    """Check that classes, risk bands and event families are among the known ones."""
    for schema, name, cells, rules in _columns(context):
        if rules.domain is None or not is_text(cells.type):
            continue
        unknown = sorted(set(pc.unique(cells).cast(pa.string()).to_pylist()) - {*rules.domain, None, ""})
        if not unknown:
            continue
        texts, bad = context.texts(schema.name, name), Hits()
        for rows in context.pieces(schema.name):
            bad.add(rows, np.asarray(pc.is_in(texts(rows), value_set=pa.array(unknown)), dtype=np.bool_))
        message = f"cells hold {unknown[0]!r}; known: {', '.join(rules.domain)}"
        yield from _about(context, schema, name, bad, message, "use a known name, in this spelling")
