"""Compare single solves and loops over handles with RustPower and lightsim2grid, in one run, in turn.

python benchmarks/powerflow.py                                   # about three minutes, all cases
python benchmarks/powerflow.py --cases case14 kerber_vorstadt    # some
python benchmarks/powerflow.py --output reports/powerflow.md

Every engine gets the same grid (what it reads is written from ours and solved once; voltages have to agree within
1e-6 pu, or the engine is left out with the difference), a tolerance of 1e-8 pu, and the loops that its users write, in
Python:

* first: the first solve of a grid that was just loaded; loading is a line of its own, and so is the compilation of our
  kernels, which is loaded from numba's cache before.
* again: solved again from flat voltages, nothing changed; behind transformers that shift the phase from magnitudes of 1
  and the angles of the solution, where lightsim2grid starts the first time, too.
* load: a load's active power written, solved from the last solution, a voltage read.
* branch: the reactance of a line written, solved, a voltage read. lightsim2grid takes a vector of all lines; RustPower
  cannot write one.
* toggle: a line taken out of service, solved, put back, solved; per solve. Not in radial grids.

lightsim2grid runs its grid model with the computation of flows off, which nobody reads here. Times are processor time
of the thread, alternating, the best of several turns; the range of the ratio is over the turns.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ghostload import PowerGrid  # noqa: E402
from ghostload.grid.data import GridData  # noqa: E402
from ghostload.grid.io.cases import load_case  # noqa: E402
from ghostload.grid.io.files import read_grid  # noqa: E402
from ghostload.grid.io.matpower_case import parse  # noqa: E402
from ghostload.grid.io.matpower_write import to_matpower  # noqa: E402
from ghostload.grid.io.pandapower_zip import to_csv_zip_bytes  # noqa: E402

TOL = 1e-8
AGREE = 1e-6
CASES = ("case14", "case118", "case1354pegase", "case9241pegase", "kerber_vorstadt")
TASKS = ("load case", "first", "again", "load", "branch", "toggle")
GOLDEN = ROOT / "tests" / "golden" / "grid"
FACTORS = (1.02, 0.99, 1.01, 0.98)
MEMORY_MB = 150


@dataclass
class Grid:
    """A case with what the loops touch: a load, a line, and the bus that is read."""

    name: str
    data: GridData = field(init=False)

    def __post_init__(self) -> None:
        folder = GOLDEN / f"powerflow_{self.name}"
        data = read_grid(folder / "input.zip") if folder.is_dir() else load_case(self.name)
        self.data = without_impedances(data)
        grid = PowerGrid.from_data(self.data)
        if not grid.solve():
            raise SystemExit(f"{self.name} does not converge")
        self.v = grid.v[self.data["bus"]["id"]]
        turned = bool((self.data["trafo"]["shift_degree"] != 0).any())
        self.flat = np.exp(1j * np.angle(self.v)) if turned else np.ones_like(self.v)
        load = self.data["load"]
        self.load_row = int(np.flatnonzero(load["in_service"] & (load["p_mw"] > 0))[len(load) // 3])
        self.load_bus = int(load["bus"][self.load_row])
        self.p_mw = float(load["p_mw"][self.load_row])
        self.line_row = self._line()
        self.meshed = self.line_row >= 0
        self.loops = int(np.clip(3000 // len(self.data["bus"]), 2, 60))

    def _line(self) -> int:
        """Return the first line that may go without a bus losing its voltage; -1, the last line, in a radial grid."""
        line = self.data["line"]
        for row in range(len(line)):
            twin = PowerGrid.from_data(self.data.replace("line", in_service=np.arange(len(line)) != row))
            if twin.islands and twin.solve() and np.isfinite(twin.v[self.data["bus"]["id"]]).all():
                return row
        return -1


def without_impedances(data: GridData) -> GridData:
    """Return the grid with lines in place of impedances (branches between unlike rated voltages), for RustPower."""
    t = data["impedance"]
    if not len(t):
        return data
    vn_kv = data["bus"]["vn_kv"][data["bus"].rows_of(t["from_bus"])]
    base_ohm = vn_kv**2 / t["sn_mva"]
    lines = {
        "name": t["name"], "from_bus": t["from_bus"], "to_bus": t["to_bus"], "in_service": t["in_service"],
        "length_km": np.ones(len(t)), "r_ohm_per_km": t["rft_pu"] * base_ohm, "x_ohm_per_km": t["xft_pu"] * base_ohm,
        "c_nf_per_km": (t["bf_pu"] + t["bt_pu"]) / base_ohm / (2e-9 * np.pi * data.f_hz),
    }  # fmt: skip
    return data.append("line", lines).keep("impedance", np.zeros(len(t), bool))


class Ours:
    """ghostload, by its handles."""

    name = "ghostload"

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.zip = PowerGrid.from_data(grid.data).get_parquet_case()
        self.ids = grid.data["bus"]["id"]

    def make(self) -> PowerGrid:
        """Load the grid, as its users do."""
        made = PowerGrid()
        made.load_parquet_case(self.zip)
        return made

    def first(self, made: PowerGrid) -> None:
        """Solve a grid that was just loaded."""
        if not made.solve():
            raise SystemExit(f"ghostload does not converge on {self.grid.name}")

    def take(self, made: PowerGrid) -> None:
        """Get ready for loops."""
        data, grid = self.grid.data, self.grid
        self.made = made
        self.load = made.element("load", int(data["load"]["id"][grid.load_row]))
        self.line = made.element("line", int(data["line"]["id"][grid.line_row]))
        self.bus = made.bus(grid.load_bus)
        self.x = self.line.x_ohm_per_km
        self.flat = np.full(len(made.v), complex(np.nan, np.nan))
        self.flat[self.ids] = grid.flat

    def voltages(self) -> np.ndarray:
        """Return the voltages, in the order of our buses."""
        return np.asarray(self.made.v[self.ids])

    def again(self) -> None:
        """Solve again from the same start."""
        self.made.solve(v_init=self.flat)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, bus, p_mw = self.made, self.load, self.bus, self.grid.p_mw
        for factor in FACTORS:
            load.p_mw = p_mw * factor
            made.solve()
            bus.vm_pu  # noqa: B018

    def branch_loop(self) -> None:
        """Write a reactance, solve, read."""
        for factor in FACTORS:
            self.line.x_ohm_per_km = self.x * factor
            self.made.solve()
            self.bus.vm_pu  # noqa: B018

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        for value in (False, True) * 2:
            self.line.in_service = value
            self.made.solve()
            self.bus.vm_pu  # noqa: B018


class RustPower:
    """RustPower's ``PowerGrid``, by its handles, on pandapower's tables as CSV."""

    name = "RustPower"
    branch_loop = None

    def __init__(self, grid: Grid, folder: Path) -> None:
        self.grid = grid
        self.path = folder / f"{grid.name}.zip"
        self.path.write_bytes(to_csv_zip_bytes(grid.data, for_rustpower=True))
        self.dc = bool((grid.data["trafo"]["shift_degree"] != 0).any())

    def make(self) -> Any:
        """Load the grid, as its users do."""
        from rustpower import PowerGrid as Theirs

        made = Theirs(str(self.path))
        if self.dc:
            made.enable_dcpf_init(True)
        return made

    def first(self, made: Any) -> None:
        """Solve a grid that was just loaded."""
        if not made.solve(tol=TOL):
            raise RuntimeError("does not converge")

    def take(self, made: Any) -> None:
        """Get ready for loops."""
        data, grid = self.grid.data, self.grid
        self.made = made
        buses = [made.bus(number) for number in range(made.n_bus)]
        number = {bus.pp_id: bus.id for bus in buses}
        at = [buses[number[int(bus)]].matrix_index for bus in data["bus"]["id"]]
        self.load = made.load(bus=number[grid.load_bus])
        ends = (int(data["line"][end][grid.line_row]) for end in ("from_bus", "to_bus"))
        self.line = made.line(*(number[bus] for bus in ends))
        self.bus = buses[number[grid.load_bus]]
        self.flat = np.ones_like(np.asarray(made.v))
        self.flat[at] = grid.flat

    def voltages(self) -> np.ndarray:
        """Return the magnitudes, in the order of our buses."""
        frame = self.made.res_bus
        return np.asarray(frame.set_index("pp_bus_id").vm_pu.reindex(self.grid.data["bus"]["id"]))

    def again(self) -> None:
        """Solve again from the same start."""
        self.made.solve(v_init=self.flat, tol=TOL)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, bus, p_mw = self.made, self.load, self.bus, self.grid.p_mw
        for factor in FACTORS:
            load.p_mw = p_mw * factor
            made.solve(tol=TOL)
            bus.vm_pu  # noqa: B018

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        for value in (False, True) * 2:
            self.line.in_service = value
            self.made.solve(tol=TOL)
            self.bus.vm_pu  # noqa: B018


class LightSim:
    """lightsim2grid's grid model, from the grid as a MATPOWER case."""

    name = "lightsim2grid"

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        case = parse(to_matpower(grid.data), grid.name)
        self.case = {
            "version": "2", "baseMVA": case.base_mva, "bus": case.bus, "gen": case.gen, "branch": case.branch,
        }  # fmt: skip
        self.rows = {int(number): row for row, number in enumerate(case.bus[:, 0])}
        self.flat = np.ones(len(case.bus), complex)
        self.flat[[self.rows[self._number(int(bus))] for bus in grid.data["bus"]["id"]]] = grid.flat

    def make(self) -> Any:
        """Load the grid, as its users do."""
        from lightsim2grid.network import init_from_matpower

        made = init_from_matpower(self.case)
        made.deactivate_result_computation()
        return made

    def first(self, made: Any) -> None:
        """Solve a grid that was just loaded."""
        self.v = made.ac_pf(self.flat, 20, TOL)
        if not len(self.v):
            raise RuntimeError("does not converge")

    def take(self, made: Any) -> None:
        """Get ready for loops."""
        self.made = made
        self.at = self.rows[self._number(self.grid.load_bus)]
        loads = [number for number, load in enumerate(made.get_loads()) if load.bus_id == self.at]
        self.load = loads[0]
        self.p_mw = made.get_loads()[self.load].target_p_mw
        self.line = self._line(made)
        lines = made.get_lines()
        self.r = np.array([line.r_pu for line in lines])
        self.x = np.array([line.x_pu for line in lines])
        self.h = [np.array([getattr(line, name) for line in lines]) for name in ("h1_pu", "h2_pu")]

    def _number(self, bus: int) -> int:
        """Return what a bus is called in the MATPOWER case, which numbers from 1 where ours begin at 0."""
        ids = self.grid.data["bus"]["id"]
        return bus + (1 if ids.min() == 0 else 0)

    def _line(self, made: Any) -> int:
        row, line = self.grid.line_row, self.grid.data["line"]
        ends = {self.rows[self._number(int(line[end][row]))] for end in ("from_bus", "to_bus")}
        found = [k for k, line in enumerate(made.get_lines()) if {line.bus1_id, line.bus2_id} == ends]
        return found[0]

    def voltages(self) -> np.ndarray:
        """Return the magnitudes, in the order of our buses."""
        rows = [self.rows[self._number(int(bus))] for bus in self.grid.data["bus"]["id"]]
        return np.asarray(np.abs(self.v[rows]))

    def again(self) -> None:
        """Solve again from the same start."""
        self.v = self.made.ac_pf(self.flat, 20, TOL)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, at, p_mw, v = self.made, self.load, self.at, self.p_mw, self.v
        for factor in FACTORS:
            made.change_p_load(load, p_mw * factor)
            v = made.ac_pf(v, 20, TOL)
            abs(v[at])
        self.v = v

    def branch_loop(self) -> None:
        """Write a reactance, solve, read."""
        made, v = self.made, self.v
        x = self.x.copy()
        for factor in FACTORS:
            x[self.line] = self.x[self.line] * factor
            made.update_powerlines_parameters(self.r, x, *self.h)
            v = made.ac_pf(v, 20, TOL)
            abs(v[self.at])
        self.v = v

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        made, v = self.made, self.v
        for _ in range(2):
            made.deactivate_powerline(self.line)
            v = made.ac_pf(v, 20, TOL)
            made.reactivate_powerline(self.line)
            v = made.ac_pf(v, 20, TOL)
            abs(v[self.at])
        self.v = v


