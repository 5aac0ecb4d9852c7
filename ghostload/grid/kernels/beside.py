"""Compiling some kernels in a second process while this one compiles others.

numba compiles under one lock, so that threads gain nothing. What the second process compiles, this one finds in the
cache; where that fails in any way, this process compiles it itself, as if there had been no other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

from ghostload.grid.kernels.compiled import before_first_call, is_compiled

LONGEST_S = 60.0
"""After so long the second process is given up."""

_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ghostload.grid.kernels import beside; beside.run()"
)


@contextmanager
def compiling_beside(modules: Mapping[str, str]) -> Iterator[None]:
    """Compile kernels in a second process, which ends before the context does.

    Parameters
    ----------
    modules : mapping of name to module
        What :func:`~ghostload.grid.kernels.compiled.first_call` names, and the module whose ``compile_kernels()``
        compiles what its ``kernels()`` returns. First calls of these names wait for the second process. Where all
        of it is in the cache there is none.
    """
    missing = {name: module for name, module in modules.items() if not _are_compiled(module)}
    if not missing or not sys.executable or getattr(sys, "frozen", False):
        yield
        return
    silent = subprocess.DEVNULL
    command = [sys.executable, "-c", _CHILD, json.dumps(sys.path), *missing.values()]
    try:
        process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent)
    except OSError:
        yield
        return

    def wait() -> None:
        try:
            process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()

    try:
        for name in missing:
            before_first_call(name, wait)
        yield
    finally:
        process.kill()
        process.wait()


def _are_compiled(module: str) -> bool:
    return all(is_compiled(kernel) for kernel in import_module(module).kernels())


def run() -> None:
    """Compile, in the second process: the arguments after the first name modules."""
    for module in sys.argv[2:]:
        import_module(module).compile_kernels()
