"""The wires as grids and maps."""

from __future__ import annotations

import json

import geojson
import numpy as np
import pytest
from wires_support import wires

from ghostload.errors import UsageError
from ghostload.grid.findings import validate_grid
from ghostload.grid.io.files import read_grid, write_grid
from ghostload.grid.power_grid import PowerGrid
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.grid.radial.three_phase import (
    Bus3,
    Line3,
    LineCode,
    Load3,
    Source3,
    ThreePhaseGrid,
    Transformer1,
    Transformer3,
)
from ghostload.grid.radial.three_phase_json import feeder_from_json, feeder_to_json
from ghostload.wires import Kind
from ghostload.wires.balanced import to_grid_data
from ghostload.wires.geojson import network_geojson
from ghostload.wires.opendss import to_opendss_text
from ghostload.wires.unbalanced import to_three_phase

PRACTICES = ("metro_manila", "european")


@pytest.mark.parametrize("practice", PRACTICES)
def test_the_balanced_grid_is_valid_and_survives_its_file(practice, tmp_path) -> None:
    data = to_grid_data(wires(practice, num_meters=600), 0)
    assert validate_grid(data) == []
    again = read_grid(write_grid(data, tmp_path / "network.json"))
    np.testing.assert_allclose(again["line"]["r_ohm_per_km"], data["line"]["r_ohm_per_km"])
    assert again["bus"]["name"].tolist() == data["bus"]["name"].tolist()


def test_loads_are_the_planner_s_unless_given() -> None:
    made = wires(num_meters=600)
    meters = made.layout.meter[made.nodes_of(0)]
    meters = meters[meters >= 0]
    np.testing.assert_allclose(to_grid_data(made, 0)["load"]["p_mw"], made.meter_kw[meters] / 1e3)
    given = np.arange(len(meters), dtype=float)
    data = to_grid_data(made, 0, given, given / 2)
    np.testing.assert_allclose(data["load"]["q_mvar"], given / 2e3)
    grid = to_three_phase(made, 0, given, given / 2)
    assert [load.p_kw for load in grid.loads] == given.tolist()
    assert [load.name for load in grid.loads] == [f"c{m + 1}" for m in meters]
    with pytest.raises(UsageError, match="p_kw, q_kvar"):
        to_three_phase(made, 0, given[1:])


def test_a_single_phase_circuit_and_its_equivalent_have_one_voltage_and_one_loss() -> None:
    """One single-phase transformer on a feeder: the drop and the losses below it are the same in both models."""
    made = wires(num_meters=12, num_transformers=1)
    assert made.type_of(0).phases == 1
    plan = ThreePhasePlan(to_three_phase(made, 0))
    result = plan.solve(tol=1e-11)
    letter = "abc"[int(made.phases[made.layout.block_start[0]]).bit_length() - 1]
    seen = {bus: v for (bus, x), v in zip(plan.places, result.vm[0], strict=True) if x == letter}
    grid = PowerGrid.from_data(to_grid_data(made, 0))
    grid.solve()
    names = to_grid_data(made, 0)["bus"]["name"]
    vm = dict(zip(names, grid.res_bus["vm_pu"].to_numpy(), strict=True))
    # The balanced model halves the magnetising branch about the short-circuit impedance: 6e-5 at the terminals.
    assert vm["t1"] == pytest.approx(seen["t1"], abs=1e-4)
    for name in names:
        if name[0] in "pc":
            assert vm["t1"] - vm[name] == pytest.approx(seen["t1"] - seen[name], rel=2e-4), name
    loads = made.meter_kw.sum()
    supplied = grid.res_ext_grid["p_mw"].sum() * 1e3
    assert supplied - loads == pytest.approx(result.losses[0].real, rel=2e-3)


@pytest.mark.parametrize("practice", PRACTICES)
def test_a_folded_neutral_gives_the_voltages_between_phase_and_neutral(practice) -> None:
    made = wires(practice, num_meters=600)
    folded, wired = to_three_phase(made, 0), to_three_phase(made, 0, neutral=True)
    between = [(bus.name, x + "n") for bus in wired.buses if "n" in bus.conductors for x in bus.conductors if x != "n"]
    want = ThreePhasePlan(wired).solve(at=between, tol=1e-11).v[0]
    got = ThreePhasePlan(folded).solve(at=[(bus, pair[0]) for bus, pair in between], tol=1e-11).v[0]
    assert np.abs(got - want).max() < 1e-10
    assert np.ptp(np.abs(want)) > 0.01


