from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.errors import DataError, UsageError
from ghostload.grid.radial.conductors import sequence_matrix
from ghostload.grid.radial.plan3 import ThreePhasePlan
from ghostload.grid.radial.three_phase import Bus3, Line3, LineCode, Load3, Source3, ThreePhaseGrid, Transformer3
from ghostload.grid.radial.three_phase_json import feeder_from_json, feeder_to_json, read_feeder

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "grid"
CASES = sorted(folder.name for folder in GOLDEN.glob("opendss_*"))
A = np.exp(-2j * np.pi / 3)


@pytest.mark.parametrize("case", CASES)
def test_voltages_and_source_power_are_those_of_opendss(case: str) -> None:
    grid = read_feeder(GOLDEN / case / "input.json")
    with (GOLDEN / case / "expected.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    want = np.array([complex(float(row["v_re_pu"]), float(row["v_im_pu"])) for row in rows])
    result = ThreePhasePlan(grid).solve(at=[(row["bus"], row["conductor"]) for row in rows])
    assert result.v is not None
    assert result.source is not None
    np.testing.assert_allclose(result.v[0], want, rtol=0, atol=2e-7)
    expected = json.loads((GOLDEN / case / "expected.json").read_text(encoding="utf-8"))
    assert abs(result.source[0, 0] - complex(*expected["source_kva"])) < 1e-6 * abs(result.source[0, 0])


def test_there_are_goldens() -> None:
    assert len(CASES) == 11


def two_bus(load: Load3, z: float = 0.5, conductors: str = "abc", earth: float | None = None) -> ThreePhaseGrid:
    wires = len(conductors)
    return ThreePhaseGrid(
        (Bus3("s", 0.4, conductors, 1e-9 if wires == 4 else None), Bus3("e", 0.4, conductors, earth)),
        Source3("s"),
        (Line3("l", "s", "e", "code", 1.0),),
        loads=(load,),
        codes={"code": LineCode(np.eye(wires) * z)},
    )


def test_one_phase_behind_a_resistance_has_its_voltage_in_closed_form() -> None:
    result = ThreePhasePlan(two_bus(Load3("x", "e", 10.0, 0.0, "b"))).solve(tol=1e-13)
    source = 400 / np.sqrt(3)
    v = (source + np.sqrt(source**2 - 4 * 0.5 * 10e3)) / 2
    assert result.vm is not None
    assert result.losses is not None
    np.testing.assert_allclose(result.vm[0, 3:], [1.0, v / source, 1.0], rtol=1e-12)
    assert result.losses[0] == pytest.approx(0.5 * (10e3 / v) ** 2 / 1e3, rel=1e-10)


def test_constant_impedance_and_current_in_closed_form() -> None:
    source = 400 / np.sqrt(3)
    r = source**2 / 10e3
    shared = ThreePhasePlan(two_bus(Load3("x", "e", 10.0, 0.0, "a", z_share=1.0))).solve(tol=1e-13).vm
    steady = ThreePhasePlan(two_bus(Load3("x", "e", 10.0, 0.0, "a", i_share=1.0))).solve(tol=1e-13).vm
    assert shared is not None
    assert steady is not None
    assert shared[0, 3] == pytest.approx(r / (r + 0.5), rel=1e-12)
    assert steady[0, 3] == pytest.approx(1 - 0.5 * 10e3 / source**2, rel=1e-12)


def test_a_load_between_phases_in_closed_form() -> None:
    grid = two_bus(Load3("x", "e", 10.0, 0.0, "ab", "delta"))
    result = ThreePhasePlan(grid).solve(at=[("e", "ab"), ("e", "c")], tol=1e-13)
    v = (400 + np.sqrt(400**2 - 4 * 1.0 * 10e3)) / 2
    assert result.vm is not None
    np.testing.assert_allclose(result.vm[0], [v / 400 * np.sqrt(3), 1.0], rtol=1e-12)


@pytest.mark.parametrize("earth", [None, 2.0])
def test_the_neutral_shares_its_current_with_the_earth(earth: float | None) -> None:
    # An impedance load makes the circuit linear: source, line, load, then neutral beside earth.
    grid = two_bus(Load3("x", "e", 10.0, 0.0, "a", z_share=1.0), conductors="abcn", earth=earth)
    result = ThreePhasePlan(grid).solve(at=[("e", "an"), ("e", "n"), ("e", "a")], tol=1e-14)
    r = (400 / np.sqrt(3)) ** 2 / 10e3
    back = 0.5 if earth is None else 1 / (1 / 0.5 + 1 / (earth + 1e-9))
    whole = 0.5 + r + back
    assert result.vm is not None
    np.testing.assert_allclose(result.vm[0], [r / whole, back / whole, (r + back) / whole], rtol=2e-8)


def test_a_balanced_feeder_is_its_positive_sequence() -> None:
    from radial_support import Circuit

    from ghostload.grid.radial.plan import RadialPlan

    rng = np.random.default_rng(4)
    parents = [int(rng.integers(0, k)) for k in range(1, 20)]
    z1, c1 = 0.3 + 0.25j, 300.0
    lengths = rng.uniform(0.1, 0.6, 19)
    loads = tuple(Load3(f"l{k}", f"b{k}", rng.uniform(50, 200), rng.uniform(0, 80)) for k in range(1, 20))
    grid = ThreePhaseGrid(
        tuple(Bus3(f"b{k}", 20.0) for k in range(20)),
        Source3("b0", 1.01, 5.0),
        tuple(Line3(f"l{k}", f"b{p}", f"b{k}", "c", lengths[k - 1]) for k, p in enumerate(parents, start=1)),
        loads=loads,
        codes={"c": LineCode(sequence_matrix(z1, 3 * z1 + 1j), sequence_matrix(c1, 150.0).real)},
    )
    y = 400 / (z1 * lengths)
    b = 1j * 2 * np.pi * 50 * c1 * 1e-9 * lengths * 400 / 2
    one = Circuit(
        np.array([3] + [1] * 19), np.array(parents), np.arange(1, 20), y + b, -y, -y, y + b, np.zeros(20, complex),
        np.zeros(20, complex), np.full(20, 1.01), np.full(20, np.deg2rad(5.0)),
    )  # fmt: skip
    s = np.append(0, [-(load.p_kw + 1j * load.q_kvar) / 1e3 for load in loads])
    want = RadialPlan(one).solve_series(s[None], tol=1e-13).v
    got = ThreePhasePlan(grid).solve(tol=1e-13).v
    assert want is not None
    assert got is not None
    turned = got.reshape(20, 3) / np.array([1, A, A**2])
    np.testing.assert_allclose(turned, np.repeat(want[0][:, None], 3, axis=1), rtol=0, atol=1e-12)


GROUPS = ["Yyn0", "Yyn2", "YNyn4", "YNyn6", "Yyn8", "Yyn10", "Dd0", "Dd2", "Dd6", "Dd10"]
GROUPS += [f"{a}{k}" for a in ("Dyn", "Dy", "YNd", "Yd") for k in (1, 3, 5, 7, 9, 11)]


@pytest.mark.parametrize("group", GROUPS)
def test_every_vector_group_turns_the_voltage_by_its_clock_number(group: str) -> None:
    grid = ThreePhaseGrid(
        (Bus3("h", 20.0), Bus3("l", 0.4)),
        Source3("h"),
        transformers=(Transformer3("t", "h", "l", 400.0, 20.0, 0.4, 4.0, 1.0, group, tap_pu=0.95),),
    )
    clock = int("".join(x for x in group if x.isdigit()))
    result = ThreePhasePlan(grid).solve_series(np.zeros((1, 0)), outputs="v", at=[("l", x) for x in "abc"])
    assert result.v is not None
    want = np.array([1, A, A**2]) * np.exp(-1j * np.pi / 6 * clock) / 0.95
    np.testing.assert_allclose(result.v[0], want, rtol=0, atol=1e-6)


def random_feeder(rng: np.random.Generator, n: int, wires: str) -> ThreePhaseGrid:
    def code() -> LineCode:
        k = len(wires)
        mutual = rng.uniform(0.02, 0.1, (k, k)) * (0.3 + 1j)
        z = (mutual + mutual.T) / 2 + np.eye(k) * (rng.uniform(0.2, 0.6) + 0.4j)
        return LineCode(z, 300 * np.eye(k) - 30.0 if rng.random() < 0.5 else None)

    earth = [0.5] + [float(rng.uniform(1, 50)) if rng.random() < 0.3 else None for _ in range(n - 1)]
    if "n" not in wires:
        earth = [None] * n
    lines = []
    for k in range(1, n):
        ends = (f"b{int(rng.integers(max(0, k - 5), k))}", f"b{k}")
        lines.append(
            Line3(f"l{k}", *(ends if rng.random() < 0.7 else ends[::-1]), f"c{k % 3}", rng.uniform(0.005, 0.1))
        )
    loads = []
    for k in range(int(rng.integers(1, 2 * n))):
        phases, connection = (("abc", "a", "b", "c")[int(rng.integers(4))], "wye") if rng.random() < 0.6 else (
            ("abc", "ab", "bc", "ca")[int(rng.integers(4))], "delta")  # fmt: skip
        z, i = rng.dirichlet([1, 1, 2])[:2]
        loads.append(
            Load3(f"x{k}", f"b{int(rng.integers(n))}", rng.uniform(-2, 6), rng.uniform(-1, 2), phases, connection, z, i)
        )
    return ThreePhaseGrid(
        tuple(Bus3(f"b{k}", 0.4, wires, earth[k]) for k in range(n)),
        Source3("b0", 1.02, 7.0, 0.01 + 0.02j, 0.02 + 0.03j),
        tuple(lines),
        loads=tuple(loads),
        codes={f"c{k}": code() for k in range(3)},
    )


def unbalance_of_currents(grid: ThreePhaseGrid, v: np.ndarray) -> np.ndarray:
    """Sum all currents at each conductor, in volts and amperes, from the data and nothing else of the project."""
    names = [bus.name for bus in grid.buses]
    wires = grid.buses[0].conductors
    c = len(wires)
    volts = v.reshape(len(names), c) * 400 / np.sqrt(3)
    out = np.zeros_like(volts)
    for line in grid.lines:
        code = grid.codes[line.code]
        a, b = names.index(line.from_bus), names.index(line.to_bus)
        current = np.linalg.solve(np.asarray(code.z_ohm_per_km) * line.length_km, volts[a] - volts[b])
        out[a] += current
        out[b] -= current
        if code.c_nf_per_km is not None:
            half = 0.5j * 2 * np.pi * grid.f_hz * np.asarray(code.c_nf_per_km) * 1e-9 * line.length_km
            out[a] += half @ volts[a]
            out[b] += half @ volts[b]
    for k, bus in enumerate(grid.buses):
        if bus.earth_ohm is not None:
            out[k, 3] += volts[k, 3] / bus.earth_ohm
    for load in grid.loads:
        k = names.index(load.bus)
        for pair in load.elements():
            a = "abcn".index(pair[0])
            grounded = pair[1] == "n" and c == 3
            u = volts[k, a] - (0 if grounded else volts[k, "abcn".index(pair[1])])
            x = abs(u) / (400 / np.sqrt(3) if pair[1] == "n" else 400)
            share = 1 - load.z_share - load.i_share + load.i_share * x + load.z_share * x**2
            current = np.conj(complex(load.p_kw, load.q_kvar) * 1e3 / len(load.elements()) * share / u)
            out[k, a] += current
            if not grounded:
                out[k, "abcn".index(pair[1])] -= current
    return out


@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.sampled_from(["abc", "abcn"]))
@settings(max_examples=40, deadline=None)
def test_currents_balance_at_every_conductor_of_random_feeders(seed: int, n: int, wires: str) -> None:
    grid = random_feeder(np.random.default_rng(seed), n, wires)
    result = ThreePhasePlan(grid).solve(tol=1e-13, max_iter=300)
    assert result.converged.all()
    assert result.v is not None
    assert result.source is not None
    current = unbalance_of_currents(grid, result.v[0])
    # What is missing at the bus of the source is what the source gives.
    power = (result.v[0, : len(wires)] * 400 / np.sqrt(3)) @ np.conj(current[0]) / 1e3
    assert power == pytest.approx(result.source[0, 0], abs=1e-6)
    current[0] = 0
    assert np.abs(current).max() < 1e-7


