"""What a check says, and what all of them say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_IDS = 20
"""Ids that a finding carries; :attr:`Finding.count` is the whole number."""


class Severity(StrEnum):
    """How bad it is.

    ERROR: the data set is wrong, or a check could not run. WARNING: it can be used, but is not what a real set would
    be. INFO: a figure, or something that could not be compared.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(Severity).index(self)


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    check : str
        Name of the check; filled in by the runner.
    severity : Severity
    message : str
        What is wrong, with the values.
    cure : str
        What to do about it; empty for INFO.
    table : str
        Table or file; empty where it is about the whole set.
    column : str
        Empty where it is not about one column.
    ids : tuple of str
        The first :data:`MAX_IDS` of the rows concerned, by their key.
    count : int
        How many rows are concerned.
    """

    check: str
    severity: Severity
    message: str
    cure: str = ""
    table: str = ""
    column: str = ""
    ids: tuple[str, ...] = ()
    count: int = 0

    def __post_init__(self) -> None:
        """Cap the ids, and count them where no count is given."""
        if not self.count:
            object.__setattr__(self, "count", len(self.ids))
        object.__setattr__(self, "ids", tuple(self.ids[:MAX_IDS]))

    @property
    def place(self) -> str:
        """``table.column``, or as much of it as there is."""
        return ".".join(part for part in (self.table, self.column) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "check": self.check,
            "severity": self.severity.value,
            "table": self.table,
            "column": self.column,
            "count": self.count,
            "ids": list(self.ids),
            "message": self.message,
            "cure": self.cure,
        }


def error(
    message: str, cure: str, *, table: str = "", column: str = "", ids: Sequence[str] = (), count: int = 0
) -> Finding:
    """Return an ERROR; the runner puts the name of the check on it."""
    return Finding("", Severity.ERROR, message, cure, table, column, tuple(ids), count)


def warning(
    message: str, cure: str, *, table: str = "", column: str = "", ids: Sequence[str] = (), count: int = 0
) -> Finding:
    """Return a WARNING; the runner puts the name of the check on it."""
    return Finding("", Severity.WARNING, message, cure, table, column, tuple(ids), count)


def info(message: str, *, table: str = "", column: str = "", ids: Sequence[str] = (), count: int = 0) -> Finding:
    """Return an INFO; the runner puts the name of the check on it."""
    return Finding("", Severity.INFO, message, "", table, column, tuple(ids), count)


@dataclass(frozen=True)
class ValidationReport:
    """All findings of one validation, worst first.

    Attributes
    ----------
    findings : tuple of Finding
    checks : tuple of str
        Names of the checks that ran or tried to.
    strict : bool
        Whether a warning counts as an error.
    """

    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    strict: bool = False

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Number of findings of each severity."""
        return {s: sum(f.severity is s for f in self.findings) for s in Severity}

    @property
    def ok(self) -> bool:
        """Whether there is no error, and with ``strict`` no warning."""
        counts = self.counts
        return not counts[Severity.ERROR] and not (self.strict and counts[Severity.WARNING])

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(f for f in self.findings if f.severity is severity)

    def by_check(self, name: str) -> tuple[Finding, ...]:
        """Return the findings of one check."""
        return tuple(f for f in self.findings if f.check == name)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "ok": self.ok,
            "strict": self.strict,
            "counts": {severity.value: count for severity, count in self.counts.items()},
            "checks": list(self.checks),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def to_text(self, *, verbose: bool = False) -> str:
        """Return it as short, aligned lines.

        Parameters
        ----------
        verbose : bool
            All ids that the findings carry, and the checks that found nothing.
        """
        from ghostload.validation.render import render

        return render(self, verbose=verbose)

    def __str__(self) -> str:
        return self.to_text()
