"""Readings in time as CSV."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from ghostload.dataset.dataset import Dataset
from ghostload.errors import UsageError
from ghostload.export.formats.intervals import FeederFile, Intervals, Progress, Wanted, Watch, iso_text
from ghostload.export.formats.place import new_file, new_folder
from ghostload.schema_in_time import PARTITIONED


def export_csv(
    dataset: Dataset,
    target: Path,
    *,
    wanted: Wanted | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write readings in time as CSV: those of the meters into one file, or all tables feeder by feeder.

    Parameters
    ----------
    dataset : Dataset
        Read from a folder.
    target : Path
        ``NAME.csv`` for one file with the readings of meters; any other name for a folder with ``readings/FD_01.csv``,
        ``readings_transformers/FD_01.csv`` and so on. A feeder without a wanted reading has no file.
    wanted : Wanted, optional
        Truth needs a folder: it never stands in a file of readings.
    force : bool
        Whether an earlier export may be replaced.
    progress : callable (stage, done, total), optional
        In rows of the data set.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    DataError
        The data set has no readings in time.
    UsageError
        A meter is not there, a time is no time, or truth was wanted in one file.
    OutputError
        It cannot or may not be written; what was there is untouched.
    """
    chosen = wanted or Wanted()
    intervals = Intervals(dataset, chosen)
    if target.suffix.lower() == ".csv":
        if chosen.truth:
            raise UsageError(f"-o {target}: truth never stands in a file of readings; give a folder with --truth")
        files = intervals.files(PARTITIONED["readings"]) if intervals.tables else ()
        watch = Watch(progress, sum(file.rows for file in files))
        with new_file(target, force=force) as place, place.open("xb") as stream:
            stream.write(_header(files[0].schema))
            return sum(_append(stream, file, watch) for file in files)
    files = tuple(file for table in intervals.tables for file in intervals.files(table))
    watch = Watch(progress, sum(file.rows for file in files))
    with new_folder(target, force=force, ours=_ours) as folder:
        return sum(_feeder(folder, file, watch) for file in files)


def _feeder(folder: Path, file: FeederFile, watch: Watch) -> int:
    place = folder / file.table.folder
    place.mkdir(exist_ok=True)
    path = place / f"{file.feeder_id}.csv"
    with path.open("xb") as stream:
        stream.write(_header(file.schema))
        rows = _append(stream, file, watch)
    if not rows:
        path.unlink()
    return rows


def _append(stream: Any, file: FeederFile, watch: Watch) -> int:
    """Append what is wanted of a feeder, and return how many rows that was."""
    from pyarrow import csv

    options, rows = csv.WriteOptions(include_header=False, quoting_style="none"), 0
    for batch in file.batches():
        csv.write_csv(_as_text(batch), stream, options)
        rows += batch.num_rows
        watch.add(batch.num_rows)
    watch.at_end_of(file)
    return rows


def _header(schema: pa.Schema) -> bytes:
    return (",".join(schema.names) + "\n").encode()


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose times are ISO 8601 text and whose codes are plain text."""
    columns = [
        column.dictionary_decode()
        if pa.types.is_dictionary(column.type)
        else iso_text(column)
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _ours(path: PurePosixPath) -> bool:
    return len(path.parts) == 2 and path.parts[0] in PARTITIONED and path.suffix == ".csv"
