"""``ghostload generate``: make a data set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ghostload.config.loading import config_to_dict, default_settings
from ghostload.config.model import DIFFICULTIES, INTERVALS, GeneratorConfig
from ghostload.config.yamltext import dump_yaml

from .lean import collecting_later, keep_pandas_out
from .log import Log
from .settings import layer_options, resolve_settings

if TYPE_CHECKING:
    from ghostload.dataset import Dataset
    from ghostload.engines import Engine
    from ghostload.validation import ValidationReport

ENGINES = ("serial", "threads", "processes", "dask")
_DEFAULT = default_settings()
NAMED = {
    "--difficulty": "difficulty",
    "--region": "territory.region",
    "--interval": "interval",
    "--num-transformers": "num_transformers",
    "--num-meters": "num_meters",
    "--num-months": "num_months",
    "--start-month": "start_month",
    "--anomaly-rate": "anomaly_rate",
    "--seed": "random_seed",
    "--output-dir": "output_dir",
}
"""Named options and the settings that they stand for."""


@click.command(
    epilog="""\b
    Examples:
      ghostload generate --num-meters 5000
      ghostload generate --interval 30min --num-meters 5000 --jobs 2
      ghostload generate --preset metro_manila --num-months 24 --output-dir manila
      ghostload generate -c run.yaml --set anomalies.hot_spot_share=0.2 --dry-run

    Defaults < preset < file < --set < the other options. Exit code 3: written, but validation found errors."""
)
@layer_options
@click.option("--difficulty", type=click.Choice(DIFFICULTIES), help="How well theft hides. [realistic]")
@click.option("--region", metavar="FILE", help="GeoJSON polygons with a name property. [Metro Manila]")
@click.option("--interval", type=click.Choice(INTERVALS), help="Resolution of readings. [months only]")
@click.option("--num-transformers", type=int, metavar="N", help="Transformers. [one for 40 meters]")
@click.option("--num-meters", type=int, metavar="N", help=f"Meters. [{_DEFAULT['num_meters']}]")
@click.option("--num-months", type=int, metavar="N", help=f"Calendar months. [{_DEFAULT['num_months']}]")
@click.option("--start-month", metavar="YYYY-MM", help=f"First month. [{_DEFAULT['start_month']}]")
@click.option("--anomaly-rate", type=float, metavar="R", help=f"Share with theft. [{_DEFAULT['anomaly_rate']}]")
@click.option("--seed", type=int, metavar="S", help=f"Seed of every random number. [{_DEFAULT['random_seed']}]")
@click.option("--output-dir", metavar="DIR", help=f"Folder to write. [{_DEFAULT['output_dir']}]")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Threads; change no byte. [processors]")
@click.option("--engine", type=click.Choice(ENGINES), help="Who does the feeders; changes no byte. [threads]")
@click.option("--scheduler", metavar="ADDRESS", help="Dask cluster to use, such as tcp://host:8786.")
@click.option("--dry-run", is_flag=True, help="Print settings, rows, bytes and time (estimated), and write nothing.")
@click.option("--force", is_flag=True, help="Replace a data set of another config in that folder.")
@click.option("--resume", is_flag=True, help="Go on where a killed run of the same config was.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say every step, and show a traceback with an error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Of stderr. [text]")
@click.pass_obj
def command(
    own_process: bool | None,
    /,
    preset: str | None,
    file: str | None,
    overrides: tuple[str, ...],
    jobs: int | None,
    engine: str | None,
    scheduler: str | None,
    dry_run: bool,
    force: bool,
    resume: bool,
    quiet: bool,
    verbose: bool,
    log_format: str,
    **options: Any,
) -> int:
    """Make a data set of meters with known theft, faults and look-alikes, and write it into a folder."""
    if quiet and verbose:
        raise click.UsageError("-q and -v contradict each other; give one")
    named = {flag: (path, options[flag[2:].replace("-", "_")]) for flag, path in NAMED.items()}
    with collecting_later() if own_process else nullcontext():
        config = resolve_settings(preset, file, overrides, named)
        if own_process:
            keep_pandas_out()
        _import(config)
    from ghostload.engines import open_engine, processors

    jobs = jobs or processors()
    if dry_run:
        click.echo(_plan(config, jobs), nl=False)
        return 0
    log = Log(log_format, quiet=quiet, verbose=verbose)
    name = engine or ("dask" if scheduler else "threads" if jobs > 1 else "serial")
    beside = _beside(config, name) if own_process and jobs > 1 else {}
    with _compiling(config, log, beside), open_engine(name, jobs, scheduler=scheduler) as workers:
        return _generate(config, log, workers, jobs=jobs, force=force, resume=resume)


def _import(config: GeneratorConfig) -> None:
    """Import what the command will need, which it does at once."""
    names = ["export", "pipeline", "validation"]
    if config.interval is not None:
        names += ["simulation.in_time", "consumption.interval_kernel", "metering.kernels"]
    elif config.physics != "none":
        names += ["simulation.by_days", "physics.day_kernel"]
    if config.physics != "none":
        names += ["physics.finish"]
    for name in names:
        import_module(f"ghostload.{name}")


def _beside(config: GeneratorConfig, engine: str) -> dict[str, str]:
    """Return what a second process may compile while this one compiles the kernels of demand, and in which modules."""
    if engine not in ("serial", "threads") or config.physics == "none":
        return {}
    readings = {"interval readings": "ghostload.metering.intervals"} if config.interval else {}
    return {"power flow of feeders": "ghostload.physics.plan", **readings}


@contextmanager
def _compiling(config: GeneratorConfig, log: Log, beside: dict[str, str]) -> Iterator[None]:
    """Announce compilation where there are kernels, and see to those that a second process may compile."""
    if config.interval is None and config.physics == "none":
        yield
        return
    from ghostload.grid.kernels.beside import compiling_beside
    from ghostload.grid.kernels.compiled import on_compile

    on_compile(lambda message: log.event("compiling", message))
    with compiling_beside(beside):
        yield


def _generate(config: GeneratorConfig, log: Log, engine: Engine, *, jobs: int, force: bool, resume: bool) -> int:
    """Build, check and write; return the exit code."""
    from ghostload.export import Workspace, block_store, check_target, write_dataset
    from ghostload.pipeline import SyntheticDataPipeline
    from ghostload.scratch import Scratch
    from ghostload.validation import validate

    with Workspace(config.output_dir) as workspace:
        check_target(workspace, config, force=force)
        store = block_store(workspace, config, resume=resume)
        if resume:
            found = len(store.names())
            log.event("resume", f"{found} finished blocks found" if found else "nothing to go on with", blocks=found)
        try:
            dataset = SyntheticDataPipeline(config).build(log.progress, jobs=jobs, store=store, engine=engine)
            log.progress("checks", 0, 1)
            report = validate(dataset, jobs=jobs, scratch=Scratch(store.folder))
            log.progress("checks", 1, 1)
            log.progress("files", 0, 1)
            write_dataset(dataset, config.output_dir, force=force, validation=report, workspace=workspace)
            log.progress("files", 1, 1)
        except BaseException:
            kept = len(store.names())
            if kept:
                log.event(
                    "kept", f"{kept} finished blocks are kept; the same command with --resume goes on", blocks=kept
                )
            raise
    _say_result(config, dataset, report, log)
    return 0 if report.ok else 3


def _say_result(config: GeneratorConfig, dataset: Dataset, report: ValidationReport, log: Log) -> None:
    counts = {severity.value: count for severity, count in report.counts.items()}
    thieves = dataset.tables["anomaly_labels"].num_rows
    readings = sum(file.rows or 0 for name, file in dataset.files.items() if name.startswith("readings/"))
    in_time = f"{readings:,} readings every {config.interval}, " if readings else ""
    text = (
        f"{dataset.num_meters:,} meters on {config.transformers:,} transformers, {config.num_months} months, "
        f"{in_time}{thieves:,} with theft: {config.output_dir}"
    )
    if report.ok:
        text += f"\nnext: ghostload validate {config.output_dir}"
    else:
        errors = "1 error" if counts["error"] == 1 else f"{counts['error']} errors"
        text += f"\nvalidation found {errors}; see ghostload validate {config.output_dir}"
    log.event(
        "done",
        text,
        meters=dataset.num_meters,
        transformers=config.transformers,
        months=config.num_months,
        theft_meters=thieves,
        output_dir=str(config.output_dir),
        valid=report.ok,
        findings=counts,
    )


def _plan(config: GeneratorConfig, jobs: int) -> str:
    """Return the settings and what would be written, as YAML."""
    from ghostload.export.estimate import estimate
    from ghostload.pipeline import SyntheticDataPipeline
    from ghostload.validation import validate

    found = estimate(config, lambda sample: SyntheticDataPipeline(sample).build(jobs=jobs), validate, jobs=jobs)
    rows = {name: ({} if f.rows is None else {"rows": f.rows}) | {"bytes": f.bytes} for name, f in found.files.items()}
    total = sum(file.bytes for file in found.files.values())
    return dump_yaml(
        {"config": config_to_dict(config), "files": rows, "total_bytes": total, "seconds": round(found.seconds, 1)}
    )
