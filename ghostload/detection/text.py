"""A leaderboard, or the scores of one ranking, as text for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ghostload.detection.metrics import Estimate, inspected

if TYPE_CHECKING:
    from ghostload.detection.leaderboard import Entry, Leaderboard

UNDEFINED = "-"

USED = ("months", "intervals", "balance", "voltage")


def leaderboard_text(board: Leaderboard) -> str:
    """Return the table of a leaderboard, with what its columns mean."""
    at = [f"{100 * budget:g}%" for budget in board.budgets]
    percents = " ".join(f"{a:>4}" for a in at)
    heads = ("detector", "uses", "AP", "ROC AUC", f"precision {at[0]}", f"thieves {percents}", f"kWh {percents}")
    good = [entry for entry in board.entries if not entry.failed]
    rows = [_row(entry, at) for entry in good]
    meters = [inspected(board.num_meters, budget) for budget in board.budgets]
    lines = [
        f"{board.num_meters:,} meters, {board.num_theft:,} thieves ({board.num_theft / board.num_meters:.2%}), "
        f"{board.num_transformers:,} transformers, {len(board.months)} months. A random order has AP "
        f"{board.num_theft / board.num_meters:.3f}, ROC AUC .5.",
        "",
        *table((heads, *rows), left=2),
        "",
        "uses: M months of the meters, I their interval readings, B balance with transformers' meters, V voltages.",
        f"precision, thieves, kWh: share of the inspected that steal, of thieves found, of stolen energy found when "
        f"{_list(at)} of the meters ({_list([f'{m:,}' for m in meters])}) are inspected.",
    ]
    if board.records != "perfect":
        lines.append(f"Detectors were told of the network what {board.records} records have; see docs/detection.md.")
    if any(entry.supervised for entry in good):
        lines.append("* learns from labels of other transformers; the others see no label.")
    if board.n_bootstrap:
        lines.append(f"(low-high): 95 % bootstrap interval over transformers, {board.n_bootstrap} replicates.")
    lines += [f"FAILED {entry.name}: {entry.reason}" for entry in board.failed]
    return "\n".join(lines)


def details_text(board: Leaderboard, budget: float) -> str:
    """Return what a budget finds by kind of theft, and flags by look-alike, for each detector."""
    at = f"@{100 * budget:g}%"
    parts = []
    for title, start in (
        (f"Thieves found {at[1:]}, by kind", f"recall{at}/"),
        (f"Flagged {at[1:]}, by look-alike", f"flagged{at}/"),
    ):
        names = [name for name in board.metric_names if name.startswith(start)]
        if names:
            heads = ("detector", *(name.removeprefix(start) for name in names))
            rows = [
                (entry.name, *(percent(entry.metrics[name]) for name in names))
                for entry in board.entries
                if not entry.failed
            ]
            parts += ["", title, "", *table((heads, *rows))]
    return "\n".join(parts)


def scores_text(metrics: Mapping[str, Estimate], *, num_meters: int, num_theft: int) -> str:
    """Return every metric of one ranking, one a line."""
    lines = [f"{num_meters:,} meters, {num_theft:,} thieves ({num_theft / num_meters:.2%})", ""]
    rows = [(name, figure(estimate), interval(estimate)) for name, estimate in metrics.items()]
    return "\n".join([*lines, *table((("metric", "value", "95 % interval"), *rows))])


def scores_json(metrics: Mapping[str, Estimate], *, num_meters: int, num_theft: int) -> str:
    """Return the same as JSON text; what is not defined is null."""
    figures = {name: asdict(estimate) for name, estimate in metrics.items()}
    about = {"num_meters": num_meters, "num_theft": num_theft, "metrics": figures}
    return json.dumps(about, indent=1, allow_nan=False)


def figure(estimate: Estimate) -> str:
    """Return three digits, or a dash where it is not defined."""
    return UNDEFINED if estimate.value is None else f"{estimate.value:.3f}"


def interval(estimate: Estimate) -> str:
    """``(.512-.604)``, or nothing."""
    return "" if estimate.low is None or estimate.high is None else f"({estimate.low:.3f}-{estimate.high:.3f})"


def percent(estimate: Estimate) -> str:
    """Return a share in whole per cent, or a dash where it is not defined."""
    return UNDEFINED if estimate.value is None else f"{100 * estimate.value:.0f}%"


def short_uses(uses: str) -> str:
    """Return ``MIBV`` for months, intervals, balance and voltage."""
    return "".join(word[0].upper() if word in uses.split(", ") else "-" for word in USED)


def table(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Align columns: the first ones to the left, the others to the right; a rule under the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [line.rstrip() for line in (lines[0], "  ".join("-" * width for width in widths), *lines[1:])]


def _row(entry: Entry, at: Sequence[str]) -> tuple[str, ...]:
    metrics = entry.metrics
    name = f"{entry.name} *" if entry.supervised else entry.name
    spread = [f"{figure(metrics[key])} {interval(metrics[key])}".rstrip() for key in ("ap", "roc_auc")]
    first = percent(metrics[f"precision@{at[0]}"])
    groups = (" ".join(f"{percent(metrics[f'{key}@{a}']):>4}" for a in at) for key in ("recall", "kwh_recovered"))
    return (name, short_uses(entry.uses), *spread, first, *groups)


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:-1]) + f" and {items[-1]}" if len(items) > 1 else items[0]
