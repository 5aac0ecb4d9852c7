"""The other engines of ``benchmarks/radial.py``: each solves the same steps with the same powers and tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.grid.network import ybus

TOL = 1e-8


@dataclass
class Engine:
    """One side of a comparison: a call that solves all steps, and how to get the voltages of the last call."""

    name: str
    solve: Callable[[], Any]
    magnitudes: Callable[[], np.ndarray]


def rustpower(network: Any, nodes: np.ndarray, p: np.ndarray, q: np.ndarray, start: np.ndarray) -> Engine:
    """Return RustPower's loop over the same nodal admittances, each step from the one before."""
    from rustpower import NewtonSolver

    y = ybus(network)
    out = np.empty((len(p), network.n), dtype=np.complex128)
    slack = np.flatnonzero(network.node_type == 3)
    pq = np.flatnonzero(network.node_type == 1)
    s = np.zeros((len(p), network.n), dtype=np.complex128)
    s[:, nodes] = -(p + 1j * q)
    solver = NewtonSolver()
    indptr, indices = y.indptr.astype(np.int64), y.indices.astype(np.int64)

    solver.setup_from_nodes(indptr, indices, y.data, s[0], start, pq, slack[:0], slack)

    def solve() -> None:
        solver.set_v_init(start)
        for k in range(len(s)):
            solver.set_s_bus(s[k])
            if not solver.solve(max_iter=20, tol=TOL):
                raise SystemExit(f"RustPower does not converge at step {k}")
            solver.extract_results(v=out[k])
            solver.set_v_init(out[k])

    return Engine("RustPower", solve, lambda: np.abs(out))


def pandapower_net(content: dict[str, dict[str, Any]]) -> Any:
    """Return the grid as pandapower has it."""
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=1.0)
    for vn in content["bus"]["vn_kv"]:
        pp.create_bus(net, vn)
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    for row in _rows(content["line"]):
        pp.create_line_from_parameters(net, **row)
    for row in _rows(content["trafo"]):
        pp.create_transformer_from_parameters(net, **row)
    for row in _rows(content["load"]):
        pp.create_load(net, **row)
    return net


def _rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def lightsim2grid(net: Any, p: np.ndarray, q: np.ndarray, start: np.ndarray) -> Engine:
    """Return lightsim2grid's time series."""
    from lightsim2grid.lightsim2grid_cpp import TimeSeriesCPP
    from lightsim2grid.network import init_from_pandapower

    model = init_from_pandapower(net, pp_orig_file="pandapower_v3")
    kept: dict[str, Any] = {}
    given = (np.zeros((len(p), 0)), np.zeros((len(p), 0)), np.ascontiguousarray(p), np.ascontiguousarray(q))
    generators = len(model.get_generators())
    given = (np.zeros((len(p), generators)), *given[1:])

    def solve() -> None:
        series = TimeSeriesCPP(model)
        if series.compute_Vs(*given, start.copy(), 20, TOL) != 1:
            raise SystemExit("lightsim2grid does not converge")
        kept["series"], kept["v"] = series, series.get_voltages()

    return Engine("lightsim2grid", solve, lambda: np.abs(kept["v"]))


def power_grid_model(content: dict[str, dict[str, Any]], p: np.ndarray, q: np.ndarray, method: str) -> Engine:
    """Return power-grid-model's batch with one of its exact methods, on one thread."""
    import power_grid_model as pgm

    def table(kind: str, size: int, **columns: Any) -> np.ndarray:
        array = pgm.initialize_array("input", kind, size)
        for name, values in columns.items():
            array[name] = values
        return array

    vn = np.array(content["bus"]["vn_kv"])
    line, trafo, load = content["line"], content["trafo"], content["load"]
    n, lines, trafos, loads = len(vn), len(line["to_bus"]), len(trafo["hv_bus"]), len(load["bus"])
    length = np.array(line["length_km"])
    grid = {
        "node": table("node", n, id=np.arange(n), u_rated=vn * 1e3),
        "line": table(
            "line", lines, id=n + np.arange(lines), from_node=line["from_bus"], to_node=line["to_bus"], from_status=1,
            to_status=1, r1=line["r_ohm_per_km"] * length, x1=line["x_ohm_per_km"] * length,
            c1=line["c_nf_per_km"] * length * 1e-9, tan1=0.0, i_n=1e3,
        ),
        "transformer": table(
            "transformer", trafos, id=n + lines + np.arange(trafos), from_node=trafo["hv_bus"], to_node=trafo["lv_bus"],
            from_status=1, to_status=1, u1=20e3, u2=400.0, sn=trafo["sn_mva"] * 1e6, uk=trafo["vk_percent"] / 100,
            pk=trafo["vkr_percent"] / 100 * trafo["sn_mva"] * 1e6, i0=trafo["i0_percent"] / 100,
            p0=trafo["pfe_kw"] * 1e3, winding_from=pgm.WindingType.delta, winding_to=pgm.WindingType.wye_n, clock=5,
            tap_side=pgm.BranchSide.from_side, tap_pos=0, tap_min=0, tap_max=0, tap_nom=0, tap_size=0.0,
        ),
        "sym_load": table(
            "sym_load", loads, id=n + lines + trafos + np.arange(loads), node=load["bus"], status=1,
            type=pgm.LoadGenType.const_power, p_specified=0.0, q_specified=0.0,
        ),
        "source": table("source", 1, id=10**6, node=0, status=1, u_ref=1.02, sk=1e20),
    }  # fmt: skip
    model = pgm.PowerGridModel(grid)
    update = pgm.initialize_array("update", "sym_load", p.shape)
    update["id"] = grid["sym_load"]["id"]
    update["p_specified"], update["q_specified"] = p * 1e6, q * 1e6
    kept: dict[str, Any] = {}
    wanted = {"node": ["u_pu", "u_angle"]}

    def solve() -> None:
        kept["v"] = model.calculate_power_flow(
            update_data={"sym_load": update}, error_tolerance=TOL, threading=-1, output_component_types=wanted,
            calculation_method=pgm.CalculationMethod[method],
        )["node"]["u_pu"]  # fmt: skip

    return Engine("power-grid-model, " + method.replace("_", " "), solve, lambda: kept["v"])


def open_dss(name: str, folder: Path, factor: np.ndarray) -> Engine:
    """Return OpenDSS in its own series mode, no result read but at the end: its fastest way."""
    from dss import DSS

    for text in (folder / "input.dss").read_text(encoding="utf-8").splitlines():
        DSS.Text.Command = text
    DSS.Text.Command = f"new loadshape.year npts={len(factor)} interval=1 mult=({' '.join(map(repr, factor.tolist()))})"
    DSS.Text.Command = "batchedit load..* yearly=year"

    def solve() -> None:
        DSS.Text.Command = f"set mode=yearly stepsize=1h number={len(factor)} hour=0 sec=0 tolerance={TOL}"
        DSS.Text.Command = "solve"
        if not DSS.ActiveCircuit.Solution.Converged:
            raise SystemExit("OpenDSS does not converge")

    def magnitudes() -> np.ndarray:
        volts = np.asarray(DSS.ActiveCircuit.AllBusVolts).view(np.complex128).ravel()
        return np.abs(volts)[None]

    return Engine(name, solve, magnitudes)
