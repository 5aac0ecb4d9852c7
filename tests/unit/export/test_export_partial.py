"""Workers that make the same file at once, and die midway, spoil nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ghostload.config import GeneratorConfig
from ghostload.dataset.readings import key_columns, month_table
from ghostload.export import BlockStore, Workspace, block_store
from ghostload.export.partial import whole_or_not
from ghostload.export.readings import FeederFiles
from ghostload.schema_in_time import TRUTH

FILE = "truth/feeder=FD_01/part-0.parquet"


class LostError(Exception):
    """Stands for the end of a worker."""


def _maker(folder: Path) -> FeederFiles:
    return FeederFiles(folder, "FD_01", [TRUTH], 480, flow=False)


def _month(files: FeederFiles, first: int) -> None:
    keys = key_columns(pa.array(["MTR_000001"]), np.arange(first, first + 24) * 3_600_000)
    files.write("truth", month_table(files.schemas["truth"], *keys, {"true_wh": np.arange(24, dtype=np.int32)}))


def _die_midway(folder: Path) -> None:
    with _maker(folder) as files:
        _month(files, 24)
        raise LostError


def _leave_a_file_and_a_piece(target: Path, config: GeneratorConfig) -> None:
    with Workspace(target) as workspace:
        folder = block_store(workspace, config).folder
        with _maker(folder) as files:
            _month(files, 0)
        (folder / FILE).with_name(".part-0.parquet.0123.partial").write_bytes(b"PAR1")
        raise LostError


def test_a_second_maker_that_dies_midway_leaves_the_finished_file(tmp_path: Path) -> None:
    with _maker(tmp_path) as first:
        _month(first, 0)
    whole = (tmp_path / FILE).read_bytes()
    with pytest.raises(LostError):
        _die_midway(tmp_path)
    assert (tmp_path / FILE).read_bytes() == whole
    assert [path.name for path in (tmp_path / FILE).parent.iterdir()] == ["part-0.parquet"]


def test_two_makers_of_one_feeder_in_one_thread_do_not_meet(tmp_path: Path) -> None:
    with _maker(tmp_path) as late:
        _month(late, 0)
        with _maker(tmp_path) as early:
            _month(early, 0)
            _month(early, 24)
        assert pq.ParquetFile(tmp_path / FILE).metadata.num_rows == 48
        _month(late, 24)
    assert pq.ParquetFile(tmp_path / FILE).metadata.num_rows == 48
    assert late.stored()[FILE].sha256 == early.stored()[FILE].sha256


def test_a_block_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlockStore(tmp_path)
    store.put("x", {"a": np.arange(50)})

    def fail(self: Path, target: Path) -> None:
        raise LostError

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(LostError):
        store.put("x", {"a": np.arange(60)})
    found = store.get("x")
    assert found is not None
    assert len(found["a"]) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["x.block"]


@pytest.mark.parametrize("resume", [True, False])
def test_what_a_killed_worker_left_is_swept_at_the_next_start(tmp_path: Path, resume: bool) -> None:
    config = GeneratorConfig(num_meters=20)
    with pytest.raises(LostError):
        _leave_a_file_and_a_piece(tmp_path / "set", config)
    assert len(list(tmp_path.rglob("*.partial"))) == 1
    with Workspace(tmp_path / "set") as workspace:
        store = block_store(workspace, config, resume=resume)
        assert not list(store.folder.rglob("*.partial"))
        assert (store.folder / FILE).exists() == resume


def test_a_finished_file_may_be_read_by_whoever_may_read_others(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with whole_or_not(tmp_path / "made") as stream:
        stream.write(b"1")
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "made")]  # noqa: PTH116
    assert modes[0] == modes[1]
