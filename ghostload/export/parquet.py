"""The tables as Parquet, with the numbers that the CSV files hold."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.cells import batches, ordered, text
from ghostload.schema import TABLES, Column

ROWS_PER_GROUP = 131_072


@register
class ParquetExporter(Exporter):
    """One Parquet file a table (zstd), beside the CSV file of the same name."""

    name = "parquet"

    def write(self, job: ExportJob) -> None:
        """Write each table that the data set has."""
        import pyarrow.parquet as pq

        for name, schema in TABLES.items():
            if name not in job.dataset.tables:
                continue
            table, columns = ordered(job.dataset, schema)
            arrow = pa.schema([pa.field(c.name, _type(c)) for c in columns])
            with (
                job.sink.open(
                    PurePosixPath(schema.file).with_suffix(".parquet").as_posix(), rows=table.num_rows
                ) as file,
                pq.ParquetWriter(OutStream(file), arrow, compression="zstd", store_schema=False) as writer,
            ):
                for group in _groups(table):
                    writer.write_table(_written(group, columns, arrow), row_group_size=ROWS_PER_GROUP)


class OutStream:
    """What pyarrow asks of a file that it writes to."""

    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        """Write bytes and return how many."""
        return int(self._file.write(data))

    def tell(self) -> int:
        """Count the bytes so far."""
        return int(self._file.bytes)

    def flush(self) -> None:
        """Leave it to the file below."""

    def close(self) -> None:
        """Leave it to whoever opened the file."""


def _groups(table: pa.Table) -> list[pa.Table]:
    return [table.slice(start, ROWS_PER_GROUP) for start in range(0, table.num_rows, ROWS_PER_GROUP)]


def _written(group: pa.Table, columns: tuple[Column, ...], schema: pa.Schema) -> pa.Table:
    """Return some rows as they are written."""
    pieces = [pa.table(_cells(batch, columns), schema=schema) for batch in batches(group)]
    return pa.concat_tables(pieces).combine_chunks()


def _type(column: Column) -> pa.DataType:
    return {"float": pa.float64(), "integer": pa.int64()}.get(column.kind, pa.string())


def _cells(batch: pa.RecordBatch, columns: tuple[Column, ...]) -> list[pa.Array]:
    """Return the columns with the numbers that a reader of the CSV finds: Arrow rounds text rightly, decimals not."""
    return [
        (text(values, column) if column.kind == "float" else values).cast(_type(column))
        for values, column in zip(batch.columns, columns, strict=True)
    ]
