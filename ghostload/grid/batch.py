"""Batches of power flows on one circuit: series in time, outages, scenarios.

The circuit is prepared once; scenarios are solved eight at a time (:mod:`ghostload.grid.kernels.lanes`), in chunks that
threads share. What a scenario gives does not depend on the chunks, the threads or its neighbours, to the last bit. A
scenario that the lanes cannot solve goes to the pivoting solver, and what that cannot solve either is told by number.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.batch_engine import Engine
from ghostload.grid.batch_inputs import Inputs, read_inputs
from ghostload.grid.batch_outputs import Outputs, check_outputs
from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.data import GridData
from ghostload.grid.kernels.solution import FloatArray, IntArray
from ghostload.grid.network import Network

Method = Literal["auto", "chord", "newton"]
Fallback = Literal["quick", "thorough", "none"]
Progress = Callable[[int, int], None]

CHUNK_BYTES = 2**20
"""Injections and voltages of a chunk stay within this: a core's own cache."""

LEAST_CHUNK, MOST_CHUNK = 32, 8192
LEAST_OUTAGES = 256
"""Outages are sorted within a chunk, so that those alike are solved together: the more the better."""

CHUNK_WORTH = 2**14
"""Scenarios times nodes in the smallest chunk that a thread is given: a fraction of a millisecond."""

PIECES = 8
"""Chunks for each thread, so that all end together."""


