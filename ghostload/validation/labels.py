"""Checks of the labels: how many, and that they agree with the events."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.columns import Rows
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, Severity, error, info
from ghostload.validation.lookup import Lookup, Texts
from ghostload.validation.pieces import Hits

RATE_TOLERANCE = 0.02
"""How far the share of labelled meters may be from the configured rate in a set that we did not make."""


@register(subject="labels", severities=(Severity.ERROR, Severity.INFO))
def anomaly_rate(context: Context) -> Iterable[Finding]:
    """Check that as many meters are labelled as the rate asks for: exactly in our sets, within 2 points in others."""
    labelled, meters = context.table("anomaly_labels").num_rows, context.num_meters
    share = labelled / max(meters, 1)
    config = context.config
    cure = "use the config that the set was made from, or make the set again"
    if config is None:
        yield info(f"{share:.2%} of the meters are labelled; without a config there is no rate to compare with")
    elif context.made_by_ghostload:
        asked = round(config.anomaly_rate * meters)
        if labelled != asked:
            message = f"{labelled} meters are labelled, must be {asked} (rate {config.anomaly_rate:g} x {meters})"
            yield error(message, cure, table="anomaly_labels")
    elif abs(share - config.anomaly_rate) > RATE_TOLERANCE:
        message = f"{share:.2%} of the meters are labelled, the config asks for {config.anomaly_rate:.2%} (±2 points)"
        yield error(message, cure, table="anomaly_labels")


@register(subject="labels")
def labels_agree_with_events(context: Context) -> Iterable[Finding]:
    """Check that the labelled meters are those with a theft event, each under the kind of its event."""
    if not context.has("anomaly_events"):
        return
    families, meters, kinds = (context.texts("anomaly_events", name) for name in ("family", "meter_id", "kind"))
    labelled, types = context.texts("anomaly_labels", "meter_id"), context.texts("anomaly_labels", "anomaly_type")

    def thieves(rows: Rows) -> pa.Array:
        return _of_thefts(families(rows), meters(rows))

    def thefts(rows: Rows) -> pa.Array:
        return _of_thefts(families(rows), _joined(meters(rows), kinds(rows)))

    events = context.table("anomaly_events").num_rows
    stealing, stolen = (Lookup(texts, events, context.scratch) for texts in (thieves, thefts))
    listed = context.lookup("anomaly_labels")
    yield from _only_in(context, thieves, listed, "anomaly_events", "theft events of meters that no label lists")
    yield from _only_in(context, labelled, stealing, "anomaly_labels", "labels of meters that have no theft event")
    wrong = Hits()
    for rows in context.pieces("anomaly_labels"):
        said = _joined(labelled(rows), types(rows))
        wrong.add(rows, (stolen.rows_of(said) < 0) & (stealing.rows_of(labelled(rows)) >= 0))
    if wrong:
        cure = "give each label the kind of its meter's theft event"
        ids, count = context.names("anomaly_labels", wrong), wrong.count
        message = f"{count} labels name another kind than the meter's theft event"
        yield error(message, cure, table="anomaly_labels", column="anomaly_type", ids=ids, count=count)


def _of_thefts(families: pa.Array, texts: pa.Array) -> pa.Array:
    """Return the texts of thefts, null for other events."""
    is_theft = np.asarray(pc.fill_null(pc.equal(families, "theft"), False), dtype=np.bool_)
    return texts.take(pa.array(np.arange(len(texts)), mask=~is_theft))


def _joined(meters: pa.Array, kinds: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(meters, kinds, "\n", null_handling="replace")


def _only_in(context: Context, here: Texts, there: Lookup, table: str, words: str) -> Iterable[Finding]:
    lost = Hits()
    for rows in context.pieces(table):
        meters = here(rows)
        lost.add(rows, (there.rows_of(meters) < 0) & np.asarray(pc.is_valid(meters)))
    if lost:
        ids = here(np.array(lost.rows)).to_pylist()
        cure = "list exactly the meters with a theft event in anomaly_labels.csv"
        yield error(f"{lost.count} {words}", cure, table=table, column="meter_id", ids=ids, count=lost.count)
