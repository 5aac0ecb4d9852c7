from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from reporting_tables import NASTY, QUOTED, small

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.export.network import network_pieces
from ghostload.reporting import map_network
from ghostload.reporting.map_network import UNKNOWN_DROP, network_content
from ghostload.reporting.map_page import render_map
from ghostload.reporting.page import asset
from ghostload.reporting.payload import unpack

FEEDERS = ["FD_01", QUOTED]


def lines(**changes: Any) -> pa.Table:
    """A feeder's line, a main, a drop, and a line of the other feeder."""
    columns: dict[str, Any] = {
        "line_id": ["l_m1_1", "l_p1_1", "l_c1", "l_m2_1"],
        "kind": ["mv", "main", "drop", "mv"],
        "voltage_kv": [34.5, 0.398, 0.398, 34.5],
        "conductor": ["acsr_336", NASTY, "drop", "acsr_336"],
        "phases": ["abc", "a", "a", "abc"],
        "length_m": [120.0, 31.5, 22.7, 900.0],
        "feeder_id": ["FD_01", "FD_01", "FD_01", QUOTED],
        "transformer_id": [None, "TX_0001", "TX_0001", None],
        "drop_percent": [-1.93, 0.5, 4.27, 11.0],
        "lon0": [121.0, 121.000456, 121.0007, -179.999999],
        "lat0": [14.5, 14.570123, 14.5705, -33.0],
        "lon1": [121.000456, 121.0007, 121.0005, 179.999999],
        "lat1": [14.570123, 14.5705, 14.5702, 60.123456],
    }
    return pa.table(columns | changes)


def folder(path: Path, content: bytes | None = None) -> Dataset:
    path.mkdir()
    written = b"".join(bytes(piece) for piece in network_pieces(lines())) if content is None else content
    (path / "network.geojson").write_bytes(written)
    return small(path=path)


def ends(arrays: dict[str, Any]) -> np.ndarray:
    """(lines, lon0 lat0 lon1 lat1) in degrees."""
    columns = [np.cumsum(arrays[f"line_{axis}"].astype(np.int64)).reshape(-1, 2) / 1e6 for axis in ("lon", "lat")]
    return np.stack([columns[0][:, 0], columns[1][:, 0], columns[0][:, 1], columns[1][:, 1]], axis=1)


def test_the_payload_gives_back_where_lines_go_and_their_drops() -> None:
    html = render_map(replace(small(), network=lines()))
    found = re.search(r'id="network-data">(.*?)</script>', html, re.S)
    assert found
    meta, arrays = unpack(json.loads(found[1]))
    table = lines()
    expected = np.column_stack([table[name].to_numpy() for name in ("lon0", "lat0", "lon1", "lat1")])
    np.testing.assert_allclose(ends(arrays), expected, atol=1e-9)
    assert arrays["line_drop"].tolist() == [-193, 50, 427, 1100]
    assert arrays["line_level"].tolist() == [0, 1, 2, 0]
    assert arrays["line_tx"].tolist() == [-1, 0, 0, -1]
    assert arrays["line_feeder"].tolist() == [1, 1, 1, 0]  # the map sorts feeders: the quoted one comes first
    assert meta == {"low": True}


def test_a_folder_shows_the_lines_of_its_file_as_if_they_were_just_made(tmp_path: Path) -> None:
    read = network_content(folder(tmp_path / "set"), FEEDERS)
    made = network_content(replace(small(), network=lines()), FEEDERS)
    assert read is not None
    assert made is not None
    assert read[0] == made[0]
    assert {k: v.tolist() for k, v in read[1].items()} == {k: v.tolist() for k, v in made[1].items()}


def test_of_too_many_lines_those_of_medium_voltage_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_network, "MOST_LINES", 3)
    for dataset in (folder(tmp_path / "set"), replace(small(), network=lines())):
        found = network_content(dataset, FEEDERS)
        assert found is not None
        assert found[0] == {"low": False}
        assert found[1]["line_drop"].tolist() == [-193, 1100]


def test_lines_of_foreign_make_are_drawn_as_far_as_they_can_be(tmp_path: Path) -> None:
    def feature(kind: str, corners: list[Any], shape: str = "LineString", **told: Any) -> dict[str, Any]:
        geometry = {"type": shape, "coordinates": corners}
        return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, **told}}

    features = [
        feature("mv", [[121, 14], [121.1, 14.1, 5.0], [121.2, 14.1]], feeder_id="nowhere", drop_percent="much"),
        feature("main", [[121, 14], [121, 95]]),
        feature(NASTY, [[121, 14], [121, 14.1]]),
        feature("mv", [121, 14], "Point"),
        {"type": "Feature", "geometry": None, "properties": None},
    ]
    content = json.dumps({"features": features, "type": "FeatureCollection"}, indent=1).encode()
    found = network_content(folder(tmp_path / "set", content), FEEDERS)
    assert found is not None
    np.testing.assert_allclose(ends(found[1]), [[121, 14, 121.1, 14.1], [121.1, 14.1, 121.2, 14.1]])
    assert found[1]["line_feeder"].tolist() == [-1, -1]
    assert found[1]["line_drop"].tolist() == [UNKNOWN_DROP] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"features": 3}',
        b'{"features": [7]}',
        b'{"features": [{"geometry": {"type": "LineString", "coordinates": [["a", 1], [2, 3]]}}]}',
        b'{"features": [{"geometry": {"type": "LineString", "coordinates": [[1], [2, 3]]}}]}',
        b"\xff\xfe",
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    dataset = folder(tmp_path / "set", content)
    with pytest.raises(DataError, match=r"set/network\.geojson: holds no readable lines .*repair it, or take it away"):
        render_map(dataset)


def test_without_lines_nothing_of_them_is_in_the_page(tmp_path: Path) -> None:
    empty = folder(tmp_path / "set", b'{"type":"FeatureCollection","features":[\n\n]}\n')
    for html in (render_map(small()), render_map(empty)):
        assert "network-data" not in html
        assert "line-scale" not in html
        assert "startNetwork = " not in html


def test_each_shade_of_voltage_drop_is_clearly_darker_than_the_one_before() -> None:
    listed = re.search(r"SHADES = \[(.*?)\]", asset("map_network.js"))
    assert listed
    shades = re.findall(r"#([0-9A-F]{6})", listed[1])
    edges = re.search(r"EDGES = \[(.*?)\]", asset("map_network.js"))
    assert edges
    assert len(shades) == len(edges[1].split(",")) + 1

    def lightness(shade: str) -> float:
        """CIE L*: what is left of a colour for those who see none."""
        parts = np.array([int(shade[i : i + 2], 16) for i in (0, 2, 4)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16)

    falls = -np.diff([lightness(shade) for shade in shades])
    assert falls.min() > 10
