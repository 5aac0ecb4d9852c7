"""What differs between the scenarios of a batch: powers of elements, set points, outages; checked before solving."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.kernels.solution import PQ, ComplexArray, FloatArray, IntArray
from ghostload.grid.network import Network

ACTIVE, REACTIVE = 0, 1
POWER, CURRENT, IMPEDANCE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Outages:
    """Branches that are out in each scenario, checked: ``branch[start[k]:start[k + 1]]``, in order, none twice.

    Attributes
    ----------
    start, branch : (K + 1,), (outages,) arrays
    """

    start: IntArray
    branch: NDArray[np.int32]

    def __len__(self) -> int:
        """Count the scenarios."""
        return len(self.start) - 1


@dataclass(frozen=True, eq=False)
class Term:
    """Injections that follow columns of a table: ``scale[e] * values[k, e]`` at ``node[e]``.

    Attributes
    ----------
    values : (K, elements) array
    mean : (elements,) array
        Over the scenarios.
    node : (elements,) array
        -1: not in the circuit.
    scale : (elements,) array
    part : int
        Active or reactive power.
    kind : int
        At constant power, current or impedance.
    """

    values: FloatArray
    mean: FloatArray
    node: IntArray
    scale: FloatArray
    part: int
    kind: int = POWER


@dataclass(eq=False)
class Inputs:
    """A batch: what all scenarios share, and what each adds.

    Attributes
    ----------
    scenarios : int
    base_s : (n,) complex array
        Injections without those that ``terms`` give.
    base_impedance : (n,) complex array
        What the terms at constant impedance replace, negative: it is part of the admittance matrix.
    terms : list of Term
    set_node, set_vm : (m,), (K, m) arrays
        Nodes whose magnitude is given for each scenario.
    outage_start, outage : (K + 1,), (outages,) arrays
        Branches that are out in each scenario.
    """

    scenarios: int
    base_s: ComplexArray
    base_current: ComplexArray
    base_impedance: ComplexArray
    terms: list[Term] = field(default_factory=list)
    set_node: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    set_vm: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    outage_start: IntArray = field(default_factory=lambda: np.zeros(1, np.int64))
    outage: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def follows_voltage(self) -> bool:
        """Whether any injection is not at constant power."""
        return bool(np.any(self.base_current)) or any(term.kind != POWER for term in self.terms)

    def injections(self, k: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Return the injections of one scenario at constant power, current and impedance."""
        out = self.base_s.copy(), self.base_current.copy(), self.base_impedance.copy()
        for term in self.terms:
            here = term.node >= 0
            unit = 1.0 if term.part == ACTIVE else 1j
            np.add.at(out[term.kind], term.node[here], unit * (term.scale * term.values[k])[here])
        return out

    def outages(self, k: int) -> NDArray[np.int32]:
        """Return the branches that are out in one scenario."""
        return self.outage[self.outage_start[k] : self.outage_start[k + 1]]


def table(name: str, values: Any, scenarios: int | None, columns: int, what: str) -> tuple[FloatArray, FloatArray]:
    """Check a table of one row for each scenario; return it as doubles, and the mean of its columns."""
    out = np.ascontiguousarray(values, np.float64)
    if out.ndim == 1 and columns == 1:
        out = out[:, None]
    if out.ndim != 2 or out.shape[1] != columns:
        raise UsageError(f"{name}: has shape {out.shape}, must be (scenarios, {columns}): one column for each {what}")
    if scenarios is not None and len(out) != scenarios:
        raise UsageError(f"{name}: has {len(out)} rows, but the other tables of this batch have {scenarios}")
    with np.errstate(over="ignore", invalid="ignore"):
        mean = out.sum(axis=0) / max(len(out), 1)
    # What is not finite shows in the mean, so that the table is read once.
    if not np.isfinite(mean).all() and not np.isfinite(out).all():
        k, e = np.argwhere(~np.isfinite(out))[0]
        raise UsageError(f"{name}: is {out[k, e]} in scenario {k}, {what} in column {e}; give a finite number")
    return out, mean


def read_inputs(
    network: Network,
    data: GridData | None,
    tables: dict[str, Any],
    s_bus: Any = None,
    outages: Any = None,
) -> Inputs:
    """Check the tables of a batch and turn them into terms.

    Parameters
    ----------
    network, data : Network, GridData
        ``data`` is needed for tables of elements, since what they replace is in it.
    tables : dict
        ``load_p_mw``, ``load_q_mvar``, ``sgen_p_mw``, ``sgen_q_mvar``, ``gen_p_mw``, ``gen_vm_pu``, ``ext_grid_vm_pu``:
        (K, rows of the component) each, or None.
    s_bus : (K, n) complex array, optional
        Injections of the nodes in per unit, instead of tables of powers.
    outages : Outages, sequence of sequences of branch numbers, or (K, k) array, optional
    """
    given = {name: values for name, values in tables.items() if values is not None}
    scenarios = _count(given, s_bus, outages)
    inputs = Inputs(scenarios, network.s_bus.copy(), network.i_bus.copy(), np.zeros(network.n, np.complex128))
    inputs.set_vm = np.zeros((scenarios, 0))
    if s_bus is not None:
        powers = [name for name in given if not name.endswith("vm_pu")]
        if powers:
            raise UsageError(f"s_bus and {powers[0]}: both give injections; give one of them")
        _read_s_bus(inputs, network, s_bus)
    elif given and data is None:
        raise UsageError(f"{next(iter(given))}: tables of elements need the grid's data; give data=...")
    if data is not None and given:
        _read_powers(inputs, network, data, given)
        _read_set_points(inputs, network, given)
    _read_outages(inputs, network, outages)
    return inputs


