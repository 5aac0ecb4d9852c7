from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests_support import built

from ghostload import (
    GeneratorConfig,
    GeoJSONGenerator,
    MeterGenerator,
    SyntheticDataPipeline,
    TransformerGenerator,
    make_meter_readings,
)
from ghostload.dataset import Dataset
from ghostload.errors import ConfigError, UsageError
from ghostload.pipeline import METERS_PER_BLOCK
from ghostload.schema import METERS, TABLES


def test_the_tables_have_the_columns_of_the_contract(dataset: Dataset) -> None:
    assert dataset.tables["meters"].column_names == [c.name for c in METERS.columns_for(dataset.months)]
    for name in ("transformers", "anomaly_labels", "anomaly_events"):
        assert dataset.tables[name].column_names == list(TABLES[name].column_names)


def test_the_seed_guide_runs() -> None:
    config = GeneratorConfig(
        random_seed=42,
        num_transformers=50,
        num_meters=2000,
        num_months=12,
        anomaly_rate=0.075,
        output_dir=Path("generated_data"),
    )
    outputs = SyntheticDataPipeline(config).generate_all()
    assert len(outputs["transformers_df"]) == 50
    assert len(outputs["meters_df"]) == 2000
    assert len(outputs["anomaly_labels_df"]) == 150
    assert outputs["geojson"]["type"] == "FeatureCollection"
    columns = [c for c in outputs["meters_df"].columns if c.startswith("monthly_")]
    assert outputs["meters_df"][columns].to_numpy().shape == (2000, 12)


def test_outputs_that_were_changed_are_saved_as_they_are(tmp_path: Path) -> None:
    pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=60, output_dir=tmp_path / "made"))
    outputs = pipeline.generate_all()
    outputs["meters_df"] = outputs["meters_df"].assign(kVA=7.25)
    folder = pipeline.save_outputs(outputs)
    assert folder == tmp_path / "made"
    text = (folder / "meter_consumption.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.endswith(",7.25") for line in text[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: o.pop("meters_df"), "has no 'meters_df'"),
        (lambda o: o.update(meters_df=o["meters_df"].drop(columns="kVA")), "meters_df: has no column 'kVA'"),
        (lambda o: o.update(meters_df=o["meters_df"].assign(note=1)), "has the column 'note'"),
        (lambda o: o.update(meters_df=o["meters_df"].assign(kVA="many")), "column 'kVA' must be float"),
    ],
)
def test_outputs_that_cannot_be_saved_are_refused(change, message: str, tmp_path: Path) -> None:
    pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=60))
    outputs = pipeline.generate_all()
    change(outputs)
    with pytest.raises(UsageError, match=message):
        pipeline.save_outputs(outputs, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_outputs_without_the_data_set_object_are_saved_with_the_config_of_the_pipeline(tmp_path: Path) -> None:
    pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=60))
    outputs = pipeline.generate_all()
    whole = pipeline.save_outputs(outputs, tmp_path / "whole")
    del outputs["dataset"]
    bare = pipeline.save_outputs(outputs, tmp_path / "bare")
    for file in sorted(p.name for p in whole.iterdir()):
        assert (bare / file).read_bytes() == (whole / file).read_bytes(), file


def test_the_faces_of_the_seed_give_the_tables_of_the_pipeline() -> None:
    config = GeneratorConfig(num_meters=120)
    outputs = SyntheticDataPipeline(config).generate_all()
    transformers = TransformerGenerator(config).generate()
    meters, labels = MeterGenerator(config).generate()
    assert transformers.equals(outputs["transformers_df"])
    assert meters.equals(outputs["meters_df"])
    assert labels.equals(outputs["anomaly_labels_df"])
    assert GeoJSONGenerator(transformers, meters).generate() == outputs["geojson"]


def test_threads_and_kept_blocks_change_nothing(tmp_path: Path) -> None:
    config = GeneratorConfig(num_meters=METERS_PER_BLOCK + 500, num_months=2, num_transformers=50)

    class Store(dict):  # type: ignore[type-arg]
        folder = tmp_path

        def put(self, name, arrays):  # type: ignore[no-untyped-def]
            self[name] = arrays

    store, seen = Store(), []
    plain = SyntheticDataPipeline(config).build()
    threaded = SyntheticDataPipeline(config).build(lambda *a: seen.append(a), jobs=2, store=store)
    assert len(store) == 2
    resumed = SyntheticDataPipeline(config).build(store=store)
    for other in (threaded, resumed):
        assert all(other.tables[name].equals(plain.tables[name]) for name in plain.tables)
    for stage in ("meters", "power flow"):
        assert (stage, config.num_meters, config.num_meters) in seen


def test_more_months_change_no_month_before() -> None:
    short, long = built(num_meters=700), built(num_meters=700, num_months=19)
    np.testing.assert_array_equal(long.registered_kwh[:, :12], short.registered_kwh)
    fixed = [c for c in METERS.column_names if c != "kVA"]
    assert long.tables["meters"].select(fixed).equals(short.tables["meters"].select(fixed))
    assert long.meters["kVA"].equals(short.meters["kVA"])
    assert list(long.anomaly_labels["meter_id"]) == list(short.anomaly_labels["meter_id"])


