"""What stands at the heads of feeders and in each element: nothing is lost or made, and each number is somebody's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_time_support import mixed_config

from ghostload import SyntheticDataPipeline
from ghostload.config import GeneratorConfig, MeteringConfig
from ghostload.consumption.calendar import days_in_month
from ghostload.dataset import Dataset
from ghostload.errors import UsageError
from ghostload.metering.feeders import feeder_gain
from ghostload.pipeline import METERS_PER_BLOCK, build_world, compute_readings, simulate_block
from ghostload.schema import LOSS_KINDS
from ghostload.scratch import Scratch
from ghostload.simulation.balance import month_balance, physical, stacked
from ghostload.simulation.blocks import run_blocks
from ghostload.simulation.by_days import balance_by_days
from ghostload.simulation.feeder import Feeder
from ghostload.simulation.months import Months, effect_type, habits_in, row_type, rows_of
from ghostload.simulation.network import element_ids
from ghostload.simulation.rows import KeptRows
from ghostload.simulation.world import World
from ghostload.streams import Streams
from ghostload.wires.names import node_names
from ghostload.wires.parts import WiresPart

LOSSES = [f"{name}_loss_kwh" for name in LOSS_KINDS]
KINDS = {"mv": "mv_line", "transformer": "transformer_load", "main": "lv_main", "drop": "service_drop"}


@pytest.fixture(scope="module")
def made() -> Dataset:
    return SyntheticDataPipeline(mixed_config()).build()


@pytest.fixture(scope="module")
def months() -> Dataset:
    return SyntheticDataPipeline(mixed_config(interval=None)).build()


@pytest.fixture(scope="module")
def world() -> World:
    world = build_world(mixed_config(interval=None))
    world.prepare()
    return world


@pytest.fixture(params=["1h", None])
def either(request: pytest.FixtureRequest, made: Dataset, months: Dataset) -> Dataset:
    return made if request.param else months


def _feeder(world: World, number: int = 0) -> Feeder:
    found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)
    return world.feeder(number, found.kept.months)


def test_what_is_supplied_is_drawn_or_lost(either: Dataset) -> None:
    table = either.frame("feeder_energy")
    assert len(table) == 3 * 2
    gap = table.supplied_kwh - table.true_kwh - table[LOSSES].sum(axis=1)
    assert (gap.abs() <= 1e-6 * table.supplied_kwh).all()
    assert (table[LOSSES] > 0).all(axis=None)


def test_feeders_are_the_sums_of_their_transformers(either: Dataset) -> None:
    units = either.frame("transformer_energy").merge(either.transformers[["transformer_id", "feeder_id"]])
    sums = units.groupby(["feeder_id", "month"]).sum(numeric_only=True)
    feeders = either.frame("feeder_energy").set_index(["feeder_id", "month"])
    for name in ("true_kwh", "registered_kwh", "non_technical_loss_kwh"):
        np.testing.assert_allclose(feeders[name], sums[name], rtol=1e-12)
    low = feeders.lv_main_loss_kwh + feeders.service_drop_loss_kwh
    np.testing.assert_allclose(low, sums.technical_loss_kwh, rtol=1e-6)
    own = feeders.transformer_no_load_loss_kwh + feeders.transformer_load_loss_kwh
    np.testing.assert_allclose(own, sums.transformer_loss_kwh, rtol=1e-6)
    assert (feeders.peak_kw <= sums.peak_kva * 1.05).all()
    assert (feeders.peak_kw <= feeders.peak_kva).all()


def test_elements_lose_what_their_feeders_do_kind_by_kind(either: Dataset) -> None:
    elements, feeders = either.frame("network_losses"), either.frame("feeder_energy")
    assert elements.element_id.is_unique
    sums = elements.groupby(["feeder_id", "kind"]).loss_kwh.sum().unstack()
    said = feeders.groupby("feeder_id")[LOSSES].sum()
    for kind, name in KINDS.items():
        np.testing.assert_allclose(sums[kind], said[f"{name}_loss_kwh"], rtol=1e-9)
    iron = elements.groupby("feeder_id").no_load_loss_kwh.sum()
    np.testing.assert_allclose(iron, said.transformer_no_load_loss_kwh, rtol=1e-9)
    assert elements.no_load_loss_kwh.notna().sum() == len(either.transformers)


def test_loadings_and_voltages_of_elements_are_those_of_the_other_tables(made: Dataset) -> None:
    elements = made.frame("network_losses").set_index("element_id")
    loading = made.frame("transformer_energy").groupby("transformer_id").loading_pu.max()
    np.testing.assert_allclose(elements.loading_pu.dropna().loc[loading.index], loading)
    drops = elements[elements.kind == "drop"].set_index("meter_id")
    seen = made.readings(truth=True).to_pandas().groupby("meter_id", observed=True).true_voltage_v.agg(["min", "mean"])
    pu = seen.loc[drops.index] / 230.0
    # Of three phases a reading is the mean, and the lowest is lower.
    assert (drops.lowest_voltage_pu <= pu["min"] + 1e-4).all()
    assert (drops.lowest_voltage_pu - pu["min"]).abs().median() < 1e-4
    np.testing.assert_allclose(drops.mean_voltage_pu, pu["mean"], atol=2e-4)
    lowest = made.frame("feeder_energy").groupby("feeder_id").lowest_voltage_pu.min()
    np.testing.assert_allclose(drops.groupby("feeder_id").lowest_voltage_pu.min(), lowest)


def test_every_element_hangs_on_one_of_its_feeder_or_on_the_substation(months: Dataset) -> None:
    elements = months.frame("network_losses").set_index("element_id")
    fed = elements[elements.fed_by.notna()]
    assert (elements.loc[fed.fed_by].feeder_id.to_numpy() == fed.feeder_id.to_numpy()).all()
    assert set(elements[elements.fed_by.isna()].kind) == {"mv"}
    assert set(elements.loc[fed[fed.kind == "transformer"].fed_by].kind) == {"mv"}
    drops = elements[elements.kind == "drop"]
    home = months.meters.set_index("meter_id").transformer_id
    assert sorted(drops.meter_id) == sorted(months.meters.meter_id)
    assert (home.loc[drops.meter_id].to_numpy() == drops.transformer_id.to_numpy()).all()


def test_lines_are_called_as_in_the_map_and_in_opendss(months: Dataset, world: World) -> None:
    lines = months.frame("network_losses").query("kind != 'transformer'")
    assert months.network is not None
    assert lines.element_id.tolist() == months.network["line_id"].to_pylist()
    assert lines.kind.tolist() == months.network["kind"].to_pylist()
    names = [name for feeder in range(world.num_feeders) for name in node_names(world.wires, feeder)]
    ids = element_ids(WiresPart.whole(world.wires))
    for ours, name in zip(ids.to_pylist(), names, strict=True):
        assert ours is None or ours in (f"l_{name}", f"TX_{int(name[1:]):04d}" if name[0] == "t" else "")
    assert ids.null_count == world.num_feeders


def test_a_meter_more_renames_no_element_of_other_transformers(months: Dataset) -> None:
    config = mixed_config(interval=None)
    more = SyntheticDataPipeline(config.replace(num_meters=config.num_meters + 1)).build()
    home = more.meters.transformer_id.iloc[-1]
    tables = (dataset.frame("network_losses") for dataset in (months, more))
    before, after = (set(table[table.transformer_id != home].element_id) for table in tables)
    assert before == after


def test_the_meter_at_the_head_is_within_its_class(either: Dataset) -> None:
    table = either.frame("feeder_energy").merge(either.frame("feeder_readings"), on=["feeder_id", "month"])
    assert len(table) == 6
    error = table.registered_kwh_y / table.supplied_kwh - 1
    assert (error.abs() <= 3 * 0.0007 + 1e-6).all()
    assert error.groupby(table.feeder_id).std().max() < 1e-5
    assert error.abs().max() > 1e-5
    assert (table.peak_kw_y / table.peak_kw_x - 1 - error).abs().max() < 2e-5


def test_reactive_energy_is_registered_with_an_error_of_its_own(made: Dataset) -> None:
    truth = made.readings(of="feeders", truth=True).to_pandas()
    seen = made.readings(of="feeders").to_pandas()
    sums = [part.groupby("feeder_id", observed=True).sum(numeric_only=True) for part in (truth, seen)]
    error = sums[1].registered_varh / sums[0].supplied_varh - 1
    assert (error.abs() <= 3 * 0.0007 + 1e-6).all()
    assert (error - (sums[1].registered_wh / sums[0].supplied_wh - 1)).abs().min() > 1e-6


def test_a_feeders_meter_does_not_depend_on_how_many_there_are() -> None:
    metering, streams = MeteringConfig(), Streams(3)
    many = feeder_gain(2000, metering, streams)
    assert np.array_equal(feeder_gain(3, metering, streams), many[:3])
    assert np.abs(many - 1).max() <= 3 * metering.feeder_error_sd
    assert (many - 1).std(axis=0) == pytest.approx([metering.feeder_error_sd] * 2, rel=0.1)
    assert np.array_equal(feeder_gain(3, replace(metering, feeder_error_sd=0.0), streams), np.ones((3, 2)))


def test_months_of_feeders_are_the_sums_of_their_intervals(made: Dataset) -> None:
    truth = made.readings(of="feeders", truth=True).to_pandas()
    seen = made.readings(of="feeders").to_pandas()
    assert len(truth) == len(seen) == 3 * 24 * (31 + 28)
    keys = ["feeder_id", truth.time.dt.strftime("%Y-%m").rename("month")]
    sums = truth.groupby(keys, observed=True).sum(numeric_only=True) / 1e3
    table = made.frame("feeder_energy").set_index(["feeder_id", "month"])
    for ours, theirs in (("supplied_wh", "supplied_kwh"), ("true_wh", "true_kwh"), ("registered_wh", "registered_kwh")):
        np.testing.assert_allclose(sums[ours], table[theirs], rtol=1e-12)
    rest = truth.supplied_wh - truth.true_wh - truth.low_voltage_loss_wh - truth.transformer_loss_wh
    assert (rest > -1e-6 * truth.supplied_wh).all()
    lines = rest.groupby([truth.feeder_id, keys[1]], observed=True).sum() / 1e3
    np.testing.assert_allclose(lines, table.mv_line_loss_kwh, atol=1e-6 * table.supplied_kwh.max())
    registered = seen.groupby(keys, observed=True).sum(numeric_only=True) / 1e3
    said = made.frame("feeder_readings").set_index(["feeder_id", "month"])
    np.testing.assert_allclose(registered.registered_wh, said.registered_kwh, atol=1e-9)
    np.testing.assert_allclose(registered.registered_varh, said.registered_kvarh, atol=1e-9)
    assert seen.groupby(keys, observed=True).registered_wh.max().to_numpy() / 1e3 == pytest.approx(said.peak_kw)


@pytest.mark.parametrize("truth", [False, True])
@pytest.mark.parametrize("wanted", [{"feeder": "FD_02"}, {"meters": ["MTR_000007"]}, {"transformers": ["TX_0003"]}, {}])
def test_feeders_computed_alone_equal_the_full_run(
    made: Dataset, months: Dataset, truth: bool, wanted: dict[str, Any]
) -> None:
    options: dict[str, Any] = {
        **wanted,
        "start": "2025-01-31T12:00",
        "end": "2025-02-02",
        "truth": truth,
        "of": "feeders",
    }
    stored = made.readings(**options).to_table()
    alone = compute_readings(months, interval="1h", **options).to_table()
    assert stored.num_rows == 36 * (1 if wanted else 3)
    assert alone.equals(stored)


def test_whose_readings_are_meant_is_said_in_one_way_or_the_older_one(made: Dataset) -> None:
    older, newer = made.readings(of_transformers=True), made.readings(of="transformers")
    assert older.to_table().equals(newer.to_table())
    with pytest.raises(UsageError, match="of: is 'feeder', must be one of meters, transformers, feeders"):
        made.readings(of="feeder")
    with pytest.raises(UsageError, match="of_transformers: contradicts"):
        made.readings(of="feeders", of_transformers=True)


def test_more_months_change_no_month_of_a_feeder(months: Dataset) -> None:
    longer = SyntheticDataPipeline(mixed_config(interval=None, num_months=3)).build()
    for name in ("feeder_energy", "feeder_readings"):
        there = longer.frame(name).query("month < '2025-03'").reset_index(drop=True)
        columns = [c for c in there if c not in ("registered_kwh", "non_technical_loss_kwh", "true_kwh")]
        if name == "feeder_readings":
            columns = list(there)
        pd.testing.assert_frame_equal(there[columns], months.frame(name)[columns], rtol=0.03)
    assert len(longer.frame("feeder_energy")) == 9


def test_no_number_of_jobs_shows(months: Dataset) -> None:
    again = SyntheticDataPipeline(mixed_config(interval=None)).build(jobs=3)
    for name in ("feeder_energy", "feeder_readings", "network_losses"):
        assert again.tables[name].equals(months.tables[name]), name


def test_representative_days_are_near_all_hours_in_every_kind_of_loss(made: Dataset, months: Dataset) -> None:
    few, every = (d.frame("feeder_energy")[LOSSES].sum() for d in (months, made))
    np.testing.assert_allclose(few, every, rtol=0.06)
    assert few.sum() == pytest.approx(every.sum(), rel=0.03)


def test_steps_without_a_solution_are_counted_and_lose_nothing(world: World) -> None:
    feeder = _feeder(world)
    rng = np.random.default_rng(1)
    wh = rng.integers(0, 900, (len(feeder.meters), 48)).astype(np.int32)
    sound = feeder.solve(wh, wh // 3, 30.0)
    heavy = wh.copy()
    heavy[:, [5, 40]] = 20_000_000
    flows = feeder.solve(heavy, heavy // 3, 30.0)
    assert set(flows.reason) == {5, 40}
    found = physical(feeder, [flows], feeder.by_transformer(heavy))
    lost = sum(found[name] for name in LOSSES)
    assert found["unsolved_hours"] == pytest.approx(1.0)
    true = heavy.sum() / 1e3
    assert found["supplied_kwh"] == pytest.approx(true + lost, rel=1e-6)
    solved = np.delete(np.arange(48), [5, 40])
    assert found["head_peak_kw"] == pytest.approx(sound.head_kw[solved].max())
    assert stacked([found], np.array([24.0]))["vm_mean_pu"] == pytest.approx(flows.vm_mean_pu)


def test_a_month_without_any_solution_has_no_voltage(world: World) -> None:
    feeder = _feeder(world)
    heavy = np.full((len(feeder.meters), 4), 20_000_000, dtype=np.int32)
    flows = feeder.solve(heavy, heavy // 3, 60.0)
    found = stacked([physical(feeder, [flows], feeder.by_transformer(heavy))], np.array([4.0]))
    assert np.isnan(found["lowest_voltage_pu"]).all()
    assert np.isnan(found["vm_mean_pu"]).all()
    assert found["supplied_kwh"] == pytest.approx(heavy.sum() / 1e3)
    assert found["unsolved_hours"] == pytest.approx(4.0)


def _one_month(months: Months, meters: int, at: int) -> Months:
    rows = months.take(np.arange(meters))
    demand, registered = (rows[name][:, at : at + 1] for name in ("demand_kwh", "registered_kwh"))
    one, effects = (
        KeptRows(kind, n, Scratch()) for kind, n in ((row_type(1), len(rows)), (effect_type(1), len(months.events)))
    )
    one.put(months.row_of_meter, rows_of(demand, registered, habits_in(rows), rows["reactive"]))
    found = months.effects.take(np.arange(len(months.events)))
    of_month = np.zeros(len(found), effect_type(1))
    of_month["cut_wh"], of_month["lost_wh"] = (found[name][:, at : at + 1] for name in ("cut_wh", "lost_wh"))
    effects.put(slice(0, len(found)), of_month)
    return replace(months, rows=one, effects=effects)


def test_mean_voltages_of_months_are_weighted_by_their_hours(world: World) -> None:
    found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)

    def elements(of: World, months: Months) -> pd.DataFrame:
        grid = balance_by_days(of, months, jobs=1, report=lambda *_: None)
        losses: pd.DataFrame = grid.tables()["network_losses"].to_pandas()
        return losses

    both = elements(world, found.kept.months)
    one, other = (
        elements(
            replace(world, numbers=world.numbers[at : at + 1]), _one_month(found.kept.months, len(world.known), at)
        )
        for at in (0, 1)
    )
    days = days_in_month(world.numbers)
    mean = (one.mean_voltage_pu * days[0] + other.mean_voltage_pu * days[1]) / days.sum()
    np.testing.assert_allclose(both.mean_voltage_pu, mean, rtol=1e-12)
    assert np.array_equal(both.lowest_voltage_pu, np.minimum(one.lowest_voltage_pu, other.lowest_voltage_pu))
    np.testing.assert_allclose(both.loss_kwh, one.loss_kwh + other.loss_kwh, rtol=1e-12)


def test_without_a_power_flow_nothing_is_said_of_feeders() -> None:
    plain = SyntheticDataPipeline(GeneratorConfig(num_meters=30, num_months=1, physics="none", interval="1h")).build()
    assert not {"feeder_energy", "feeder_readings", "network_losses"} & set(plain.tables)
    assert {name.split("/")[0] for name in plain.files} == {"readings", "truth"}


def test_a_months_balance_needs_a_power_flow(world: World) -> None:
    from ghostload.simulation.feeder import FeederMonth

    nothing = np.zeros((0, 24), dtype=np.int32)
    month = FeederMonth(nothing, nothing, nothing.astype(np.uint8), np.zeros(0, dtype=np.int64))
    with pytest.raises(UsageError, match="set physics to power_flow"):
        month_balance(_feeder(world), month)
    with pytest.raises(UsageError, match="feeder 0: has no wires"):
        _ = replace(_feeder(world), plan=None).node_kind
