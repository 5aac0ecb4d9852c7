"""Readings in time: their sums are the months, energy is nowhere lost or made, and nobody's work order shows."""

from __future__ import annotations

import numpy as np
import pytest
from in_time_support import hashes, mixed_config, partner_of, plain, without_gaps
from tests_support import built

from ghostload import SyntheticDataPipeline
from ghostload.dataset import Dataset, load_dataset
from ghostload.engines import open_engine
from ghostload.errors import DataError, UsageError
from ghostload.export import write_dataset
from ghostload.pipeline import compute_readings


@pytest.fixture(scope="module")
def made() -> Dataset:
    return SyntheticDataPipeline(mixed_config()).build()


@pytest.fixture(scope="module")
def months() -> Dataset:
    return SyntheticDataPipeline(mixed_config(interval=None)).build()


def test_energy_is_kept_at_every_transformer_and_step(made: Dataset) -> None:
    balance = made.readings(truth=True, of_transformers=True).to_pandas()
    assert len(balance) == 12 * 24 * (31 + 28)
    gap = balance.delivered_wh - balance.true_wh - balance.technical_loss_wh
    assert (gap.abs() <= 1e-6 * balance.delivered_wh).all()
    assert (balance.technical_loss_wh > 0).all()
    assert (balance.transformer_loss_wh > 0).all()


def test_true_energy_of_transformers_is_that_of_their_meters(made: Dataset) -> None:
    home = dict(zip(made.meters.meter_id, made.meters.transformer_id, strict=True))
    drawn = made.readings(truth=True).to_pandas()
    drawn["transformer_id"] = drawn.meter_id.astype(str).map(home)
    summed = drawn.groupby(["transformer_id", "time"]).true_wh.sum()
    balance = made.readings(truth=True, of_transformers=True).to_pandas()
    said = balance.astype({"transformer_id": str}).set_index(["transformer_id", "time"]).true_wh
    assert (summed == said.sort_index()).all()


def test_registered_months_are_the_sums_of_registered_intervals(made: Dataset) -> None:
    readings = made.readings().to_pandas()
    assert readings.registered_wh.notna().all()
    month = readings.time.dt.strftime("%Y%m").rename("month")
    sums = readings.astype({"meter_id": str}).groupby(["meter_id", month]).registered_wh.sum().unstack()
    np.testing.assert_array_equal(sums.to_numpy(), np.rint(1000 * made.registered_kwh))


def test_months_are_the_same_with_and_without_intervals(made: Dataset, months: Dataset) -> None:
    for name in ("transformers", "meters", "anomaly_labels", "anomaly_events"):
        assert made.tables[name].equals(months.tables[name]), name


def test_representative_days_come_near_to_every_step(made: Dataset, months: Dataset) -> None:
    every, few = (d.frame("transformer_energy").set_index(["transformer_id", "month"]) for d in (made, months))
    np.testing.assert_allclose(few.true_kwh, every.true_kwh, atol=0.5)
    assert few.technical_loss_kwh.sum() == pytest.approx(every.technical_loss_kwh.sum(), rel=0.1)
    gap = few.delivered_kwh - few.true_kwh - few.technical_loss_kwh
    assert (gap.abs() <= 1e-6 * few.delivered_kwh).all()


@pytest.mark.parametrize("interval", ["1h", None])
def test_non_technical_loss_is_what_the_events_lose(made: Dataset, months: Dataset, interval: str | None) -> None:
    dataset = made if interval else months
    lost = dataset.frame("transformer_energy").non_technical_loss_kwh.sum()
    assert lost == pytest.approx(dataset.anomaly_events.lost_kwh.sum(), abs=0.06 * len(dataset.anomaly_events))
    assert lost > 0


def test_coarse_readings_are_sums_of_finer_ones(made: Dataset) -> None:
    names = made.meters.meter_id[:25].tolist()
    hours = made.readings(names, start="2025-01-20", end="2025-02-05").to_pandas()
    fine = compute_readings(
        made,
        names,
        interval="5min",
        start="2025-01-20",
        end="2025-02-05",
        columns=["meter_id", "time", "registered_wh"],
    ).to_pandas()
    summed = fine.assign(time=fine.time.dt.floor("h")).astype({"meter_id": str})
    summed = summed.groupby(["meter_id", "time"]).registered_wh.sum()
    said = hours.astype({"meter_id": str}).set_index(["meter_id", "time"]).registered_wh
    assert (summed == said.sort_index()).all()


