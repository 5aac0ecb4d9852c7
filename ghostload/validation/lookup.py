"""Where an id stands in a column of ids of any make, in any order, without a copy of the column in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload.dataset.columns import Rows
from ghostload.scratch import Scratch
from ghostload.streams import IntArray
from ghostload.validation.pieces import pieces

Texts = Callable[[Rows], pa.Array]
"""Gives the texts of some rows."""
Words = NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiples of it are spread evenly (Knuth, The Art of Computer Programming 3, 6.4)."""
_HALF = np.uint64(32)


def hashes(texts: pa.Array) -> Words:
    """Return 64 bits for each text; equal texts have equal ones, and different texts hardly ever.

    Parameters
    ----------
    texts : (n,) array of string
        What a null gives has no meaning.
    """
    count = len(texts)
    found = np.zeros(count, dtype=np.uint64)
    if not count:
        return found
    _, ends, data = texts.buffers()
    edges = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + count + 1].astype(np.int64)
    letters = np.frombuffer(data, np.uint8) if data else np.zeros(0, dtype=np.uint8)
    sizes = np.diff(edges)
    if (sizes == sizes[0]).all():
        return _mixed(letters[edges[0] : edges[-1]].reshape(count, -1))
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        found[rows] = _mixed(letters[edges[rows][:, None] + np.arange(size)])
    return found


def _mixed(letters: NDArray[np.uint8]) -> Words:
    """Mix the letters of texts of the same length, eight at a time."""
    count, size = letters.shape
    padded = np.zeros((count, -(-max(size, 1) // 8) * 8), dtype=np.uint8)
    padded[:, :size] = letters
    value = np.full(count, size, dtype=np.uint64)
    for word in padded.view(np.uint64).T:
        value = (value ^ word) * _ODD
        value ^= value >> _HALF
    return value * _ODD


class Lookup:
    """Finds the row at which a text first stands.

    For each row there is a word: the upper bits are those of the text's hash, the lower ones the row. Words are sorted;
    where hashes are equal texts are compared.

    Parameters
    ----------
    texts : callable (rows) -> (n,) array of string
        Gives the texts; a null is never found.
    count : int
        Number of rows.
    scratch : Scratch
        Where the words are, eight bytes a row.
    """

    def __init__(self, texts: Texts, count: int, scratch: Scratch) -> None:
        self._texts = texts
        self._low = np.uint64(max(count, 1).bit_length())
        self._rows = np.uint64((1 << int(self._low)) - 1)
        words: Words = scratch.zeros(count, np.uint64)
        size = 0
        for rows in pieces(count):
            part = texts(rows)
            there = np.flatnonzero(_is_there(part))
            words[size : size + len(there)] = self._high(part)[there] | (there + rows.start).astype(np.uint64)
            size += len(there)
        self._words = words[:size]
        self._words.sort()

    def rows_of(self, values: pa.Array) -> IntArray:
        """Return the first row of each value, -1 where it does not stand, or is null."""
        found = np.full(len(values), -1, dtype=np.int64)
        high = self._high(values)
        at = np.searchsorted(self._words, high)
        left = np.flatnonzero(_is_there(values))
        while left.size:
            left = left[at[left] < len(self._words)]
            words = self._words[at[left]]
            near = (words & ~self._rows) == high[left]
            left, rows = left[near], (words[near] & self._rows).astype(np.int64)
            same = np.asarray(pc.equal(self._texts(rows), values.take(pa.array(left))), dtype=np.bool_)
            found[left[same]] = rows[same]
            left = left[~same]
            at[left] += 1
        return found

    def perhaps_twice(self) -> IntArray:
        """Return the rows, in order, whose hash another row has too: all whose text stands twice, and hardly more."""
        found = [np.zeros(0, dtype=np.int64)]
        for rows in pieces(max(len(self._words) - 1, 0)):
            words = self._words[rows.start : rows.stop + 1]
            same = (words[1:] & ~self._rows) == (words[:-1] & ~self._rows)
            if same.any():
                found += [(some[same] & self._rows).astype(np.int64) for some in (words[:-1], words[1:])]
        return np.unique(np.concatenate(found))

    def _high(self, texts: pa.Array) -> Words:
        return (hashes(texts) >> self._low) << self._low


def _is_there(texts: pa.Array) -> NDArray[Any]:
    if not texts.null_count:
        return np.ones(len(texts), dtype=np.bool_)
    return np.asarray(pc.is_valid(texts), dtype=np.bool_)


def rows_of(values: pa.Array, keys: pa.Array) -> IntArray:
    """Return the row in a few ``keys`` at which each value first stands, -1 where it does not, or is null."""
    found = pc.index_in(values, value_set=keys, skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1), dtype=np.int64)
