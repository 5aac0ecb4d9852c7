"""Measure the radial sweeps against the engines that are installed, in one run, in turn.

python benchmarks/radial.py            # about two minutes
python benchmarks/radial.py --quick    # fewer steps, one turn

Peers that are not installed are named and left out: lightsim2grid (needs pandapower to read the grid), RustPower,
power-grid-model, OpenDSS (dss-python). Every engine gets the same powers and a tolerance of 1e-8; its result is
compared with ours before a ratio is printed. Times are processor seconds of one thread; two threads are wall clock.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ghostload.grid.data import GridData  # noqa: E402
from ghostload.grid.network import build_network, ybus  # noqa: E402
from ghostload.grid.radial.plan import RadialPlan  # noqa: E402
from ghostload.grid.radial.plan3 import ThreePhasePlan  # noqa: E402
from ghostload.grid.radial.three_phase_json import read_feeder  # noqa: E402

TOL = 1e-8
BARS = {"lightsim2grid": 20, "RustPower": 20, "power-grid-model": 25, "OpenDSS": 20, "OpenDSS, four-wire": 15}


@dataclass
class Engine:
    """One side of a comparison: a call that solves all steps, and how to get the voltages of the last call."""

    name: str
    solve: Callable[[], Any]
    magnitudes: Callable[[], np.ndarray]


def tables(transformers: int = 10, street: int = 40) -> dict[str, dict[str, Any]]:
    """Return 411 buses: a 20 kV bus bar, ten Dyn5 transformers, and a tree of 40 low-voltage buses behind each."""
    rng = np.random.default_rng(411)
    buses, vn = 1, [20.0]
    trafo: dict[str, list[Any]] = {"hv_bus": [], "lv_bus": []}
    line: dict[str, list[Any]] = {"from_bus": [], "to_bus": [], "length_km": []}
    for _ in range(transformers):
        top = buses
        trafo["hv_bus"].append(0)
        trafo["lv_bus"].append(top)
        vn += [0.4] * (street + 1)
        for k in range(1, street + 1):
            line["from_bus"].append(top + int(rng.integers(max(0, k - 4), k)))
            line["to_bus"].append(top + k)
            line["length_km"].append(round(float(rng.uniform(0.01, 0.05)), 4))
        buses += street + 1
    houses = [k for k in range(1, buses) if k not in set(trafo["lv_bus"])]
    ones = np.ones
    return {
        "bus": {"vn_kv": vn},
        "line": line
        | {
            "r_ohm_per_km": 0.206 * ones(len(line["to_bus"])),
            "x_ohm_per_km": 0.08 * ones(len(line["to_bus"])),
            "c_nf_per_km": 210.0 * ones(len(line["to_bus"])),
            "max_i_ka": 0.27 * ones(len(line["to_bus"])),
        },
        "trafo": trafo
        | {
            key: value * ones(transformers)
            for key, value in {
                "sn_mva": 0.4, "vn_hv_kv": 20.0, "vn_lv_kv": 0.4, "vk_percent": 6.0, "vkr_percent": 1.425,
                "pfe_kw": 1.35, "i0_percent": 0.3375, "shift_degree": 150.0,
            }.items()
        },
        "load": {"bus": houses, "p_mw": 0.002 * ones(len(houses)), "q_mvar": 0.0005 * ones(len(houses))},
        "ext_grid": {"bus": [0], "vm_pu": [1.02], "va_degree": [0.0]},
    }  # fmt: skip


def year(loads: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return MW and Mvar: a daily swing, and each house by chance."""
    rng = np.random.default_rng(8760)
    day = 1 + 0.5 * np.sin(np.arange(steps) * 2 * np.pi / 24)
    p = 0.0011 * day[:, None] * rng.gamma(2.0, 0.5, (steps, loads))
    return p, p * rng.uniform(0.1, 0.4, loads)


