"""One scenario of a batch by the pivoting solver: what the lanes could not solve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ghostload.grid.batch_inputs import Inputs
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.qlimits import solve_within_limits
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, Solution
from ghostload.grid.network import Network

QUICK_STEPS = 10
"""Full steps of a quick trial: from the base case, one that has not arrived after so many seldom does."""


def scenario_matrix(network: Network, matrix: csr_matrix, inputs: Inputs, k: int) -> csr_matrix:
    """Return the admittance matrix of one scenario: without its outages, with its constant-impedance loads."""
    out = inputs.outages(k)
    f, t = network.branch_from[out], network.branch_to[out]
    _, _, impedance = inputs.injections(k)
    each = np.arange(network.n)
    rows, columns = np.concatenate([f, f, t, t, each]), np.concatenate([f, t, f, t, each])
    parts = [network.yff[out], network.yft[out], network.ytf[out], network.ytt[out], np.conj(impedance)]
    less = csr_matrix((np.concatenate(parts), (rows, columns)), shape=(network.n, network.n))
    changed: csr_matrix = (matrix - less).tocsr()
    changed.sort_indices()
    return changed


def solve_scenario(
    network: Network,
    matrix: csr_matrix,
    inputs: Inputs,
    k: int,
    alive: NDArray[np.bool_],
    v0: ComplexArray,
    *,
    tol: float,
    max_iter: int,
    qlim: bool,
    thorough: bool,
) -> Solution:
    """Solve one scenario.

    Parameters
    ----------
    matrix : (n, n) complex CSR
        Admittance matrix of the base case.
    alive : (n,) bool array
        Nodes under voltage.
    v0 : (n,) complex array
        Where to start, with the set points of the base case.
    qlim : bool
        Keep generators within their reactive limits.
    thorough : bool
        Step control and continuation where full steps fail.

    Returns
    -------
    Solution
        ``v`` is NaN where there is no voltage, and everywhere when it did not converge.
    """
    steps = max_iter if thorough else min(max_iter, QUICK_STEPS)
    v0 = v0.copy()
    if inputs.set_node.size:
        v0[inputs.set_node] *= inputs.set_vm[k] / np.abs(v0[inputs.set_node])
    part = scenario_matrix(network, matrix, inputs, k)[alive][:, alive].tocsr()
    s, current, _ = (values[alive] for values in inputs.injections(k))

    def newton(s: ComplexArray, node_type: NDArray[np.int8], v: ComplexArray) -> Solution:
        return solve(part, s, current, node_type, v, tol_pu=tol, max_iter=steps, step_control=thorough)

    def reactive(v: ComplexArray) -> FloatArray:
        power: ComplexArray = v * np.conj(part @ v) - current * np.abs(v)
        return power.imag

    kind, start = network.node_type[alive], v0[alive]
    if qlim:
        vm_set, low, high = np.abs(start), network.q_min[alive], network.q_max[alive]
        found = solve_within_limits(newton, reactive, s, kind, vm_set, low, high, start, tol_pu=tol).solution
    else:
        found = newton(s, kind, start)
    v = np.full(network.n, complex(np.nan, np.nan))
    if found.converged:
        v[alive] = found.v
    return replace(found, v=v)
