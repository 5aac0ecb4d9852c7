"""Checks of where things stand, and of feeders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import validation_samples as samples
from validation_samples import with_cell, with_column, with_json

from ghostload.dataset import Dataset
from ghostload.validation import Finding, Severity, validate, validate_folder
from ghostload.validation.context import distance_m


def _found(dataset: Dataset, check: str) -> tuple[Finding, ...]:
    return validate(dataset, checks=[check]).findings


def _without_region(dataset: Dataset) -> Dataset:
    return replace(dataset, region=None, _frames={})


def _moved(dataset: Dataset, north: float, east: float = 0.0) -> Dataset:
    for table in ("transformers", "meters"):
        dataset = with_column(dataset, table, "lat", lambda v: [x + north for x in v])
        dataset = with_column(dataset, table, "lon", lambda v: [x + east for x in v])
    return dataset


def test_distance_is_that_on_the_sphere() -> None:
    a, b = np.radians([14.6, 121.0]), np.radians([14.7, 121.1])
    h = np.sin((b[0] - a[0]) / 2) ** 2 + np.cos(a[0]) * np.cos(b[0]) * np.sin((b[1] - a[1]) / 2) ** 2
    haversine = 2 * 6_371_008.8 * np.arcsin(np.sqrt(h))
    plain = distance_m(*(np.array([x]) for x in (14.6, 121.0, 14.7, 121.1)))
    assert plain[0] == pytest.approx(haversine, rel=1e-5)


@pytest.mark.parametrize(("metres", "ok"), [(10.0, True), (40.0, False), (3000.0, False)])
def test_a_little_outside_the_outline_is_let_pass(sound: Dataset, metres: float, ok: bool) -> None:
    changed = with_cell(sound, "meters", "lat", 5, samples.SOUTH - metres / 111_195)
    found = _found(changed, "on_land")
    assert (found == ()) is ok
    if not ok:
        assert found[0].ids == ("MTR_000006",)
        assert ("3.0 km" if metres > 1000 else f"{metres:.0f} m") in found[0].message


def test_swapped_coordinates_are_out_of_bounds_and_off_the_land(sound: Dataset) -> None:
    lat, lon = (sound.tables["meters"][axis].to_pylist() for axis in ("lat", "lon"))
    swapped = with_column(with_column(sound, "meters", "lat", lon), "meters", "lon", lat)
    for check in ("within_bounds", "on_land", "meters_near_transformer"):
        finding = _found(swapped, check)[0]
        assert (finding.severity, finding.count) == (Severity.ERROR, samples.METERS)
    assert "swapped" in _found(swapped, "within_bounds")[0].cure


def test_without_a_region_metro_manila_is_known(sound: Dataset) -> None:
    near = _moved(_without_region(sound), 0.06)
    assert _found(near, "on_land") == ()
    bay = with_cell(near, "transformers", "lon", 5, 120.85)
    (finding,) = _found(bay, "on_land")
    assert (finding.severity, finding.place, finding.ids) == (Severity.WARNING, "transformers.lat", ("TX_0006",))


def test_without_a_region_elsewhere_it_is_said_that_land_is_not_known(sound: Dataset) -> None:
    (finding,) = _found(_moved(_without_region(sound), 40.0), "on_land")
    assert finding.severity is Severity.INFO


def test_without_region_and_bounds_it_is_said_that_bounds_are_not_known(sound: Dataset) -> None:
    (finding,) = _found(replace(_without_region(sound), config=None, _frames={}), "within_bounds")
    assert finding.severity is Severity.INFO
    assert _found(replace(sound, config=None, _frames={}), "within_bounds") == ()


def test_points_that_are_not_known_are_left_to_the_check_of_empty_cells(sound: Dataset) -> None:
    for table in ("transformers", "meters"):
        changed = with_cell(sound, table, "lat", 5, None)
        for check in ("on_land", "districts_are_right", "within_bounds", "feeders_are_apart", "feeders_are_compact"):
            assert _found(changed, check) == (), check


def test_districts_that_share_a_name_are_told_apart_by_place(sound: Dataset) -> None:
    def rename(region: Any) -> None:
        for feature in region["features"]:
            feature["properties"]["barangay"] = "San Jose"

    same = with_json(sound, "region", rename)
    for table in ("transformers", "meters"):
        same = with_column(same, table, "barangay", lambda v: ["San Jose"] * len(v))
    assert _found(same, "districts_are_right") == ()
    assert _found(same, "on_land") == ()


def test_districts_without_names_or_rows_without_district_are_not_compared(sound: Dataset) -> None:
    def drop(region: Any) -> None:
        for feature in region["features"]:
            feature["properties"] = {}

    assert _found(with_json(sound, "region", drop), "districts_are_right") == ()
    table = sound.tables["meters"].drop_columns(["barangay"])
    assert _found(samples.with_table(sound, "meters", table), "on_land") == ()


def test_a_district_without_a_name_is_land_all_the_same(sound: Dataset) -> None:
    nameless = with_json(sound, "region", lambda region: region["features"][7]["properties"].clear())
    assert _found(nameless, "on_land") == ()
    assert _found(nameless, "districts_are_right") == (), "it may be the one that they name"
    wrong = with_column(nameless, "transformers", "barangay", lambda v: [*v[:-1], "District 1"])
    assert [f.ids for f in _found(wrong, "districts_are_right")] == [("TX_0048",)]


def test_a_name_property_is_read_too(sound: Dataset) -> None:
    def rename(region: Any) -> None:
        for feature in region["features"]:
            feature["properties"] = {"name": feature["properties"]["barangay"]}

    assert _found(with_json(sound, "region", rename), "districts_are_right") == ()


@pytest.mark.parametrize(
    ("region", "part"),
    [
        ({"type": "FeatureCollection", "features": []}, "holds no district"),
        ({"type": "Nonsense"}, "no readable polygons"),
        ({"type": "Point", "coordinates": [121.0, 14.5]}, "is no polygon"),
    ],
)
def test_a_region_that_is_none(sound: Dataset, region: dict[str, Any], part: str) -> None:
    (finding,) = _found(replace(sound, region=region, _frames={}), "region_is_valid")
    assert part in finding.message


def test_a_single_multipolygon_is_a_region(sound: Dataset) -> None:
    assert sound.region is not None
    rings = [feature["geometry"]["coordinates"] for feature in sound.region["features"]]
    whole = replace(sound, region={"type": "MultiPolygon", "coordinates": rings}, _frames={})
    assert _found(whole, "on_land") == ()
    assert _found(whole, "districts_are_right") == ()


def test_many_meters_beyond_reach_are_a_warning_and_few_are_none(sound: Dataset) -> None:
    assert (
        _found(with_column(sound, "meters", "lat", lambda v: [v[0] + 0.004, *v[1:]]), "meters_near_transformer") == ()
    )
    (finding,) = _found(
        with_column(sound, "meters", "lat", lambda v: [x + 0.004 for x in v]), "meters_near_transformer"
    )
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("100% of the meters stand more than 250 m")


def test_a_meter_of_no_transformer_is_not_far_from_it(sound: Dataset) -> None:
    lost = with_cell(sound, "meters", "transformer_id", 5, "TX_9999")
    assert _found(lost, "meters_near_transformer") == ()


def test_feeders_scattered_over_the_territory_interleave(sound: Dataset) -> None:
    rng = np.random.default_rng(3)
    scattered = with_column(sound, "transformers", "feeder_id", lambda v: list(rng.permutation(v)))
    (finding,) = _found(scattered, "feeders_are_apart")
    assert "feeders interleave" in finding.message
    wide = [f for f in _found(scattered, "feeders_are_compact") if "cover more than 50%" in f.message]
    assert len(wide) <= 1


def test_a_feeder_over_the_whole_territory_is_not_compact(sound: Dataset) -> None:
    corners = [0, 18, 29, 47]
    names = lambda v: ["FD_99" if i in corners else name for i, name in enumerate(v)]  # noqa: E731
    found = _found(with_column(sound, "transformers", "feeder_id", names), "feeders_are_compact")
    assert "FD_99" in found[0].ids
    assert "1 feeders cover more than 44% of the territory" in found[0].message


@pytest.mark.parametrize("name", ["FD_01", None])
def test_a_single_feeder_or_none_has_no_neighbours(sound: Dataset, name: str | None) -> None:
    alone = with_column(sound, "transformers", "feeder_id", [name] * samples.TRANSFORMERS)
    assert _found(alone, "feeders_are_apart") == ()
    assert _found(alone, "feeders_are_compact") == ()


def test_transformers_on_one_spot_are_compact(sound: Dataset) -> None:
    spot = with_column(sound, "transformers", "lat", [14.51] * samples.TRANSFORMERS)
    spot = with_column(spot, "transformers", "lon", [121.01] * samples.TRANSFORMERS)
    assert _found(spot, "feeders_are_apart") == ()
    assert _found(spot, "feeders_are_compact") == ()


def test_a_folder_with_a_broken_region_says_so_once(folder: Any) -> None:
    (folder / "region.geojson").write_text("{", encoding="utf-8")
    report = validate_folder(folder, checks=["files_can_be_read", "region_is_valid", "on_land"])
    assert [(f.check, f.table) for f in report.of(Severity.ERROR)] == [("files_can_be_read", "region.geojson")]
