from __future__ import annotations

import numpy as np
import pytest
from grid_io_support import GOLDEN, any_grids, sound_grids
from hypothesis import HealthCheck, given, settings

from ghostload.grid.data import GridData
from ghostload.grid.findings import MAX_IDS, Severity, validate_grid
from ghostload.grid.io import read_grid
from ghostload.grid.io.cases import load_case
from ghostload.grid.islands import islands

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def sound() -> GridData:
    return read_grid(GOLDEN / "io_pandapower_multivoltage" / "input.json")


@pytest.mark.parametrize("name", ["case9", "case33bw", "case57", "case2383wp", "case16ci"])
def test_published_cases_have_no_errors(name: str) -> None:
    assert [str(f) for f in validate_grid(load_case(name)) if f.severity is Severity.ERROR] == []


def test_a_sound_grid_of_all_elements_has_no_findings(sound: GridData) -> None:
    assert [str(f) for f in validate_grid(sound)] == []


@QUICK
@given(sound_grids())
def test_sound_grids_have_no_errors(data: GridData) -> None:
    assert [str(f) for f in validate_grid(data) if f.severity is Severity.ERROR] == []


@QUICK
@given(any_grids())
def test_any_tables_can_be_checked(data: GridData) -> None:
    found = validate_grid(data)
    ranks = [f.severity is Severity.WARNING for f in found]
    assert ranks == sorted(ranks)
    for finding in found:
        assert "\n" not in str(finding)
        assert finding.message
        assert finding.cure
        assert len(finding.ids) == min(finding.count, MAX_IDS) or not finding.ids


def _set(component: str, column: str, value: object, row: int = 0):
    def change(data: GridData) -> GridData:
        values = data[component][column].copy()
        values[row] = value
        return data.replace(component, **{column: values})

    return change


CASES = [
    (_set("load", "id", 1), "ids_are_unique", "error", "load", "id"),
    (_set("load", "bus", 999), "buses_exist", "error", "load", "bus"),
    (_set("trafo3w", "mv_bus", 999), "buses_exist", "error", "trafo3w", "mv_bus"),
    (_set("switch", "element", 999), "switches_point_somewhere", "error", "switch", "element"),
    (_set("line", "x_ohm_per_km", np.nan), "numbers_are_finite", "error", "line", "x_ohm_per_km"),
    (_set("load", "scaling", np.nan), "numbers_are_finite", "error", "load", "scaling"),
    (_set("load", "p_mw", np.inf), "numbers_are_finite", "error", "load", "p_mw"),
    (_set("bus", "vn_kv", 0.0), "sizes_are_positive", "error", "bus", "vn_kv"),
    (_set("line", "length_km", -1.0), "sizes_are_positive", "error", "line", "length_km"),
    (_set("line", "parallel", 0), "sizes_are_positive", "error", "line", "parallel"),
    (_set("ext_grid", "vm_pu", 0.0), "sizes_are_positive", "error", "ext_grid", "vm_pu"),
    (_set("line", "length_km", 0.0), "impedances_are_not_zero", "error", "line", "length_km"),
    (_set("trafo", "vk_percent", 0.0), "impedances_are_not_zero", "error", "trafo", "vk_percent"),
    (_set("trafo", "vkr_percent", 50.0), "impedances_are_not_zero", "error", "trafo", "vkr_percent"),
    (_set("trafo", "vk_percent", -9.0), "impedances_are_not_zero", "warning", "trafo", "vk_percent"),
    (_set("line", "x_ohm_per_km", -1.0), "impedances_are_not_zero", "warning", "line", "x_ohm_per_km"),
    (_set("trafo", "tap_pos", 40.0, 1), "taps_are_possible", "warning", "trafo", "tap_pos"),
    (_set("trafo", "tap_pos", -50.0, 1), "taps_are_possible", "error", "trafo", "tap_pos"),
    (_set("trafo", "vn_lv_kv", 20.0), "levels_meet", "warning", "trafo", "vn_lv_kv"),
    (_set("trafo3w", "vn_lv_kv", 0.4), "levels_meet", "warning", "trafo3w", "vn_lv_kv"),
    (_set("line", "to_bus", 56), "levels_meet", "warning", "line", "to_bus"),
    (_set("load", "const_z_p_percent", 101.0), "shares_fit", "error", "load", "const_z_p_percent"),
    (_set("load", "const_z_q_percent", -1.0), "shares_fit", "error", "load", "const_z_q_percent"),
    (_set("ext_grid", "in_service", False), "islands_have_a_slack", "error", "bus", ""),
]


