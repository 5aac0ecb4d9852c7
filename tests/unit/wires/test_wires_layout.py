"""Where the wires go."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from wires_support import same, wires, world

from ghostload.config import TerritoryConfig
from ghostload.territory.plane import M_PER_DEG
from ghostload.wires import Kind
from ghostload.wires.medium import street_trees

PRACTICES = ("metro_manila", "european")
CASES = [{"num_meters": 1500}, {"num_meters": 300, "num_transformers": 40}, {"num_meters": 30, "num_transformers": 1}]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_feeder_is_one_tree_whose_nodes_follow_their_parents(case) -> None:
    made = wires(**case)
    layout = made.layout
    for feeder in range(made.feeders):
        nodes = made.nodes_of(feeder)
        parent = layout.parent[nodes]
        assert layout.kind[nodes.start] == Kind.SUBSTATION
        assert parent[0] == -1
        assert (parent[1:] >= nodes.start).all()
        assert (parent[1:] < np.arange(nodes.start + 1, nodes.stop)).all()
        assert (layout.kind[nodes][1:] > Kind.SUBSTATION).all()
    inner = layout.parent >= 0
    assert np.array_equal(layout.depth[inner], layout.depth[layout.parent[inner]] + 1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_meter_and_transformer_has_its_nodes(case) -> None:
    layout, territory = wires(**case).layout, world(**case).territory
    service = layout.kind == Kind.SERVICE_POINT
    assert sorted(layout.meter[service]) == list(range(len(territory.meter_lat)))
    assert (layout.meter[~service] == -1).all()
    assert np.array_equal(layout.meter[layout.meter_node], np.arange(len(territory.meter_lat)))
    assert np.array_equal(layout.transformer[layout.meter_node], territory.meter_transformer)
    assert np.array_equal(layout.lat[layout.meter_node], territory.meter_lat)
    assert np.array_equal(layout.lon[layout.transformer_hv], territory.transformer_lon)
    assert (layout.kind[layout.transformer_hv] == Kind.TRANSFORMER_HV).all()
    assert np.array_equal(layout.parent[layout.block_start], layout.transformer_hv)
    feeder = np.searchsorted(layout.feeder_start, layout.block_start, side="right") - 1
    assert np.array_equal(feeder, territory.transformer_feeder)
    for t, (a, b) in enumerate(zip(layout.block_start, layout.block_stop, strict=True)):
        assert (layout.transformer[a:b] == t).all()
        assert set(layout.kind[a + 1 : b]) <= {Kind.LV_POLE, Kind.SERVICE_POINT}
        assert (layout.parent[a + 1 : b] >= a).all()


def measured_m(layout) -> np.ndarray:
    up = np.maximum(layout.parent, 0)
    north = (layout.lat - layout.lat[up]) * M_PER_DEG
    east = (layout.lon - layout.lon[up]) * M_PER_DEG * np.cos(np.radians(layout.lat))
    return np.hypot(north, east)


@pytest.mark.parametrize("radius_m", [40.0, 120.0, 250.0, 900.0])
def test_lengths_are_those_of_the_map_and_spans_are_short(radius_m) -> None:
    layout = wires(num_meters=1500, territory=TerritoryConfig(service_radius_m=radius_m)).layout
    far = measured_m(layout)
    pole, service = layout.kind == Kind.LV_POLE, layout.kind == Kind.SERVICE_POINT
    medium = (layout.kind == Kind.MV_JUNCTION) | (layout.kind == Kind.TRANSFORMER_HV)
    np.testing.assert_allclose(layout.length_m[pole], far[pole], atol=0.3)
    np.testing.assert_allclose(layout.length_m[service], far[service] + 5.0, atol=0.3)
    np.testing.assert_allclose(layout.length_m[medium], np.maximum(far[medium], 1.0), rtol=1e-3, atol=0.3)
    assert layout.length_m[pole].max() <= 40.0
    # Half a span along and half a span across, and the way to the meter.
    assert far[service].max() <= np.hypot(40.0, 40.0) / 2 + 0.05 * radius_m + 1.0
    assert (layout.length_m[layout.parent >= 0][layout.kind[layout.parent >= 0] != Kind.TRANSFORMER_LV] > 0).all()


def test_the_poles_that_end_a_street_serve_somebody() -> None:
    layout = wires(num_meters=1500).layout
    feeds = np.zeros(len(layout), dtype=bool)
    feeds[layout.parent[layout.parent >= 0]] = True
    assert feeds[layout.kind == Kind.LV_POLE].all()


def test_medium_voltage_runs_along_the_streets() -> None:
    made = world(num_meters=1500)
    layout = made.wires().layout
    from ghostload.territory.feeders import street_angle_rad

    feeder = np.searchsorted(layout.feeder_start, np.arange(len(layout)), side="right") - 1
    angle = street_angle_rad(len(layout.feeder_start) - 1, made.streams)[feeder]
    up = np.maximum(layout.parent, 0)
    north = (layout.lat - layout.lat[up]) * M_PER_DEG
    east = (layout.lon - layout.lon[up]) * M_PER_DEG * np.cos(np.radians(layout.lat))
    along, across = np.cos(angle) * east + np.sin(angle) * north, np.cos(angle) * north - np.sin(angle) * east
    medium = (layout.kind == Kind.MV_JUNCTION) | (layout.kind == Kind.TRANSFORMER_HV)
    assert np.minimum(np.abs(along), np.abs(across))[medium].max() < 5.5


def test_path_weight_trades_line_length_for_path_length() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(-800, 800, (2, 40, 13))
    x[:, 0], y[:, 0] = 2000.0, 500.0

    def lengths(weight: float) -> tuple[float, float]:
        trees = street_trees(x, y, weight)
        f = np.arange(40)[:, None]
        up = np.maximum(trees.parent, 0)
        edge = np.where(
            trees.parent < 0, 0, np.abs(trees.x_m - trees.x_m[f, up]) + np.abs(trees.y_m - trees.y_m[f, up])
        )
        path = np.zeros_like(edge)
        for slot in np.argsort(trees.rank, axis=1).T:
            at = np.arange(40), slot
            path[at] = np.where(trees.parent[at] < 0, 0, path[f[:, 0], up[at]] + edge[at])
        return float(edge.sum()), float(path[:, 1:13].sum())

    shortest, between, direct = lengths(0.0), lengths(0.4), lengths(1.0)
    assert shortest[0] < between[0] < direct[0]
    assert shortest[1] > between[1] > direct[1]
    # With full weight nobody makes a detour.
    assert direct[1] == pytest.approx((np.abs(x[:, 1:] - x[:, :1]) + np.abs(y[:, 1:] - y[:, :1])).sum())


@pytest.mark.parametrize("practice", PRACTICES)
def test_a_feeder_depends_on_its_own_points_and_loads_alone(practice) -> None:
    made = world(practice, num_meters=1500)
    territory, customers = made.territory, made.customers
    away = territory.transformer_feeder != 1
    moved = dataclasses.replace(
        territory,
        transformer_lat=territory.transformer_lat + 0.001 * away,
        meter_lon=territory.meter_lon + 0.0003 * away[territory.meter_transformer],
    )
    heavier = dataclasses.replace(
        customers, peak_kva=customers.peak_kva * np.where(away[territory.meter_transformer], 2.5, 1.0)
    )
    before, after = made.wires(), made.wires(territory=moved, customers=heavier)
    assert same(before, after, before.nodes_of(1), after.nodes_of(1)) == []
    assert set(same(before, after, before.nodes_of(0), after.nodes_of(0))) > {"line"}


def test_meters_added_at_the_end_move_no_phase_of_the_others() -> None:
    few, many = (wires(num_meters=n, num_transformers=30) for n in (900, 1300))
    small = [t for t in range(30) if few.type_of(t).phases == many.type_of(t).phases]
    old = np.flatnonzero(np.isin(world(num_meters=900, num_transformers=30).territory.meter_transformer, small))
    assert len(small) > 20
    assert np.array_equal(few.phases[few.layout.meter_node[old]], many.phases[many.layout.meter_node[old]])


def test_feeders_added_at_the_end_leave_the_first_as_it_was() -> None:
    few, many = (world(num_meters=1200, num_transformers=n) for n in (36, 48))
    stay = many.territory.meter_transformer < 36
    assert stay.mean() > 0.6
    # The same meters on the first 36 transformers: what the further feeders have must not matter.
    cut = dataclasses.replace(
        many.territory,
        feeder_substation=many.territory.feeder_substation[:3],
        **{
            name: getattr(many.territory, name)[:36]
            for name in ("transformer_lat", "transformer_lon", "transformer_barangay", "transformer_feeder")
        },
        **{
            name: getattr(many.territory, name)[: np.argmin(stay)]
            for name in ("meter_transformer", "meter_lat", "meter_lon", "meter_barangay")
        },
    )
    whole = many.wires()
    kept = np.argmin(stay)
    part = few.wires(
        territory=cut,
        customers=many.customers.rows(0, int(kept)),
        capacity_kva=many.capacity_kva[:36],
        config=few.config,
    )
    medium = [whole.layout.kind[whole.nodes_of(f)] <= Kind.TRANSFORMER_HV for f in range(3)]
    for feeder, mask in enumerate(medium):
        a, b = whole.nodes_of(feeder), part.nodes_of(feeder)
        count = int(mask.sum())
        assert np.array_equal(whole.layout.lat[a][:count], part.layout.lat[b][:count])
        assert np.array_equal(whole.layout.length_m[a][:count], part.layout.length_m[b][:count])
    assert len(few.wires().layout) != len(whole.layout)


def test_wires_are_the_same_in_every_process() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests/unit/wires')\n"
        "import hashlib; from wires_support import wires\n"
        "made = wires(num_meters=400); layout = made.layout\n"
        "arrays = (layout.parent, layout.lat, layout.lon, layout.length_m, made.phases, made.line, made.vm_pu)\n"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest(), 'numba' in sys.modules)\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "77")
    }  # fmt: skip
    assert len(seen) == 1
    assert seen.pop().endswith(" False\n")
