from __future__ import annotations

import json
from pathlib import Path

import geojson
import numpy as np
import pytest
from export_samples import Verdict

from ghostload.config import GeneratorConfig
from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import OutputError
from ghostload.export import network, write_dataset
from ghostload.export.network import network_pieces
from ghostload.pipeline import SyntheticDataPipeline, build_world
from ghostload.simulation.network import network_table
from ghostload.wires.geojson import network_geojson
from ghostload.wires.parts import WiresPart

CONFIG = GeneratorConfig(num_meters=150, num_transformers=5, num_months=1)


@pytest.fixture(scope="module")
def made() -> Dataset:
    return SyntheticDataPipeline(CONFIG).build()


def write(dataset: Dataset, folder: Path) -> Path:
    return write_dataset(dataset, folder, validation=Verdict())  # type: ignore[arg-type]


def test_the_file_holds_the_lines_that_the_planner_built(made: Dataset, tmp_path: Path) -> None:
    text = (write(made, tmp_path / "set") / "network.geojson").read_text()
    assert geojson.loads(text).is_valid
    found = json.loads(text)["features"]
    wires = build_world(CONFIG).wires
    names = made.tables["transformers"]["transformer_id"].to_pylist()
    feeders = sorted(set(made.tables["transformers"]["feeder_id"].to_pylist()))
    expected = network_geojson(wires, feeders, names)["features"]
    assert len(found) == len(expected) > 150
    drops = 100 * (1 - wires.vm_pu[wires.line >= 0])
    for line, other, drop in zip(found, expected, drops.tolist(), strict=True):
        told = dict(line["properties"])
        assert told.pop("line_id").startswith("l_")
        assert told.pop("drop_percent") == pytest.approx(drop, abs=0.0051)
        home = told.pop("transformer_id")
        assert home == other["properties"].pop("transformer_id", None)
        assert told == other["properties"]
        assert line["geometry"] == other["geometry"]


def test_every_service_point_is_the_far_end_of_a_drop(made: Dataset) -> None:
    table, meters = made.network, made.tables["meters"]
    assert table is not None
    drops = table.to_pandas().query("kind == 'drop'")
    assert len(drops) == made.num_meters
    ends = {tuple(row) for row in drops[["transformer_id", "lon1", "lat1"]].itertuples(index=False)}
    points = meters.select(["transformer_id", "lon", "lat"]).to_pylist()
    assert ends == {tuple(row.values()) for row in points}


def test_each_line_but_the_first_begins_where_one_before_it_ends(made: Dataset) -> None:
    assert made.network is not None
    frame = made.network.to_pandas()
    for _, lines in frame.groupby("feeder_id", observed=True):
        near = list(zip(lines.lon0.round(6), lines.lat0.round(6), strict=True))
        far = list(zip(lines.lon1.round(6), lines.lat1.round(6), strict=True))
        reached = {near[0]}
        for start, end in zip(near, far, strict=True):
            assert start in reached
            reached.add(end)


def test_of_too_many_lines_the_service_drops_are_left_out(
    made: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.network is not None
    monkeypatch.setattr(network, "MOST_LINES", made.network.num_rows)
    whole = json.loads((write(made, tmp_path / "whole") / "network.geojson").read_text())["features"]
    monkeypatch.setattr(network, "MOST_LINES", made.network.num_rows - 1)
    less = json.loads((write(made, tmp_path / "less") / "network.geojson").read_text())["features"]
    assert less == [line for line in whole if line["properties"]["kind"] != "drop"]
    assert len(whole) - len(less) == made.num_meters
    listed = json.loads((tmp_path / "less" / "manifest.json").read_text())["files"]["network.geojson"]
    assert listed["rows"] == len(less)


def test_many_lines_are_written_as_few_are(made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made.network is not None
    whole = b"".join(bytes(piece) for piece in network_pieces(made.network))
    monkeypatch.setattr("ghostload.export.cells.BATCH_ROWS", 7)
    assert b"".join(bytes(piece) for piece in network_pieces(made.network)) == whole
    nothing = b"".join(bytes(piece) for piece in network_pieces(made.network.slice(0, 0)))
    assert json.loads(nothing) == {"type": "FeatureCollection", "features": []}


def test_a_data_set_that_was_read_is_written_with_its_lines(made: Dataset, tmp_path: Path) -> None:
    first = write(made, tmp_path / "a")
    read = load_dataset(first)
    assert read.network is None
    again = write(read, tmp_path / "b")
    assert (again / "network.geojson").read_bytes() == (first / "network.geojson").read_bytes()
    assert (again / "manifest.json").read_bytes() == (first / "manifest.json").read_bytes()
    (first / "network.geojson").unlink()
    with pytest.raises(OutputError, match=r"network\.geojson: cannot be read .*repair it or generate it again"):
        write(read, tmp_path / "c")


def test_without_a_power_flow_there_are_no_lines(tmp_path: Path) -> None:
    plain = SyntheticDataPipeline(CONFIG.replace(physics="none")).build()
    assert plain.network is None
    assert not (write(plain, tmp_path / "set") / "network.geojson").exists()


def test_the_lines_do_not_say_who_steals(made: Dataset) -> None:
    clean = build_world(CONFIG.replace(anomaly_rate=0.0))
    assert made.network is not None
    assert network_table(WiresPart.whole(clean.wires)).equals(made.network)
    assert np.isfinite(made.network["drop_percent"].to_numpy()).all()
