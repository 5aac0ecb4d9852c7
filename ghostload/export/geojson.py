"""Points and districts as GeoJSON (RFC 7946): a feature a line, the numbers of the CSV files, no ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset.columns import cells_at
from ghostload.dataset.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.cells import batches, json_cells, raw
from ghostload.export.served import Served
from ghostload.schema import METERS, TRANSFORMERS, Column
from ghostload.scratch import Scratch
from ghostload.streams import IntArray

_COUNT = Column("num_meters", "integer", "Meters that it serves")
_OPEN = b'{"type":"FeatureCollection","features":[\n'
_CLOSE = b"\n]}\n"
_BETWEEN = ",\n"
_POINT_PROPERTIES = ("meter_id", "transformer_id", "customer_class", "barangay")


@register
class TransformersGeoJSON(Exporter):
    """The transformers with the ids of their meters."""

    name = "transformers_geojson"

    def write(self, job: ExportJob) -> None:
        """Write ``transformers.geojson``."""
        count = job.dataset.tables["transformers"].num_rows
        with job.sink.open("transformers.geojson", rows=count) as file:
            for piece in transformer_pieces(job.dataset, job.scratch):
                file.write(piece)


@register
class MetersGeoJSON(Exporter):
    """The service points."""

    name = "meters_geojson"

    def write(self, job: ExportJob) -> None:
        """Write ``meters.geojson``."""
        with job.sink.open("meters.geojson", rows=job.dataset.num_meters) as file:
            for piece in meter_pieces(job.dataset):
                file.write(piece)


@register
class RegionGeoJSON(Exporter):
    """The districts that are land."""

    name = "region_geojson"

    def write(self, job: ExportJob) -> None:
        """Write ``region.geojson``, when the data set has a region."""
        region = job.dataset.region
        if region is None:
            return
        features = list(region.get("features", ()))
        with job.sink.open("region.geojson", rows=len(features)) as file:
            file.write(_OPEN)
            file.write(_BETWEEN.join(_compact(feature) for feature in features).encode())
            file.write(_CLOSE)


def transformers_geojson(dataset: Dataset) -> dict[str, Any]:
    """Return the FeatureCollection of the transformers, as in ``transformers.geojson``."""
    collection: dict[str, Any] = json.loads(b"".join(bytes(piece) for piece in transformer_pieces(dataset)))
    return collection


def transformer_pieces(dataset: Dataset, scratch: Scratch | None = None) -> Iterator[bytes | memoryview]:
    """Yield ``transformers.geojson``, piece by piece; ``scratch`` takes what is as long as there are meters."""
    table, meter_ids = dataset.tables["transformers"], dataset.tables["meters"]["meter_id"]
    served = Served(dataset, scratch)

    def features() -> Iterator[pa.Array]:
        for first, last, rows in served.spans():
            here = served.counts[first:last]
            batch = table.slice(first, last - first).combine_chunks().to_batches()[0]
            properties = _properties(batch, TRANSFORMERS.columns, skip=("lat", "lon"))
            properties["num_meters"] = json_cells(pa.array(here), _COUNT)
            properties["meter_ids"] = _id_lists(cells_at(meter_ids, rows, pa.string()), here)
            yield _points(batch, properties)

    yield from _collection(features())


def meter_pieces(dataset: Dataset) -> Iterator[bytes | memoryview]:
    """Yield ``meters.geojson``, piece by piece."""
    columns = [column for column in METERS.columns if column.name in _POINT_PROPERTIES]
    wanted = [*(column.name for column in columns), "lat", "lon"]
    pieces = batches(dataset.tables["meters"].select(wanted))
    yield from _collection(_points(batch, _properties(batch, columns)) for batch in pieces)


def _properties(batch: pa.RecordBatch, columns: Any, skip: tuple[str, ...] = ()) -> dict[str, pa.Array]:
    return {c.name: json_cells(batch.column(c.name), c) for c in columns if c.name not in skip}


def _id_lists(ids: pa.Array, counts: IntArray) -> pa.Array:
    """Return the ids as one JSON list for each transformer; ``ids`` stand transformer by transformer."""
    cells = json_cells(ids, METERS.columns[0])
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, cells), ",")
    return pc.binary_join_element_wise("[", joined, "]", "")


def _points(batch: pa.RecordBatch, properties: dict[str, pa.Array]) -> pa.Array:
    """Return one point feature for each row, as text; ``properties`` are JSON already."""
    lat, lon = (json_cells(batch.column(name), _axis(name)) for name in ("lat", "lon"))
    parts: list[Any] = [
        _BETWEEN + '{"type":"Feature","geometry":{"type":"Point","coordinates":[',
        lon,
        ",",
        lat,
        ']},"properties":',
    ]
    for position, (name, cells) in enumerate(properties.items()):
        parts += [f'{"{" if position == 0 else ","}"{name}":', cells]
    return pc.binary_join_element_wise(*parts, "}}", "")


def _axis(name: str) -> Column:
    return next(column for column in TRANSFORMERS.columns if column.name == name)


def _collection(features: Iterator[pa.Array]) -> Iterator[bytes | memoryview]:
    """Yield a FeatureCollection from batches of features, each of which begins with the separator."""
    yield _OPEN
    first = True
    for batch in features:
        piece = raw(batch)
        yield piece[len(_BETWEEN) :] if first and len(piece) else piece
        first = first and not len(piece)
    yield _CLOSE


def _compact(feature: Any) -> str:
    try:
        return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(f"region.geojson: a district cannot be written as JSON: {error}") from None
