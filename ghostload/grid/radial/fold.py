"""Positive sequence: a radial circuit folded into one complex number a node, and reduced to the nodes that matter.

With ``Y`` the nodal admittances of a forest, elimination from the leaves creates no fill. Writing the reduced diagonal
as ``d``, the solution of ``Y v = J`` is ``v_k = (J'_k - y_kp v_p) / d_k``, with ``J'_p`` gathering
``-y_pk J'_k / d_k``. Voltages scaled as ``v_k = a_k u_k`` and currents as ``J'_k = b_k j_k`` with
``a_k = -a_p y_kp / d_k`` and ``b_k = -b_p d_k / y_pk`` leave a bare backward/forward sweep,

    j_p gathers j_k,        u_k = u_p + z_k j_k,        z_k = b_k / (d_k a_k),

in which line charging, taps, phase shifts and shunts are all inside ``a`` and ``z``, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.radial.tree import IntArray, RadialOrder

ComplexArray = NDArray[np.complex128]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Constants of the sweep by position: ``v = scale_v u``, ``J' = scale_j j``, ``u_k = u_p + z_k j_k``.

    ``root_d`` is the reduced diagonal by island: the current into its root is ``root_d v - j``.
    """

    z: ComplexArray
    scale_v: ComplexArray
    scale_j: ComplexArray
    root_d: ComplexArray


def fold(
    order: RadialOrder,
    ends: tuple[IntArray, IntArray],
    admittances: tuple[ComplexArray, ComplexArray, ComplexArray, ComplexArray],
    y_shunt: ComplexArray,
) -> Folded:
    """Eliminate from the leaves and scale.

    Parameters
    ----------
    order : RadialOrder
    ends : pair of (m,) int arrays
        Nodes at the from and to end of each branch.
    admittances : four (m,) complex arrays
        ``yff, yft, ytf, ytt``.
    y_shunt : (n,) complex array
    """
    d, down, up = _nodal(order, ends, admittances, y_shunt)
    parent = order.parent.tolist()
    for k in range(len(parent) - 1, -1, -1):
        if parent[k] >= 0:
            if down[k] == 0 or up[k] == 0 or d[k] == 0:
                raise DataError(f"node {order.order[k]}: its branch to the root carries nothing; check its impedance")
            d[parent[k]] -= up[k] * down[k] / d[k]
    a, b, z = [1.0 + 0.0j] * len(d), [1.0 + 0.0j] * len(d), [0.0j] * len(d)
    for k, p in enumerate(parent):
        if p >= 0:
            a[k] = -a[p] * down[k] / d[k]
            b[k] = -b[p] * d[k] / up[k]
            z[k] = b[k] / (d[k] * a[k])
    roots = order.island_start[:-1]
    return Folded(np.array(z), np.array(a), np.array(b), np.array(d)[roots])


def _nodal(
    order: RadialOrder,
    ends: tuple[IntArray, IntArray],
    admittances: tuple[ComplexArray, ComplexArray, ComplexArray, ComplexArray],
    y_shunt: ComplexArray,
) -> tuple[list[complex], list[complex], list[complex]]:
    """Return by position the diagonal, the entry (k, parent) and the entry (parent, k) of the nodal admittances."""
    n = len(order.order)
    tail, head = order.position[ends[0]], order.position[ends[1]]
    yff, yft, ytf, ytt = admittances
    d, down, up = y_shunt[order.order].astype(np.complex128), np.zeros(n, complex), np.zeros(n, complex)
    np.add.at(d, tail, yff)
    np.add.at(d, head, ytt)
    itself = tail == head
    np.add.at(d, tail[itself], (yft + ytf)[itself])
    outward, inward = order.parent[head] == tail, order.parent[tail] == head
    np.add.at(down, head[outward], ytf[outward])
    np.add.at(up, head[outward], yft[outward])
    np.add.at(down, tail[inward], yft[inward])
    np.add.at(up, tail[inward], ytf[inward])
    return d.tolist(), down.tolist(), up.tolist()


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """The nodes that a sweep must visit: roots, nodes with a load and nodes where such paths part.

    Attributes
    ----------
    kept : (r,) int array
        Positions, in the order of the sweep.
    parent : (r,) int array
        Reduced index of the nearest kept node towards the root; -1 for roots.
    above, below : (n,) int array
        For every position the reduced index of the nearest kept node towards the root (itself where kept) and of the
        kept node that its current flows to. On a path without current both are the same.
    fed : (n,) bool array
        Current flows into the position: it or a node below it has a load.
    island_start : (islands + 1,) int array
    """

    kept: IntArray
    parent: IntArray
    above: IntArray
    below: IntArray
    fed: BoolArray
    island_start: IntArray


def reduce_tree(order: RadialOrder, loaded: BoolArray) -> Reduced:
    """Leave out the positions that neither draw current nor join paths; what they see is linear in what is left."""
    parent = order.parent.tolist()
    n = len(parent)
    busy = loaded.tolist()
    paths = [0] * n
    for k in range(n - 1, -1, -1):
        busy[k] = busy[k] or paths[k] > 0
        if busy[k] and parent[k] >= 0:
            paths[parent[k]] += 1
    keep = loaded | (order.parent < 0) | (np.array(paths, dtype=np.int64) > 1)
    kept = np.flatnonzero(keep)
    index = np.full(n, -1, dtype=np.int64)
    index[kept] = np.arange(len(kept))
    above, below = index.tolist(), index.tolist()
    for k in range(n - 1, -1, -1):
        if busy[k] and parent[k] >= 0 and below[parent[k]] < 0:
            below[parent[k]] = below[k]
    for k, p in enumerate(parent):
        if above[k] < 0:
            above[k] = above[p]
            if not busy[k]:
                below[k] = below[p]
    reduced_parent = np.array([above[parent[k]] if parent[k] >= 0 else -1 for k in kept.tolist()], dtype=np.int64)
    start = np.searchsorted(kept, order.island_start)
    return Reduced(kept, reduced_parent, np.array(above), np.array(below), np.array(busy), start)


def path_impedance(order: RadialOrder, reduced: Reduced, z: ComplexArray) -> ComplexArray:
    """Sum ``z`` from the nearest kept node towards the root down to each position, over branches that are fed."""
    total = [0.0j] * len(z)
    is_kept = np.zeros(len(z), dtype=bool)
    is_kept[reduced.kept] = True
    kept, fed, step = is_kept.tolist(), reduced.fed.tolist(), z.tolist()
    for k, p in enumerate(order.parent.tolist()):
        if p >= 0:
            before = 0.0j if kept[p] else total[p]
            total[k] = before + step[k] if fed[k] else before
    return np.array(total)
