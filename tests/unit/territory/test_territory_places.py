"""Feeders, substations, transformers and service points stand where they may, as real ones do."""

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import BallTree

from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.streams import Streams
from ghostload.territory import Region, Territory, build_territory
from ghostload.territory.feeders import level_of, place_feeders
from ghostload.territory.geometry import geometry_array
from ghostload.territory.meters import WEIGHT_SIGMA, assign_transformers, service_offset_m, transformer_weights
from ghostload.territory.metro_manila import metro_manila
from ghostload.territory.plane import EARTH_RADIUS_M
from ghostload.territory.transformers import place_transformers


def build(seed: int = 42, region: Region | None = None, territory=None, **settings) -> Territory:
    config = GeneratorConfig(random_seed=seed, territory=TerritoryConfig(**(territory or {})), **settings)
    return build_territory(config, Streams(seed), region)


def radians(territory: Territory) -> np.ndarray:
    return np.radians(np.column_stack([territory.transformer_lat, territory.transformer_lon]))


def gaps_m(territory: Territory) -> np.ndarray:
    """Distance of each transformer to the nearest other."""
    places = radians(territory)
    return BallTree(places, metric="haversine").query(places, k=2)[0][:, 1] * EARTH_RADIUS_M


def clusters(territory: Territory) -> np.ndarray:
    """Find clusters as somebody would who knows nothing but the places."""
    eps = 2.5 * np.median(gaps_m(territory)) / EARTH_RADIUS_M
    return DBSCAN(eps=eps, min_samples=3, metric="haversine").fit_predict(radians(territory))


def service_m(territory: Territory) -> np.ndarray:
    """Distance of each service point to its transformer, along the great circle."""
    home = territory.meter_transformer
    lat1, lat2 = np.radians(territory.transformer_lat[home]), np.radians(territory.meter_lat)
    step = np.radians(territory.meter_lon - territory.transformer_lon[home])
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(step / 2) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(chord))


def hulls(territory: Territory) -> np.ndarray:
    x, y = territory.region.plane.to_m(territory.transformer_lon, territory.transformer_lat)
    places = np.column_stack([x, y])
    count = len(territory.feeder_substation)
    return np.array(
        [shapely.MultiPoint(places[territory.transformer_feeder == f]).convex_hull for f in range(count)], dtype=object
    )


def check_places(territory: Territory, num_transformers: int, num_meters: int) -> None:
    """What holds for any region and any counts."""
    region = territory.region
    counts = np.bincount(territory.meter_transformer, minlength=num_transformers)
    assert len(counts) == num_transformers
    assert counts.min() >= 1
    assert counts.sum() == num_meters
    for lon, lat in (
        (territory.substation_lon, territory.substation_lat),
        (territory.transformer_lon, territory.transformer_lat),
        (territory.meter_lon, territory.meter_lat),
    ):
        assert region.contains(lon, lat).all()
        assert (lon == np.round(lon, 6)).all()
        assert (lat == np.round(lat, 6)).all()
    at_transformer = region.district_of(territory.transformer_lon, territory.transformer_lat)
    assert (territory.transformer_barangay == at_transformer).all()
    holds = shapely.intersects_xy(region.polygons[territory.meter_barangay], territory.meter_lon, territory.meter_lat)
    assert holds.all()
    assert territory.transformer_feeder.max() + 1 == len(territory.feeder_substation)
    assert territory.feeder_substation.max() + 1 == len(territory.substation_lat)
    assert set(territory.feeder_substation.tolist()) == set(range(len(territory.substation_lat)))


@settings(max_examples=40, deadline=None)
@given(
    transformers=st.integers(1, 60),
    more=st.integers(0, 300),
    seed=st.integers(0, 2**32),
    strength=st.floats(0, 1),
    per_feeder=st.integers(1, 80),
    radius=st.floats(5, 2000),
)
def test_everything_stands_on_land_for_any_counts(transformers, more, seed, strength, per_feeder, radius):
    meters = transformers + more
    territory = build(
        seed,
        num_meters=meters,
        num_transformers=transformers,
        spatial_clustering_strength=strength,
        territory={"transformers_per_feeder": per_feeder, "service_radius_m": radius},
    )
    check_places(territory, transformers, meters)


COMB = shapely.union_all([shapely.box(10 + i * 0.01, 50, 10.002 + i * 0.01, 50.05) for i in range(6)])


@pytest.mark.parametrize(
    "land",
    [
        shapely.box(10, 50, 10.1, 50.1).difference(shapely.box(10.01, 50.01, 10.09, 50.09)),
        COMB,
        shapely.Point(10, 50).buffer(0.01).union(shapely.Point(10.2, 50.1).buffer(0.0005)),
        shapely.box(10, 50, 10.0001, 50.0001),
        shapely.LineString([(10, 50), (10.5, 50.3)]).buffer(0.0001),
    ],
    ids=["ring", "comb", "islands", "yard", "strip"],
)
@pytest.mark.parametrize("per_feeder", [12, 300])
def test_everything_stands_on_land_of_any_shape(land, per_feeder):
    region = Region.of(["A"], [""], np.ones(1), geometry_array([land]))
    territory = build(
        3, region, num_meters=2000, num_transformers=200, territory={"transformers_per_feeder": per_feeder}
    )
    check_places(territory, 200, 2000)


