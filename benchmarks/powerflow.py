"""Compare single solves and loops over handles with RustPower and lightsim2grid, in one run, in turn.

python benchmarks/powerflow.py                                   # about three minutes, all cases
python benchmarks/powerflow.py --cases case14 kerber_vorstadt    # some
python benchmarks/powerflow.py --output reports/powerflow.md

Every engine gets the same grid (what it reads is written from ours and solved once; voltages have to agree within
1e-6 pu, or the engine is left out with the difference), a tolerance of 1e-8 pu, and the loops that its users write, in
Python:

* load case: reading the grid from memory (RustPower: from a file) until it can be solved. Ours checks it and, from the
  second grid of a process on, finds the order of elimination here and not in the first solve.
* first: the first solve of a grid that was just loaded. Our kernels were loaded from numba's cache before.
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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from powerflow_engines import ROOT, Grid, LightSim, Ours, RustPower

AGREE = 1e-6
CASES = ("case14", "case118", "case1354pegase", "case9241pegase", "kerber_vorstadt")
TASKS = ("load case", "first", "again", "load", "branch", "toggle")
MEMORY_MB = 150


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
