"""``ghostload benchmark``: run anomaly detectors on a data set and score them honestly."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ghostload.errors import UsageError


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR", required=False)
@click.option(
    "--detector",
    "-d",
    "names",
    multiple=True,
    metavar="NAME",
    help="Run only this one; may be repeated. A name of --list, pyod:Name, or package.module:Class (looked for in the "
    "current folder too). Default: all of --list.",
)
@click.option(
    "--output-dir",
    "-o",
    type=click.Path(path_type=Path),
    help="Also write leaderboard.csv, _details.csv, .json and .html here. Default: print only.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--details", is_flag=True, help="Also show what is found by kind of theft and flagged by look-alike.")
@click.option(
    "--records",
    default="perfect",
    show_default=True,
    metavar="perfect|typical|poor",
    help="How far the utility's records of transformers, phases and wires are right, as detectors are told of them.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of folds, detectors, records and bootstrap.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Replicates for the intervals; 0 for none.",
)
@click.option("--list", "list_only", is_flag=True, help="List the detectors and stop.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress on stderr.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def command(
    ctx: click.Context,
    directory: Path | None,
    names: tuple[str, ...],
    output_dir: Path | None,
    form: str,
    details: bool,
    records: str,
    seed: int,
    bootstrap: int,
    list_only: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run anomaly detectors on a data set and score them honestly.

    Thieves are known from anomaly_labels.csv, which no detector sees; a supervised one (marked *) learns the labels of
    other transformers. Sorted by average precision (AP). Detectors that need interval readings, voltages or the
    transformers' meters are run where the data set has them.

    Exit code 1 when a detector failed.

    \b
    Example:
      ghostload benchmark generated_data
      ghostload benchmark generated_data -d isolation_forest -d my_module:MyDetector -o results
    """  # noqa: D301
    if list_only:
        _list_detectors()
        return
    if directory is None:
        raise click.UsageError("Missing argument 'DIR'.", ctx)
    _refuse_inside(output_dir, directory)
    if any(":" in name for name in names):
        # Last, so that a file of the current folder cannot stand in for an installed module.
        sys.path.append(str(Path.cwd()))

    from ghostload.dataset import load_dataset
    from ghostload.detection import not_run, run_benchmark
    from ghostload.detection.text import details_text, leaderboard_text

    dataset = load_dataset(directory)
    board = run_benchmark(
        dataset,
        names or None,
        seed=seed,
        n_bootstrap=bootstrap,
        records=records,
        progress=None if quiet else _show_progress,
    )
    if not names and not quiet:
        for missing, detectors in not_run(dataset).items():
            click.echo(f"not run: {', '.join(detectors)}: {missing}", err=True)
    written = board.write(output_dir) if output_dir is not None else ()
    if form == "json":
        click.echo(board.to_json(), nl=False)
    else:
        click.echo(leaderboard_text(board))
        if details:
            click.echo(details_text(board, board.budgets[-1]))
    if written and not quiet:
        click.echo(f"wrote {', '.join(str(path) for path in written)}", err=True)
    if board.failed:
        ctx.exit(1)


def _list_detectors() -> None:
    from ghostload.detection import DETECTORS

    rows = [(f"{spec.name} *" if spec.supervised else spec.name, spec.summary) for spec in DETECTORS]
    width = max(len(name) for name, _ in rows)
    for name, summary in rows:
        click.echo(f"{name.ljust(width)}  {summary}")


def _show_progress(name: str, done: int, total: int) -> None:
    click.echo(f"[{done + 1}/{total}] {name}", err=True)


def _refuse_inside(output_dir: Path | None, directory: Path) -> None:
    """Keep results out of the data set: its files follow from its config alone."""
    if output_dir is not None and output_dir.resolve().is_relative_to(directory.resolve()):
        raise UsageError(f"--output-dir: {output_dir} lies in the data set {directory}; choose a folder outside it")
