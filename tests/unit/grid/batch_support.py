"""Grids and references for the tests of the fast kernels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ghostload.grid.data import GridData
from ghostload.grid.io.cases import load_case
from ghostload.grid.kernels.pivoting import solve
from ghostload.grid.kernels.solution import REF
from ghostload.grid.network import Network, build_network, init_voltage, ybus


@cache
def case(name: str) -> tuple[GridData, Network]:
    """A published case and its circuit."""
    data = load_case(name)
    return data, build_network(data)


def random_grid(seed: int, buses: int, *, zip_loads: bool = False) -> GridData:
    """A meshed 110 kV grid: a random tree, chords, loads at most buses, two generators, a slack; lightly loaded."""
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(0, b)), b) for b in range(1, buses)]
    chords = [tuple(map(int, rng.choice(buses, 2, replace=False))) for _ in range(buses // 2)]
    ends = np.array(tree + chords)
    lines = len(ends)
    gens = rng.choice(np.arange(1, buses), 2, replace=False)
    shares = rng.uniform(0.0, 40.0, (4, buses)) if zip_loads else np.zeros((4, buses))
    return GridData.from_tables(
        {
            "bus": {"id": np.arange(buses), "vn_kv": np.full(buses, 110.0)},
            "line": {
                "from_bus": ends[:, 0],
                "to_bus": ends[:, 1],
                "length_km": rng.uniform(5.0, 30.0, lines),
                "r_ohm_per_km": rng.uniform(0.05, 0.2, lines),
                "x_ohm_per_km": rng.uniform(0.3, 0.5, lines),
                "c_nf_per_km": rng.uniform(5.0, 12.0, lines),
                "max_i_ka": np.full(lines, 0.5),
            },
            "load": {
                "bus": np.arange(buses),
                "p_mw": rng.uniform(0.5, 4.0, buses),
                "q_mvar": rng.uniform(-0.5, 1.5, buses),
                "const_z_p_percent": shares[0],
                "const_i_p_percent": shares[1],
                "const_z_q_percent": shares[2],
                "const_i_q_percent": shares[3],
            },
            "gen": {"bus": gens, "p_mw": rng.uniform(1.0, 5.0, 2), "vm_pu": rng.uniform(0.98, 1.03, 2)},
            "ext_grid": {"bus": [0], "vm_pu": [1.02], "va_degree": [5.0]},
        },
        sn_mva=100.0,
    )


def reference(network: Network, *, out: Any = (), tol: float = 1e-11, **changes: Any) -> Any:
    """Voltages by the pivoting solver, NaN where branches ``out`` leave none; None when it does not converge.

    ``changes`` are other attributes of the network.
    """
    network = replace(network, **changes)
    out = np.atleast_1d(np.asarray(out, np.int64))
    live = ~np.isin(np.arange(network.m), out)
    fields = ("branch_from", "branch_to", "yff", "yft", "ytf", "ytt")
    arrays = {name: getattr(network, name)[live] for name in fields}
    left = replace(network, **arrays)
    matrix = ybus(left)
    joined = coo_matrix((np.ones(left.m), (left.branch_from, left.branch_to)), shape=(left.n, left.n))
    _, label = connected_components(joined, directed=False)
    alive = np.isin(label, label[network.node_type == REF])
    part = matrix[alive][:, alive].tocsr()
    part.sort_indices()
    start = init_voltage(network)[alive]
    found = solve(
        part, network.s_bus[alive], network.i_bus[alive], network.node_type[alive], start, tol_pu=tol, max_iter=30
    )
    if not found.converged:
        return None
    v = np.full(network.n, complex(np.nan, np.nan))
    v[alive] = found.v
    return v
