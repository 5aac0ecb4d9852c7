"""Sums and paths over forests in flat arrays: level by level, no loop over nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import IntArray

Values = NDArray[Any]


class Levels:
    """Nodes by their distance from the root.

    Parameters
    ----------
    parent : (M,) array
        -1 for roots.
    depth : (M,) array
    """

    def __init__(self, parent: IntArray, depth: IntArray) -> None:
        count = len(parent)
        order = np.argsort(depth * (count + 1) + parent + 1, kind="stable")
        bounds = np.searchsorted(depth[order], np.arange(1, int(depth.max(initial=0)) + 2))
        self._levels: list[tuple[IntArray, IntArray, IntArray, IntArray]] = []
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            nodes = order[a:b]
            above = parent[nodes]
            first = np.flatnonzero(np.append(True, above[1:] != above[:-1]))
            self._levels.append((nodes, above, first, above[first]))

    def gathered(self, values: Values, how: np.ufunc = np.add) -> Values:
        """Return for each node what ``how`` makes of its own value and those of all nodes below it.

        A node's result depends on the nodes below it alone, to the last bit.
        """
        total = values.copy()
        for nodes, _, first, parents in reversed(self._levels):
            total[parents] = how(total[parents], how.reduceat(total[nodes], first, axis=0))
        return total

    def summed_outwards(self, values: Values, restart: NDArray[np.bool_] | None = None) -> Values:
        """Return for each node the sum of the values from the root to it; it starts anew after nodes of ``restart``."""
        total = values.copy()
        if restart is not None:
            total[restart] = 0.0
        for nodes, above, _, _ in self._levels:
            if restart is None:
                total[nodes] += total[above]
            else:
                on = ~restart[nodes]
                total[nodes[on]] += total[above[on]]
        return total
