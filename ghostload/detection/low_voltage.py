"""The utility's model of the wires behind a transformer: what each meter's current does to each meter's voltage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.wires.impedance import impedance_table
from ghostload.wires.model import Wires

_TURN_RAD = -2.0 * np.pi / 3.0 * np.arange(3)


@dataclass(frozen=True, eq=False)
class LowVoltage:
    r"""Linear voltage drops of m meters behind one transformer.

    The drop of meter i below the low-voltage terminals is :math:`\sum_j R_{ij} I_j + X_{ij} I_j \tan\varphi_j` with
    :math:`I_j = P_j / V_j` the active current of meter j, all phases together.

    Attributes
    ----------
    meters : (m,) array of int
        Meter numbers.
    r_ohm, x_ohm : (m, m) arrays
    share : (m, 3) array
        How a meter's current lies on the phases, and how its recorded voltage is averaged over them; rows add up to 1.
    own_ohm, between_ohm : (m, m) arrays of complex, optional
        What the ways share, with each line's matrix made even: within a phase, and between two. Needed where a meter is
        put on another phase; not given, nothing is thought to couple phases.
    """

    meters: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    share: FloatArray
    own_ohm: NDArray[np.complex128] | None = None
    between_ohm: NDArray[np.complex128] | None = None

    @property
    def single_phase(self) -> BoolArray:
        """Which meters hang on one phase, (m,)."""
        return np.asarray(self.share.max(axis=1) > 1.0 - 1e-9)

    def with_share(self, share: FloatArray) -> LowVoltage:
        """Return the same ways with meters on other phases; pairs of meters that keep theirs are as they were."""
        changed = (share != self.share).any(axis=1)
        if not changed.any():
            return self
        own = self.r_ohm + 1j * self.x_ohm if self.own_ohm is None else self.own_ohm
        between = np.zeros_like(own) if self.between_ohm is None else self.between_ohm
        same = share @ share.T
        turned = share @ np.exp(1j * _TURN_RAD)
        z = own * same + between * (turned.conj()[:, None] * turned - same)
        pair = changed[:, None] | changed
        r, x = np.where(pair, z.real, self.r_ohm), np.where(pair, z.imag, self.x_ohm)
        return replace(self, r_ohm=r, x_ohm=x, share=share)


def low_voltage_of(wires: Wires, transformer: int) -> LowVoltage:
    r"""Sum the impedances that the ways of each two meters share.

    With :math:`z'_{\phi\psi}` the matrix of an edge and phases a third of a turn apart,
    :math:`R_{ij} - jX_{ij} = \sum_{e} \sum_{\phi\psi} s_{i\phi} s_{j\psi} (z'_{\phi\psi} e^{j(\theta_\psi -
    \theta_\phi)})^*`, e the edges on both ways: the linear flow in phases that the planner of the wires uses [1]_.

    References
    ----------
    .. [1] L. Gan, S. H. Low, "Convex relaxations and linear approximation for optimal power flow in multiphase radial
       networks", PSCC, 2014. :doi:`10.1109/PSCC.2014.7038399`
    """
    layout = wires.layout
    begin, end = int(layout.block_start[transformer]), int(layout.block_stop[transformer])
    nodes = slice(begin, end)
    at = np.flatnonzero(layout.meter[nodes] >= 0)
    on_way = _ways(layout.parent[nodes] - begin, at)
    masks = wires.phases[nodes].astype(np.int64)
    edge_z = impedance_table(wires.practice)[wires.line[nodes], masks] * (layout.length_m[nodes] / 1e3)[:, None, None]
    edge_z[0] = 0.0
    on = ((masks[at][:, None] >> np.arange(3)) & 1).astype(np.float64)
    share = on / on.sum(axis=1, keepdims=True)
    z = np.zeros((len(at), len(at)), dtype=np.complex128)
    for a in range(3):
        for b in range(3):
            seen = edge_z[:, a, b] * np.exp(1j * (_TURN_RAD[b] - _TURN_RAD[a]))
            z += share[:, a, None] * ((on_way.T * seen) @ on_way) * share[:, b]
    count = np.maximum((np.einsum("eaa->ea", edge_z) != 0.0).sum(axis=1), 1)
    trace = np.einsum("eaa->e", edge_z)
    pairs = np.maximum(count * (count - 1), 1)
    own = (on_way.T * (trace / count)) @ on_way
    between = (on_way.T * ((edge_z.sum(axis=(1, 2)) - trace) / pairs)) @ on_way
    return LowVoltage(layout.meter[nodes][at], z.real, z.imag, share, own, between)


def _ways(parent: IntArray, at: IntArray) -> FloatArray:
    """Return whether the edge above each node is on the way of each service point, (nodes, m); node 0 is the root."""
    on_way = np.zeros((len(parent), len(at)))
    here = at.copy()
    column = np.arange(len(at))
    while len(here):
        on_way[here, column] = 1.0
        here = parent[here]
        below: BoolArray = here > 0
        here, column = here[below], column[below]
    return on_way
