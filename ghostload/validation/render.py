"""A validation report as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from ghostload.validation.finding import Finding, Severity, ValidationReport

WIDTH = 100
INDENT = 9
_SHOWN_IDS = 5
_SHOWN_CHECKS = 3


def render(report: ValidationReport, *, verbose: bool = False) -> str:
    """Return the verdict, then each finding under its severity.

    Findings that say the same of the same place, as when a table that many checks need is missing, are shown once with
    the names of all their checks.
    """
    lines = [verdict(report)]
    for same, group in groupby(report.findings, key=_what_it_says):
        checks = [finding.check for finding in group]
        lines.extend(_lines(same[0], checks, verbose=verbose))
    if verbose:
        found = {finding.check for finding in report.findings}
        quiet = [name for name in report.checks if name not in found]
        lines.extend(_wrap("fine", ", ".join(quiet)) if quiet else ())
    return "\n".join(lines)


def verdict(report: ValidationReport) -> str:
    """One line: whether it is valid, and how many findings there are."""
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    counts = [_count(number, nouns[severity]) for severity, number in report.counts.items()]
    word = "valid" if report.ok else "not valid"
    strict = ", strict" if report.strict else ""
    return f"{word}: {_count(len(report.checks), 'check')}{strict}; {', '.join(counts)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _what_it_says(finding: Finding) -> tuple[Finding, ...]:
    """All but the check's name, as a key."""
    return (
        Finding(
            "", *(getattr(finding, name) for name in ("severity", "message", "cure", "table", "column", "ids", "count"))
        ),
    )


def _lines(finding: Finding, checks: Sequence[str], *, verbose: bool) -> Iterator[str]:
    shown = list(checks) if verbose else list(checks[:_SHOWN_CHECKS])
    more = f" and {len(checks) - len(shown)} more" if len(checks) > len(shown) else ""
    title = ", ".join(shown) + more + (f" · {finding.place}" if finding.place else "")
    yield from _wrap(finding.severity.value, title)
    yield from _wrap("", finding.message)
    if finding.ids:
        ids = finding.ids if verbose else finding.ids[:_SHOWN_IDS]
        rest = finding.count - len(ids)
        yield from _wrap("", ", ".join(ids) + (f" and {rest} more" if rest > 0 else ""))
    if finding.cure:
        yield from _wrap("", f"cure: {finding.cure}")


def _wrap(label: str, text: str) -> list[str]:
    first, then = label.ljust(INDENT), " " * INDENT
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
