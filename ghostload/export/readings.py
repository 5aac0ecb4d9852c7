"""Readings in time as Parquet: one file a feeder and table, one row group a month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa

from ghostload.dataset.readings import arrow_schema
from ghostload.dataset.stored import StoredFile
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.parquet import OutStream
from ghostload.export.partial import whole_or_not
from ghostload.export.sink import FolderSink, OutFile
from ghostload.schema_in_time import PARTITIONED, PartitionedTable

PLAIN_KINDS = {"int32": "BYTE_STREAM_SPLIT", "int64": "BYTE_STREAM_SPLIT", "float64": "BYTE_STREAM_SPLIT"}
"""Encodings of numbers that seldom repeat; a voltage in tenths does, and has a dictionary."""


@register
class ReadingsExporter(Exporter):
    """The Parquet files of the readings, which are on the disk already."""

    name = "readings"

    def write(self, job: ExportJob) -> None:
        """Take each file into the data set."""
        for name, file in job.dataset.files.items():
            job.sink.adopt(name, file)


class FeederFiles:
    """Writes the files of one feeder, month by month; a context manager.

    Parameters
    ----------
    folder : Path
        Folder that stands for the data set. Files in it are replaced by finished ones only, so that another maker of
        the same feeder does no harm.
    feeder : str
        Id of the feeder.
    tables : sequence of PartitionedTable
    utc_offset_minutes : int
    flow : bool
        Whether the power flow is solved.
    """

    def __init__(
        self,
        folder: Path,
        feeder: str,
        tables: Sequence[PartitionedTable],
        utc_offset_minutes: int,
        *,
        flow: bool,
    ) -> None:
        self._sink = _Overwriting(folder)
        self._feeder = feeder
        self._stack = ExitStack()
        self._writers: dict[str, Any] = {}
        self._rows = dict.fromkeys((table.folder for table in tables), 0)
        self.schemas = {table.folder: arrow_schema(table, utc_offset_minutes, flow=flow) for table in tables}

    def __enter__(self) -> FeederFiles:
        """Open the files."""
        with ExitStack() as stack:
            for name, schema in self.schemas.items():
                file = stack.enter_context(self._sink.open(PARTITIONED[name].file(self._feeder)))
                self._writers[name] = stack.enter_context(parquet_writer(file, schema))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the files; they are on the disk then."""
        self._stack.__exit__(kind, error, at)

    def write(self, name: str, table: pa.Table) -> None:
        """Append one month to the file of a table, as one row group."""
        self._writers[name].write_table(table, row_group_size=max(1, table.num_rows))
        self._rows[name] += table.num_rows

    def stored(self) -> dict[str, StoredFile]:
        """Return the finished files by their paths inside the data set."""
        found = {}
        for name, rows in self._rows.items():
            path = PARTITIONED[name].file(self._feeder)
            written = self._sink.files[path]
            found[path] = StoredFile(self._sink.folder / path, rows, written.bytes, written.sha256, ours=True)
        return found


@contextmanager
def parquet_writer(file: OutFile, schema: pa.Schema) -> Iterator[Any]:
    """Open a Parquet writer with the encodings that suit readings.

    Parameters
    ----------
    file : OutFile
    schema : pyarrow.Schema
    """
    import pyarrow.parquet as pq

    encodings = {field.name: encoding for field in schema if (encoding := _encoding(field.type))}
    with pq.ParquetWriter(
        OutStream(file),
        schema,
        compression="zstd",
        use_dictionary=[field.name for field in schema if field.name not in encodings],
        column_encoding=encodings,
    ) as writer:
        yield writer


def _encoding(kind: pa.DataType) -> str:
    """Return the encoding of a column without a dictionary; empty for one with."""
    if pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    return PLAIN_KINDS.get("float64" if kind == pa.float64() else str(kind), "")


class _Overwriting(FolderSink):
    """A folder in which files of a killed run, or of another worker, may stand; each is renamed into place whole."""

    @contextmanager
    def _stream(self, name: str) -> Iterator[BinaryIO | None]:
        with whole_or_not(self.folder / name) as stream:
            yield stream
