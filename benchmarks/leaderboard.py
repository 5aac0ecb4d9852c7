"""Run every detector of months on ten seeds of each difficulty and write the table under ``reports/``.

    python benchmarks/leaderboard.py --output-dir reports
    python benchmarks/leaderboard.py --seeds 3 --difficulty realistic --detectors isolation_forest,gradient_boosting

With ``--output-dir``, writes ``leaderboard.md`` and ``leaderboard.csv`` there; the table goes to stdout in any case.
Nothing in the files depends on the clock or on the number of processes.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np

DIFFICULTIES = ("easy", "realistic", "hard")
FOREST, BOOSTING = "isolation_forest", "gradient_boosting"


@dataclass(frozen=True)
class Run:
    """One data set: what each detector and each simple feature scored on it."""

    difficulty: str
    seed: int
    detectors: dict[str, tuple[float, float]]
    simple: dict[str, float]


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure over the seeds."""

    difficulty: str
    group: str
    name: str
    roc_auc: tuple[float, ...]
    ap: tuple[float, ...]


def run_one(job: tuple[str, int, int, tuple[str, ...]]) -> Run:
    """Make one data set in memory and score every detector and simple feature on it."""
    from ghostload.config import GeneratorConfig
    from ghostload.detection import quick_scores, simple_features
    from ghostload.detection.metrics import average_precision, roc_auc
    from ghostload.pipeline import SyntheticDataPipeline

    difficulty, seed, meters, names = job
    config = GeneratorConfig(num_meters=meters, random_seed=seed, difficulty=difficulty)
    dataset = SyntheticDataPipeline(config).build()
    theft = dataset.is_theft.astype(np.float64)
    scores = quick_scores(dataset, names, seed=seed)
    return Run(
        difficulty,
        seed,
        {name: (roc_auc(theft, found), average_precision(theft, found)) for name, found in scores.items()},
        {name: roc_auc(theft, values) for name, values in simple_features(dataset).items()},
    )


def run_all(jobs: list[tuple[str, int, int, tuple[str, ...]]], processes: int) -> Iterator[Run]:
    """Run the jobs side by side, one thread each, and give the results in the order of the jobs."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for number, run in enumerate(pool.map(run_one, jobs), start=1):
            print(f"\r{number} of {len(jobs)} data sets", end="", file=sys.stderr, flush=True)
            yield run
    print(file=sys.stderr)


def rows_of(runs: Iterable[Run]) -> list[Row]:
    """Gather the runs into rows: detectors by falling mean AP, then simple features by falling mean AUC."""
    by_difficulty: dict[str, list[Run]] = {}
    for run in runs:
        by_difficulty.setdefault(run.difficulty, []).append(run)
    rows = []
    for difficulty, group in by_difficulty.items():
        found = []
        for name in group[0].detectors:
            auc, ap = zip(*(run.detectors[name] for run in group), strict=True)
            found.append(Row(difficulty, "detector", name, auc, ap))
        rows += sorted(found, key=lambda row: (-float(np.mean(row.ap)), row.name))
        simple = [
            Row(difficulty, "simple feature", name, tuple(run.simple[name] for run in group), ())
            for name in group[0].simple
        ]
        rows += sorted(simple, key=lambda row: (-float(np.mean(row.roc_auc)), row.name))
    return rows


@dataclass(frozen=True)
class Target:
    """A band that a mean over the seeds has to fall into."""

    difficulty: str
    text: str
    low: float
    high: float
    values: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether the mean over the seeds lies in the band."""
        return self.low <= float(np.mean(self.values)) <= self.high


def targets_of(rows: list[Row]) -> list[Target]:
    """Return the bands that the difficulties are meant to fall into, for what was run."""
    auc = {(row.difficulty, row.name): row.roc_auc for row in rows if row.group == "detector"}
    targets = []

    def add(difficulty: str, text: str, low: float, high: float, values: tuple[float, ...] | None) -> None:
        if values:
            targets.append(Target(difficulty, text, low, high, values))

    add("easy", f"AUC of {FOREST}", 0.90, 1.0, auc.get(("easy", FOREST)))
    add("realistic", f"AUC of {FOREST}", 0.50, 0.65, auc.get(("realistic", FOREST)))
    add("realistic", f"AUC of {BOOSTING}", 0.65, 0.80, auc.get(("realistic", BOOSTING)))
    for difficulty, low, high in (("realistic", 0.50, 0.75),):
        best = _best_unsupervised(rows, difficulty)
        if best is not None:
            add(difficulty, f"AUC of the best unsupervised detector ({best.name})", low, high, best.roc_auc)
    for row in rows:
        if row.difficulty == "realistic" and row.group == "simple feature":
            add("realistic", f"AUC of the simple feature {row.name}", 0.25, 0.75, row.roc_auc)
    for name in (FOREST, BOOSTING):
        if ("hard", name) in auc and ("realistic", name) in auc:
            high = float(np.mean(auc["realistic", name]))
            add("hard", f"AUC of {name}, below realistic", 0.0, high, auc["hard", name])
    return targets


