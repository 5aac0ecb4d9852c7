"""The interval files of a data set, feeder by feeder, in pieces that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from ghostload.consumption.intervals import RESOLUTIONS
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.readings import (
    Selection,
    arrow_schema,
    files_as_dataset,
    missing_readings,
    moment,
    select,
)
from ghostload.errors import DataError
from ghostload.schema_in_time import PARTITIONED, PartitionedTable
from ghostload.streams import IntArray

Progress = Callable[[str, int, int], None]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """Which readings are wanted; all when nothing is given.

    Attributes
    ----------
    meters : tuple of str
        Ids; empty for all.
    start, end : str, optional
        ISO 8601, "2025-01-01" or "2025-01-01T06:30"; local time unless an offset stands with it. Intervals that start
        at ``start`` or later and before ``end`` are wanted.
    truth : bool
        Whether what a utility cannot see is wanted too.
    """

    meters: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    truth: bool = False


@dataclass(frozen=True)
class FeederFile:
    """The readings of one feeder in one table.

    Attributes
    ----------
    table : PartitionedTable
    feeder_id : str
    path : Path
    rows : int
        In the file, whatever of them is wanted.
    schema : pyarrow.Schema
    selection : Selection
    offset_minutes : int
        Local time less UTC.
    step_seconds : int
        Length of the intervals.
    """

    table: PartitionedTable
    feeder_id: str
    path: Path
    rows: int
    schema: pa.Schema
    selection: Selection
    offset_minutes: int
    step_seconds: int

    def batches(self, *, meters: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield what is wanted, in the order of the file; never an empty batch.

        Parameters
        ----------
        meters : tuple of str, optional
            All readings of these, in place of what is wanted.
        """
        chosen = self.selection if meters is None else Selection(ids=meters)
        mask = Selection(ids=chosen.ids, start=chosen.start, end=chosen.end).mask(self.table, self.zone)
        try:
            source = files_as_dataset([self.path], self.table, self.schema)
            scanner = source.scanner(columns=self.schema.names, filter=mask, use_threads=False)
            yield from (batch for batch in scanner.to_batches() if batch.num_rows)
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{self.path}: cannot be read ({reason}); make the data set again") from None

    @property
    def zone(self) -> str:
        """Time zone of the readings, a fixed offset like ``+08:00``."""
        return str(self.schema.field("time").type.tz)


