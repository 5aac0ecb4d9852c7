"""Figures of a territory's wires, for reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.wires.model import Kind, Wires


@dataclass(frozen=True)
class Summary:
    """Lengths per meter, what was built, and what the planner expects at peak.

    Attributes
    ----------
    m_per_meter : mapping of level to metres of line per meter
    conductor_km : mapping of line type to km
    three_phase_transformer_share, three_phase_service_share : float
    max_drop_share, mean_drop_share : float
        Of the rated voltage, from 1 per unit down, over service points; negative means above it.
    within_5_share, within_10_share : float
        Service points whose estimated voltage at peak is within 5 and 10 % of the rated one.
    """

    m_per_meter: dict[str, float]
    conductor_km: dict[str, float]
    three_phase_transformer_share: float
    three_phase_service_share: float
    max_drop_share: float
    mean_drop_share: float
    within_5_share: float
    within_10_share: float


def summary_of(wires: Wires) -> Summary:
    """Count and measure."""
    layout, lines = wires.layout, wires.practice.lines
    built = wires.line >= 0
    km = np.bincount(wires.line[built], weights=layout.length_m[built] / 1e3, minlength=len(lines))
    service = layout.kind == Kind.SERVICE_POINT
    drop = 1.0 - wires.vm_pu[service]
    meters = max(int(service.sum()), 1)
    levels = {level: sum(k for k, line in zip(km, lines, strict=True) if line.level == level) for level in
              dict.fromkeys(line.level for line in lines)}  # fmt: skip
    phases = np.array([made.phases for made in wires.transformer_type])[wires.transformer_kind]
    return Summary(
        {level: float(length * 1e3 / meters) for level, length in levels.items()},
        {line.name: float(k) for k, line in zip(km, lines, strict=True) if k > 0},
        float((phases == 3).mean()),
        float((wires.phases[service] == 7).mean()),
        float(drop.max(initial=-np.inf)),
        float(drop.mean()),
        float((np.abs(drop) <= 0.05).mean()),
        float((np.abs(drop) <= 0.10).mean()),
    )
