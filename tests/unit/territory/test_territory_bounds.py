"""Bounds and names: which land and which districts a config asks for."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.config import GeneratorConfig
from ghostload.errors import ConfigError
from ghostload.territory import build_region
from ghostload.territory.metro_manila import metro_manila, metro_manila_land
from ghostload.territory.names import plain

SEED_BOX = {"lat": (14.4, 14.7), "lon": (120.9, 121.2)}
CEBU = {"lat": (10.25, 10.40), "lon": (123.80, 123.95)}


def region(**settings):
    return build_region(GeneratorConfig(**settings))


def refusal(**settings) -> str:
    with pytest.raises(ConfigError) as caught:
        region(**settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_seeds_own_box_is_the_land_in_it():
    found = region(geo_bounds=SEED_BOX)
    west, south, east, north = found.bounds
    assert 120.9 <= west < east <= 121.2
    assert (south, north) == (14.4, 14.7)
    assert metro_manila_land().buffer(1e-6).covers(found.land)
    assert "Tondo" in found.names
    assert "Tunasan" not in found.names


def test_people_go_with_the_part_of_a_district_in_the_box():
    whole, part = metro_manila(), region(geo_bounds=SEED_BOX)
    people = dict(zip(zip(whole.names, whole.cities, strict=True), whole.weights, strict=True))
    size = dict(zip(zip(whole.names, whole.cities, strict=True), shapely.area(whole.polygons), strict=True))
    for name, city, weight, polygon in zip(part.names, part.cities, part.weights, part.polygons, strict=True):
        assert weight == pytest.approx(people[name, city] * polygon.area / size[name, city], rel=1e-3)
    assert part.weights.sum() < whole.weights.sum()


def test_names_restrict_metro_manila():
    found = region(barangays=["Tondo", "Malate"])
    assert set(found.names) == {"Tondo", "Malate"}


def test_names_are_found_without_accent_case_and_double_space():
    assert region(barangays=["santo  nino"]).names == ("Santo Niño",)


def test_a_name_in_several_cities_takes_them_all_and_a_city_tells_them_apart():
    assert len(region(barangays=["Santa Ana"])) == 3
    assert region(barangays=["Santa Ana, Manila"]).cities == ("Manila",)
    assert region(barangays=["Santa Ana (Taguig)"]).cities == ("Taguig",)


def test_names_and_the_box_restrict_together():
    found = region(geo_bounds=SEED_BOX, barangays=["Tondo", "Sampaloc"])
    assert sorted(found.names) == ["Sampaloc", "Tondo"]


def test_an_unknown_name_without_bounds_is_refused_with_the_nearest():
    assert refusal(barangays=["Tndo"]) == 'barangays: "Tndo" is not in Metro Manila\'s list, did you mean Tondo?'
    assert "did you mean Santo Niño?" in refusal(barangays=["Santo Ninyo"])
    assert "; it has " in refusal(barangays=["Zzzzzz"])


def test_a_known_name_outside_the_box_is_refused():
    message = refusal(geo_bounds=SEED_BOX, barangays=["Tondo", "Tunasan"])
    assert message == 'barangays: "Tunasan" lies outside geo_bounds; leave it out or widen the bounds'


def test_unknown_names_in_the_seeds_box_are_spread_over_the_land_alone():
    found = region(geo_bounds=SEED_BOX, barangays=["North", "Middle", "South"])
    assert found.names == ("North", "Middle", "South")
    assert metro_manila_land().buffer(1e-6).covers(found.land)
    assert shapely.area(found.polygons).sum() == pytest.approx(
        metro_manila_land().intersection(shapely.box(120.9, 14.4, 121.2, 14.7)).area, rel=1e-4
    )


def test_a_box_elsewhere_is_land_with_invented_districts():
    found = region(geo_bounds=CEBU)
    assert found.names[:2] == ("Barangay 1", "Barangay 2")
    assert 40 < len(found) < 80
    assert found.bounds == (123.80, 10.25, 123.95, 10.40)
    assert set(found.cities) == {""}
    assert shapely.equals(found.land, shapely.box(123.80, 10.25, 123.95, 10.40))


def test_given_names_are_spread_over_a_box_elsewhere_even_when_manila_has_them():
    found = region(geo_bounds=CEBU, barangays=["Poblacion", "San Jose", "Lahug"])
    assert found.names == ("Poblacion", "San Jose", "Lahug")
    assert found.weights.max() < 4 * found.weights.min()


def test_one_name_is_the_whole_box():
    found = region(geo_bounds=CEBU, barangays=["Cebu"])
    assert (len(found), found.bounds) == (1, (123.80, 10.25, 123.95, 10.40))


def test_a_box_that_only_grazes_metro_manila_is_a_box_elsewhere():
    grazing = region(geo_bounds={"lat": (14.76, 15.2), "lon": (120.6, 121.1)})
    assert grazing.names[0] == "Barangay 1"


def test_a_wide_box_round_metro_manila_is_metro_manila():
    assert len(region(geo_bounds={"lat": (13.0, 16.0), "lon": (119.0, 123.0)})) == 124


def test_a_name_given_twice_is_refused():
    assert 'barangays: "lahug" stands twice' in refusal(geo_bounds=CEBU, barangays=["Lahug", "lahug"])


def test_a_box_below_a_metre_is_refused():
    assert "less than a metre apart" in refusal(geo_bounds={"lat": (10.0, 10.000001), "lon": (123.0, 124.0)})


def test_a_box_without_room_for_its_districts_is_refused():
    tight = {"lat": (10.0, 10.00003), "lon": (123.0, 123.00003)}
    assert "geo_bounds: holds less than 12 square metres" in refusal(geo_bounds=tight)
    tight = {"lat": (10.0, 10.0001), "lon": (123.0, 123.0001)}
    names = [f"N{i}" for i in range(200)]
    assert "geo_bounds: is too small for 200 barangays" in refusal(geo_bounds=tight, barangays=names)


@settings(deadline=None)
@given(lat=st.floats(-60, 60), lon=st.floats(-179, 178), height=st.floats(0.001, 1.0), width=st.floats(0.001, 1.0))
def test_a_region_never_leaves_its_box(lat, lon, height, width):
    found = region(geo_bounds={"lat": (lat, lat + height), "lon": (lon, lon + width)})
    west, south, east, north = found.bounds
    assert lon <= west + 1e-9
    assert east <= lon + width + 1e-9
    assert lat <= south + 1e-9
    assert north <= lat + height + 1e-9
    assert (found.weights > 0).all()
    assert found.contains(*found.points.T).all()


def test_plain_drops_what_people_type_differently():
    assert plain("  Santo  NIÑO ") == "santo nino"


def test_the_region_does_not_depend_on_the_seed():
    one, two = region(random_seed=1, geo_bounds=CEBU), region(random_seed=2, geo_bounds=CEBU)
    assert shapely.equals_identical(one.polygons, two.polygons).all()
    assert (one.weights == two.weights).all()
    assert np.array_equal(one.points, two.points)
