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
BUDGETS = (0.01, 0.02, 0.05, 0.1)
COLLUSION = {"balanced_collusion": 0.5, "collusion": 0.25, "bypass": 0.25}
SCENARIOS = ("easy", "realistic", "hard", "all kinds, realistic", "collusion, realistic")
RECORDED = {
    "realistic": ("typical", "poor"),
    "all kinds, realistic": ("typical",),
    "collusion, realistic": ("typical",),
}
"""Records of the network that are tried besides perfect ones."""


@dataclass(frozen=True)
class Figure:
    """What one detector reached on one data set, for all thieves ("") or those of one kind."""

    scenario: str
    seed: int
    records: str
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

    mix = {"all kinds, realistic": _every_kind(), "collusion, realistic": COLLUSION}.get(job.scenario)
    config = GeneratorConfig(
        num_meters=job.meters,
        num_months=job.months,
        random_seed=job.seed,
        difficulty="realistic" if mix else job.scenario,
        interval=job.interval,
        anomaly_rate=0.10 if mix else GeneratorConfig().anomaly_rate,
        anomalies=AnomalyConfig(mix=mix) if mix else AnomalyConfig(),
    )
    return SyntheticDataPipeline(config).build()


def _every_kind() -> dict[str, float]:
    from ghostload.anomalies.base import Family
    from ghostload.anomalies.registry import KINDS

    names = [kind.name for kind in KINDS if kind.family is Family.THEFT]
    return {name: 1.0 / len(names) for name in names[:-1]} | {names[-1]: 1.0 - (len(names) - 1) / len(names)}


def run_one(job: Job) -> list[Figure]:
    """Make one data set and score every detector on it, with each of its records; and again with an exact balance."""
    from ghostload.detection import find_detector, score_detector, truth_of

    dataset = in_memory(make(job))
    truth = truth_of(dataset)
    found: list[Figure] = []
    own: dict[str, Any] = {}
    for records in ("perfect", *RECORDED.get(job.scenario, ())):
        # The meters' own intervals do not hang on any record; all else is made again.
        cache = {name: table for name, table in own.items() if name == "intervals"}
        known = as_recorded(dataset, records, job.seed)
        for step, names in STEPS.items():
            for name in names:
                scores = score_detector(find_detector(name), dataset, seed=job.seed, cache=cache, known=known)
                found += figures(job, records, step, name, scores, truth)
        own = own or cache
    if job.scenario == "realistic":
        exact, name = with_exact_balance(dataset), "gradient_boosting_balance"
        rest = {part: table for part, table in own.items() if part != "balance"}
        scores = score_detector(find_detector(name), exact, seed=job.seed, cache=rest)
        found += figures(job, "perfect", EXACT, name, scores, truth)
    return found


def in_memory(dataset: Any) -> Any:
    """Read the readings once."""
    from ghostload.detection.seen import SeenDataset, find_seen

    seen = find_seen(dataset)
    return dataset if seen is None else SeenDataset(dataset.tables, config=dataset.config, seen=tuple(seen.feeders()))


def as_recorded(dataset: Any, records: str, seed: int) -> Any:
    """Return the data set as records of that name have it, each feeder worked out once."""
    from ghostload.detection import RECORDS, recorded

    return in_memory(recorded(dataset, RECORDS[records], seed=seed))


def with_exact_balance(dataset: Any) -> Any:
    """Return the data set with the true unregistered energy in the place of what the transformers' meters show.

    No utility has that: it is the bound of what any balance of months can buy.
    """
    import pyarrow as pa

    true = dataset.tables["transformer_energy"]
    kwh = np.asarray(true["registered_kwh"]) + np.asarray(true["non_technical_loss_kwh"])
    readings = true.select(["transformer_id", "month"]).append_column("registered_kwh", pa.array(kwh))
    return replace(dataset, tables={**dataset.tables, "transformer_readings": readings})


def figures(job: Job, records: str, step: str, name: str, scores: Any, truth: Any) -> Iterator[Figure]:
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
            records,
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


def chosen(found: list[Figure], **wanted: Any) -> list[Figure]:
    """Return the figures with these values."""
    return [f for f in found if all(getattr(f, name) == value for name, value in wanted.items())]


def overall(found: list[Figure], scenario: str, records: str) -> list[str]:
    """Return the lines of a scenario's table, all kinds together."""
    lines = []
    every = chosen(found, scenario=scenario, records=records, kind="")
    for step, name in dict.fromkeys((f.step, f.detector) for f in every):
        here = chosen(every, step=step, detector=name)
        recall = [f"{np.mean([f.recall[at] for f in here]):.0%}" for at in range(len(BUDGETS))]
        ap, auc = mean_range([f.ap for f in here]), mean_range([f.roc_auc for f in here])
        lines.append(f"| {step} | `{name}` | {ap} | {auc} | {' | '.join(recall)} |")
    return lines


