"""``ghostload score``: score anybody's file of meter_id, score."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("scores", type=click.Path(path_type=Path), metavar="SCORES.CSV")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Replicates for the intervals; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
def command(directory: Path, scores: Path, form: str, bootstrap: int, seed: int, verbose: bool) -> None:
    """Score your own file of meter_id, score against the ground truth of a data set.

    SCORES.CSV has a header and every meter of DIR once, in any order; a higher score is more suspicious. The
    metrics are those of ghostload benchmark: average precision, ROC AUC, and what inspecting 1, 2 and 5 % of the
    meters finds.

    \b
    Example:
      ghostload score generated_data my_scores.csv
      ghostload score generated_data my_scores.csv --format json
    """  # noqa: D301
    from ghostload.dataset import load_dataset
    from ghostload.detection import evaluate, read_scores, truth_of
    from ghostload.detection.text import scores_json, scores_text

    dataset = load_dataset(directory)
    truth = truth_of(dataset)
    metrics = evaluate(read_scores(scores, dataset), truth, n_bootstrap=bootstrap, seed=seed)
    show = scores_json if form == "json" else scores_text
    click.echo(show(metrics, num_meters=dataset.num_meters, num_theft=int(truth.is_theft.sum())))
