"""Hold the column kVA and the planner's diversified peak against simulated years; write ``reports/peaks.md``.

python benchmarks/peaks.py            # a minute: three data sets, a year of half hours each
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostload.config import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.config.presets import load_preset
from ghostload.consumption.archetypes import ARCHETYPES
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh, reactive_shares
from ghostload.pipeline import World, build_world
from ghostload.territory import diversified_peak_kva

Values = NDArray[np.float64]
GROUPS = ((0, (1, 2, 5, 15, 60)), (1, (1, 2, 4, 8)), (2, (1, 2, 4)))
"""Sizes of random groups of each class."""
TERMS = {"residential": ("day_sd", "threshold"), "commercial": ("cooling", "noise"), "industrial": ("cooling", "noise")}
MIXED = {"residential": 0.3, "commercial": 0.35, "industrial": 0.35}


@dataclass(frozen=True)
class Year:
    """Hours of apparent power's parts and each customer's highest half hour in a simulated year."""

    name: str
    world: World
    kwh: Values  # (n, hours)
    kvarh: Values  # (n, hours)
    own_kva: Values  # (n,)


def simulate(name: str, config: GeneratorConfig) -> Year:
    """Simulate true demand without events, month by month."""
    world = build_world(config)
    customers, streams = world.customers, world.streams
    habits = draw_habits(customers, streams)
    month_kwh = monthly_true_kwh(customers, world.numbers, streams)
    shares = reactive_shares(customers, streams, habits=habits)
    own = np.zeros(len(customers))
    hours = []
    for month in range(len(world.numbers)):
        part = slice(month, month + 1)
        wh = interval_true_wh(customers, world.numbers[part], month_kwh[:, part], 30, streams, habits=habits)
        varh = interval_q_varh(wh, 30, shares)
        own = np.maximum(own, np.hypot(wh, varh).max(axis=1) / 500.0)
        hours.append([(x.reshape(len(wh), -1, 2).sum(axis=2) / 1000.0).astype(np.float32) for x in (wh, varh)])
    kwh, kvarh = (np.concatenate([pair[k] for pair in hours], axis=1) for k in (0, 1))
    return Year(name, world, kwh, kvarh, own)


def highest_hour_kva(year: Year, meters: NDArray[np.int64]) -> float:
    """Return the highest hour of some meters together."""
    return float(np.hypot(year.kwh[meters].sum(axis=0), year.kvarh[meters].sum(axis=0)).max())


def planned_kva(year: Year, meters: NDArray[np.int64]) -> float:
    """Return their diversified peak."""
    customers = year.world.customers
    found = diversified_peak_kva(
        customers.peak_kva[meters], customers.class_index[meters], np.zeros(len(meters), dtype=np.int64), 1
    )
    return float(found[0])


def own_rows(years: list[Year]) -> list[str]:
    """Return the highest half hour of a year over the column kVA, by class."""
    lines = ["| data set | class | customers | 5 / 50 / 95 % | sd of the logarithm |", "|---|---|---|---|---|"]
    for year in years:
        ratio = year.own_kva / year.world.customers.peak_kva
        for index, name in enumerate(CUSTOMER_CLASSES):
            rows = (year.world.customers.class_index == index) & (ratio > 0)
            low, middle, high = np.quantile(ratio[rows], (0.05, 0.5, 0.95))
            spread = np.log(ratio[rows]).std()
            lines.append(
                f"| {year.name} | {name} | {rows.sum()} | {low:.2f} / {middle:.2f} / {high:.2f} | {spread:.3f} |"
            )
    return lines


def group_rows(years: list[Year], draws: int) -> list[str]:
    """Return the highest hour of groups over their planned peak."""
    rng = np.random.default_rng(1)
    lines = ["| data set | group | groups | 5 / 50 / 95 % | sd of the logarithm |", "|---|---|---|---|---|"]
    for year in years:
        served = year.world.territory.meter_transformer
        groups = {"meters of a transformer": [np.flatnonzero(served == t) for t in range(int(served.max()) + 1)]}
        for index, counts in GROUPS:
            members = np.flatnonzero((year.world.customers.class_index == index) & (year.own_kva > 0))
            for count in counts if len(members) > 200 else ():
                chosen = [rng.choice(members, count, replace=False) for _ in range(draws)]
                groups[f"{count} {CUSTOMER_CLASSES[index]}"] = chosen
        for name, chosen in groups.items():
            ratio = np.array([highest_hour_kva(year, rows) / planned_kva(year, rows) for rows in chosen])
            low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
            shown = f"{low:.2f} / {middle:.2f} / {high:.2f} | {np.log(ratio).std():.3f}"
            lines.append(f"| {year.name} | {name} | {len(chosen)} | {shown} |")
    return lines


def constants(years: list[Year]) -> list[str]:
    """Return the constants of :mod:`ghostload.consumption.own_peak` as least absolute differences find them."""
    lines = []
    for index, class_name in enumerate(CUSTOMER_CLASSES):
        names = [kind.name for kind in ARCHETYPES if kind.class_index == index]
        blocks, wanted = [], []
        for year in years:
            customers = year.world.customers
            habits = draw_habits(customers, year.world.streams)
            rows = (customers.class_index == index) & (year.own_kva > 0)
            kinds = [ARCHETYPES[k].name for k in habits.archetype[rows]]
            energy = np.log(customers.level_kwh / 730.5 / customers.appliance_kw)[rows]
            terms = {
                "day_sd": habits.day_sd,
                "threshold": habits.threshold,
                "cooling": habits.cooling_share,
                "noise": customers.noise,
            }
            columns = [np.array([kind == name for kind in kinds], dtype=float) for name in names]
            blocks.append(np.stack([*columns, energy, *(terms[t][rows] for t in TERMS[class_name])], axis=1))
            wanted.append(np.log(year.own_kva / customers.appliance_kw)[rows])
        x, y = np.concatenate(blocks), np.concatenate(wanted)
        weight = np.ones(len(y))
        for _ in range(30):
            found = np.linalg.lstsq(x * weight[:, None], y * weight, rcond=None)[0]
            weight = 1.0 / np.sqrt(np.maximum(np.abs(y - x @ found), 0.02))
        labels = [*names, "energy", *TERMS[class_name]]
        lines.append(f"* {class_name}: " + ", ".join(f"{a} {b:.3f}" for a, b in zip(labels, found, strict=True)))
    return lines


def main() -> None:
    """Measure three data sets, none of the default seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=5000)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--output", type=Path, default=Path("reports/peaks.md"))
    options = parser.parse_args()
    changes = {"num_meters": options.meters, "num_months": 12}
    years = [
        simulate("default", GeneratorConfig(random_seed=1, **changes)),
        simulate("metro_manila", load_preset("metro_manila").replace(random_seed=2, **changes)),
        simulate("many businesses", GeneratorConfig(random_seed=3, customer_classes=MIXED, **changes)),
    ]
    text = "\n".join(
        [
            "# Peaks",
            "",
            f"Made by `python benchmarks/peaks.py`: {options.meters:,} meters, a year of half hours from 2025-01, true",
            "demand without events; seeds 1, 2, 3. Losses of lines are not in it.",
            "",
            "## Highest half hour of a year over the column kVA",
            "",
            *own_rows(years),
            "",
            "## Highest hour of a group over its planned peak",
            "",
            *group_rows(years, options.groups),
            "",
            "## Constants of `own_peak.py` that these years would give",
            "",
            *constants(years),
            "",
        ]
    )
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
