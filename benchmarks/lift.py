"""What months, transformers' meters, intervals and voltages each add to the finding of theft; the table of reports/.

    python benchmarks/lift.py --output-dir reports
    python benchmarks/lift.py --seeds 1 --meters 1000 --months 6 --scenario realistic

Every data set is made as `ghostload generate --interval` makes it, and scored as `ghostload benchmark` does. With
``--output-dir``, writes ``lift.md`` and ``lift.csv`` there; the report goes to stdout in any case.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

STEPS = {
    "months": ("gradient_boosting", "isolation_forest", "rule_drop"),
    "+ balance of months": ("gradient_boosting_balance", "rule_balance"),
    "intervals": ("gradient_boosting_intervals", "isolation_forest_intervals"),
    "+ balance of intervals": ("gradient_boosting_interval_balance", "rule_residual"),
    "+ voltage": ("gradient_boosting_voltage", "rule_voltage"),
}
"""Detectors by what they may see."""

EXACT = "exact balance of months"
WRONG = "voltage, wires' model off by {:.0%}"
WRONG_BY = (0.1, 0.3)
BUDGETS = (0.01, 0.02, 0.05)
SCENARIOS = ("easy", "realistic", "hard", "all kinds, realistic")


@dataclass(frozen=True)
class Figure:
    """What one detector reached on one data set, for all thieves ("") or those of one kind."""

    scenario: str
    seed: int
    step: str
    detector: str
    kind: str
    count: int
    ap: float
    roc_auc: float
    recall: tuple[float, ...]


@dataclass(frozen=True)
class Job:
    """One data set."""

    scenario: str
    seed: int
    meters: int
    months: int
    interval: str


def make(job: Job) -> Any:
    """Make the data set of a job in memory."""
    from ghostload.config import AnomalyConfig, GeneratorConfig
    from ghostload.pipeline import SyntheticDataPipeline

    every = job.scenario.startswith("all kinds")
    anomalies = AnomalyConfig(mix=_every_kind()) if every else AnomalyConfig()
    config = GeneratorConfig(
        num_meters=job.meters,
        num_months=job.months,
        random_seed=job.seed,
        difficulty="realistic" if every else job.scenario,
        interval=job.interval,
        anomaly_rate=0.10 if every else GeneratorConfig().anomaly_rate,
        anomalies=anomalies,
    )
    return SyntheticDataPipeline(config).build()


def _every_kind() -> dict[str, float]:
    from ghostload.anomalies.base import Family
    from ghostload.anomalies.registry import KINDS

    names = [kind.name for kind in KINDS if kind.family is Family.THEFT]
    return {name: 1.0 / len(names) for name in names[:-1]} | {names[-1]: 1.0 - (len(names) - 1) / len(names)}


def run_one(job: Job) -> list[Figure]:
    """Make one data set and score every detector on it; and again with an exact balance, and with wrong wires."""
    from ghostload.detection import find_detector, score_detector, truth_of

    dataset = make(job)
    truth = truth_of(dataset)
    cache: dict[str, Any] = {}
    found: list[Figure] = []
    for step, names in STEPS.items():
        for name in names:
            scores = score_detector(find_detector(name), dataset, seed=job.seed, cache=cache)
            found += figures(job, step, name, scores, truth)
    if job.scenario == "realistic":
        exact, name = with_exact_balance(dataset), "gradient_boosting_balance"
        known = {part: table for part, table in cache.items() if part != "balance"}
        scores = score_detector(find_detector(name), exact, seed=job.seed, cache=known)
        found += figures(job, EXACT, name, scores, truth)
    for share in WRONG_BY if job.scenario == "realistic" else ():
        wrong = with_wrong_wires(dataset, share, job.seed)
        known = {name: table for name, table in cache.items() if name != "voltage"}
        for name in STEPS["+ voltage"]:
            scores = score_detector(find_detector(name), wrong, seed=job.seed, cache=known)
            found += figures(job, WRONG.format(share), name, scores, truth)
    return found


def with_exact_balance(dataset: Any) -> Any:
    """Return the data set with the true unregistered energy in the place of what the transformers' meters show.

    No utility has that: it is the bound of what any balance of months can buy.
    """
    import pyarrow as pa

    true = dataset.tables["transformer_energy"]
    kwh = np.asarray(true["registered_kwh"]) + np.asarray(true["non_technical_loss_kwh"])
    readings = true.select(["transformer_id", "month"]).append_column("registered_kwh", pa.array(kwh))
    return replace(dataset, tables={**dataset.tables, "transformer_readings": readings})


def with_wrong_wires(dataset: Any, share: float, seed: int) -> Any:
    """Return the data set with impedances that are off by log-normal factors, meter by meter."""
    from ghostload.detection.seen import SeenDataset, seen_of

    rng = np.random.Generator(np.random.SFC64(seed))
    feeders = []
    for feeder in seen_of(dataset).feeders():
        networks = []
        for network in feeder.network or ():
            factor = np.exp(share * rng.standard_normal(len(network.meters)))
            both = np.sqrt(factor[:, None] * factor)
            networks.append(replace(network, r_ohm=network.r_ohm * both, x_ohm=network.x_ohm * both))
        feeders.append(replace(feeder, network=tuple(networks)))
    return SeenDataset(dataset.tables, config=dataset.config, seen=tuple(feeders))


def figures(job: Job, step: str, name: str, scores: Any, truth: Any) -> Iterator[Figure]:
    """Measure one ranking: all thieves, and each kind against the honest meters."""
    from ghostload.detection import average_precision, roc_auc, share_found

    theft = truth.is_theft.astype(np.float64)
    for kind, mask in (("", truth.is_theft), *truth.kinds.items()):
        among = mask | ~truth.is_theft
        one = mask.astype(np.float64)
        budgets = [max(1, round(share * len(theft))) for share in BUDGETS]
        yield Figure(
            job.scenario,
            job.seed,
            step,
            name,
            kind,
            int(mask.sum()),
            average_precision(one[among], scores[among]),
            roc_auc(one[among], scores[among]),
            tuple(share_found(one, scores, k) for k in budgets),
        )


def run_all(jobs: list[Job], processes: int) -> Iterator[Figure]:
    """Run the jobs side by side, one thread each, and give their figures in the order of the jobs."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(run_one, jobs), start=1):
            print(f"\r{number} of {len(jobs)} data sets", end="", file=sys.stderr, flush=True)
            yield from found
    print(file=sys.stderr)


