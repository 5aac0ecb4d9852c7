"""The catalogue: every figure has a source, and those that follow from others do."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from ghostload.config import NetworkConfig
from ghostload.errors import ConfigError
from ghostload.territory.capacity import STANDARD_RATINGS_KVA
from ghostload.wires.catalogue import practice_of, rows_of
from ghostload.wires.impedance import (
    capacitance_nf_per_km,
    impedance_ohm_per_km,
    impedance_table,
    may_serve,
    positions_m,
)

TABLES = ("conductors", "cables", "geometries", "lines", "transformers", "practices")
WARM = 1 + 0.00403 * 30
PRACTICES = ("metro_manila", "european")


def line(practice: str, name: str):
    return next(entry for entry in practice_of(NetworkConfig(practice)).lines if entry.name == name)


def z1(z: np.ndarray) -> complex:
    off = z[~np.eye(3, dtype=bool)].mean()
    return complex(np.trace(z) / 3 - off)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_its_source(table: str) -> None:
    rows = rows_of(table)
    assert rows
    assert all(len(row["source"]) > 15 or row["value"] for row in rows)
    assert all(row["source"] for row in rows)


def test_overhead_conductors_are_the_table_s_in_metric_units() -> None:
    rows = [row for row in rows_of("conductors") if row["material"] == "acsr"]
    assert len(rows) == 5
    for row in rows:
        r, gmr, diameter, amps = re.findall(r"([\d.]+) (?:ohm/mile|ft;|in;|A$)|GMR ([\d.]+) ft", row["source"])[:4]
        given = [float(a or b) for a, b in (r, gmr, diameter, amps)]
        assert float(row["r_50c_ohm_per_km"]) == pytest.approx(given[0] / 1.609344, rel=1e-4)
        assert float(row["gmr_mm"]) == pytest.approx(given[1] * 304.8, rel=1e-3)
        assert float(row["diameter_mm"]) == pytest.approx(given[2] * 25.4, rel=1e-4)
        assert float(row["ampacity_a"]) == given[3]


def test_insulated_conductors_follow_from_area_and_stranding() -> None:
    rows = [row for row in rows_of("conductors") if row["material"] == "aac"]
    assert len(rows) == 8
    for row in rows:
        area, strands = float(row["area_mm2"]), int(row["strands"])
        across, factor = {7: (3, 0.7256), 19: (5, 0.7577)}[strands]
        diameter = across * math.sqrt(4 * area / (math.pi * strands))
        assert float(row["diameter_mm"]) == pytest.approx(diameter, abs=1e-4)
        assert float(row["gmr_mm"]) == pytest.approx(factor * diameter / 2, abs=1e-4)
        assert float(row["r_50c_ohm_per_km"]) == pytest.approx(0.028172 * 1.02 * WARM / area * 1e3, abs=1e-5)
        mils = float(re.search(r"(\d+) mils", row["source"])[1])
        assert float(row["insulation_mm"]) == pytest.approx(mils * 0.0254, abs=1e-4)


def test_cable_resistances_are_those_of_iec_60228_at_50_degrees() -> None:
    at_20 = {35: 0.868, 50: 0.641, 95: 0.320, 150: 0.206, 240: 0.125}
    for row in rows_of("conductors"):
        if row["name"].startswith("nayy_"):
            assert float(row["r_50c_ohm_per_km"]) == pytest.approx(at_20[int(row["name"][5:])] * WARM, abs=1e-5)
    for row in rows_of("cables"):
        area = int(row["name"].rpartition("_")[2])
        assert float(row["r_50c_ohm_per_km"]) == pytest.approx(at_20[area] * WARM, abs=1e-5)
        assert float(row["x_60hz_ohm_per_km"]) == pytest.approx(1.2 * float(row["x_50hz_ohm_per_km"]), rel=1e-3)


def test_american_transformers_have_the_efficiency_of_nema_tp_1_at_half_load() -> None:
    limits = {10: 98.4, 15: 98.6, 25: 98.7, 37.5: 98.8, 50: 98.9, 75: 99.0, 100: 99.0, 167: 99.1}
    practice = practice_of(NetworkConfig())
    for kva, percent in limits.items():
        made = practice.transformer(1, kva)
        lost = made.pfe_kw + 0.25 * made.vkr_percent / 100 * kva
        assert 0.5 * kva / (0.5 * kva + lost) == pytest.approx(percent / 100, abs=1e-5)
    for kva, percent in {750: 99.2, 1000: 99.2}.items():
        made = practice.transformer(3, kva)
        assert 0.5 * kva / (0.5 * kva + made.pfe_kw + 0.25 * made.vkr_percent / 100 * kva) == pytest.approx(
            percent / 100, abs=1e-5
        )


def test_european_losses_between_ratings_are_linear() -> None:
    practice = practice_of(NetworkConfig("european"))
    assert practice.transformer(3, 250).pfe_kw == pytest.approx(0.530)
    assert practice.transformer(3, 250).vkr_percent == pytest.approx(3250 / 2500)
    assert practice.transformer(3, 75).pfe_kw == pytest.approx((0.145 + 0.260) / 2)
    assert practice.transformer(3, 75).vkr_percent == pytest.approx((1100 + 1750) / 2 / 750)


def test_a_bank_is_three_units_of_a_third() -> None:
    practice = practice_of(NetworkConfig())
    bank, unit = practice.transformer(3, 150.0), practice.transformer(1, 50.0)
    assert bank.pfe_kw == pytest.approx(3 * unit.pfe_kw)
    assert (bank.vk_percent, bank.vkr_percent) == (unit.vk_percent, unit.vkr_percent)


@pytest.mark.parametrize("name", PRACTICES)
def test_every_standard_rating_can_be_built(name: str) -> None:
    practice = practice_of(NetworkConfig(name))
    for kva in STANDARD_RATINGS_KVA:
        phases = 1 if kva in practice.single_phase_kva else 3
        made = practice.transformer(phases, kva)
        assert 0 < made.vkr_percent < made.vk_percent
        assert 0 < made.pfe_kw / kva < made.i0_percent / 100
    with pytest.raises(ConfigError, match="has no three-phase transformer of 5000 kVA"):
        practice.transformer(3, 5000.0)


@pytest.mark.parametrize("name", PRACTICES)
def test_ladders_ascend_in_ampacity_and_descend_in_resistance(name: str) -> None:
    practice = practice_of(NetworkConfig(name))
    for level in ("mv", "main", "drop"):
        for phases in (1, 3):
            lines = [practice.lines[i] for i in practice.ladder(level, phases)]
            assert lines or (name, phases) == ("european", 1)
            letters = "a" if phases == 1 else "abc"
            r = [impedance_ohm_per_km(entry, letters, practice.f_hz)[0, 0].real for entry in lines]
            assert [entry.ampacity_a for entry in lines] == sorted({entry.ampacity_a for entry in lines})
            assert r == sorted(r, reverse=True)
    names = [entry.name for entry in practice.lines]
    assert len(set(names)) == len(names)
    assert practice.trunk in names
    assert practice.lateral in names


def test_the_reactance_of_a_four_core_cable_is_near_the_handbook_s() -> None:
    # pandapower 3.5, NAYY 4x150 SE: .080 ohm/km at 50 Hz.
    z = impedance_ohm_per_km(line("european", "main_nayy_4x150"), "abc", 50.0)
    assert z1(z).imag == pytest.approx(0.080, rel=0.05)
    assert z1(z).real == pytest.approx(0.206 * WARM, rel=1e-4)


def test_a_pair_has_the_textbook_loop_reactance() -> None:
    entry = line("metro_manila", "main_duplex_1_0")
    x, y = positions_m(entry, "a")
    apart, gmr = math.hypot(x[1] - x[0], y[1] - y[0]), entry.conductor.gmr_mm / 1e3
    z = impedance_ohm_per_km(entry, "a", 60.0)
    assert z[0, 0].real == pytest.approx(2 * entry.conductor.r_ohm_per_km)
    assert z[0, 0].imag == pytest.approx(2 * 2 * math.pi * 60 * 2e-4 * math.log(apart / gmr))
    assert impedance_ohm_per_km(entry, "a", 50.0)[0, 0].imag * 1.2 == pytest.approx(z[0, 0].imag)


def test_wires_of_a_bundle_touch_and_none_overlap() -> None:
    entry = line("metro_manila", "main_quadruplex_4_0")
    x, y = positions_m(entry, "abc")
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    core = entry.conductor.diameter_mm / 2e3 + entry.conductor.insulation_mm / 1e3
    assert distance[:3, 3] == pytest.approx(core + entry.neutral.diameter_mm / 2e3)
    assert distance[0, 1] == pytest.approx(2 * core)
    assert distance[1, 2] == pytest.approx(2 * core)
    assert distance[0, 2] > 2 * core


def test_capacitance_of_an_overhead_line_is_near_the_formula_for_one_circuit() -> None:
    entry = line("metro_manila", "acsr_336")
    c = capacitance_nf_per_km(entry, "abc")
    gmd = (2.5 * 4.5 * 7.0) ** (1 / 3) * 0.3048
    c1 = np.trace(c) / 3 - c[~np.eye(3, dtype=bool)].mean()
    assert c1 == pytest.approx(2 * math.pi * 8.854 / math.log(gmd / (entry.conductor.diameter_mm / 2e3)), rel=0.05)
    assert (c[~np.eye(3, dtype=bool)] < 0).all()


def test_the_table_holds_a_matrix_for_all_that_may_be_built() -> None:
    practice = practice_of(NetworkConfig())
    table = impedance_table(practice)
    for i, entry in enumerate(practice.lines):
        for mask in range(8):
            on = np.array([mask >> k & 1 for k in range(3)], dtype=bool)
            there = table[i, mask] != 0
            expected = np.outer(on, on) if may_serve(entry, mask) else np.zeros((3, 3), dtype=bool)
            assert (there == expected).all()
            assert np.allclose(table[i, mask], table[i, mask].T, rtol=1e-12)


def test_voltages_that_a_practice_has_are_taken_and_others_refused() -> None:
    assert practice_of(NetworkConfig()).mv_kv == 34.5
    assert practice_of(NetworkConfig(medium_voltage_kv=13.8)).mv_kv == 13.8
    assert practice_of(NetworkConfig("european", head_voltage_pu=1.04)).head_voltage_pu == 1.04
    with pytest.raises(ConfigError, match=r"^network.medium_voltage_kv: is 20, but european is built at 11 kV"):
        practice_of(NetworkConfig("european", medium_voltage_kv=20.0))
    with pytest.raises(ConfigError, match="practice"):
        NetworkConfig("american")
