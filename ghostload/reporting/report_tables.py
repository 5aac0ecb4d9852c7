"""The tables of the report; every cell is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.config import GeneratorConfig
from ghostload.reporting.page import text
from ghostload.reporting.realism import RealismRow
from ghostload.reporting.report_charts import gauge
from ghostload.reporting.summary import Summary
from ghostload.reporting.truth import Truth
from ghostload.validation import Severity, ValidationReport

TRUTH_SETTINGS = ("anomaly_rate", "difficulty", "anomalies")
"""Settings that say how the ground truth was made."""

_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "quiet"}


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0, wide: bool = False
) -> str:
    """Return a table.

    Parameters
    ----------
    caption : str
    heads : sequence of str
        Escaped here.
    rows : sequence of sequence of str
        Cells as markup: escape text before.
    numbers : int
        How many of the last columns hold numbers.
    wide : bool
        For long text in cells.
    """
    first = len(heads) - numbers

    def cells(row: Sequence[str]) -> str:
        kinds = [' class="number"' if i >= first else "" for i in range(len(row))]
        return "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True))

    head = "".join(
        f'<th scope="col"{" class=" + chr(34) + "number" + chr(34) if i >= first else ""}>{text(h)}</th>'
        for i, h in enumerate(heads)
    )
    body = "\n".join(f"<tr>{cells(row)}</tr>" for row in rows)
    look = ' class="wide"' if wide else ""
    return (
        f'<div class="scroll"><table{look}><caption>{text(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def config_table(config: GeneratorConfig, *, truth: bool) -> str:
    """Return the resolved settings; those of the ground truth only with ``truth``."""
    settings = [
        (key, value)
        for key, value in _flat(config)
        if key != "output_dir" and (truth or key.split(".")[0] not in TRUTH_SETTINGS)
    ]
    rows = [(f"<code>{text(key)}</code>", text(value)) for key, value in settings]
    return table("Resolved settings; defaults are filled in", ("setting", "value"), rows, wide=True)


def _flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return nested settings as (dotted key, text)."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, Mapping) and value:
        return [pair for key, item in value.items() for pair in _flat(item, f"{path}.{key}" if path else str(key))]
    if isinstance(value, tuple | list):
        return [(path, ", ".join(_scalar(item) for item in value))]
    return [(path, _scalar(value))]


def _scalar(value: Any) -> str:
    if value is None:
        return "not given"
    return (
        f"{value:g}" if isinstance(value, float) else Path(value).as_posix() if isinstance(value, Path) else str(value)
    )


def class_table(summary: Summary) -> str:
    """Return counts and levels by class."""
    rows = [
        (
            text(row.name or "no class given"),
            f"{row.meters:,}",
            percent(row.share),
            percent(row.energy_share),
            number(row.mean_kwh),
            *(number(q) for q in row.quantiles_kwh),
            percent(row.zero_share),
        )
        for row in summary.class_rows()
    ]
    heads = (
        "class",
        "meters",
        "of meters",
        "of energy",
        "mean, kWh",
        "5 %, kWh",
        "median, kWh",
        "95 %, kWh",
        "zero months",
    )
    return table(
        "Registered energy a month by customer class: quantiles over the meters' own means", heads, rows, numbers=8
    )


def findings_table(report: ValidationReport) -> str:
    """Return what validation found, worst first."""
    if not report.findings:
        return f'<p class="ok">All {len(report.checks)} checks passed, nothing was found.</p>'
    rows = []
    for finding in report.findings:
        ids = ", ".join(finding.ids[:5]) + (f" and {finding.count - 5:,} more" if finding.count > 5 else "")
        message = text(finding.message) + (f'<br/><span class="quiet">{text(ids)}</span>' if ids else "")
        severity = f'<span class="{_SEVERITY[finding.severity]}">{text(finding.severity.value)}</span>'
        rows.append((severity, f"<code>{text(finding.check)}</code>", text(finding.place), message, text(finding.cure)))
    counts = ", ".join(f"{count} {severity.value}" for severity, count in report.counts.items())
    caption = f"{len(report.checks)} checks ran: {counts}"
    return table(caption, ("severity", "check", "where", "finding", "cure"), rows, wide=True)


def realism_table(realism: Sequence[RealismRow]) -> str:
    """Return the reference figures beside what was measured."""
    rows = []
    for row in realism:
        verdict = {True: '<span class="ok">inside</span>', False: '<span class="warn">outside</span>', None: "–"}[
            row.inside
        ]
        unit = "" if row.unit == "1" else f" {text(row.unit)}"
        measured = "–" if row.measured is None else f"{row.measured:.3g}{unit}"
        ranges = f'<span class="nowrap">{row.low:.3g} to {row.high:.3g}{unit}</span>'
        rows.append(
            (text(row.label), measured, ranges, gauge(row), verdict, f'<span class="quiet">{text(row.note)}</span>')
        )
    known = [row for row in realism if row.inside is not None]
    caption = f"{sum(bool(r.inside) for r in known)} of {len(known)} figures lie inside the range of the real sets"
    return table(caption, ("figure", "here", "real sets", "", "", "source, or why there is none"), rows)


def truth_table(truth: Truth, num_meters: int) -> str:
    """Return events by kind."""
    rows = []
    for family, kind in truth.kinds:
        events = [r for r in truth.rows if (r.family, r.kind) == (family, kind)]
        meters = len({r.meter for r in events})
        severity = np.array([r.severity for r in events])
        lost = float(np.nansum([r.lost_kwh for r in events]))
        known = severity[np.isfinite(severity)]
        rows.append(
            (
                "look-alike" if family == "benign" else text(family),
                text(kind),
                f"{len(events):,}",
                f"{meters:,}",
                percent(meters / max(num_meters, 1), 2),
                f"{np.median(known):.2f}" if known.size else "–",
                number(lost / 1000, 1),
            )
        )
    heads = ("family", "kind", "events", "meters", "of meters", "median severity", "lost, MWh")
    return table(
        "Events by kind; severity is the share of what was drawn that was not registered", heads, rows, numbers=5
    )


def percent(value: float, digits: int = 1) -> str:
    """Return a share as per cent, or a dash."""
    return f"{100 * value:.{digits}f} %" if np.isfinite(value) else "–"


def number(value: float, digits: int = 0) -> str:
    """Return a number with thousands separators, or a dash."""
    return f"{value:,.{digits}f}" if np.isfinite(value) else "–"
