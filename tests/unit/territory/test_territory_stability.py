"""What stays the same when meters, transformers or months are added, and in which process."""

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from ghostload.config import GeneratorConfig, TerritoryConfig
from ghostload.scratch import Scratch
from ghostload.streams import Streams
from ghostload.territory import Territory, build_territory

TRANSFORMER_FIELDS = ("transformer_lat", "transformer_lon", "transformer_barangay", "transformer_feeder")
METER_FIELDS = ("meter_transformer", "meter_lat", "meter_lon", "meter_barangay")


def build(seed: int = 42, **settings) -> Territory:
    return build_territory(GeneratorConfig(random_seed=seed, **settings), Streams(seed))


def arrays(territory: Territory) -> dict[str, np.ndarray]:
    names = [field.name for field in dataclasses.fields(territory) if field.name != "region"]
    return {name: getattr(territory, name) for name in names}


def digest(territory: Territory) -> str:
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays(territory).values())).hexdigest()


def test_adding_meters_changes_nothing_that_was_there():
    few, many = build(num_meters=3000, num_transformers=100), build(num_meters=70_000, num_transformers=100)
    for name, before in arrays(few).items():
        assert np.array_equal(before, arrays(many)[name][: len(before)]), name


@pytest.mark.parametrize(("before", "after"), [(100, 101), (100, 192), (1, 12), (13, 24), (193, 384)])
def test_adding_transformers_within_a_level_moves_none_of_the_others(before, after):
    few, many = build(num_meters=2000, num_transformers=before), build(num_meters=2000, num_transformers=after)
    for name in TRANSFORMER_FIELDS:
        assert np.array_equal(getattr(few, name), getattr(many, name)[:before]), name
    feeders, substations = len(few.feeder_substation), len(few.substation_lat)
    assert np.array_equal(few.feeder_substation, many.feeder_substation[:feeders])
    assert np.array_equal(few.substation_lat, many.substation_lat[:substations])


@pytest.mark.parametrize(("before", "after"), [(100, 101), (100, 192), (180, 1000)])
def test_adding_transformers_sends_meters_to_the_new_ones_only(before, after):
    few = build(num_meters=20_000, num_transformers=before).meter_transformer
    many = build(num_meters=20_000, num_transformers=after).meter_transformer
    moved = few != many
    assert (many[moved] >= before).all()
    assert moved.mean() == pytest.approx(1 - before / after, abs=0.06)


def test_a_meter_that_keeps_its_transformer_keeps_its_place():
    few, many = build(num_meters=20_000, num_transformers=100), build(num_meters=20_000, num_transformers=150)
    kept = few.meter_transformer == many.meter_transformer
    assert 0.5 < kept.mean() < 0.9
    for name in METER_FIELDS:
        assert np.array_equal(getattr(few, name)[kept], getattr(many, name)[kept]), name


def test_a_new_level_moves_feeders_but_sends_meters_to_the_new_transformers_only():
    few, many = build(num_meters=5000, num_transformers=192), build(num_meters=5000, num_transformers=193)
    assert not np.array_equal(few.transformer_lat, many.transformer_lat[:192])
    moved = few.meter_transformer != many.meter_transformer
    assert set(many.meter_transformer[moved].tolist()) == {192}


def test_months_do_not_matter():
    assert digest(build(num_meters=500, num_months=1)) == digest(build(num_meters=500, num_months=36))


def test_what_is_worked_on_at_once_and_where_it_lies_is_no_part_of_the_data(monkeypatch):
    settings = {"num_meters": 5000, "territory": TerritoryConfig(transformers_per_feeder=1)}
    whole = digest(build(**settings))
    monkeypatch.setattr("ghostload.streams.AT_ONCE", 70)
    monkeypatch.setattr("ghostload.territory.transformers._SLOTS_AT_ONCE", 500)
    monkeypatch.setattr(Scratch, "IN_MEMORY", 0)
    assert digest(build(**settings)) == whole


def test_another_seed_gives_other_places():
    one, two = build(1, num_meters=500), build(2, num_meters=500)
    assert not np.intersect1d(one.transformer_lat, two.transformer_lat).size
    assert (one.meter_transformer != two.meter_transformer).any()


def test_strength_and_radius_leave_the_choice_of_transformers_alone():
    plain = build(num_meters=500)
    other = build(num_meters=500, spatial_clustering_strength=0.1, territory=TerritoryConfig(service_radius_m=100.0))
    assert np.array_equal(plain.meter_transformer, other.meter_transformer)
    assert np.array_equal(plain.transformer_feeder, other.transformer_feeder)


def test_a_meter_moved_out_of_the_water_leaves_its_neighbours_alone():
    inland = build(num_meters=4000, geo_bounds={"lat": (10.0, 10.02), "lon": (123.0, 123.02)})
    places = np.column_stack([inland.meter_lon, inland.meter_lat])
    home = inland.meter_transformer
    again = build(num_meters=2000, num_transformers=100, geo_bounds={"lat": (10.0, 10.02), "lon": (123.0, 123.02)})
    assert np.array_equal(places[:2000], np.column_stack([again.meter_lon, again.meter_lat]))
    assert np.array_equal(home[:2000], again.meter_transformer)


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_another_process_gives_the_same_bytes(hash_seed):
    code = (
        "import dataclasses, hashlib; from ghostload.config import GeneratorConfig; "
        "from ghostload.streams import Streams; from ghostload.territory import build_territory; "
        "t = build_territory(GeneratorConfig(num_meters=1500), Streams(42)); "
        "names = [f.name for f in dataclasses.fields(t) if f.name != 'region']; "
        "print(hashlib.sha256(b''.join(getattr(t, n).tobytes() for n in names)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "LC_ALL": "C", "TZ": "Pacific/Kiritimati"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == digest(build(num_meters=1500))


def test_the_generate_path_imports_nothing_heavy():
    code = (
        "import sys;from ghostload.config import GeneratorConfig;from ghostload.streams import Streams;"
        "from ghostload.territory import build_territory;build_territory(GeneratorConfig(num_meters=50),Streams(1));"
        "print([m for m in ('pandas','scipy','sklearn','bokeh') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
