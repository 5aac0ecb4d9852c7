"""What a long command says on stderr: a line for people, or a JSON object a line for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import click

_SOON_S = 2.0
"""A stage that lasts longer tells its rate."""
_SHOW_S = 0.1
"""Least time between two lines of progress, but for the first and the last of a stage; -v shows all."""


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
        self._began: dict[str, tuple[float, int]] = {}
        self._last = 0.0
        self._lock = threading.Lock()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` parts of a stage are finished; threads may call it.

        Of a stage that takes longer than some seconds the rate and the time left are told too.
        """
        with self._lock:
            now, new = time.monotonic(), stage not in self._began
            begin, first = self._began.setdefault(stage, (now, done))
            took, gained = now - begin, done - first
            rate = gained / took if took > _SOON_S and gained > 0 else None
            left = (total - done) / rate if rate else None
            if not (self._verbose or new) and done < total and now - self._last < _SHOW_S:
                return
            self._last = now
            self._say(stage, done, total, rate, left)

    def _say(self, stage: str, done: int, total: int, rate: float | None, left: float | None) -> None:
        if self._json:
            more = {} if rate is None or left is None else {"per_s": round(rate), "left_s": round(left)}
            self.event("progress", "", stage=stage, done=done, total=total, **more)
            return
        speed = "" if rate is None or left is None else f", {_short(rate)} a second, {_span(left)} left"
        if self._verbose:
            self.event("progress", f"{stage}: {done:,} of {total:,}{speed if done < total else ''}")
        elif not self._quiet and sys.stderr.isatty():
            line = f"{stage}: {100 * done // max(1, total)} %{speed}"
            click.echo("\r" + line.ljust(self._open_line), nl=False, err=True)
            self._open_line = max(self._open_line, len(line))

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


def _short(number: float) -> str:
    """Return a number with two or three digits and a unit of thousands."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"


def _span(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