@pytest.mark.parametrize(("change", "check", "severity", "component", "field"), CASES)
def test_each_fault_is_found_where_it_is(sound: GridData, change, check, severity, component, field) -> None:
    found = [f for f in validate_grid(change(sound)) if (f.check, f.component, f.field) == (check, component, field)]
    assert severity in [f.severity for f in found]
    assert str(found[0]).startswith(f"{component}.{field}: " if field else f"{component}: ")


def test_elements_out_of_service_may_have_any_values(sound: GridData) -> None:
    data = _set("line", "x_ohm_per_km", np.nan, 3)(_set("line", "in_service", False, 3)(sound))
    assert not [f for f in validate_grid(data) if f.severity is Severity.ERROR]


def test_a_switch_sits_where_its_branch_ends(sound: GridData) -> None:
    row = int(np.flatnonzero(sound["switch"]["et"] == "l")[0])
    found = validate_grid(_set("switch", "bus", 0, row)(sound))
    assert next((f.check, f.field, f.ids) for f in found if f.component == "switch") == (
        "switches_point_somewhere",
        "bus",
        (int(sound["switch"]["id"][row]),),
    )


def test_a_branch_joins_two_buses_and_one_bus_has_one_set_point() -> None:
    data = load_case("case9")
    loop = data.replace("line", to_bus=[data["line"]["from_bus"][0], *data["line"]["to_bus"][1:]])
    assert "branches_join_two_buses" in {f.check for f in validate_grid(loop)}
    twice = data.append("gen", {"bus": [2], "p_mw": [1.0], "vm_pu": [1.1]})
    found = [f for f in validate_grid(twice) if f.check == "set_points_agree"]
    assert (found[0].component, found[0].ids, found[0].count) == ("gen", (0, 2), 2)
    limits = data.replace("gen", min_q_mvar=[5.0, 0.0], max_q_mvar=[-5.0, 1.0])
    assert [f.field for f in validate_grid(limits)] == ["min_q_mvar"]


def test_islands_follow_switches() -> None:
    data = GridData.from_tables(
        {
            "bus": {"vn_kv": [20.0] * 5, "in_service": [True, True, True, True, False]},
            "line": {
                "from_bus": [0, 1, 3],
                "to_bus": [1, 2, 4],
                "length_km": [1.0] * 3,
                "r_ohm_per_km": [0.1] * 3,
                "x_ohm_per_km": [0.1] * 3,
            },
            "switch": {"bus": [1, 2], "element": [1, 3], "et": ["l", "b"], "closed": [False, True]},
            "ext_grid": {"bus": [0]},
        }
    )
    island = islands(data)
    assert island[0] == island[1] != island[2] == island[3]
    assert island[4] == -1
    found = validate_grid(data)
    assert [(f.check, f.severity, f.ids) for f in found] == [("islands_have_a_slack", "warning", (2, 3))]
    assert not validate_grid(data.replace("switch", closed=[True, True]))
    assert not validate_grid(data.append("gen", {"bus": [3], "p_mw": [0.0], "vm_pu": [1.0], "slack": [True]}))


def test_an_open_winding_leaves_the_other_two_joined(sound: GridData) -> None:
    trafo3w = sound["trafo3w"]
    hv, mv, lv = (int(trafo3w[f"{w}_bus"][0]) for w in ("hv", "mv", "lv"))
    only = sound.keep("line", np.zeros(len(sound["line"]), bool)).keep("trafo", np.zeros(len(sound["trafo"]), bool))
    only = only.keep("switch", np.zeros(len(sound["switch"]), bool)).keep("impedance", np.zeros(3, bool))
    opened = only.append("switch", {"bus": [lv], "element": [int(trafo3w["id"][0])], "et": ["t3"], "closed": [False]})
    at = only["bus"].rows_of(np.array([hv, mv, lv]))
    assert len(set(islands(only)[at].tolist())) == 1
    island = islands(opened)[at]
    assert island[0] == island[1] != island[2]


def test_a_grid_without_buses_says_so() -> None:
    found = validate_grid(GridData.from_tables({}))
    assert [str(f) for f in found] == ["bus: the grid has no buses; add buses and a slack"]


def test_findings_carry_few_ids_and_the_whole_number() -> None:
    data = GridData.from_tables({"bus": {"vn_kv": [-1.0] * 50}, "ext_grid": {"bus": [0]}})
    found = next(f for f in validate_grid(data) if f.check == "sizes_are_positive")
    assert (len(found.ids), found.count) == (MAX_IDS, 50)
    assert str(found) == "bus.vn_kv: bus 0 has -1.0 (and 49 more); give a positive number"
