from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.detection.steps import NOISE_FLOOR, NORMAL_MAD, largest_steps


def slow_drop(series, noise):
    """The definition, split by split."""
    length = len(series)
    shortest = max(1, length // 6)
    best = (0.0, 0.0)
    for a in range(shortest, length - shortest + 1):
        fall = series[:a].mean() - series[a:].mean()
        score = fall / (noise * np.sqrt(1 / a + 1 / (length - a)))
        best = max(best, (score, fall))
    return best


@given(st.integers(1, 6), st.integers(2, 30), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_steps_agree_with_the_definition(rows, length, seed):
    series = np.random.default_rng(seed).normal(size=(rows, length))
    own = np.median(np.abs(np.diff(series, axis=1)), axis=1) / (NORMAL_MAD * np.sqrt(2))
    noise = np.maximum(np.sqrt((own**2 + np.median(own) ** 2) / 2), NOISE_FLOOR)
    steps = largest_steps(series)
    for row in range(rows):
        assert (steps.drop[row], steps.drop_size[row]) == pytest.approx(slow_drop(series[row], noise[row]))
        assert (steps.rise[row], steps.rise_size[row]) == pytest.approx(slow_drop(-series[row], noise[row]))


def test_one_month_has_no_step():
    steps = largest_steps(np.ones((3, 1)))
    assert not np.concatenate([steps.drop, steps.drop_size, steps.rise, steps.rise_size]).any()


def test_a_flat_series_has_no_step():
    steps = largest_steps(np.zeros((2, 12)))
    assert not steps.drop.any()
    assert not steps.rise.any()


def test_one_odd_month_at_the_end_weighs_less_than_a_lasting_fall():
    calm = 0.1 * np.random.default_rng(0).standard_normal((50, 12))
    calm[0, 11] -= 1.0
    calm[1, 8:] -= 1.0
    drop = largest_steps(calm).drop
    assert drop[1] > 1.5 * drop[0]


def test_noise_makes_the_same_fall_less_telling():
    rng = np.random.default_rng(1)
    series = np.vstack([0.02 * rng.standard_normal((20, 24)), 0.5 * rng.standard_normal((1, 24))])
    series[[0, 20], 12:] -= 0.6
    drop = largest_steps(series).drop
    assert drop[0] > 2 * drop[20]
