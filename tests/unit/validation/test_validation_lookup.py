"""Ids are found whatever they are and whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostload import streams
from ghostload.dataset import columns
from ghostload.scratch import Scratch
from ghostload.validation import lookup as lookup_module
from ghostload.validation.lookup import Lookup, hashes

IDS = st.lists(st.none() | st.text(st.sampled_from("aé0 🙂"), max_size=3) | st.text(max_size=20), max_size=40)


def _lookup(words: Sequence[str | None]) -> Lookup:
    column = pa.chunked_array([words[: len(words) // 3], words[len(words) // 3 :]], pa.string())
    return Lookup(partial(columns.cells_at, column, kind=pa.string()), len(words), Scratch())


def _first_rows(words: Sequence[str | None], values: Sequence[str | None]) -> list[int]:
    return [words.index(value) if value is not None and value in words else -1 for value in values]


@given(IDS, IDS)
def test_the_first_row_of_each_id_is_found(words: list[str | None], values: list[str | None]) -> None:
    asked = [*values, *words]
    assert _lookup(words).rows_of(pa.array(asked, pa.string())).tolist() == _first_rows(words, asked)


@given(IDS)
def test_all_that_stands_twice_is_among_what_perhaps_does(words: list[str | None]) -> None:
    twice = {row for row, word in enumerate(words) if word is not None and words.count(word) > 1}
    found = _lookup(words).perhaps_twice()
    assert twice <= set(found.tolist())
    assert found.tolist() == sorted(set(found.tolist()))


@pytest.mark.parametrize("kinds", [1, 3])
def test_ids_with_the_same_hash_are_told_apart_by_their_text(kinds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_module, "hashes", lambda texts: hashes(texts) % np.uint64(kinds) << np.uint64(60))
    words = [f"id {number * number % 50}" for number in range(40)]
    values = [f"id {number}" for number in range(50)]
    assert _lookup(words).rows_of(pa.array(values)).tolist() == _first_rows(words, values)


def test_pieces_and_files_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"MTR_{number * 7919 % 1000:06d}" for number in range(1500)]
    values = pa.array([f"MTR_{number:06d}" for number in range(-5, 1005)])
    whole, twice = _lookup(words).rows_of(values).tolist(), _lookup(words).perhaps_twice().tolist()
    monkeypatch.setattr(streams, "AT_ONCE", 64)
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    assert _lookup(words).rows_of(values).tolist() == whole
    assert _lookup(words).perhaps_twice().tolist() == twice == [*range(500), *range(1000, 1500)]


def test_hashes_are_of_the_text_alone() -> None:
    words = pa.array(["", "a", "ab", "abcdefgh", "abcdefghi", "a\0", "\0a", None, "ab"])
    whole = hashes(words)
    assert len(set(whole[:7].tolist())) == 7
    assert whole[2] == whole[8]
    assert hashes(words.slice(2, 3)).tolist() == whole[2:5].tolist()
    assert len(hashes(pa.array([], pa.string()))) == 0


def test_hashes_of_numbered_ids_are_spread_over_all_bits() -> None:
    found = hashes(pa.array([f"MTR_{number:06d}" for number in range(1 << 14)]))
    assert len(np.unique(found >> np.uint64(24))) == len(found)
    share = ((found[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=0)
    assert np.abs(share - 0.5).max() < 0.05
