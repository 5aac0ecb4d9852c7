"""MATPOWER cases as grids: every branch keeps its admittances exactly.

A branch becomes a line where both ends have one rated voltage and the ratio is 1 without shift, a transformer where
ratio, shift or rated voltages differ, and an impedance where pandapower's transformer cannot express it: with line
charging above zero, or with a reactance that drowns in the resistance. The susceptance of a transformer is converted
so that it is exact with ``trafo_model="t"``, the default.

=================  ==========================================================================
MATPOWER           grid
=================  ==========================================================================
bus number         id of the bus; type 4 is out of service; ``baseKV`` 0 becomes 1 kV
``Pd``, ``Qd``     load, also where negative; ids count from 0
``Gs``, ``Bs``     shunt
generator          ext_grid at reference buses (the first in service), gen at PV buses, sgen at PQ buses
branch             name "branch k", k its row in the file, from 1
=================  ==========================================================================

As in MATPOWER: a bus of type PV or reference without a generator in service is PQ; without any reference left, the
first PV bus is it; of several set points at one bus the last in service holds; a branch to a bus of type 4 is out of
service. ``dcline`` is left out, which is what MATPOWER does by default.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.data import GridData
from ghostload.grid.io.matpower_case import Branch, Bus, BusType, Gen, MatpowerCase, parse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complexfloating[Any, Any]]
Mask = NDArray[np.bool_]

F_HZ: Final = 50.0
"""The format knows no frequency; pandapower takes this one."""

UNLIMITED_MVA: Final = 99999.0
"""Rated power of a branch without a limit; pandapower takes this one."""

_LARGEST_Z_OVER_X: Final = 100.0
"""x follows from sqrt(vk**2 - vkr**2), which loses (z/x)**2 of the precision of a double."""


def from_matpower(text: str, source: str = "case.m") -> GridData:
    """Read the text of a MATPOWER case file as a grid."""
    return to_grid(parse(text, source))


def stored_voltages(case: MatpowerCase) -> NDArray[np.complex128]:
    """Return the voltages that the file holds, ``Vm`` and ``Va``: a solved state, or where to start.

    Of several solutions, MATPOWER finds the one near these; that of large cases is often not found from a flat start.

    Returns
    -------
    (B,) complex array
        Per unit, in the order of the buses in the file and so of the bus table of :func:`to_grid`.
    """
    return np.asarray(case.bus[:, Bus.VM] * np.exp(1j * np.deg2rad(case.bus[:, Bus.VA])), dtype=np.complex128)


def grid_and_start(text: str, source: str = "case.m") -> tuple[GridData, NDArray[np.complex128] | None]:
    """Read the text of a case file as a grid and the voltages that it holds; None where they say nothing.

    That is where they are flat, as in cases that were never solved, or where one is no number or 0.
    """
    case = parse(text, source)
    voltages = stored_voltages(case)
    tells = np.ptp(case.bus[:, Bus.VA]) > 0 and bool(np.all(np.isfinite(voltages) & (voltages != 0)))
    return to_grid(case), voltages if tells else None


def to_grid(case: MatpowerCase) -> GridData:
    """Convert the matrices of a case.

    Raises
    ------
    DataError
        A bus number is given twice, or a row refers to a bus that is not there.
    """
    bus = case.bus
    numbers = bus[:, Bus.BUS_I].astype(np.int64)
    if len(np.unique(numbers)) < len(numbers):
        seen, counts = np.unique(numbers, return_counts=True)
        raise DataError(f"{case.name}: bus {seen[np.argmax(counts > 1)]} is given more than once in mpc.bus")
    vn_kv = np.where(bus[:, Bus.BASE_KV] > 0, bus[:, Bus.BASE_KV], 1.0)
    tables: dict[str, dict[str, Any]] = {
        "bus": {
            "id": numbers,
            "name": list(case.bus_names) or [""] * len(bus),
            "vn_kv": vn_kv,
            "min_vm_pu": bus[:, Bus.VMIN],
            "max_vm_pu": bus[:, Bus.VMAX],
            "in_service": bus[:, Bus.BUS_TYPE] != BusType.NONE,
        },
        **_at_buses(bus, numbers, vn_kv),
        **_generators(case, numbers),
    }
    # Missing and infinite numbers go into the tables as they are; validate_grid finds them.
    with np.errstate(all="ignore"):
        tables |= _branches(case, numbers, vn_kv)
    return GridData.from_tables(tables, sn_mva=case.base_mva, f_hz=F_HZ, name=case.name)


def _at_buses(bus: FloatArray, numbers: IntArray, vn_kv: FloatArray) -> dict[str, dict[str, Any]]:
    load = (bus[:, Bus.PD] != 0) | (bus[:, Bus.QD] != 0)
    shunt = (bus[:, Bus.GS] != 0) | (bus[:, Bus.BS] != 0)
    return {
        "load": {"bus": numbers[load], "p_mw": bus[load, Bus.PD], "q_mvar": bus[load, Bus.QD]},
        "shunt": {
            "bus": numbers[shunt],
            "p_mw": bus[shunt, Bus.GS],
            "q_mvar": -bus[shunt, Bus.BS],
            "vn_kv": vn_kv[shunt],
        },
    }


def bus_types(case: MatpowerCase) -> IntArray:
    """Return the types that the buses take in a power flow, given which generators are in service.

    Returns
    -------
    (B,) int64 array of :class:`BusType`
    """
    rows = case.bus_rows(case.gen[:, Gen.GEN_BUS], "mpc.gen")
    held = np.zeros(len(case.bus), np.bool_)
    held[rows[case.gen[:, Gen.GEN_STATUS] > 0]] = True
    types = case.bus[:, Bus.BUS_TYPE].astype(np.int64)
    types[np.isin(types, (BusType.PV, BusType.REF)) & ~held] = BusType.PQ
    pv = np.flatnonzero(types == BusType.PV)
    if not (types == BusType.REF).any() and len(pv):
        types[pv[0]] = BusType.REF
    return types


def _generators(case: MatpowerCase, numbers: IntArray) -> dict[str, dict[str, Any]]:
    gen = case.gen
    rows = case.bus_rows(gen[:, Gen.GEN_BUS], "mpc.gen")
    on = gen[:, Gen.GEN_STATUS] > 0
    types = bus_types(case)[rows]
    reference = np.zeros(len(gen), np.bool_)
    at_reference = np.flatnonzero((types == BusType.REF) & on)
    reference[at_reference[np.unique(rows[at_reference], return_index=True)[1]]] = True
    holds = ~reference & (np.isin(types, (BusType.PV, BusType.REF)) | ~on)
    feeds = ~reference & ~holds
    set_point = np.full(len(case.bus), np.nan)
    set_point[rows[on]] = gen[on, Gen.VG]
    vm_pu = np.where(on, set_point[rows], gen[:, Gen.VG])
    names = np.array([f"gen {k + 1}" for k in range(len(gen))], dtype=object)
    return {
        "ext_grid": {
            "bus": numbers[rows[reference]],
            "name": names[reference],
            "vm_pu": vm_pu[reference],
            "va_degree": case.bus[rows[reference], Bus.VA],
        },
        "gen": {
            "bus": numbers[rows[holds]],
            "name": names[holds],
            "p_mw": gen[holds, Gen.PG],
            "vm_pu": vm_pu[holds],
            "min_q_mvar": _limit(gen[holds, Gen.QMIN]),
            "max_q_mvar": _limit(gen[holds, Gen.QMAX]),
            "in_service": on[holds],
        },
        "sgen": {
            "bus": numbers[rows[feeds]],
            "name": names[feeds],
            "p_mw": gen[feeds, Gen.PG],
            "q_mvar": gen[feeds, Gen.QG],
        },
    }


def _limit(values: FloatArray) -> FloatArray:
    """Return limits; a limit at infinity is none."""
    return np.where(np.isfinite(values), values, np.nan)


def _branches(case: MatpowerCase, numbers: IntArray, vn_kv: FloatArray) -> dict[str, dict[str, Any]]:
    branch = case.branch
    start = case.bus_rows(branch[:, Branch.F_BUS], "mpc.branch")
    stop = case.bus_rows(branch[:, Branch.T_BUS], "mpc.branch")
    isolated = case.bus[:, Bus.BUS_TYPE] == BusType.NONE
    on = (branch[:, Branch.BR_STATUS] != 0) & ~isolated[start] & ~isolated[stop]
    ratio = np.where(branch[:, Branch.TAP] == 0, 1.0, branch[:, Branch.TAP])
    shift = branch[:, Branch.SHIFT]
    r, x, b = branch[:, Branch.BR_R], branch[:, Branch.BR_X], branch[:, Branch.BR_B]
    line = (vn_kv[start] == vn_kv[stop]) & (ratio == 1.0) & (shift == 0.0)
    trafo = ~line & (b <= 0.0) & (np.hypot(r, x) < _LARGEST_Z_OVER_X * np.abs(x)) & (ratio > 0.0)
    names = np.array([f"branch {k + 1}" for k in range(len(branch))], dtype=object)
    common = (case, names, numbers[start], numbers[stop])
    tables = {
        "line": (line, _lines(*common, line, vn_kv[start])),
        "trafo": (trafo, _trafos(*common, trafo, vn_kv[start], vn_kv[stop], ratio)),
        "impedance": (~line & ~trafo, _impedances(*common, ~line & ~trafo, ratio)),
    }
    return {name: {**table, "in_service": on[mask]} for name, (mask, table) in tables.items()}


def _lines(
    case: MatpowerCase, names: Any, start: IntArray, stop: IntArray, mask: Mask, vn_kv: FloatArray
) -> dict[str, Any]:
    branch, vn_kv = case.branch[mask], vn_kv[mask]
    base_ohm = vn_kv**2 / case.base_mva
    limit_mva = np.where(branch[:, Branch.RATE_A] > 0, branch[:, Branch.RATE_A], np.nan)
    return {
        "name": names[mask],
        "from_bus": start[mask],
        "to_bus": stop[mask],
        "length_km": np.ones(len(branch)),
        "r_ohm_per_km": branch[:, Branch.BR_R] * base_ohm,
        "x_ohm_per_km": branch[:, Branch.BR_X] * base_ohm,
        "c_nf_per_km": branch[:, Branch.BR_B] / base_ohm / (2 * np.pi * F_HZ) * 1e9,
        "max_i_ka": limit_mva / (np.sqrt(3) * vn_kv),
    }


def _rated_mva(branch: FloatArray) -> FloatArray:
    return np.where(branch[:, Branch.RATE_A] > 0, branch[:, Branch.RATE_A], UNLIMITED_MVA)


def _trafos(
    case: MatpowerCase,
    names: Any,
    start: IntArray,
    stop: IntArray,
    mask: Mask,
    vn_start: FloatArray,
    vn_stop: FloatArray,
    ratio: FloatArray,
) -> dict[str, Any]:
    branch, start, stop = case.branch[mask], start[mask], stop[mask]
    vn_start, vn_stop, ratio = vn_start[mask], vn_stop[mask], ratio[mask]
    # In MATPOWER ratio and shift sit at the start, here at the side that the tap changer is on; the shift is hv to lv.
    high = vn_start >= vn_stop
    sn_mva = _rated_mva(branch)
    z_t, y_t = _pi_as_t(branch[:, Branch.BR_R] + 1j * branch[:, Branch.BR_X], 0.5j * branch[:, Branch.BR_B])
    per_cent = sn_mva / case.base_mva * 100.0
    tapped = ratio != 1.0
    return {
        "name": names[mask],
        "hv_bus": np.where(high, start, stop),
        "lv_bus": np.where(high, stop, start),
        "sn_mva": sn_mva,
        "vn_hv_kv": np.where(high, vn_start, vn_stop),
        "vn_lv_kv": np.where(high, vn_stop, vn_start),
        "vk_percent": np.copysign(np.abs(z_t), z_t.imag) * per_cent,
        "vkr_percent": z_t.real * per_cent,
        "pfe_kw": y_t.real * case.base_mva * 1e3,
        "i0_percent": np.abs(y_t) / sn_mva * case.base_mva * 100.0,
        "shift_degree": np.where(high, branch[:, Branch.SHIFT], -branch[:, Branch.SHIFT]) + 0.0,
        "tap_side": np.where(tapped, np.where(high, "hv", "lv"), ""),
        "tap_neutral": np.where(tapped, 0.0, np.nan),
        "tap_step_percent": np.where(tapped, np.abs(ratio - 1.0) * 100.0, np.nan),
        "tap_pos": np.where(tapped, np.sign(ratio - 1.0), np.nan),
        "tap_changer_type": np.where(tapped, "Ratio", ""),
    }


def _pi_as_t(z: ComplexArray, y_end: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Return series impedance and admittance of the T circuit that equals a pi circuit with ``y_end`` at each end."""
    d = 2.0 + y_end * z
    return 2.0 * z / d, y_end * d


