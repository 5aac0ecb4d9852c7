"""Checks that work in parts find what they would find in one go."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import shapely
import validation_samples as samples
from test_validation_every_check import BROKEN
from validation_samples import with_table

from ghostload import GeneratorConfig, SyntheticDataPipeline, streams
from ghostload.dataset import Dataset, columns
from ghostload.scratch import Scratch
from ghostload.validation import CHECKS, Context, feeders, leak_features, run_check
from ghostload.validation import leak as leak_module
from ghostload.validation.keys import _repeated


def _chunked(dataset: Dataset) -> Dataset:
    """The same tables in chunks of three sizes, with some text coded."""
    for name, table in dataset.tables.items():
        cuts = [0, table.num_rows // 7, table.num_rows // 2, table.num_rows]
        parts = pa.concat_tables([table.slice(low, high - low) for low, high in pairwise(cuts)])
        for column in ("transformer_id", "feeder_id", "customer_class"):
            if column in parts.column_names and pa.types.is_string(parts[column].type):
                at = parts.column_names.index(column)
                parts = parts.set_column(at, column, parts[column].dictionary_encode())
        dataset = with_table(dataset, name, parts)
    return dataset


@pytest.mark.parametrize("name", BROKEN)
def test_no_finding_depends_on_pieces_chunks_or_files(
    sound: Dataset, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BROKEN[name][2](sound)
    whole = run_check(CHECKS.get(name), Context(broken))
    monkeypatch.setattr(streams, "AT_ONCE", 7)
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    assert run_check(CHECKS.get(name), Context(_chunked(broken))) == whole
    assert whole


def _repeated_of(words: list[str]) -> list[str]:
    column = pa.chunked_array([words], pa.string())
    keys = column.combine_chunks()
    return [
        str(word)
        for word in _repeated(keys, lambda rows: columns.cells_at(column, rows, pa.string()), len(words)).to_pylist()
    ]


def test_keys_that_stand_twice_are_found_whatever_they_end_with() -> None:
    rng = np.random.default_rng(7)
    ends = rng.choice(["", "é", " 2025-01"], 900)
    words = ["", "", *(f"{n}{end}" for n, end in zip(rng.integers(300, size=900), ends, strict=True))]
    found = _repeated_of(words)
    assert sorted(found) == sorted(word for word, count in Counter(words).items() if count > 1)
    assert "" in found
    assert _repeated_of([]) == []


def test_keys_that_stand_twice_come_in_the_order_of_last_characters_then_of_rows() -> None:
    assert _repeated_of(["x1", "a2", "b1", "a2", "b1", "c3", "a1", "a1", "c3"]) == ["b1", "a1", "a2", "c3"]


def test_means_do_not_depend_on_the_pieces(sound: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = leak_features._usual(Context(sound))
    assert np.array_equal(whole.means, leak_features._row_means(Context(sound).kwh))
    for piece in (1, 7, samples.METERS - 1):
        monkeypatch.setattr(streams, "AT_ONCE", piece)
        parts = leak_features._usual(Context(sound))
        for name in ("means", "of_class", "median_of_class", "of_transformer"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)


def test_medians_of_classes_are_those_of_numpy(sound: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(sound)
    kva, classes = context.numbers("meters", "kVA"), context.class_index
    monkeypatch.setattr(streams, "AT_ONCE", 50)
    found = leak_features._class_medians(context, context.floats("meters", "kVA"))
    assert found[:-1].tolist() == [np.median(kva[classes == number]) for number in range(3)]
    assert np.isnan(found[-1])


def test_a_sample_is_spread_evenly_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = np.random.default_rng(3).random(1000) < 0.2
    monkeypatch.setattr(leak_module, "SCREEN_METERS", 30)
    monkeypatch.setattr(streams, "AT_ONCE", 13)
    for wanted in (True, False):
        rows = np.flatnonzero(listed == wanted)
        assert leak_module._spread(listed, wanted).tolist() == rows[:: len(rows) // 30].tolist()


def test_months_of_some_meters_are_their_rows(sound: Dataset) -> None:
    context, rows = Context(sound), np.array([5, 0, 5])
    assert np.array_equal(context.kwh_of(rows), context.kwh[rows])
    assert np.array_equal(np.column_stack(context.months_kwh), context.kwh)


@pytest.mark.parametrize("rows", [[], [5, 0, 5], [479], [3, 60, 300], list(range(480))])
def test_cells_in_any_order_are_those_of_the_whole_column(sound: Dataset, rows: list[int]) -> None:
    context, at = Context(_chunked(sound)), np.array(rows, dtype=np.int64)
    for column in ("meter_id", "transformer_id"):
        whole = sound.tables["meters"][column].to_pylist()
        assert context.texts("meters", column)(at).to_pylist() == [whole[row] for row in rows]
    assert context.floats("meters", "kVA")(at).tolist() == context.numbers("meters", "kVA")[at].tolist()


def test_decoded_text_is_not_kept(sound: Dataset) -> None:
    encoded = sound.tables["meters"]["barangay"].cast(pa.string()).combine_chunks().dictionary_encode()
    at = sound.tables["meters"].column_names.index("barangay")
    table = sound.tables["meters"].set_column(at, "barangay", encoded)
    context = Context(Dataset({**sound.tables, "meters": table}))
    assert context.text("meters", "barangay").equals(encoded.cast(pa.string()))
    assert context.text("meters", "barangay") is not context.text("meters", "barangay")
    assert context.text("meters", "meter_id") is context.text("meters", "meter_id")


def test_hulls_of_feeders_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    of = np.unique(np.sort(rng.integers(0, 12, 90)), return_inverse=True)[1].astype(np.int64)
    x, y = np.round(rng.random(90), 2), np.round(rng.random(90), 2)
    count = int(of[-1]) + 1
    whole = feeders._hulls(x, y, of, count)
    assert shapely.equals_exact(
        whole, shapely.convex_hull(shapely.multipoints(np.column_stack([x, y]), indices=of))
    ).all()
    for piece in (1, 8, 30):
        monkeypatch.setattr(streams, "AT_ONCE", piece)
        assert shapely.equals_exact(feeders._hulls(x, y, of, count), whole).all(), piece


def test_hulls_that_share_little_are_told_without_their_union(monkeypatch: pytest.MonkeyPatch) -> None:
    hulls = np.array([shapely.box(3 * i, 0, 3 * i + 4, 1) for i in range(9)])  # each shares 1 of 4 with the next
    for at_once in (2, 64):
        monkeypatch.setattr(feeders, "_HULLS", at_once)
        assert feeders._overlaps_at_most(hulls, 8.0)
        assert not feeders._overlaps_at_most(hulls, 7.9)


def test_elements_of_a_set_whose_feeders_serve_nobody_are_compared_with_nothing() -> None:
    made = SyntheticDataPipeline(GeneratorConfig(num_meters=40, num_months=1)).build()
    empty = with_table(made, "meters", made.tables["meters"].slice(0, 0))
    assert made.tables["network_losses"].num_rows
    assert run_check(CHECKS.get("elements_lose_what_feeders_do"), Context(empty)) == ()