def mean_range(values: list[float]) -> str:
    """Mean and range, ``.612 (.58-.64)``."""
    mean, low, high = float(np.mean(values)), min(values), max(values)
    return f"{mean:.3f}" if len(values) == 1 else f"{mean:.3f} ({low:.2f}–{high:.2f})"


def overall(found: list[Figure], scenario: str) -> list[str]:
    """Return the lines of a scenario's table, all kinds together."""
    lines = []
    for step, name in dict.fromkeys((f.step, f.detector) for f in found if f.scenario == scenario):
        here = [f for f in found if (f.scenario, f.step, f.detector, f.kind) == (scenario, step, name, "")]
        recall = [f"{np.mean([f.recall[at] for f in here]):.0%}" for at in range(len(BUDGETS))]
        ap, auc = mean_range([f.ap for f in here]), mean_range([f.roc_auc for f in here])
        lines.append(f"| {step} | `{name}` | {ap} | {auc} | {' | '.join(recall)} |")
    return lines


def by_kind(found: list[Figure], scenario: str, value: str, choose: int) -> list[str]:
    """Return the lines of a table kind by step: the detector at ``choose`` of each step, averaged over thieves."""
    lines = []
    for kind in sorted({f.kind for f in found if f.scenario == scenario and f.kind}):
        cells, count = [], 0
        for step, names in STEPS.items():
            here = [
                f
                for f in found
                if (f.scenario, f.step, f.detector, f.kind) == (scenario, step, names[choose], kind) and f.count
            ]
            count = sum(f.count for f in here)
            mean = sum(f.count * getattr(f, value) for f in here) / count
            cells.append(f"{mean:.2f}")
        lines.append(f"| {kind} | {count} | {' | '.join(cells)} |")
    return lines


