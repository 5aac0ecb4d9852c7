"""What a long command says on stderr: a line for people, or a JSON object a line for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


class Log:
    """Says how far the work is.

    Parameters
    ----------
    form : {"text", "json"}
    quiet : bool
        Say nothing but errors.
    verbose : bool
        Say every step, each on a line of its own.
    """

    def __init__(self, form: str = "text", *, quiet: bool = False, verbose: bool = False) -> None:
        self._json = form == "json"
        self._quiet = quiet
        self._verbose = verbose
        self._open_line = 0

    def progress(self, stage: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` parts of a stage are finished."""
        if self._json:
            self.event("progress", "", stage=stage, done=done, total=total)
        elif self._verbose:
            self.event("progress", f"{stage}: {done:,} of {total:,}")
        elif not self._quiet and sys.stderr.isatty():
            line = f"{stage}: {100 * done // max(1, total)} %"
            click.echo("\r" + line.ljust(self._open_line), nl=False, err=True)
            self._open_line = len(line)

    def event(self, name: str, text: str, **values: Any) -> None:
        """Say that something happened: ``text`` for people, ``values`` for programs."""
        if self._quiet:
            return
        if self._json:
            click.echo(json.dumps({"event": name, **values}, ensure_ascii=False), err=True)
            return
        if self._open_line:
            click.echo("\r" + " " * self._open_line + "\r", nl=False, err=True)
            self._open_line = 0
        click.echo(text, err=True)
