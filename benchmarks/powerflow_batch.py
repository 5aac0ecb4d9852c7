"""Measure batches of power flows against the engines that are installed, in one run, in turn.

python benchmarks/powerflow_batch.py                              # about five minutes
python benchmarks/powerflow_batch.py --cases case118 --turns 3
python benchmarks/powerflow_batch.py --output table.md            # the table as Markdown, besides printing it

Load series and all single outages, voltages of all buses as output, through the public interface of each engine. Peers
that are not installed are named and left out: lightsim2grid, RustPower. Every engine gets the same powers and a
tolerance of 1e-8 per unit, and has its grid loaded and solved beforehand; what it gives is compared with ours before a
ratio is printed. Times are processor seconds of one thread; two threads are wall clock.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.powerflow_peers import (  # noqa: E402
    LIGHTSIM,
    TOL,
    Case,
    Engine,
    Lightsim,
    installed,
    our_outages,
    our_series,
    processor,
    rustpower_series,
    series_of,
    versions,
)
from benchmarks.processors import free_processors  # noqa: E402

CASES = ("case118", "case1354pegase", "case9241pegase")
BARS = {"series, lightsim2grid": 8.0, "series, RustPower": 6.0, "outages, lightsim2grid": 6.0, "threads": 1.7}
SAME_PU = 1e-6
LEAST_S = 0.1
STEP_BUSES = 1_500_000
"""A series has so many steps that steps times buses comes to this, but no more than 96 days of quarter hours."""
OUTAGE_BUSES = 5_000_000
"""Of a large case, outages drawn by chance until outages times buses comes to this."""


@dataclass(frozen=True)
class Row:
    """One line of the table; rates are scenarios a processor second, in the median of the turns."""

    case: str
    task: str
    peer: str
    mine: float
    theirs: float
    ratios: tuple[float, ...]
    bar: float
    gap_pu: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """Median over the turns."""
        return statistics.median(self.ratios)


def seconds(engine: Engine, clock: Callable[[], float]) -> float:
    """Return the time of a call: of one, or the mean of so many that they take :data:`LEAST_S`."""
    begin, calls = clock(), 0
    while (took := clock() - begin) < LEAST_S:
        engine.solve()
        calls += 1
    return took / calls


def compare(case: str, task: str, us: Engine, peers: list[Engine], count: int, turns: int) -> Iterator[Row]:
    """Run ours and a peer in turn, so that what else the machine does falls on both."""
    us.solve()
    ours = us.voltages()
    for peer in peers:
        peer.solve()
        theirs = peer.voltages()
        both = ~np.isnan(ours) & ~np.isnan(theirs)
        gap = float(np.max(np.abs(theirs - ours), where=both, initial=0.0))
        if gap > SAME_PU:
            raise SystemExit(f"{case}, {task}: {peer.name} differs from ours by {gap:.1e} pu")
        lost = int(np.isnan(theirs).all(axis=1).sum()) - int(np.isnan(ours).all(axis=1).sum())
        note = f"leaves {lost} of {count} unsolved that we solve" if lost > 0 else ""
        pairs = [(seconds(us, time.process_time), seconds(peer, time.process_time)) for _ in range(turns)]
        mine, other = (count / statistics.median(side) for side in zip(*pairs, strict=True))
        kind = "series" if task.startswith("series") else "outages"
        bar = BARS[f"{kind}, {peer.name.split()[0].rstrip(',')}"]
        yield Row(case, task, peer.name, mine, other, tuple(b / a for a, b in pairs), bar, gap, note)


def series_rows(case: Case, lightsim: Lightsim | None, turns: int) -> Iterator[Row]:
    """Load series."""
    steps = min(9216, max(96, STEP_BUSES // case.network.n // 96 * 96))
    series = series_of(case, steps)
    us = our_series(case, series)
    peers = [lightsim.series(series, setting) for setting in LIGHTSIM] if lightsim else []
    if installed("rustpower"):
        peers.append(rustpower_series(case, series))
    yield from compare(case.name, f"series, {steps} steps", us, peers, steps, turns)


def outage_rows(case: Case, lightsim: Lightsim, turns: int) -> Iterator[Row]:
    """All single outages of lines and transformers, then those among them that split nothing off."""
    branches = lightsim.branches()
    most = OUTAGE_BUSES // case.network.n
    chosen = np.arange(len(branches))
    if most < len(branches):
        chosen = np.sort(np.random.default_rng(1).choice(len(branches), most, replace=False))
    us = our_outages(case, [branches[k] for k in chosen])
    us.solve()
    whole = chosen[~np.isnan(us.voltages()).any(axis=1)]
    for task, some in (("outages", chosen), ("outages that split nothing off", whole)):
        engine = our_outages(case, [branches[k] for k in some])
        peers = [lightsim.outages(some, setting, split=len(some) > len(whole)) for setting in LIGHTSIM]
        yield from compare(case.name, f"{task}, {len(some)} of {len(branches)}", engine, peers, len(some), turns)


def thread_row(case: Case, turns: int) -> Row:
    """Two threads against one, by the wall clock; the note says what two threads gain on work that shares nothing."""
    steps = min(18432, max(192, 4 * STEP_BUSES // case.network.n // 96 * 96))
    series = series_of(case, steps)
    one, two = our_series(case, series, 1), our_series(case, series, 2)
    one.solve()
    two.solve()
    if not np.array_equal(one.voltages(), two.voltages()):
        raise SystemExit(f"{case.name}: two threads give other results than one")
    took = [
        (seconds(one, time.perf_counter), seconds(two, time.perf_counter), *free_processors())
        for _ in range(3 + 2 * turns)
    ]
    a, b, alone, together = (min(side) for side in zip(*took, strict=True))
    ratios = tuple(row[0] / row[1] for row in took)
    note = f"best of each {a / b:.2f}; the machine gave {alone / together:.2f}"
    return Row(case.name, f"two threads, {steps} steps", "ghostload, one thread", steps / b, steps / a, ratios,
               BARS["threads"], 0.0, note)  # fmt: skip


def markdown(rows: list[Row], turns: int) -> str:
    """Return the table with what it was measured on."""
    lines = [
        "# Batches of power flows against other engines",
        "",
        f"`python benchmarks/powerflow_batch.py`, {processor()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {number}" for name, number in versions())
        + ".",
        "",
        f"Tolerance {TOL:g} per unit in all. Scenarios a processor second of one thread (two threads: of wall clock), "
        f"median of {turns} turns in which ours and the peer run one after the other; in brackets the smallest and "
        "largest ratio of a turn. All give the complex voltages of all buses; gap: largest difference between ours "
        "and theirs. The series: every load at its base value times a daily shape between 0.9 and 1 that generators "
        "share, times 1 + 5 % N(0, 1), drawn for each load and step.",
        "",
        "| case | task | peer | ours, 1/s | peer, 1/s | ratio | bar | gap, pu | |",
        "|---|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for r in rows:
        spread = f"{r.ratio:.1f} ({min(r.ratios):.1f}-{max(r.ratios):.1f})"
        if r.bar == BARS["threads"]:
            spread = f"{r.ratio:.2f} ({min(r.ratios):.2f}-{max(r.ratios):.2f})"
        lines.append(
            f"| {r.case} | {r.task} | {r.peer} | {r.mine:,.0f} | {r.theirs:,.0f} | {spread} | {r.bar:g} | "
            f"{r.gap_pu:.0e} | {r.note} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="NAME", help="published cases (%(default)s)")
    parser.add_argument("--turns", type=int, default=5, help="times that each pair is run (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="write the table there, too")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for package, number in versions():
        print(f"  {package} {number}")
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        print(
            f"{row.case:16s} {row.task:44s} {row.peer:56s} {row.mine:10.0f}/s {row.theirs:10.0f}/s  ratio "
            f"{row.ratio:5.2f} ({min(row.ratios):.2f}-{max(row.ratios):.2f}), bar {row.bar:g}  {row.note}",
            flush=True,
        )

    for name in given.cases:
        case = Case(name)
        lightsim = Lightsim(case) if installed("lightsim2grid") else None
        for row in series_rows(case, lightsim, given.turns):
            add(row)
        if lightsim is not None:
            for row in outage_rows(case, lightsim, given.turns):
                add(row)
        add(thread_row(case, given.turns))
    if given.output is not None:
        given.output.write_text(markdown(rows, given.turns), encoding="utf-8")


if __name__ == "__main__":
    main()