def _best_unsupervised(rows: list[Row], difficulty: str) -> Row | None:
    from ghostload.detection import find_detector

    able = [
        row
        for row in rows
        if row.difficulty == difficulty and row.group == "detector" and not find_detector(row.name).supervised
    ]
    return max(able, key=lambda row: float(np.mean(row.roc_auc)), default=None)


def figure(values: tuple[float, ...]) -> str:
    """Mean and range, ``.612 (.58-.64)``."""
    if not values:
        return ""
    mean, low, high = (f"{value:.3f}" for value in (np.mean(values), min(values), max(values)))
    return mean if len(values) == 1 else f"{mean} ({low}–{high})"


def markdown(rows: list[Row], arguments: argparse.Namespace, command: str) -> str:
    """Return the report."""
    import scipy
    import sklearn

    import ghostload

    versions = f"ghostload {ghostload.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    parts = [
        "# Leaderboard over seeds and difficulties\n",
        f"{len(arguments.seeds)} seeds ({arguments.seeds[0]} to {arguments.seeds[-1]}), {arguments.meters:,} meters, "
        "12 months, default settings but for the difficulty. Mean and range over the seeds. Protocol and metrics: "
        "[docs/detection.md](../docs/detection.md). A random order has ROC AUC .5, and an AP equal to the share of "
        "thieves, .075.\n",
        f"Made by `{command}` with {versions}, scipy {scipy.__version__}, Python {platform.python_version()}.\n",
    ]
    targets = targets_of(rows)
    if targets:
        parts += [
            "## Targets\n",
            *_table(("difficulty", "what", "band", "measured", "mean in band"), map(_target, targets)),
        ]
    for difficulty in dict.fromkeys(row.difficulty for row in rows):
        here = [row for row in rows if row.difficulty == difficulty]
        for group, heads in (
            ("detector", ("detector", "AP", "ROC AUC")),
            ("simple feature", ("simple feature", "ROC AUC")),
        ):
            lines = [
                (row.name, *((figure(row.ap),) if group == "detector" else ()), figure(row.roc_auc))
                for row in here
                if row.group == group
            ]
            parts += [f"## {difficulty}: {group}s\n", *_table(heads, lines)]
    return "\n".join(parts)


def _target(target: Target) -> tuple[str, ...]:
    band = f"{target.low:.2f}–{target.high:.2f}"
    return target.difficulty, target.text, band, figure(target.values), "yes" if target.holds else "NO"


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> list[str]:
    body = [f"| {' | '.join(line)} |" for line in lines]
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *body, ""]


def write_csv(rows: list[Row], seeds: list[int], path: Path) -> None:
    """Write one line a difficulty, detector or feature, and seed."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("difficulty", "group", "name", "seed", "roc_auc", "ap"))
        for row in rows:
            for position, seed in enumerate(seeds):
                ap = f"{row.ap[position]:.4f}" if row.ap else ""
                writer.writerow((row.difficulty, row.group, row.name, seed, f"{row.roc_auc[position]:.4f}", ap))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_seeds, default=list(range(10)), help="a count, or first-last (default 0-9)")
    parser.add_argument("--meters", type=int, default=5000, help="meters in each data set (default 5000)")
    parser.add_argument("--difficulty", action="append", choices=DIFFICULTIES, help="may be repeated (default all)")
    parser.add_argument("--detectors", help="names, with commas (default all that need months only)")
    parser.add_argument("--processes", type=int, default=2, help="data sets at a time (default 2)")
    parser.add_argument("--output-dir", type=Path, help="where leaderboard.md and .csv go (default: print only)")
    return parser.parse_args(arguments)


def _seeds(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else list(range(int(first)))


def main(given: list[str] | None = None) -> int:
    """Run, print and write; 0 when all targets hold, 1 when not."""
    arguments = parse(given)
    from ghostload.detection import DETECTORS, find_detector

    monthly = tuple(spec.name for spec in DETECTORS if spec.needs_months_only)
    names = tuple(arguments.detectors.split(",")) if arguments.detectors else monthly
    for name in names:
        find_detector(name)
    difficulties = arguments.difficulty or DIFFICULTIES
    jobs = [(difficulty, seed, arguments.meters, names) for difficulty, seed in product(difficulties, arguments.seeds)]
    rows = rows_of(run_all(jobs, arguments.processes))
    command = " ".join(["python benchmarks/leaderboard.py", *(sys.argv[1:] if given is None else given)])
    report = markdown(rows, arguments, command)
    print(report)
    if arguments.output_dir is not None:
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        (arguments.output_dir / "leaderboard.md").write_text(report, encoding="utf-8")
        write_csv(rows, arguments.seeds, arguments.output_dir / "leaderboard.csv")
    return 0 if all(target.holds for target in targets_of(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
