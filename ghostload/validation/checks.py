"""What a check is, and the register of them.

A check is a function from a :class:`~ghostload.validation.context.Context` to findings. Its name is the function's, its
description the first line of its docstring, without "Check that"::

    from ghostload.validation import Context, error, register

    @register(subject="values")
    def no_round_hundreds(context: Context) -> Iterable[Finding]:
        \"\"\"Check that registered energy is not rounded to hundreds.\"\"\"
        ...

Other packages name the module in the entry point group ``ghostload.checks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ghostload.errors import RegistrationError
from ghostload.registry import Registry
from ghostload.validation.finding import Finding, Severity

if TYPE_CHECKING:
    from ghostload.validation.context import Context

CheckFunction = Callable[["Context"], Iterable[Finding]]
ALL_SEVERITIES = tuple(Severity)


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes
    ----------
    name : str
    subject : str
        What it is about; checks of one subject stand together in lists.
    function : callable (Context) -> iterable of Finding
    summary : str
        What must hold, in one line.
    severities : tuple of Severity
        What its findings can be. One that cannot run is an ERROR besides.
    needs_folder : bool
        Whether it looks at files, and so runs on a folder only, not on a data set in memory.
    """

    name: str
    subject: str
    function: CheckFunction
    summary: str
    severities: tuple[Severity, ...]
    needs_folder: bool = False


CHECKS: Registry[Check] = Registry(
    "check",
    builtin=tuple(
        f"ghostload.validation.{module}"
        for module in (
            "files",
            "columns",
            "keys",
            "values",
            "months",
            "place",
            "feeders",
            "load",
            "energy",
            "feeder_energy",
            "readings",
            "labels",
            "events",
            "geojson_file",
            "leak",
        )
    ),
    entry_point_group="ghostload.checks",
)
"""All checks by name."""


def register(
    *, subject: str, severities: tuple[Severity, ...] = (Severity.ERROR,), needs_folder: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Return a decorator that registers a function as a check and leaves it as it is.

    Parameters
    ----------
    subject : str
        What it is about: "keys", "values", "place" ...
    severities : tuple of Severity
        What its findings can be.
    needs_folder : bool
        Whether it looks at files.

    Raises
    ------
    RegistrationError
        The name is taken, or the function has no docstring.
    """

    def add(function: CheckFunction) -> CheckFunction:
        name = str(getattr(function, "__name__", function))
        summary = (function.__doc__ or "").strip().split("\n")[0].removeprefix("Check that ")
        if not summary:
            raise RegistrationError(f"check {name!r} has no docstring; say in its first line what must hold")
        if "." not in summary.split(" ")[0]:
            summary = summary[0].upper() + summary[1:]
        CHECKS.add(name, Check(name, subject, function, summary, severities, needs_folder))
        return function

    return add