def test_more_meters_on_the_same_transformers_change_no_honest_meter() -> None:
    few, more = (built(num_meters=n, num_transformers=20) for n in (700, 760))
    columns = ["meter_id", "transformer_id", "customer_class", "barangay", "lat", "lon", "kVA"]
    assert more.tables["meters"].slice(0, 700).select(columns).equals(few.tables["meters"].select(columns))
    differ = (more.registered_kwh[:700] != few.registered_kwh).any(axis=1)
    changed_thief = few.is_theft ^ more.is_theft[:700]
    assert not (differ & ~changed_thief).any()
    assert changed_thief.sum() <= 60 * 0.075 * 2 + 10


def test_other_transformers_change_no_honest_demand() -> None:
    a, b = (built(num_meters=700, num_transformers=n) for n in (20, 30))
    honest = ~(a.is_theft | b.is_theft)
    assert honest.sum() > 550
    np.testing.assert_array_equal(a.registered_kwh[honest], b.registered_kwh[honest])


def test_another_seed_gives_another_world() -> None:
    assert not np.allclose(built(num_meters=50).registered_kwh, built(num_meters=50, random_seed=43).registered_kwh)


@pytest.mark.parametrize("meters", [1, 2, 40, 41])
def test_the_smallest_data_sets_are_made(meters: int) -> None:
    made = built(num_meters=meters, num_months=1, anomaly_rate=0.0)
    assert made.num_meters == meters
    assert made.tables["anomaly_labels"].num_rows == 0
    assert made.tables["transformers"].num_rows == -(-meters // 40)


_HASH = """
import hashlib, sys
from ghostload import GeneratorConfig, SyntheticDataPipeline
pipeline = SyntheticDataPipeline(GeneratorConfig(num_meters=300, num_months=14))
folder = pipeline.save_outputs(pipeline.generate_all(), sys.argv[1])
for path in sorted(folder.rglob("*")):
    print(path.relative_to(folder), hashlib.sha256(path.read_bytes()).hexdigest())
"""


def _hashes(folder: Path, **environment: str) -> str:
    environment = {**os.environ, **environment}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", _HASH, str(folder)],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return run.stdout


def test_bytes_do_not_depend_on_process_hash_seed_locale_or_time_zone(tmp_path: Path) -> None:
    first = _hashes(tmp_path / "a", PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C")
    second = _hashes(tmp_path / "b", PYTHONHASHSEED="4711", TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", PYTHONUTF8="1")
    assert first == second
    assert "meter_consumption.csv" in first


def test_the_golden_data_set_has_not_changed(tmp_path: Path, root: Path) -> None:
    """A change here changes the data of every user's seed: it needs a line "data:" in the changelog."""
    golden = json.loads((root / "tests/golden/data-set/expected.json").read_text(encoding="utf-8"))
    pipeline = SyntheticDataPipeline(GeneratorConfig(**golden["config"]))
    folder = pipeline.save_outputs(pipeline.generate_all(), tmp_path / "made")
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in golden["sha256"]}
    assert found == golden["sha256"]


def test_make_meter_readings_speaks_scikit_learn() -> None:
    bunch = make_meter_readings(200, n_months=6, random_state=3)
    assert bunch.data.shape == (200, 6)
    assert bunch.target.sum() == 15
    assert len(bunch.feature_names) == 6
    assert set(bunch.kind[bunch.target == 0]) == {""}
    assert "" not in set(bunch.kind[bunch.target == 1])
    X, y = make_meter_readings(200, n_months=6, random_state=3, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)
    assert "200 meters" in bunch.DESCR


def test_make_meter_readings_gives_frames() -> None:
    bunch = make_meter_readings(80, random_state=3, as_frame=True)
    assert list(bunch.data.index[:2]) == ["MTR_000001", "MTR_000002"]
    assert bunch.frame.shape == (80, 13)
    assert bunch.target.sum() == 6


def test_make_meter_readings_takes_generators_as_scikit_learn_does() -> None:
    one, two = (make_meter_readings(30, random_state=np.random.default_rng(5)) for _ in range(2))
    assert one.random_seed == two.random_seed
    old = make_meter_readings(30, random_state=np.random.RandomState(5))
    assert old.random_seed >= 0
    fresh = [make_meter_readings(30, random_state=None) for _ in range(2)]
    assert fresh[0].random_seed != fresh[1].random_seed
    again = make_meter_readings(30, random_state=fresh[0].random_seed)
    np.testing.assert_array_equal(again.data, fresh[0].data)


def test_make_meter_readings_refuses_what_the_config_refuses() -> None:
    with pytest.raises(ConfigError, match="difficulty"):
        make_meter_readings(30, difficulty="trivial")


def test_a_data_set_shows_itself(dataset: Dataset) -> None:
    assert repr(dataset).startswith("<Dataset meters: 600, transformers: 15, months: 202501 to 202512 (12)")
    html = dataset._repr_html_()
    assert "<caption>ghostload data set</caption>" in html
    assert "MTR_000001" in html
