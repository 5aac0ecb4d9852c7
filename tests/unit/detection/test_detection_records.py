"""Errors of the utility's records, and how detectors put them right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ghostload.detection import RECORDS, RecordErrors, find_detector, recorded, run_benchmark, score_detector
from ghostload.detection.contract import planted_dataset
from ghostload.detection.effective import believable, effective_resistance
from ghostload.detection.hidden_power import Registered, Residual, voltage_residual
from ghostload.detection.low_voltage import LowVoltage
from ghostload.detection.mend_energy import mended_by_energy
from ghostload.detection.mend_voltage import mended_by_voltage
from ghostload.detection.planted import street
from ghostload.detection.records import recorded_transformers, wrong_impedances
from ghostload.detection.rewire import positions, rewired, shares
from ghostload.detection.seen import FeederReadings, SeenDataset, find_seen, seen_of
from ghostload.errors import ConfigError, UsageError


@pytest.fixture(scope="module")
def planted() -> SeenDataset:
    return planted_dataset()


def feeder_of(true_kw: np.ndarray, home: np.ndarray, registered_kw: np.ndarray, seed: int = 3) -> FeederReadings:
    """Streets behind transformers of 0.05 ohm, on a medium voltage that wanders; phases in turn on the last one."""
    rng = np.random.default_rng(seed)
    count, steps = true_kw.shape
    amps = true_kw * 1e3 / 230.0
    source = 235.0 + np.cumsum(rng.normal(0.0, 0.1, steps))
    volts, networks = np.empty_like(true_kw), []
    for number in range(int(home.max()) + 1):
        members = np.flatnonzero(home == number)
        network = street(len(members))
        if number == home.max():
            network = three_phases(network)
        current = network.share.T @ amps[members]
        volts[members] = source - network.share @ (0.05 * current) - network.r_ohm @ amps[members]
        networks.append(network)
    delivered = np.stack([true_kw[home == number].sum(axis=0) for number in range(int(home.max()) + 1)])
    return FeederReadings(
        rows=np.arange(count),
        home=home,
        start=np.datetime64("2025-01-06T00:00:00"),
        minutes=60,
        registered_wh=np.rint(1e3 * registered_kw).astype(np.int64),
        actual=np.ones(true_kw.shape, dtype=bool),
        tan_phi=np.zeros(count),
        delivered_wh=np.rint(1e3 * delivered),
        voltage_v=np.round(volts, 1),
        network=tuple(networks),
    )


def three_phases(network: LowVoltage) -> LowVoltage:
    own = network.r_ohm.astype(np.complex128)
    even = replace(network, own_ohm=own, between_ohm=np.zeros_like(own))
    return even.with_share(np.eye(3)[np.arange(len(own)) % 3])


@pytest.fixture(scope="module")
def feeder() -> FeederReadings:
    kw = np.random.default_rng(1).gamma(1.0, 0.6, (36, 900))
    return feeder_of(kw, np.repeat([0, 1, 2], 12), kw)


def with_phases(feeder: FeederReadings, changed: dict[int, int]) -> FeederReadings:
    share = shares(feeder)
    for meter, phase in changed.items():
        share[meter] = np.eye(3)[phase]
    return rewired(feeder, feeder.home, share)


# --- what errors do


def test_perfect_records_are_the_data_set_itself(planted: SeenDataset) -> None:
    assert recorded(planted, RECORDS["perfect"]) is planted


def test_errors_have_the_rates_that_are_asked_for(make_dataset) -> None:
    names = [f"TX_{number % 8}" for number in range(4000)]
    dataset = make_dataset(np.ones((4000, 1)), transformers=names)
    before = dataset.transformer_index
    after = recorded_transformers(dataset, 0.1, seed=5)
    assert (before != after).mean() == pytest.approx(0.1, abs=0.015)
    assert set(after.tolist()) <= set(before.tolist())


def test_a_stray_meter_is_recorded_on_a_near_transformer_of_its_feeder(make_dataset) -> None:
    names = [f"TX_{number % 6}" for number in range(600)]
    dataset = make_dataset(np.ones((600, 1)), transformers=names)
    at = np.arange(6.0)
    places = {
        "transformer_id": [f"TX_{n}" for n in range(6)],
        "feeder_id": ["A", "A", "A", "A", "A", "B"],
        "lat": 14.0 + 0.01 * at,
        "lon": np.full(6, 121.0),
    }
    home = np.arange(600) % 6
    meters = dataset.tables["meters"].drop_columns(
        [c for c in ("lat", "lon") if c in dataset.tables["meters"].schema.names]
    )
    meters = meters.append_column("lat", pa.array(14.0 + 0.01 * home)).append_column(
        "lon", pa.array(np.full(600, 121.0))
    )
    placed = replace(dataset, tables={**dataset.tables, "transformers": pa.table(places), "meters": meters})
    now = recorded_transformers(placed, 1.0, seed=1)
    assert (now[home == 5] == 5).all()  # alone on its feeder
    assert set(now[home == 0].tolist()) == {1, 2, 3}
    assert set(now[home == 4].tolist()) == {1, 2, 3}


def test_adding_meters_changes_no_other_meters_record(make_dataset) -> None:
    names = [f"TX_{number % 5}" for number in range(300)]
    small = make_dataset(np.ones((200, 1)), transformers=names[:200])
    large = make_dataset(np.ones((300, 1)), transformers=names)
    np.testing.assert_array_equal(
        recorded_transformers(small, 0.3, seed=2), recorded_transformers(large, 0.3, seed=2)[:200]
    )


def test_readings_are_as_they_are_whatever_the_records(planted: SeenDataset) -> None:
    poor = recorded(planted, RECORDS["poor"], seed=4)
    (true,), (told,) = planted.seen, tuple(seen_of(poor).feeders())
    for name in ("registered_wh", "voltage_v", "delivered_wh", "actual", "rows"):
        assert getattr(told, name) is getattr(true, name)
    assert (told.home != true.home).mean() == pytest.approx(0.1, abs=0.05)
    np.testing.assert_array_equal(told.home, poor.transformer_index)
    for members, network in zip(told.members(), told.network, strict=True):
        np.testing.assert_array_equal(network.meters, told.rows[members])
        np.testing.assert_allclose(network.r_ohm, network.r_ohm.T)
    again = next(iter(seen_of(recorded(planted, RECORDS["poor"], seed=4)).feeders()))
    np.testing.assert_array_equal(again.network[0].r_ohm, told.network[0].r_ohm)


def test_labels_and_folds_are_those_of_the_data_set(planted: SeenDataset) -> None:
    poor = recorded(planted, RECORDS["poor"], seed=4)
    spec = find_detector("rule_drop")
    np.testing.assert_array_equal(
        score_detector(spec, planted, known=poor), score_detector(spec, planted)
    )  # a meter's own past hangs on no record


def test_a_data_set_of_months_has_records_too(make_dataset) -> None:
    from ghostload.dataset import Dataset

    planted = planted_dataset()
    months = Dataset(planted.tables)
    told = recorded(months, RECORDS["poor"], seed=1)
    assert find_seen(told) is None
    board = run_benchmark(months, ["rule_balance"], n_bootstrap=0, records="poor")
    assert not board.failed
    assert board.records == "poor"
    assert board.to_dict()["records"] == "poor"


def test_impedances_are_off_by_the_factors_that_are_drawn(feeder: FeederReadings) -> None:
    factor = np.exp(0.3 * np.random.default_rng(1).standard_normal(36))
    wrong = wrong_impedances(feeder, factor)
    np.testing.assert_allclose(wrong.network[1].r_ohm.diagonal() / feeder.network[1].r_ohm.diagonal(), factor[12:24])
    assert wrong_impedances(feeder, np.ones(36)) is feeder


@pytest.mark.parametrize(
    "wrong", [{"wrong_phase_share": 1.2}, {"wrong_transformer_share": -0.1}, {"impedance_sd": 9.0}]
)
def test_impossible_errors_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RecordErrors(**wrong)


def test_unknown_records_are_refused_with_a_hint(planted: SeenDataset) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        run_benchmark(planted, ["rule_drop"], records="typcal")


# --- meters put on other transformers and phases


def test_a_meter_that_moves_hangs_beside_another_and_comes_back_to_its_phase(feeder: FeederReadings) -> None:
    home = feeder.home.copy()
    home[3] = 1
    moved = rewired(feeder, home)
    assert [len(n.meters) for n in moved.network] == [11, 13, 12]
    place = positions(moved)
    r = moved.network[1].r_ohm
    assert r[place[3], place[3]] == pytest.approx(np.median(feeder.network[1].r_ohm.diagonal()), rel=0.02)
    assert (r[place[3]] <= r[place[3], place[3]] + 1e-12).all()
    kept = np.delete(np.arange(12), 3)
    np.testing.assert_array_equal(moved.network[0].r_ohm, feeder.network[0].r_ohm[np.ix_(kept, kept)])
    assert moved.network[2] is feeder.network[2]


def test_a_transformer_may_lose_all_its_meters_and_get_some_again(feeder: FeederReadings) -> None:
    emptied = rewired(feeder, np.where(feeder.home == 0, 1, feeder.home))
    assert len(emptied.network[0].meters) == 0
    back = rewired(emptied, feeder.home)
    assert len(back.network[0].meters) == 12
    assert (back.network[0].r_ohm.diagonal() > 0).all()


def test_only_pairs_with_a_changed_phase_have_other_impedances(feeder: FeederReadings) -> None:
    network = feeder.network[2]
    changed = with_phases(feeder, {24: 1}).network[2]
    np.testing.assert_array_equal(changed.r_ohm[1:, 1:], network.r_ohm[1:, 1:])
    assert changed.r_ohm[0, 0] == network.r_ohm[0, 0]
    assert changed.r_ohm[0, 1] > 0.0 == network.r_ohm[0, 1]
    assert changed.r_ohm[0, 3] == 0.0 < network.r_ohm[0, 3]


# --- records put right


def test_right_records_are_left_alone(feeder: FeederReadings) -> None:
    assert mended_by_voltage(feeder) is feeder
    assert mended_by_energy(feeder) is feeder


def test_voltages_bring_meters_back_to_their_transformers_and_phases(feeder: FeederReadings) -> None:
    home = feeder.home.copy()
    home[[2, 15, 30]] = 1, 0, 0
    wrong = with_phases(rewired(feeder, home), {24: 1, 28: 2})
    mended = mended_by_voltage(wrong)
    np.testing.assert_array_equal(mended.home, feeder.home)
    np.testing.assert_array_equal(shares(mended), shares(feeder))


def test_energy_brings_meters_back_to_their_transformers_though_some_steal() -> None:
    kw = np.random.default_rng(4).gamma(1.0, 0.6, (36, 900))
    registered = kw.copy()
    registered[[5, 20]] *= 0.5
    true = feeder_of(kw, np.repeat([0, 1, 2], 12), registered)
    home = true.home.copy()
    home[[2, 15, 20]] = 1, 0, 2
    np.testing.assert_array_equal(mended_by_energy(rewired(true, home)).home, true.home)


def test_nothing_is_moved_without_voltages_or_meters_at_transformers(feeder: FeederReadings) -> None:
    home = np.roll(feeder.home, 1)
    bare = replace(rewired(feeder, home), voltage_v=None)
    assert mended_by_voltage(bare) is bare
    silent = replace(bare, delivered_wh=None)
    assert mended_by_energy(silent) is silent
    unheard = replace(rewired(feeder, home), voltage_v=np.full(feeder.voltage_v.shape, np.nan))
    np.testing.assert_array_equal(mended_by_voltage(unheard).home, home)


# --- impedances from readings


def response(registered: np.ndarray, true: np.ndarray, *, wrong: float = 0.0):
    network = street(12)
    network = replace(network, r_ohm=8.0 * network.r_ohm)
    volts = 235.0 - network.r_ohm @ (1e3 * true / 230.0)
    factor = np.exp(wrong * np.random.default_rng(2).standard_normal(12))
    told = replace(network, r_ohm=network.r_ohm * np.sqrt(factor[:, None] * factor))
    seen = Registered(registered, volts, np.zeros(12))
    return effective_resistance(told, seen, voltage_residual(told, seen)), factor


def test_others_answer_a_thief_and_not_a_wrong_impedance() -> None:
    true = np.random.default_rng(6).gamma(1.0, 0.3, (12, 2000))
    registered = true.copy()
    registered[4] *= 0.4
    found, _ = response(registered, true)
    assert found.others[4] == pytest.approx(1.5, abs=0.15)
    assert np.abs(np.delete(found.others, 4)).max() < 0.15
    wrong, factor = response(registered, true, wrong=0.4)
    honest = np.delete(np.arange(12), 4)
    np.testing.assert_allclose(wrong.own[honest], 1.0 / factor[honest] - 1.0, atol=0.35)
    assert wrong.others.argmax() == 4


def test_a_peer_who_registers_for_another_is_named_whatever_the_impedances() -> None:
    true = np.random.default_rng(7).gamma(1.0, 0.3, (12, 2000))
    registered = true.copy()
    registered[1] *= 0.5
    registered[8] += 0.5 * true[1]
    found, _ = response(registered, true, wrong=0.4)
    assert found.covered.argmax() == 1
    assert found.covers.argmax() == 8
    assert found.covered[1] == pytest.approx(1.0, rel=0.4)


def test_steps_in_which_a_register_catches_up_are_not_believed() -> None:
    volts = 0.05 * np.random.default_rng(8).standard_normal((5, 300))
    volts[2, 40], volts[3, 41] = 30.0, -30.0
    left = Residual(volts, np.ones(5, dtype=bool), np.ones(300, dtype=bool), np.eye(5))
    assert np.flatnonzero(~believable(left)).tolist() == [40]
