"""A feeder phase by phase, for the three-phase sweep."""

from __future__ import annotations

import numpy as np

from ghostload.grid.radial.three_phase import (
    Bus3,
    Line3,
    LineCode,
    Load3,
    Source3,
    ThreePhaseGrid,
    Transformer1,
    Transformer3,
)
from ghostload.streams import FloatArray
from ghostload.wires.balanced import loads_of
from ghostload.wires.impedance import (
    capacitance_nf_per_km,
    impedance_ohm_per_km,
    phases_of,
    primitive_ohm_per_km,
)
from ghostload.wires.model import Kind, Wires
from ghostload.wires.names import node_names

_EARTH_OHM = 1.0
"""Of the one electrode at a transformer's neutral; no current flows in it."""


def to_three_phase(
    wires: Wires,
    feeder: int,
    p_kw: FloatArray | None = None,
    q_kvar: FloatArray | None = None,
    *,
    neutral: bool = False,
) -> ThreePhaseGrid:
    """Return a feeder with its phases; its buses are the feeder's nodes in their order.

    Parameters
    ----------
    wires : Wires
    feeder : int
    p_kw, q_kvar : (n,) arrays, optional
        Loads of the feeder's meters in the order of their nodes; the planner's peak by default.
    neutral : bool
        Whether low-voltage neutrals are conductors of their own. Without it they are folded into the phases, which is
        exact where the neutral is on earth at the transformer only; low-voltage voltages are then those between phase
        and neutral.

    Raises
    ------
    UsageError
        The loads are not as many as the meters.
    """
    layout, practice = wires.layout, wires.practice
    nodes = wires.nodes_of(feeder)
    names = node_names(wires, feeder)
    kinds, masks, line, parent, meters, homes, metres = (
        a[nodes].tolist()
        for a in (
            layout.kind,
            wires.phases,
            wires.line,
            layout.parent - nodes.start,
            layout.meter,
            layout.transformer,
            layout.length_m,
        )
    )
    p, q = (a.tolist() for a in loads_of(wires, feeder, p_kw, q_kvar))
    buses: list[Bus3] = []
    lines: list[Line3] = []
    threes: list[Transformer3] = []
    ones: list[Transformer1] = []
    loads: list[Load3] = []
    codes: dict[str, LineCode] = {}
    for k, name in enumerate(names):
        phases, low = phases_of(masks[k]), kinds[k] > Kind.TRANSFORMER_HV
        wired = phases + ("n" if low and neutral else "")
        earth = _EARTH_OHM if neutral and kinds[k] == Kind.TRANSFORMER_LV else None
        buses.append(Bus3(name, practice.lv_kv if low else practice.mv_kv, wired, earth))
        if line[k] >= 0:
            code = f"{practice.lines[line[k]].name}_{wired}"
            if code not in codes:
                codes[code] = _code(wires, line[k], wired)
            lines.append(Line3(f"l_{name}", names[parent[k]], name, code, metres[k] / 1e3, wired))
        elif kinds[k] == Kind.TRANSFORMER_LV:
            unit = _transformer(wires, homes[k], names[parent[k]], name, phases)
            threes += [unit] if isinstance(unit, Transformer3) else []
            ones += [unit] if isinstance(unit, Transformer1) else []
        if meters[k] >= 0:
            loads.append(Load3(name, name, p[len(loads)], q[len(loads)], phases))
    return ThreePhaseGrid(
        tuple(buses),
        Source3(names[0], practice.head_voltage_pu),
        tuple(lines),
        tuple(threes),
        tuple(loads),
        codes,
        practice.f_hz,
        f"feeder {feeder + 1}, {practice.name}",
        tuple(ones),
    )


def _code(wires: Wires, line: int, wired: str) -> LineCode:
    practice = wires.practice
    entry = practice.lines[line]
    if wired.endswith("n"):
        return LineCode(primitive_ohm_per_km(entry, wired[:-1], practice.f_hz))
    return LineCode(impedance_ohm_per_km(entry, wired, practice.f_hz), capacitance_nf_per_km(entry, wired))


def _transformer(wires: Wires, number: int, high: str, low: str, phases: str) -> Transformer3 | Transformer1:
    practice, made = wires.practice, wires.type_of(number)
    tap = float(wires.tap_pu[number])
    values = (made.vk_percent, made.vkr_percent)
    losses = (made.pfe_kw, made.i0_percent, tap)
    name = f"x_{low}"
    if made.phases == 1:
        rated = (practice.mv_kv / np.sqrt(3.0), practice.lv_v / 1e3)
        return Transformer1(name, high, low, phases, made.sn_kva, float(rated[0]), rated[1], *values, *losses)
    return Transformer3(
        name, high, low, made.sn_kva, practice.mv_kv, practice.lv_kv, *values, practice.vector_group, *losses
    )
