"""The lines as GeoJSON (RFC 7946): a feature a line, no ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ghostload.errors import OutputError
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.cells import batches, json_cells, raw
from ghostload.schema import Column

FILE = "network.geojson"

MOST_LINES = 24_000
"""Up to so many lines (some 6 MB), all are written; of more, the service drops are left out."""

_PROPERTIES = (
    Column("line_id", "string", "Line, as network_losses.csv names it"),
    Column("kind", "string", "mv, main or drop"),
    Column("voltage_kv", "float", "Rated, line to line", unit="kV", decimals=3),
    Column("conductor", "string", "Type of line"),
    Column("phases", "string", "Phases that it has"),
    Column("length_m", "float", "Length", unit="m", decimals=1),
    Column("feeder_id", "string", "Feeder, FD_01 and up"),
    Column("transformer_id", "string", "Transformer, TX_0001 and up; null for mv", nullable=True),
    Column("drop_percent", "float", "Planned voltage below the rated one at the far end", unit="%", decimals=2),
)
_ENDS = tuple(Column(name, "float", "Degree", decimals=6) for name in ("lon0", "lat0", "lon1", "lat1"))
_BETWEEN = b",\n"


@register
class NetworkGeoJSON(Exporter):
    """The lines, where a data set has a network."""

    name = "network_geojson"

    def write(self, job: ExportJob) -> None:
        """Write ``network.geojson``; of a data set that was read from a folder, the file that is there."""
        if job.dataset.network is None:
            _copy(job)
            return
        table = job.dataset.network
        count = sum(batch.num_rows for batch in _written(table.select(["kind"])))
        with job.sink.open(FILE, rows=count) as file:
            for piece in network_pieces(table):
                file.write(piece)


def network_pieces(table: pa.Table) -> Iterator[bytes | memoryview]:
    """Yield the file, piece by piece.

    Parameters
    ----------
    table : pyarrow.Table
        As :func:`ghostload.simulation.network.network_table` makes it.
    """
    yield b'{"type":"FeatureCollection","features":[\n'
    for number, batch in enumerate(_written(table)):
        if number:
            yield _BETWEEN
        yield raw(_features(batch))[: -len(_BETWEEN)]
    yield b"\n]}\n"


def _written(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield the lines that are written: all, or all but the service drops."""
    if table.num_rows <= MOST_LINES:
        yield from batches(table)
        return
    for batch in batches(table):
        lines = batch.filter(pc.not_equal(batch.column("kind"), "drop"))
        if lines.num_rows:
            yield lines


def _features(batch: pa.RecordBatch) -> pa.Array:
    """Return one feature a line as text, each with the separator after it."""
    ends = [json_cells(batch.column(end.name), end) for end in _ENDS]
    parts: list[Any] = ['{"type":"Feature","geometry":{"type":"LineString","coordinates":[[']
    parts += [ends[0], ",", ends[1], "],[", ends[2], ",", ends[3], ']]},"properties":']
    for position, column in enumerate(_PROPERTIES):
        parts += [f'{"," if position else "{"}"{column.name}":', json_cells(batch.column(column.name), column)]
    return pc.binary_join_element_wise(*parts, "}}" + _BETWEEN.decode(), "")


def _copy(job: ExportJob) -> None:
    """Write the file of a data set that was read from a folder, when its manifest lists one."""
    folder, listed = job.dataset.path, (job.dataset.manifest or {}).get("files")
    entry = listed.get(FILE) if isinstance(listed, Mapping) else None
    if folder is None or not isinstance(entry, Mapping):
        return
    try:
        content = (folder / FILE).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder / FILE}: cannot be read ({reason}); repair it or generate it again") from None
    with job.sink.open(FILE, rows=entry.get("rows")) as file:
        file.write(content)