def test_losses_are_what_the_source_gives_and_no_load_takes() -> None:
    grid = random_feeder(np.random.default_rng(8), 20, "abcn")
    grid = dataclasses.replace(grid, loads=tuple(dataclasses.replace(x, z_share=0.0, i_share=0.0) for x in grid.loads))
    result = ThreePhasePlan(grid).solve(tol=1e-13)
    assert result.losses is not None
    assert result.source is not None
    given_ = sum(complex(load.p_kw, load.q_kvar) for load in grid.loads)
    assert result.losses[0] == pytest.approx(result.source[0, 0] - given_, abs=1e-9)
    assert result.losses[0].real > 0


@pytest.fixture(scope="module")
def european() -> tuple[ThreePhasePlan, np.ndarray, np.ndarray]:
    grid = read_feeder(GOLDEN / "opendss_european_like_four_wire" / "input.json")
    factor = np.random.default_rng(1).uniform(0.1, 2.0, (600, len(grid.loads)))
    p = factor * np.array([load.p_kw for load in grid.loads])
    return ThreePhasePlan(grid), p, 0.3 * p


def test_a_series_is_its_steps_one_by_one(european: tuple[ThreePhasePlan, np.ndarray, np.ndarray]) -> None:
    plan, p, q = european
    every = plan.solve_series((p, q), outputs=("v", "vm", "extremes", "source", "losses"))
    for k in (0, 15, 16, 599):
        one = plan.solve_series((p[k : k + 1], q[k : k + 1]), outputs=("v", "source", "losses"))
        for name in ("v", "source", "losses"):
            assert np.array_equal(getattr(one, name)[0], getattr(every, name)[k])
    threaded = plan.solve_series((p, q), outputs=("v", "losses"), n_jobs=2)
    assert np.array_equal(threaded.v, every.v)  # type: ignore[arg-type]
    assert np.array_equal(threaded.losses, every.losses)  # type: ignore[arg-type]
    assert every.v is not None
    np.testing.assert_allclose(every.vm, np.abs(every.v), rtol=1e-14)
    np.testing.assert_allclose(every.vm_lowest, np.abs(every.v).min(axis=1), rtol=1e-14)