def markdown(found: list[Figure], arguments: argparse.Namespace, command: str, seconds: float) -> str:
    """Return the report."""
    import sklearn

    import ghostload

    versions = f"ghostload {ghostload.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    scenarios = list(dict.fromkeys(f.scenario for f in found))
    parts = [
        "# What transformers' meters, intervals and voltages add\n",
        f"{len(arguments.seeds)} seeds from {arguments.seeds[0]}, {arguments.meters:,} meters, {arguments.months} "
        f"months, interval {arguments.interval}. Mean and range over seeds. Protocol: "
        "[docs/detection.md](../docs/detection.md); supervised detectors are scored on transformers whose labels they "
        "have not seen. AP of a random order is the share of thieves: .075, and .10 with all kinds.\n",
        f"Made by `{command}` with {versions}, Python {platform.python_version()}, in {seconds / 60:.0f} minutes with "
        f"{arguments.processes} processes.\n",
        *_lift(found, scenarios),
    ]
    heads = "| may see | detector | AP | ROC AUC | " + " | ".join(f"found at {b:.0%}" for b in BUDGETS) + " |"
    for scenario in scenarios:
        parts += [f"## {scenario}\n", heads, "|---" * (4 + len(BUDGETS)) + "|", *overall(found, scenario), ""]
    titles = "| kind | thieves | " + " | ".join(STEPS) + " |"
    for scenario in scenarios:
        for choose, who in ((0, "supervised"), (-1, "unsupervised")):
            for value, what in (("roc_auc", "ROC AUC"), ("ap", "AP")):
                parts.append(f"## {scenario}: {what} of each kind against honest meters, {who}\n")
                parts += [titles, "|---" * (2 + len(STEPS)) + "|", *by_kind(found, scenario, value, choose), ""]
    return "\n".join(parts)


def _lift(found: list[Figure], scenarios: Iterable[str]) -> list[str]:
    """Say what each step adds to the best detector's AP."""
    lines = [
        "## Best AP by what may be seen\n",
        "| scenario | " + " | ".join(STEPS) + " |",
        "|---" * (1 + len(STEPS)) + "|",
    ]
    for scenario in scenarios:
        best = []
        for step, names in STEPS.items():
            here = [f for f in found if (f.scenario, f.step, f.kind) == (scenario, step, "")]
            best.append(max(float(np.mean([f.ap for f in here if f.detector == name])) for name in names))
        lines.append(f"| {scenario} | {' | '.join(f'{ap:.3f}' for ap in best)} |")
    return [*lines, ""]


def write_csv(found: list[Figure], path: Path) -> None:
    """Write every figure."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            (
                "scenario",
                "seed",
                "may_see",
                "detector",
                "kind",
                "thieves",
                "ap",
                "roc_auc",
                *(f"recall_{b:.0%}" for b in BUDGETS),
            )
        )
        for f in found:
            values = (f"{value:.4f}" for value in (f.ap, f.roc_auc, *f.recall))
            writer.writerow((f.scenario, f.seed, f.step, f.detector, f.kind, f.count, *values))


def _seeds(text: str) -> list[int]:
    return list(range(int(text)))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds", type=lambda text: list(range(int(text))), default=[0, 1, 2], help="a count (default 3)"
    )
    parser.add_argument("--meters", type=int, default=2000, help="meters in each data set (default 2000)")
    parser.add_argument("--months", type=int, default=12, help="months (default 12)")
    parser.add_argument("--interval", default="1h", help="length of a step (default 1h)")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="may be repeated (default all)")
    parser.add_argument("--processes", type=int, default=2, help="data sets at a time (default 2)")
    parser.add_argument("--output-dir", type=Path, help="where lift.md and lift.csv go (default: print only)")
    return parser.parse_args(arguments)


def main(given: list[str] | None = None) -> int:
    """Run, print and write."""
    arguments = parse(given)
    jobs = [
        Job(scenario, seed, arguments.meters, arguments.months, arguments.interval)
        for scenario, seed in product(arguments.scenario or SCENARIOS, arguments.seeds)
    ]
    begin = time.perf_counter()
    found = list(run_all(jobs, arguments.processes))
    command = shlex.join(["python", "benchmarks/lift.py", *(sys.argv[1:] if given is None else given)])
    report = markdown(found, arguments, command, time.perf_counter() - begin)
    print(report)
    if arguments.output_dir is not None:
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        (arguments.output_dir / "lift.md").write_text(report, encoding="utf-8")
        write_csv(found, arguments.output_dir / "lift.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
