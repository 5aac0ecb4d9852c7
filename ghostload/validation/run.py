"""Running checks over a data set or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ghostload.dataset.dataset import Dataset
from ghostload.schema_in_time import PARTITIONED
from ghostload.scratch import Scratch, let_go
from ghostload.validation.checks import CHECKS, Check
from ghostload.validation.context import CannotRun, Context
from ghostload.validation.finding import Finding, Severity, ValidationReport, error
from ghostload.validation.reading_scan import scans


def validate(
    dataset: Dataset,
    *,
    strict: bool = False,
    checks: Sequence[str] | None = None,
    jobs: int = 1,
    scratch: Scratch | None = None,
) -> ValidationReport:
    """Check a data set in memory.

    The project's checks hold a piece of each table at a time; a few bytes for each meter lie in files without names.

    Parameters
    ----------
    dataset : Dataset
    strict : bool
        Warnings count as errors.
    checks : sequence of str, optional
        Names of the checks to run. Not given: all that need no files.
    jobs : int
        Threads that read readings in time; no finding depends on it.
    scratch : Scratch, optional
        Where such files are; the system's temporary folder by default.

    Returns
    -------
    ValidationReport

    Raises
    ------
    RegistrationError
        A name is unknown.
    """
    return _report(Context(dataset, scratch=scratch), _chosen(checks, folder=False), strict=strict, jobs=jobs)


def validate_folder(
    directory: str | Path,
    *,
    strict: bool = False,
    checks: Sequence[str] | None = None,
    jobs: int = 1,
    scratch: Scratch | None = None,
) -> ValidationReport:
    """Check a data set in a folder, its files included.

    Parameters
    ----------
    directory : path
        Any folder; what is missing or cannot be read becomes a finding.
    strict, checks, jobs, scratch
        As for :func:`validate`.

    Raises
    ------
    DataError
        There is no such folder.
    RegistrationError
        A name is unknown.
    """
    from ghostload.dataset.load import read_folder

    chosen = _chosen(checks, folder=True)
    reading = read_folder(directory)
    context = Context(reading.dataset, folder=Path(directory), problems=reading.problems, scratch=scratch)
    return _report(context, chosen, strict=strict, jobs=jobs)


def run_check(check: Check, context: Context) -> tuple[Finding, ...]:
    """Run one check; when it cannot run, that is its finding."""
    try:
        with np.errstate(all="ignore"):
            found = list(check.function(context))
    except CannotRun as gap:
        found = [error(f"could not run: {gap.message}", gap.cure, table=gap.table, column=gap.column)]
    except Exception as failure:
        # A check of any make may fail on data nobody thought of; the others still have to speak.
        reason = " ".join(f"{type(failure).__name__}: {failure}".split())
        found = [error(f"could not run: {reason}", "see the other findings; if there are none, report this")]
    return tuple(replace(finding, check=check.name) for finding in found)


def _chosen(names: Sequence[str] | None, *, folder: bool) -> tuple[Check, ...]:
    if names is not None:
        return tuple(CHECKS.get(name) for name in dict.fromkeys(names))
    return tuple(check for check in CHECKS if folder or not check.needs_folder)


def _report(context: Context, checks: Sequence[Check], *, strict: bool, jobs: int) -> ValidationReport:
    if jobs > 1 and any(check.subject == "readings" for check in checks):
        _read_ahead(context, jobs)
    findings: list[Finding] = []
    for check in checks:
        findings.extend(run_check(check, context))
        let_go()
        pa.default_memory_pool().release_unused()
    findings.sort(key=lambda f: (f.severity.rank, f.message.startswith("could not run"), f.table, f.column, f.message))
    return ValidationReport(tuple(findings), tuple(check.name for check in checks), strict)


def _read_ahead(context: Context, jobs: int) -> None:
    """Have threads read the readings in time for the checks, which say themselves what goes wrong."""

    def read(folder: str) -> None:
        with suppress(Exception), np.errstate(all="ignore"):
            scans(context, folder)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(read, PARTITIONED))


__all__ = ["Severity", "run_check", "validate", "validate_folder"]
