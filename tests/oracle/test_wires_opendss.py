"""OpenDSS reads the text of whole feeders and finds the voltages of the three-phase sweep.

Needs dss-python; skipped where it is not installed.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dss", reason="dss-python is not installed")

from dss import DSS

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.grid.radial.three_phase import Bus3, Line3, LineCode, Load3, Source3, ThreePhaseGrid
from ghostload.grid.radial.three_phase import Transformer1 as Unit
from ghostload.pipeline import build_world
from ghostload.wires import Wires, build_wires
from ghostload.wires.opendss import to_opendss_text
from ghostload.wires.unbalanced import to_three_phase

NODE = {1: "a", 2: "b", 3: "c", 4: "n"}


def wires(practice: str, **network: float) -> Wires:
    config = GeneratorConfig(num_meters=800, network=NetworkConfig(practice, **network))
    world = build_world(config)
    return build_wires(world.territory, world.customers, world.capacity_kva, config, world.streams)


def solved(text: str) -> tuple[dict[tuple[str, str], complex], complex]:
    """Return OpenDSS's voltages by bus and conductor in volts, and the power of the source in kVA."""
    for command in text.splitlines():
        if not command.startswith("!"):
            DSS.Text.Command = command
    circuit = DSS.ActiveCircuit
    assert circuit.Solution.Converged
    volts = np.asarray(circuit.AllBusVolts).reshape(-1, 2)
    names = circuit.AllNodeNames
    found = {}
    for name, (re, im) in zip(names, volts, strict=True):
        bus, node = name.rsplit(".", 1)
        found[bus, NODE[int(node)]] = complex(re, im)
    total = np.asarray(circuit.TotalPower)
    return found, -complex(total[0], total[1])


def worst_difference(grid: ThreePhaseGrid) -> float:
    volts, power = solved(to_opendss_text(grid))
    plan = ThreePhasePlan(grid)
    result = plan.solve(tol=1e-11)
    assert result.v is not None
    assert result.source is not None
    base = {bus.name: bus.vn_kv * 1e3 / np.sqrt(3) for bus in grid.buses}
    want = np.array([volts[place] / base[place[0]] for place in plan.places])
    assert abs(power - result.source[0, 0]) < 1e-5 * abs(power)
    return float(np.abs(result.v[0] - want).max())


@pytest.mark.parametrize(
    ("practice", "network"),
    [("metro_manila", {}), ("metro_manila", {"medium_voltage_kv": 13.8}), ("european", {})],
    ids=["34.5 kV", "13.8 kV", "11 kV"],
)
@pytest.mark.parametrize("neutral", [False, True], ids=["folded", "neutral"])
def test_whole_feeders_have_the_voltages_of_opendss(practice: str, network: dict[str, float], neutral: bool) -> None:
    built = wires(practice, **network)
    for feeder in range(built.feeders):
        assert worst_difference(to_three_phase(built, feeder, neutral=neutral)) < 2e-7


@pytest.mark.parametrize("outward", [True, False], ids=["stepping down", "stepping up"])
def test_a_single_phase_transformer_between_neutrals_is_that_of_opendss(outward: bool) -> None:
    z2 = np.array([[0.9 + 0.8j, 0.1 + 0.3j], [0.1 + 0.3j, 1.1 + 0.9j]])
    z4 = np.full((4, 4), 0.05 + 0.3j) + np.eye(4) * (0.4 + 0.5j)
    near, far = ("high", "low") if outward else ("low", "high")
    kv = {"high": 13.8, "low": 0.4}
    buses = (
        Bus3("head", kv[near], "abcn", 1e-6),  # the sweep holds the neutral of the source at earth
        Bus3("end", kv[near], "abcn", 8.0),
        Bus3("out", kv[far], "bn", 5.0),
        Bus3("last", kv[far], "bn", 30.0),
    )
    unit = Unit(
        "u", *(("end", "out") if outward else ("out", "end")), "b", 50.0, 7.97, 0.23, 2.1, 1.0, 0.12, 0.8, 0.975
    )
    scale = 1.0 if outward else 0.05
    lines = (Line3("l4", "head", "end", "z4", 1.2 * scale), Line3("l2", "out", "last", "z2", 0.1 / scale))
    loads = (
        Load3("x", "last", 20.0 * scale, 6.0 * scale, "b", i_share=0.3, z_share=0.2),
        Load3("y", "end", 30.0 * scale, 9.0 * scale),
        Load3("w", "end", 6.0 * scale, 1.0 * scale, "ac"),
        Load3("d", "end", 9.0 * scale, 3.0 * scale, "ab", "delta"),
    )
    codes = {"z2": LineCode(z2), "z4": LineCode(z4)}
    grid = ThreePhaseGrid(
        buses, Source3("head", 1.02), lines, (), loads, codes, 60.0, "single-phase transformer", (unit,)
    )
    assert worst_difference(grid) < 2e-7
