"""Simple features of a meter, one number each: what might give the labels away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.dataset.csv_table import kind_of
from ghostload.schema import METERS
from ghostload.streams import FloatArray, IntArray
from ghostload.validation.context import Context

LABELLED_PER_VALUE = 5
"""A column of words is tried when it has at most one value for so many labelled meters; with more, chance separates."""

_BLOCK = 1 << 16
"""Meters that are looked at at once."""


@dataclass(frozen=True)
class Feature:
    """One number for each of some meters.

    Attributes
    ----------
    name : str
    about_energy : bool
        Whether it says how a meter behaves, and not merely which one it is.
    values : (n,) array
        NaN where it is not known.
    """

    name: str
    about_energy: bool
    values: FloatArray


def simple_features(context: Context, rows: IntArray) -> Iterator[Feature]:
    """Yield the features of the meters in some rows.

    Parameters
    ----------
    context : Context
    rows : (n,) array of int
        Rows of the meters table. Means over a class or a transformer are over all meters.
    """
    yield from _of_the_register(context, rows)
    yield from _of_the_energy(context, rows)
    yield from _of_further_columns(context, rows)


def _of_the_register(context: Context, rows: IntArray) -> Iterator[Feature]:
    """Yield what a meter is and where it stands."""
    kva = context.numbers("meters", "kVA")
    middle = _class_medians(kva, context.class_index)[context.class_index[rows]]
    ids = context.keys("meters").take(pa.array(rows))
    digits = pc.replace_substring_regex(ids, r"\D", "")
    number = pc.if_else(pc.match_substring_regex(digits, r"^\d{1,15}$"), digits, pa.scalar(None, pa.string()))
    columns = {
        "kVA": kva[rows],
        "kVA over the median of its class": _over(kva[rows], middle),
        "lat": context.numbers("meters", "lat")[rows],
        "lon": context.numbers("meters", "lon")[rows],
        "distance to its transformer": context.meter_distance_m[rows],
        "row in the table": rows.astype(np.float64),
        "number in the id": np.asarray(number.cast(pa.float64()).to_numpy(zero_copy_only=False)),
        "customer class": context.class_index[rows].astype(np.float64),
        "row of its transformer": context.meter_transformer[rows].astype(np.float64),
    }
    for name, values in columns.items():
        yield Feature(name, False, values)


def _of_the_energy(context: Context, rows: IntArray) -> Iterator[Feature]:
    """Yield what a meter registered, against itself, its class, its transformer and its kVA."""
    kwh = context.kwh_of(rows)
    measured = np.isfinite(kwh)
    yield Feature("empty months", False, (~measured).sum(axis=1).astype(np.float64))
    means = context.keep("mean kwh", lambda: _all_means(context))
    mean = means[rows]
    if not measured.all():
        kwh = np.where(measured, kwh, mean[:, None])
    low, high = kwh.min(axis=1), kwh.max(axis=1)
    classes, transformers = context.class_index, context.meter_transformer
    columns = {
        "mean": mean,
        "median": np.median(kwh, axis=1),
        "smallest month": low,
        "largest month": high,
        "smallest month over mean": _over(low, mean),
        "largest month over mean": _over(high, mean),
        "variation (CV)": _over(kwh.std(axis=1), mean),
        "zero months": (kwh == 0).sum(axis=1).astype(np.float64),
        "mean over the mean of its class": _over(mean, _group_means(means, classes)[classes[rows]]),
        "mean over the median of its class": _over(mean, _class_medians(means, classes)[classes[rows]]),
        "mean over the mean of its transformer": _over(mean, _group_means(means, transformers)[transformers[rows]]),
        "load factor": _over(mean, context.numbers("meters", "kVA")[rows]),
        "digits after the decimal point": abs(kwh * 10 - np.rint(kwh * 10)).max(axis=1),
    }
    if kwh.shape[1] > 1:
        quarter = max(1, kwh.shape[1] // 4)
        first, last = kwh[:, :quarter].mean(axis=1), kwh[:, -quarter:].mean(axis=1)
        columns["last month over first"] = _over(kwh[:, -1], kwh[:, 0])
        columns["last quarter over first"] = _over(last, first)
        columns["largest fall from a month to the next"] = _over(np.diff(kwh, axis=1).min(axis=1), mean)
    for name, values in columns.items():
        yield Feature(name, name != "digits after the decimal point", values)


def _of_further_columns(context: Context, rows: IntArray) -> Iterator[Feature]:
    """Yield columns that the data contract does not know: numbers as they are, words by the share of labels."""
    table = context.table("meters")
    listed = context.is_listed.astype(np.float64)
    for position, name in enumerate(table.column_names):
        if kind_of(name, METERS) is not None:
            continue
        words = table.column(position).cast(pa.string()).combine_chunks()
        try:
            yield Feature(name, False, np.asarray(words.cast(pa.float64()).to_numpy(zero_copy_only=False))[rows])
        except pa.ArrowInvalid:
            encoded = words.dictionary_encode()
            code = np.asarray(pc.fill_null(encoded.indices, len(encoded.dictionary)), dtype=np.int64)
            if (code.max() + 1) * LABELLED_PER_VALUE <= listed.sum():
                yield Feature(name, False, _group_means(listed, code)[code[rows]])


def _all_means(context: Context) -> FloatArray:
    """Return the mean of each meter's months, a block of meters at a time."""
    starts = range(0, max(1, context.num_meters), _BLOCK)
    return np.concatenate([_row_means(context.kwh_of(slice(start, start + _BLOCK))) for start in starts])


def _row_means(kwh: FloatArray) -> FloatArray:
    """Return the mean of the finite cells of each row, NaN where there is none."""
    measured = np.isfinite(kwh)
    if measured.all():
        return np.asarray(kwh.mean(axis=1))
    count = measured.sum(axis=1)
    return np.asarray(np.where(measured, kwh, 0.0).sum(axis=1) / np.where(count, count, np.nan))


def _over(values: FloatArray, reference: FloatArray) -> FloatArray:
    """Divide; nothing over nothing is 1, as a customer who draws nothing is as usual as ever."""
    ratio = np.divide(values, reference, out=np.ones_like(values), where=reference != 0)
    return np.where((reference == 0) & (values != 0), np.copysign(np.inf, values), ratio)


def _group_means(values: FloatArray, group: IntArray) -> FloatArray:
    """Return the mean of each group over its known values, and NaN at the end, where the index -1 points."""
    known = (group >= 0) & np.isfinite(values)
    count = int(group.max(initial=-1)) + 1
    size = np.bincount(group[known], minlength=count)
    total = np.bincount(group[known], weights=values[known], minlength=count)
    return np.append(total / np.where(size, size, np.nan), np.nan)


def _class_medians(values: FloatArray, index: IntArray) -> FloatArray:
    """Return the median of each customer class, and NaN at the end, where the index -1 points."""
    middle = np.full(len(CUSTOMER_CLASSES) + 1, np.nan)
    for number in range(len(CUSTOMER_CLASSES)):
        members = values[(index == number) & np.isfinite(values)]
        if len(members):
            middle[number] = np.median(members)
    return middle
