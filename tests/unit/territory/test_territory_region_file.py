"""Reading a region from GeoJSON: what is understood, and how each fault is named."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import mapping

from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.errors import ConfigError, RegionError
from ghostload.streams import Streams
from ghostload.territory import Region, build_region, build_territory, region_geojson
from ghostload.territory.region_file import read_region_file

BARANGAYS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "metro_manila_barangays.geojson"
needs_barangays = pytest.mark.skipif(
    not BARANGAYS.is_file(), reason="the file of all barangays is not beside the project"
)


def feature(geometry=None, **properties):
    shape = mapping(shapely.box(10, 50, 10.1, 50.1)) if geometry is None else geometry
    return {"type": "Feature", "properties": properties, "geometry": shape}


def box(west: float, south: float, side: float = 0.1):
    return mapping(shapely.box(west, south, west + side, south + side))


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def write(tmp_path):
    def write(content) -> Path:
        path = tmp_path / "r.geojson"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def refusal(write):
    def refusal(content, **properties) -> str:
        with pytest.raises(RegionError) as caught:
            read_region_file(write(content), **properties)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refusal


def build(path: Path, *, territory=None, **settings) -> Region:
    return build_region(GeneratorConfig(territory=TerritoryConfig(region=path, **(territory or {})), **settings))


def test_weights_are_population_where_the_file_has_it(write):
    path = write(collection(feature(box(1, 1), name="A", population=30), feature(box(2, 1), name="B", population=10)))
    assert build(path).weights.tolist() == [30, 10]


def test_weights_are_area_where_it_has_none(write):
    path = write(collection(feature(box(1, 0, 0.1), name="A"), feature(box(2, 0, 0.2), name="B")))
    small, large = build(path).weights
    assert large / small == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("key", ["barangay", "Name", "NAME", "ADM4_EN", "Bgy_Name", "NAME_3", "label"])
def test_usual_name_properties_are_found_in_any_case(write, key):
    assert build(write(collection(feature(**{key: "Lahug", "zone": 3})))).names == ("Lahug",)


def test_the_more_special_property_wins(write):
    path = write(collection(feature(NAME="Luzon", ADM4_EN="Lahug", ADM3_EN="Cebu City")))
    assert (build(path).names, build(path).cities) == (("Lahug",), ("Cebu City",))


def test_properties_can_be_named(write):
    path = write(collection(feature(name="no", zone="Z", town_id="T", heads=7)))
    found = build(path, territory={"name_property": "zone", "city_property": "town_id", "population_property": "heads"})
    assert (found.names, found.cities, found.weights.tolist()) == (("Z",), ("T",), [7])


def test_a_number_is_a_name_too_and_a_missing_city_is_empty(write):
    path = write(collection(feature(box(1, 1), name=12, city="X"), feature(box(2, 1), name="B", city=None)))
    assert (build(path).names, build(path).cities) == (("12", "B"), ("X", ""))


def test_heights_and_a_byte_order_mark_are_fine(write):
    raised = {"type": "Polygon", "coordinates": [[[1, 1, 5], [2, 1, 5], [2, 2, 5], [1, 2, 5], [1, 1, 5]]]}
    found = build(write("\ufeff" + json.dumps(collection(feature(raised, name="A")))))
    assert found.bounds == (1, 1, 2, 2)


def test_bounds_and_names_restrict_a_file(write):
    path = write(collection(feature(box(1, 1), name="A"), feature(box(2, 1), name="B"), feature(box(3, 1), name="C")))
    assert build(path, barangays=["C", "a"]).names == ("A", "C")
    cut = build(path, geo_bounds={"lat": (0, 5), "lon": (1.05, 2.5)})
    assert cut.names == ("A", "B")
    assert cut.weights[0] / cut.weights[1] == pytest.approx(0.5, rel=1e-3)
    with pytest.raises(ConfigError, match=r'"D" is not in r\.geojson; it has A, B, C'):
        build(path, barangays=["D"])
    with pytest.raises(ConfigError, match=r"geo_bounds: none of the districts of r\.geojson lies in it"):
        build(path, geo_bounds={"lat": (40, 41), "lon": (1, 2)})


def test_choosing_only_districts_where_nobody_lives_is_refused(write):
    path = write(collection(feature(box(1, 1), name="A", pop=0), feature(box(2, 1), name="B", pop=5)))
    with pytest.raises(ConfigError, match=r"barangays: nobody lives in the chosen part of r\.geojson"):
        build(path, barangays=["A"])
    with pytest.raises(ConfigError, match=r"geo_bounds: nobody lives"):
        build(path, geo_bounds={"lat": (0, 5), "lon": (0.5, 1.5)})


def test_what_ghostload_writes_is_a_region_file(write):
    region = build_region(GeneratorConfig(barangays=["Tondo", "Malate"]))
    again = build(write(region_geojson(region)))
    assert shapely.equals_identical(again.polygons, region.polygons).all()
    assert np.allclose(again.weights, region.weights, atol=1e-6)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RegionError, match=r"gone\.geojson: no such file; give a GeoJSON file"):
        read_region_file(tmp_path / "gone.geojson")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(RegionError, match="cannot be read"):
        read_region_file(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "r.geojson"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(RegionError, match=r"r\.geojson: is not text in UTF-8"):
        read_region_file(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{nonsense", "r.geojson: is not JSON (line 1: Expecting property name"),
        ("[" * 100_000, "r.geojson: is not JSON ("),
        ([1, 2], "r.geojson: is a 'list', must be a GeoJSON FeatureCollection"),
        ({"type": "Feature"}, "r.geojson: is a 'Feature', must be a GeoJSON FeatureCollection"),
        ({"type": "FeatureCollection"}, 'r.geojson: "features" is missing or no list'),
        (collection(), "r.geojson: has no polygons"),
        (collection(3), "r.geojson: feature 1: is no JSON object"),
        (collection(feature({"type": "Point", "coordinates": [1, 1]}, name="A")), "r.geojson: has no polygons"),
        (collection({"type": "Feature", "properties": {"name": "A"}, "geometry": None}), "r.geojson: has no polygons"),
        (
            collection(feature(name="A"), feature({"type": "Point", "coordinates": [1, 1]}, name="B")),
            'r.geojson: feature 2 ("B"): is a Point, must be a Polygon or MultiPolygon',
        ),
        (
            collection(feature(name="A"), {"type": "Feature", "properties": {"name": "B"}}),
            'r.geojson: feature 2 ("B"): is a feature without geometry, must be',
        ),
        (collection(feature(zone="A")), "found no property with the name of a district (features have zone); set"),
        (collection(feature()), "(features have no properties); set territory.name_property"),
        (collection({**feature(), "properties": None}), "(features have no properties)"),
        (
            collection(feature(name="A"), feature(name=" ")),
            "r.geojson: feature 2: has no name; fill its property 'name'",
        ),
        (collection(feature(name=True)), "r.geojson: feature 1: property 'name' is True, must be text"),
        (collection(feature(name="A", city=["X"])), "feature 1 (\"A\"): property 'city' is ['X'], must be text"),
        (
            collection(feature(name="A", population=-1)),
            'feature 1 ("A"): population is -1, must be a number, 0 or more',
        ),
        (collection(feature(name="A", population="12")), "population is '12', must be a number"),
        (collection(feature(name="A", population=True)), "population is True, must be a number"),
        (collection(feature(name="A", population=float("nan"))), "population is nan, must be a number"),
        (collection(feature(name="A", pop=3), feature(name="B")), 'feature 2 ("B"): pop is missing, must be a number'),
        (collection(feature(name="A", pop=0)), "r.geojson: pop is 0 in every feature"),
    ],
)
def test_each_fault_is_named(refusal, content, message):
    assert message in refusal(content)


def test_a_property_that_no_feature_has_is_refused_with_the_nearest(refusal):
    message = refusal(collection(feature(barangay="A")), name_property="baranguay")
    assert message == "r.geojson: no feature has the property 'baranguay', did you mean barangay?"


BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def shape_refusal(refusal, geometry) -> str:
    return refusal(collection(feature(name="First"), feature(geometry, name="San Jose")))


def test_a_polygon_that_crosses_itself_is_refused_with_the_cure(refusal):
    message = shape_refusal(refusal, BOW_TIE)
    assert message.startswith('r.geojson: feature 2 ("San Jose"): polygon crosses itself (Self-intersection')
    assert message.endswith("repair it with shapely.make_valid")


def test_a_hole_outside_its_polygon_is_refused(refusal):
    outside = [[5, 5], [6, 5], [6, 6], [5, 5]]
    geometry = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]], outside]}
    assert "polygon is not valid (Hole lies outside shell" in shape_refusal(refusal, geometry)


def test_projected_metres_are_recognised(refusal):
    message = shape_refusal(refusal, mapping(shapely.box(285000, 1610000, 286000, 1611000)))
    assert 'feature 2 ("San Jose"): has the position [2' in message
    assert "convert it from projected metres to longitude and latitude" in message


def test_swapped_latitude_and_longitude_are_recognised(refusal):
    assert "positions are [longitude, latitude]; swap the two" in shape_refusal(refusal, box(14.5, 121.0))


def test_a_coordinate_that_is_not_finite_is_refused(refusal):
    text = json.dumps(collection(feature(name="A"))).replace("50.1", "NaN", 1)
    assert 'feature 1 ("A"): its coordinates are no Polygon (a coordinate is no number)' in refusal(text)


@pytest.mark.parametrize(
    "coordinates",
    [
        *(None, 7, [], [[]], [[1, 2]]),
        [[[0, 0], [1, 1], [0, 0]]],
        [[[0, 0], [1, "x"], [1, 1], [0, 0]]],
        [[[0, 0], [1, None], [1, 1], [0, 0]]],
        [[[0, 0], [1, 2, 3], [1, 1], [0, 0]]],
        [[[0], [1], [1], [0]]],
    ],
)
def test_coordinates_that_are_no_polygon_are_refused(refusal, coordinates):
    message = shape_refusal(refusal, {"type": "Polygon", "coordinates": coordinates})
    assert 'feature 2 ("San Jose"): its coordinates are no Polygon (' in message
    assert "RFC 7946" in message


def test_an_empty_multipolygon_is_refused(refusal):
    message = shape_refusal(refusal, {"type": "MultiPolygon", "coordinates": []})
    assert message == 'r.geojson: feature 2 ("San Jose"): has no coordinates; leave it out'


def test_a_speck_is_refused_with_the_file(refusal):
    assert shape_refusal(refusal, box(1, 1, 1e-7)).startswith('r.geojson: district "San Jose": is too small')


def test_reading_back_names_region_geojson():
    with pytest.raises(RegionError, match=r"^region\.geojson: is a 'NoneType'"):
        Region.from_geojson(None)


@needs_barangays
def test_all_barangays_of_metro_manila_are_read_quickly():
    best = min(_seconds_to_read() for _ in range(3))
    region = build(BARANGAYS)
    assert len(region) == 1689
    assert len(set(region.labels)) == 1689
    assert region.weights.sum() == pytest.approx(5.46e8, rel=0.01)
    assert best < 0.5


def _seconds_to_read() -> float:
    start = time.perf_counter()
    build(BARANGAYS).land  # noqa: B018
    return time.perf_counter() - start


@needs_barangays
def test_meters_stand_in_the_barangays_of_a_real_file():
    config = GeneratorConfig(num_meters=3000, territory=TerritoryConfig(region=BARANGAYS))
    found = build_territory(config, Streams(1))
    own = found.region.polygons[found.meter_barangay]
    assert (found.meter_barangay >= 0).all()
    assert shapely.intersects_xy(own, found.meter_lon, found.meter_lat).all()
    crossed = found.meter_barangay != found.transformer_barangay[found.meter_transformer]
    assert 0.01 < crossed.mean() < 0.3


@needs_barangays
def test_the_default_land_lies_nearly_all_within_the_real_one():
    real = build(BARANGAYS)
    # Rivers and the gaps between the file's simplified polygons are no question here: close gaps below 300 m.
    shapes = shapely.get_parts(shapely.buffer(shapely.buffer(real.land, 0.0015), -0.0015))
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapes])
    found = build_territory(GeneratorConfig(num_meters=20_000, num_transformers=20_000), Streams(1))
    outside = ~shapely.contains_xy(filled, found.transformer_lon, found.transformer_lat)
    assert outside.mean() < 0.02
