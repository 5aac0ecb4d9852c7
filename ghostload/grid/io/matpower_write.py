"""Grids as MATPOWER case files, by way of the circuit: what the power flow sees is what is written.

Buses that closed switches join are one bus, with the id of the first; ids below 1 move all up, and star points and free
ends of branches get the numbers above. Elements out of service are written as such, except branches at buses that are
out of service. Loads with constant impedance become shunts; static generators become generators of PQ buses, or
negative load where a generator holds the voltage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.injections import load_shares, scatter
from ghostload.grid.io.matpower import UNLIMITED_MVA
from ghostload.grid.network import BRANCH_COMPONENTS, Network, build_network
from ghostload.grid.schema import BRANCH_ENDS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SMALL: Final = 1e-13
"""Share of a branch admittance below which what is left over at an end is rounding."""

_HEADERS: Final = {
    "bus": "bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin",
    "gen": "bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin",
    "branch": "fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax",
}


def to_matpower(data: GridData, name: str = "") -> str:
    """Return a grid as the text of a MATPOWER case file, format version 2.

    Parameters
    ----------
    data : GridData
    name : str
        Name of the function, and so of the file; default is that of the grid.

    Raises
    ------
    UsageError
        A load draws constant current, or a branch passes unlike in the two directions: the format has no place for it.
    DataError
        The grid cannot be built; see :func:`ghostload.grid.findings.validate_grid`.
    """
    bridged = data
    for component, ends in BRANCH_ENDS.items():
        live = [data["bus"]["in_service"][data["bus"].rows_of(data[component][end])] for end in ends]
        whole = np.logical_and.reduce(live) if len(data["bus"]) else False
        bridged = bridged.replace(component, in_service=data[component]["in_service"] | whole)
    circuit, as_is = build_network(bridged), build_network(data)
    if np.any(circuit.i_bus != 0):
        load = data["load"]
        row = np.flatnonzero((load["const_i_p_percent"] != 0) | (load["const_i_q_percent"] != 0))[0]
        raise UsageError(
            f"load {load['id'][row]} draws constant current, which MATPOWER cannot express; set its shares to 0"
        )
    branch = _branches(data, circuit)
    numbers = _Numbers.of(data, circuit)
    bus = _buses(data, circuit, as_is, branch, numbers)
    gen = _generators(data, circuit, bus, numbers)
    branch.rows[:, 0] = numbers.of_node[circuit.branch_from]
    branch.rows[:, 1] = numbers.of_node[circuit.branch_to]
    return _text(_function_name(name or data.name), data.sn_mva, {"bus": bus, "gen": gen, "branch": branch.rows})


@dataclass(frozen=True)
class _Numbers:
    """Numbers of the buses in the file: of each node, and of each bus that is in no circuit."""

    of_node: IntArray
    of_bus: IntArray
    first_row: IntArray

    @classmethod
    def of(cls, data: GridData, circuit: Network) -> _Numbers:
        ids, node = data["bus"]["id"], circuit.node_of_bus
        up = max(0, 1 - int(ids.min())) if len(ids) else 0
        first = np.full(circuit.n, -1, np.int64)
        seen = np.flatnonzero(node >= 0)[::-1]
        first[node[seen]] = seen
        own = np.flatnonzero(first < 0)
        of_node = np.where(first >= 0, ids[first] + up, 0)
        of_node[own] = int(ids.max()) + up + 1 + np.arange(len(own))
        return cls(of_node, np.where(node >= 0, of_node[node] if circuit.n else 0, ids + up), first)


def _buses(data: GridData, circuit: Network, live: Network, branch: _Rows, numbers: _Numbers) -> FloatArray:
    table, n = data["bus"], circuit.n
    outside = np.flatnonzero(circuit.node_of_bus < 0)
    rows = np.zeros((n + len(outside), 13))
    rows[:n, 0], rows[n:, 0] = numbers.of_node, numbers.of_bus[outside]
    rows[:n, 1] = np.where(_under_voltage(circuit, live, branch), circuit.node_type, 4)
    rows[n:, 1] = 4
    shunt = (circuit.y_shunt + branch.left_over) * data.sn_mva
    drawn = _load_mva(data, circuit)
    rows[:n, 2], rows[:n, 3] = drawn.real, drawn.imag
    rows[:n, 4], rows[:n, 5] = shunt.real, shunt.imag
    rows[:, [6, 10]] = 1.0
    rows[:, 7] = 1.0
    rows[:n, 7], rows[:n, 8] = circuit.vm_set, np.degrees(circuit.va_set_rad)
    rows[:n, 9], rows[n:, 9] = circuit.vn_kv, table["vn_kv"][outside]
    at = np.concatenate([numbers.first_row, outside])
    for column, field, none in ((11, "max_vm_pu", 1.1), (12, "min_vm_pu", 0.9)):
        given = np.where(at >= 0, table[field][at], np.nan)
        rows[:, column] = np.where(np.isnan(given), none, given)
    place = np.where(at >= 0, at, len(table))
    return rows[np.argsort(place, kind="stable")]


def _under_voltage(circuit: Network, live: Network, branch: _Rows) -> NDArray[np.bool_]:
    """Nodes that have voltage with the branches in service alone."""
    out = np.zeros(circuit.n, np.bool_)
    here = circuit.node_of_bus >= 0
    np.logical_or.at(out, circuit.node_of_bus[here], live.node_of_bus[here] >= 0)
    own = np.ones(circuit.n, np.bool_)
    own[circuit.node_of_bus[here]] = False
    on = branch.rows[:, 10] == 1
    ends = ((circuit.branch_from, circuit.branch_to), (circuit.branch_to, circuit.branch_from))
    for one, other in ends:
        reached = on & own[one] & out[other]
        out[one[reached]] = True
    return out


def _load_mva(data: GridData, circuit: Network) -> NDArray[np.complex128]:
    """Power drawn at each node: loads, less the static generators where a generator holds the voltage."""
    sgen = data["sgen"]
    drawn = scatter(circuit.n, circuit.load_node, load_shares(data).power * circuit.load_scale)
    held = circuit.sgen_node.copy()
    held[_static_rows(circuit)] = -1
    return drawn - scatter(circuit.n, held, (sgen["p_mw"] + 1j * sgen["q_mvar"]) * circuit.sgen_scale)


def _static_rows(circuit: Network) -> IntArray:
    at = circuit.sgen_node
    return np.flatnonzero((at >= 0) & (circuit.node_type[at] == 1)) if circuit.n else np.empty(0, np.int64)


def _generators(data: GridData, circuit: Network, bus: FloatArray, numbers: _Numbers) -> FloatArray:
    parts = []
    for component, node in (("ext_grid", circuit.ext_grid_node), ("gen", circuit.gen_node)):
        table = data[component]
        at_bus = numbers.of_bus[data["bus"].rows_of(table["bus"])]
        part = np.zeros((len(table), 10))
        part[:, 0], part[:, 5], part[:, 7] = at_bus, table["vm_pu"], table["in_service"]
        if component == "gen":
            part[:, 1] = table["p_mw"] * np.where(node >= 0, circuit.gen_scale, table["scaling"])
            part[:, 3] = np.where(np.isnan(table["max_q_mvar"]), np.inf, table["max_q_mvar"])
            part[:, 4] = np.where(np.isnan(table["min_q_mvar"]), -np.inf, table["min_q_mvar"])
        else:
            part[:, 3], part[:, 4] = np.inf, -np.inf
        parts.append(part)
    kept, sgen = _static_rows(circuit), data["sgen"]
    part = np.zeros((len(kept), 10))
    part[:, 0] = numbers.of_node[circuit.sgen_node[kept]]
    part[:, 1] = (sgen["p_mw"] * circuit.sgen_scale)[kept]
    part[:, 2] = part[:, 3] = part[:, 4] = (sgen["q_mvar"] * circuit.sgen_scale)[kept]
    part[:, 5], part[:, 7] = 1.0, 1.0
    rows = np.concatenate([*parts, part])
    rows[:, 6] = data.sn_mva
    rows[:, 8], rows[:, 9] = np.maximum(rows[:, 1], 0.0), np.minimum(rows[:, 1], 0.0)
    return rows


@dataclass(frozen=True)
class _Rows:
    """Rows of ``mpc.branch``, and the admittances to earth at nodes that they leave over, (n,) complex."""

    rows: FloatArray
    left_over: NDArray[np.complex128]


def _branches(data: GridData, circuit: Network) -> _Rows:
    yff, yft, ytf, ytt = circuit.yff, circuit.yft, circuit.ytf, circuit.ytt
    unlike = np.abs(np.abs(yft) - np.abs(ytf)) > 1e-9 * np.abs(yft)
    if unlike.any():
        k = int(np.argmax(unlike))
        component = BRANCH_COMPONENTS[circuit.branch_component[k]]
        number = data[component]["id"][circuit.branch_row[k]]
        raise UsageError(f"{component} {number} passes unlike in the two directions, which MATPOWER cannot express")
    ratio, shift = _ratio_and_shift(yff, yft, ytf, ytt)
    tap = ratio * np.exp(1j * shift)
    series = -0.5 * (yft * np.conj(tap) + ytf * tap)
    rows = np.zeros((circuit.m, 13))
    z = 1.0 / series
    charging = 2.0 * (ytt - series).imag
    charging = np.where(np.abs(charging) > _SMALL * np.abs(series), charging, 0.0)
    rows[:, 2], rows[:, 3], rows[:, 4] = z.real, z.imag, charging
    rows[:, 5] = rows[:, 6] = rows[:, 7] = _rating_mva(data, circuit)
    plain = (ratio == 1.0) & (shift == 0.0) & (circuit.branch_component != BRANCH_COMPONENTS.index("trafo"))
    rows[:, 8], rows[:, 9] = np.where(plain, 0.0, ratio), np.degrees(shift)
    rows[:, 10] = _in_service(data, circuit)
    rows[:, 11], rows[:, 12] = -360.0, 360.0
    end = series + 0.5j * charging
    left = np.zeros(circuit.n, np.complex128)
    on = rows[:, 10] == 1
    for node, rest in ((circuit.branch_from, yff - end / ratio**2), (circuit.branch_to, ytt - end)):
        real = on & (np.abs(rest) > 100 * _SMALL * np.abs(series))
        np.add.at(left, node[real], rest[real])
    return _Rows(rows, left)


def _ratio_and_shift(
    yff: NDArray[Any], yft: NDArray[Any], ytf: NDArray[Any], ytt: NDArray[Any]
) -> tuple[FloatArray, FloatArray]:
    """Return the ratio for which both ends are alike, 1 where there is none, and the phase shift in rad."""
    with np.errstate(all="ignore"):
        square = ytt / yff
        ratio = np.sqrt(square.real)
        usable = np.isfinite(ratio) & (ratio > 0) & (np.abs(square.imag) < 1e-9 * square.real)
    ratio = np.where(usable, ratio, 1.0)
    ratio = np.where(np.abs(ratio - 1.0) < 1e-14, 1.0, ratio)
    shift = 0.5 * np.angle(yft / ytf)
    # Half of an angle is one of two; the right one leaves least to earth.
    away = np.abs(ytt + yft * ratio * np.exp(-1j * shift)) > np.abs(ytt - yft * ratio * np.exp(-1j * shift))
    shift = np.where(away, shift - np.sign(shift) * np.pi + (shift == 0.0) * np.pi, shift)
    return ratio, np.where(np.abs(shift) < 1e-15, 0.0, shift)


def _of_rows(data: GridData, circuit: Network, values: dict[str, Any]) -> FloatArray:
    """Spread values by component and row over the branches."""
    out = np.zeros(circuit.m)
    for code, component in enumerate(BRANCH_COMPONENTS):
        here = circuit.branch_component == code
        out[here] = np.asarray(values[component], dtype=np.float64)[circuit.branch_row[here]]
    return out


def _in_service(data: GridData, circuit: Network) -> FloatArray:
    return _of_rows(data, circuit, {c: data[c]["in_service"] for c in BRANCH_COMPONENTS})


def _rating_mva(data: GridData, circuit: Network) -> FloatArray:
    """Return limits in MVA, 0 where there is none."""
    line, trafo = data["line"], data["trafo"]
    rows = data["bus"].rows_of(line["from_bus"])
    given = {
        "line": line["max_i_ka"] * line["df"] * line["parallel"] * np.sqrt(3.0) * data["bus"]["vn_kv"][rows],
        "trafo": trafo["sn_mva"] * trafo["df"] * trafo["parallel"],
        "trafo3w": data["trafo3w"]["sn_hv_mva"],
        "impedance": data["impedance"]["sn_mva"],
    }
    mva = _of_rows(data, circuit, given)
    return np.where(np.isfinite(mva) & (mva < UNLIMITED_MVA), mva, 0.0)


def _function_name(name: str) -> str:
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if re.match(r"[A-Za-z]", plain) else f"case_{plain}".rstrip("_")


def _text(name: str, base_mva: float, matrices: dict[str, FloatArray]) -> str:
    lines = [f"function mpc = {name}", "mpc.version = '2';", f"mpc.baseMVA = {base_mva!r};"]
    for key, rows in matrices.items():
        lines += ["", "%\t" + _HEADERS[key].replace(" ", "\t"), f"mpc.{key} = ["]
        lines += ["\t" + "\t".join(map(_number, row)) + ";" for row in rows.tolist()]
        lines.append("];")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
