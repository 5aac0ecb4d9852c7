"""Measure time and memory of ``ghostload generate`` against the floor, and write ``reports/performance.md``.

python benchmarks/speed.py            # about five minutes
python benchmarks/speed.py --quick    # the whole command at 5,000 meters only
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from generated import machine

FLOOR = [sys.executable, "-c", "import numpy, pandas, scipy, pyarrow"]
LIBRARIES = ("numpy", "numba", "pandas", "pyarrow", "shapely")
GHOSTLOAD = [str(Path(sys.executable).with_name("ghostload"))]


@dataclass(frozen=True)
class Run:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    said: str


def run(command: list[str], **environment: str) -> Run:
    """Run a command to its end; refuse one that fails."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | environment
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    message = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    said = message.decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def generate(folder: Path, meters: int, months: int, *more: str) -> list[str]:
    """Return the command that makes a data set."""
    options = ["--num-meters", str(meters), "--num-months", str(months), "--output-dir", str(folder / f"m{meters}")]
    return [*GHOSTLOAD, "generate", *options, "--force", *more]


def alternate(times: int, *commands: list[str]) -> list[list[Run]]:
    """Run commands in turn, so that both meet the same state of the machine; one warm-up each."""
    for command in commands:
        run(command)
    turns = [[run(command) for command in commands] for _ in range(times)]
    return [list(column) for column in zip(*turns, strict=True)]


def median(runs: list[Run], of: Callable[[Run], float]) -> float:
    """Return the median of one figure."""
    return statistics.median(of(item) for item in runs)


def whole_command(folder: Path, times: int) -> list[str]:
    """Compare the whole command at 5,000 meters, once compiled, with importing its libraries."""
    floor, ours = alternate(times, FLOOR, generate(folder, 5000, 12))
    a, b = median(floor, lambda r: r.wall_s), median(ours, lambda r: r.wall_s)
    pairs = sorted(y.wall_s / x.wall_s for x, y in zip(floor, ours, strict=True))
    return [
        "| | median wall time | ratio |",
        "|---|---|---|",
        f'| `python -c "{FLOOR[2]}"` | {a:.3f} s | 1 |',
        f"| `ghostload generate --num-meters 5000` | {b:.3f} s | {b / a:.2f} ({pairs[0]:.2f} to {pairs[-1]:.2f}) |",
        "",
        "Months, with the power flow of representative days, once its kernels are compiled. "
        f"Median of {times}, alternating; the range is over the pairs. Wanted: at most 3.",
    ]


def first_run(folder: Path, times: int = 3) -> list[str]:
    """Measure runs that find no compiled kernel."""
    lines = ["| command | wall time of each run | announced |", "|---|---|---|"]
    for months, more in ((12, []), (1, ["--interval", "30min"])):
        took = []
        for number in range(times):
            with tempfile.TemporaryDirectory(dir=folder) as cache:
                took.append(run(generate(folder / f"first{number}", 5000, months, *more), NUMBA_CACHE_DIR=cache))
        told = all("compiling the kernels" in one.said for one in took)
        shown = " ".join(["ghostload generate --num-meters 5000", *(["--num-months 1", *more] if more else [])])
        walls = ", ".join(f"{one.wall_s:.1f} s" for one in took)
        lines.append(f"| `{shown}` | {walls} | {'yes' if told else 'no'} |")
    return [*lines, "", "With an empty cache of kernels, compilation included. Wanted: under 15 s, and announced."]


PHYSICS = ((20_000, 12), (50_000, 12), (100_000, 12), (200_000, 12))
MONTHS = ((100_000, 12), (250_000, 24), (500_000, 24), (1_000_000, 24))
"""Meters and months, with the power flow of representative days and without."""


def growth(folder: Path) -> list[str]:
    """Measure CPU time and memory as the number of meters grows."""
    lines = []
    for title, sizes, more in (
        ("With the power flow", PHYSICS, []),
        ("Without (`physics: none`)", MONTHS, ["--set", "physics=none"]),
    ):
        start = run(generate(folder, 40, 12, *more))
        lines += [
            f"{title}; start-up (40 meters): {start.cpu_s:.2f} s of CPU, {start.peak_mb:.0f} MB.",
            "",
            "| meters x months | CPU beyond start-up | CPU per million readings | wall | peak memory |",
            "|---|---|---|---|---|",
        ]
        for meters, months in sizes:
            took = run(generate(folder, meters, months, *more))
            cpu = took.cpu_s - start.cpu_s
            each = cpu / (meters * months / 1e6)
            size = f"{meters:,} x {months}"
            lines.append(f"| {size} | {cpu:.2f} s | {each:.2f} s | {took.wall_s:.1f} s | {took.peak_mb:.0f} MB |")
        lines.append("")
    lines += [
        "Wanted without the power flow: 100,000 x 12 within 3 s of CPU and 600 MB; 1,000,000 x 24 within 2 GB, in "
        "linear time."
    ]
    return lines


def help_imports() -> list[str]:
    """List which of the heavy libraries ``ghostload --help`` loads."""
    code = (
        "import sys; from ghostload_cli.main import root; root.main(['--help'], standalone_mode=False);"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'sklearn', 'pyarrow', 'shapely', 'bokeh') if m in sys.modules],"
        " file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    bare, ours = alternate(7, [sys.executable, "-c", "pass"], [*GHOSTLOAD, "--help"])
    a, b = median(bare, lambda r: r.wall_s), median(ours, lambda r: r.wall_s)
    return [
        f"`ghostload --help` takes {b:.3f} s, a bare Python {a:.3f} s. Of numpy, pandas, scipy, sklearn, pyarrow, "
        f"shapely and bokeh it loads: {shown.stderr.strip()}."
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--times", type=int, default=11)
    parser.add_argument("--output", type=Path, default=Path("reports/performance.md"))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["# Performance", "", "Made by `python benchmarks/speed.py`.", "", f"{machine(*LIBRARIES)}.", ""]
        lines += ["## The whole command", "", *whole_command(folder, options.times), ""]
        if options.quick:
            print("\n".join(lines))
            return
        lines += ["## The first run", "", *first_run(folder), ""]
        lines += ["## Growth", "", *growth(folder), "", "## Help", "", *help_imports(), ""]
    text = "\n".join(lines)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