def test_a_single_phase_transformer_follows_its_circuit() -> None:
    """Line, transformer, line and load on phase c, against the loop equation solved by hand."""
    z_high, z_low = 2.0 + 3.0j, 0.05 + 0.02j
    unit = Transformer1("u", "h", "l", "c", 25.0, 20.0, 0.23, 2.0, 1.0, 0.1, 0.6, 0.975)
    buses = (Bus3("s", 34.5), Bus3("h", 34.5, "c"), Bus3("l", 0.4, "c"), Bus3("e", 0.4, "c"))
    codes = {"high": LineCode(np.array([[z_high]])), "low": LineCode(np.array([[z_low]]))}
    lines = (Line3("a", "s", "h", "high", 1.0), Line3("b", "l", "e", "low", 1.0))
    loads = (Load3("x", "e", 12.0, 5.0, "c"), Load3("y", "l", 3.0, 1.0, "c"))
    grid = ThreePhaseGrid(buses, Source3("s", 1.03), lines, (), loads, codes, 60.0, "", (unit,))
    source = 1.03 * 34_500 / np.sqrt(3) * np.exp(2j * np.pi / 3)
    ratio = 20_000 * 0.975 / 230
    z_short = (0.01 + 1j * np.sqrt(0.02**2 - 0.01**2)) * 230**2 / 25_000
    y_open = (0.004 - 1j * np.sqrt(0.006**2 - 0.004**2)) * 25_000 / 230**2
    low = end = source / ratio
    for _ in range(200):
        at_end = np.conj((12_000 + 5_000j) / end)
        current = at_end + np.conj((3_000 + 1_000j) / low) + y_open * low
        low = (source - z_high * current / ratio) / ratio - z_short * current
        end = low - z_low * at_end
    plan = ThreePhasePlan(grid)
    v = dict(zip(plan.places, plan.solve(tol=1e-12).v[0], strict=True))
    assert v["l", "c"] * 400 / np.sqrt(3) == pytest.approx(low, rel=1e-9)
    assert v["e", "c"] * 400 / np.sqrt(3) == pytest.approx(end, rel=1e-9)
    assert v["h", "c"] * 34_500 / np.sqrt(3) == pytest.approx(source - z_high * current / ratio, rel=1e-9)
    assert feeder_from_json(feeder_to_json(grid)).single_phase == (unit,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phase": "n"}, "phase is 'n'; a, b or c"),
        ({"phase": "a"}, "bus 'l' has no phase 'a'"),
        ({"lv_bus": "x"}, "there is no bus 'x'"),
        ({"sn_kva": 0.0}, "must be positive"),
        ({"vn_lv_kv": 0.0}, "vn_hv_kv and vn_lv_kv must be positive"),
        ({"vkr_percent": 3.0}, "more than vk_percent"),
    ],
)
def test_a_wrong_single_phase_transformer_is_refused(changes, message) -> None:
    values = {
        "name": "u", "hv_bus": "s", "lv_bus": "l", "phase": "c", "sn_kva": 25.0, "vn_hv_kv": 20.0, "vn_lv_kv": 0.23,
        "vk_percent": 2.0, "vkr_percent": 1.0,
    }  # fmt: skip
    unit = Transformer1(**{**values, **changes})
    with pytest.raises(UsageError, match=message):
        ThreePhaseGrid((Bus3("s", 34.5), Bus3("l", 0.4, "c")), Source3("s"), single_phase=(unit,))


def test_the_map_has_every_line_and_no_ground_truth() -> None:
    made = wires(num_meters=600)
    names = [f"FD_{k + 1:02d}" for k in range(made.feeders)], [f"TX_{k + 1:04d}" for k in range(15)]
    document = network_geojson(made, *names)
    assert geojson.loads(json.dumps(document)).is_valid
    assert len(document["features"]) == (made.line >= 0).sum()
    kinds = {"mv", "main", "drop"}
    allowed = {"kind", "voltage_kv", "conductor", "phases", "length_m", "feeder_id", "transformer_id"}
    for feature in document["features"]:
        properties = feature["properties"]
        assert properties["kind"] in kinds
        assert set(properties) <= allowed
        assert ("transformer_id" in properties) == (properties["kind"] != "mv")
        assert properties["feeder_id"].startswith("FD_")
    metres = sum(feature["properties"]["length_m"] for feature in document["features"])
    assert metres == pytest.approx(made.layout.length_m[made.line >= 0].sum(), rel=1e-3)
    assert network_geojson(made)["features"][0]["properties"]["feeder_id"] == 1


def test_opendss_text_names_every_element_and_refuses_unknown_groups() -> None:
    made = wires(num_meters=600)
    grid = to_three_phase(made, 0)
    text = to_opendss_text(grid)
    assert text.count("\nNew Line.") == len(grid.lines)
    assert text.count("\nNew Transformer.") == len(grid.transformers) + len(grid.single_phase)
    assert text.count("\nNew Load.") == len(grid.loads)
    other = Transformer3("t", "s", "l", 100.0, 20.0, 0.4, 4.0, 1.0, "Dyn5")
    small = ThreePhaseGrid((Bus3("s", 20.0), Bus3("l", 0.4)), Source3("s"), transformers=(other,))
    with pytest.raises(UsageError, match="group Dyn5 is not written"):
        to_opendss_text(small)


def test_names_are_unique_and_stand_for_their_kind() -> None:
    made = wires(num_meters=600)
    seen = set()
    for feeder in range(made.feeders):
        nodes = made.nodes_of(feeder)
        names = [bus.name for bus in to_three_phase(made, feeder).buses]
        letters = {Kind.SUBSTATION: "s", Kind.MV_JUNCTION: "m", Kind.TRANSFORMER_HV: "h", Kind.TRANSFORMER_LV: "t",
                   Kind.LV_POLE: "p", Kind.SERVICE_POINT: "c"}  # fmt: skip
        assert [name[0] for name in names] == [letters[kind] for kind in made.layout.kind[nodes]]
        assert not seen & set(names)
        seen |= set(names)
    assert len(seen) == len(made.layout)