@pytest.mark.parametrize("truth", [False, True])
@pytest.mark.parametrize("of_transformers", [False, True])
def test_what_is_computed_alone_equals_the_full_run(
    made: Dataset, months: Dataset, truth: bool, of_transformers: bool
) -> None:
    wanted = {"transformers": ["TX_0002", "TX_0009"], "start": "2025-01-31T12:00", "end": "2025-02-02"}
    options = {**wanted, "truth": truth, "of_transformers": of_transformers}
    stored, alone = made.readings(**options), compute_readings(months, interval="1h", **options)
    assert stored.to_table().num_rows > 0
    assert alone.to_table().equals(stored.to_table())


def test_a_meter_whose_neighbour_covers_for_a_theft_is_computed_alone(made: Dataset, months: Dataset) -> None:
    columns = ["meter_id", "time", "registered_wh", "flag"]
    for number in partner_of(mixed_config()):
        meter = f"MTR_{number + 1:06d}"
        alone = compute_readings(months, [meter], interval="1h", columns=columns).to_table()
        assert plain(alone).equals(plain(made.readings([meter], columns=columns).to_table()))
        assert len(alone) == 24 * (31 + 28)


def test_no_way_of_working_shows_in_a_file(made: Dataset) -> None:
    hashed = {name: file.sha256 for name, file in made.files.items()}
    for name in ("threads", "processes"):
        with open_engine(name, 2) as engine:
            other = SyntheticDataPipeline(mixed_config()).build(engine=engine)
        assert {n: f.sha256 for n, f in other.files.items()} == hashed, name
        assert other.tables["transformer_energy"].equals(made.tables["transformer_energy"])


def test_written_read_and_written_again_it_is_the_same(made: Dataset, tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = write_dataset(made, tmp_path / "a")
    read = load_dataset(folder)
    assert read.readings().count_rows() == 240 * 24 * (31 + 28)
    again = write_dataset(read, tmp_path / "b")
    assert hashes(folder) == hashes(again)
    (again / "readings" / "feeder=FD_01" / "part-0.parquet").write_bytes(b"")
    assert (folder / "readings" / "feeder=FD_01" / "part-0.parquet").stat().st_size > 1000


def test_readings_that_did_not_come_in_are_empty() -> None:
    config = without_gaps(mixed_config(num_months=1, physics="none"))
    readings = SyntheticDataPipeline(config).build().readings().to_pandas()
    missing = readings.flag == "M"
    assert 0.01 < missing.mean() < 0.15
    assert (readings.registered_wh.isna() == missing).all()


def test_without_a_power_flow_there_are_no_voltages_and_no_balances(made: Dataset) -> None:
    plain = SyntheticDataPipeline(mixed_config(physics="none")).build()
    assert {name.split("/")[0] for name in plain.files} == {"readings", "truth"}
    assert "transformer_energy" not in plain.tables
    assert "voltage_v" not in plain.readings().columns
    columns = ["meter_id", "time", "registered_wh", "flag"]
    assert plain.readings(columns=columns).to_table().equals(made.readings(columns=columns).to_table())


def test_transformer_meters_are_where_the_settings_say_and_nearly_right(made: Dataset) -> None:
    from dataclasses import replace

    energy, seen = (made.frame(name) for name in ("transformer_energy", "transformer_readings"))
    ratio = seen.registered_kwh / energy.delivered_kwh
    assert (abs(ratio - 1) < 0.006).all()
    assert ratio.std() > 0
    config = mixed_config(interval=None)
    half = built(
        **{f: getattr(config, f) for f in ("num_meters", "num_months")},
        num_transformers=100,
        metering=replace(config.metering, transformer_meter_share=0.5),
    )
    with_meter = set(half.frame("transformer_readings").transformer_id)
    assert 30 <= len(with_meter) <= 70


def test_what_is_not_there_is_named(made: Dataset, months: Dataset) -> None:
    with pytest.raises(DataError, match="holds no readings/; make it with ghostload generate --interval"):
        months.readings()
    with pytest.raises(UsageError, match="meter: there is no MTR_9; there are 240"):
        made.readings(["MTR_9"])
    with pytest.raises(UsageError, match=r"end: .* is not after the start"):
        made.readings(start="2025-02-01", end="2025-01-01")
    with pytest.raises(UsageError, match="readings has no volts"):
        made.readings(columns=["volts"])
    with pytest.raises(UsageError, match="the data set has months only"):
        compute_readings(months)
    changed = Dataset({**months.tables, "meters": made.tables["meters"].set_column(
        6, "monthly_consumption_202501", made.tables["meters"]["monthly_consumption_202502"]
    )}, config=months.config)  # fmt: skip
    with pytest.raises(DataError, match=r"are not those that config\.yaml gives"):
        compute_readings(changed, ["MTR_000001"], interval="1h").to_table()
