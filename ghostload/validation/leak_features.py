"""Simple features of a meter, one number each: what might give the labels away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.dataset.columns import Rows, cells_at
from ghostload.dataset.csv_table import kind_of
from ghostload.schema import METERS
from ghostload.streams import FloatArray, IntArray
from ghostload.validation.context import Context, Floats
from ghostload.validation.lookup import rows_of

LABELLED_PER_VALUE = 5
"""A column of words is tried when it has at most one value for so many labelled meters; with more, chance separates."""


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


def simple_features(context: Context, rows: Rows) -> Iterator[Feature]:
    """Yield the features of the meters in some rows.

    Parameters
    ----------
    context : Context
    rows : slice or (n,) array of int
        Rows of the meters table. Means over a class or a transformer are over all meters.
    """
    yield from _of_the_register(context, rows)
    yield from _of_the_energy(context, rows)
    yield from _of_further_columns(context, rows)


def _of_the_register(context: Context, rows: Rows) -> Iterator[Feature]:
    """Yield what a meter is and where it stands."""
    kva_of = context.floats("meters", "kVA")
    kva, classes = kva_of(rows), context.class_index[rows]
    middle = context.keep("median kVA", lambda: _class_medians(context, kva_of))
    ids = context.texts("meters", "meter_id")(rows)
    digits = pc.replace_substring_regex(ids, r"\D", "")
    number = pc.if_else(pc.match_substring_regex(digits, r"^\d{1,15}$"), digits, pa.scalar(None, pa.string()))
    columns = {
        "kVA": kva,
        "kVA over the median of its class": _over(kva, middle[classes]),
        "lat": context.floats("meters", "lat")(rows),
        "lon": context.floats("meters", "lon")(rows),
        "distance to its transformer": context.distances_m(rows),
        "row in the table": np.arange(rows.start, rows.stop, dtype=np.float64)
        if isinstance(rows, slice)
        else rows.astype(np.float64),
        "number in the id": np.asarray(number.cast(pa.float64()).to_numpy(zero_copy_only=False)),
        "customer class": classes.astype(np.float64),
        "row of its transformer": context.meter_transformer[rows].astype(np.float64),
    }
    for name, values in columns.items():
        yield Feature(name, False, values)


def _of_the_energy(context: Context, rows: Rows) -> Iterator[Feature]:
    """Yield what a meter registered, against itself, its class, its transformer and its kVA."""
    kwh = context.kwh_of(rows)
    measured = np.isfinite(kwh)
    yield Feature("empty months", False, (~measured).sum(axis=1).astype(np.float64))
    usual = context.keep("usual kwh", lambda: _usual(context))
    mean, classes, home = usual.means[rows], context.class_index[rows], context.meter_transformer[rows]
    if not measured.all():
        kwh = np.where(measured, kwh, mean[:, None])
    low, high = kwh.min(axis=1), kwh.max(axis=1)
    columns = {
        "mean": mean,
        "median": np.median(kwh, axis=1),
        "smallest month": low,
        "largest month": high,
        "smallest month over mean": _over(low, mean),
        "largest month over mean": _over(high, mean),
        "variation (CV)": _over(kwh.std(axis=1), mean),
        "zero months": (kwh == 0).sum(axis=1).astype(np.float64),
        "mean over the mean of its class": _over(mean, usual.of_class[classes]),
        "mean over the median of its class": _over(mean, usual.median_of_class[classes]),
        "mean over the mean of its transformer": _over(mean, usual.of_transformer[home]),
        "load factor": _over(mean, context.floats("meters", "kVA")(rows)),
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


def _of_further_columns(context: Context, rows: Rows) -> Iterator[Feature]:
    """Yield columns that the data contract does not know: numbers as they are, words by the share of labels."""
    for position, name in enumerate(context.table("meters").column_names):
        if kind_of(name, METERS) is None:
            values = context.keep(f"further column {position}", partial(_further, context, position))
            if values is not None:
                yield Feature(name, False, values(rows))


def _further(context: Context, position: int) -> Floats | None:
    """Return a function from rows to the numbers of a column, or to what :func:`_shares_of_words` does."""
    column = context.table("meters").column(position)

    def numbers(rows: Rows) -> FloatArray:
        found = cells_at(column, rows, pa.string()).cast(pa.float64())
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)

    try:
        for rows in context.pieces("meters"):
            numbers(rows)
    except pa.ArrowInvalid:
        return _shares_of_words(context, column)
    return numbers


def _shares_of_words(context: Context, column: pa.ChunkedArray) -> Floats | None:
    """Return a function from rows to the share of labels among the meters with the same word; None for many words."""
    listed = context.is_listed
    most = int(np.count_nonzero(listed)) // LABELLED_PER_VALUE
    words, empty = pa.array([], pa.string()), False
    for rows in context.pieces("meters"):
        some = cells_at(column, rows, pa.string())
        words = pc.unique(pa.concat_arrays([words, some.drop_null()]))
        empty = empty or some.null_count > 0
        if len(words) + empty > most:
            return None

    def codes(rows: Rows) -> IntArray:
        found = rows_of(cells_at(column, rows, pa.string()), words)
        return np.where(found < 0, len(words), found)

    means = _group_means(context, lambda rows: listed[rows].astype(np.float64), codes, len(words) + 1)
    return lambda rows: np.asarray(means[codes(rows)])


@dataclass(frozen=True)
class Usual:
    """What others register, to compare a meter with; the index -1 gives NaN.

    Attributes
    ----------
    means : (meters,) array
        Mean over each meter's months.
    of_class, median_of_class : (C + 1,) arrays
        Mean and median of these means over each customer class.
    of_transformer : (T + 1,) array
        Their mean over the meters of each transformer.
    """

    means: FloatArray
    of_class: FloatArray
    median_of_class: FloatArray
    of_transformer: FloatArray


def _usual(context: Context) -> Usual:
    means: FloatArray = context.filled("meters", lambda rows: _row_means(context.kwh_of(rows)), np.float64)
    home, classes = context.meter_transformer, context.class_index

    def mean_of(rows: Rows) -> FloatArray:
        return means[rows]

    return Usual(
        means,
        _group_means(context, mean_of, lambda rows: classes[rows], len(CUSTOMER_CLASSES)),
        _class_medians(context, mean_of),
        _group_means(context, mean_of, lambda rows: home[rows], context.num_transformers),
    )


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


def _group_means(context: Context, values: Floats, groups: Callable[[Rows], IntArray], count: int) -> FloatArray:
    """Return the mean of each group of meters over its known values, and NaN at the end, where the index -1 points."""
    size, total = np.zeros(count, dtype=np.int64), np.zeros(count)
    for rows in context.pieces("meters"):
        some, group = values(rows), groups(rows)
        known = (group >= 0) & np.isfinite(some)
        size += np.bincount(group[known], minlength=count)
        np.add.at(total, group[known], some[known])
    return np.append(total / np.where(size, size, np.nan), np.nan)


def _class_medians(context: Context, values: Floats) -> FloatArray:
    """Return the median of each customer class, and NaN at the end, where the index -1 points."""
    classes, sizes = context.class_index, np.zeros(len(CUSTOMER_CLASSES) + 1, dtype=np.int64)
    for rows in context.pieces("meters"):
        sizes += np.bincount(_finite_class(values(rows), classes[rows]) + 1, minlength=len(sizes))
    members = [context.scratch.zeros(size) for size in sizes[1:].tolist()]
    filled = [0] * len(members)
    for rows in context.pieces("meters"):
        some = values(rows)
        index = _finite_class(some, classes[rows])
        for number, chosen in enumerate(members):
            mine = some[index == number]
            chosen[filled[number] : filled[number] + len(mine)] = mine
            filled[number] += len(mine)
    return np.array([*(np.median(some, overwrite_input=True) if len(some) else np.nan for some in members), np.nan])


def _finite_class(values: FloatArray, index: IntArray) -> IntArray:
    """Return the class of each value, -1 for one that is not finite."""
    return np.where(np.isfinite(values), index, -1)
