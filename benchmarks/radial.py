"""Measure the radial sweeps against the engines that are installed, in one run, in turn.

python benchmarks/radial.py                      # about three minutes
python benchmarks/radial.py --quick              # fewer steps, two turns
python benchmarks/radial.py --output table.md    # the table as a file, too

Peers that are not installed are named and left out: lightsim2grid (needs pandapower to read the grid), RustPower,
power-grid-model, OpenDSS (dss-python). Every engine gets the same powers and a tolerance of 1e-8; its result is
compared with ours before a ratio is printed. Times are processor seconds of one thread; two threads are wall clock.
Engines run in turn; rates are those of the best run of each, and the spread is that of the ratios turn by turn.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from processors import free_processors  # noqa: E402
from radial_peers import TOL, Engine, lightsim2grid, open_dss, pandapower_net, power_grid_model, rustpower  # noqa: E402

from ghostload.grid.data import GridData  # noqa: E402
from ghostload.grid.network import build_network  # noqa: E402
from ghostload.grid.power_grid import PowerGrid  # noqa: E402
from ghostload.grid.radial.plan import RadialPlan  # noqa: E402
from ghostload.grid.radial.plan3 import ThreePhasePlan  # noqa: E402
from ghostload.grid.radial.three_phase_json import read_feeder  # noqa: E402

BARS = {
    "lightsim2grid": 20, "RustPower": 20, "power-grid-model, iterative current": 25, "OpenDSS": 20,
    "OpenDSS, four-wire": 15, "two threads": 1.7,
}  # fmt: skip


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


def seconds(engine: Engine, clock: Callable[[], float]) -> float:
    """Run once."""
    begin = clock()
    engine.solve()
    return clock() - begin


@dataclass
class Row:
    """One line of the table."""

    what: str
    engine: str
    rate: float
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    bar: float | None = None

    def cells(self) -> list[str]:
        """Return the line as texts."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}" if self.ratio < 10 else f"{self.ratio:.1f}"
        spread = "" if self.spread is None else f"{self.spread[0]:.3g} to {self.spread[1]:.3g}"
        bar = "" if self.bar is None else f"{self.bar:g}"
        return [self.what, self.engine, f"{self.rate:.3g} {self.unit}" if self.rate else "", ratio, spread, bar]


ROWS: list[Row] = []


def note(row: Row) -> None:
    """Keep a line and print it."""
    ROWS.append(row)
    print(
        "  " + " | ".join(f"{cell:>{width}}" for cell, width in zip(row.cells(), (34, 36, 22, 6, 14, 4), strict=True))
    )


def compare(
    what: str, us: Engine, peers: list[Engine], steps: tuple[int, list[int]], turns: int, unit: str, scale: float
) -> None:
    """Run all in turn; ours runs before each peer. A ratio is that of the best runs."""
    for engine in (us, *peers):
        engine.solve()
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    own: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(turns):
        for peer in peers:
            own[peer.name].append(seconds(us, time.thread_time))
            times[peer.name].append(seconds(peer, time.thread_time))
    best = min(min(mine) for mine in own.values())
    note(Row(what, us.name, steps[0] * scale / best, unit))
    for peer, count in zip(peers, steps[1], strict=True):
        each = [b / count / (a / steps[0]) for a, b in zip(own[peer.name], times[peer.name], strict=True)]
        theirs = min(times[peer.name])
        ratio = theirs / count / (best / steps[0])
        note(Row(what, peer.name, count * scale / theirs, unit, ratio, (min(each), max(each)), BARS.get(peer.name)))


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
        peers += [power_grid_model(content, p, q, method) for method in ("iterative_current", "newton_raphson")]
    for peer in peers:
        peer.solve()
        seen = us.magnitudes() if peer.name == "RustPower" else us.magnitudes()[:, node]
        print(f"  {peer.name} differs by at most {np.abs(peer.magnitudes() - seen).max():.1e} pu")
    what = f"{network.n} buses x {steps} steps, v"
    compare(what, us, peers, (steps, [steps] * len(peers)), turns, "M bus-steps/s", network.n / 1e6)
    few = {"|V| at the 400 loads": ("vm", node[loads]), "losses and source power": (("losses", "source"), node[loads])}
    minus = (-p, -q)
    for name, (outputs, at) in few.items():
        solve = partial(plan.solve_series, minus, outputs=outputs, at=at, nodes=node[loads], tol=TOL)
        best = min(seconds(Engine("", solve, list), time.thread_time) for _ in range(3))
        note(Row(f"only {name}", "ghostload", steps * network.n / 1e6 / best, "M bus-steps/s"))
    grid = PowerGrid.from_data(GridData.from_tables(content, sn_mva=1.0))
    for method in ("sweep", "newton"):
        solve = partial(grid.solve_series, p_mw=p, q_mvar=q, outputs=("vm_pu",), method=method)
        solve()
        best = min(seconds(Engine("", solve, list), time.thread_time) for _ in range(3))
        note(
            Row(
                "vm_pu by PowerGrid.solve_series",
                f"ghostload, {method}",
                steps * network.n / 1e6 / best,
                "M bus-steps/s",
            )
        )
    threads(what, lambda jobs: ours(plan, node[loads], p, q, jobs), turns)


