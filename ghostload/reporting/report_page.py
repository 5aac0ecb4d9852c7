"""The report of a data set: one HTML page without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ghostload import __version__
from ghostload.dataset import Dataset
from ghostload.reporting import report_tables as tables
from ghostload.reporting.map_data import facts, title_of
from ghostload.reporting.output import write_html
from ghostload.reporting.page import page, policy, text
from ghostload.reporting.realism import RealismRow, compare
from ghostload.reporting.report_charts import distributions
from ghostload.reporting.report_energy import energy_section
from ghostload.reporting.report_feeders import feeder_section
from ghostload.reporting.report_leaderboard import is_about, leaderboard_section
from ghostload.reporting.report_series import samples_by_class, samples_by_kind
from ghostload.reporting.summary import Summary
from ghostload.reporting.truth import Truth, truth_of
from ghostload.schema import GROUND_TRUTH_FILES, TABLES
from ghostload.validation import CHECKS, ValidationReport, validate, validate_folder

TRUTH_TABLES = tuple(name for name, table in TABLES.items() if table.file in GROUND_TRUTH_FILES)
_TRUTH_SUBJECTS = ("labels", "events", "leak")

Section = tuple[str, str, str]


def render_report(dataset: Dataset, *, truth: bool = True, leaderboard: Mapping[str, Any] | None = None) -> str:
    """Return the report as an HTML document.

    Parameters
    ----------
    dataset : Dataset
        With the tables ``transformers`` and ``meters``; the rest may be missing.
    truth : bool
        Whether to show the ground truth. Without it neither the labels and events, nor the settings that made them,
        nor a leaderboard are in the page.
    leaderboard : mapping, optional
        From :func:`ghostload.reporting.report_leaderboard.read_leaderboard`.

    Returns
    -------
    str
        The same text for the same data set and versions, in every process.

    Raises
    ------
    DataError
        A column is missing or holds no numbers.
    """
    known = truth and bool({"anomaly_labels", "anomaly_events"} & set(dataset.tables))
    shown = dataset if known else _without_truth(dataset)
    summary = Summary(shown)
    realism = compare(shown)
    findings = _validation(dataset, shown, truth=known)
    facts_of_truth = truth_of(dataset) if known else None
    sections = _sections(summary, realism, findings, facts_of_truth, leaderboard if truth else None)
    name = title_of(dataset)
    return page(
        kind="report",
        title=f"{name} – ghostload report",
        body=_body(name, summary, sections),
        styles=("base.css", "report.css"),
        content_policy=policy(scripts=False),
    )


def write_report(dataset: Dataset, path: Path, *, force: bool = False, **options: Any) -> int:
    """Write the report; return its size in bytes. Options as in :func:`render_report`."""
    return write_html(path, render_report(dataset, **options), force=force)


def _without_truth(dataset: Dataset) -> Dataset:
    kept = {name: table for name, table in dataset.tables.items() if name not in TRUTH_TABLES}
    return replace(dataset, tables=kept, _frames={})


def _validation(dataset: Dataset, shown: Dataset, *, truth: bool) -> ValidationReport:
    """Run the checks on the folder when there is one; without the truth, those alone that do not look at it."""
    names = None if truth else [c.name for c in CHECKS if c.subject not in _TRUTH_SUBJECTS]
    if dataset.path is not None and dataset.path.is_dir():
        found = validate_folder(dataset.path, checks=names)
    elif truth:
        found = validate(dataset)
    else:
        found = validate(shown, checks=[n for n in names or () if not CHECKS.get(n).needs_folder])
    if truth:
        return found
    kept = tuple(f for f in found.findings if not any(f.table.startswith(name) for name in TRUTH_TABLES))
    return replace(found, findings=kept)


def _sections(
    summary: Summary,
    realism: Sequence[RealismRow],
    findings: ValidationReport,
    truth: Truth | None,
    board: Mapping[str, Any] | None,
) -> list[Section]:
    dataset = summary.dataset
    charts = "\n".join(distributions(summary, realism))
    sections: list[Section] = [
        ("counts", "Customers", tables.class_table(summary)),
        ("validation", "Validation", tables.findings_table(findings)),
        ("distributions", "Distributions", f'<div class="grid">{charts}</div>'),
        ("realism", "Against real households", _realism(realism, truth=truth is not None)),
        ("samples", "Sample series by class", _samples(summary)),
    ]
    if balance := energy_section(dataset, truth=truth is not None):
        sections.append(("energy", "Energy balance", balance))
    if fed := feeder_section(dataset, truth=truth is not None):
        sections.append(("feeders", "Feeders", fed))
    if truth is not None:
        sections.append(("truth", "Ground truth", _truth(summary, truth)))
    if board is not None:
        note = "" if is_about(board, dataset) else '<p class="note">This leaderboard is of another data set.</p>'
        sections.append(("leaderboard", "Leaderboard", note + leaderboard_section(board)))
    config = dataset.config
    table = (
        tables.config_table(config, truth=truth is not None)
        if config
        else '<p class="note">The folder has no config.yaml: ghostload did not make it, or the file was taken away.</p>'
    )
    sections.append(("settings", "Settings", table))
    return sections


def _realism(realism: Sequence[RealismRow], *, truth: bool) -> str:
    who = "Residential meters without theft" if truth else "All residential meters"
    return (
        f"<p>{who}, held against what was measured on public sets of real households. The green bar is the range of "
        f"those sets, the dot is this data set.</p>{tables.realism_table(realism)}"
    )


def _samples(summary: Summary) -> str:
    intro = "<p>Registered kWh by month of the meters at the 5, 25, 50, 75 and 95 % quantile of mean energy.</p>"
    return intro + samples_by_class(summary)


def _truth(summary: Summary, truth: Truth) -> str:
    meters = summary.dataset.num_meters
    thieves = len({row.meter for row in truth.rows if row.family == "theft"})
    bands = {b: len({r.meter for r in truth.rows if r.band == b}) for b in ("High", "Medium", "Low")}
    told = ", ".join(f"{count:,} {band}" for band, count in bands.items() if count)
    rate = tables.percent(thieves / max(meters, 1), 2)
    line = f"{thieves:,} of {meters:,} meters steal ({rate})" + (f"; risk band: {told}." if told else ".")
    return (
        '<p class="note truth">This section shows who steals and what is broken. A detector must not see it.</p>'
        f"<p>{text(line)}</p>{tables.truth_table(truth, meters)}"
        "<h3>Sample series by kind</h3><p>Registered kWh by month; the event's months are shaded, dashed lines mark "
        f"its start and end.</p>{samples_by_kind(summary, truth)}"
    )


def _body(name: str, summary: Summary, sections: Sequence[Section]) -> str:
    found = facts(summary.dataset, summary.feeders)
    energy = float(summary.kwh[summary.kwh == summary.kwh].sum())
    pairs = [
        ("meters", f"{found['meters']:,}"),
        ("transformers", f"{found['transformers']:,}"),
        ("feeders", f"{found['feeders']:,}"),
        ("districts", f"{summary.districts:,}"),
        ("months", f"{found['months']:,}"),
        ("GWh registered", f"{energy / 1e6:,.2f}"),
    ]
    listed = "".join(f"<div><dt>{text(key)}</dt><dd>{text(value)}</dd></div>" for key, value in pairs)
    links = "".join(f'<li><a href="#{key}">{text(title)}</a></li>' for key, title, _ in sections)
    parts = "\n".join(
        f'<section id="{key}"><h2>{text(title)}</h2>\n{content}\n</section>' for key, title, content in sections
    )
    lead = f"Data set report, {found['span'] or 'no months'}"
    return (
        f'<main>\n<header><h1>{text(name)}</h1>\n<p class="lead">{text(lead)}</p>\n'
        f'<dl class="facts">{listed}</dl>\n<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n{parts}\n'
        f"<footer>Written by ghostload {__version__}.</footer>\n</main>"
    )
