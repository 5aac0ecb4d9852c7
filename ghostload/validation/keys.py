"""Checks of ids and of what refers to what."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.columns import Rows
from ghostload.schema import TABLES, TableSchema
from ghostload.streams import IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import MAX_IDS, Finding, Severity, error, warning
from ghostload.validation.lookup import Lookup, Texts, rows_of
from ghostload.validation.pieces import Hits, pieces

ID_FORMATS = {
    "transformer_id": ("TX_0001", r"^TX_(\d{4}|[1-9]\d{4,})$"),
    "feeder_id": ("FD_01", r"^FD_(\d{2}|[1-9]\d{2,})$"),
    "meter_id": ("MTR_000001", r"^MTR_(\d{6}|[1-9]\d{6,})$"),
    "event_id": ("EV_000001", r"^EV_(\d{6}|[1-9]\d{6,})$"),
}
"""For each id column an example and the pattern: padded to a width, wider where the count needs it."""


@register(subject="keys")
def unique_ids(context: Context) -> Iterable[Finding]:
    """Check that an id stands once: transformers, meters, labelled meters, events; balances once a month."""
    for schema, table in context.schemas():
        keys = _keys(context, schema)
        lookup = Lookup(keys, table.num_rows, context.scratch) if schema.also_key else context.lookup(schema.name)
        repeated = _repeated(keys(lookup.perhaps_twice()), keys, table.num_rows)
        if len(repeated):
            message = f"{len(repeated)} ids stand more than once"
            cure = "give every row an id of its own, or take the repeated rows away"
            ids = repeated.slice(0, MAX_IDS).to_pylist()
            yield error(message, cure, table=schema.name, column=schema.primary_key, ids=ids, count=len(repeated))


def _keys(context: Context, schema: TableSchema) -> Texts:
    """Return a function from rows to keys; those of several columns are joined by a blank."""
    first, *others = (context.texts(schema.name, name) for name in (schema.primary_key, *schema.also_key))

    def joined(rows: Rows) -> pa.Array:
        keys = first(rows)
        for other in others:
            keys = pc.binary_join_element_wise(keys, other(rows), " ")
        return keys

    return joined


def _repeated(perhaps: pa.Array, keys: Texts, count: int) -> pa.Array:
    """Return what stands more than once, in the order in which the last characters of all keys come.

    Parameters
    ----------
    perhaps : (n,) array of string
        All keys that may stand twice.
    keys : callable (rows) -> (n,) array of string
        All keys.
    count : int
        How many they are.
    """
    counts = pc.value_counts(perhaps)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if not len(repeated):
        return repeated
    ends = pa.array([], pa.string())
    for rows in pieces(count):
        ends = pc.unique(pa.concat_arrays([ends, pc.utf8_slice_codeunits(keys(rows).drop_null(), -1)]))
    order = np.argsort(rows_of(pc.utf8_slice_codeunits(repeated, -1), ends), kind="stable")
    return repeated.take(pa.array(order))


@register(subject="keys", severities=(Severity.WARNING,))
def id_format(context: Context) -> Iterable[Finding]:
    """Check that ids are written TX_0001, FD_01, MTR_000001, EV_000001, wider where the count needs it."""
    for schema, table in context.schemas():
        for column, (example, pattern) in ID_FORMATS.items():
            if column not in table.column_names:
                continue
            values, bad = context.texts(schema.name, column), Hits()
            for rows in context.pieces(schema.name):
                matches = pc.fill_null(pc.match_substring_regex(values(rows), pattern), True)
                bad.add(rows, ~np.asarray(matches, dtype=np.bool_))
            if bad:
                first = str(values(np.array(bad.rows[:1]))[0].as_py())
                message = f"{bad.count} ids are not written like {example}, the first is {first[:40]!r}"
                cure = f"write them like {example}, in every table"
                ids = context.names(schema.name, bad)
                yield warning(message, cure, table=schema.name, column=column, ids=ids, count=bad.count)


def _unknown(
    context: Context, table: str, column: str, target: str, found: IntArray | None = None
) -> Iterable[Finding]:
    """Find cells that refer to a row that is not there; where the rows are known already, ``found`` has them."""
    values, keys = context.texts(table, column), context.lookup(target)
    bad, unknown = Hits(), pa.array([], pa.string())
    for rows in context.pieces(table):
        cells = values(rows)
        lost = ((keys.rows_of(cells) if found is None else found[rows]) < 0) & np.asarray(pc.is_valid(cells))
        bad.add(rows, lost)
        if lost.any():
            unknown = pc.unique(pa.concat_arrays([unknown, cells.filter(pa.array(lost))]))
    if bad:
        several = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        message = f"{bad.count} rows refer to {target} that are not there: {unknown[0].as_py()!r}{several}"
        cure = f"add the rows to {TABLES[target].file}, or correct the ids"
        ids = context.names(table, bad)
        yield error(message, cure, table=table, column=column, ids=ids, count=bad.count)


@register(subject="keys")
def meters_have_a_transformer(context: Context) -> Iterable[Finding]:
    """Check that the transformer of every meter is in the transformers table."""
    yield from _unknown(context, "meters", "transformer_id", "transformers", context.meter_transformer)


@register(subject="keys")
def transformers_have_meters(context: Context) -> Iterable[Finding]:
    """Check that every transformer serves at least one meter."""
    idle = context.meters_per_transformer == 0
    if idle.any():
        message = f"{int(idle.sum())} transformers serve no meter"
        cure = "give them meters, or take them away"
        ids = context.names("transformers", idle)
        yield error(message, cure, table="transformers", column="transformer_id", ids=ids, count=int(idle.sum()))


@register(subject="keys")
def labels_point_at_meters(context: Context) -> Iterable[Finding]:
    """Check that every labelled meter is in the meters table."""
    yield from _unknown(context, "anomaly_labels", "meter_id", "meters")


@register(subject="keys")
def events_point_at_meters(context: Context) -> Iterable[Finding]:
    """Check that the meter of every event is in the meters table."""
    if context.has("anomaly_events"):
        yield from _unknown(context, "anomaly_events", "meter_id", "meters")