def installed(package: str) -> bool:
    """Tell whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def ours(plan: RadialPlan, nodes: np.ndarray, p: np.ndarray, q: np.ndarray, jobs: int = 1) -> Engine:
    """Return our sweep, all complex voltages written."""
    kept: dict[str, Any] = {}
    minus = (-p, -q)

    def solve() -> None:
        kept["all"] = plan.solve_series(minus, nodes=nodes, tol=TOL, n_jobs=jobs, reuse=kept.get("all"))

    return Engine("ghostload", solve, lambda: np.abs(kept["all"].v))


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


def power_grid_model(content: dict[str, dict[str, Any]], p: np.ndarray, q: np.ndarray) -> Engine:
    """Return power-grid-model's batch with its fastest exact method, iterative current."""
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
            calculation_method=pgm.CalculationMethod.iterative_current,
        )["node"]["u_pu"]  # fmt: skip

    return Engine("power-grid-model", solve, lambda: kept["v"])


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


def seconds(engine: Engine, clock: Callable[[], float]) -> float:
    """Run once."""
    begin = clock()
    engine.solve()
    return clock() - begin


def compare(us: Engine, peers: list[Engine], steps: tuple[int, list[int]], turns: int, unit: str, scale: float) -> None:
    """Run all in turn, and print rates and ratios; ours runs before each peer, and its median in all turns counts."""
    us.solve()
    for peer in peers:
        peer.solve()
    times: dict[str, list[float]] = {engine.name: [] for engine in (us, *peers)}
    for _ in range(turns):
        for peer in peers:
            times[us.name].append(seconds(us, time.thread_time))
            times[peer.name].append(seconds(peer, time.thread_time))
    mine = steps[0] * scale / statistics.median(times[us.name])
    print(f"  {us.name:24s} {mine:12.2f} {unit}")
    for peer, count in zip(peers, steps[1], strict=True):
        rate = count * scale / statistics.median(times[peer.name])
        print(f"  {peer.name:24s} {rate:12.2f} {unit}   ratio {mine / rate:6.1f}   bar {BARS[peer.name]}")


def positive_sequence(steps: int, turns: int) -> None:
    """411 buses and a year of hours."""
    content = tables()
    network = build_network(GridData.from_tables(content, sn_mva=1.0))
    plan = RadialPlan(network)
    node = np.asarray(network.node_of_bus)
    loads = np.array(content["load"]["bus"])
    p, q = year(len(loads), steps)
    us = ours(plan, node[loads], p, q)
    us.solve()
    print(f"\nRadial, positive sequence, {network.n} buses x {steps} steps, all complex voltages, one thread")
    start = plan.solve_series(np.zeros((1, 0)), nodes=np.zeros(0, dtype=int)).v[0]
    peers: list[Engine] = []
    if installed("rustpower"):
        peers.append(rustpower(network, node[loads], p, q, start))
    if installed("lightsim2grid") and installed("pandapower"):
        peers.append(lightsim2grid(pandapower_net(content), p, q, start[node]))
    if installed("power_grid_model"):
        peers.append(power_grid_model(content, p, q))
    for peer in peers:
        peer.solve()
        seen = us.magnitudes() if peer.name == "RustPower" else us.magnitudes()[:, node]
        print(f"  {peer.name} differs by at most {np.abs(peer.magnitudes() - seen).max():.1e} pu")
    compare(us, peers, (steps, [steps] * len(peers)), turns, "M bus-steps/s", network.n / 1e6)
    few = {"|V| at the 400 loads": ("vm", node[loads]), "losses and source power": (("losses", "source"), node[loads])}
    for name, (outputs, at) in few.items():
        kept = {"outputs": outputs, "at": at, "nodes": node[loads]}
        engine = Engine("", partial(plan.solve_series, (-p, -q), **kept), list)
        best = min(seconds(engine, time.thread_time) for _ in range(3))
        print(f"  only {name:24s} {steps * network.n / 1e6 / best:8.1f} M bus-steps/s")
    threads(lambda jobs: ours(plan, node[loads], p, q, jobs), turns)


