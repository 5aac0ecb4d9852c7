"""Measure the power flow of feeders: speed, the table of losses and voltages, and what representative days miss.

python benchmarks/physics.py                # nanoseconds per meter and step, against drawing as many float32 normals
python benchmarks/physics.py --losses --practice both --minutes 60 --output-dir reports     # a simulated year
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh, own_reactive, reactive_shares
from ghostload.physics.energy import losses_by_kind
from ghostload.physics.plan import FeederPlan
from ghostload.pipeline import World, build_world
from ghostload.schema import LOSS_KINDS
from ghostload.simulation.by_days import balance_by_days
from ghostload.simulation.months import KeptMonths, rows_of
from ghostload.wires import Wires, build_wires
from ghostload.wires.model import Kind

QUANTILES = [0.05, 0.5, 0.95, 1.0]
PRACTICES = ("metro_manila", "european")


class Case:
    """A territory with its wires and its customers' true energies of months."""

    def __init__(self, practice: str, meters: int, months: int) -> None:
        self.config = GeneratorConfig(num_meters=meters, num_months=months, network=NetworkConfig(practice))
        self.world: World = build_world(self.config)
        world = self.world
        self.wires: Wires = build_wires(
            world.territory, world.customers, world.capacity_kva, self.config, world.streams
        )
        self.kwh = monthly_true_kwh(world.customers, world.numbers, world.streams)
        self.habits = draw_habits(world.customers, world.streams)
        self.shares = reactive_shares(world.customers, world.streams, habits=self.habits)

    def powers(self, meters: Any, month: int, minutes: int) -> tuple[Any, Any]:
        """Return watt-hours and var-hours of some meters in the steps of a month."""
        world = self.world
        wh = interval_true_wh(
            world.customers,
            world.numbers[month : month + 1],
            self.kwh[meters, month : month + 1],
            minutes,
            world.streams,
            rows=meters,
            habits=self.habits,
        )
        return wh, interval_q_varh(wh, minutes, self.shares.take(meters))

    def by_days(self) -> dict[str, Any]:
        """Return the balance of representative days, as a data set of months has it."""
        world = self.world
        world.prepare()
        nothing = np.zeros((0, self.kwh.shape[1]), dtype=np.int64)
        none = world.events.rows(np.zeros(0, dtype=np.int64))
        kept = KeptMonths(none, world.row_of_meter, self.kwh.shape[1], world.scratch)
        rows = rows_of(self.kwh, self.kwh, self.habits, own_reactive(0, len(self.kwh), world.streams))
        kept.put(0, rows, {"cut_wh": nothing, "lost_wh": nothing})
        found = balance_by_days(world, kept.months, jobs=1, report=lambda stage, done, total: None).balances
        return {**found.of_transformers, **found.of_feeders}


def timed(function: Callable[[], object], count: int) -> float:
    """Return nanoseconds for each of ``count`` values."""
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) / count * 1e9


def speed(options: argparse.Namespace) -> None:
    """Print the speed of the sweep beside that of the floor, in turns."""
    case = Case(options.practice, options.meters, 1)
    plan = FeederPlan(case.wires, options.feeder)
    wh, varh = case.powers(plan.meters, 0, options.minutes)
    begin = time.perf_counter()
    plan.solve_wh(wh[:, :16], varh[:, :16], options.minutes)
    print(f"first call, compilation or cache: {time.perf_counter() - begin:.2f} s; numba {version('numba')}")
    normals = np.random.Generator(np.random.SFC64(1))
    floor, ours = [], []
    sweeps = plan.solve_wh(wh, varh, options.minutes).sweeps
    for _ in range(options.times):
        floor.append(timed(lambda: normals.standard_normal(wh.size, dtype=np.float32), wh.size))
        ours.append(timed(lambda: plan.solve_wh(wh, varh, options.minutes), wh.size))
    a, b = statistics.median(floor), statistics.median(ours)
    shape = f"{len(plan.meters)} meters, {wh.shape[1]} steps of {options.minutes} min"
    print(f"{options.practice}, feeder {options.feeder}: {shape}")
    print(f"sweeps {sweeps.mean():.2f} on average, {sweeps.max()} at most")
    print("| normals ns/value | power flow ns/meter-step | ratio of medians | smallest |")
    print("|---|---|---|---|")
    print(f"| {a:.1f} | {b:.1f} | {b / a:.2f} | {min(ours):.1f} |")


