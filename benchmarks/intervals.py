"""Measure readings in time against the floor, and whole runs of ``ghostload generate --interval``.

python benchmarks/intervals.py --output-dir reports           # all of it, and reports/intervals.md; some five minutes
python benchmarks/intervals.py --part floor                   # nanoseconds a reading, one feeder, one thread
python benchmarks/intervals.py --part jobs                    # the same year with one job and with two
python benchmarks/intervals.py --part runs                    # wall time and peak memory of whole runs
python benchmarks/intervals.py --part paper                   # a large utility's year, from the speed measured here
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from generated import command, machine, report, run_options, shown
from processors import free_processors

from ghostload.config import GeneratorConfig
from ghostload.export.readings import FeederFiles
from ghostload.pipeline import METERS_PER_BLOCK, build_world, simulate_block, simulate_month
from ghostload.schema_in_time import PARTITIONED
from ghostload.simulation.blocks import run_blocks
from ghostload.simulation.tables import month_tables, starts_ms, wanted_tables

UTILITY_METERS, UTILITY_STEPS, CLUSTER_CORES = 8_000_000, 365 * 96, 64


@dataclass(frozen=True)
class Took:
    """What one run of the command took.

    ``wall_s`` and ``cpu_s`` are seconds, ``peak_mb`` the largest resident memory, ``parquet`` bytes.
    """

    command: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    parquet: int
    readings: int


def prepared(physics: str) -> tuple[object, object]:
    """Return a world of one feeder with 480 meters, and the feeder."""
    config = GeneratorConfig(num_meters=480, num_months=1, interval="30min", physics=physics)
    world = build_world(config)
    world.prepare()
    found = run_blocks(world, METERS_PER_BLOCK, simulate_block, jobs=1, store=None, report=lambda *_: None)
    return world, world.feeder(0, found.kept.months)


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
    """Return how long the processors work for a call, in seconds; what others do beside it counts little."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