def free_processors() -> tuple[float, float]:
    """Return the seconds of two hashings one after the other and side by side: what the machine has to give."""
    block = bytes(40_000_000)

    def burn(_: int) -> None:
        hashlib.sha256(block).digest()

    begin = time.perf_counter()
    burn(0)
    burn(0)
    alone = time.perf_counter() - begin
    with ThreadPoolExecutor(2) as pool:
        begin = time.perf_counter()
        list(pool.map(burn, range(2)))
        return alone, time.perf_counter() - begin


def threads(make: Callable[[int], Engine], turns: int) -> None:
    """Compare two threads with one by the wall clock, and with what two threads gain on work that shares nothing."""
    one, two = make(1), make(2)
    one.solve()
    two.solve()
    turn = [
        (free_processors(), seconds(one, time.perf_counter), seconds(two, time.perf_counter))
        for _ in range(3 + 4 * turns)
    ]
    ratio = min(a for _, a, _ in turn) / min(b for _, _, b in turn)
    free = min(f[0] for f, _, _ in turn) / min(f[1] for f, _, _ in turn)
    same = np.array_equal(one.magnitudes(), two.magnitudes())
    print(f"  two threads: {ratio:.2f} times one (bar 1.7; the machine gave {free:.2f}),", end=" ")
    print(f"results {'the same' if same else 'DIFFERENT'}")


def three_phase(folder: str, name: str, steps: int, turns: int) -> None:
    """906 buses, 55 customers on one phase each."""
    place = ROOT / "tests" / "golden" / "grid" / folder
    grid = read_feeder(place / "input.json")
    plan = ThreePhasePlan(grid)
    factor = np.random.default_rng(55).uniform(0.2, 1.8, steps)
    p = factor[:, None] * np.array([load.p_kw for load in grid.loads])
    q = factor[:, None] * np.array([load.q_kvar for load in grid.loads])
    meters = [(load.bus, load.phases + ("n" if "n" in grid.buses[-1].conductors else "")) for load in grid.loads]
    kept: dict[str, Any] = {}

    def engine(outputs: str, at: Any, jobs: int = 1) -> Engine:
        def solve() -> None:
            kept["v"] = plan.solve_series((p, q), outputs=outputs, at=at, tol=TOL, n_jobs=jobs, reuse=kept.get("v"))

        return Engine("ghostload", solve, lambda: kept["v"].vm)

    print(f"\n{grid.name}, {steps} steps, one thread")
    us = engine("vm", None)
    if installed("dss"):
        peer = open_dss(name, place, factor[: steps // 16])
        us.solve()
        peer.solve()
        volts = np.sort(peer.magnitudes()[0])
        mine = kept["v"].vm[steps // 16 - 1]
        base = np.repeat([b.vn_kv for b in grid.buses], [len(b.conductors) for b in grid.buses]) * 1e3 / np.sqrt(3)
        extra = len(volts) - len(mine)
        gap = np.abs(volts[extra:] - np.sort(mine * base)) / base.min()
        print(f"  {name} differs by at most {gap.max():.1e} pu (sorted, last step)")
        print("  |V| of all conductors:")
        compare(us, [peer], (steps, [steps // 16]), turns, "k solves/s", 1e-3)
        print("  |V| at the customers:")
        compare(engine("vm", meters), [peer], (steps, [steps // 16]), turns, "k solves/s", 1e-3)
    threads(lambda jobs: engine("vm", None, jobs), turns)


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer steps, one turn")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    processor = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x),
        platform.processor(),
    ) if Path("/proc/cpuinfo").exists() else platform.processor()  # fmt: skip
    print(f"{processor}; Python {platform.python_version()}")
    for package in ("numpy", "numba", "lightsim2grid", "rustpower", "power-grid-model", "pandapower", "dss-python"):
        try:
            print(f"  {package} {version(package)}")
        except PackageNotFoundError:
            print(f"  {package} is not installed: left out")
    turns = 1 if quick else 5
    positive_sequence(1752 if quick else 8760, turns)
    three_phase("opendss_european_like", "OpenDSS", 1752 if quick else 8760, turns)
    three_phase("opendss_european_like_four_wire", "OpenDSS, four-wire", 1752 if quick else 8760, turns)


if __name__ == "__main__":
    main()