class Year:
    """All hours of the case's months, solved feeder by feeder and month by month."""

    def __init__(self, case: Case, minutes: int) -> None:
        wires = case.wires
        nodes, units, months = len(wires.layout), len(wires.layout.block_start), len(case.world.numbers)
        self.edge, self.iron = np.zeros(nodes), np.zeros(units)
        self.lowest, self.highest = np.full(nodes, np.inf), np.full(nodes, -np.inf)
        self.low, self.peak = np.zeros((units, months)), np.zeros((units, months))
        self.head_kwh, self.seconds, self.readings = 0.0, 0.0, 0
        self.within = np.zeros(2)
        for feeder in range(wires.feeders):
            plan = FeederPlan(wires, feeder)
            for month in range(months):
                self.add(case, plan, month, minutes)

    def add(self, case: Case, plan: FeederPlan, month: int, minutes: int) -> None:
        """Solve a feeder's month."""
        wh, varh = case.powers(plan.meters, month, minutes)
        begin = time.perf_counter()
        flows = plan.solve_wh(wh, varh, minutes)
        self.seconds += time.perf_counter() - begin
        if flows.reason:
            print(f"feeder {plan.feeder}, month {month}: steps without a solution: {flows.reason}")
        self.edge[plan.nodes] += flows.edge_loss_kwh
        self.iron[plan.transformers] += flows.iron_loss_kwh
        self.lowest[plan.nodes] = np.fmin(self.lowest[plan.nodes], flows.vm_lowest_pu)
        self.highest[plan.nodes] = np.fmax(self.highest[plan.nodes], flows.vm_highest_pu)
        self.low[plan.transformers, month] = np.nansum(flows.low_loss_wh, axis=1) / 1e3
        self.peak[plan.transformers, month] = np.nanmax(flows.apparent_kva, axis=1)
        self.head_kwh += float(np.nansum(flows.head_kw)) * minutes / 60
        off = np.abs(flows.service_v / case.wires.practice.lv_v - 1.0)
        self.within += [(off <= 0.05).sum(), (off <= 0.10).sum()]
        self.readings += off.size


def losses(practice: str, meters: int, minutes: int) -> list[str]:
    """Return losses and voltages of a simulated year, and how far the planner and representative days are from it."""
    case = Case(practice, meters, 12)
    wires, days = case.wires, case.by_days()
    year = Year(case, minutes)
    kinds = dict(zip(LOSS_KINDS, losses_by_kind(wires.layout.kind, year.edge, year.iron).tolist(), strict=True))
    ours = {name: float(days[f"{name}_loss_kwh"].sum()) for name in LOSS_KINDS}
    lines = [f"## {practice}", "", "| lost in | % of what the substations give | representative days, % | off by |"]
    lines.append("|---|---|---|---|")
    for name, kwh in [*kinds.items(), ("all", sum(kinds.values()))]:
        other = ours.get(name, sum(ours.values()))
        share, there = kwh / year.head_kwh * 100, other / days["supplied_kwh"].sum() * 100
        lines.append(f"| {name} | {share:.2f} | {there:.2f} | {other / kwh * 100 - 100:+.1f} % |")
    low = year.lowest[wires.layout.kind == Kind.SERVICE_POINT]
    high = year.highest[wires.layout.kind == Kind.SERVICE_POINT].max()
    expected = wires.vm_pu[wires.layout.kind == Kind.SERVICE_POINT].min()
    within = " / ".join(f"{share:.4%}" for share in year.within / year.readings)
    rated = np.array([made.sn_kva for made in wires.transformer_type])[wires.transformer_kind]
    planned, peak = wires.peak_kva[wires.layout.block_start], year.peak.max(axis=1)
    loading = peak / rated
    behind = days["technical_loss_kwh"] / year.low
    return [
        *lines,
        "",
        "| voltage | |",
        "|---|---|",
        f"| readings within 5 / 10 % of the rated voltage | {within} |",
        f"| meters ever more than 5 / 10 % low | {(low < 0.95).mean():.2%} / {(low < 0.90).mean():.2%} |",
        f"| lowest, highest at a meter | {low.min():.3f}, {high:.3f} per unit |",
        f"| lowest that the planner expected | {expected:.3f} per unit |",
        "",
        "| transformers, quantiles 5 / 50 / 95 / 100 % | |",
        "|---|---|",
        f"| largest loading of the year | {_shown(loading)} |",
        f"| planned loading | {_shown(planned / rated)} |",
        f"| peak of the year over the planned one | {_shown(peak / planned)} |",
        f"| representative days over all, low-voltage losses of a month | {_shown(behind, 3)} |",
        f"| representative days over all, peak of a month | {_shown(days['peak_kva'] / year.peak, 3)} |",
        f"| representative days over all, peak of the year | {_shown(days['peak_kva'].max(axis=1) / peak, 3)} |",
        "",
        f"Of {len(rated)} transformers {(loading > 1.1).sum()} pass 110 % of their rating in some step of the year.",
        "",
    ]


def _shown(values: Any, digits: int = 2) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in np.quantile(values, QUANTILES))


def write_losses(options: argparse.Namespace) -> None:
    """Print the tables of one practice or of both, and write them where they are wanted."""
    practices = PRACTICES if options.practice == "both" else (options.practice,)
    command = f"python benchmarks/physics.py --losses --practice {options.practice} --minutes {options.minutes}"
    head = [
        "# Losses, voltages and loadings",
        "",
        f"Made by `{command} --meters {options.meters} --output-dir reports`:",
        f"{options.meters:,} meters, seed 42, a year from 2025-01 in steps of {options.minutes} min, true demand",
        "without anomalies.",
        "",
    ]
    tables = [line for name in practices for line in losses(name, options.meters, options.minutes)]
    text = "\n".join(head + tables)
    print(text)
    if options.output_dir is not None:
        (options.output_dir / "losses.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--practice", default="metro_manila", choices=(*PRACTICES, "both"), help="both: of losses")
    parser.add_argument("--meters", type=int, default=5000)
    parser.add_argument("--feeder", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=30, help="60, 30, 15 or 5")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--output-dir", type=Path, help="write losses.md here as well")
    options = parser.parse_args()
    if options.losses:
        write_losses(options)
    else:
        speed(options)


if __name__ == "__main__":
    main()
