"""Checks of single cells: there, finite, in range, of a known value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.csv_table import fits_kind, is_text, kind_of
from ghostload.schema import Column, TableSchema, month_column
from ghostload.streams import BoolArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, error

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


def _about(context: Context, schema: TableSchema, name: str, bad: BoolArray, message: str, cure: str) -> Finding:
    count = int(bad.sum())
    ids = context.names(schema.name, bad)
    return error(f"{count} {message}", cure, table=schema.name, column=name, ids=ids, count=count)


@register(subject="values")
def no_empty_cells(context: Context) -> Iterable[Finding]:
    """Check that no cell is empty, except the end of an event that goes on."""
    for schema, name, cells, rules in _columns(context):
        if rules.nullable:
            continue
        empty = cells.null_count > 0
        if is_text(cells.type):
            blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(cells.cast(pa.string())), ""), True)
            empty = bool(pc.any(blank).as_py())
        if empty:
            bad = np.asarray(blank if is_text(cells.type) else pc.is_null(cells), dtype=np.bool_)
            yield _about(context, schema, name, bad, "cells are empty", "fill them, or take the rows away")


@register(subject="values")
def finite_values(context: Context) -> Iterable[Finding]:
    """Check that every number is finite: no NaN, no infinity."""
    for schema, name, cells, _ in _number_columns(context):
        if not pa.types.is_floating(cells.type):
            continue
        finite = pc.is_finite(cells)
        if not pc.all(finite, min_count=0).as_py():
            bad = ~np.asarray(pc.fill_null(finite, True), dtype=np.bool_)
            yield _about(context, schema, name, bad, "cells are NaN or infinite", "write the measured value")


@register(subject="values")
def values_in_range(context: Context) -> Iterable[Finding]:
    """Check that numbers keep the schema's bounds: no negative energy, degrees are degrees, anomaly_flag is 1."""
    for schema, name, cells, rules in _number_columns(context):
        least = pc.min_max(cells)
        low, high = least["min"].as_py(), least["max"].as_py()
        under = rules.minimum is not None and low is not None and not low >= rules.minimum
        over = rules.maximum is not None and high is not None and not high <= rules.maximum
        if not (under or over):
            continue
        values = context.numbers(schema.name, name)
        bad = np.zeros(len(values), dtype=np.bool_)
        if rules.minimum is not None:
            bad |= values < rules.minimum
        if rules.maximum is not None:
            bad |= values > rules.maximum
        if bad.any():
            first = values[int(np.argmax(bad))]
            message = f"cells are out of range, the first is {first:g}; must be {_range(rules)}"
            yield _about(context, schema, name, bad, message, "correct them")


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
        zero = context.numbers(table, column) == 0
        if zero.any():
            count, ids = int(zero.sum()), context.names(table, zero)
            cure = "write the rated power in kVA"
            yield error(f"{count} ratings are 0 kVA", cure, table=table, column=column, ids=ids, count=count)


@register(subject="values")
def known_values(context: Context) -> Iterable[Finding]:
    """Check that classes, risk bands and event families are among the known ones."""
    for schema, name, cells, rules in _columns(context):
        if rules.domain is None or not is_text(cells.type):
            continue
        unknown = set(pc.unique(cells).cast(pa.string()).to_pylist()) - {*rules.domain, None, ""}
        if not unknown:
            continue
        bad = np.asarray(pc.is_in(context.text(schema.name, name), value_set=pa.array(sorted(unknown))))
        message = f"cells hold {sorted(unknown)[0]!r}; known: {', '.join(rules.domain)}"
        yield _about(context, schema, name, bad, message, "use a known name, in this spelling")
