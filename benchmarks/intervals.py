"""Measure readings in time against the floor, and whole runs of ``ghostload generate --interval``.

python benchmarks/intervals.py                  # nanoseconds a reading, one feeder, one thread
python benchmarks/intervals.py --jobs           # the same months with one job and with two
python benchmarks/intervals.py --months 12      # 5,000 meters x 30 min, wall time and peak memory with two jobs
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ghostload.config import GeneratorConfig
from ghostload.export.readings import FeederFiles
from ghostload.pipeline import METERS_PER_BLOCK, build_world, simulate_block, simulate_month
from ghostload.schema_in_time import PARTITIONED
from ghostload.simulation.blocks import run_blocks
from ghostload.simulation.tables import month_tables, starts_ms, wanted_tables

RUN = "import sys; sys.argv[0] = 'ghostload'; from ghostload_cli.main import main; main()"


def prepared(physics: str) -> tuple[object, object]:
    """Return a world of one feeder with 480 meters, and the feeder."""
    config = GeneratorConfig(num_meters=480, num_months=1, interval="30min", physics=physics)
    world = build_world(config)
    world.prepare()
    found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)
    return world, world.feeder(0, found.months)


def ours(world: object, feeder: object, folder: Path) -> dict[str, object]:
    """Make and write one month of a feeder; return its tables."""
    flow = world.flow
    tables = [PARTITIONED[name] for name in wanted_tables(flow=flow)]
    with FeederFiles(folder, "FD_01", tables, 480, flow=flow) as files:
        month = simulate_month(world, feeder, 0)
        made = month_tables(feeder, month, starts_ms(int(world.numbers[0]), 30, 480), files.schemas)
        for name, table in made.items():
            files.write(name, table)
    return made


def floor(made: dict[str, object], folder: Path, *, flow: bool) -> None:
    """Draw as many normals as there are readings, and write the same tables."""
    rng = np.random.default_rng(1)
    tables = [PARTITIONED[name] for name in made]
    rng.standard_normal(made["readings"].num_rows, dtype=np.float32)
    with FeederFiles(folder, "FD_01", tables, 480, flow=flow) as files:
        for name, table in made.items():
            files.write(name, table)


def timed(function: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def against_the_floor(times: int) -> None:
    """Print nanoseconds a reading of both, with and without power flow, alternating."""
    print("| | ours, ns a reading | floor, ns a reading | speed of the floor |\n|---|---|---|---|")
    for physics in ("none", "power_flow"):
        print(_row(physics, times))


def _row(physics: str, times: int) -> str:
    world, feeder = prepared(physics)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = ours(world, feeder, folder)
        rows = made["readings"].num_rows
        pairs = [
            (
                timed(lambda: ours(world, feeder, folder)),
                timed(lambda: floor(made, folder, flow=physics != "none")),
            )
            for _ in range(times)
        ]
    a, b = (statistics.median(column) / rows * 1e9 for column in zip(*pairs, strict=True))
    ratio = statistics.median(y / x for x, y in pairs)
    return f"| physics: {physics} | {a:.0f} | {b:.0f} | {100 * ratio:.0f} % |"


def run(folder: Path, meters: int, months: int, jobs: int, interval: str, *more: str) -> tuple[float, float]:
    """Run the command; return seconds and the peak memory in MB."""
    size = ["--num-meters", str(meters), "--num-months", str(months), "--interval", interval, "--jobs", str(jobs)]
    command = [sys.executable, "-c", RUN, "generate", *size, "--output-dir", str(folder), "-q", "--force", *more]
    begin = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--jobs", action="store_true")
    parser.add_argument("--months", type=int)
    parser.add_argument("--meters", type=int, default=5000)
    parser.add_argument("--interval", default="30min")
    parser.add_argument("--engine", default="threads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "set"
        if options.months:
            took, peak = run(folder, options.meters, options.months, 2, options.interval, "--engine", options.engine)
            size = sum(file.stat().st_size for file in folder.rglob("*.parquet")) / 1e6
            print(
                f"{options.meters:,} meters x {options.interval} x {options.months} months, {options.engine}, 2 jobs: "
                f"{took:.1f} s, {peak:.0f} MB, {size:.0f} MB of Parquet"
            )
        elif options.jobs:
            run(folder, 480, 1, 1, "30min")
            pairs = [(run(folder, 5000, 1, 1, "30min")[0], run(folder, 5000, 1, 2, "30min")[0]) for _ in range(3)]
            for one, two in pairs:
                print(f"one job {one:.2f} s, two jobs {two:.2f} s: {one / two:.2f} x")
        else:
            against_the_floor(options.times)


if __name__ == "__main__":
    main()
