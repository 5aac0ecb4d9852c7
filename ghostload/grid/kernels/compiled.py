"""How a kernel is compiled, cached and announced: the only place that knows numba's decorator.

``@kernel`` is numba's ``njit`` with the cache on and the lock released; threads run kernels side by side. No kernel
uses ``parallel=True`` (it cannot be cached) or fast-math (it breaks the checks for NaN).
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

LOG = logging.getLogger("ghostload")

SLOW_S = 0.75
"""A first call that takes longer than this is compiling, and says so."""

F = TypeVar("F", bound=Callable[..., Any])

_numba: Any = importlib.import_module("numba")
_seen: set[str] = set()
_listeners: list[Callable[[str], None]] = []
_awaited: dict[str, Callable[[], None]] = {}
_lock = threading.Lock()


_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}

_HERE = Path(__file__).parent
_SHARED = (_HERE, _HERE.parent / "radial")
"""Folders whose helpers kernels anywhere may call; besides, those of their own folder and those that are imported."""


@cache
def _stamp_of(folder: str) -> tuple[tuple[str, int, int], ...]:
    """Return name, time and size of every module of a folder."""
    with os.scandir(folder) as entries:
        files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")]
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in files))


def kernel(function: F) -> F:
    """Compile on first use, for the types of the first call; cached beside the module or in the user's cache folder.

    Where neither can be written to, each process compiles anew.
    """
    return _compiled(function, {})


def bare(function: F) -> F:
    """As :func:`kernel`, for kernels that make no arrays: those they are given are not counted, which costs per row."""
    compiled = _compiled(function, {"_nrt": False})
    _load_at_once(compiled)
    return compiled


def _compiled(function: F, options: dict[str, Any]) -> F:
    options = {**_OPTIONS, **options}
    try:
        compiled: Any = _numba.njit(cache=True, **options)(function)
    except RuntimeError:
        compiled = _numba.njit(**options)(function)
    _watch_all_modules(compiled)
    kept: F = compiled
    return kept


def helper(function: F) -> F:
    """Compile with each kernel that calls it, and only for kernels: as :func:`bare`, but Python cannot call it.

    It costs a third of what a kernel costs to compile, for what is handed over from Python is what takes long: each
    array of a tuple is taken apart. It is not cached: the kernels that call it are, with its code in them.
    """
    kept: F = _numba.njit(**_OPTIONS, _nrt=False, no_cpython_wrapper=True)(function)
    return kept


def inlined(function: F) -> F:
    """Put the function's code into the kernels that call it: for what is called once a row of a matrix.

    A call costs numba a copy of every array's header and two atomic counts.
    """
    kept: F = _numba.njit(inline="always", error_model="numpy")(function)
    return kept


def _watch_all_modules(compiled: Any) -> None:
    """Have a cached kernel thrown away when a module changes that it may call: beside it, shared, or beside an import.

    A cached kernel holds the code of the kernels that it calls, but numba compares the time of its own file only.
    """
    file: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(file, "_source_stamp"):
        given = (value for value in compiled.py_func.__globals__.values() if hasattr(value, "py_func"))
        called = {Path(each.py_func.__code__.co_filename).parent for each in (compiled, *given)}
        stamps = tuple(_stamp_of(str(folder)) for folder in sorted({*_SHARED, *called}) if folder.is_dir())
        file._source_stamp = (file._source_stamp, stamps)


def _load_at_once(compiled: Any) -> None:
    """Have a cached kernel loaded without what only compiling needs.

    numba sets up its whole library of typed functions, scipy's linear algebra among it, before it looks into the
    cache; that takes longer than loading the kernels of a run. It does so again before it compiles, so that nothing
    is missing where the cache has nothing. Only for kernels that make no arrays: others need numba's counts of them.
    """
    cache: Any = compiled._cache if hasattr(compiled, "_cache") else None
    if not hasattr(cache, "_load_overload") or not hasattr(cache, "_guard_against_spurious_io_errors"):
        return

    def load(signature: Any, context: Any) -> Any:
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, context)

    cache.load_overload = load


def is_compiled(compiled: Any) -> bool:
    """Whether a kernel is in the cache, for any types; also where nothing can be kept there, or none can tell."""
    file: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    return not hasattr(file, "_load_index") or bool(file._load_index())


def before_first_call(name: str, wait: Callable[[], None]) -> None:
    """Have ``wait()`` called, by every thread, before what :func:`first_call` of this name runs."""
    _awaited[name] = wait


def on_compile(listener: Callable[[str], None]) -> None:
    """Have ``listener(message)`` called when a first call turns out to be compiling."""
    _listeners.append(listener)


@contextmanager
def first_call(name: str) -> Iterator[None]:
    """Announce the compilation of what runs inside, once a name, and only when it takes more than :data:`SLOW_S`."""
    wait = _awaited.get(name, _at_once)
    if name in _seen:
        wait()
        yield
        return
    with _lock:
        _seen.add(name)
    timer = threading.Timer(SLOW_S, _announce, args=(name,))
    timer.daemon = True
    timer.start()
    try:
        wait()
        yield
    finally:
        timer.cancel()


def _at_once() -> None:
    """Wait for nothing."""


def _announce(name: str) -> None:
    message = f"compiling the kernels for {name}: once, some seconds; later runs load them from the cache"
    LOG.info(message)
    for listener in tuple(_listeners):
        listener(message)
