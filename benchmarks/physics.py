"""Measure the power flow of feeders: speed, the table of losses and voltages, and what representative days miss.

python benchmarks/physics.py                # nanoseconds per meter and step, against drawing as many float32 normals
python benchmarks/physics.py --losses --minutes 60     # a simulated year: losses by kind, voltages, loading
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh, reactive_shares
from ghostload.physics.energy import losses_by_kind
from ghostload.physics.plan import FeederPlan
from ghostload.pipeline import World, build_world
from ghostload.schema import LOSS_KINDS
from ghostload.simulation.by_days import balance_by_days
from ghostload.simulation.months import Months
from ghostload.wires import Wires, build_wires
from ghostload.wires.model import Kind

QUANTILES = [0.05, 0.5, 0.95, 1.0]


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
        registered = np.ascontiguousarray(self.kwh.T)
        events = world.events.rows(np.zeros(0, dtype=np.int64))
        months = Months(self.kwh, self.kwh, registered, events, nothing, nothing)
        return balance_by_days(world, months, jobs=1, report=lambda stage, done, total: None)


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


def losses(options: argparse.Namespace) -> None:
    """Print losses and voltages of a simulated year, and how far representative days are from it."""
    case = Case(options.practice, options.meters, 12)
    wires = case.wires
    case.by_days()
    begin = time.perf_counter()
    days = case.by_days()
    took = time.perf_counter() - begin
    year = Year(case, options.minutes)
    kinds = dict(zip(LOSS_KINDS, losses_by_kind(wires.layout.kind, year.edge, year.iron).tolist(), strict=True))
    ours = {name: float(days[f"{name}_loss_kwh"].sum()) for name in LOSS_KINDS}
    given = days["supplied_kwh"].sum()
    share = 100 / year.head_kwh
    print(
        f"{options.practice}, {options.meters} meters, 12 months, {options.minutes} min, true demand without anomalies"
    )
    print("| lost in | % of what the substations give | representative days, % | off by |\n|---|---|---|---|")
    for name, kwh in [*kinds.items(), ("all", sum(kinds.values()))]:
        other = ours.get(name, sum(ours.values()))
        there = other / given * 100
        print(f"| {name} | {kwh * share:.2f} | {there:.2f} | {other / kwh * 100 - 100:+.1f} % |")
    service = wires.layout.kind == Kind.SERVICE_POINT
    print(
        f"\nvoltages within 5 %: {year.within[0] / year.readings:.4%} of readings, within 10 %:"
        f" {year.within[1] / year.readings:.4%}; meters ever more than 5 / 10 % low:"
        f" {(year.lowest[service] < 0.95).mean():.2%} / {(year.lowest[service] < 0.90).mean():.2%};"
        f" lowest {year.lowest[service].min():.3f}, highest {year.highest[service].max():.3f} per unit"
    )
    rated = np.array([made.sn_kva for made in wires.transformer_type])[wires.transformer_kind]
    loading = year.peak.max(axis=1) / rated
    print(
        f"transformers' largest loading, 5/50/95/100 %: {np.round(np.quantile(loading, QUANTILES), 2)};"
        f" over 1.1: {(loading > 1.1).mean():.0%}"
    )
    print("representative days over all hours, quantiles 5/50/95/100 % of transformers:")
    print(
        f"  low-voltage losses of a month {np.round(np.quantile(days['technical_loss_kwh'] / year.low, QUANTILES), 3)}"
    )
    print(f"  peak of a month {np.round(np.quantile(days['peak_kva'] / year.peak, QUANTILES), 3)}")
    print(f"  peak of the year {np.round(np.quantile(days['peak_kva'].max(1) / year.peak.max(1), QUANTILES), 3)}")
    print(
        f"  representative days took {took:.2f} s; all hours {year.seconds:.1f} s,"
        f" {year.seconds / year.readings * 1e9:.1f} ns a meter and step"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--practice", default="metro_manila")
    parser.add_argument("--meters", type=int, default=5000)
    parser.add_argument("--feeder", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=30, help="60, 30, 15 or 5")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--losses", action="store_true")
    options = parser.parse_args()
    if options.losses:
        losses(options)
    else:
        speed(options)


if __name__ == "__main__":
    main()
