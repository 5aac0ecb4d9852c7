"""What stands at the nodes of a circuit, kept up to date write by write: injections, set points, limits."""

from __future__ import annotations

import cmath
import math
from collections.abc import Collection, Iterable
from typing import Any, Final

import numpy as np

from ghostload.grid.data import GridData
from ghostload.grid.effects import EFFECT
from ghostload.grid.injections import load_shares, scatter
from ghostload.grid.kernels.solution import PV, REF, ComplexArray, IntArray
from ghostload.grid.network import Network
from ghostload.grid.options import SolveOptions
from ghostload.grid.working import Cell, Column, WorkingCopy

Members = tuple[float, Any, Any, Any, list[int]]
"""Sign, columns of active and reactive power and of scaling, rows: elements of one component at one node."""

SHARES: Final = ("const_z_p_percent", "const_i_p_percent", "const_z_q_percent", "const_i_q_percent")
"""Columns of a load that let its power follow the voltage."""

AT_NODES: Final = ("load", "sgen", "gen", "ext_grid")

NO_CURRENT: ComplexArray = np.zeros(0, np.complex128)
"""No constant-current injections."""


MANY = 32
"""Nodes from which on all injections are summed anew at once, rather than node by node."""


class AtNodes:
    """The part of a circuit that elements at buses give.

    Attributes
    ----------
    network : Network
        As it was built; what was written since is in the arrays here.
    s, vm_set, va_set_rad : (n,) arrays
        As in the network.
    i_bus : (n,) or (0,) complex array
        As in the network; empty where no load follows the voltage linearly.
    """

    def __init__(self, network: Network, options: SolveOptions, data: GridData) -> None:
        self.options = options
        self._load(network, data)

    def _load(self, network: Network, data: GridData) -> None:
        """Take over what stands at the nodes."""
        self.network = network
        self._nodes: dict[str, IntArray] = {name: getattr(network, f"{name}_node") for name in AT_NODES}
        follows = np.logical_or.reduce([data["load"][share] != 0.0 for share in SHARES])
        self._following = frozenset(np.flatnonzero(follows).tolist())
        self.s = network.s_bus.copy()
        self.vm_set = network.vm_set.copy()
        self.va_set_rad = network.va_set_rad.copy()
        self.i_bus = network.i_bus if np.any(network.i_bus) else NO_CURRENT
        slack = network.island[network.node_type == REF]
        self._many_slacks = len(np.unique(slack)) < len(slack)
        pv = network.node_type == PV
        self._has_pv = bool(pv.any())
        limited = np.isfinite(network.q_min[pv]) | np.isfinite(network.q_max[pv])
        self._has_limits = self.options.qlim and bool(limited.any())
        self._following_at: dict[int, list[int]] = {}
        for row in sorted(self._following):
            self._following_at.setdefault(self._nodes["load"].item(row), []).append(row)
        self._copy: WorkingCopy | None = None
        self._members: dict[int, list[Members]] = {}

    def _is_alone(self, component: str, row: int) -> bool:
        """Whether no other element holds the voltage of its node."""
        node = self._nodes[component][row]
        both = np.count_nonzero(self.network.gen_node == node) + np.count_nonzero(self.network.ext_grid_node == node)
        return bool(node < 0 or both == 1)

    def _hold(self, copy: WorkingCopy, key: Column, row: int, v: ComplexArray | None) -> None:
        component, field = key
        node = int(self._nodes[component][row])
        if node < 0:
            return
        value = float(copy.column(component, field)[row])
        if field == "vm_pu":
            self.vm_set[node] = value
            if v is not None:
                v[node] *= value / abs(v[node])
            return
        if not self.options.calculate_voltage_angles:
            return
        turn = math.radians(value) - float(self.va_set_rad[node])
        slacks = (self.network.node_type == REF) & (self.network.island == self.network.island[node])
        if np.count_nonzero(slacks) == 1:
            island = self.network.island == self.network.island[node]
            self.va_set_rad[island] += turn
            if v is not None:
                v[island] *= cmath.exp(1j * turn)
        else:
            self.va_set_rad[node] += turn
            if v is not None:
                v[node] *= cmath.exp(1j * turn)

    def _nodes_of_powers(self, cells: Iterable[Cell]) -> set[int] | None:
        """Return the nodes at which a power was written; None where something else was, too."""
        nodes = set()
        for key, row in cells:
            component = key[0]
            if EFFECT[key] != "power" or (component == "load" and row in self._following):
                return None
            nodes.add(self._nodes[component].item(row))
        nodes.discard(-1)
        return nodes

    def _sum_at(self, copy: WorkingCopy, nodes: Collection[int]) -> None:
        """Sum the power given at some nodes anew."""
        if len(nodes) > MANY:
            self._sum_all(copy.data())
            return
        for node in nodes:
            self.s[node] = self._sum(copy, node)

    def _sum(self, copy: WorkingCopy, node: int) -> complex:
        """Power given at a node, per unit."""
        if self._copy is not copy:
            self._copy, self._members = copy, {}
        members = self._members.get(node)
        if members is None:
            members = self._members[node] = self._members_of(copy, node)
        p = q = 0.0
        for sign, p_mw, q_mvar, scaling, rows in members:
            for row in rows:
                scale = sign * scaling.item(row)
                p += p_mw.item(row) * scale
                if q_mvar is not None:
                    q += q_mvar.item(row) * scale
        for row in self._following_at.get(node, ()) if self._following_at else ():
            share = self._constant_power(copy, row)
            p -= share.real
            q -= share.imag
        return complex(p, q) / self.network.sn_mva

    def _members_of(self, copy: WorkingCopy, node: int) -> list[Members]:
        """Find what gives power at a node; its columns are opened, so that they stay the ones that are written to."""
        found = []
        for component, sign in (("sgen", 1.0), ("gen", 1.0), ("load", -1.0)):
            rows = np.flatnonzero(self._nodes[component] == node).tolist()
            if component == "load":
                rows = [row for row in rows if row not in self._following]
            if rows:
                names = ("p_mw", "q_mvar", "scaling")
                p_mw, q_mvar, scaling = (
                    None if (component, name) == ("gen", "q_mvar") else copy.opened((component, name)) for name in names
                )
                found.append((sign, p_mw, q_mvar, scaling, rows))
        return found

    def _constant_power(self, copy: WorkingCopy, row: int) -> complex:
        """Part of a load whose power does not follow the voltage, in MVA."""

        def of(field: str) -> float:
            return float(copy.column("load", field)[row])

        p = of("p_mw") * (1.0 - (of("const_z_p_percent") + of("const_i_p_percent")) / 100.0)
        q = of("q_mvar") * (1.0 - (of("const_z_q_percent") + of("const_i_q_percent")) / 100.0)
        return complex(p, q) * of("scaling")

    def _sum_all(self, data: GridData) -> None:
        """Sum the power given at every node anew."""
        network, n = self.network, self.network.n
        sgen, gen, load = data["sgen"], data["gen"], data["load"]
        self.s = (
            scatter(n, network.sgen_node, (sgen["p_mw"] + 1j * sgen["q_mvar"]) * sgen["scaling"])
            + scatter(n, network.gen_node, (gen["p_mw"] * gen["scaling"]).astype(np.complex128))
            - scatter(n, network.load_node, load_shares(data).power * load["scaling"])
        ) / network.sn_mva
