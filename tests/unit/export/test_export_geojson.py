"""GeoJSON files: valid, equal to the tables, and without ground truth."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import geojson
import numpy as np
import pyarrow as pa
import pytest
from export_samples import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export import cells
from ghostload.export.base import ExportJob
from ghostload.export.geojson import (
    MetersGeoJSON,
    RegionGeoJSON,
    TransformersGeoJSON,
    meter_pieces,
    transformer_pieces,
    transformers_geojson,
)
from ghostload.export.sink import CountingSink, FolderSink
from ghostload.schema import Column


def _join(pieces: Any) -> bytes:
    return b"".join(bytes(piece) for piece in pieces)


def _meters(dataset: Dataset) -> dict[str, Any]:
    return dict(json.loads(_join(meter_pieces(dataset))))


def test_transformers_have_the_properties_of_the_contract() -> None:
    dataset = sample(transformers=7)
    features = transformers_geojson(dataset)["features"]
    rows = dataset.tables["transformers"].to_pylist()
    assert len(features) == 7
    for feature, row in zip(features, rows, strict=True):
        assert feature["geometry"] == {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        properties = feature["properties"]
        assert list(properties) == [
            "transformer_id",
            "feeder_id",
            "barangay",
            "capacity_kVA",
            "num_meters",
            "meter_ids",
        ]
        assert {k: properties[k] for k in ("transformer_id", "feeder_id", "barangay", "capacity_kVA")} == {
            k: row[k] for k in ("transformer_id", "feeder_id", "barangay", "capacity_kVA")
        }


def test_every_meter_is_listed_at_its_transformer_once() -> None:
    dataset = sample(meters=30, transformers=5)
    owner = {row["meter_id"]: row["transformer_id"] for row in dataset.tables["meters"].to_pylist()}
    listed = {}
    for feature in transformers_geojson(dataset)["features"]:
        properties = feature["properties"]
        assert properties["num_meters"] == len(properties["meter_ids"])
        listed |= dict.fromkeys(properties["meter_ids"], properties["transformer_id"])
    assert listed == owner
    assert transformers_geojson(dataset)["features"][-1]["properties"]["meter_ids"] == []


def test_the_service_points_are_the_meters_without_what_they_registered() -> None:
    dataset = sample()
    features = _meters(dataset)["features"]
    for feature, row in zip(features, dataset.tables["meters"].to_pylist(), strict=True):
        assert feature["geometry"]["coordinates"] == [row["lon"], row["lat"]]
        names = ("meter_id", "transformer_id", "customer_class", "barangay")
        assert feature["properties"] == {name: row[name] for name in names}


def test_the_features_are_valid_geojson() -> None:
    dataset = sample(transformers=6)
    for text in (_join(transformer_pieces(dataset)), _join(meter_pieces(dataset))):
        collection = geojson.loads(text.decode())
        assert collection.is_valid


def test_coordinates_are_the_same_digits_as_in_the_csv() -> None:
    dataset = sample()
    text = _join(meter_pieces(dataset)).decode()
    pairs = re.findall(r'"coordinates":\[(\S+?),(\S+?)\]', text)
    table = dataset.tables["meters"]
    assert pairs == [
        (f"{lon:.6f}", f"{lat:.6f}") for lon, lat in zip(*(table[c].to_pylist() for c in ("lon", "lat")), strict=True)
    ]


def test_the_size_of_the_batches_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = sample(meters=50, transformers=11)
    expected = _join(transformer_pieces(dataset)), _join(meter_pieces(dataset))
    monkeypatch.setattr(cells, "BATCH_ROWS", 4)
    assert (_join(transformer_pieces(dataset)), _join(meter_pieces(dataset))) == expected


def test_meters_in_any_order_are_found() -> None:
    dataset = sample(meters=30, transformers=5)
    order = np.random.default_rng(0).permutation(30)
    mixed = replace(
        dataset, tables={**dataset.tables, "meters": dataset.tables["meters"].take(pa.array(order))}, _frames={}
    )
    for one, other in zip(
        transformers_geojson(dataset)["features"], transformers_geojson(mixed)["features"], strict=True
    ):
        assert set(one["properties"]["meter_ids"]) == set(other["properties"]["meter_ids"])


def test_a_meter_of_no_transformer_is_in_no_list() -> None:
    dataset = sample(meters=6, transformers=2)
    table = dataset.tables["meters"]
    lost = table.set_column(1, "transformer_id", pa.array(["TX_9999", *table["transformer_id"].to_pylist()[1:]]))
    features = transformers_geojson(replace(dataset, tables={**dataset.tables, "meters": lost}))["features"]
    assert sum(f["properties"]["num_meters"] for f in features) == 5
    assert "MTR_000001" not in [i for f in features for i in f["properties"]["meter_ids"]]


def test_tables_without_rows_give_an_empty_collection() -> None:
    dataset = sample()
    empty = replace(dataset, tables={name: table.slice(0, 0) for name, table in dataset.tables.items()})
    assert transformers_geojson(empty) == {"type": "FeatureCollection", "features": []}
    assert _meters(empty) == {"type": "FeatureCollection", "features": []}


def test_transformers_without_any_meter_have_empty_lists() -> None:
    dataset = sample()
    bare = replace(dataset, tables={**dataset.tables, "meters": dataset.tables["meters"].slice(0, 0)})
    assert [f["properties"]["meter_ids"] for f in transformers_geojson(bare)["features"]] == [[], [], []]


def test_the_files_are_written_with_their_number_of_features() -> None:
    job = ExportJob(sample(), CountingSink())
    for exporter in (TransformersGeoJSON(), MetersGeoJSON(), RegionGeoJSON()):
        exporter.write(job)
    rows = {name: file.rows for name, file in job.sink.files.items()}
    assert rows == {"transformers.geojson": 3, "meters.geojson": 12, "region.geojson": 2}


def test_the_region_is_written_as_it_is(tmp_path: Any) -> None:
    dataset = sample()
    RegionGeoJSON().write(ExportJob(dataset, FolderSink(tmp_path)))
    assert json.loads((tmp_path / "region.geojson").read_bytes()) == dataset.region


def test_without_a_region_there_is_no_region_file() -> None:
    job = ExportJob(replace(sample(), region=None), CountingSink())
    RegionGeoJSON().write(job)
    assert job.sink.files == {}


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_a_region_that_is_no_json_is_refused(value: object) -> None:
    region = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"population": value}}]}
    with pytest.raises(OutputError, match=r"^region\.geojson: a district cannot be written as JSON"):
        RegionGeoJSON().write(ExportJob(replace(sample(), region=region), CountingSink()))


@settings(deadline=None)
@given(st.lists(st.none() | st.text(max_size=6), min_size=1, max_size=6))
def test_any_text_comes_back_from_a_json_cell(values: list[str | None]) -> None:
    written = cells.json_cells(pa.array(values, pa.string()), Column("x", "string", "")).to_pylist()
    assert [json.loads(cell) for cell in written] == values


def test_a_slice_shows_its_own_characters_only() -> None:
    array = pa.array(["abc", "d", None, "ef"])
    assert bytes(cells.raw(array.slice(1, 3))) == b"def"
    assert bytes(cells.raw(array.slice(2, 1))) == b""
    assert bytes(cells.raw(array.slice(4))) == b""