def installed(package: str) -> bool:
    """Tell whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def seconds(call: Callable[[], Any], times: int = 1) -> float:
    """Return the processor time of a call, on average of several in a row."""
    begin = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - begin) / times


def engines(grid: Grid, folder: Path) -> tuple[list[Any], list[str]]:
    """Return what takes part, and why who does not."""
    makers: list[tuple[str, str, Callable[[], Any]]] = [
        ("RustPower", "rustpower", lambda: RustPower(grid, folder)),
        ("lightsim2grid", "lightsim2grid", lambda: LightSim(grid)),
    ]
    found: list[Any] = [Ours(grid)]
    left_out = []
    for name, package, make in makers:
        if not installed(package):
            left_out.append(f"{name}: not installed")
            continue
        try:
            engine = make()
            made = engine.make()
            engine.first(made)
            engine.take(made)
            gap = float(np.abs(np.abs(engine.voltages()) - np.abs(grid.v)).max())
        except BaseException as problem:  # a panic of RustPower is none of Exception
            if isinstance(problem, KeyboardInterrupt):
                raise
            left_out.append(f"{name}: {type(problem).__name__}: {str(problem).splitlines()[0][:100]}")
            continue
        if gap < AGREE:
            found.append(engine)
        else:
            left_out.append(f"{name}: voltages differ by {gap:.1e} pu")
    return found, left_out


def measure(grid: Grid, parts: list[Any], turns: int) -> dict[str, dict[str, list[float]]]:
    """Return seconds by task and engine, one a turn."""
    times: dict[str, dict[str, list[float]]] = {task: {} for task in TASKS}

    def note(task: str, engine: Any, took: float) -> None:
        times[task].setdefault(engine.name, []).append(took)

    for _ in range(max(turns // 2, 3)):
        for engine in parts:
            gc.collect()
            kept: list[Any] = []
            note("load case", engine, seconds(lambda kept=kept, engine=engine: kept.append(engine.make())))
            note("first", engine, seconds(lambda kept=kept, engine=engine: engine.first(kept[0])))
            engine.take(kept[0])
            engine.again()
    loops = {
        "again": ("again", 1),
        "load": ("load_loop", 4),
        "branch": ("branch_loop", 4),
        "toggle": ("toggle_loop", 4),
    }
    for task, (name, solves) in loops.items():
        if task == "toggle" and not grid.meshed:
            del times[task]
            continue
        runners = [engine for engine in parts if getattr(engine, name) is not None]
        for engine in runners:
            getattr(engine, name)()
        for _ in range(turns):
            for engine in runners:
                note(task, engine, seconds(getattr(engine, name), grid.loops) / solves)
    return times


def table(times: dict[str, dict[str, list[float]]], names: list[str]) -> list[str]:
    """Return the figures of a case as rows: milliseconds, best of all turns; ratios with their range over the turns."""
    rows = []
    for task, by_name in times.items():
        mine = by_name["ghostload"]
        cells = [task, f"{min(mine) * 1e3:.4g}"]
        for name in names:
            theirs = by_name.get(name)
            if theirs is None:
                cells += ["", ""]
                continue
            pairs = sorted(a / b for a, b in zip(mine, theirs, strict=True))
            ratio = min(mine) / min(theirs)
            cells += [f"{min(theirs) * 1e3:.4g}", f"{ratio:.2f} ({pairs[0]:.2f} to {pairs[-1]:.2f})"]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


_BASE = "import numpy, numba"
_SOLVE = "from ghostload import PowerGrid; assert PowerGrid.from_case('case9241pegase').solve()"
_PEAK = "print(next(x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')))"


def peak_mb(code: str) -> float:
    """Return the peak of resident memory of a Python process that runs some code.

    That of ``getrusage`` would not do: it is never below what the process that started this one had.
    """
    command = [sys.executable, "-c", f"{_BASE}\n{code}\n{_PEAK}"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(found.stdout.split()[-1]) / 1024


def memory() -> list[str]:
    """Compare a process that loads and solves case9241pegase with one that imports numpy and numba."""
    if not Path("/proc/self/status").exists():
        return ["", "Memory: not measured, for want of /proc."]
    peak_mb(_SOLVE)
    base, solved = (min(peak_mb(code) for _ in range(3)) for code in ("pass", _SOLVE))
    return [
        "",
        f"Memory: a process that imports numpy and numba peaks at {base:.0f} MB; one that then loads `case9241pegase` "
        f"by name and solves it at {solved:.0f} MB, {solved - base:.0f} MB more. Wanted: at most {MEMORY_MB} MB.",
    ]


def versions() -> str:
    """Name what runs."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
    parts = [processor, f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "lightsim2grid", "rustpower"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} not installed")
    return "; ".join(parts)


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), metavar="CASE", help="cases by name")
    parser.add_argument("--turns", type=int, default=9, metavar="N", help="turns of each loop")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="write what is printed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    out = ["# Single solves and loops over handles", "", versions() + ".", ""]
    out += [
        "Command: `python benchmarks/powerflow.py`. Milliseconds of processor time a solve, Python included, best of"
    ]
    out += ["several turns; ratio: ours over theirs, with the range over the turns. Wanted: at most 1.20.", ""]
    print("\n".join(out), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases:
            grid = Grid(name)
            parts, left_out = engines(grid, Path(folder))
            peers = [engine.name for engine in parts[1:]]
            head = ["task", "ghostload, ms", *(part for peer in peers for part in (f"{peer}, ms", "ratio"))]
            lines = [f"## {name}: {len(grid.data['bus'])} buses", ""]
            lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
            lines += table(measure(grid, parts, options.turns), peers)
            lines += ["", *(f"Left out: {why}" for why in left_out), *([""] if left_out else [])]
            print("\n".join(lines), flush=True)
            out += lines
    if not options.no_memory:
        lines = memory()
        print("\n".join(lines))
        out += lines
    if options.output:
        options.output.write_text("\n".join(out) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
