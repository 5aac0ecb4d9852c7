"""How a kernel is compiled, cached and announced: the only place that knows numba's decorator.

``@kernel`` is numba's ``njit`` with the cache on and the lock released; threads run kernels side by side. No kernel
uses ``parallel=True`` (it cannot be cached) or fast-math (it breaks the checks for NaN).
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

LOG = logging.getLogger("ghostload")

SLOW_S = 0.75
"""A first call that takes longer than this is compiling, and says so."""

F = TypeVar("F", bound=Callable[..., Any])

_numba: Any = importlib.import_module("numba")
_seen: set[str] = set()
_listeners: list[Callable[[str], None]] = []
_lock = threading.Lock()


def kernel(function: F) -> F:
    """Compile on first use, for the types of the first call; cached beside the module or in the user's cache folder.

    Where neither can be written to, each process compiles anew.
    """
    try:
        compiled: F = _numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        compiled = _numba.njit(nogil=True, error_model="numpy")(function)
    return compiled


def on_compile(listener: Callable[[str], None]) -> None:
    """Have ``listener(message)`` called when a first call turns out to be compiling."""
    _listeners.append(listener)


@contextmanager
def first_call(name: str) -> Iterator[None]:
    """Announce the compilation of what runs inside, once a name, and only when it takes more than :data:`SLOW_S`."""
    if name in _seen:
        yield
        return
    with _lock:
        _seen.add(name)
    timer = threading.Timer(SLOW_S, _announce, args=(name,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _announce(name: str) -> None:
    message = f"compiling the kernels for {name}: once, some seconds; later runs load them from the cache"
    LOG.info(message)
    for listener in tuple(_listeners):
        listener(message)
