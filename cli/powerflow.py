"""``ghostload powerflow``: solve a grid and say what matters of it."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ghostload.grid.power_grid import PowerGrid

NOT_CONVERGED, NOT_VALID = 1, 3
"""Exit codes: there is no solution; the grid has errors."""

MOST = 5
"""Branches, findings that are shown."""

LEAST_PERCENT = 1.0
"""Loading from which on a branch is shown; below, its rating usually stands for none."""

FILES = (".zip", ".json", ".m")


@click.command("powerflow")
@click.argument("case", metavar="CASE")
@click.option("--qlim", is_flag=True, help="Keep generators within their reactive limits.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.zip",
    help="Write all results: a zip of one Parquet table a component.",
)  # fmt: skip
@click.option(
    "--series", type=click.Path(path_type=Path), metavar="FILE",
    help="Solve a step a row: .csv or .parquet with columns such as load.3.p_mw, gen.0.vm_pu, time.",
)  # fmt: skip
@click.option(
    "--contingencies", type=click.IntRange(min=1), metavar="K", help="Solve all outages of K branches at a time."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Threads of a batch."
)
@click.option("--tolerance", type=float, default=1e-8, show_default=True, metavar="PU", help="Largest mismatch, pu.")
@click.option("--max-iter", type=int, default=20, show_default=True, metavar="N", help="Newton steps of one attempt.")
@click.option(
    "--init", type=click.Choice(["auto", "flat", "dc"]), default="auto", show_default=True, help="Where Newton starts."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of stdout."
)
@click.option("-v", "--verbose", is_flag=True, help="List all findings; show the traceback of an error.")
@click.pass_context
def command(
    context: click.Context,
    case: str,
    qlim: bool,
    output: Path | None,
    series: Path | None,
    contingencies: int | None,
    jobs: int,
    tolerance: float,
    max_iter: int,
    init: str,
    form: str,
    verbose: bool,
) -> None:
    """Solve the power flow of a grid: losses, voltages, the most loaded branches, islands.

    CASE is a file (.zip of pandapower CSV or of Parquet tables, pandapower .json, MATPOWER .m) or a name from
    ghostload cases. Exit code 0: solved; 1: no solution was found, or none for a step of a series; 3: the grid has
    errors, and they are listed.

    \b
    Example:
      ghostload powerflow case118
      ghostload powerflow case118 --contingencies 1 --jobs 2
      ghostload powerflow pglib:case30_ieee --qlim -o results.zip --format json
    """  # noqa: D301
    from ghostload.grid.power_grid import PowerGrid

    if output is not None:
        from ghostload.grid.io.files import refuse_unwritable

        refuse_unwritable(output)
    options: dict[str, Any] = {"tolerance": tolerance, "max_iter": max_iter, "init": init}
    if series is not None and contingencies is not None:
        raise click.UsageError("--series and --contingencies do not go together; give one", context)
    grid = PowerGrid(case, qlim, **options) if _is_file(case) else PowerGrid.from_case(case, qlim, **options)
    errors, warnings = _findings(grid)
    for line in (errors or warnings)[: None if verbose else MOST]:
        click.echo(f"ghostload: {line}", err=True)
    left = len(errors or warnings) - MOST
    if left > 0 and not verbose:
        click.echo(f"ghostload: and {left} more; -v lists them", err=True)
    if errors:
        context.exit(NOT_VALID)
    _warm_up(grid)
    report = grid.solve()
    summary = {"case": case, **summarise(grid)}
    solved = report.converged
    written = False
    if solved and (series is not None or contingencies is not None):
        summary["batch"] = found = _batch(grid, series, contingencies, jobs, output)
        solved, written = contingencies is not None or found["solved"] == found["scenarios"], output is not None
        text = f"{as_text(summary)}\n{batch_text(found)}"
    else:
        text = as_text(summary)
        if solved and output is not None:
            from ghostload.grid.io.files import write_bytes

            write_bytes(output, grid.get_parquet_results())
            written = True
    click.echo(json.dumps(summary, indent=1) if form == "json" else text)
    if written:
        click.echo(f"{output}: written", err=True)
    context.exit(0 if solved else NOT_CONVERGED)


def _warm_up(grid: PowerGrid) -> None:
    """Load or compile the kernels on two buses, so that the time shown is that of the power flow."""
    from ghostload.grid.data import GridData

    _listen()
    tables: dict[str, Any] = {
        "bus": {"vn_kv": [10.0, 10.0]},
        "ext_grid": {"bus": [0]},
        "gen": {"bus": [1], "p_mw": [0.1], "vm_pu": [1.0]},
        "line": {"from_bus": [0], "to_bus": [1], "length_km": [1.0], "r_ohm_per_km": [0.1], "x_ohm_per_km": [0.4]},
    }
    small = type(grid).from_data(GridData.from_tables(tables))
    small.solve()
    small.solve(v_init=small.v)


@cache
def _listen() -> None:
    """Announce compilations on stderr."""
    from ghostload.grid.kernels.compiled import on_compile

    on_compile(lambda message: click.echo(f"ghostload: {message}", err=True))


def _batch(
    grid: PowerGrid, series: Path | None, contingencies: int | None, jobs: int, output: Path | None
) -> dict[str, Any]:
    """Solve a batch; return its summary."""
    from . import powerflow_batch

    with click.progressbar(length=1000, label="solving", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(1000 * done // total - bar.pos)

        return powerflow_batch.run(grid, series, contingencies, output=output, n_jobs=jobs, progress=progress)


def batch_text(summary: dict[str, Any]) -> str:
    """Return the summary of a batch as aligned lines."""
    from . import powerflow_batch

    return powerflow_batch.as_text(summary)


def _is_file(case: str) -> bool:
    """Whether a case is meant as a file: it is one, or looks like one."""
    return Path(case).is_file() or case.lower().endswith(FILES) or "/" in case or "\\" in case


def _findings(grid: PowerGrid) -> tuple[list[str], list[str]]:
    found = grid.validate()
    errors = [str(finding) for finding in found if finding.severity == "error"]
    return errors, [str(finding) for finding in found if finding.severity == "warning"]


def summarise(grid: PowerGrid) -> dict[str, Any]:
    """Return what a solve found, as JSON types."""
    import numpy as np

    report = grid.report
    if report is None:
        grid.solve()
        return summarise(grid)
    counts = {name: len(table) for name, table in grid.data.tables.items() if len(table)}
    out: dict[str, Any] = {
        "elements": counts,
        "converged": report.converged,
        "iterations": report.iterations,
        "runtime_ms": round(report.runtime_ms, 3),
        "mismatch_pu": _finite(report.mismatch),
        "worst_bus": report.worst_bus,
        "reason": report.reason,
    }
    if not report.converged:
        return out
    bus = grid.res_bus
    live = bus[bus.vm_pu.notna()]
    branches = {name: getattr(grid, f"res_{name}") for name in ("line", "trafo", "trafo3w", "impedance")}
    loss_mw = float(sum(np.nansum(table.pl_mw) for table in branches.values()))
    generation = float(sum(np.nansum(getattr(grid, f"res_{name}").p_mw) for name in ("ext_grid", "gen", "sgen")))
    return out | {
        "generation_mw": generation,
        "load_mw": float(np.nansum(grid.res_load.p_mw)),
        "loss_mw": loss_mw,
        "lowest_voltage": {"bus": int(live.index[int(live.vm_pu.argmin())]), "vm_pu": float(live.vm_pu.min())},
        "highest_voltage": {"bus": int(live.index[int(live.vm_pu.argmax())]), "vm_pu": float(live.vm_pu.max())},
        "most_loaded": _most_loaded(grid),
        "islands": grid.islands,
        "buses_without_voltage": len(bus) - len(live),
    }


def _finite(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None


def _most_loaded(grid: PowerGrid) -> list[dict[str, Any]]:
    """Return the branches nearest to, or beyond, their rating; those without one are left out."""
    found: list[dict[str, Any]] = []
    for component, ends in (
        ("line", ("from_bus", "to_bus")), ("trafo", ("hv_bus", "lv_bus")), ("trafo3w", ("hv_bus", "mv_bus", "lv_bus")),
    ):  # fmt: skip
        loading = getattr(grid, f"res_{component}").loading_percent
        rated = loading[(loading >= LEAST_PERCENT) & (loading < float("inf"))].nlargest(MOST)
        table, rows = grid.data[component], grid.data.positions(component)
        for number, percent in rated.items():
            buses = [int(table[end][rows[int(str(number))]]) for end in ends]
            found.append({"branch": f"{component} {number}", "buses": buses, "loading_percent": float(percent)})
    return sorted(found, key=lambda branch: -branch["loading_percent"])[:MOST]


def duration(ms: float) -> str:
    """Return a time for people: ``0.21 ms``, ``12.3 ms``, ``1.61 s``."""
    if ms < 999.5:
        return f"{ms:.2f} ms" if ms < 9.995 else f"{ms:.1f} ms" if ms < 99.95 else f"{ms:.0f} ms"
    return f"{ms / 1e3:.2f} s" if ms < 59_995 else f"{ms / 6e4:.1f} min"


def as_text(summary: dict[str, Any]) -> str:
    """Return a summary as aligned lines."""
    counts = ", ".join(f"{count} {name}" for name, count in summary["elements"].items())
    head = f"{summary['case']}: {counts}"
    steps = f"{summary['iterations']} iterations, {duration(summary['runtime_ms'])}"
    if not summary["converged"]:
        where = "" if summary["worst_bus"] is None else f" (worst at bus {summary['worst_bus']})"
        return f"{head}\nnot converged    {summary['reason']}{where}; {steps}"
    low, high = summary["lowest_voltage"], summary["highest_voltage"]
    loss, made = summary["loss_mw"], summary["generation_mw"]
    share = f" ({loss / made:.2%} of generation)" if made > 0 else ""
    dark = summary["buses_without_voltage"]
    lines = [
        head,
        f"converged        {steps}, mismatch {summary['mismatch_pu']:.1g} pu",
        f"generation       {made:,.3f} MW",
        f"load             {summary['load_mw']:,.3f} MW",
        f"losses           {loss:,.3f} MW{share}",
        f"lowest voltage   {low['vm_pu']:.4f} pu at bus {low['bus']}",
        f"highest voltage  {high['vm_pu']:.4f} pu at bus {high['bus']}",
        f"islands          {summary['islands']}" + (f"; {dark} buses without voltage" if dark else ""),
    ]
    loaded = summary["most_loaded"]
    none = f"most loaded      no ratings, or no branch above {LEAST_PERCENT:g} % of its own"
    lines.append("most loaded" if loaded else none)
    lines += [
        f"  {branch['branch']:<14} {branch['loading_percent']:6.1f} %  buses {' - '.join(map(str, branch['buses']))}"
        for branch in loaded
    ]
    return "\n".join(lines)
