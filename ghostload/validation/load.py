"""Checks of classes, ratings and load."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.streams import FloatArray, IntArray
from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, Severity, error, info, warning
from ghostload.validation.pieces import Hits

PREFERRED_RATINGS_KVA = (
    5,
    16,
    20,
    30,
    40,
    45,
    63,
    112.5,
    125,
    160,
    225,
    315,
    400,
    630,
    800,
    1250,
    1500,
    1600,
    2000,
    2500,
)
"""Further ratings that are made, beyond those that the generator installs: IEEE C57.12.00 and the R10 series of IEC."""
CYCLIC_LIMIT = 1.5
"""Load over rating that a distribution transformer may see in normal cyclic use (IEC 60076-7, limits of current)."""
EMERGENCY_LIMIT = 2.0
"""Load over rating that it may see for a short time in an emergency (same place); more is not believable."""
USUAL_LOADING = (0.30, 1.10)
LEAST_USUAL_SHARE = 0.5
FEWEST_TRANSFORMERS = 10
"""With fewer, a share of them says nothing."""
CUSTOMERS_ABOVE_RATING = 0.01
SLACK = 0.002
"""What a share may differ besides chance: rounding of the counts."""
CATCH_UP_SHARE = 0.05
"""Share of meters that may have a month above what their kVA can draw; catch-up bills are rarer than that."""
STALE_SHARE = 0.005
"""Share of meters whose kVA may be too small for their energy: a register of customers holds some stale ratings."""
FEWEST_MONTHS = 3
"""With fewer months a catch-up bill may be most of them."""


@register(subject="load", severities=(Severity.ERROR, Severity.INFO))
def class_shares(context: Context) -> Iterable[Finding]:
    """Check that shares of the customer classes are the configured ones, within four standard errors of chance."""
    classes, count = context.class_index, context.num_meters
    members = np.zeros(len(CUSTOMER_CLASSES) + 1, dtype=np.int64)
    for rows in context.pieces("meters"):
        members += np.bincount(classes[rows] + 1, minlength=len(members))
    shares = members[1:] / max(count, 1)
    if context.config is None:
        text = ", ".join(f"{name} {share:.1%}" for name, share in zip(CUSTOMER_CLASSES, shares, strict=True))
        yield info(
            f"without a config there is nothing to compare with: {text}", table="meters", column="customer_class"
        )
        return
    for name, share in zip(CUSTOMER_CLASSES, shares.tolist(), strict=True):
        asked = context.config.customer_classes.get(name, 0.0)
        allowed = 4.0 * np.sqrt(asked * (1.0 - asked) / max(count, 1)) + SLACK * (asked > 0)
        if abs(share - asked) > allowed:
            message = f"{name}: {share:.2%} of the meters, the config asks for {asked:.2%} (chance: ±{allowed:.2%})"
            cure = "use the config that the set was made from, or make the set again"
            yield error(message, cure, table="meters", column="customer_class", ids=[name])


@register(subject="load", severities=(Severity.WARNING,))
def standard_ratings(context: Context) -> Iterable[Finding]:
    """Check that the capacity of a transformer is a rating that is made."""
    from ghostload.territory.capacity import STANDARD_RATINGS_KVA

    capacity = context.numbers("transformers", "capacity_kVA")
    odd = np.isfinite(capacity) & ~np.isin(capacity, [*STANDARD_RATINGS_KVA, *PREFERRED_RATINGS_KVA])
    if odd.any():
        count = int(odd.sum())
        message = f"{count} capacities are no standard rating, the first is {capacity[int(np.argmax(odd))]:g} kVA"
        cure = f"use one of {', '.join(f'{rating:g}' for rating in STANDARD_RATINGS_KVA)} kVA"
        ids = context.names("transformers", odd)
        yield warning(message, cure, table="transformers", column="capacity_kVA", ids=ids, count=count)


def _loading(context: Context) -> FloatArray:
    """Return the diversified peak over the rating of each transformer; NaN where it is not known."""
    from ghostload.territory.capacity import diversified_peak_kva

    kva_of, home, classes = context.floats("meters", "kVA"), context.meter_transformer, context.class_index
    columns, size = [context.scratch.zeros(len(home), kind) for kind in (np.float64, np.int64, np.int64)], 0
    for rows in context.pieces("meters"):
        kva, at, index = kva_of(rows), home[rows], classes[rows]
        known = (at >= 0) & (index >= 0) & np.isfinite(kva) & (kva >= 0)
        count = int(np.count_nonzero(known))
        for column, values in zip(columns, (kva, index, at), strict=True):
            column[size : size + count] = values[known]
        size += count
    kva, index, at = (column[:size] for column in columns)
    peak = diversified_peak_kva(kva, index, at, context.num_transformers)
    capacity = context.numbers("transformers", "capacity_kVA")
    return np.where(capacity > 0, peak / np.where(capacity > 0, capacity, 1.0), np.nan)


@register(subject="load", severities=(Severity.ERROR, Severity.WARNING))
def transformer_loading(context: Context) -> Iterable[Finding]:
    """Check that ratings fit the diversified peak: most transformers load to 30-110 %, none past 200 %."""
    loading = context.keep("loading", lambda: _loading(context))
    cure = "use more or larger transformers for these meters (num_transformers, transformer_capacity_range)"
    grades = (
        (error, loading > EMERGENCY_LIMIT, "more than 200 % of their rating, which none withstands"),
        (warning, (loading > CYCLIC_LIMIT) & (loading <= EMERGENCY_LIMIT), "150 to 200 % of their rating"),
    )
    for grade, mask, words in grades:
        if mask.any():
            count = int(mask.sum())
            message = f"{count} transformers peak at {words}; the highest is {np.nanmax(loading):.0%}"
            ids = context.names("transformers", mask)
            yield grade(message, cure, table="transformers", column="capacity_kVA", ids=ids, count=count)
    known = loading[np.isfinite(loading)]
    usual = (known >= USUAL_LOADING[0]) & (known <= USUAL_LOADING[1])
    if len(known) >= FEWEST_TRANSFORMERS and usual.mean() < LEAST_USUAL_SHARE:
        middle = float(np.median(known))
        message = (
            f"only {usual.mean():.0%} of the transformers peak at 30 to 110 % of their rating; median {middle:.0%}"
        )
        cure = "change num_transformers or transformer_capacity_range so that ratings fit the load"
        yield warning(message, cure, table="transformers", column="capacity_kVA")


@register(subject="load", severities=(Severity.ERROR, Severity.WARNING))
def meter_rating_fits_transformer(context: Context) -> Iterable[Finding]:
    """Check that no meter alone peaks above the rating of its transformer."""
    home = context.meter_transformer
    if not context.num_transformers:
        return
    ratings, kva = context.numbers("transformers", "capacity_kVA"), context.floats("meters", "kVA")
    above, worst = Hits(), np.nan
    for rows in context.pieces("meters"):
        capacity = np.where(home[rows] >= 0, ratings[home[rows]], np.nan)
        ratio = kva(rows) / np.where(capacity > 0, capacity, np.nan)
        above.add(rows, ratio > 1.0)
        worst = np.fmax.reduce(ratio, initial=worst)
    if not above:
        return
    count, share = above.count, above.count / context.num_meters
    message = f"{count} meters ({share:.1%}) have more kVA than their transformer, up to {worst:.2f} times as much"
    grade = error if worst > CYCLIC_LIMIT or share > CUSTOMERS_ABOVE_RATING else warning
    cure = "give these customers a larger transformer, or correct their kVA"
    yield grade(message, cure, table="meters", column="kVA", ids=context.names("meters", above), count=count)


@register(subject="load", severities=tuple(Severity))
def load_factor(context: Context) -> Iterable[Finding]:
    """Check that a meter's kVA can draw its energy: kWh of a month is at most kVA times its hours.

    A single month may exceed that, when a bill settles months that were estimated before.
    """
    kva, hours = context.floats("meters", "kVA"), _hours(context.known_months)
    some, often, rarely = Hits(), Hits(), Hits()
    for rows in context.pieces("meters"):
        above = (context.kwh_of(rows) > kva(rows)[:, None] * hours).sum(axis=1)
        frequent = (above > len(hours) / 2) & (len(hours) >= FEWEST_MONTHS)
        some.add(rows, above > 0)
        often.add(rows, frequent)
        rarely.add(rows, (above > 0) & ~frequent)
    meters = context.num_meters
    if meters and some.count / meters > CATCH_UP_SHARE:
        often, rarely = some, Hits()
    cure = "correct their kVA or their energy; kWh of a month is at most kVA x hours of the month"
    if often:
        count, ids = often.count, context.names("meters", often)
        message = f"{count} meters register more than their kVA can draw"
        grade = error if count > STALE_SHARE * meters else warning
        yield grade(message, cure, table="meters", column="kVA", ids=ids, count=count)
    if rarely:
        count, ids = rarely.count, context.names("meters", rarely)
        message = f"{count} meters register more than their kVA can draw in a single month, as catch-up bills do"
        yield info(message, table="meters", column="kVA", ids=ids, count=count)


def _hours(months: IntArray) -> FloatArray:
    """Return the hours of calendar months, given as year * 12 + month - 1."""
    first = np.column_stack([months, months + 1]) - 1970 * 12
    days = np.diff(first.astype("datetime64[M]").astype("datetime64[D]"), axis=1)[:, 0]
    return np.asarray(days.astype(np.float64) * 24.0)
