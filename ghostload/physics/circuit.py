"""A feeder's nodes as numbers per unit: impedances, transformers, line charging, and where each phase's row is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.radial.windings import vector_group, wiring
from ghostload.physics.bits import MATRIX, PHASE_A, POLE, ROW, SERVICE, SHUNT, STATION, THREE
from ghostload.streams import FloatArray, IntArray
from ghostload.wires.impedance import capacitance_table, impedance_table
from ghostload.wires.model import Kind, Wires

ComplexArray = NDArray[np.complex128]

BASE_VA = 1e3
"""Per-unit power of one phase, so that per-unit powers are kW."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """A feeder's K nodes for the kernel, parents first; complex numbers are pairs.

    Attributes
    ----------
    node : (K, 8) array
        What the node is, as bits; its first row in the work arrays, and the row above it, in bytes; its meter or
        transformer in the feeder; the transformer on whose low-voltage side it is; its places in ``z`` and ``shunt``.
    one : (K, 4) array
        Voltage over that above without load; resistance and reactance of a node of one phase.
    z : (nodes of three phases, 3, 3, 2) array
    wiring : (T, 3, 3) array
        Voltages over those above without load, of transformers between unlike windings.
    shunt : (shunts, 3, 3, 2) array
        A node of one phase uses the first place.
    start : (K, 3, 2) array
        Voltage without load or shunts.
    rows : int
    low_v : float
        Rated low voltage, to neutral.
    meters, transformers : (n,), (T,) arrays
        Their numbers.
    """

    node: IntArray
    one: FloatArray
    z: FloatArray
    wiring: FloatArray
    shunt: FloatArray
    start: FloatArray
    rows: int
    low_v: float
    meters: IntArray
    transformers: IntArray


def circuit_of(wires: Wires, feeder: int) -> Circuit:
    """Express a feeder per unit of its levels' rated voltages to neutral.

    Raises
    ------
    UsageError
        A transformer's vector group is not YNyn or Dyn.
    """
    layout, practice = wires.layout, wires.practice
    nodes = wires.nodes_of(feeder)
    kind = layout.kind[nodes].astype(np.int64)
    parent = np.maximum(layout.parent[nodes] - nodes.start, 0)
    mask = wires.phases[nodes].astype(np.int64)
    three = np.bitwise_count(mask) > 1
    at = np.cumsum(np.where(three, 3, 1)) - np.where(three, 3, 1)
    alone = np.log2(mask & -mask).astype(np.int64)
    up = at[parent] + np.where(~three & three[parent], alone, 0)
    station, service = kind == Kind.TRANSFORMER_LV, kind == Kind.SERVICE_POINT
    transformers = layout.transformer[nodes][station]
    local = np.full(len(layout.block_start), -1)
    local[transformers] = np.arange(len(transformers))
    meters = layout.meter[nodes][service]
    number = np.full(len(kind), -1)
    number[service], number[station] = np.arange(len(meters)), np.arange(len(transformers))
    low = kind > Kind.TRANSFORMER_HV
    home = np.where(low & ~station, local[layout.transformer[nodes]], -1)
    volts = np.where(low, practice.lv_kv, practice.mv_kv) * 1e3 / np.sqrt(3.0)
    z = _line_z(wires, nodes, three, alone) * (BASE_VA / volts**2)[:, None, None]
    shunt = _charging(wires, nodes, parent, three, alone, volts)
    ratio, wired = np.ones(len(kind)), np.zeros((len(kind), 3, 3))
    unlike = _put_transformers(wires, nodes, np.flatnonzero(station), three, z, shunt, ratio, wired)
    what = np.where(service, SERVICE, np.where(station, STATION, POLE)) | np.where(three, THREE, 0)
    shunted = (shunt != 0).any(axis=(1, 2))
    what |= np.where(unlike, MATRIX, 0) | np.where(shunted, SHUNT, 0) | np.where(three, mask * PHASE_A, 0)
    start = _open_voltages(layout.depth[nodes], parent, three, alone, ratio, unlike, wired)
    zero = np.zeros_like(at)
    return Circuit(
        node=np.stack([what, ROW * at, ROW * up, number, home, _places(three), _places(shunted), zero], axis=1),
        one=np.stack([ratio, z[:, 0, 0].real, z[:, 0, 0].imag, np.zeros(len(at))], axis=1),
        z=_pairs(z[three]),
        wiring=wired[station],
        shunt=_pairs(shunt[shunted]),
        start=_pairs(start),
        rows=int(at[-1] + (3 if three[-1] else 1)),
        low_v=float(practice.lv_kv * 1e3 / np.sqrt(3.0)),
        meters=meters,
        transformers=transformers,
    )


def _pairs(values: ComplexArray) -> FloatArray:
    return np.ascontiguousarray(np.stack([values.real, values.imag], axis=-1))


def _places(which: NDArray[np.bool_]) -> IntArray:
    """Give numbers to what is chosen, -1 to the others."""
    return np.where(which, np.cumsum(which) - 1, -1)


def _first(matrix: NDArray[Any], three: NDArray[np.bool_], alone: IntArray) -> NDArray[Any]:
    """Bring the number of a node of one phase to the first place of its matrix."""
    single = np.flatnonzero(~three)
    one = matrix[single, alone[single], alone[single]]
    matrix[single] = 0.0
    matrix[single, 0, 0] = one
    return matrix


def _line_z(wires: Wires, nodes: slice, three: NDArray[np.bool_], alone: IntArray) -> ComplexArray:
    """Return the impedance of the line above each node in ohm, (K, 3, 3)."""
    line = wires.line[nodes]
    z = impedance_table(wires.practice)[np.maximum(line, 0), wires.phases[nodes]]
    z = z * (np.where(line >= 0, wires.layout.length_m[nodes], 0.0) / 1e3)[:, None, None]
    return np.asarray(_first(z, three, alone))


def _charging(
    wires: Wires, nodes: slice, parent: IntArray, three: NDArray[np.bool_], alone: IntArray, volts: FloatArray
) -> ComplexArray:
    """Return the admittance of the lines' halves at each node per unit, (K, 3, 3)."""
    practice = wires.practice
    line, mask = wires.line[nodes], wires.phases[nodes].astype(np.int64)
    farad = capacitance_table(practice)[np.maximum(line, 0), mask] * 1e-9
    farad *= (np.where(line >= 0, wires.layout.length_m[nodes], 0.0) / 1e3)[:, None, None]
    half = np.pi * practice.f_hz * farad * (volts**2 / BASE_VA)[:, None, None]
    whole = half.copy()
    np.add.at(whole, parent, half)
    return np.asarray(1j * _first(whole, three, alone))


