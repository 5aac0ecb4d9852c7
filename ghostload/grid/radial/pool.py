"""Steps shared among threads; how they are shared changes no result."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError

IntArray = NDArray[np.int64]

_FIRST_LIMIT = 20
"""Sweeps of the first pass: a step that needs more is taken up again with its like, and holds no others up."""

_NODE_STEPS = 200_000
"""Nodes times steps in one piece of work: milliseconds, so that threads end together and calls cost nothing."""


def thread_count(n_jobs: int) -> int:
    """Return how many threads; -1 means as many as the process may use."""
    if n_jobs == -1:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_jobs < 1:
        raise UsageError(f"n_jobs is {n_jobs}; give 1 or more, or -1 for all processors")
    return n_jobs


def run_steps(
    kernel: Callable[[IntArray, int, Any], None],
    make_work: Callable[[], Any],
    state: IntArray,
    begin_anew: Callable[[IntArray], None],
    *,
    block: int,
    nodes: int,
    limit: int,
    n_jobs: int,
) -> None:
    """Run a kernel over all steps: a short pass, then the slow steps again, together, with the full limit.

    Each step iterates by itself and always begins anew, so a second pass repeats its first sweeps exactly.

    Parameters
    ----------
    kernel : callable (steps, limit, work)
        Fills the results of those steps.
    make_work : callable
        Makes the work arrays of one thread.
    state : (K,) int array
        Written by the kernel: 1 solved, 0 not yet, -1 broke down.
    begin_anew : callable (steps)
        Clears what the first pass has summed up for the steps that are taken up again.
    block, nodes, limit, n_jobs : int
    """
    converged = state
    per_piece = max(1, _NODE_STEPS // (max(nodes, 1) * block)) * block
    first = min(limit, _FIRST_LIMIT)
    steps = np.arange(len(converged), dtype=np.int64)
    _run(kernel, make_work, list(_pieces(steps, per_piece)), first, n_jobs)
    slow = np.flatnonzero(converged == 0)
    if limit > first and len(slow):
        begin_anew(slow)
        _run(kernel, make_work, list(_pieces(slow, per_piece)), limit, n_jobs)


def _pieces(steps: IntArray, size: int) -> Iterator[IntArray]:
    for begin in range(0, len(steps), size):
        yield steps[begin : begin + size]


def _run(
    kernel: Callable[[IntArray, int, Any], None],
    make_work: Callable[[], Any],
    pieces: list[IntArray],
    limit: int,
    n_jobs: int,
) -> None:
    threads = min(n_jobs, len(pieces))
    waiting = deque(pieces)

    def worker() -> None:
        work = make_work()
        while True:
            try:
                piece = waiting.popleft()
            except IndexError:
                return
            kernel(piece, limit, work)

    if threads <= 1:
        worker()
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(worker) for _ in range(threads)]:
            future.result()
