from __future__ import annotations

import contextlib

import numpy as np
import pytest
import scipy.sparse as sp
from grid_io_support import same_circuit, sound_grids, voltages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghostload.errors import DataError, UsageError
from ghostload.grid.data import GridData
from ghostload.grid.io.cases import case_names, case_path, load_case, load_voltages
from ghostload.grid.io.files import read_text
from ghostload.grid.io.matpower import from_matpower, to_grid
from ghostload.grid.io.matpower_case import MatpowerCase, parse
from ghostload.grid.io.matpower_write import to_matpower
from ghostload.grid.network import build_network, ybus

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def admittances_of_the_manual(case: MatpowerCase) -> tuple[sp.csr_matrix, np.ndarray]:
    """Build Ybus from the matrices by equations 3.2 and 3.11 of the MATPOWER User's Manual; and the buses in it."""
    bus, branch = case.bus, case.branch
    start, stop = case.bus_rows(branch[:, 0], "branch"), case.bus_rows(branch[:, 1], "branch")
    on = (branch[:, 10] != 0) & (bus[start, 1] != 4) & (bus[stop, 1] != 4)
    start, stop, branch = start[on], stop[on], branch[on]
    series = 1.0 / (branch[:, 2] + 1j * branch[:, 3])
    tap = np.where(branch[:, 8] == 0, 1.0, branch[:, 8]) * np.exp(1j * np.deg2rad(branch[:, 9]))
    ytt = series + 0.5j * branch[:, 4]
    shunt = np.where(bus[:, 1] == 4, 0.0, (bus[:, 4] + 1j * bus[:, 5]) / case.base_mva)
    values = np.concatenate([ytt / np.abs(tap) ** 2, -series / np.conj(tap), -series / tap, ytt, shunt])
    each = np.arange(len(bus))
    rows, columns = np.concatenate([start, start, stop, stop, each]), np.concatenate([start, stop, start, stop, each])
    return sp.csr_matrix((values, (rows, columns)), shape=(len(bus), len(bus))), bus[:, 1] != 4


SMALL = [
    name
    for name in case_names()
    if not name.startswith("pglib:") and name not in {"case_ACTIVSg70k", "case_SyntheticUSA"}
]
EVERY = [
    *(name for name in SMALL if "case_ACTIVSg25k" not in name and "13659" not in name),
    *(
        f"pglib:case{n}"
        for n in ("118_ieee", "162_ieee_dtc", "179_goc", "240_pserc", "588_sdet", "793_goc", "2853_sdet")
    ),
]


@pytest.mark.parametrize("name", EVERY)
def test_admittances_are_matpowers(name: str) -> None:
    case = parse(read_text(case_path(name)), name)
    circuit = build_network(to_grid(case))
    theirs, live = admittances_of_the_manual(case)
    node = circuit.node_of_bus
    assert (node[live] >= 0).all()
    theirs = theirs[live][:, live]
    gap = abs(ybus(circuit)[node[live]][:, node[live]] - theirs) - 1e-12 * abs(theirs)
    assert gap.max() < 1e-12


@pytest.mark.parametrize(
    ("name", "lowest_pu"),
    # M. E. Baran, F. F. Wu, IEEE Transactions on Power Delivery 4 (1989), doi:10.1109/61.25627 and 10.1109/61.19265.
    [("case33bw", 0.9131), ("case69", 0.9092)],
)
def test_radial_cases_in_ohms_and_kw_have_their_published_lowest_voltage(name: str, lowest_pu: float) -> None:
    assert np.nanmin(np.abs(voltages(load_case(name)))) == pytest.approx(lowest_pu, abs=2e-4)


def test_power_factor_of_case141_is_applied() -> None:
    load = load_case("case141")["load"]
    np.testing.assert_allclose(load["p_mw"] / np.hypot(load["p_mw"], load["q_mvar"]), 0.85, rtol=1e-12)


def test_expressions_in_cells_are_evaluated() -> None:
    assert load_case("case533mt_hi").sn_mva == 50 / 3
    assert load_case("case533mt_hi")["bus"]["vn_kv"][0] == 135 / np.sqrt(3)


@pytest.mark.parametrize(
    ("name", "tolerance_pu"),
    # As exact as the file: 9 digits in case39, in the last one voltages but not all angles.
    [("case39", 1e-7), ("case60nordic", 1e-5), ("case3375wp", 1e-4), ("case1888rte", 1e-3), ("case1951rte", 5e-2)],
)
def test_solved_states_in_the_files_are_solutions(name: str, tolerance_pu: float) -> None:
    stored = load_voltages(name)
    data = load_case(name)
    live = data["bus"]["in_service"]
    assert np.abs(voltages(data, stored) - stored)[live].max() < tolerance_pu