def test_the_voltage_at_a_meter_is_that_between_its_terminals(
    european: tuple[ThreePhasePlan, np.ndarray, np.ndarray],
) -> None:
    plan, p, q = european
    load = plan.grid.loads[9]
    x = load.phases
    got = plan.solve_series((p[:3], q[:3]), outputs="v", at=[(load.bus, x + "n"), (load.bus, x), (load.bus, "n")]).v
    assert got is not None
    np.testing.assert_allclose(got[:, 0], got[:, 1] - got[:, 2], atol=1e-14)


def test_the_source_may_swing_and_bad_steps_are_named(european: tuple[ThreePhasePlan, np.ndarray, np.ndarray]) -> None:
    plan, p, q = european
    swing = np.linspace(0.95, 1.05, 600)
    broken = p.copy()
    broken[7] = 1e6
    broken[8, 0] = np.nan
    result = plan.solve_series((broken, q), v_source=swing, outputs=("vm", "losses"), at=[("source", "a")])
    assert sorted(result.reason) == [7, 8]
    assert result.vm is not None
    assert np.isnan(result.vm[[7, 8]]).all()
    good = np.setdiff1d(np.arange(600), [7, 8])
    np.testing.assert_allclose(result.vm[good, 0], 1.05 * swing[good], atol=2e-3)


