"""The line types of all practices as a table for the documentation."""

from __future__ import annotations

import numpy as np

from ghostload.config.model import PRACTICES, NetworkConfig
from ghostload.wires.catalogue import LineType, Practice, practice_of
from ghostload.wires.impedance import capacitance_nf_per_km, impedance_ohm_per_km

_HEAD = "| practice | line | wires | r1 | x1 | r0 | x0 | nF/km | A |\n" + "| --- " * 9 + "|"


def line_table() -> str:
    """Return a Markdown table: ohm per km at the frequency of the practice; of one phase the loop's values."""
    rows = [_row(practice, line) for practice in map(_of, PRACTICES) for line in practice.lines if line.parallel == 1]
    return "\n".join([_HEAD, *rows]) + "\n"


def _of(name: str) -> Practice:
    return practice_of(NetworkConfig(name))


def _row(practice: Practice, line: LineType) -> str:
    phases = "a" if line.phases == 1 else "abc"
    z = impedance_ohm_per_km(line, phases, practice.f_hz)
    c = capacitance_nf_per_km(line, phases)
    cells = [practice.name, f"`{line.name}`", "2" if line.phases == 1 else "4" if line.geometry != "screened" else "3"]
    if len(phases) == 1:
        cells += [f"{z[0, 0].real:.4f}", f"{z[0, 0].imag:.4f}", "", ""]
    else:
        off = z[~np.eye(3, dtype=bool)].mean()
        own = np.trace(z) / 3
        cells += [f"{part:.4f}" for value in (own - off, own + 2 * off) for part in (value.real, value.imag)]
    cells.append("" if c is None else f"{np.trace(c) / 3 - c[~np.eye(3, dtype=bool)].mean():.1f}")
    return "| " + " | ".join([*cells, f"{line.ampacity_a:g}"]) + " |"
