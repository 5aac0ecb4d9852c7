"""The engines that batches are measured against: the same grid, the same scenarios, the same tolerance, voltages out.

Peers are imported when they are installed. lightsim2grid reads the case file itself; RustPower gets the nodal
admittances of our model, since it does not read such files.
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ghostload import PowerGrid
from ghostload.grid.io.cases import case_path
from ghostload.grid.io.matpower_case import parse
from ghostload.grid.network import BRANCH_COMPONENTS, Network, build_network, ybus

TOL = 1e-8
PACKAGES = ("numpy", "numba", "lightsim2grid", "rustpower")
LIGHTSIM = {"as it comes": (0, 1, 20), "factors every other step": (1, 2, 40), "its own chord": (2, 1, 60)}
"""How lightsim2grid factors: policy, every so many steps, most steps."""


@dataclass
class Engine:
    """One side of a comparison.

    Attributes
    ----------
    solve : callable
        Solves all scenarios, from the inputs to the voltages.
    voltages : callable
        Complex voltages of the last call, (scenarios, buses), in the order of the case file; NaN: none.
    """

    name: str
    solve: Callable[[], Any]
    voltages: Callable[[], np.ndarray]
    note: str = ""


@dataclass
class Case:
    """A published case, solved: our grid, and its circuit."""

    name: str
    grid: PowerGrid = field(init=False)
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        self.grid = PowerGrid.from_case(self.name)
        if not self.grid.solve():
            raise SystemExit(f"{self.name}: does not converge")
        self.network = build_network(self.grid.data)
        self.v = self.grid.v[self.grid.data["bus"]["id"]]

    @property
    def slack_turn(self) -> complex:
        """Angle of the first reference node, by which engines may differ."""
        at = int(np.flatnonzero(self.network.node_type == 3)[0])
        bus = int(np.flatnonzero(self.network.node_of_bus == at)[0])
        return complex(self.v[bus] / abs(self.v[bus]))


@dataclass
class Series:
    """Powers of loads and generators, a row a step (MW, Mvar)."""

    load_p: np.ndarray
    load_q: np.ndarray
    gen_p: np.ndarray

    def __len__(self) -> int:
        return len(self.load_p)


def series_of(case: Case, steps: int, *, swing: float = 0.1, spread: float = 0.05) -> Series:
    """Return a series around the case: a daily shape that all loads and generators share, and each load by chance.

    Every load is its base value times ``1 + swing / 2 * (sin(2 pi k / 96) - 1)`` times ``1 + spread * N(0, 1)``, the
    last drawn for each load and step; generators follow the shape, so that the reference node does not take it all.
    """
    load, gen = case.grid.data["load"], case.grid.data["gen"]
    rng = np.random.default_rng(96)
    day = 1.0 + 0.5 * swing * (np.sin(2.0 * np.pi * np.arange(steps) / 96.0) - 1.0)
    each = day[:, None] * (1.0 + spread * rng.standard_normal((steps, len(load))))
    return Series(each * load["p_mw"], each * load["q_mvar"], day[:, None] * gen["p_mw"])


def installed(package: str) -> bool:
    """Tell whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def versions() -> list[tuple[str, str]]:
    """Return what is compared, with versions."""
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "not installed: left out"))
    return found


def processor() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())


# -- ourselves -----------------------------------------------------------------------------------------------------


def _complex(batch: Any) -> np.ndarray:
    return batch["vm_pu"] * np.exp(1j * np.deg2rad(batch["va_degree"]))


def our_series(case: Case, series: Series, n_jobs: int = 1) -> Engine:
    """Return our series: magnitudes and angles at all buses, the default outputs."""
    kept: dict[str, Any] = {}
    tables = {"p_mw": series.load_p, "q_mvar": series.load_q, "gen_p_mw": series.gen_p}

    def solve() -> None:
        kept["last"] = None
        kept["last"] = case.grid.solve_series(**tables, tol=TOL, n_jobs=n_jobs)

    return Engine("ghostload", solve, lambda: _complex(kept["last"]))