def against_the_floor(times: int) -> list[str]:
    """Return nanoseconds a reading of both, with and without power flow, alternating."""
    kinds = ("none", "power_flow")
    cases = {physics: prepared(physics) for physics in kinds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {physics: ours(*cases[physics], folder) for physics in kinds}
        rows = made["none"]["readings"].num_rows

        def turn(physics: str) -> tuple[float, float]:
            return (
                timed(lambda: ours(*cases[physics], folder)) / rows * 1e9,
                timed(lambda: floor(made[physics], folder, flow=physics != "none")) / rows * 1e9,
            )

        found = {physics: np.empty((times, 2)) for physics in kinds}
        for number in range(times):
            for physics in kinds:
                found[physics][number] = turn(physics)
    lines = [
        "One feeder of 480 meters, a month of half hours, one thread: demand, metering and Parquet, against numpy",
        "drawing as many float32 normals and pyarrow writing the same tables. Processor time.",
        "",
        "| | ours, ns a reading | floor, ns a reading | speed of the floor |",
        "|---|---|---|---|",
    ]
    for physics, pairs in found.items():
        a, b = np.median(pairs, axis=0)
        lines.append(
            f"| `physics: {physics}` | {a:.0f} | {b:.0f} | {100 * np.median(pairs[:, 1] / pairs[:, 0]):.0f} % |"
        )
    flow, plain = found["power_flow"], found["none"]
    added, wider = (100 * np.median((flow - plain)[:, column] / plain[:, 0]) for column in (0, 1))
    return [
        *lines,
        "",
        f"Medians of {times}, in turn. Wanted without power flow: at least 40 %. Power flow, with the voltages, the",
        f"tables of transformers and the writing of them, adds {added:.0f} %; {wider:.0f} % is what the floor takes",
        "to write them. Wanted: at most 100 %.",
    ]


def run(meters: int, months: int, interval: str | None, jobs: int, *more: str) -> Took:
    """Run the command into a folder that is thrown away."""
    given = run_options(meters, months, interval, jobs, *more)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "set"
        begin = time.perf_counter()
        process = subprocess.Popen([*command(given, folder), "-q"])
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        if status:
            raise SystemExit(f"{shown(given)} failed")
        files = [*folder.glob("readings/*/*.parquet")]
        size = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
        return Took(
            shown(given),
            wall,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            size,
            sum(_rows(file) for file in files),
        )


def _rows(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


def one_and_two_jobs(times: int) -> list[str]:
    """Return the same year with one job and with two, alternating."""
    pairs = [(run(5000, 12, "30min", 1), run(5000, 12, "30min", 2)) for _ in range(times)]
    alone, together = free_processors()
    lines = [f"`{pairs[0][0].command}` and the same with `--jobs 2`, in turn:", "", "| one job | two jobs | ratio |"]
    lines += ["|---|---|---|"]
    lines += [f"| {a.wall_s:.2f} s | {b.wall_s:.2f} s | {a.wall_s / b.wall_s:.2f} |" for a, b in pairs]
    ratio = statistics.median(a.wall_s / b.wall_s for a, b in pairs)
    return [
        *lines,
        "",
        f"Median {ratio:.2f}. Wanted: at least 1.6. The whole command is timed, with its start and the checks, which",
        f"one thread does. Two threads that share nothing are {alone / together:.2f} times as fast as one on this",
        "machine now.",
    ]


def whole_runs() -> list[str]:
    """Return a year of 5,000 meters, and a month of 100,000."""
    lines = [
        "| command | wall | processor time | peak memory | Parquet | readings | wanted |",
        "|---|---|---|---|---|---|---|",
    ]
    for meters, months, interval, wanted in (
        (5000, 12, "30min", "under 60 s and 2 GB"),
        (100_000, 1, "1h", "bounded memory"),
    ):
        took = run(meters, months, interval, 2)
        lines.append(
            f"| `{took.command}` | {took.wall_s:.1f} s | {took.cpu_s:.1f} s | {took.peak_mb:.0f} MB | "
            f"{took.parquet / 1e6:.0f} MB | {took.readings / 1e6:.1f} million | {wanted} |"
        )
    return [*lines, "", "All with voltages, transformers' energies and truth beside the readings."]


def on_paper() -> list[str]:
    """Return a large utility's year at 15 minutes, from the readings that a second and further months add."""
    short, long = run(5000, 1, "15min", 2), run(5000, 4, "15min", 2)
    more = long.readings - short.readings
    cpu_ns, size = (long.cpu_s - short.cpu_s) / more * 1e9, (long.parquet - short.parquet) / more
    total = UTILITY_METERS * UTILITY_STEPS
    hours = total * cpu_ns / 1e9 / 3600
    written_mb_s = size / (cpu_ns / CLUSTER_CORES) * 1e3
    return [
        f"`{short.command}` took {short.cpu_s:.1f} s of processor time, `--num-months 4` {long.cpu_s:.1f} s. A reading",
        f"more takes {cpu_ns:.0f} ns of one processor, its voltage, power flow and truth included, and {size:.2f}",
        "bytes.",
        "",
        "| 8 million meters x 15 min x 1 year | |",
        "|---|---|",
        f"| readings | {total / 1e9:.0f} thousand million |",
        f"| processor time | {hours:.0f} hours |",
        f"| wall time, two cores | {hours / 2:.0f} hours, if both are kept busy |",
        f"| wall time, {CLUSTER_CORES} cores of a cluster | {hours / CLUSTER_CORES:.1f} hours, if all are kept busy |",
        f"| Parquet | {total * size / 1e12:.2f} TB, {written_mb_s:.0f} MB/s to write on the cluster |",
        "",
        "Nobody has run this. The months of all meters are made by one process, and each worker draws the customers of",
        "all meters first, so these parts do not shrink with their number.",
    ]


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts: dict[str, tuple[str, Callable[[int], list[str]]]] = {
        "floor": ("Against the floor", against_the_floor),
        "jobs": ("Two jobs", lambda times: one_and_two_jobs(max(1, times // 2))),
        "runs": ("Whole runs", lambda _: whole_runs()),
        "paper": ("A large utility, on paper", lambda _: on_paper()),
    }
    parser.add_argument("--part", choices=parts, action="append", help="only this; repeatable")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--output-dir", type=Path, help="write intervals.md there, of all parts")
    options = parser.parse_args()
    if options.output_dir and options.part:
        parser.error("--output-dir is for all parts")
    run(480, 1, "30min", 1)
    head = [
        "# Readings in time: speed and memory",
        "",
        "Made by `python benchmarks/intervals.py --output-dir reports`.",
        "",
        f"{machine('numpy', 'pyarrow', 'numba')}; compiled before. Memory is the peak of resident memory.",
    ]
    file = options.output_dir / "intervals.md" if options.output_dir else None
    report("intervals", head, parts, options.part, options.times, file)


if __name__ == "__main__":
    main()