def test_a_transformer_on_the_border_of_two_districts_is_in_one_of_them():
    halves = [shapely.box(10, 50, 10.00001, 50.00002), shapely.box(10.00001, 50, 10.00002, 50.00002)]
    region = Region.of(["A", "B"], ["", ""], np.ones(2), geometry_array(halves))
    territory = build(1, region, num_meters=300, num_transformers=100)
    check_places(territory, 100, 300)
    assert (territory.transformer_lon == 10.00001).any()


def test_nobody_stands_in_the_water_or_out_of_bounds_in_the_seeds_box():
    box = {"lat": (14.4, 14.7), "lon": (120.9, 121.2)}
    territory = build(num_meters=5000, geo_bounds=box)
    check_places(territory, 125, 5000)
    for lon, lat in (
        (territory.meter_lon, territory.meter_lat),
        (territory.transformer_lon, territory.transformer_lat),
    ):
        assert metro_manila().contains(lon, lat).all()
        assert (lat.min() >= 14.4) & (lat.max() <= 14.7)


def test_nobody_lives_where_the_weights_say_so():
    boxes = geometry_array([shapely.box(10, 50, 10.2, 50.2), shapely.box(11, 50, 11.2, 50.2)])
    region = Region.of(["full", "empty"], ["", ""], np.array([1.0, 0.0]), boxes)
    assert (build(1, region, num_meters=4000).meter_barangay == 0).all()


def test_feeders_follow_the_population():
    region = metro_manila()
    feeders = place_feeders(region, 1024, 12, Streams(7))
    district = region.district_of(*region.plane.to_deg(feeders.x_m, feeders.y_m))
    cities = np.array(region.cities)
    for city in ("Quezon City", "Manila", "Caloocan", "Taguig"):
        people = region.weights[cities == city].sum() / region.weights.sum()
        assert (cities[district] == city).mean() == pytest.approx(people, abs=0.25 * people)


@pytest.mark.parametrize(("num_meters", "largest"), [(5000, 0.003), (100_000, 0.0005)])
def test_feeders_do_not_overlap_and_each_is_a_small_part(num_meters, largest):
    territory = build(num_meters=num_meters)
    areas = hulls(territory)
    one, other = shapely.STRtree(areas).query(areas, predicate="intersects")
    assert (one == other).all()
    west, south, east, north = territory.region.bounds
    x, y = territory.region.plane.to_m(np.array([west, east]), np.array([south, north]))
    assert shapely.area(areas).max() < largest * np.ptp(x) * np.ptp(y)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), strength=st.floats(0, 1), transformers=st.integers(2, 600))
def test_feeders_never_overlap(seed, strength, transformers):
    areas = hulls(build(seed, num_transformers=transformers, num_meters=2000, spatial_clustering_strength=strength))
    one, other = shapely.STRtree(areas).query(areas, predicate="intersects")
    assert (one == other).all()


def narrow_strip() -> Region:
    strip = shapely.LineString([(10, 50), (10.02, 50.2), (10.1, 50.21)]).buffer(0.0006)
    return Region.of(["A"], [""], np.ones(1), geometry_array([strip]))


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_transformers_stay_in_the_cell_of_their_feeder_on_a_narrow_strip(strength):
    region, streams = narrow_strip(), Streams(8)
    feeders = place_feeders(region, 64, 12, streams)
    placed = place_transformers(region, feeders, 768, 12, strength, streams)
    x, y = region.plane.to_m(placed.lon, placed.lat)
    west, east, south, north = feeders.cell_m[placed.feeder].T
    assert ((x > west) & (x < east) & (y > south) & (y < north)).all()
    assert (np.isfinite(feeders.cell_m).sum(axis=0) > 0).all()


def test_a_substation_serves_a_handful_of_neighbouring_feeders():
    territory = build(num_meters=100_000)
    per_substation = np.bincount(territory.feeder_substation)
    assert per_substation.max() <= 8
    assert per_substation.mean() > 3
    x, y = territory.region.plane.to_m(territory.substation_lon, territory.substation_lat)
    middle = shapely.get_coordinates(shapely.centroid(hulls(territory)))
    away = np.hypot(middle[:, :1] - x, middle[:, 1:] - y)
    own = away[np.arange(len(away)), territory.feeder_substation]
    assert np.median(own) < 0.2 * np.median(away)


@pytest.mark.parametrize(("num_meters", "seed"), [(5000, 1), (5000, 2), (50_000, 3), (200_000, 4)])
def test_dbscan_finds_the_feeders_again(num_meters, seed):
    territory = build(seed, num_meters=num_meters)
    assert adjusted_rand_score(territory.transformer_feeder, clusters(territory)) > 0.95


