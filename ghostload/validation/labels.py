"""Checks of the labels: how many, and that they agree with the events."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.validation.checks import register
from ghostload.validation.context import Context, rows_of
from ghostload.validation.finding import Finding, Severity, error, info

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
    is_theft = pc.fill_null(pc.equal(context.text("anomaly_events", "family"), "theft"), False)
    thieves = context.text("anomaly_events", "meter_id").filter(is_theft)
    kinds = context.text("anomaly_events", "kind").filter(is_theft)
    labelled, types = context.text("anomaly_labels", "meter_id"), context.text("anomaly_labels", "anomaly_type")
    yield from _only_in(thieves, labelled, "anomaly_events", "theft events of meters that no label lists")
    yield from _only_in(labelled, thieves, "anomaly_labels", "labels of meters that have no theft event")
    pairs = pc.binary_join_element_wise(thieves, kinds, "\n", null_handling="replace")
    said = pc.binary_join_element_wise(labelled, types, "\n", null_handling="replace")
    wrong = (rows_of(said, pairs) < 0) & (rows_of(labelled, thieves) >= 0)
    if wrong.any():
        cure = "give each label the kind of its meter's theft event"
        ids, count = context.names("anomaly_labels", wrong), int(wrong.sum())
        message = f"{count} labels name another kind than the meter's theft event"
        yield error(message, cure, table="anomaly_labels", column="anomaly_type", ids=ids, count=count)


def _only_in(here: pa.Array, there: pa.Array, table: str, words: str) -> Iterable[Finding]:
    lost = (rows_of(here, there) < 0) & np.asarray(pc.is_valid(here))
    if lost.any():
        ids = here.filter(pa.array(lost)).slice(0, 50).to_pylist()
        cure = "list exactly the meters with a theft event in anomaly_labels.csv"
        count = int(lost.sum())
        yield error(f"{count} {words}", cure, table=table, column="meter_id", ids=ids, count=count)
