"""Checks that work in parts find what they would find in one go."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from ghostload.dataset import Dataset
from ghostload.validation import leak_features
from ghostload.validation.context import Context
from ghostload.validation.keys import _repeated


def test_keys_that_stand_twice_are_found_whatever_they_end_with() -> None:
    rng = np.random.default_rng(7)
    ends = rng.choice(["", "é", " 2025-01"], 900)
    words = ["", "", *(f"{n}{end}" for n, end in zip(rng.integers(300, size=900), ends, strict=True))]
    found = _repeated_of(words)
    assert sorted(found) == sorted(word for word, count in Counter(words).items() if count > 1)
    assert "" in found
    assert _repeated(pa.array([], pa.string())).to_pylist() == []


def test_means_do_not_depend_on_the_blocks_of_meters(sound: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(sound)
    whole = leak_features._row_means(context.kwh)
    for block in (1, 7, len(whole) - 1):
        monkeypatch.setattr(leak_features, "_BLOCK", block)
        assert np.array_equal(leak_features._all_means(context), whole), block


def test_months_of_some_meters_are_their_rows(sound: Dataset) -> None:
    context, rows = Context(sound), np.array([5, 0, 5])
    assert np.array_equal(context.kwh_of(rows), context.kwh[rows])
    assert np.array_equal(np.column_stack(context.months_kwh), context.kwh)


def test_decoded_text_is_not_kept(sound: Dataset) -> None:
    encoded = sound.tables["meters"]["barangay"].cast(pa.string()).combine_chunks().dictionary_encode()
    at = sound.tables["meters"].column_names.index("barangay")
    table = sound.tables["meters"].set_column(at, "barangay", encoded)
    context = Context(Dataset({**sound.tables, "meters": table}))
    assert context.text("meters", "barangay").equals(encoded.cast(pa.string()))
    assert context.text("meters", "barangay") is not context.text("meters", "barangay")
    assert context.text("meters", "meter_id") is context.text("meters", "meter_id")