def _count(given: dict[str, Any], s_bus: Any, outages: Any) -> int:
    """Return the number of scenarios that all inputs agree on."""
    sized = {**given, "s_bus": s_bus, "outages": outages}
    counts = {name: len(value) for name, value in sized.items() if value is not None}
    if not counts:
        raise UsageError("batch: nothing differs between the scenarios; give a table, s_bus or outages")
    first = next(iter(counts))
    for name, count in counts.items():
        if count != counts[first]:
            raise UsageError(f"{name}: has {count} scenarios, but {first} has {counts[first]}; they must be as many")
    return counts[first]


def _read_s_bus(inputs: Inputs, network: Network, s_bus: Any) -> None:
    values = np.asarray(s_bus, np.complex128)
    parts = [table("s_bus", part, inputs.scenarios, network.n, "node") for part in (values.real, values.imag)]
    inputs.base_s = np.zeros(network.n, np.complex128)
    nodes, ones = np.arange(network.n), np.ones(network.n)
    inputs.terms += [Term(part, mean, nodes, ones, number) for number, (part, mean) in enumerate(parts)]


def _read_powers(inputs: Inputs, network: Network, data: GridData, given: dict[str, Any]) -> None:
    for component, sign in (("load", -1.0), ("sgen", 1.0), ("gen", 1.0)):
        node = getattr(network, f"{component}_node")
        scale = sign * getattr(network, f"{component}_scale") / network.sn_mva
        rows = data.tables[component]
        for part, column in enumerate(("p_mw", "q_mvar")):
            name = f"{component}_{column}"
            if name not in given:
                continue
            values, mean = table(name, given[name], inputs.scenarios, len(rows), component)
            shares = _shares(data, column) if component == "load" else {POWER: np.ones(len(rows))}
            for kind, share in shares.items():
                _replace(inputs, Term(values, mean, node, scale * share, part, kind), rows[column])


def _shares(data: GridData, column: str) -> dict[int, FloatArray]:
    """Return which share of each load is at constant power, current and impedance."""
    letter = column[0]
    t = data.tables["load"]
    impedance = t[f"const_z_{letter}_percent"] / 100.0
    current = t[f"const_i_{letter}_percent"] / 100.0
    shares = {POWER: 1.0 - impedance - current}
    if np.any(current) or np.any(impedance):
        shares |= {CURRENT: current, IMPEDANCE: impedance}
    return shares


def _replace(inputs: Inputs, term: Term, values: FloatArray) -> None:
    """Add a term, and take what it replaces out of the base."""
    base = (inputs.base_s, inputs.base_current, inputs.base_impedance)[term.kind]
    here = term.node >= 0
    unit = 1.0 if term.part == ACTIVE else 1j
    np.subtract.at(base, term.node[here], unit * (term.scale * values)[here])
    inputs.terms.append(term)


def _read_set_points(inputs: Inputs, network: Network, given: dict[str, Any]) -> None:
    columns: dict[int, tuple[str, int, FloatArray]] = {}
    for component in ("gen", "ext_grid"):
        name = f"{component}_vm_pu"
        if name not in given:
            continue
        node = getattr(network, f"{component}_node")
        values, _ = table(name, given[name], inputs.scenarios, len(node), component)
        for row in np.flatnonzero(node >= 0):
            at = int(node[row])
            if network.node_type[at] == PQ:
                continue
            if np.any(values[:, row] <= 0.0):
                k = int(np.flatnonzero(values[:, row] <= 0.0)[0])
                raise UsageError(f"{name}: is {values[k, row]:g} in scenario {k}, column {row}; must be positive")
            if at in columns and np.any(values[:, row] != columns[at][2]):
                other, column, _ = columns[at]
                raise UsageError(f"{name}: column {row} and column {column} of {other} hold one bus at two voltages")
            columns[at] = (name, int(row), values[:, row])
    if columns:
        inputs.set_node = np.fromiter(columns, np.int64)
        inputs.set_vm = np.stack([values for _, _, values in columns.values()], axis=1)


def _read_outages(inputs: Inputs, network: Network, outages: Any) -> None:
    if outages is None:
        inputs.outage_start = np.zeros(inputs.scenarios + 1, np.int64)
        return
    if isinstance(outages, Outages):
        inputs.outage_start, inputs.outage = outages.start, outages.branch
        return
    if isinstance(outages, np.ndarray) and outages.ndim == 2 and outages.shape[1] == 1:
        inputs.outage_start = np.arange(inputs.scenarios + 1)
        inputs.outage = np.ascontiguousarray(outages[:, 0], np.int32)
    else:
        lists = [out if len(out) == 1 else sorted({int(branch) for branch in out}) for out in map(list, outages)]
        inputs.outage_start = np.concatenate([[0], np.cumsum([len(out) for out in lists])]).astype(np.int64)
        inputs.outage = np.fromiter(chain.from_iterable(lists), np.int32)
    bad = np.flatnonzero((inputs.outage < 0) | (inputs.outage >= network.m))
    if bad.size:
        k = int(np.searchsorted(inputs.outage_start, bad[0], side="right")) - 1
        raise UsageError(f"outages: scenario {k} names branch {inputs.outage[bad[0]]}, must be 0 to {network.m - 1}")