@dataclass(frozen=True, eq=False)
class BatchResult:
    """What a batch gave.

    Attributes
    ----------
    converged : (K,) bool array
    iterations : (K,) array
        Steps taken over all methods.
    mismatch_pu : (K,) array
        Largest mismatch; NaN where a scenario failed.
    failed : list of (scenario, reason)
    fallback : (F,) array
        Scenarios that the pivoting solver had to be asked for.
    method : str
        ``"chord"`` or ``"newton"``: what the lanes began with.
    outputs : dict of arrays
        One row for each scenario: ``vm_pu``, ``va_degree`` (K, buses), ``loading_percent`` (K, branches),
        ``losses_mw`` (K,), ``v`` (K, n). NaN where there is no voltage, and in scenarios that failed. Empty when the
        outputs went to a file.
    """

    converged: NDArray[np.bool_]
    iterations: IntArray
    mismatch_pu: FloatArray
    failed: list[tuple[int, str]]
    fallback: IntArray
    method: str
    outputs: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name not in self.outputs:
            raise UsageError(f"batch: output {name!r} was not asked for; it has {', '.join(self.outputs) or 'none'}")
        return self.outputs[name]

    def __len__(self) -> int:
        """Count the scenarios."""
        return len(self.converged)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is solved; see :func:`solve_scenarios`."""

    method: Method = "auto"
    tol: float = 1e-8
    max_iter: int = 30
    qlim: bool = False
    fallback: Fallback = "quick"
    n_jobs: int = 1
    chunk: int | None = None
    progress: Progress | None = None
    path: str | Path | None = None


def solve_series(
    network: Network | Prepared,
    data: GridData | None = None,
    *,
    p_mw: Any = None,
    q_mvar: Any = None,
    sgen_p_mw: Any = None,
    sgen_q_mvar: Any = None,
    gen_p_mw: Any = None,
    gen_vm_pu: Any = None,
    ext_grid_vm_pu: Any = None,
    s_bus: Any = None,
    outputs: Sequence[str] = ("vm_pu", "va_degree"),
    **options: Any,
) -> BatchResult:
    """Solve a series of injections.

    Parameters
    ----------
    network : Network or Prepared
    data : GridData, optional
        Needed with tables of elements.
    p_mw, q_mvar : (K, loads) arrays, optional
        Power of the loads, before ``scaling``; what is not given stays as it is in the grid.
    sgen_p_mw, sgen_q_mvar, gen_p_mw, gen_vm_pu, ext_grid_vm_pu : (K, rows) arrays, optional
    s_bus : (K, n) complex array, optional
        Injections of the nodes in per unit, instead of powers of elements.
    outputs : sequence of str
        Of ``vm_pu``, ``va_degree``, ``loading_percent``, ``losses_mw``, ``v``.
    **options
        See :func:`solve_scenarios`.
    """
    return solve_scenarios(
        network,
        data,
        p_mw=p_mw,
        q_mvar=q_mvar,
        sgen_p_mw=sgen_p_mw,
        sgen_q_mvar=sgen_q_mvar,
        gen_p_mw=gen_p_mw,
        gen_vm_pu=gen_vm_pu,
        ext_grid_vm_pu=ext_grid_vm_pu,
        s_bus=s_bus,
        outputs=outputs,
        **options,
    )


def contingencies(
    network: Network | Prepared,
    data: GridData | None = None,
    *,
    outages: Any = None,
    k: int = 1,
    branches: Sequence[int] | None = None,
    outputs: Sequence[str] = ("vm_pu", "va_degree"),
    **options: Any,
) -> BatchResult:
    """Solve outages of branches.

    Parameters
    ----------
    network, data
        See :func:`solve_series`.
    outages : sequence or (K, k) array, optional
        Branches of the network that are out together, one entry for each scenario: a number or several.
    k : int
        Without ``outages``: all sets of ``k`` branches out of ``branches``, in lexicographic order.
    branches : sequence of int, optional
        Default: all.
    outputs, **options
        See :func:`solve_scenarios`. Buses that an outage cuts off have NaN; that is no failure.
    """
    if outages is None:
        m = (network.network if isinstance(network, Prepared) else network).m
        pool = range(m) if branches is None else branches
        if not 1 <= k <= len(pool):
            raise UsageError(
                f"contingencies: k is {k}, must be 1 to {len(pool)}, the number of branches to choose from"
            )
        outages = np.array(list(itertools.combinations(pool, k)) if k > 1 else pool, np.int64).reshape(-1, k)
    elif all(isinstance(out, int | np.integer) for out in outages):
        outages = np.array(outages, np.int64).reshape(-1, 1)
    else:
        outages = [out if isinstance(out, Iterable) else (out,) for out in outages]
    return solve_scenarios(network, data, outages=outages, outputs=outputs, **options)


def solve_scenarios(
    network: Network | Prepared,
    data: GridData | None = None,
    *,
    p_mw: Any = None,
    q_mvar: Any = None,
    sgen_p_mw: Any = None,
    sgen_q_mvar: Any = None,
    gen_p_mw: Any = None,
    gen_vm_pu: Any = None,
    ext_grid_vm_pu: Any = None,
    s_bus: Any = None,
    outages: Any = None,
    outputs: Sequence[str] = ("vm_pu", "va_degree"),
    **options: Any,
) -> BatchResult:
    """Solve scenarios, each with injections, set points and outages of its own.

    Parameters
    ----------
    network, data, p_mw, q_mvar, sgen_p_mw, sgen_q_mvar, gen_p_mw, gen_vm_pu, ext_grid_vm_pu, s_bus, outputs
        See :func:`solve_series`.
    outages : sequence of sequences of branch numbers, or (K, k) array, optional
        Branches of the network that are out in each scenario.
    **options
        ``method`` ("auto", "chord", "newton"): factors of the base case for all steps, or of each scenario. Default:
        whichever would cost less, from a trial on a few scenarios.
        ``tol`` (1e-8): largest mismatch, per unit. ``max_iter`` (30): steps of each method.
        ``qlim`` (False): keep generators within their reactive limits.
        ``fallback`` ("quick"): where the lanes fail, try the pivoting solver with full steps; "thorough": with step
        control and continuation besides, which solves stressed cases, tells how far others are from a solution, and
        takes seconds for each; "none".
        ``n_jobs`` (1): threads. ``chunk``: scenarios at a time. ``progress(done, total)``: called after each chunk.
        ``path``: folder for the outputs as Parquet files, instead of memory.

    Raises
    ------
    UsageError
        A table has the wrong shape or is not finite; names the table, the scenario and the column.
    """
    tables = {
        "load_p_mw": p_mw,
        "load_q_mvar": q_mvar,
        "sgen_p_mw": sgen_p_mw,
        "sgen_q_mvar": sgen_q_mvar,
        "gen_p_mw": gen_p_mw,
        "gen_vm_pu": gen_vm_pu,
        "ext_grid_vm_pu": ext_grid_vm_pu,
    }
    chosen = _options(options)
    names = check_outputs(tuple(outputs))
    prepared = network if isinstance(network, Prepared) else Prepared(network)
    inputs = read_inputs(prepared.network, data, tables, s_bus, outages)
    return _run(prepared, data, inputs, names, chosen)


def _options(options: dict[str, Any]) -> BatchOptions:
    known = set(BatchOptions.__slots__)
    for name in options:
        if name not in known:
            raise UsageError(f"batch: unknown option {name!r}; known: {', '.join(sorted(known))}")
    chosen = BatchOptions(**options)
    if chosen.method not in ("auto", "chord", "newton"):
        raise UsageError(f"batch: method is {chosen.method!r}, must be 'auto', 'chord' or 'newton'")
    if chosen.fallback not in ("quick", "thorough", "none"):
        raise UsageError(f"batch: fallback is {chosen.fallback!r}, must be 'quick', 'thorough' or 'none'")
    if chosen.n_jobs < 1:
        raise UsageError(f"batch: n_jobs is {chosen.n_jobs}, must be at least 1")
    if chosen.chunk is not None and chosen.chunk < 1:
        raise UsageError(f"batch: chunk is {chosen.chunk}, must be at least 1")
    if not chosen.tol > 0.0:
        raise UsageError(f"batch: tol is {chosen.tol:g}, must be above 0")
    return chosen


def _run(
    prepared: Prepared, data: GridData | None, inputs: Inputs, names: tuple[str, ...], options: BatchOptions
) -> BatchResult:
    """Solve chunk by chunk and collect."""
    network = prepared.network
    total = inputs.scenarios
    outputs = Outputs(network, data, names)
    engine = Engine(
        prepared,
        inputs,
        method=options.method,
        tol=options.tol,
        max_iter=options.max_iter,
        qlim=options.qlim,
        fallback=options.fallback,
    )
    if total:
        engine.choose()
    sink = None if options.path is None else _sink(options.path, network, data, names)
    kept = outputs.empty(total if sink is None else 0)
    converged, iterations, mismatch = np.zeros(total, np.bool_), np.zeros(total, np.int64), np.zeros(total)
    fallback = np.zeros(total, np.bool_)
    reasons: dict[int, str] = {}

    def work(bounds: tuple[int, int]) -> dict[str, Any]:
        first, last = bounds
        at = slice(first, last)
        chunk = engine.solve(first, last, kept["v"][at] if "v" in kept else engine.room(last - first))
        iterations[at], mismatch[at], fallback[at] = chunk.iterations, chunk.mismatch, chunk.fallback
        converged[at] = chunk.mismatch <= options.tol
        reasons.update(chunk.reasons)
        out, rows = (kept, at) if sink is None else (outputs.empty(last - first), slice(0, last - first))
        outputs.fill(out, rows, chunk.v, inputs, first)
        if "losses_mw" in out and chunk.reasons:
            out["losses_mw"][np.array(sorted(chunk.reasons)) - first + (rows.start or 0)] = np.nan
        return out

    chunks = _chunks(total, network.n, LEAST_OUTAGES if len(inputs.outage) else LEAST_CHUNK, options)
    in_order = sink is not None or options.progress is not None
    for done, out in zip(chunks, _map(work, chunks, options.n_jobs, in_order), strict=True):
        if sink is not None:
            sink.write(done[0], out, converged[done[0] : done[1]], iterations[done[0] : done[1]])
        if options.progress is not None:
            options.progress(done[1], total)
    engine.release()
    if sink is not None:
        sink.close()
        kept = {}
    if "losses_mw" in kept:
        kept["losses_mw"] = kept["losses_mw"][:, 0]
    failed = sorted(reasons.items())
    return BatchResult(converged, iterations, mismatch, failed, np.flatnonzero(fallback), engine.method, kept)


def _sink(path: str | Path, network: Network, data: GridData | None, names: tuple[str, ...]) -> Any:
    from ghostload.grid.batch_parquet import ParquetSink

    return ParquetSink(Path(path), network, data, names)


def _chunks(total: int, nodes: int, least: int, options: BatchOptions) -> list[tuple[int, int]]:
    """Cut a batch at multiples of eight; with threads so that each has several to take, if they are worth a call."""
    if options.chunk is not None:
        size = options.chunk
    else:
        size = min(max(CHUNK_BYTES // (32 * max(nodes, 1)), least), MOST_CHUNK)
        if options.n_jobs > 1 and total * nodes > 4 * CHUNK_WORTH:
            worth = max(LEAST_CHUNK, CHUNK_WORTH // max(nodes, 1))
            size = min(size, max(-(-total // (PIECES * options.n_jobs)), worth))
    size = max(8, -(-size // 8) * 8 if options.chunk is None else size // 8 * 8)
    return [(first, min(first + size, total)) for first in range(0, total, size)]


def _map(
    work: Callable[[Any], Any], chunks: list[tuple[int, int]], n_jobs: int, in_order: bool = True
) -> Iterable[Any]:
    """Do the chunks, with threads when there is more than one.

    ``in_order``: each result is given as soon as those before it are there, and few chunks are under way at a time.
    Else the caller's thread works too, and takes no time from the others by waking up for every chunk.
    """
    threads = min(n_jobs, len(chunks))
    if threads <= 1:
        yield from map(work, chunks)
    elif in_order:
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Any] = deque()
            for bounds in chunks:
                waiting.append(pool.submit(work, bounds))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            for future in waiting:
                yield future.result()
    else:
        yield from _share(work, chunks, threads)


def _share(work: Callable[[Any], Any], chunks: list[tuple[int, int]], threads: int) -> list[Any]:
    """Have threads, the caller's among them, take chunk after chunk until none is left."""
    waiting, results = deque(enumerate(chunks)), list[Any](chunks)

    def take() -> None:
        while True:
            try:
                number, bounds = waiting.popleft()
            except IndexError:
                return
            try:
                results[number] = work(bounds)
            except BaseException:
                waiting.clear()
                raise

    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(take) for _ in range(threads - 1)]
        take()
        for other in others:
            other.result()
    return results
