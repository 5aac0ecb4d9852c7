"""Anybody's scores, read from a file of ``meter_id, score``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ghostload.errors import DataError, MissingError, did_you_mean
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

COLUMNS = ("meter_id", "score")


def read_scores(path: Path, dataset: Dataset) -> FloatArray:
    """Read a CSV file of scores, the higher the more suspicious; further columns are not looked at.

    Parameters
    ----------
    path : Path
        UTF-8 text with a header. Every meter of the data set stands in it once, in any order.
    dataset : Dataset

    Returns
    -------
    (N,) array in the order of the data set's meters.

    Raises
    ------
    DataError
        A column is missing; a score is no finite number; a meter is unknown, named twice, or missing. Rows are counted
        as lines of the file, the header being line 1, empty lines left out.
    """
    table = _read(path)
    for column in COLUMNS:
        if column not in table.column_names:
            raise DataError(f"{path}: has no column {column!r}{did_you_mean(column, table.column_names)}")
        if table.column_names.count(column) > 1:
            raise DataError(f"{path}: has the column {column!r} more than once; leave one")
    ids = table["meter_id"].combine_chunks()
    scores = _numbers(path, table["score"].combine_chunks())
    known = dataset.tables["meters"]["meter_id"].cast(pa.string()).combine_chunks()
    rows = pc.index_in(ids, value_set=known)
    if rows.null_count:
        line = _first(pc.is_null(rows))
        raise DataError(f"{path}: line {line + 2}: meter_id {ids[line].as_py()!r} is not in the data set")
    _refuse_twice(path, ids, np.asarray(rows), len(known))
    result = np.full(len(known), np.nan)
    result[np.asarray(rows)] = scores
    missing = np.flatnonzero(np.isnan(result))
    if len(missing):
        raise DataError(
            f"{path}: meter_id: {len(missing)} of {len(known)} meters have no score "
            f"(first: {known[int(missing[0])].as_py()}); give every meter one"
        )
    return result


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise MissingError(f"{path}: is not there; give a CSV file with the columns meter_id,score")
    text = pa.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False)
    try:
        return pa.csv.read_csv(path, convert_options=text)
    except (pa.ArrowInvalid, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as CSV ({reason}); needs a header and meter_id,score") from None


def _numbers(path: Path, column: pa.StringArray) -> FloatArray:
    """Turn text to finite numbers, or name the first line that is none."""
    trimmed = pc.utf8_trim_whitespace(column)
    # Arrow's parser refuses a whole column without naming the row, so the rows it would refuse are found first.
    number = pc.match_substring_regex(trimmed, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    if not pc.all(number).as_py():
        line = _first(pc.invert(number))
        raise DataError(f"{path}: line {line + 2}: score is {column[line].as_py()!r}, must be a finite number")
    values = np.asarray(pc.cast(pc.replace_substring_regex(trimmed, r"^\+", ""), pa.float64()), dtype=np.float64)
    if not np.isfinite(values).all():
        line = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"{path}: line {line + 2}: score is {column[line].as_py()!r}, too large for a number")
    return values


def _refuse_twice(path: Path, ids: pa.StringArray, rows: np.ndarray, num_meters: int) -> None:
    counts = np.bincount(rows, minlength=num_meters)
    twice = np.flatnonzero(counts[rows] > 1)
    if len(twice):
        first = int(twice[0])
        again = int(np.flatnonzero(rows == rows[first])[1])
        raise DataError(
            f"{path}: line {again + 2}: meter_id {ids[again].as_py()!r} stands there twice, first in line {first + 2}"
        )


def _first(mask: pa.BooleanArray) -> int:
    return int(np.flatnonzero(np.asarray(mask))[0])
