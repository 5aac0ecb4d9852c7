"""Checks of the calendar months."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ghostload.validation.checks import register
from ghostload.validation.context import Context
from ghostload.validation.finding import Finding, error


@register(subject="months")
def month_names(context: Context) -> Iterable[Finding]:
    """Check that every consumption column is named monthly_consumption_YYYYMM, after a month that there is."""
    if not context.reading_columns:
        yield error("there is no consumption column", "add columns monthly_consumption_YYYYMM", table="meters")
    bad = [name for name, number in zip(context.reading_columns, context.month_numbers, strict=True) if number is None]
    if bad:
        message = f"{len(bad)} consumption columns give no calendar month, the first is {bad[0]}"
        yield error(message, "name them monthly_consumption_YYYYMM", table="meters", ids=bad)


@register(subject="months")
def months_are_consecutive(context: Context) -> Iterable[Finding]:
    """Check that calendar months follow each other: none missing, none twice, in order of time."""
    months = [number for number in context.month_numbers if number is not None]
    if not months:
        return
    steps = np.diff(np.array(months))
    twice = sorted({number for number in months if months.count(number) > 1})
    if twice:
        ids = [_label(number) for number in twice]
        yield error(f"{len(twice)} months stand twice", "keep one column a month", table="meters", ids=ids)
    if (steps < 0).any():
        after = [_label(months[i]) for i in np.flatnonzero(steps < 0)]
        message = f"months are not in order of time: {_label(months[int(np.argmax(steps < 0)) + 1])} follows {after[0]}"
        yield error(message, "sort the consumption columns", table="meters", ids=after)
    gone = sorted(set(range(min(months), max(months) + 1)) - set(months))
    if gone:
        message = f"{len(gone)} months are missing between {_label(min(months))} and {_label(max(months))}"
        yield error(message, "add their columns", table="meters", ids=[_label(number) for number in gone])


def _label(number: int) -> str:
    """Return the month as YYYY-MM."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
