"""The tables as CSV: the header unquoted, fixed decimals, a line feed after each line, an empty cell for null."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from ghostload.dataset.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.cells import batches, csv_cells, ordered, raw
from ghostload.schema import TABLES, TableSchema


@register
class CsvExporter(Exporter):
    """One CSV file a table, as :data:`ghostload.schema.TABLES` describes it."""

    name = "csv"

    def write(self, job: ExportJob) -> None:
        """Write each table that the data set has."""
        for name, schema in TABLES.items():
            table = job.dataset.tables.get(name)
            if table is None:
                continue
            with job.sink.open(schema.file, rows=table.num_rows) as file:
                for piece in csv_pieces(job.dataset, schema):
                    file.write(piece)


def csv_pieces(dataset: Dataset, schema: TableSchema) -> Iterator[bytes | memoryview]:
    """Yield a table of a data set as CSV, piece by piece."""
    table, columns = ordered(dataset, schema)
    yield (",".join(column.name for column in columns) + "\n").encode()
    for batch in batches(table):
        try:
            cells = [csv_cells(values, column) for values, column in zip(batch.columns, columns, strict=True)]
        except OutputError as error:
            raise OutputError(f"{schema.file}: {error}") from None
        cells[-1] = pc.binary_join_element_wise(cells[-1], "", "\n", null_handling="replace")
        yield raw(pc.binary_join_element_wise(*cells, ",", null_handling="replace"))
