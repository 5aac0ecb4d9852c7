"""OpenDSS finds the voltages, losses and transformer powers of the feeders' sweep.

Needs dss-python; skipped where it is not installed.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dss", reason="dss-python is not installed")

from dss import DSS

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.physics.plan import FeederPlan
from ghostload.pipeline import build_world
from ghostload.wires import build_wires
from ghostload.wires.opendss import to_opendss_text
from ghostload.wires.unbalanced import to_three_phase


@pytest.mark.parametrize(
    ("practice", "network"),
    [("metro_manila", {}), ("metro_manila", {"medium_voltage_kv": 13.8}), ("european", {})],
    ids=["34.5 kV", "13.8 kV", "11 kV"],
)
def test_whole_feeders_are_those_of_opendss(practice: str, network: dict[str, float]) -> None:
    config = GeneratorConfig(num_meters=800, network=NetworkConfig(practice, **network))
    world = build_world(config)
    wires = build_wires(world.territory, world.customers, world.capacity_kva, config, world.streams)
    rng = np.random.default_rng(7)
    for feeder in range(wires.feeders):
        made = FeederPlan(wires, feeder)
        p = wires.meter_kw[made.meters] * rng.uniform(0.2, 1.4, len(made.meters))
        q = wires.meter_kvar[made.meters] * rng.uniform(0.2, 1.4, len(made.meters))
        grid = to_three_phase(wires, feeder, p, q)
        for command in to_opendss_text(grid).splitlines():
            if not command.startswith("!"):
                DSS.Text.Command = command
        circuit = DSS.ActiveCircuit
        assert circuit.Solution.Converged
        flows = made.solve(p[:, None], q[:, None], tol=1e-11)
        seen = dict(zip(circuit.AllNodeNames, np.hypot(*np.asarray(circuit.AllBusVolts).reshape(-1, 2).T), strict=True))
        number = {"a": 1, "b": 2, "c": 3}
        want = np.array([np.mean([seen[f"{load.bus}.{number[x]}"] for x in load.phases]) for load in grid.loads])
        rated = wires.practice.lv_kv * 1e3 / np.sqrt(3)
        assert np.abs(flows.service_v[:, 0] - want).max() / rated < 2e-7
        lost_kw = circuit.Losses[0] / 1e3
        assert flows.edge_loss_kwh.sum() + flows.iron_loss_kwh.sum() == pytest.approx(lost_kw, rel=2e-5)
        for row, unit in enumerate(made.transformers.tolist()):
            low = grid.buses[wires.layout.block_start[unit] - made.nodes.start].name
            circuit.SetActiveElement(f"Transformer.x_{low}")
            power = np.asarray(circuit.ActiveCktElement.Powers).reshape(2, -1, 2)[1].sum(axis=0)
            assert flows.delivered_wh[row, 0] == pytest.approx(-1e3 * power[0], rel=2e-6)
            assert flows.delivered_varh[row, 0] == pytest.approx(-1e3 * power[1], rel=2e-5)