HEAD = "function mpc = t\nmpc.version = '2';\nmpc.baseMVA = 100;\n"
BUS = """mpc.bus = [
 1 3 0 0 0 0 1 1.02 5 110 1 1.1 0.9;
 2 1 10 5 0 19 1 1 0 110 1 1.1 0.9;
 3 2 -1 0 0 0 1 1 0 20 1 1.1 0.9;
 7 4 0 0 0 0 1 1 0 110 1 1.1 0.9];
"""
GEN = """mpc.gen = [1 0 0 9 -9 1.02 100 1 9 0; 1 3 0 9 -9 1.02 100 1 9 0; 3 4 0 Inf -Inf 1.01 100 1 9 0
 3 4 0 9 -9 1.03 100 1 9 0; 3 4 0 9 -9 9 100 0 9 0; 2 1 2 9 -9 1 100 1 9 0];
"""
BRANCH = """mpc.branch = [
 1 2 .01 .1 .02 60 0 0 0 0 1 -360 360;
 2 3 .01 .1 0 0 0 0 .95 0 1 -360 360
 1 3 .01 .1 -.02 0 0 0 1.05 30 0 -360 360; 3 2 0 .1 .02 0 0 0 .98 -7 1 -360 360
 2 7 .01 .1 0 0 0 0 0 0 1 -360 360];
"""
CASE = HEAD + BUS + GEN + BRANCH


def test_generators_become_what_their_bus_makes_them() -> None:
    data = from_matpower(CASE)
    assert data["ext_grid"]["bus"].tolist() == [1]
    assert (data["ext_grid"]["vm_pu"][0], data["ext_grid"]["va_degree"][0]) == (1.02, 5.0)
    assert data["gen"]["bus"].tolist() == [1, 3, 3, 3]
    assert data["gen"]["vm_pu"].tolist() == [1.02, 1.03, 1.03, 9.0]
    assert data["gen"]["in_service"].tolist() == [True, True, True, False]
    assert np.isnan(data["gen"]["max_q_mvar"][1])
    assert data["gen"]["name"].tolist() == ["gen 2", "gen 3", "gen 4", "gen 5"]
    assert data["sgen"]["bus"].tolist() == [2]
    assert data["bus"]["in_service"].tolist() == [True, True, True, False]
    assert data["load"]["p_mw"].tolist() == [10.0, -1.0]
    assert data["shunt"]["q_mvar"].tolist() == [-19.0]


def test_branches_become_lines_transformers_and_impedances() -> None:
    data = from_matpower(CASE)
    assert data["line"]["name"].tolist() == ["branch 1", "branch 5"]
    assert data["trafo"]["name"].tolist() == ["branch 2", "branch 3"]
    assert data["impedance"]["name"].tolist() == ["branch 4"]
    assert data["line"]["max_i_ka"][0] == pytest.approx(60 / np.sqrt(3) / 110)
    assert data["trafo"]["in_service"].tolist() == [True, False]


def test_without_a_generator_at_the_reference_the_first_pv_bus_is_it() -> None:
    data = from_matpower(CASE.replace("1.02 100 1 9", "1.02 100 0 9"))
    assert data["ext_grid"]["bus"].tolist() == [3]
    assert data["gen"]["in_service"].tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        CASE.replace("mpc", "s"),
        CASE.replace("= [", "= [ ...\n"),
        CASE.replace("mpc.gen", "%{\nmpc.bus = [1];\n%}\nmpc.gen"),
        CASE.replace("mpc.bus =", "x = 'a % b'; % comment = [ ' %\nmpc.bus ="),
        CASE.replace(" 1 3 0", " 1, 3, 0").replace("\n", "\r\n"),
        CASE.replace("mpc.baseMVA = 100;", "mpc.baseMVA = 10 * 10, if 0\nmpc.baseMVA = 3;\nelse\ny = 1;\nend"),
        CASE.replace("110 1 1.1", "sqrt(110^2) 1 1.1").replace(" 60 0", " 2*30 0"),
        CASE + "define_constants;\nmpc.bus(:, [PD QD]) = mpc.bus(:, [PD, QD]) * 2 / 2e0;\n",
        CASE + "k = find(mpc.bus(:, 2) == 4);\nmpc.bus(k, 3) = 0;\nmpc.bus(end, 13) = 9e-1;\n",
        CASE + "mpc.bus_name = {'a'; 'b;'; 'it''s'};\nmpc.other = strange(things);\n",
        CASE.replace("function mpc = t", "function [baseMVA, bus, gen, branch] = t").replace("mpc.", ""),
    ],
)
def test_one_case_in_many_spellings_is_one_grid(text: str) -> None:
    assert from_matpower(text) == from_matpower(CASE)


