"""``ghostload export``: a data set in the forms that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .log import Log

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

F = TypeVar("F", bound=Callable[..., Any])


@click.group("export")
def command() -> None:
    """Write a data set as CSV of the readings, as one DuckDB file, or as Green Button XML.

    \b
    Example:
      ghostload export csv generated_data -o readings.csv
      ghostload export duckdb generated_data -o town.duckdb --truth
      ghostload export green-button generated_data -o homes --meter MTR_000001 --meter MTR_000002
    """  # noqa: D301


def _shared(target: str) -> Callable[[F], F]:
    """Add what the three have in common; ``target`` says what -o names."""

    def add(function: F) -> F:
        for option in (
            click.option("-v", "--verbose", is_flag=True, help="Say every step; show the traceback of an error."),
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
            click.option("--force", is_flag=True, help="Replace an earlier export."),
            click.option("--to", "end", metavar="TIME", help="First moment no longer wanted."),
            click.option("--from", "start", metavar="TIME", help="First moment, such as 2025-03-01; local time."),
            click.option("--meter", "meters", multiple=True, metavar="ID", help="One meter; repeatable.  [all]"),
            click.option(
                "-o", "--output", type=click.Path(path_type=Path), metavar="TARGET", required=True, help=target
            ),
            click.argument("directory", metavar="DIR", type=click.Path(path_type=Path)),
        ):
            function = option(function)
        return function

    return add


@command.command("csv")
@_shared("NAME.csv for one file, else a folder with a file a feeder.")
@click.option("--truth", is_flag=True, help="Also write what the utility cannot see, into files of their own.")
def csv_command(directory: Path, output: Path, truth: bool, force: bool, **options: Any) -> None:
    """Write the readings in time as CSV.

    Times are ISO 8601 with the offset from UTC, energies in Wh, voltages in V; an empty cell is a missing reading.

    \b
    Example:
      ghostload export csv generated_data -o readings.csv --from 2025-03-01 --to 2025-04-01
      ghostload export csv generated_data -o csv --truth
    """  # noqa: D301
    from ghostload.export.formats import Wanted, export_csv

    log = _log(options)
    wanted = Wanted(options["meters"], options["start"], options["end"], truth)
    rows = export_csv(_dataset(directory), output, wanted=wanted, force=force, progress=log.progress)
    log.event("done", f"{output}: {rows:,} rows", output=str(output), rows=rows)


@command.command("duckdb")
@_shared("File to write, such as town.duckdb.")
@click.option("--truth", is_flag=True, help="Also write labels, events and true energies, and views of them.")
def duckdb_command(directory: Path, output: Path, truth: bool, force: bool, **options: Any) -> None:
    """Write all tables into one DuckDB file, with keys, comments and views.

    Needs the package duckdb: pip install "ghostload[duckdb]". Readings in time are in it where DIR has them.

    \b
    Example:
      ghostload export duckdb generated_data -o town.duckdb
      duckdb town.duckdb "FROM transformer_balance WHERE gap_kwh > 1 LIMIT 10"
    """  # noqa: D301
    from ghostload.export.formats import Wanted, export_duckdb

    log = _log(options)
    wanted = Wanted(options["meters"], options["start"], options["end"], truth)
    rows = export_duckdb(_dataset(directory), output, wanted=wanted, force=force, progress=log.progress)
    text = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    log.event("done", f"{output}: {text} rows", output=str(output), rows=rows)


@command.command("green-button")
@_shared("NAME.xml for one feed, else a folder with a feed a meter.")
def green_button_command(directory: Path, output: Path, force: bool, **options: Any) -> None:
    """Write the readings of chosen meters as Green Button (ESPI) XML.

    Energies are in Wh, voltages in V. Estimates carry a quality code; missing readings are left out.

    \b
    Example:
      ghostload export green-button generated_data -o home.xml --meter MTR_000001
    """  # noqa: D301
    from ghostload.export.formats import Wanted, export_green_button

    log = _log(options)
    wanted = Wanted(options["meters"], options["start"], options["end"])
    count = export_green_button(_dataset(directory), output, wanted=wanted, force=force, progress=log.progress)
    log.event("done", f"{output}: {count:,} {'meter' if count == 1 else 'meters'}", output=str(output), meters=count)


def _dataset(directory: Path) -> Dataset:
    from ghostload.dataset import load_dataset

    return load_dataset(directory, require_labels=False)


def _log(options: dict[str, Any]) -> Log:
    if options["quiet"] and options["verbose"]:
        raise click.UsageError("-q and -v contradict each other; give one")
    return Log(quiet=options["quiet"], verbose=options["verbose"])
