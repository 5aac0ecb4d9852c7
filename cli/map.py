"""``ghostload map``: draws a data set, in one HTML file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("map")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.html",
    help="File to write.  [default: <name of DIR>_map.html in the current directory]",
)  # fmt: skip
@click.option(
    "--truth", is_flag=True, help="Show thieves, faults and look-alikes. Without it the file holds none of it."
)
@click.option(
    "--tiles", metavar="URL", help="Street map that a reader may switch on, with {Z}, {X}, {Y}.  [default: CARTO]"
)
@click.option("--attribution", metavar="TEXT", help="What the owner of --tiles wants to be read beside it.")
@click.option("--force", is_flag=True, help="Overwrite a file that ghostload did not write.")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error.")
def command(
    directory: Path,
    output: Path | None,
    truth: bool,
    tiles: str | None,
    attribution: str | None,
    force: bool,
    verbose: bool,
) -> None:
    """Draw a data set on a map, in one HTML file.

    DIR is any folder with transformers.csv, meter_consumption.csv and anomaly_labels.csv. The file works from disk,
    without a network.

    \b
    Example:
      ghostload map generated_data
      ghostload map generated_data -o city.html --truth
    """  # noqa: D301
    from ghostload.dataset import load_dataset
    from ghostload.errors import UsageError
    from ghostload.reporting.output import check_target, default_path

    if attribution is not None and tiles is None:
        raise UsageError("--attribution: belongs to --tiles; give both")
    path = output or default_path(directory, "map")
    check_target(path, force=force)
    dataset = load_dataset(directory, require_labels=truth)

    from ghostload.reporting.map_page import write_map

    options = {} if tiles is None else {"tile_url": tiles, "tile_attribution": attribution or ""}
    size = write_map(dataset, path, truth=truth, force=force, **options)
    click.echo(f"{path}: {size / 1e6:.1f} MB, open it in a browser", err=True)
