"""``ghostload validate``: checks a data set and lists what is wrong with it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ghostload.validation import ValidationReport

ERRORS_FOUND = 3
"""Exit code when the command ran and the data set is not valid."""


@click.command("validate")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of stdout."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--check", "checks", multiple=True, metavar="NAME", help="Run this check alone; may be given again.")
@click.option("--list-checks", is_flag=True, help="List the checks, and stop; DIR is not needed.")
@click.option("-v", "--verbose", is_flag=True, help="List more ids and what is fine; show the traceback of an error.")
@click.pass_context
def command(
    context: click.Context,
    directory: Path | None,
    form: str,
    strict: bool,
    checks: tuple[str, ...],
    list_checks: bool,
    verbose: bool,
) -> None:
    """Check a data set and list what is wrong with it.

    DIR is any folder with the core files, whoever made it. Exit code 0: valid; 3: errors were found.

    \b
    Example:
      ghostload validate generated_data
      ghostload validate generated_data --strict --format json
      ghostload validate generated_data --check unique_ids --check on_land
    """  # noqa: D301
    if list_checks:
        click.echo(_list(form))
        return
    if directory is None:
        raise click.UsageError("DIR is missing; give the folder of a data set, such as generated_data", context)
    report = _validated(directory, strict, checks)
    if form == "json":
        click.echo(json.dumps({"directory": str(directory), **report.to_dict()}, ensure_ascii=False, indent=1))
    else:
        click.echo(f"{directory}: {report.to_text(verbose=verbose)}")
    context.exit(0 if report.ok else ERRORS_FOUND)


def _validated(directory: Path, strict: bool, checks: tuple[str, ...]) -> ValidationReport:
    from ghostload.engines import processors
    from ghostload.validation import validate_folder

    return validate_folder(directory, strict=strict, checks=checks or None, jobs=processors())


def _list(form: str) -> str:
    """Return every check with its severities and what must hold."""
    from ghostload.validation import CHECKS

    ordered = sorted(CHECKS, key=lambda check: (check.subject, check.name))
    if form == "json":
        rows = [
            {"name": c.name, "subject": c.subject, "severities": [s.value for s in c.severities], "summary": c.summary}
            for c in ordered
        ]
        return json.dumps(rows, ensure_ascii=False, indent=1)
    width = max(len(check.name) for check in ordered) + 2
    lines = [
        textwrap.wrap(check.summary, 100, initial_indent=check.name.ljust(width), subsequent_indent=" " * width)
        for check in ordered
    ]
    return "\n".join(line for wrapped in lines for line in wrapped)
