from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ghostload.config import MeteringConfig
from ghostload.metering import registered_kwh
from ghostload.streams import Streams

energy = arrays(np.float64, (4, 9), elements=st.floats(0, 1e5))


@given(energy, st.integers(0, 3))
def test_months_are_whole_last_digits_and_lose_at_most_one_in_total(kwh: np.ndarray, decimals: int) -> None:
    metering = MeteringConfig(register_decimals=decimals, error_sd=0.0)
    registered = registered_kwh(kwh, metering, Streams(1))
    step = 10.0**-decimals
    assert (registered >= 0).all()
    np.testing.assert_allclose(registered / step, np.rint(registered / step), atol=1e-5)
    np.testing.assert_allclose(np.cumsum(registered, axis=1), np.cumsum(kwh, axis=1), atol=0.51 * step)


@given(energy)
def test_a_meter_runs_at_one_rate_within_three_standard_deviations(kwh: np.ndarray) -> None:
    metering = MeteringConfig(register_decimals=3, error_sd=0.01)
    registered = registered_kwh(kwh, metering, Streams(1)).sum(axis=1)
    assert (np.abs(registered - kwh.sum(axis=1)) <= 0.03 * kwh.sum(axis=1) + 0.001).all()


@given(energy, st.integers(1, 8))
def test_months_that_follow_change_no_month_before(kwh: np.ndarray, months: int) -> None:
    whole = registered_kwh(kwh, MeteringConfig(), Streams(1))
    np.testing.assert_array_equal(registered_kwh(kwh[:, :months], MeteringConfig(), Streams(1)), whole[:, :months])


def test_the_error_belongs_to_the_meter_number() -> None:
    kwh = np.full((10, 1), 1e6)
    whole = registered_kwh(kwh, MeteringConfig(), Streams(1))
    np.testing.assert_array_equal(registered_kwh(kwh[4:], MeteringConfig(), Streams(1), start=4), whole[4:])
    assert len(np.unique(whole)) == 10
