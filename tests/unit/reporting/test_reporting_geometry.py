from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from reporting_tables import NASTY, region

from ghostload.reporting.geometry import (
    EARTH_RADIUS_M,
    can_be_drawn,
    distinct_colours,
    districts,
    flatten,
    hulls,
    mercator,
)


@given(st.floats(-85, 85), st.floats(-180, 180))
def test_mercator_can_be_undone(lat: float, lon: float) -> None:
    x, y = mercator(np.array([lat]), np.array([lon]))
    back_lat = np.degrees(2 * np.arctan(np.exp(y / EARTH_RADIUS_M)) - np.pi / 2)
    assert back_lat[0] == pytest.approx(lat, abs=1e-9)
    assert np.degrees(x / EARTH_RADIUS_M)[0] == pytest.approx(lon, abs=1e-9)


def test_places_that_do_not_exist_are_not_drawn() -> None:
    lat = np.array([14.5, np.nan, 91.0, 14.5, 14.5])
    lon = np.array([121.0, 121.0, 121.0, np.inf, -181.0])
    assert can_be_drawn(lat, lon).tolist() == [True, False, False, False, False]


def test_a_district_keeps_its_name_and_its_hole_and_points_are_left_out() -> None:
    names, shapes = districts(region())
    assert names == [NASTY]
    assert shapes.ring_size.tolist() == [5, 5]
    assert shapes.ring_polygon.tolist() == [0, 0]
    assert shapes.polygon_owner.tolist() == [0]


@pytest.mark.parametrize("empty", [None, {}, {"features": []}])
def test_without_a_region_there_are_no_districts(empty: dict | None) -> None:
    names, shapes = districts(empty)
    assert names == []
    assert shapes.x_m.size == 0


def test_a_district_without_a_name_has_an_empty_one() -> None:
    nameless = region()
    nameless["features"][0]["properties"] = None
    assert districts(nameless)[0] == [""]


def test_a_hull_holds_its_points_with_the_margin_and_no_others() -> None:
    x, y = np.array([0.0, 100.0, 50.0, 9000.0]), np.array([0.0, 0.0, 80.0, 9000.0])
    found = hulls(x, y, np.array([0, 0, 0, 2]), 4, 10.0)
    assert shapely.is_empty(found).tolist() == [False, True, False, True]
    assert found[0].contains(shapely.Point(-9, 0))
    assert not found[0].contains(shapely.Point(-11, 0))
    assert found[2].area == pytest.approx(np.pi * 100, rel=0.05)


def test_empty_hulls_flatten_to_nothing() -> None:
    assert flatten(hulls(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), 2, 5.0)).polygon_owner.size == 0


def test_few_shapes_get_a_colour_each() -> None:
    shapes = shapely.buffer(shapely.points(np.arange(5.0), np.zeros(5)), 10.0)
    assert distinct_colours(shapes, 10, 100.0).tolist() == [0, 1, 2, 3, 4]


@given(st.integers(12, 80), st.integers(0, 10**6))
def test_neighbours_never_share_a_colour_while_colours_last(count: int, seed: int) -> None:
    centres = np.random.default_rng(seed).uniform(0, 20_000, (count, 2))
    shapes = shapely.buffer(shapely.points(centres), 150.0)
    given_colours = distinct_colours(shapes, 10, 800.0)
    near = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=800.0)
    near = near[:, near[0] != near[1]]
    degree = np.bincount(near[0], minlength=count)
    crowded = degree >= 10
    clash = (given_colours[near[0]] == given_colours[near[1]]) & ~crowded[near[0]] & ~crowded[near[1]]
    assert not clash.any()
    assert set(given_colours.tolist()) <= set(range(10))


def test_colours_are_used_about_equally() -> None:
    centres = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=-1).reshape(-1, 2) * 500
    counts = np.bincount(distinct_colours(shapely.buffer(shapely.points(centres), 100.0), 10, 600.0), minlength=10)
    assert counts.min() >= 7
