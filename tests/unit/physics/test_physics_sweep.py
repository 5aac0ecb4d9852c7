"""The feeders' sweep: the general three-phase sweep, the energy identity, splitting, and steps without a solution."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physics_support import by_transformer, case, plan, powers

from ghostload.errors import UsageError
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.physics.energy import losses_by_kind
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan
from ghostload.wires.unbalanced import to_three_phase

PRACTICES = pytest.mark.parametrize("practice", ["metro_manila", "european"])


@PRACTICES
def test_every_node_has_the_voltages_of_the_general_three_phase_sweep(practice: str) -> None:
    for feeder in range(case(practice)[1].feeders):
        made = plan(practice, feeder)
        p, q = powers(made, 19)
        flows = made.solve(p, q, tol=1e-12)
        grid = to_three_phase(made.wires, feeder)
        general = ThreePhasePlan(grid)
        want = general.solve_series((p.T, q.T), outputs=("vm", "source", "losses"), tol=1e-12)
        assert want.vm is not None
        assert want.source is not None
        assert want.losses is not None
        vm = {place: want.vm[:, i] for i, place in enumerate(general.places)}
        by_bus = [np.stack([vm[bus.name, phase] for phase in bus.conductors]) for bus in grid.buses]
        assert np.abs(flows.vm_lowest_pu - [v.min() for v in by_bus]).max() < 1e-10
        assert np.abs(flows.vm_highest_pu - [v.max() for v in by_bus]).max() < 1e-10
        assert np.abs(flows.vm_mean_pu - [v.mean() for v in by_bus]).max() < 1e-8
        service = np.stack([np.mean([vm[load.bus, phase] for phase in load.phases], axis=0) for load in grid.loads])
        rated = made.wires.practice.lv_kv * 1e3 / np.sqrt(3)
        assert np.abs(flows.service_v / rated - service).max() < 1.2e-7  # what float32 leaves
        np.testing.assert_allclose(flows.head_kw, want.source[:, 0].real, rtol=1e-10)
        np.testing.assert_allclose(flows.head_kvar, want.source[:, 0].imag, rtol=1e-9)
        np.testing.assert_allclose(
            flows.edge_loss_kwh.sum() + flows.iron_loss_kwh.sum(), want.losses.real.sum(), rtol=1e-7
        )


@PRACTICES
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), level=st.floats(0.0, 2.0), head=st.floats(0.95, 1.08))
def test_delivered_energy_is_true_demand_and_line_losses(practice: str, seed: int, level: float, head: float) -> None:
    made = plan(practice)
    p, q = (level * a for a in powers(made, 5, seed))
    flows = made.solve(p, q, minutes=30.0, head_pu=head)
    assert not flows.reason
    true_wh = by_transformer(made, p) * 500.0
    scale = np.maximum(true_wh, 1e-6)
    assert (np.abs(flows.delivered_wh - true_wh - flows.low_loss_wh) / scale).max() < 1e-7
    assert (flows.low_loss_wh >= 0).all()
    assert (flows.own_loss_wh > 0).all()
    assert (flows.edge_loss_kwh > -1e-7).all()
    inside = flows.delivered_wh.sum(axis=0) + flows.own_loss_wh.sum(axis=0)
    assert (flows.head_kw * 500.0 > inside - 1e-6).all()
    total = flows.edge_loss_kwh.sum() + flows.iron_loss_kwh.sum()
    assert total == pytest.approx(flows.head_kw.sum() / 2 - true_wh.sum() / 1e3, rel=1e-4, abs=1e-3)
    behind = flows.low_loss_wh.sum() + flows.own_loss_wh.sum()
    kinds = losses_by_kind(made.wires.layout.kind[made.nodes], flows.edge_loss_kwh, flows.iron_loss_kwh)
    assert behind / 1e3 == pytest.approx(kinds[1:].sum(), rel=1e-4, abs=1e-4)


@PRACTICES
def test_without_load_only_the_transformers_iron_and_line_charging_draw(practice: str) -> None:
    made = plan(practice)
    nothing = np.zeros((len(made.meters), 3))
    flows = made.solve(nothing, nothing)
    assert not flows.delivered_wh.any()
    assert not flows.low_loss_wh.any()
    tap = made.wires.tap_pu[made.transformers]
    iron = np.array([made.wires.type_of(number).pfe_kw for number in made.transformers.tolist()])
    head_pu = made.wires.practice.head_voltage_pu
    assert flows.iron_loss_kwh == pytest.approx(3 * iron * (head_pu / tap) ** 2, rel=3e-3)  # line charging lifts it
    assert flows.head_kw.sum() == pytest.approx(flows.iron_loss_kwh.sum() + flows.edge_loss_kwh.sum(), rel=1e-6)


def _same(a: FeederFlows, b: FeederFlows) -> None:
    for field in dataclasses.fields(FeederFlows):
        one, other = getattr(a, field.name), getattr(b, field.name)
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, field.name


def test_threads_change_no_bit() -> None:
    made = plan()
    p, q = powers(made, 1300)
    _same(made.solve(p, q), made.solve(p, q, n_jobs=3))


def test_splitting_the_steps_changes_no_bit() -> None:
    made = plan()
    p, q = powers(made, 50)
    whole = made.solve(p, q)
    parts = [made.solve(p[:, a:b], q[:, a:b]) for a, b in ((0, 7), (7, 8), (8, 41), (41, 50))]
    for name in ("service_v", "delivered_wh", "delivered_varh", "low_loss_wh", "own_loss_wh", "head_kw", "head_kvar"):
        assert np.array_equal(getattr(whole, name), np.concatenate([getattr(x, name) for x in parts], axis=-1)), name
    for name in ("edge_loss_kwh", "iron_loss_kwh"):
        assert np.array_equal(getattr(whole, name), np.sum([getattr(part, name) for part in parts], axis=0)), name
    assert np.array_equal(whole.vm_lowest_pu, np.min([part.vm_lowest_pu for part in parts], axis=0))
    assert np.array_equal(whole.vm_highest_pu, np.max([part.vm_highest_pu for part in parts], axis=0))


def test_a_weight_counts_a_step_as_often() -> None:
    made = plan()
    p, q = powers(made, 3)
    again = [0, 0, 0, 1, 2, 2]
    once, often = made.solve(p, q, weight=[3, 1, 2]), made.solve(p[:, again], q[:, again])
    np.testing.assert_allclose(once.edge_loss_kwh, often.edge_loss_kwh, rtol=0, atol=1e-7)
    np.testing.assert_allclose(once.iron_loss_kwh, often.iron_loss_kwh, rtol=0, atol=1e-7)
    np.testing.assert_allclose(once.vm_mean_pu, often.vm_mean_pu, rtol=0, atol=1e-8)
    assert np.array_equal(once.vm_lowest_pu, often.vm_lowest_pu)


def test_narrow_numbers_are_taken_as_they_are() -> None:
    made = plan()
    p, q = powers(made, 21)
    wh, varh = np.rint(500 * p).astype(np.int32), np.rint(500 * q).astype(np.int32)
    whole = made.solve_wh(wh, varh, 30.0)
    assert np.array_equal(whole.service_v, made.solve(wh * 0.002, varh * 0.002, minutes=30.0).service_v)
    narrow = made.solve(p.astype(np.float32), q.astype(np.float32))
    assert np.array_equal(
        narrow.service_v, made.solve(p.astype(np.float32) * 1.0, q.astype(np.float32) * 1.0).service_v
    )
    assert np.abs(narrow.service_v - made.solve(p, q).service_v).max() < 1e-4


def test_without_voltages_everything_else_is_the_same() -> None:
    made = plan()
    p, q = powers(made, 20)
    a, b = made.solve(p, q), made.solve(p, q, voltages=False)
    assert b.service_v.shape == (len(made.meters), 0)
    _same(dataclasses.replace(a, service_v=b.service_v), b)


def test_a_step_without_a_solution_is_named_and_left_out_of_all_sums() -> None:
    made = plan()
    p, q = powers(made, 20)
    good = made.solve(p[:, :19], q[:, :19])
    p[:, 4] *= 80.0
    p[:, 19] = p[0, 19] = np.nan
    bad = made.solve(p, q)
    assert set(bad.reason) == {4, 19}
    assert bad.reason[19] == "voltages are not finite"
    kept = [k for k in range(20) if k not in bad.reason]
    for name in ("service_v", "delivered_wh", "low_loss_wh", "own_loss_wh", "head_kw"):
        assert np.isnan(getattr(bad, name)[..., [4, 19]]).all(), name
        assert np.array_equal(getattr(bad, name)[..., kept], getattr(good, name)[..., kept]), name
    alone = made.solve(p[:, kept], q[:, kept])
    assert np.array_equal(bad.edge_loss_kwh, alone.edge_loss_kwh)
    assert np.array_equal(bad.vm_mean_pu, alone.vm_mean_pu)
    assert np.array_equal(bad.vm_lowest_pu, alone.vm_lowest_pu)


def test_sweeps_that_run_out_say_so() -> None:
    made = plan()
    p, q = powers(made, 2)
    flows = made.solve(p, q, max_iter=2)
    assert flows.reason == {0: "no fixed point within 2 sweeps", 1: "no fixed point within 2 sweeps"}
    assert np.isnan(flows.vm_mean_pu).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_kw": np.zeros((3, 4))}, "meters x steps"),
        ({"head_pu": [1.0, 1.0, 1.0]}, "head_pu has shape"),
        ({"weight": [1.0, 0.5]}, "whole numbers"),
        ({"tol": 0.0}, "must be positive"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    made = plan()
    p, q = powers(made, 2)
    with pytest.raises(UsageError, match=message):
        made.solve(**{"p_kw": p, "q_kvar": q, **change})  # type: ignore[arg-type]


def test_an_unknown_vector_group_is_refused() -> None:
    wires = case("european")[1]
    other = dataclasses.replace(wires, practice=dataclasses.replace(wires.practice, vector_group="Yd1"))
    with pytest.raises(UsageError, match="YNyn or Dyn"):
        FeederPlan(other, 0)


def test_the_room_is_entered_without_numba() -> None:
    code = "import sys, ghostload.physics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
