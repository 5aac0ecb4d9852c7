"""Checks of ids and of what refers to what."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.schema import TABLES
from ghostload.validation.checks import register
from ghostload.validation.context import Context, rows_of
from ghostload.validation.finding import Finding, Severity, error, warning

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
    for schema, _ in context.schemas():
        keys = context.keys(schema.name)
        for column in schema.also_key:
            keys = pc.binary_join_element_wise(keys, context.text(schema.name, column), " ")
        repeated = _repeated(keys.drop_null())
        if len(repeated):
            message = f"{len(repeated)} ids stand more than once"
            cure = "give every row an id of its own, or take the repeated rows away"
            ids = repeated.slice(0, 50).to_pylist()
            yield error(message, cure, table=schema.name, column=schema.primary_key, ids=ids, count=len(repeated))


def _repeated(keys: pa.Array) -> pa.Array:
    """Return what stands more than once; those with the same last character at a time, since counting takes memory."""
    last = pc.utf8_slice_codeunits(keys, -1)
    parts = [pa.array([], keys.type)]
    for character in pc.unique(last):
        counts = pc.value_counts(keys.filter(pc.equal(last, character)))
        parts.append(counts.filter(pc.greater(counts.field("counts"), 1)).field("values"))
    return pa.concat_arrays(parts)


@register(subject="keys", severities=(Severity.WARNING,))
def id_format(context: Context) -> Iterable[Finding]:
    """Check that ids are written TX_0001, FD_01, MTR_000001, EV_000001, wider where the count needs it."""
    for schema, table in context.schemas():
        for column, (example, pattern) in ID_FORMATS.items():
            if column not in table.column_names:
                continue
            values = context.text(schema.name, column)
            matches = pc.fill_null(pc.match_substring_regex(values, pattern), True)
            bad = ~np.asarray(matches, dtype=np.bool_)
            if bad.any():
                first = str(values[int(np.argmax(bad))].as_py())
                message = f"{int(bad.sum())} ids are not written like {example}, the first is {first[:40]!r}"
                yield warning(
                    message,
                    f"write them like {example}, in every table",
                    table=schema.name,
                    column=column,
                    ids=context.names(schema.name, bad),
                    count=int(bad.sum()),
                )


def _unknown(context: Context, table: str, column: str, target: str) -> Iterable[Finding]:
    """Find cells that refer to a row that is not there."""
    values = context.text(table, column)
    lost = (rows_of(values, context.keys(target)) < 0) & np.asarray(pc.is_valid(values))
    if lost.any():
        unknown = pc.unique(values.filter(pa.array(lost)))
        several = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        message = f"{int(lost.sum())} rows refer to {target} that are not there: {unknown[0].as_py()!r}{several}"
        cure = f"add the rows to {TABLES[target].file}, or correct the ids"
        ids = context.names(table, lost)
        yield error(message, cure, table=table, column=column, ids=ids, count=int(lost.sum()))


@register(subject="keys")
def meters_have_a_transformer(context: Context) -> Iterable[Finding]:
    """Check that the transformer of every meter is in the transformers table."""
    yield from _unknown(context, "meters", "transformer_id", "transformers")


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
