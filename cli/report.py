"""``ghostload report``: describes a data set in one HTML page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.html",
    help="File to write.  [default: <name of DIR>_report.html in the current directory]",
)  # fmt: skip
@click.option(
    "--leaderboard", type=click.Path(path_type=Path), metavar="FILE.json",
    help="Written by ghostload benchmark -o.  [default: leaderboard.json in DIR or beside it, when of this data set]",
)  # fmt: skip
@click.option("--no-truth", is_flag=True, help="Leave out all that follows from the ground truth.")
@click.option("--force", is_flag=True, help="Overwrite a file that ghostload did not write.")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error.")
def command(
    directory: Path, output: Path | None, leaderboard: Path | None, no_truth: bool, force: bool, verbose: bool
) -> None:
    """Describe a data set in one HTML page.

    DIR is any folder with transformers.csv, meter_consumption.csv and anomaly_labels.csv. The page shows settings,
    counts, validation, distributions against figures of real households, sample series and the leaderboard.

    \b
    Example:
      ghostload report generated_data
      ghostload report generated_data -o for_others.html --no-truth
    """  # noqa: D301
    from ghostload.dataset import load_dataset
    from ghostload.errors import UsageError
    from ghostload.reporting.output import check_target, default_path
    from ghostload.reporting.report_leaderboard import find_leaderboard, read_leaderboard

    if no_truth and leaderboard is not None:
        raise UsageError("--leaderboard: follows from the ground truth, which --no-truth leaves out; give one of them")
    path = output or default_path(directory, "report")
    check_target(path, force=force)
    board = read_leaderboard(leaderboard) if leaderboard else None
    dataset = load_dataset(directory, require_labels=False)
    if board is None and not no_truth:
        board = find_leaderboard(directory, dataset)

    from ghostload.reporting.report_page import write_report

    size = write_report(dataset, path, truth=not no_truth, leaderboard=board, force=force)
    click.echo(f"{path}: {size / 1e6:.1f} MB, open it in a browser", err=True)
