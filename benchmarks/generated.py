"""What the scripts share that run the whole of ``ghostload generate``."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_MAIN = "import sys; sys.argv[0] = 'ghostload'; from ghostload_cli.main import main; main()"


def run_options(meters: int, months: int, interval: str | None, jobs: int, *more: str) -> list[str]:
    """Return the options of a run; months only without an interval."""
    given = ["--num-meters", str(meters), "--num-months", str(months), "--jobs", str(jobs), *more]
    return given + (["--interval", interval] if interval else [])


def command(given: list[str], folder: Path) -> list[str]:
    """Return the command that makes a data set with this Python and what it can import."""
    return [sys.executable, "-c", _MAIN, "generate", *given, "--output-dir", str(folder)]


def shown(given: list[str]) -> str:
    """Return the same as people type it."""
    return f"ghostload generate {' '.join(given)}"


def machine(*names: str) -> str:
    """Say what the figures were measured on, with the versions of some packages."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in (*names, 'ghostload'))}"
    )


def report(
    script: str,
    head: list[str],
    parts: Mapping[str, tuple[str, Callable[[Any], list[str]]]],
    chosen: Iterable[str] | None,
    asked: Any,
    file: Path | None,
) -> None:
    """Measure the chosen parts, or all; print what is found, and write it to a file.

    Parameters
    ----------
    script : str
        Name of the script, without ending.
    head : list of str
        Lines before the parts.
    parts : mapping
        Title and function of each part by its name.
    chosen : iterable of str, optional
    asked : object
        What the functions take.
    file : Path, optional
    """
    lines = [*head, ""]
    print("\n".join(lines), flush=True)
    for name in chosen or parts:
        title, measure = parts[name]
        found = [f"## {title}", "", f"`python benchmarks/{script}.py --part {name}`", "", *measure(asked), ""]
        print("\n".join(found), flush=True)
        lines += found
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines), encoding="utf-8")
