"""Sizes and angles of voltages, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid.kernels.polar import polar

NONE = np.empty((0, 0))


def of(v: np.ndarray, node_of_bus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes, angles = np.empty((len(v), len(node_of_bus))), np.empty((len(v), len(node_of_bus)))
    polar(v, node_of_bus, sizes, angles)
    return sizes, angles


@pytest.mark.parametrize("nodes", [1, 7, 8, 9, 1000])
def test_sizes_and_angles_are_those_of_numpy(nodes: int) -> None:
    rng = np.random.default_rng(nodes)
    v = rng.lognormal(0.0, 2.0, (20, nodes)) * np.exp(1j * rng.uniform(-np.pi, np.pi, (20, nodes)))
    sizes, angles = of(v, np.arange(nodes))
    np.testing.assert_allclose(sizes, np.abs(v), rtol=4e-16)
    np.testing.assert_allclose(angles, np.degrees(np.angle(v)), rtol=5e-16, atol=1e-300)


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-8, 1e8), st.floats(1e-8, 1e8), st.sampled_from([1, -1]), st.sampled_from([1, -1]))
def test_any_vector_is_as_numpy_has_it(x: float, y: float, left: int, down: int) -> None:
    v = np.array([[complex(left * x, down * y)]])
    sizes, angles = of(v, np.arange(1))
    np.testing.assert_allclose(sizes, np.abs(v), rtol=4e-16)
    np.testing.assert_allclose(angles, np.degrees(np.angle(v)), rtol=5e-16)


def test_the_eighths_of_the_circle_are_exact() -> None:
    v = np.array([[1, 1 + 1j, 1j, -1 + 1j, -1, -1 - 1j, -1j, 1 - 1j]], np.complex128)
    np.testing.assert_array_equal(of(v, np.arange(8))[1], [[0, 45, 90, 135, 180, -135, -90, -45]])


def test_buses_share_nodes_or_have_none() -> None:
    v = np.array([[1.0 + 0.5j, complex(np.nan, np.nan)]])
    sizes, angles = of(v, np.array([0, -1, 1, 0]))
    np.testing.assert_array_equal(np.isnan(sizes), [[False, True, True, False]])
    np.testing.assert_array_equal(np.isnan(angles), [[False, True, True, False]])
    assert sizes[0, 0] == sizes[0, 3]


def test_either_may_be_left_out() -> None:
    v = np.array([[3.0 + 4.0j, 1.0j]])
    sizes, angles = np.empty((1, 2)), np.empty((1, 2))
    polar(v, np.arange(2), sizes, NONE)
    polar(v, np.arange(2), NONE, angles)
    np.testing.assert_array_equal(sizes, [[5.0, 1.0]])
    np.testing.assert_allclose(angles, [[np.degrees(np.arctan2(4.0, 3.0)), 90.0]], rtol=1e-15)
