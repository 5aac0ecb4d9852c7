"""The months of all meters, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from ghostload.scratch import let_go
from ghostload.simulation.months import KeptMonths
from ghostload.simulation.run import Arrays, Progress, Store
from ghostload.simulation.world import World
from ghostload.streams import FloatArray

Simulate = Callable[[World, int, int], Arrays]


@dataclass(frozen=True)
class Found:
    """The months of all meters, registered (T, N), and what each event lost of how much; (E,).

    ``kept`` is of no meters where there is nothing to do by feeder.
    """

    kept: KeptMonths
    registered_kwh: FloatArray
    lost_kwh: FloatArray
    exposed_kwh: FloatArray


def run_blocks(
    world: World,
    meters: int,
    simulate: Simulate,
    *,
    jobs: int,
    store: Store | None,
    report: Progress,
    shared: bool = False,
) -> Found:
    """Compute the months of all meters, block by block.

    Parameters
    ----------
    world : World
    meters : int
        In one block.
    simulate : callable (world, start, stop) -> arrays
        Gives ``drawn_kwh``, ``true_kwh`` and ``registered_kwh`` (n, T) of the meters ``start .. stop - 1``; of their
        events ``lost_kwh`` and ``exposed_kwh`` (E,), ``cut_wh`` and ``lost_wh`` (E, T).
    jobs : int
        Threads.
    store : Store, optional
        Keeps finished blocks, when there are several.
    report : callable (stage, done, total)
    shared : bool
        Whether other processes will read the months.
    """
    count, months, events = len(world.known), len(world.numbers), len(world.events)
    by_feeder = world.flow or world.config.interval is not None
    scratch = world.scratch
    registered, lost, exposed = scratch.zeros((months, count)), scratch.zeros(events), scratch.zeros(events)
    blocks = [(a, min(a + meters, count)) for a in range(0, count, meters)]
    done = 0
    with ExitStack() as stack:
        places = world.row_of_meter if by_feeder else np.empty(0, np.int32)
        kept = KeptMonths(world.events, places, months, scratch, shared=shared)
        stack.callback(kept.close)
        for (start, stop), arrays in _run(world, blocks, simulate, jobs, store if len(blocks) > 1 else None):
            registered[:, start:stop] = arrays["registered_kwh"].T
            if by_feeder:
                kept.put(start, world.rows_of(start, arrays), arrays)
            own = slice(*np.searchsorted(world.events.meter, [start, stop]).tolist())
            lost[own], exposed[own] = arrays["lost_kwh"], arrays["exposed_kwh"]
            let_go()
            done += stop - start
            report("meters", done, count)
        stack.pop_all()
    return Found(kept, registered, lost, exposed)


def _run(
    world: World, blocks: list[tuple[int, int]], simulate: Simulate, jobs: int, store: Store | None
) -> Iterator[tuple[tuple[int, int], Arrays]]:
    """Compute the blocks, in threads, and yield them in order, holding no more than the threads need."""

    def compute(block: tuple[int, int]) -> Arrays:
        name = f"meters-{block[0]}-{block[1]}"
        kept = store.get(name) if store is not None else None
        if kept is not None:
            return kept
        arrays = simulate(world, *block)
        if store is not None:
            store.put(name, arrays)
        return arrays

    if jobs == 1 or len(blocks) == 1:
        yield from ((block, compute(block)) for block in blocks)
        return
    with ThreadPoolExecutor(jobs) as pool:
        for at in range(0, len(blocks), 2 * jobs):
            batch = blocks[at : at + 2 * jobs]
            yield from zip(batch, pool.map(compute, batch), strict=True)
