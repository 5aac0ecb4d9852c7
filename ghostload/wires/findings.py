"""What the planner could not meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ghostload.grid.findings import MAX_IDS, Finding, Severity
from ghostload.streams import FloatArray, IntArray
from ghostload.wires.model import Kind, Layout
from ghostload.wires.planning import Plan

TOLERANCE_PU = 0.10
"""Voltage at a service may differ by this from the rated one."""

MOST_LOADING = 1.10
"""Peak current over what a line or transformer may carry."""


def findings_of(layout: Layout, plan: Plan) -> Iterator[Finding]:
    """Look at voltages and loadings."""
    service = np.flatnonzero(layout.kind == Kind.SERVICE_POINT)
    off = np.abs(plan.vm_pu[service] - 1.0)
    yield from _finding(
        ("wires_voltage", "meter", "vm_pu"),
        layout.meter[service],
        off,
        TOLERANCE_PU,
        "is {:.1%} off the rated voltage at peak, more than 10 %",
        "place a transformer nearer to it",
    )
    terminals = layout.block_start
    yield from _finding(
        ("wires_transformer_loading", "transformer", "loading"),
        np.arange(len(terminals)),
        plan.loading[terminals],
        MOST_LOADING,
        "is loaded to {:.0%} at peak, more than 110 %",
        "raise transformer_capacity_range or give more transformers",
    )
    lines = np.flatnonzero(plan.line >= 0)
    yield from _finding(
        ("wires_line_loading", "line", "loading"),
        lines,
        plan.loading[lines],
        MOST_LOADING,
        "is loaded to {:.0%} at peak, more than 110 % even of the largest of its kind",
        "give more transformers, or a larger line in the catalogue",
    )


def _finding(
    name: tuple[str, str, str], ids: IntArray, value: FloatArray, limit: float, message: str, cure: str
) -> Iterator[Finding]:
    bad = np.flatnonzero(value > limit)
    if len(bad) == 0:
        return
    shown = tuple(ids[bad[:MAX_IDS]].tolist())
    text = f"{name[1]} {shown[0]} " + message.format(float(value[bad[0]]))
    yield Finding(name[0], Severity.WARNING, name[1], name[2], shown, len(bad), text, cure)