@dataclass(frozen=True)
class Intervals:
    """The interval files of a data set that hold what is wanted.

    Attributes
    ----------
    dataset : Dataset
    wanted : Wanted
    """

    dataset: Dataset
    wanted: Wanted

    @cached_property
    def tables(self) -> tuple[PartitionedTable, ...]:
        """Tables that are there and wanted; none of transformers when meters are chosen.

        Raises
        ------
        DataError
            There are no readings of meters, or no truth when it is wanted.
        """
        there = {name.partition("/")[0] for name in self.dataset.files}
        for folder in ("readings", "truth") if self.wanted.truth else ("readings",):
            if folder not in there:
                raise missing_readings(str(self.dataset.path or "the data set"), folder)
        return tuple(
            table
            for folder, table in PARTITIONED.items()
            if folder in there
            and (self.wanted.truth or not table.truth)
            and not (self.wanted.meters and table.columns[0].name != "meter_id")
        )

    @cached_property
    def offset_minutes(self) -> int:
        """Local time less UTC."""
        config = self.dataset.config
        if config is None:
            raise DataError(
                f"{self.dataset.path}: config.yaml is not there, so the readings' local time is not known; add the file"
            )
        return config.territory.utc_offset_minutes

    @cached_property
    def step_seconds(self) -> int:
        """Length of the intervals."""
        config = self.dataset.config
        if config is None or config.interval is None:
            raise DataError(f"{self.dataset.path}: config.yaml names no interval; put back the file it was made with")
        return 60 * RESOLUTIONS[config.interval]

    @cached_property
    def selection(self) -> Selection:
        """What is wanted, checked.

        Raises
        ------
        UsageError
            A meter is not there, or a time is no time.
        """
        return select(
            meters=self.wanted.meters or None,
            transformers=None,
            feeder=None,
            start=moment(self.wanted.start, self.offset_minutes, "--from"),
            end=moment(self.wanted.end, self.offset_minutes, "--to"),
            homes=self._homes,
            of="meters",
        )

    def files(self, table: PartitionedTable) -> tuple[FeederFile, ...]:
        """Return the files of a table that may hold what is wanted, by the number of the feeder."""
        flow = self.dataset.config is not None and self.dataset.config.physics != "none"
        schema = arrow_schema(table, self.offset_minutes, flow=flow)
        found = []
        for name, stored in self.dataset.files.items():
            folder, place, *_ = PurePosixPath(name).parts
            feeder = place.removeprefix("feeder=")
            if folder == table.folder and (self.selection.feeders is None or feeder in self.selection.feeders):
                rows = stored.rows if stored.rows is not None else 0
                found.append(
                    FeederFile(
                        table, feeder, stored.path, rows, schema, self.selection, self.offset_minutes, self.step_seconds
                    )
                )
        return tuple(sorted(found, key=lambda file: (len(file.feeder_id), file.feeder_id)))

    def _homes(self) -> tuple[dict[str, str], dict[str, str]]:
        meters, transformers = self.dataset.tables["meters"], self.dataset.tables["transformers"]
        return (
            dict(zip(meters["meter_id"].to_pylist(), meters["transformer_id"].to_pylist(), strict=True)),
            dict(zip(transformers["transformer_id"].to_pylist(), transformers["feeder_id"].to_pylist(), strict=True)),
        )


class Watch:
    """Says how far the work is, in rows; a file that is done counts as a whole, whatever of it was wanted.

    Parameters
    ----------
    report : callable (stage, done, total), optional
    total : int
        Rows of all files.
    """

    def __init__(self, report: Progress | None, total: int) -> None:
        self._report, self._total, self._before, self._now = report, total, 0, 0

    def add(self, rows: int) -> None:
        """Count rows that were written."""
        self._now += rows
        self._say(self._before + self._now)

    def at_end_of(self, file: FeederFile) -> None:
        """Count a file as done."""
        self._before, self._now = self._before + file.rows, 0
        self._say(self._before)

    def _say(self, done: int) -> None:
        if self._report is not None:
            self._report("rows", done, self._total)


def milliseconds(times: pa.Array) -> IntArray:
    """Return moments as milliseconds since 1970 in UTC."""
    return np.asarray(times.view(pa.int64()), dtype=np.int64)


def iso_text(times: pa.Array) -> pa.Array:
    """Return moments as ISO 8601 local times with their offset, to the second; a moment is written out once."""
    moments = milliseconds(times)
    if not len(moments):
        return pa.array([], pa.string())
    step = int(np.gcd.reduce(np.diff(moments))) or 1
    first = int(moments.min())
    slot = (moments - first) // step
    seen = np.zeros(int(slot.max()) + 1, dtype=bool)
    seen[slot] = True
    place = zone_of(times.type.tz)
    texts = [local_time(first + step * at, place).isoformat(timespec="seconds") for at in np.flatnonzero(seen).tolist()]
    return pa.array(texts).take(pa.array((np.cumsum(seen) - 1)[slot]))


def local_time(moment_ms: int, zone: tzinfo) -> datetime:
    """Return a moment, given in milliseconds since 1970 in UTC, as local time."""
    return (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(zone)


def zone_of(name: str) -> tzinfo:
    """Return the fixed offset that Arrow writes as ``+08:00``."""
    zone = datetime.fromisoformat(f"1970-01-01T00:00:00{name}").tzinfo
    if zone is None:  # pragma: no cover - an offset always makes a zone
        raise DataError(f"time zone {name!r}: is no offset from UTC")
    return zone
