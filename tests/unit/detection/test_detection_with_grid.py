"""What transformers' meters, intervals and voltages tell, on cases that can be computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.detection import DETECTORS, not_run, quick_scores, run_benchmark
from ghostload.detection.balance import (
    TABLE,
    balance_features,
    delivered_of,
    monthly_balance,
    ridge_shares,
)
from ghostload.detection.contract import PLANTED, planted_dataset
from ghostload.detection.hidden_power import Registered, hidden_power, sensitivity_ratio, voltage_residual
from ghostload.detection.interval_balance import (
    interval_balance_features,
    lines_loss_kw,
    shortfall_kw,
    unregistered_shares,
)
from ghostload.detection.interval_features import interval_features
from ghostload.detection.low_voltage import LowVoltage, low_voltage_of
from ghostload.detection.panel import Panel, panel_of
from ghostload.detection.planted import street
from ghostload.detection.seen import FeederReadings, SeenDataset, clean_steps, plausible_steps
from ghostload.detection.voltage_features import voltage_features
from ghostload.errors import DataError
from ghostload.pipeline import build_world

GRID = tuple(spec.name for spec in DETECTORS if not spec.needs_months_only)
SETS = (balance_features, interval_features, interval_balance_features, voltage_features)


@pytest.fixture(scope="module")
def planted() -> SeenDataset:
    return planted_dataset()


def feeder_of(wh: np.ndarray, **more: object) -> FeederReadings:
    count = len(wh)
    given = {
        "rows": np.arange(count),
        "home": np.zeros(count, dtype=np.int64),
        "start": np.datetime64("2025-01-06T00:00:00"),
        "minutes": 60,
        "registered_wh": wh,
        "actual": np.ones(wh.shape, dtype=bool),
        "tan_phi": np.zeros(count),
    }
    return FeederReadings(**(given | more))


def powers(meters: int, steps: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 0.5, (meters, steps))


# --- the transformer's excess in intervals


def test_without_noise_the_regression_returns_the_planted_shares() -> None:
    kw = powers(12, 400)
    k = np.zeros(12)
    k[[3, 7]] = 0.5, 2.0
    block = np.arange(400) % 8
    tapped = np.where(block >= 6, 0.4, 0.0)
    total = kw.sum(axis=0)
    found = unregistered_shares(k @ kw + 0.01 * total**2 / total.mean() + tapped, kw, block)
    np.testing.assert_allclose(found.k, k, atol=1e-6)
    assert found.unattributed_kw == pytest.approx(0.1, abs=1e-6)
    assert set(np.argsort(-found.z)[:2]) == {3, 7}


def test_a_meter_that_stopped_is_found_by_what_it_falls_short_of() -> None:
    kw = powers(6, 24 * 7 * 10, seed=2)
    true = kw.copy()
    kw[4, 24 * 7 * 5 :] = 0.0
    step = np.arange(kw.shape[1]) % 24
    found = unregistered_shares((true - kw).sum(axis=0), kw, step // 3, shortfall_kw(kw, step, 24))
    assert found.z_fallen.argmax() == 4
    assert found.fallen[4] == pytest.approx(1.0, abs=0.1)
    assert np.abs(np.delete(found.fallen, 4)).max() < 0.1


def test_shortfall_is_measured_from_the_better_weeks() -> None:
    kw = np.concatenate([np.full(24 * 7, value) for value in (4.0, 4.0, 4.0, 1.0)])[None]
    short = shortfall_kw(kw, np.arange(kw.shape[1]) % 24, 24)
    np.testing.assert_allclose(short[0], np.repeat([0.0, 0.0, 0.0, 3.0], 24 * 7))


def test_nothing_missing_gives_no_shares() -> None:
    kw = powers(5, 200)
    found = unregistered_shares(np.zeros(200), kw, np.arange(200) % 8)
    assert found.k.max() < 1e-9
    assert found.unattributed_kw < 1e-9


def test_no_steps_and_no_meters_give_nothing() -> None:
    assert unregistered_shares(np.zeros(0), np.zeros((3, 0)), np.zeros(0, dtype=int)).k.tolist() == [0.0] * 3
    assert len(unregistered_shares(np.zeros(5), np.zeros((0, 5)), np.zeros(5, dtype=int)).k) == 0


def test_losses_of_the_lines_are_current_squared_times_resistance() -> None:
    r = np.array([[0.1, 0.0], [0.0, 0.2]])
    np.testing.assert_allclose(lines_loss_kw(np.array([[2.3], [4.6]]), r, 230.0), [(10**2 * 0.1 + 20**2 * 0.2) / 1e3])


def test_a_step_in_which_a_stuck_register_moves_on_is_left_out() -> None:
    load = np.full(50, 10.0)
    excess = np.full(50, 0.3) + 0.01 * np.sin(np.arange(50))
    excess[7], excess[9] = -40.0, np.nan
    assert np.flatnonzero(~plausible_steps(excess, load)).tolist() == [7, 9]


def test_steps_without_a_large_meter_are_left_out_and_those_without_a_small_one_are_not() -> None:
    wh = np.array([[1000] * 20, [1] * 20, [500] * 20])
    actual = np.ones(wh.shape, dtype=bool)
    actual[0, 3], actual[1, 5], actual[2, :15] = False, False, False
    feeder = feeder_of(wh, actual=actual)
    assert np.flatnonzero(~clean_steps(feeder, np.arange(3))).tolist() == [3]


# --- voltages


def voltages(network: LowVoltage, true_kw: np.ndarray, terminals: np.ndarray) -> np.ndarray:
    """Solve v = terminals - R (1000 P / v) by repetition."""
    v = np.tile(terminals, (len(true_kw), 1)).astype(float)
    for _ in range(50):
        v = terminals - network.r_ohm @ (1e3 * true_kw / v)
    return v


def test_voltages_of_honest_meters_are_explained_whatever_the_gains() -> None:
    network, kw = street(8), powers(8, 300)
    v = voltages(network, kw, 235.0 + np.sin(np.arange(300)))
    exact = voltage_residual(network, Registered(kw, v, np.zeros(8)))
    np.testing.assert_allclose(exact.volts, 0.0, atol=1e-9)
    gains = np.linspace(0.996, 1.004, 8)[:, None]
    scaled = voltage_residual(network, Registered(kw, gains * v, np.zeros(8)))
    assert np.abs(scaled.volts).max() < 0.03


def test_hidden_power_is_that_of_the_thief_and_of_its_size() -> None:
    network, true = street(8), powers(8, 600)
    network = replace(network, r_ohm=5.0 * network.r_ohm)  # long drops, so that the prior hardly matters
    registered = true.copy()
    registered[5] *= 0.4
    v = voltages(network, true, np.full(600, 235.0))
    hidden = hidden_power(network, Registered(registered, v, np.zeros(8), (true - registered).sum(axis=0)))
    truth = true[5] - registered[5]
    assert hidden.used.all()
    assert np.corrcoef(hidden.kw[5], truth)[0, 1] > 0.99
    assert hidden.kw[5].std() == pytest.approx(truth.std(), rel=0.1)
    assert np.delete(hidden.kw.std(axis=1), 5).max() < 0.15 * truth.std()


def test_a_tap_before_the_meter_shows_without_a_transformer_meter() -> None:
    network, registered = street(8), powers(8, 600)
    true = registered.copy()
    true[2, np.arange(600) % 24 >= 18] += 1.5
    v = voltages(network, true, np.full(600, 235.0))
    hidden = hidden_power(network, Registered(registered, v, np.zeros(8)))
    assert hidden.kw.std(axis=1).argmax() == 2


def test_voltage_tells_who_registers_for_whom_when_the_balance_is_closed() -> None:
    network, true = street(8), powers(8, 600)
    registered = true.copy()
    registered[1] = 0.5 * true[1]
    registered[6] += 0.5 * true[1]
    excess = (true - registered).sum(axis=0)
    assert np.abs(excess).max() < 1e-12
    assert unregistered_shares(excess, registered, np.arange(600) % 8).k.max() < 1e-9
    v = voltages(network, true, np.full(600, 235.0))
    hidden = hidden_power(network, Registered(registered, v, np.zeros(8), excess))
    skew = (hidden.kw**3).mean(axis=1)
    assert skew.argmax() == 1
    assert skew.argmin() == 6


def test_the_sensitivity_of_a_meter_that_registers_half_is_twice_that_of_the_wires() -> None:
    network, true = street(10), powers(10, 4000, seed=5)
    registered = true.copy()
    registered[3] *= 0.5
    v = voltages(network, true, np.full(4000, 235.0))
    ratio = sensitivity_ratio(network, Registered(registered, v, np.zeros(10)))
    assert ratio[3] == pytest.approx(1.0, abs=0.1)
    assert np.abs(np.delete(ratio, 3)).max() < 0.2


def test_missing_voltages_cost_steps_or_meters_and_nothing_else() -> None:
    network, kw = street(10), powers(10, 200)
    v = voltages(network, kw, np.full(200, 235.0))
    v[4] = np.nan
    v[:, 17] = np.nan
    v[2, 30:34] = np.nan
    left = voltage_residual(network, Registered(kw, v, np.zeros(10)))
    assert np.flatnonzero(~left.heard).tolist() == [4]
    assert np.flatnonzero(~left.used).tolist() == [17]
    assert np.isfinite(left.volts).all()
    assert np.abs(left.volts).max() < 0.2
    nothing = voltage_residual(network, Registered(kw, np.full_like(v, np.nan), np.zeros(10)))
    assert nothing.volts.shape[1] == 0
    assert hidden_power(network, Registered(kw, np.full_like(v, np.nan), np.zeros(10))).kw.shape == (10, 0)


@pytest.fixture(scope="module")
def world_and_wires():
    return _world_and_wires(GeneratorConfig(num_meters=300, num_months=1))


def _world_and_wires(config):
    from ghostload.wires import build_wires

    world = build_world(config)
    return world, build_wires(world.territory, world.customers, world.capacity_kva, config, world.streams)


def test_the_linear_model_gives_the_voltages_of_the_power_flow(world_and_wires) -> None:
    from ghostload.physics.plan import FeederPlan

    _, wires = world_and_wires
    plan = FeederPlan(wires, 0)
    p = np.random.default_rng(3).gamma(1.0, 0.8, (len(plan.meters), 200))
    q = 0.3 * p
    flows = plan.solve(p, q)
    checked = 0
    for transformer in plan.transformers.tolist():
        network = low_voltage_of(wires, transformer)
        at = np.searchsorted(np.sort(plan.meters), network.meters)
        at = np.argsort(plan.meters)[at]
        tan = np.full(len(at), 0.3)
        left = voltage_residual(network, Registered(p[at], flows.service_v[at].astype(float), tan))
        nothing = voltage_residual(network, Registered(0.0 * p[at], flows.service_v[at].astype(float), tan))
        if len(at) > 5:
            assert left.volts.std() < 0.01 * nothing.volts.std() + 2e-3
            checked += 1
    assert checked >= 3


def test_drops_are_symmetric_and_no_meter_shares_more_than_its_own_way(world_and_wires) -> None:
    world, wires = world_and_wires
    for transformer in range(len(world.capacity_kva)):
        network = low_voltage_of(wires, transformer)
        np.testing.assert_allclose(network.share.sum(axis=1), 1.0)
        assert (np.diag(network.r_ohm) > 0).all()
        assert (network.r_ohm <= np.diag(network.r_ohm)[:, None] + 1e-9).all()


def test_turning_all_phases_by_one_leaves_the_drops_as_they_are() -> None:
    network = NetworkConfig(practice="european")
    world, wires = _world_and_wires(GeneratorConfig(num_meters=300, num_months=1, network=network))
    several = 0
    for transformer in range(len(world.capacity_kva)):
        network = low_voltage_of(wires, transformer)
        turned = network.with_share(np.roll(network.share, 1, axis=1))
        largest = np.abs(network.r_ohm).max()
        np.testing.assert_allclose(turned.r_ohm, network.r_ohm, atol=0.02 * largest)
        np.testing.assert_allclose(turned.x_ohm, network.x_ohm, atol=0.02 * largest)
        assert network.with_share(network.share) is network
        several += bool(network.share.any(axis=0).sum() > 1)
    assert several


# --- months


def small_panel(kwh: np.ndarray, groups: np.ndarray) -> Panel:
    count = len(kwh)
    months = tuple(f"2025{month + 1:02d}" for month in range(kwh.shape[1]))
    return Panel(kwh, months, np.zeros(count, dtype=np.int64), groups, np.ones(count))


def test_losses_of_months_are_taken_from_the_transformers_that_miss_least() -> None:
    kwh = np.full((8, 12), 100.0)
    panel = small_panel(kwh, np.arange(8) // 2)
    delivered = np.full((4, 12), 200.0 * 1.02)
    delivered[3] = 240.0
    balance = monthly_balance(panel, delivered)
    np.testing.assert_allclose(balance.unaccounted_kwh[:3], 0.0, atol=1e-9)
    np.testing.assert_allclose(balance.unaccounted_kwh[3], 36.0)


def test_ridge_shares_go_to_the_meter_whose_months_the_missing_energy_follows() -> None:
    rng = np.random.default_rng(4)
    kwh = rng.uniform(50, 150, (50, 24))
    panel = small_panel(kwh, np.arange(50) // 10)
    delivered = kwh.reshape(5, 10, 24).sum(axis=1)
    delivered[0] += 0.8 * kwh[4]
    balance = monthly_balance(panel, delivered)
    k = ridge_shares(panel, balance, noise=1e-6, prior=1.0)
    assert k[:10].argmax() == 4
    assert k[4] == pytest.approx(0.8, abs=0.1)
    assert np.abs(k[10:]).max() < 1e-6


def test_a_transformer_without_a_meter_says_nothing(planted: SeenDataset) -> None:
    table = planted.tables[TABLE]
    first = table["transformer_id"][0].as_py()
    kept = table.filter(pa.array([name != first for name in table["transformer_id"].to_pylist()]))
    partial = replace(planted, tables={**planted.tables, TABLE: kept})
    values = balance_features(partial).values
    assert (values[:30] == 0.0).all()
    assert (values[30:] != 0.0).any()
    assert np.isnan(delivered_of(partial, panel_of(partial))[0]).all()


def test_a_month_named_twice_is_refused(planted: SeenDataset) -> None:
    table = planted.tables[TABLE]
    twice = replace(planted, tables={**planted.tables, TABLE: pa.concat_tables([table, table.slice(0, 1)])})
    with pytest.raises(DataError, match="twice"):
        balance_features(twice)


# --- intervals


def test_interval_features_of_plain_series_are_those_by_hand() -> None:
    hours = np.arange(24 * 28)
    day = np.where(hours % 24 < 12, 2000, 0)
    flat = np.full(24 * 28, 1000)
    from ghostload.detection.interval_features import NAMES, own_features

    values, profile, weeks = own_features(feeder_of(np.stack([day, flat])), np.arange(2))
    of = dict(zip(NAMES, values.T, strict=True))
    np.testing.assert_allclose(of["night_share"], [0.5, 0.25])
    np.testing.assert_allclose(of["midday_share"], [2 / 12, 0.25])
    np.testing.assert_allclose(of["evening_share"], [0.0, 0.25])
    np.testing.assert_allclose(of["zero_steps"], [0.5, 0.0])
    np.testing.assert_allclose(of["equal_steps"], [11 * 28 / (24 * 28 - 1), 1.0])
    np.testing.assert_allclose(of["flat_days"], [0.0, 1.0])
    np.testing.assert_allclose(of["acf_day"], [27 / 28, 0.0])
    np.testing.assert_allclose(of["negative_steps"], 0.0)
    np.testing.assert_allclose(of["weekend_ratio"], 0.0, atol=1e-12)
    np.testing.assert_allclose(of["log_mean_kw"], np.log(1.01))
    assert profile.shape == (2, 24)
    np.testing.assert_allclose(weeks, np.log(1 / 1.01 + 0.05))


def test_readings_that_did_not_come_in_take_the_mean_of_their_time_of_day() -> None:
    from ghostload.detection.interval_features import own_features

    wh = np.tile(np.arange(24) * 100, 14)[None]
    actual = np.ones(wh.shape, dtype=bool)
    actual[0, 100:130] = False
    holed = np.where(actual, wh, 0)
    whole = own_features(feeder_of(wh), np.arange(1))[0]
    filled = own_features(feeder_of(holed, actual=actual), np.arange(1))[0]
    np.testing.assert_allclose(filled, whole)


# --- as detectors


@pytest.mark.parametrize("features", SETS, ids=lambda f: f.__name__)
def test_the_order_of_meters_and_feeders_does_not_matter(features, planted: SeenDataset) -> None:
    count = planted.num_meters
    turn = np.arange(count)[::-1].copy()
    feeder = planted.seen[0]
    halves = []
    for first, last in ((4, 8), (0, 4)):
        here = np.flatnonzero((feeder.home >= first) & (feeder.home < last))[::-1]
        halves.append(
            replace(
                feeder,
                rows=count - 1 - here,
                home=feeder.home[here] - first,
                registered_wh=feeder.registered_wh[here],
                actual=feeder.actual[here],
                tan_phi=feeder.tan_phi[here],
                delivered_wh=feeder.delivered_wh[first:last],
                voltage_v=feeder.voltage_v[here],
                network=tuple(
                    LowVoltage(n.meters[::-1], n.r_ohm[::-1, ::-1], n.x_ohm[::-1, ::-1], n.share[::-1])
                    for n in feeder.network[first:last]
                ),
            )
        )
    tables = {**planted.tables, "meters": planted.tables["meters"].take(pa.array(turn))}
    other = SeenDataset(tables, seen=tuple(halves))
    np.testing.assert_allclose(features(other).values[turn], features(planted).values, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("features", SETS, ids=lambda f: f.__name__)
def test_features_are_the_same_twice_and_do_not_look_at_labels(features, planted: SeenDataset) -> None:
    blind = replace(planted, tables={n: t for n, t in planted.tables.items() if not n.startswith("anomaly")})
    np.testing.assert_array_equal(features(blind).values, features(planted).values)


def test_no_honest_meter_stands_above_the_planted_thief(planted: SeenDataset) -> None:
    for name, scores in quick_scores(planted, ("rule_residual", "rule_voltage")).items():
        assert np.mean(scores[~planted.is_theft] < scores[PLANTED]) == 1.0, name


def test_a_data_set_of_months_runs_what_it_can_and_says_what_it_lacks(planted: SeenDataset) -> None:
    from ghostload.dataset import Dataset

    months = Dataset({name: table for name, table in planted.tables.items() if name != TABLE})
    lacking = not_run(months)
    assert {name for names in lacking.values() for name in names} == set(GRID)
    assert all("\n" not in text and "generate it with" in text for text in lacking)
    board = run_benchmark(months, ["rule_drop", "rule_voltage"], n_bootstrap=0)
    assert [entry.name for entry in board.failed] == ["rule_voltage"]
    assert not_run(planted) == {}


@pytest.mark.parametrize("features", SETS, ids=lambda f: f.__name__)
def test_missing_data_are_refused_in_one_line(features, make_town) -> None:
    with pytest.raises(DataError, match="generate it with") as error:
        features(make_town())
    assert "\n" not in str(error.value)


def test_readings_without_meters_at_transformers_or_voltages_are_refused(planted: SeenDataset) -> None:
    bare = replace(planted, seen=(replace(planted.seen[0], delivered_wh=None, voltage_v=None),))
    with pytest.raises(DataError, match="readings_transformers"):
        interval_balance_features(bare)
    with pytest.raises(DataError, match="voltages"):
        voltage_features(bare)
    assert interval_features(bare).values.shape[0] == planted.num_meters


def test_voltages_without_meters_at_transformers_still_work(planted: SeenDataset) -> None:
    partial = replace(planted, seen=(replace(planted.seen[0], delivered_wh=None),))
    scores = quick_scores(partial, ("rule_voltage",))["rule_voltage"]
    assert np.mean(scores < scores[PLANTED]) > 0.9


@pytest.mark.parametrize("steps", [1, 5, 24, 24 * 7, 24 * 20])
@pytest.mark.parametrize("kind", ["mixed", "zero", "constant", "missing"])
def test_few_and_degenerate_readings_give_finite_features(make_dataset, steps: int, kind: str) -> None:
    wh = {"mixed": np.rint(1000 * powers(4, steps)), "constant": np.full((4, steps), 700.0)}.get(
        kind, np.zeros((4, steps))
    )
    missing = kind == "missing"
    network = (street(3), street(1))
    feeder = feeder_of(
        wh.astype(np.int64),
        home=np.array([0, 0, 0, 1]),
        actual=np.full(wh.shape, not missing),
        delivered_wh=np.stack([wh[:3].sum(axis=0), np.full(steps, np.nan) if missing else 1.1 * wh[3]]),
        voltage_v=np.full(wh.shape, np.nan) if missing else 230.0 - wh / 1e4,
        network=network,
    )
    tables = make_dataset(np.ones((4, 1)), transformers=["TX_1", "TX_1", "TX_1", "TX_2"]).tables
    dataset = SeenDataset(tables, seen=(feeder,))
    for features in SETS[1:]:
        assert np.isfinite(features(dataset).values).all(), features.__name__


def test_readings_on_disk_are_those_of_the_pipeline_and_truth_is_not_needed(tmp_path) -> None:
    from ghostload.detection.seen import seen_of
    from ghostload.pipeline import SyntheticDataPipeline

    config = GeneratorConfig(num_meters=60, num_transformers=3, num_months=2, interval="1h")
    dataset = SyntheticDataPipeline(config).build()
    only_seen = replace(
        dataset,
        tables={
            n: t
            for n, t in dataset.tables.items()
            if n not in ("anomaly_labels", "anomaly_events", "transformer_energy")
        },
        files={name: file for name, file in dataset.files.items() if not name.startswith("truth")},
    )
    total = np.zeros(60)
    for feeder in seen_of(only_seen).feeders():
        assert feeder.start == np.datetime64("2025-01-01T00:00:00")
        assert (feeder.minutes, feeder.steps) == (60, 24 * 59)
        assert feeder.delivered_wh is not None
        assert feeder.voltage_v is not None
        total[feeder.rows] = feeder.registered_wh.sum(axis=1)
        ids = dataset.readings(["MTR_000001"], columns=["registered_wh", "voltage_v"]).to_table()
        if 0 in feeder.rows:
            at = int(np.flatnonzero(feeder.rows == 0)[0])
            np.testing.assert_array_equal(ids["registered_wh"].fill_null(0).to_numpy(), feeder.registered_wh[at])
            np.testing.assert_array_equal(ids["voltage_v"].to_numpy(), feeder.voltage_v[at])
    kwh = dataset.registered_kwh.sum(axis=1)
    assert np.median(np.abs(total / 1e3 - kwh)) < 1e-6
    assert np.isfinite(voltage_features(only_seen).values).all()
