"""The hashed draws behave as independent uniform numbers."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from scipy import stats

from ghostload.consumption.interval_demand import meter_keys
from ghostload.consumption.interval_tables import tables
from ghostload.streams import Streams

setup = importlib.import_module("ghostload.consumption.interval_setup")
numba = importlib.import_module("numba")


@numba.njit
def _fill(keys, first, days, out):  # pragma: no cover - compiled
    for i in range(len(keys)):
        for d in range(days):
            day_key = setup.address(keys[i], np.uint64(first + d))
            for s in range(out.shape[2]):
                out[i, d, s] = setup.mix(day_key + (np.uint64(s) + np.uint64(1)) * setup.GOLDEN)


@numba.njit
def _mix(z):  # pragma: no cover - compiled
    return setup.mix(z)


@pytest.fixture(scope="module")
def bits() -> np.ndarray:
    out = np.empty((120, 365, 16), np.uint64)
    _fill(meter_keys(np.arange(120), Streams(1)), 739_000, 365, out)
    return out


def test_the_mixer_is_the_one_of_splitmix64() -> None:
    """Known answers: the first numbers of that generator from seed 1234567."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + k * golden) % 2**64 for k in (1, 2, 3)]
    found = [int(_mix(np.uint64(state))) for state in states]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize(("shift", "width"), [(0, 16), (16, 10), (26, 10), (36, 10), (48, 16)])
def test_every_field_of_bits_is_uniform(bits, shift: int, width: int) -> None:
    field = (bits >> np.uint64(shift)) & np.uint64(2**width - 1)
    counts = np.bincount((field.ravel() >> np.uint64(width - 8)).astype(np.int64), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4
    assert stats.kstest((field[:, ::20].ravel() + 0.5) / 2.0**width, "uniform").pvalue > 1e-4


def test_draws_of_neighbouring_meters_days_slots_and_fields_are_uncorrelated(bits) -> None:
    low = (bits & np.uint64(0xFFFF)).astype(float)
    high = ((bits >> np.uint64(16)) & np.uint64(1023)).astype(float)
    pairs = {
        "meters": (low[1:], low[:-1]),
        "days": (low[:, 1:], low[:, :-1]),
        "weeks": (low[:, 7:], low[:, :-7]),
        "slots": (low[:, :, 1:], low[:, :, :-1]),
        "fields": (low, high),
    }
    for name, (a, b) in pairs.items():
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4.5 / np.sqrt(a.size), name


def test_no_two_draws_are_the_same_and_bits_are_balanced(bits) -> None:
    assert len(np.unique(bits)) == bits.size
    ones = np.unpackbits(bits.view(np.uint8), bitorder="little").reshape(-1, 64).mean(axis=0)
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(bits.size)


def test_meter_keys_depend_on_seed_and_meter_alone() -> None:
    whole = meter_keys(np.arange(50), Streams(4))
    np.testing.assert_array_equal(meter_keys(np.array([20, 7]), Streams(4)), whole[[20, 7]])
    assert len(np.unique(np.concatenate([whole, meter_keys(np.arange(50), Streams(5))]))) == 100


def test_kinds_of_draws_have_addresses_of_their_own() -> None:
    slots = {s + 1 for s in range(16)}
    noise = {int(setup.NOISE) + k for k in range(6)}
    assert len(slots | noise | {int(setup._DAY) + 1}) == 16 + 6 + 1


def test_tables_are_quantiles_with_the_moments_they_should_have() -> None:
    table = tables()
    grid = (np.arange(1024) + 0.5) / 1024
    np.testing.assert_allclose(table.normal, stats.norm.ppf(grid), atol=1e-6)
    for values in (table.own_size, table.use_size, table.length):
        assert abs(values.mean() - 1.0) < 1e-5
        assert (np.diff(values) > 0).all()
    np.testing.assert_allclose(table.exp, np.exp(-3.0 + np.arange(len(table.exp)) / 128.0), rtol=1e-6)
    week = (
        5 * table.activity[:, 0].mean(axis=1) + table.activity[:, 1].mean(axis=1) + table.activity[:, 2].mean(axis=1)
    ) / 7
    np.testing.assert_allclose(week, 1.0, atol=1e-5)
    assert table.away_days.min() == 1
    assert table.away_days.max() == setup.LONGEST_AWAY
