"""What lies in files without names reads as if it were in memory, and leaves nothing behind."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ghostload.errors import OutputError
from ghostload.scratch import KeptTable, Scratch, let_go


@pytest.fixture(params=[0, 1 << 20], ids=["in files", "in memory"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """Where nothing is small enough for memory, and where all is."""
    monkeypatch.setattr(Scratch, "IN_MEMORY", request.param)
    return Scratch(tmp_path / "made")


def _piece(start: int, stop: int) -> pa.Table:
    numbers = np.arange(start, stop)
    names = pa.DictionaryArray.from_arrays(pa.array(numbers % 2, pa.int8()), pa.array(["even", "odd"]))
    return pa.table(
        {
            "id": pa.array([f"n{n}" for n in numbers], pa.string()),
            "value": pa.array(numbers, mask=numbers % 7 == 0),
            "kind": names,
        }
    )


def _fill(table: KeptTable) -> None:
    for start in range(0, 100_000, 10_000):
        table.add(_piece(start, start + 10_000))


def test_an_array_is_zero_until_it_is_written_and_holds_what_was(scratch: Scratch) -> None:
    made = scratch.zeros((3, 5), np.int16)
    assert made.dtype == np.dtype(np.int16)
    assert not made.any()
    made[1, 2:] = [4, 5, 6]
    let_go()
    assert made.tolist() == [[0] * 5, [0, 0, 4, 5, 6], [0] * 5]


def test_a_kept_array_equals_its_original(scratch: Scratch) -> None:
    original = np.arange(1000.0)[::3]
    kept = scratch.kept(original)
    let_go()
    np.testing.assert_array_equal(kept, original)


def test_an_array_of_nothing_can_be_had(scratch: Scratch) -> None:
    assert scratch.zeros((0, 4)).shape == (0, 4)
    assert scratch.kept(np.empty(0, np.int8)).dtype == np.int8


@pytest.mark.parametrize("lengths", [[5], [0], [0, 3, 0, 1], [2, 2, 700, 1, 40]])
def test_an_array_is_its_pieces_in_their_order(scratch: Scratch, lengths: list[int]) -> None:
    pieces = [np.random.default_rng(n).random((n, 3)) for n in lengths]
    made = scratch.array()
    for piece in pieces:
        made.add(piece)
        let_go()
    whole = made.whole()
    np.testing.assert_array_equal(whole, np.concatenate(pieces))
    assert whole.flags.c_contiguous


def test_a_table_is_the_pieces_in_their_order(scratch: Scratch) -> None:
    pieces = [_piece(0, 10), _piece(10, 10), _piece(10, 300)]
    table = scratch.table()
    for piece in pieces:
        table.add(piece)
    whole = table.whole()
    let_go()
    whole.validate(full=True)
    assert whole.equals(pa.concat_tables(pieces))


def test_what_is_in_files_outlives_its_maker_and_leaves_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    scratch = Scratch(tmp_path)
    array, table = scratch.kept(np.arange(5000)), scratch.table()
    table.add(_piece(0, 5000))
    whole = table.whole()
    assert list(tmp_path.iterdir()) == []
    del scratch, table
    gc.collect()
    assert array.sum() == 12_497_500
    assert whole["id"][-1].as_py() == "n4999"


def test_what_is_small_makes_no_file(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "none")
    scratch.zeros(10)
    table = scratch.table()
    table.add(_piece(0, 5))
    table.whole()
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
def test_a_disk_that_takes_nothing_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource
    import signal

    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    scratch, before = Scratch(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(OutputError, match=r"cannot keep what does not fit in memory: .*; free some space"):
            scratch.zeros(1_000_000, np.uint8)
        table = scratch.table()
        with pytest.raises(OutputError, match=r"cannot keep what does not fit in memory: .*; free some space"):
            _fill(table)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