def test_a_feeder_written_and_read_is_the_same() -> None:
    for case in CASES:
        text = (GOLDEN / case / "input.json").read_text(encoding="utf-8")
        assert feeder_to_json(feeder_from_json(text)) + "\n" == text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "ghostload three-phase feeder", "version": 1}'])
def test_what_is_no_feeder_is_refused_by_name(text: str) -> None:
    with pytest.raises(DataError, match=r"^street\.json: "):
        feeder_from_json(text, "street.json")


BASE = two_bus(Load3("x", "e", 1.0))
WRONG = {
    "there is no bus 'q'": {"loads": (Load3("x", "q", 1.0),)},
    "connection is 'star'": {"loads": (Load3("x", "e", 1.0, connection="star"),)},
    "phases 'n'": {"loads": (Load3("x", "e", 1.0, phases="n"),)},
    "two or three phases": {"loads": (Load3("x", "e", 1.0, 0.0, "a", "delta"),)},
    "bus 's' is there twice": {"buses": (Bus3("s", 0.4), Bus3("s", 0.4))},
    "earth_ohm needs a neutral": {"buses": (Bus3("s", 0.4), Bus3("e", 0.4, "abc", 1.0))},
    "put a transformer between": {"buses": (Bus3("s", 0.4), Bus3("e", 0.23))},
    "there is no line code 'w'": {"lines": (Line3("l", "s", "e", "w", 1.0),)},
    r"code 'code' is \(3, 3\)": {"lines": (Line3("l", "s", "e", "code", 1.0, "ab"),)},
    "length_km is -1": {"lines": (Line3("l", "s", "e", "code", -1.0),)},
    "vector group 'Dyn2'": {"transformers": (Transformer3("t", "s", "e", 100, 0.4, 0.4, 4, 1, "Dyn2"),)},
    "vector group 'Zyn5' is not known": {"transformers": (Transformer3("t", "s", "e", 100, 0.4, 0.4, 4, 1, "Zyn5"),)},
    "more than vk_percent": {"transformers": (Transformer3("t", "s", "e", 100, 0.4, 0.4, 4, 5),)},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_element_is_named(message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        dataclasses.replace(BASE, **WRONG[message])
    assert "\n" not in str(caught.value)


def test_loops_parallel_lines_and_floating_neutrals_are_told() -> None:
    loop = dataclasses.replace(
        BASE, buses=(*BASE.buses, Bus3("f", 0.4)),
        lines=(*BASE.lines, Line3("m", "e", "f", "code", 1.0), Line3("n", "f", "s", "code", 1.0)),
    )  # fmt: skip
    with pytest.raises(UsageError, match="closes a loop"):
        ThreePhasePlan(loop)
    with pytest.raises(UsageError, match="parallel"):
        ThreePhasePlan(dataclasses.replace(BASE, lines=(*BASE.lines, Line3("m", "e", "s", "code", 1.0))))
    floating = ThreePhaseGrid(
        (Bus3("h", 20.0), Bus3("l", 0.4, "abcn")), Source3("h"),
        transformers=(Transformer3("t", "h", "l", 100, 20.0, 0.4, 4, 1),),
    )  # fmt: skip
    with pytest.raises(UsageError, match="bus 'l': nothing holds it against earth"):
        ThreePhasePlan(floating)
    plan = ThreePhasePlan(BASE)
    with pytest.raises(UsageError, match="there is no bus 'w'"):
        plan.solve(at=[("w", "a")])
    with pytest.raises(UsageError, match="'n' are no conductors"):
        plan.solve(at=[("e", "n")])
    with pytest.raises(UsageError, match="v_source has shape"):
        plan.solve_series(np.zeros((2, 1)), v_source=np.ones(3))