def _put_transformers(
    wires: Wires,
    nodes: slice,
    rows: IntArray,
    three: NDArray[np.bool_],
    z: ComplexArray,
    shunt: ComplexArray,
    ratio: FloatArray,
    wired: FloatArray,
) -> NDArray[np.bool_]:
    """Fill in the transformers above their low-voltage terminals; tell where the windings are unlike."""
    practice = wires.practice
    unlike = np.zeros(len(three), dtype=bool)
    which = wires.layout.transformer[nodes][rows]
    types = [wires.type_of(number) for number in which.tolist()]
    phases, sn, vk, vkr, pfe, i0 = np.array(
        [(t.phases, t.sn_kva, t.vk_percent / 100, t.vkr_percent / 100, t.pfe_kw, t.i0_percent / 100) for t in types]
    ).reshape(-1, 6).T  # fmt: skip
    kva = sn / phases
    series = (vkr + 1j * np.sqrt(vk**2 - vkr**2)) * (1.0 / kva)
    iron = (pfe / sn - 1j * np.sqrt(np.maximum(i0**2 - (pfe / sn) ** 2, 0.0))) * kva
    for i in range(3):
        on = rows[three[rows]] if i else rows
        z[on, i, i] = series[three[rows]] if i else series
        shunt[on, i, i] = iron[three[rows]] if i else iron
    tap = wires.tap_pu[which]
    ratio[rows] = 1.0 / tap
    if three[rows].any():
        matrix = _ratio_matrix(practice.vector_group)
        if not np.array_equal(matrix, np.eye(3)):
            unlike[rows[three[rows]]] = True
            wired[rows] = matrix / tap[:, None, None]
    return unlike


def _ratio_matrix(group: str) -> FloatArray:
    """Return the open low-side voltages to neutral over the high-side ones, per unit, (3, 3).

    The reverse way, from currents of the low side to those of the high side, is its transpose.
    """
    high, low, _ = vector_group(group)
    if low != "yn" or high == "Y":
        raise UsageError(f"vector group {group}: feeders have YNyn or Dyn here; for others take ThreePhasePlan")
    first, second = wiring(group)
    return np.asarray(second[:, :3].T @ first[:, :3] / (np.sqrt(3.0) if high == "D" else 1.0))


def _open_voltages(
    depth: IntArray,
    parent: IntArray,
    three: NDArray[np.bool_],
    alone: IntArray,
    ratio: FloatArray,
    unlike: NDArray[np.bool_],
    wired: FloatArray,
) -> ComplexArray:
    """Return the voltages without load at a head of 1 per unit, (K, 3)."""
    turned = np.exp(-2j * np.pi / 3 * np.arange(3))
    start = np.zeros((len(depth), 3), dtype=np.complex128)
    start[0] = turned
    for level in range(1, int(depth.max(initial=0)) + 1):
        at = np.flatnonzero(depth == level)
        above = start[parent[at]]
        lone = ~three[at] & three[parent[at]]
        above[lone, 0] = above[lone, alone[at[lone]]]
        start[at] = np.where(
            unlike[at, None], np.einsum("kij,kj->ki", wired[at], above), ratio[at, None] * above
        )  # fmt: skip
    return start
