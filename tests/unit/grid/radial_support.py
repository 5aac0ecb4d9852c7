"""Random radial circuits, and a dense Newton that shares nothing with the sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ghostload.grid.data import GridData


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


LV_LINE = {"r_ohm_per_km": 0.206, "x_ohm_per_km": 0.08, "c_nf_per_km": 260.0, "max_i_ka": 0.27}
MV_LINE = {"r_ohm_per_km": 0.25, "x_ohm_per_km": 0.35, "c_nf_per_km": 210.0, "max_i_ka": 0.35}
DYN5 = {
    "sn_mva": 0.4, "vn_hv_kv": 20.0, "vn_lv_kv": 0.4, "vk_percent": 6.0, "vkr_percent": 1.4, "pfe_kw": 1.3,
    "i0_percent": 0.34, "shift_degree": 150.0, "tap_side": "hv", "tap_neutral": 0.0, "tap_min": -2.0, "tap_max": 2.0,
    "tap_step_percent": 2.5, "tap_changer_type": "Ratio", "vector_group": "Dyn5",
}  # fmt: skip


def random_grid(rng: np.random.Generator, n: int, *, islands: int = 1) -> GridData:
    """Medium and low voltage, radial as it is switched, with one of nearly everything that hangs on a feeder.

    Each island has an external grid; a line between two of its ends is open at one of them, a bus is joined by a closed
    switch, and two buses with a load hang on an open line and on one out of service.
    """
    vn, line, trafo, switch = [20.0] * islands, _Rows(), _Rows(), _Rows()
    for _ in range(n - islands):
        parent = int(rng.integers(max(0, len(vn) - 8), len(vn)))
        child, high = len(vn), vn[parent] > 1.0
        to_low = high and rng.random() < 0.5
        vn.append(0.4 if to_low or not high else 20.0)
        ends = (parent, child) if rng.random() < 0.5 else (child, parent)
        if to_low:
            trafo.add(hv_bus=parent, lv_bus=child, tap_pos=float(rng.integers(-2, 3)), **DYN5)
        else:
            kind = MV_LINE if high else LV_LINE
            length = float(rng.uniform(*((0.4, 2.0) if high else (0.01, 0.08))))
            line.add(from_bus=ends[0], to_bus=ends[1], length_km=length, **kind)
    tree = len(vn)
    joined, dark, off = tree, tree + 1, tree + 2
    at = [int(k) for k in rng.integers(0, tree, 3)]
    vn += [vn[k] for k in at]
    switch.add(bus=at[0], element=joined, et="b", closed=True)
    for bus, far in ((at[1], dark), (at[2], off)):
        line.add(from_bus=bus, to_bus=far, length_km=0.5, **(MV_LINE if vn[bus] > 1.0 else LV_LINE))
    switch.add(bus=dark, element=len(line.rows) - 2, et="l", closed=False)
    same = [k for k in range(1, tree) if vn[k] == vn[0]]
    if same:
        line.add(from_bus=0, to_bus=same[-1], length_km=0.7, **MV_LINE)
        switch.add(bus=same[-1], element=len(line.rows) - 1, et="l", closed=False)
    service = [k != len(line.rows) - (2 if same else 1) for k in range(len(line.rows))]
    name = rng.permutation(4 * len(vn))[: len(vn)]

    def buses(rows: list[int]) -> list[int]:
        return [int(name[k]) for k in rows]

    loads = [k for k in range(len(vn)) if rng.random() < 0.7 or k >= tree]
    zip_p, zip_q = rng.dirichlet([1, 1, 2], len(loads)) * 100, rng.dirichlet([1, 1, 2], len(loads)) * 100
    some = rng.random(len(loads)) < 0.5
    size = np.array([0.15 if vn[k] > 1.0 else 0.006 for k in loads])
    suns = [k for k in loads if rng.random() < 0.4]
    tables: dict[str, Any] = {
        "bus": {"id": [int(k) for k in name], "vn_kv": vn},
        "line": line.table({"from_bus": buses, "to_bus": buses}) | {"in_service": service},
        "trafo": trafo.table({"hv_bus": buses, "lv_bus": buses}),
        "switch": switch.table({"bus": buses})
        | {"element": [int(name[r["element"]]) if r["et"] == "b" else r["element"] for r in switch.rows]},
        "ext_grid": {
            "bus": buses(list(range(islands))), "vm_pu": rng.uniform(1.0, 1.04, islands),
            "va_degree": rng.uniform(-20, 20, islands),
        },
        "load": {
            "bus": buses(loads), "p_mw": size * rng.uniform(0.2, 1.5, len(loads)),
            "q_mvar": size * rng.uniform(-0.2, 0.6, len(loads)), "scaling": rng.uniform(0.5, 1.2, len(loads)),
            "const_z_p_percent": zip_p[:, 0] * some, "const_i_p_percent": zip_p[:, 1] * some,
            "const_z_q_percent": zip_q[:, 0] * some, "const_i_q_percent": zip_q[:, 1] * some,
        },
        "sgen": {
            "bus": buses(suns), "p_mw": [0.2 if vn[k] > 1.0 else 0.008 for k in suns], "q_mvar": [0.0] * len(suns),
            "in_service": [bool(rng.random() < 0.9) for _ in suns],
        },
        "shunt": {
            "bus": buses(at[:2]), "p_mw": [0.0, 0.001], "q_mvar": [-0.05 if vn[k] > 1.0 else -0.004 for k in at[:2]],
        },
    }  # fmt: skip
    return GridData.from_tables({name: table for name, table in tables.items() if table}, sn_mva=1.0)


class _Rows:
    """Rows of a table, written one by one."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        self.rows.append(row)

    def table(self, change: dict[str, Callable[[list[int]], list[int]]]) -> dict[str, Any]:
        """Return the rows as columns, some of them changed."""
        if not self.rows:
            return {}
        columns = {key: [row[key] for row in self.rows] for key in self.rows[0]}
        return columns | {key: how(columns[key]) for key, how in change.items()}


def random_series(rng: np.random.Generator, data: GridData, steps: int) -> dict[str, np.ndarray]:
    """Return tables of loads, static generators and set points for :meth:`PowerGrid.solve_series`."""
    load, sgen = data["load"], data["sgen"]
    return {
        "p_mw": load["p_mw"] * rng.uniform(0.2, 1.6, (steps, len(load))),
        "q_mvar": load["q_mvar"] * rng.uniform(0.2, 1.6, (steps, len(load))),
        "sgen_p_mw": sgen["p_mw"] * rng.uniform(0.0, 1.2, (steps, len(sgen))),
        "sgen_q_mvar": 0.3 * sgen["p_mw"] * rng.uniform(-1.0, 1.0, (steps, len(sgen))),
        "ext_grid_vm_pu": rng.uniform(0.97, 1.05, (steps, len(data["ext_grid"]))),
    }


def at_step(data: GridData, series: dict[str, np.ndarray], step: int) -> GridData:
    """Return the grid with the values of one step written into its tables."""
    data = data.replace("load", p_mw=series["p_mw"][step], q_mvar=series["q_mvar"][step])
    data = data.replace("sgen", p_mw=series["sgen_p_mw"][step], q_mvar=series["sgen_q_mvar"][step])
    return data.replace("ext_grid", vm_pu=series["ext_grid_vm_pu"][step])