def by_kind(found: list[Figure], scenario: str, records: str, value: str, choose: int) -> list[str]:
    """Return the lines of a table kind by step: the detector at ``choose`` of each step, pooled over thieves."""
    lines = []
    every = chosen(found, scenario=scenario, records=records)
    for kind in sorted({f.kind for f in every if f.kind}):
        cells, count = [], 0
        for step, names in STEPS.items():
            here = [f for f in chosen(every, step=step, detector=names[choose], kind=kind) if f.count]
            count = sum(f.count for f in here)
            cells.append(_pooled(here, value))
        lines.append(f"| {kind} | {count} | {' | '.join(cells)} |")
    return lines


def _pooled(found: list[Figure], value: str) -> str:
    """Average over thieves: ROC AUC, or what of them is found at the largest budget."""
    each = [f.recall[-1] if value == "found" else float(getattr(f, value)) for f in found]
    mean = sum(f.count * one for f, one in zip(found, each, strict=True)) / sum(f.count for f in found)
    return f"{mean:.0%}" if value == "found" else f"{mean:.2f}"


def markdown(found: list[Figure], arguments: argparse.Namespace, command: str, seconds: float) -> str:
    """Return the report."""
    import sklearn

    import ghostload

    versions = f"ghostload {ghostload.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    known = list(dict.fromkeys((f.scenario, f.records) for f in found))
    parts = [
        "# What transformers' meters, intervals and voltages add\n",
        f"{len(arguments.seeds)} seeds from {arguments.seeds[0]}, {arguments.meters:,} meters, {arguments.months} "
        f"months, interval {arguments.interval}. Mean, and in brackets the range over seeds. Protocol and what records "
        "are: [docs/detection.md](../docs/detection.md); supervised detectors are scored on transformers whose labels "
        "they have not seen. AP of a random order is the share of thieves: .075, and .10 with all kinds and with "
        "collusion.\n",
        f"Made by `{command}` with {versions}, Python {platform.python_version()}, in {seconds / 60:.0f} minutes with "
        f"{arguments.processes} processes.\n",
        *_lift(found, known),
    ]
    titles = "| kind | thieves | " + " | ".join(STEPS) + " |"
    for scenario, records in known:
        for value, what in (
            ("found", f"found when {BUDGETS[-1]:.0%} of the meters are inspected"),
            ("roc_auc", "ROC AUC"),
        ):
            parts.append(f"## {_named(scenario, records)}: each kind, {what}, supervised\n")
            parts += [titles, "|---" * (2 + len(STEPS)) + "|", *by_kind(found, scenario, records, value, 0), ""]
    heads = "| may see | detector | AP | ROC AUC | " + " | ".join(f"found at {b:.0%}" for b in BUDGETS) + " |"
    for scenario, records in known:
        parts.append(f"## {_named(scenario, records)}: every detector\n")
        parts += [heads, "|---" * (4 + len(BUDGETS)) + "|", *overall(found, scenario, records), ""]
    for scenario, records in known:
        parts.append(f"## {_named(scenario, records)}: each kind, ROC AUC, unsupervised\n")
        parts += [titles, "|---" * (2 + len(STEPS)) + "|", *by_kind(found, scenario, records, "roc_auc", -1), ""]
    return "\n".join(parts)


def _named(scenario: str, records: str) -> str:
    return f"{scenario}, {records} records"


def _lift(found: list[Figure], known: Iterable[tuple[str, str]]) -> list[str]:
    """Say what each step adds to the best detector's AP, and what errors in the records take away."""
    lines = [
        "## Best AP by what may be seen, and how far the records are right\n",
        "| scenario | records | " + " | ".join(STEPS) + " |",
        "|---" * (2 + len(STEPS)) + "|",
    ]
    for scenario, records in known:
        best = []
        for step, names in STEPS.items():
            here = chosen(found, scenario=scenario, records=records, step=step, kind="")
            each = [[f.ap for f in here if f.detector == name] for name in names]
            best.append(mean_range(max(each, key=lambda values: float(np.mean(values)))))
        lines.append(f"| {scenario} | {records} | {' | '.join(best)} |")
    return [*lines, ""]


def write_csv(found: list[Figure], path: Path) -> None:
    """Write every figure."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            (
                "scenario",
                "seed",
                "records",
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
            writer.writerow((f.scenario, f.seed, f.records, f.step, f.detector, f.kind, f.count, *values))


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