def threads(what: str, make: Callable[[int], Engine], turns: int) -> None:
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
    each = [a / b for _, a, b in turn]
    if not np.array_equal(one.magnitudes(), two.magnitudes()):
        raise SystemExit(f"{what}: two threads give other results than one")
    note(Row(what, f"two threads (machine: {free:.2f})", 0.0, "", ratio, (min(each), max(each)), BARS["two threads"]))


def three_phase(folder: str, name: str, steps: int, turns: int) -> None:
    """906 buses, 55 customers on one phase each."""
    place = ROOT / "tests" / "golden" / "grid" / folder
    grid = read_feeder(place / "input.json")
    plan = ThreePhasePlan(grid)
    factor = np.random.default_rng(55).uniform(0.2, 1.8, steps)
    p = factor[:, None] * np.array([load.p_kw for load in grid.loads])
    q = factor[:, None] * np.array([load.q_kvar for load in grid.loads])
    meters = [(load.bus, load.phases + ("n" if "n" in grid.buses[-1].conductors else "")) for load in grid.loads]

    def engine(outputs: str, at: Any, jobs: int = 1) -> Engine:
        kept: dict[str, Any] = {}

        def solve() -> None:
            kept["v"] = plan.solve_series((p, q), outputs=outputs, at=at, tol=TOL, n_jobs=jobs, reuse=kept.get("v"))

        return Engine("ghostload", solve, lambda: kept["v"].vm)

    wires = f"{len(grid.buses)} buses, {'four wires' if 'n' in grid.buses[-1].conductors else 'three wires'}"
    print(f"\n{grid.name}, {steps} steps, one thread")
    us = engine("vm", None)
    if installed("dss"):
        peer = open_dss(name, place, factor[: steps // 16])
        us.solve()
        peer.solve()
        volts = np.sort(peer.magnitudes()[0])
        mine = us.magnitudes()[steps // 16 - 1]
        base = np.repeat([b.vn_kv for b in grid.buses], [len(b.conductors) for b in grid.buses]) * 1e3 / np.sqrt(3)
        extra = len(volts) - len(mine)
        gap = np.abs(volts[extra:] - np.sort(mine * base)) / base.min()
        print(f"  {name} differs by at most {gap.max():.1e} pu (sorted, last step)")
        for what, side in (("|V| of all conductors", us), ("|V| at the customers", engine("vm", meters))):
            compare(f"{wires}, {what}", side, [peer], (steps, [steps // 16]), turns, "k solves/s", 1e-3)
    threads(f"{wires}, |V| of all conductors", lambda jobs: engine("vm", None, jobs), turns)


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer steps, two turns")
    parser.add_argument("--output", type=Path, help="file for the table, in Markdown")
    arguments = parser.parse_args()
    quick = arguments.quick
    warnings.simplefilter("ignore")
    machine = about_the_machine()
    print(machine)
    turns = 2 if quick else 5
    positive_sequence(1752 if quick else 8760, turns)
    three_phase("opendss_european_like", "OpenDSS", 1752 if quick else 8760, turns)
    three_phase("opendss_european_like_four_wire", "OpenDSS, four-wire", 1752 if quick else 8760, turns)
    if arguments.output is not None:
        arguments.output.write_text(table(machine, "--quick" if quick else ""), encoding="utf-8")


def about_the_machine() -> str:
    """Return the processor and the versions, one line."""
    info = Path("/proc/cpuinfo")
    names = (
        [x.split(":")[1].strip() for x in info.read_text().splitlines() if "model name" in x] if info.exists() else []
    )
    found = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "lightsim2grid", "rustpower", "power-grid-model", "pandapower", "dss-python"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed: left out")
    return f"{names[0] if names else platform.processor()}; " + ", ".join(found)


def table(machine: str, option: str) -> str:
    """Return all lines as Markdown."""
    head = ["what", "engine", "rate", "ratio", "spread of the ratio over turns", "bar"]
    lines = [head, ["---"] * len(head), *(row.cells() for row in ROWS)]
    text = "\n".join(f"| {' | '.join(cell.replace('|V|', 'magnitudes') for cell in line)} |" for line in lines)
    how = f"`python benchmarks/radial.py {option}`".replace(" `", "`")
    return (
        f"# Radial grids against other engines\n\n{how} on {machine}.\n\nProcessor time of one thread, best of the "
        f"turns; two threads: wall clock. `v`: all complex voltages. A ratio is our rate over theirs, or two threads "
        f"over one; beside two threads stands what the machine gained on work that shares nothing.\n\n{text}\n"
    )


if __name__ == "__main__":
    main()