@pytest.mark.parametrize("num_meters", [5000, 50_000])
def test_clusters_are_tighter_with_strength(num_meters):
    nearest = [
        np.median(gaps_m(build(num_meters=num_meters, spatial_clustering_strength=strength)))
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert (np.diff(nearest) < 0).all()
    assert nearest[0] > 2.5 * nearest[-1]


@pytest.mark.parametrize(("strength", "least"), [(0.0, 150), (0.8, 60), (1.0, 40)])
def test_transformers_keep_their_distance(strength, least):
    assert gaps_m(build(num_meters=5000, spatial_clustering_strength=strength)).min() > least


def test_most_transformers_keep_tens_of_metres_even_in_a_full_region():
    assert np.quantile(gaps_m(build(num_transformers=25_000, num_meters=25_000)), 0.05) > 20


def test_service_points_are_within_the_radius_mostly_and_more_near_than_far():
    away = service_m(build(num_meters=50_000))
    assert (away <= 250).mean() >= 0.97
    assert away.max() < 1.5 * 250
    assert (away > 200).mean() > 0.01
    rings = np.histogram(away, bins=[0, 50, 100, 150, 200, 250])[0] / np.diff(np.square([0, 50, 100, 150, 200, 250]))
    assert (np.diff(rings) < 0).all()


@pytest.mark.parametrize("radius", [40.0, 250.0, 900.0])
def test_the_service_radius_scales_the_service(radius):
    away = service_m(build(num_meters=5000, territory={"service_radius_m": radius}))
    assert (away <= radius).mean() >= 0.97
    assert np.median(away) == pytest.approx(0.22 * radius, rel=0.1)


def test_distances_are_true_in_the_far_north():
    away = service_m(build(num_meters=5000, geo_bounds={"lat": (58.0, 70.0), "lon": (5.0, 30.0)}))
    assert np.median(away) == pytest.approx(55, rel=0.1)
    assert (away <= 250).mean() >= 0.97


def test_service_points_line_streets():
    along, across = service_offset_m(np.random.default_rng(1).random((20_000, 3)), 250.0)
    on_main = np.abs(across) <= 12.5 + 1e-9
    from_corner = np.abs(np.abs(along[~on_main]) - 45 * np.round(np.abs(along[~on_main]) / 45))
    assert 0.4 < on_main.mean() < 0.7
    assert from_corner.max() <= 12.5 + 1e-9
    assert abs((along > 0).mean() - 0.5) < 0.02
    assert abs((across > 0).mean() - 0.5) < 0.02


def test_service_points_rarely_coincide():
    territory = build(num_meters=50_000)
    places = np.column_stack([territory.meter_lon, territory.meter_lat])
    assert len(np.unique(places, axis=0)) > 0.999 * len(places)


def test_meters_per_transformer_vary_as_their_weights_do():
    weights = transformer_weights(2000, Streams(5))
    counts = np.bincount(assign_transformers(80_000, weights, Streams(5)))
    expected = 1 + weights / weights.sum() * 78_000
    chi2 = ((counts - expected) ** 2 / expected).sum() / 2000
    assert chi2 == pytest.approx(1.0, abs=0.12)
    assert np.log(weights).std() == pytest.approx(WEIGHT_SIGMA, rel=0.05)
    assert 0.4 < counts.std() / counts.mean() < 0.65


def test_meters_without_choice_fill_each_transformer():
    assert assign_transformers(5, np.ones(5), Streams(1)).tolist() == [0, 1, 2, 3, 4]
    assert assign_transformers(4, np.ones(1), Streams(1)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("feeders", "level"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (2084, 12)])
def test_level_is_the_first_with_a_cell_for_each_feeder(feeders, level):
    assert level_of(feeders) == level


def test_a_feeder_of_many_thousand_transformers_is_one_cluster():
    territory = build(num_transformers=3000, num_meters=3000, territory={"transformers_per_feeder": 3000})
    check_places(territory, 3000, 3000)
    assert len(territory.feeder_substation) == 1
    assert np.quantile(gaps_m(territory), 0.01) > 60


def test_ten_thousand_feeders_of_one_transformer():
    territory = build(num_transformers=10_000, num_meters=10_000, territory={"transformers_per_feeder": 1})
    check_places(territory, 10_000, 10_000)


@pytest.mark.parametrize(("where", "each"), [(metro_manila, 12), (narrow_strip, 60)])
def test_transformers_of_large_grids_are_placed_in_pieces(monkeypatch, where, each):
    region, streams = where(), Streams(9)
    feeders = place_feeders(region, 40, each, streams)
    whole = place_transformers(region, feeders, 40 * each, each, 0.8, streams)
    monkeypatch.setattr("ghostload.territory.transformers._SLOTS_AT_ONCE", 500)
    pieces = place_transformers(region, feeders, 40 * each, each, 0.8, streams)
    assert (whole.lon == pieces.lon).all()
    assert (whole.lat == pieces.lat).all()


def test_time_grows_no_faster_than_the_meters():
    def seconds(meters: int) -> float:
        start = time.perf_counter()
        build(num_meters=meters)
        return time.perf_counter() - start

    build(num_meters=10)
    small = min(seconds(50_000) for _ in range(3))
    large = min(seconds(200_000) for _ in range(2))
    assert large < 8 * small
