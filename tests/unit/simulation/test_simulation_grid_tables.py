"""Tables that are taken in feeder by feeder, part by part and piece by piece are those of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from in_time_support import mixed_config

from ghostload import SyntheticDataPipeline, streams
from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.dataset import Dataset
from ghostload.pipeline import build_world
from ghostload.scratch import Scratch
from ghostload.simulation import pieces
from ghostload.simulation.grid_tables import GridTables
from ghostload.simulation.network import network_table
from ghostload.wires import parts
from ghostload.wires.parts import WiresPart

SMALL_FEEDERS = GeneratorConfig(num_meters=900, num_months=2, territory=TerritoryConfig(transformers_per_feeder=2))


def _few(count: int, width: int = 1) -> Iterator[slice]:
    step = max(1, 7 // width)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything lie in files, in small pieces."""
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    monkeypatch.setattr(parts, "FEEDERS_AT_ONCE", 3)
    monkeypatch.setattr(pieces, "spans", _few)


def _same(one: Dataset, other: Dataset) -> None:
    assert list(one.tables) == list(other.tables)
    for name, table in one.tables.items():
        assert other.tables[name].equals(table), name
    assert one.network is not None
    assert other.network is not None
    assert other.network.equals(one.network)


@pytest.mark.parametrize("config", [SMALL_FEEDERS, mixed_config()], ids=["months", "in time"])
def test_a_data_set_in_small_pieces_and_files_is_the_same(
    monkeypatch: pytest.MonkeyPatch, config: GeneratorConfig
) -> None:
    whole = SyntheticDataPipeline(config).build()
    _in_small_pieces(monkeypatch)
    pieced = SyntheticDataPipeline(config).build(jobs=2)
    assert pieced.tables["meters"].column(0).num_chunks > 1
    assert pieced.tables["network_losses"].column(0).num_chunks > 1
    _same(whole, pieced)


def test_lines_are_those_of_all_wires_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = network_table(WiresPart.whole(build_world(SMALL_FEEDERS).wires))
    _in_small_pieces(monkeypatch)
    lines = SyntheticDataPipeline(SMALL_FEEDERS).build().network
    assert lines is not None
    assert lines.to_pylist() == whole.to_pylist()
    monkeypatch.setattr("ghostload.simulation.grid_tables.MOST_LINES", 899)
    mains = SyntheticDataPipeline(SMALL_FEEDERS).build().network
    assert mains is not None
    assert mains.to_pylist() == whole.filter(pc.not_equal(whole["kind"], "drop")).to_pylist()


def test_lines_of_feeders_that_are_not_taken_in_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FEEDERS_AT_ONCE", 3)
    world = build_world(SMALL_FEEDERS)
    world.prepare()
    grid = GridTables(world)
    grid.see(world.num_feeders - 1)
    assert grid.lines()["feeder_id"].unique().to_pylist() == [f"FD_{n + 1:02d}" for n in range(world.num_feeders)]


def test_in_pieces_asks_for_all_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "AT_ONCE", 10)
    asked: list[tuple[int, int]] = []

    def piece(start: int, stop: int) -> pa.Table:
        asked.append((start, stop))
        return pa.table({"row": np.repeat(np.arange(start, stop), 4)})

    table = pieces.in_pieces(piece, 5, Scratch(), each=4)
    assert asked == [(0, 2), (2, 4), (4, 5)]
    assert table["row"].to_pylist() == np.repeat(np.arange(5), 4).tolist()
    assert pieces.in_pieces(piece, 0, Scratch()).num_rows == 0