def test_arithmetic_is_matlabs() -> None:
    extra = "a = -2^2;\nb = 2 ^ -1;\nc = [1 -2 3];\nd = (1:3)';\ne = ~(1 > 2) & 1 ~= 2;\n"
    extra += "mpc.baseMVA = 96 + -a * b * e + 2 + c(2) + d(2);\n"
    assert from_matpower(CASE + extra).sn_mva == 100.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no case"),
        ("hello = 1;", "holds no case"),
        (CASE[:-200], "mpc.branch is missing, or the file is cut short"),
        (HEAD + BUS + GEN, "mpc.branch is missing"),
        (CASE.replace("100;", "-3;", 1), "mpc.baseMVA is -3.0, must be a positive number"),
        (CASE.replace(" 2 1 10 5", " 2 1 10"), "line 6: row has 12 numbers, the rows above have 13"),
        (CASE.replace(" 2 1 10 5", " 2 1 ten 5"), "'ten' is not known"),
        (CASE.replace(" 2 1 10 5", " 1 1 10 5"), "bus 1 is given more than once"),
        (CASE.replace(" 2 1 10 5", " 2.5 1 10 5"), "mpc.bus row 2: the bus number is not a whole number"),
        (CASE.replace(" 2 1 10 5", " 2 9 10 5"), "mpc.bus row 2: type is 9, must be 1, 2, 3 or 4"),
        (CASE.replace("1 2 .01", "1 9 .01"), "mpc.branch row 1 refers to bus 9, which is not in mpc.bus"),
        (CASE.replace("[1 0 0 9", "[9 0 0 9"), "mpc.gen row 1 refers to bus 9"),
        (HEAD + "mpc.bus = [1 2; 3 4];\n" + GEN + BRANCH, "mpc.bus has 2 columns, must have at least 13"),
        (HEAD + "mpc.bus = [];\n" + GEN + BRANCH, "mpc.bus has no rows"),
        (HEAD + "mpc.bus = 3;\n" + GEN + BRANCH, "mpc.bus is not a matrix"),
        (CASE + "for k = 1:3\nend\n", "line 16: 'for' is not understood"),
        (CASE + "if 1\nelseif 2\nend\n", "'elseif' is not understood"),
        (CASE + "mpc.bus(99, 1) = 3;\n", "does not fit into this part of 'mpc.bus'"),
        (CASE + "mpc.bus(:, 3) = [1; 2];\n", "does not fit into this part of 'mpc.bus'"),
        (CASE + "mpc.bus(1) = 3;\n", "needs a row and a column index"),
        (CASE + "mpc.bus(:, 3) = mpc.bus * mpc.bus;\n", "cannot evaluate"),
        (CASE + "[A, B] = idx_dcline;\n", "function 'idx_dcline' is not known"),
        (CASE + "x.y(3) = 4;\n", "cannot assign to a part of 'x.y'"),
        (CASE + "mpc.gen(1, 1) = ;\n", "cannot evaluate"),
    ],
)
def test_bad_files_get_one_line_with_the_place(text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        from_matpower(text, "t.m")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CASE)), st.sampled_from(["", "[", "]", "'", "%", ";", "{", "nan", "...\n", "=", "("]))
def test_damaged_files_are_read_or_refused(at: int, put: str) -> None:
    with contextlib.suppress(DataError):
        from_matpower(CASE[:at] + put + CASE[at + 1 :])


@QUICK
@given(sound_grids())
def test_written_and_read_again_the_circuit_is_the_same(data: GridData) -> None:
    again = from_matpower(to_matpower(data))
    assert same_circuit(data, again) < 1e-12
    rows = again["bus"].rows_of(data["bus"]["id"])
    own, other = voltages(data), voltages(again)[rows]
    np.testing.assert_array_equal(np.isnan(own), np.isnan(other))
    assert np.nanmax(np.abs(own - other)) < 1e-7


@pytest.mark.parametrize("name", ["case9", "case118", "case300", "case145", "case1888rte", "case16ci", "case_RTS_GMLC"])
def test_cases_written_and_read_again_keep_their_elements(name: str) -> None:
    data = load_case(name)
    again = from_matpower(to_matpower(data))
    assert same_circuit(data, again) < 1e-12
    for component in ("bus", "line", "trafo", "impedance", "load", "gen", "sgen", "shunt", "ext_grid"):
        assert len(again[component]) == len(data[component]), component
        if component != "bus":
            assert again[component]["in_service"].sum() == data[component]["in_service"].sum()


def test_ids_below_one_move_up_and_names_become_functions() -> None:
    data = from_matpower(CASE).replace("bus", id=[0, 1, 2, 6])
    for component, column in (("load", "bus"), ("gen", "bus"), ("sgen", "bus"), ("ext_grid", "bus"), ("shunt", "bus")):
        data = data.replace(component, **{column: data[component][column] - 1})
    for component, fields in (("line", ("from_bus", "to_bus")), ("trafo", ("hv_bus", "lv_bus"))):
        data = data.replace(component, **{f: data[component][f] - 1 for f in fields})
    data = data.replace("impedance", from_bus=[2], to_bus=[1])
    text = to_matpower(data, "14 buses")
    assert text.startswith("function mpc = case_14_buses\n")
    again = from_matpower(text)["bus"]
    assert again["id"].tolist() == [1, 2, 3, 7]
    assert again["in_service"].tolist() == [True, True, True, False]


def test_what_the_format_cannot_say_is_refused() -> None:
    data = from_matpower(CASE)
    with pytest.raises(UsageError, match="load 0 draws constant current, which MATPOWER cannot express"):
        to_matpower(data.replace("load", const_i_p_percent=[10.0, 0.0]))
    with pytest.raises(UsageError, match="impedance 0 passes unlike in the two directions"):
        to_matpower(data.replace("impedance", rtf_pu=[9.0]))
