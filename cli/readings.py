"""``ghostload readings``: readings in time of some meters, transformers or feeders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ghostload.config.model import INTERVALS

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

_FORMATS = ("csv", "json", "parquet")
_OF = ("meters", "transformers", "feeders")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--meter", "meters", multiple=True, metavar="ID", help="Meter, such as MTR_000123; may be repeated.")
@click.option("--transformer", "transformers", multiple=True, metavar="ID", help="All meters of a transformer.")
@click.option("--feeder", "feeders", multiple=True, metavar="ID", help="All meters of a feeder.")
@click.option("--from", "start", metavar="TIME", help="First moment, local time: 2025-03-01 or 2025-03-01T12:00.")
@click.option("--to", "end", metavar="TIME", help="First moment that is no longer wanted.")
@click.option("--interval", type=click.Choice(INTERVALS), help="Resolution. [the data set's]")
@click.option("--columns", metavar="A,B", help="Columns, such as time,registered_kwh. [all]")
@click.option("--truth", is_flag=True, help="What the utility cannot see: true demand and voltage.")
@click.option("--of", type=click.Choice(_OF), default="meters", show_default=True, help="Whose readings.")
@click.option("--of-transformers", is_flag=True, help="The same as --of transformers.")
@click.option("--region", type=click.Path(path_type=Path), metavar="FILE", help="Region that the data set was made of.")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="[by the name of the output, else csv]")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="[standard output]")
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of an error.")
def command(
    directory: Path,
    meters: tuple[str, ...],
    transformers: tuple[str, ...],
    feeders: tuple[str, ...],
    region: Path | None,
    form: str | None,
    output: Path | None,
    force: bool,
    verbose: bool,
    **wanted: Any,
) -> None:
    """Print readings in time of a data set.

    They are read from the data set where it has them at that interval. Else they are computed from its settings: only
    the wanted meters, or their feeders when voltages are wanted, and only the wanted months; the same numbers either
    way.

    \b
    Example:
      ghostload readings generated_data --meter MTR_000123 --from 2025-03-01 --to 2025-03-08 --interval 30min
      ghostload readings generated_data --transformer TX_0004 --truth --interval 1h -o truth.parquet
    """  # noqa: D301
    from ghostload.dataset import load_dataset

    suffix = output.suffix.removeprefix(".") if output is not None else ""
    form = form or (suffix if suffix in _FORMATS else "csv")
    if form == "parquet" and output is None:
        raise click.UsageError("--format parquet writes a file; name it with --output")
    dataset = _with_region(load_dataset(directory, require_labels=False), region)
    interval, columns = wanted.pop("interval"), wanted.pop("columns")
    options = {
        **wanted,
        "meters": meters or None,
        "transformers": transformers or None,
        "feeder": feeders or None,
        "columns": None if columns is None else [name.strip() for name in columns.split(",")],
    }
    stored = dataset.config is not None and interval in (None, dataset.config.interval) and dataset.files
    if stored:
        readings = dataset.readings(**options)
    else:
        from ghostload.pipeline import compute_readings

        readings = compute_readings(dataset, interval=interval, **options)
    from ghostload.export.pieces import write_readings

    if output is None:
        write_readings(readings, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    from ghostload.export.formats.place import new_file

    with new_file(output, force=force) as place, place.open("xb") as stream:
        write_readings(readings, form, stream)


def _with_region(dataset: Dataset, region: Path | None) -> Dataset:
    """Return the data set with the file of its region in its config, when one is given."""
    from dataclasses import replace

    if region is None or dataset.config is None:
        return dataset
    territory = replace(dataset.config.territory, region=region)
    return replace(dataset, config=dataset.config.replace(territory=territory))