def _impedances(
    case: MatpowerCase, names: Any, start: IntArray, stop: IntArray, mask: Mask, ratio: FloatArray
) -> dict[str, Any]:
    branch = case.branch[mask]
    z = branch[:, Branch.BR_R] + 1j * branch[:, Branch.BR_X]
    tap = ratio[mask] * np.exp(1j * np.deg2rad(branch[:, Branch.SHIFT]))
    y_end = 1.0 / z + 0.5j * branch[:, Branch.BR_B]
    from_start = y_end / np.abs(tap) ** 2 - 1.0 / (z * np.conj(tap))
    from_stop = y_end - 1.0 / (z * tap)
    z_ft, z_tf = z * np.conj(tap), z * tap
    sn_mva = _rated_mva(branch)
    scale = sn_mva / case.base_mva
    return {
        "name": names[mask],
        "from_bus": start[mask],
        "to_bus": stop[mask],
        "rft_pu": z_ft.real * scale,
        "xft_pu": z_ft.imag * scale,
        "rtf_pu": z_tf.real * scale,
        "xtf_pu": z_tf.imag * scale,
        "gf_pu": from_start.real / scale,
        "bf_pu": from_start.imag / scale,
        "gt_pu": from_stop.real / scale,
        "bt_pu": from_stop.imag / scale,
        "sn_mva": sn_mva,
    }
