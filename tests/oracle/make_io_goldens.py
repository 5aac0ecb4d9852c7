"""Make the golden cases of the readers and writers again: an oracle's own results beside its own files.

Run in an environment with pandapower 3.5.6 and dss-python, and in one with pandapower 2.14 for "io_pandapower_2".
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks as pn

HERE = Path(__file__).parents[1] / "golden" / "grid"
COMMAND = "PYTHONPATH=. python tests/oracle/make_io_goldens.py"


def elements():
    """Small grid with every element that has no component of its own here."""
    net = pn.example_simple()
    b = net.bus.index
    pp.create_storage(net, b[5], 0.3, 1.0, q_mvar=0.1, scaling=0.5)
    pp.create_motor(net, b[6], 0.2, 0.9, efficiency_percent=90, loading_percent=80, scaling=0.7)
    pp.create_ward(net, b[4], 0.2, 0.1, 0.05, 0.02)
    pp.create_xward(net, b[5], 0.2, 0.1, 0.05, 0.02, 1.0, 5.0, 1.01)
    pp.create_asymmetric_load(net, b[6], 0.1, 0.2, 0.05, 0.02, 0.01, 0.03, scaling=0.8)
    pp.create_asymmetric_sgen(net, b[6], 0.02, 0.03, 0.01, 0.01, 0.01, 0.0, scaling=0.9)
    pp.create_dcline(net, b[6], b[4], p_mw=0.4, loss_percent=1.0, loss_mw=0.01, vm_from_pu=1.01, vm_to_pu=1.0)
    net.switch.loc[(net.switch.et == "b") & net.switch.closed, "z_ohm"] = 0.02
    return net


def taps():
    """Taps of all kinds on both sides, also as version 2 has them."""
    net = pp.create_empty_network(name="taps")
    top = pp.create_bus(net, 110.0, geodata=(7.0, 51.0))
    pp.create_ext_grid(net, top, 1.01)
    shifter = {"tap_phase_shifter": True} if pp.__version__.startswith("2") else {"tap_changer_type": "Ideal"}
    ratio = {"tap_phase_shifter": False} if pp.__version__.startswith("2") else {"tap_changer_type": "Ratio"}
    kinds = [
        {"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 1.5, **ratio},
        {"tap_side": "lv", "tap_pos": -3, "tap_step_percent": 1.5, **ratio},
        {"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 1.5, "tap_step_degree": 60.0, **ratio},
        {"tap_side": "hv", "tap_pos": 1, "tap_step_degree": 2.0, **shifter},
    ]
    for kind in kinds:
        low = pp.create_bus(net, 20.0)
        pp.create_transformer_from_parameters(
            net,
            top,
            low,
            25.0,
            110.0,
            20.0,
            0.41,
            12.0,
            14.0,
            0.07,
            shift_degree=150,
            parallel=2,
            tap_neutral=0,
            tap_min=-9,
            tap_max=9,
            **kind,
        )
        pp.create_load(net, low, 8.0, 3.0)
    share = {"const_z_percent": 30, "const_i_percent": 20}
    if not pp.__version__.startswith("2"):
        share = {f"{k[:7]}_{x}_percent": v for k, v in share.items() for x in "pq"}
    pp.create_load(net, pp.create_bus(net, 20.0), 1.0, 0.2, **share)
    far = net.bus.index[-1]
    pp.create_line_from_parameters(net, net.bus.index[1], far, 4.0, 0.2, 0.3, 10.0, 0.5, parallel=2)
    return net


def write(name: str, net, tolerance: float) -> None:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for key in list(net.keys()):
        if key == "std_types":
            net[key] = {kind: {} for kind in net[key]}
    (folder / "input.json").write_text(without_empty_tables(pp.to_json(net)))
    pp.runpp(net, tolerance_mva=1e-10, calculate_voltage_angles=True, init="dc", max_iteration=100)
    save(folder, net.res_bus, "pandapower", pp.__version__, tolerance)


def without_empty_tables(text: str) -> str:
    """Leave out tables without rows: they are most of the file."""
    tree = json.loads(text)
    tables = tree["_object"]
    for key, table in list(tables.items()):
        if isinstance(table, dict) and table.get("_class") == "DataFrame" and '"data":[]' in table["_object"]:
            del tables[key]
    return json.dumps(tree, indent=1) + "\n"


def save(folder: Path, res_bus, oracle: str, version: str, tolerance: float, source: str = "") -> None:
    res_bus[["vm_pu", "va_degree"]].to_csv(folder / "expected.csv", index_label="bus", float_format="%.14g")
    text = f"input: {source}\n" if source else ""
    text += f"oracle: {oracle}\nversion: {version}\ntolerance_pu: {tolerance:.1e}\ncommand: {COMMAND}\n"
    (folder / "case.yaml").write_text(text)


def written() -> None:
    """What we write, read and solved by those it is written for."""
    from ghostload.grid.io.cases import load_case
    from ghostload.grid.io.files import read_grid
    from ghostload.grid.io.opendss import to_opendss
    from ghostload.grid.io.pandapower_json import to_pandapower_json

    def read(source: str):
        return read_grid(HERE / source) if source.endswith(".json") else load_case(source)

    for name, source in (
        ("io_written_pandapower_case300", "case300"),
        ("io_written_pandapower_multivoltage", "io_pandapower_multivoltage/input.json"),
    ):
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "output.json").write_text(to_pandapower_json(read(source)))
        net = pp.from_json(str(folder / "output.json"))
        pp.runpp(net, tolerance_mva=1e-10, calculate_voltage_angles=True, init="dc", max_iteration=100)
        save(folder, net.res_bus, "pandapower", pp.__version__, 1e-8, source)
    for name, source in (
        ("io_written_opendss_case69", "case69"),
        ("io_written_opendss_cigre_mv", "io_pandapower_cigre_mv/input.json"),
    ):
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "output.dss").write_text(to_opendss(read(source)))
        solve_opendss(folder, source)


def solve_opendss(folder: Path, source: str) -> None:
    import pandas as pd
    from dss import dss

    dss.Text.Command = f"Redirect {folder / 'output.dss'}"
    circuit = dss.ActiveCircuit
    if not circuit.Solution.Converged:
        raise SystemExit(f"{folder.name}: OpenDSS found no solution")
    rows = {}
    for bus in circuit.AllBusNames:
        circuit.SetActiveBus(bus)
        if bus.startswith("b") and bus[1:].isdigit():
            rows[int(bus[1:])] = circuit.ActiveBus.puVmagAngle[:2]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["vm_pu", "va_degree"]).sort_index()
    save(folder, found, "OpenDSS (dss-python)", str(dss.Version).split()[-1].strip("()") or "", 2e-7, source)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    if pp.__version__.startswith("2"):
        write("io_pandapower_2", taps(), 1e-9)
        sys.exit()
    write("io_pandapower_multivoltage", pn.example_multivoltage(), 1e-8)
    write("io_pandapower_elements", elements(), 1e-8)
    write("io_pandapower_taps", taps(), 1e-9)
    write("io_pandapower_cigre_mv", pn.create_cigre_network_mv(with_der="all"), 1e-9)
    written()
