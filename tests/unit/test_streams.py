from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ghostload.streams import AT_ONCE, BLOCK, Stage, Streams, spans

positions = st.integers(0, 3 * BLOCK)


@given(positions, positions, st.integers(1, 5), st.integers(0, 2**40))
def test_a_row_is_the_same_in_whichever_range_it_is_asked_for(a: int, b: int, width: int, seed: int) -> None:
    start, stop = sorted((a, b))
    streams = Streams(seed)
    whole = streams.normal(Stage.MONTH_NOISE, 0, 3 * BLOCK + 1, width, 2025)
    np.testing.assert_array_equal(streams.normal(Stage.MONTH_NOISE, start, stop, width, 2025), whole[start:stop])


def test_stages_addresses_and_seeds_give_unrelated_numbers() -> None:
    draws = [
        Streams(seed).uniform(stage, 0, 2000, 1, *address)[:, 0]
        for seed in (1, 2)
        for stage in (Stage.METER_PLACE, Stage.METER_ERROR)
        for address in ((), (0,), (0, 0), (1,))
    ]
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 0.1
    assert len({d.tobytes() for d in draws}) == len(draws)


def test_uniform_and_normal_have_their_moments() -> None:
    streams = Streams(7)
    uniform = streams.uniform(Stage.METER_PLACE, 0, 100_000, 1)
    normal = streams.normal(Stage.METER_PLACE, 0, 100_000, 1)
    assert abs(uniform.mean() - 0.5) < 0.005
    assert abs(normal.mean()) < 0.015
    assert abs(normal.std() - 1.0) < 0.01
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0


def test_an_empty_range_gives_no_rows() -> None:
    assert Streams(1).uniform(Stage.METER_PLACE, 5, 5, 3).shape == (0, 3)


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Streams(3).normal(Stage.METER_PLACE, 0, 10, 2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@given(st.integers(0, 5 * AT_ONCE))
def test_spans_are_all_in_order_and_of_whole_blocks_but_for_the_last(count: int) -> None:
    parts = list(spans(count))
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])][: len(parts)]
    assert sum(part.stop - part.start for part in parts) == count
    assert all(part.stop - part.start == AT_ONCE for part in parts[:-1])
    assert AT_ONCE % BLOCK == 0


def test_spans_of_wide_rows_hold_as_many_entities() -> None:
    assert list(spans(5, AT_ONCE // 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(spans(2, 3 * AT_ONCE)) == [slice(0, 1), slice(1, 2)]
