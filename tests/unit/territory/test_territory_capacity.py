"""Diversified peaks follow what was measured; ratings are standard ones that fit them."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ghostload.errors import ConfigError
from ghostload.streams import Streams
from ghostload.territory import STANDARD_RATINGS_KVA, diversified_peak_kva, fit_capacity_kva, standard_ratings_in
from ghostload.territory.capacity import shared_and_own_kva

WHOLE = (10.0, 1000.0)

# Coincidence of n homes, 10 and 90 % of draws: half-hourly readings of 41 homes (SGSC), see docs/territory.md.
MEASURED = {2: (0.61, 0.82), 3: (0.51, 0.68), 5: (0.39, 0.53), 8: (0.32, 0.43), 12: (0.28, 0.35), 20: (0.24, 0.30),
            30: (0.22, 0.25)}  # fmt: skip
HOUR_OVER_HALF_HOUR = (0.77, 1.0)
"""An hour's peak over a half hour's, of one home in the interval model and of very many."""


def coincidence(peaks: np.ndarray, class_index: int = 0) -> float:
    count = len(peaks)
    shared = diversified_peak_kva(peaks, np.full(count, class_index), np.zeros(count, dtype=int), 1)
    return float(shared[0] / peaks.sum())


def homes(count: int, seed: int = 0) -> np.ndarray:
    """Peaks as measured: 4.5, 6.1 and 10.2 kW at 5, 50 and 95 %."""
    return 6.1 * np.exp(0.25 * np.random.default_rng(seed).standard_normal(count))


@pytest.mark.parametrize("count", MEASURED)
def test_hourly_coincidence_of_homes_lies_within_the_measured_band_of_half_hours(count):
    low, high = MEASURED[count]
    found = np.mean([coincidence(homes(count, seed)) for seed in range(50)])
    assert HOUR_OVER_HALF_HOUR[0] * low <= found <= HOUR_OVER_HALF_HOUR[1] * high


def test_coincidence_of_41_homes_is_near_what_was_measured():
    found = np.mean([coincidence(homes(41, seed)) for seed in range(50)])
    assert 0.9 * 0.215 < found < 0.215


def test_shops_and_works_peak_together_more_than_homes():
    peaks = homes(8)
    home, shop, works = (coincidence(peaks, index) for index in range(3))
    assert home < min(shop, works) / 1.8
    assert 1.25 < 1 / shop < 1.5
    assert 1.25 < 1 / works < 1.6


def test_one_customers_peak_is_its_own():
    for index in range(3):
        assert coincidence(np.array([7.0]), index) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(0.01, 900), st.integers(0, 2), st.integers(0, 5)), max_size=60), st.integers(1, 70))
def test_sums_are_those_of_the_meters_in_their_order_to_the_last_bit(meters, at_once):
    kva, index, home = (np.array(column) for column in zip(*meters, strict=True)) if meters else (np.zeros(0, int),) * 3
    shared, own = shared_and_own_kva(kva, index)
    together, apart = (np.bincount(home, weights=weights, minlength=6) for weights in (shared, own**2))
    wanted = together + np.sqrt(apart)
    for number in np.unique(home):
        wanted[number] = max(wanted[number], kva[home == number].max())
    with patch("ghostload.streams.AT_ONCE", at_once):
        assert diversified_peak_kva(kva, index, home, 6).tolist() == wanted.tolist()


def test_each_transformer_has_the_peak_of_its_own_meters():
    peaks = diversified_peak_kva(np.array([3.0, 4.0, 5.0]), np.array([0, 1, 2]), np.array([2, 0, 2]), 4)
    assert peaks[0] == pytest.approx(4.0)
    assert peaks[[1, 3]].tolist() == [0, 0]
    assert 5.0 < peaks[2] < 8.0


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(1, 60), elements=st.just(0.0) | st.floats(0.01, 500)),
    st.randoms(use_true_random=False),
)
def test_a_shared_peak_lies_between_the_largest_share_and_the_sum(peaks, random):
    index = np.array([random.randrange(3) for _ in peaks])
    shared = diversified_peak_kva(peaks, index, np.zeros(len(peaks), dtype=int), 1)[0]
    assert shared <= peaks.sum() * (1 + 1e-12) + 1e-12
    assert shared >= peaks.max() * (1 - 1e-12)


def test_ratings_are_standard_and_within_the_range():
    peaks = np.geomspace(0.1, 5000, 3000)
    fitted = fit_capacity_kva(peaks, (37.5, 333.0), Streams(1))
    assert set(fitted.tolist()) <= {r for r in STANDARD_RATINGS_KVA if 37.5 <= r <= 333}
    assert fitted[0] == 37.5
    assert fitted[-1] == 333


def test_loading_spreads_over_what_is_believable():
    peaks = 45 * np.exp(0.6 * np.random.default_rng(2).standard_normal(5000))
    loading = peaks / fit_capacity_kva(peaks, WHOLE, Streams(3))
    assert ((loading >= 0.3) & (loading <= 1.1)).mean() > 0.95
    assert 0.60 <= np.median(loading) <= 0.75
    assert loading.std() > 0.12
    assert (loading > 0.9).mean() > 0.02


def test_no_planned_peak_is_above_its_rating_where_a_larger_one_is_made():
    peaks = 60 * np.exp(0.9 * np.random.default_rng(6).standard_normal(20_000))
    fitted = fit_capacity_kva(peaks, WHOLE, Streams(5))
    over = peaks > fitted
    assert (fitted[over] == 1000.0).all()
    assert over.any()


def test_a_peak_above_every_rating_keeps_the_largest():
    assert fit_capacity_kva(np.array([9e3]), WHOLE, Streams(1)).tolist() == [1000.0]


def test_a_rating_depends_on_its_own_transformer_alone():
    peaks = np.full(3000, 60.0)
    few, many = fit_capacity_kva(peaks[:10], WHOLE, Streams(4)), fit_capacity_kva(peaks, WHOLE, Streams(4))
    assert (few == many[:10]).all()
    assert len(np.unique(many)) > 2


def test_the_range_is_inclusive():
    assert standard_ratings_in((25.0, 50.0)).tolist() == [25.0, 37.5, 50.0]
    assert standard_ratings_in((75.0, 75.0)).tolist() == [75.0]


def test_a_range_without_a_standard_rating_is_refused():
    with pytest.raises(ConfigError, match=r"transformer_capacity_range: \(51, 74\) holds no standard rating; widen it"):
        fit_capacity_kva(np.ones(1), (51.0, 74.0), Streams(1))
