"""The default region, and what every region keeps."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from ghostload.config import GeneratorConfig
from ghostload.errors import RegionError
from ghostload.territory import Region, build_region, region_geojson
from ghostload.territory import metro_manila as metro_manila_module
from ghostload.territory.geometry import area_m2, compact_boxes, geometry_array, on_grid, spread_points, voronoi_cells
from ghostload.territory.metro_manila import metro_manila, metro_manila_land
from ghostload.territory.plane import M_PER_DEG

CENSUS = {"Quezon City": 2_960_048, "Manila": 1_846_513, "Pateros": 65_227}


def squares(*corners: tuple[float, float], side: float = 0.1) -> np.ndarray:
    return geometry_array([shapely.box(x, y, x + side, y + side) for x, y in corners])


def region_of(*polygons: shapely.Geometry, weights: list[float] | None = None) -> Region:
    names = [f"D{i}" for i in range(len(polygons))]
    return Region.of(names, [""] * len(names), np.array(weights or [1.0] * len(names)), geometry_array(list(polygons)))


def test_default_region_is_metro_manila_with_its_barangays():
    region = build_region(GeneratorConfig())
    assert len(region) == 124
    assert ("Tondo", "Manila") in set(zip(region.names, region.cities, strict=True))
    assert len(set(region.cities)) == 17


def test_census_population_of_each_city_is_shared_among_its_barangays():
    region = metro_manila()
    assert region.weights.sum() == pytest.approx(13_484_462)
    for city, people in CENSUS.items():
        mine = np.array(region.cities) == city
        assert region.weights[mine].sum() == pytest.approx(people)


def test_barangays_of_one_city_are_equally_dense():
    region = metro_manila()
    density = region.weights / area_m2(region.polygons)
    mine = np.array(region.cities) == "Makati"
    assert np.ptp(density[mine]) < 1e-3 * density[mine].mean()


def test_districts_cover_the_land_without_overlap():
    region = metro_manila()
    land = metro_manila_land()
    assert shapely.area(region.polygons).sum() == pytest.approx(land.area, rel=1e-5)
    assert region.land.symmetric_difference(land).area < 1e-5 * land.area


def test_the_coarse_outline_is_drawn_in_by_two_hundred_metres():
    text = (Path(metro_manila_module.__file__).parent / "data" / "metro_manila_land.geojson").read_text(
        encoding="utf-8"
    )
    outline = shapely.from_geojson(text).geoms[0]
    away_m = shapely.distance(shapely.boundary(outline), shapely.points(shapely.get_coordinates(metro_manila().land)))
    assert away_m.min() * M_PER_DEG > 195
    assert shapely.contains(outline, metro_manila().land)


def test_each_district_holds_its_point_and_only_the_one_known_to_lie_outside_the_outline_was_moved():
    region = metro_manila()
    assert shapely.contains_xy(region.polygons, region.points[:, 0], region.points[:, 1]).all()
    assert (region.district_of(*region.points.T) == np.arange(len(region))).all()
    coarse = np.isclose(region.points, region.points.round(3), atol=1e-9).all(axis=1)
    assert [name for name, kept in zip(region.names, coarse, strict=True) if not kept] == ["Bagumbayan"]


def test_a_place_belongs_to_the_nearest_known_barangay():
    region = metro_manila()
    lon, lat = np.random.default_rng(5).uniform([[120.95], [14.4]], [[121.1], [14.75]], (2, 500))
    found = region.district_of(lon, lat)
    x, y = region.plane.to_m(lon, lat)
    px, py = region.plane.to_m(*region.points.T)
    away = np.hypot(x[:, None] - px, y[:, None] - py)
    moved = region.names.index("Bagumbayan")
    away[:, moved] = np.where(found == moved, 0, np.inf)
    on_land = found >= 0
    chosen = away[np.arange(len(x)), np.where(on_land, found, 0)]
    assert on_land.sum() > 200
    assert (chosen[on_land] <= away.min(axis=1)[on_land] + 1).all()


@pytest.mark.parametrize(
    ("place", "lon", "lat"),
    [("Manila Bay", 120.93, 14.52), ("Laguna de Bay", 121.12, 14.48), ("Cavite", 120.90, 14.42)],
)
def test_water_and_neighbours_are_not_land(place, lon, lat):
    region = metro_manila()
    assert not region.contains(np.array([lon]), np.array([lat]))[0]
    assert region.district_of(np.array([lon]), np.array([lat]))[0] == -1


def test_labels_tell_barangays_of_one_name_apart():
    region = metro_manila()
    santa_anas = {label for name, label in zip(region.names, region.labels, strict=True) if name == "Santa Ana"}
    assert santa_anas == {"Santa Ana (Manila)", "Santa Ana (Pateros)", "Santa Ana (Taguig)"}
    assert len(set(region.labels)) == len(region)
    assert "Tondo" in region.labels


def test_labels_number_districts_that_share_name_and_city():
    region = Region.of(["A", "A", "B"], ["X", "X", ""], np.ones(3), squares((0, 0), (1, 0), (2, 0)))
    assert region.labels == ("A (X) (1)", "A (X) (2)", "B")


def test_geojson_comes_back_the_same_to_the_bit():
    region = metro_manila()
    text = json.dumps(region_geojson(region))
    back = Region.from_geojson(json.loads(text))
    assert (back.names, back.cities) == (region.names, region.cities)
    assert np.allclose(back.weights, region.weights, atol=1e-6)
    assert shapely.equals_identical(back.polygons, region.polygons).all()
    assert shapely.equals_identical(back.land, region.land)
    assert json.dumps(region_geojson(back)) == text


def test_geojson_keeps_holes_and_parts_and_the_right_hand_rule():
    ring = shapely.Polygon(shapely.box(0, 0, 1, 1).exterior, [shapely.box(0.4, 0.4, 0.6, 0.6).exterior])
    pair = shapely.MultiPolygon([shapely.box(2, 0, 3, 1), shapely.box(4, 0, 5, 1)])
    region = region_of(ring, pair)
    first, second = region_geojson(region)["features"]
    assert first["geometry"]["type"] == "Polygon"
    assert [shapely.LinearRing(r).is_ccw for r in first["geometry"]["coordinates"]] == [True, False]
    assert second["geometry"]["type"] == "MultiPolygon"
    assert all(shapely.LinearRing(part[0]).is_ccw for part in second["geometry"]["coordinates"])
    assert set(first["properties"]) == {"barangay", "city", "weight"}
    lon, lat = np.array([0.5, 0.2, 3.5, 4.5]), np.full(4, 0.5)
    assert region.district_of(lon, lat).tolist() == [-1, 0, -1, 1]
    assert region.contains(lon, lat).tolist() == [False, True, False, True]


def test_geojson_coordinates_have_six_decimals():
    region = region_of(shapely.box(0.12345678901, 0.1, 1.98765432109, 1.00000049))
    flat = np.array(region_geojson(region)["features"][0]["geometry"]["coordinates"][0])
    assert (flat == np.round(flat, 6)).all()
    assert region.bounds == (0.123457, 0.1, 1.987654, 1.0)


def test_rounding_polygons_twice_changes_nothing():
    rng = np.random.default_rng(3)
    shapes = geometry_array([shapely.multipoints(rng.random((9, 2))).convex_hull for _ in range(50)])
    once = on_grid(shapes)
    assert shapely.equals_identical(once, on_grid(once)).all()
    assert shapely.is_valid(once).all()


def test_a_point_on_a_shared_border_has_the_lower_district():
    region = region_of(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    border, edge = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert region.district_of(border, edge).tolist() == [0, -1]


def test_the_lower_district_has_a_point_where_two_overlap():
    region = region_of(shapely.box(0, 0, 1, 1), shapely.box(0.5, 0, 2, 1))
    assert region.district_of(np.array([0.7]), np.array([0.5])).tolist() == [0]


def test_a_district_smaller_than_the_rounding_is_refused():
    with pytest.raises(RegionError, match=r'"D1": is too small .* leave it out'):
        region_of(shapely.box(0, 0, 1, 1), shapely.box(2, 2, 2 + 1e-7, 2 + 1e-7))


def test_a_region_cannot_be_changed_by_those_who_share_it():
    region = metro_manila()
    with pytest.raises(ValueError, match="read-only"):
        region.weights[0] = 0


def test_voronoi_cells_split_land_between_two_points():
    left, right = voronoi_cells(np.array([[0.25, 0.5], [0.75, 0.5]]), shapely.box(0, 0, 1, 1))
    assert left.bounds == pytest.approx((0, 0, 0.5, 1))
    assert right.bounds == pytest.approx((0.5, 0, 1, 1))


def test_voronoi_cell_off_the_land_is_none():
    land = shapely.box(0, 0, 1, 1)
    far = voronoi_cells(np.array([[0.5, 0.5], [9.0, 0.5], [0.6, 0.5]]), land)
    assert far[1] is None
    assert far[0].area + far[2].area == pytest.approx(1)


def test_spread_points_stand_on_land_and_stay_when_more_are_asked_for():
    land = shapely.box(0, 0, 1, 1).difference(shapely.box(0.1, 0.1, 1, 1))
    few, many = spread_points(land, 5), spread_points(land, 50)
    assert (few == many[:5]).all()
    assert shapely.contains_xy(land, many[:, 0], many[:, 1]).all()
    assert len(np.unique(many, axis=0)) == 50


def test_boxes_for_drawing_points_cover_the_land_and_are_not_mostly_empty():
    strip = shapely.LineString([(0, 0), (1, 1), (2, 0.9)]).buffer(0.004)
    islands = shapely.MultiPolygon([shapely.box(3, 0, 3.01, 0.01), shapely.box(4, 3, 4.02, 3.02)])
    square = shapely.box(5, 5, 6, 6)
    shapes = geometry_array([strip, islands, square])
    boxes, areas, owner = compact_boxes(shapes)
    assert np.bincount(owner, weights=areas) == pytest.approx(shapely.area(shapes))
    assert (owner == 2).sum() == 1
    assert np.median(areas / ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))) > 0.25
    cover = shapely.intersection(shapely.box(*boxes.T), shapes[owner])
    assert shapely.area(shapely.union_all(cover)) == pytest.approx(shapely.area(shapes).sum())
    assert shapely.area(cover).sum() == pytest.approx(shapely.area(shapes).sum())
