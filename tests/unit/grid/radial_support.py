"""Random radial circuits, and a dense Newton that shares nothing with the sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Circuit:
    """The fields of a Network that a radial plan reads."""

    node_type: np.ndarray
    branch_from: np.ndarray
    branch_to: np.ndarray
    yff: np.ndarray
    yft: np.ndarray
    ytf: np.ndarray
    ytt: np.ndarray
    y_shunt: np.ndarray
    i_bus: np.ndarray
    vm_set: np.ndarray
    va_set_rad: np.ndarray

    @property
    def n(self) -> int:
        return len(self.node_type)


def random_circuit(rng: np.random.Generator, n: int, *, islands: int = 1, shunts: bool = True) -> Circuit:
    """Trees of pi branches, some with taps and phase shifts, nodes numbered by chance, either end first."""
    name = rng.permutation(n)
    tail, head = [], []
    for k in range(islands, n):
        parent = k % islands if rng.random() < 0.2 else int(rng.integers(max(0, k - 6), k))
        ends = (name[parent], name[k]) if rng.random() < 0.5 else (name[k], name[parent])
        tail.append(ends[0])
        head.append(ends[1])
    m = n - islands
    y = 1 / (rng.uniform(0.002, 0.03, m) + 1j * rng.uniform(0.002, 0.05, m))
    shunt = 1j * rng.uniform(0, 0.02, m) * (rng.random(m) < 0.7) + 1e-3 * (rng.random(m) < 0.3)
    tap = np.where(rng.random(m) < 0.3, rng.uniform(0.95, 1.05, m) * np.exp(1j * rng.choice([0.0, -0.5, 2.6], m)), 1.0)
    kinds = np.ones(n, dtype=np.int8)
    kinds[name[:islands]] = 3
    y_shunt = np.where(rng.random(n) < 0.2, rng.uniform(0, 0.02, n) + 1j * rng.uniform(-0.05, 0.05, n), 0.0)
    return Circuit(
        kinds,
        np.array(tail, dtype=np.int64),
        np.array(head, dtype=np.int64),
        (y + shunt / 2) / np.abs(tap) ** 2,
        -y / np.conj(tap),
        -y / tap,
        y + shunt / 2,
        y_shunt if shunts else np.zeros(n, dtype=complex),
        np.zeros(n, dtype=complex),
        rng.uniform(0.98, 1.05, n),
        rng.uniform(-0.3, 0.3, n),
    )


def nodal(c: Circuit) -> np.ndarray:
    """Dense nodal admittance matrix."""
    y = np.diag(c.y_shunt).astype(complex)
    np.add.at(y, (c.branch_from, c.branch_from), c.yff)
    np.add.at(y, (c.branch_from, c.branch_to), c.yft)
    np.add.at(y, (c.branch_to, c.branch_from), c.ytf)
    np.add.at(y, (c.branch_to, c.branch_to), c.ytt)
    return y


def dense_newton(c: Circuit, s: np.ndarray, s_i: np.ndarray | float = 0.0, s_z: np.ndarray | float = 0.0) -> np.ndarray:
    """Solve one step in rectangular coordinates with a numerically exact Jacobian."""
    y, n = nodal(c), c.n
    fixed = np.flatnonzero(c.node_type == 3)
    free = np.flatnonzero(c.node_type != 3)
    v = np.zeros(n, dtype=complex)
    v[fixed] = c.vm_set[fixed] * np.exp(1j * c.va_set_rad[fixed])
    v[free] = -np.linalg.solve(y[np.ix_(free, free)], y[np.ix_(free, fixed)] @ v[fixed])
    y_load = -np.conj(np.zeros(n) + s_z)
    for _ in range(30):
        size = np.abs(v)
        given = s + s_i * size
        current = y @ v + y_load * v - np.conj(given / v)
        error = current[free]
        if np.abs(error).max(initial=0.0) < 1e-13:
            break
        # d(current)/dv and d(current)/d conj(v) of the load part; size depends on both.
        by_v = y + np.diag(y_load - np.conj(np.zeros(n) + s_i) * np.conj(v) / (2 * size) / np.conj(v))
        by_conj = np.diag(np.conj(given) / np.conj(v) ** 2 - np.conj(np.zeros(n) + s_i) * v / (2 * size) / np.conj(v))
        a, b = by_v[np.ix_(free, free)], by_conj[np.ix_(free, free)]
        jacobian = np.block([[a.real + b.real, -a.imag + b.imag], [a.imag + b.imag, a.real - b.real]])
        step = np.linalg.solve(jacobian, np.concatenate([error.real, error.imag]))
        v[free] -= step[: len(free)] + 1j * step[len(free) :]
    return v