def our_outages(case: Case, elements: list[Any], n_jobs: int = 1) -> Engine:
    """Return our outages, one element at a time."""
    kept: dict[str, Any] = {}

    def solve() -> None:
        kept["last"] = None
        kept["last"] = case.grid.contingencies(1, elements, tol=TOL, n_jobs=n_jobs)

    return Engine("ghostload", solve, lambda: _complex(kept["last"]))


# -- lightsim2grid -------------------------------------------------------------------------------------------------


class Lightsim:
    """lightsim2grid's model of a case, read from the file by its own reader and solved."""

    def __init__(self, case: Case) -> None:
        from lightsim2grid.network.from_matpower import init

        raw = parse(case_path(case.name).read_text(encoding="utf-8"), case.name)
        self.case = case
        self.grid = init(
            {"version": "2", "baseMVA": raw.base_mva, "bus": raw.bus, "gen": raw.gen, "branch": raw.branch}
        )
        start = case.v / case.slack_turn
        self.buses = len(raw.bus)
        self.v = np.array(self.grid.ac_pf(start, 20, TOL))
        if not len(self.v):
            raise SystemExit(f"lightsim2grid does not converge on {case.name}")
        base = [[x.target_p_mw for x in part] for part in (self.grid.get_loads(), self.grid.get_generators())]
        if not np.allclose(base[0], case.grid.data["load"]["p_mw"]):
            raise SystemExit(f"{case.name}: lightsim2grid has other loads than we")
        self._gens = self._match(np.array(base[1]))

    def _match(self, p_mw: np.ndarray) -> np.ndarray:
        """Return our generator behind each of theirs; -1: the reference, whose power is not given."""
        gen = self.case.grid.data["gen"]
        rows = {int(bus): k for k, bus in enumerate(np.searchsorted(self.case.grid.data["bus"]["id"], gen["bus"]))}
        out = np.array([rows.get(int(x.bus_id), -1) for x in self.grid.get_generators()])
        if len(rows) < len(gen) or not np.allclose(p_mw[out >= 0], gen["p_mw"][out[out >= 0]]):
            raise SystemExit(f"{self.case.name}: lightsim2grid has other generators than we")
        return out

    def _set(self, computer: Any, setting: str) -> int:
        policy, every, steps = LIGHTSIM[setting]
        config = computer.get_algo_config()
        numbers = list(config.int_params)
        numbers[1], numbers[3] = policy, every
        config.int_params = numbers
        computer.set_algo_config(config)
        return steps

    def _turned(self, v: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """Return a copy with our angle of reference; the original is theirs and is used again."""
        out = v[:, : self.buses] * self.case.slack_turn
        out[out == 0.0] = complex(np.nan, np.nan)
        out[lost] = complex(np.nan, np.nan)
        return out

    def series(self, series: Series, setting: str) -> Engine:
        """Return its time series, each step from the one before."""
        from lightsim2grid.lightsim2grid_cpp import TimeSeriesCPP

        base = np.array([x.target_p_mw for x in self.grid.get_generators()])
        gen_p = np.where(self._gens >= 0, series.gen_p[:, self._gens], base)
        none = np.zeros((len(series), len(self.grid.get_static_generators())))
        kept: dict[str, Any] = {}

        computer = TimeSeriesCPP(self.grid)
        steps = self._set(computer, setting)

        def solve() -> None:
            computer.compute_Vs(gen_p, none, series.load_p, series.load_q, self.v.copy(), steps, TOL)
            kept["v"] = computer.get_voltages()

        def voltages() -> np.ndarray:
            return self._turned(kept["v"], ~np.array(computer.converged_mask(), bool))

        return Engine(f"lightsim2grid TimeSeries, {setting}", solve, voltages)

    def outages(self, branches: np.ndarray, setting: str, *, split: bool) -> Engine:
        """Return its analysis of outages, one branch (its number, ascending: lines, then transformers) at a time.

        ``split``: also solve what is left where an outage splits something off, which it skips unless it is told.
        """
        from lightsim2grid.lightsim2grid_cpp import ContingencyAnalysisCPP

        kept: dict[str, Any] = {}
        numbers = [int(branch) for branch in branches]

        computer = ContingencyAnalysisCPP(self.grid)
        steps = self._set(computer, setting)
        computer.handle_disconnected_grid = split
        computer.add_multiple_n1(numbers)

        def solve() -> None:
            computer.compute(self.v.copy(), steps, TOL)
            kept["v"] = computer.get_voltages()

        def voltages() -> np.ndarray:
            return self._turned(kept["v"], ~np.array(computer.converged_mask(), bool))

        return Engine(f"lightsim2grid ContingencyAnalysis, {setting}", solve, voltages)

    def branches(self) -> list[tuple[str, int]]:
        """Return our element behind each branch of theirs (lines, then transformers), by its ends and admittance."""
        network, data = self.case.network, self.case.grid.data
        mine: dict[Any, list[int]] = {}
        for branch in range(network.m):
            key = _key(network.branch_from[branch], network.branch_to[branch], network.yft[branch])
            mine.setdefault(key, []).append(branch)
        found = []
        for number, x in enumerate([*self.grid.get_lines(), *self.grid.get_trafos()]):
            ends = network.node_of_bus[[x.bus1_id, x.bus2_id]]
            alike = mine.get(_key(ends[0], ends[1], complex(x.yac_12)))
            if not alike:
                raise SystemExit(f"{self.case.name}: branch {number} of lightsim2grid is none of ours")
            branch = alike.pop(0)
            component = BRANCH_COMPONENTS[network.branch_component[branch]]
            found.append((component, int(data[component]["id"][network.branch_row[branch]])))
        return found


def _key(a: int, b: int, admittance: complex) -> tuple[int, int, str]:
    return (int(min(a, b)), int(max(a, b)), f"{abs(admittance):.7e}")


# -- RustPower -----------------------------------------------------------------------------------------------------


def rustpower_series(case: Case, series: Series) -> Engine:
    """Return RustPower's loop over nodal injections, each step from the one before: its fastest way.

    Injections are laid out beforehand and not timed; each step is written, solved, and its voltages are copied out.
    """
    from rustpower import NewtonSolver

    network, data = case.network, case.grid.data
    y = ybus(network)
    s = np.tile(network.s_bus, (len(series), 1))
    changes = (
        (-1.0, "load", series.load_p - data["load"]["p_mw"] + 1j * (series.load_q - data["load"]["q_mvar"])),
        (1.0, "gen", (series.gen_p - data["gen"]["p_mw"]).astype(np.complex128)),
    )
    for sign, component, change in changes:
        node, scale = getattr(network, f"{component}_node"), getattr(network, f"{component}_scale")
        for element in np.flatnonzero(node >= 0):
            s[:, node[element]] += sign * scale[element] / network.sn_mva * change[:, element]
    nodes = [np.flatnonzero(network.node_type == kind) for kind in (1, 2, 3)]
    start = np.empty(network.n, np.complex128)
    start[network.node_of_bus] = case.v
    solver = NewtonSolver()
    indptr, indices = y.indptr.astype(np.int64), y.indices.astype(np.int64)
    solver.setup_from_nodes(indptr, indices, y.data, s[0], start, *nodes)
    out = np.empty((len(series), network.n), np.complex128)

    def solve() -> None:
        solver.set_v_init(start)
        for k in range(len(s)):
            solver.set_s_bus(s[k])
            if not solver.solve(max_iter=20, tol=TOL):
                raise SystemExit(f"RustPower does not converge on {case.name} at step {k}")
            solver.extract_results(v=out[k])
            solver.set_v_init(out[k])

    return Engine("RustPower, loop over injections", solve, lambda: out[:, network.node_of_bus])
