"""Impedance and capacitance matrices of line types, from where their wires hang."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.radial.conductors import carson_impedance, kron_reduced, sequence_matrix
from ghostload.streams import FloatArray
from ghostload.wires.catalogue import Cable, Conductor, LineType, Practice, rows_of

ComplexArray = NDArray[np.complex128]

_EPSILON_NF_PER_KM = 8.8541878128
"""Permittivity of free space, nF per km."""


def _rounded(z: ComplexArray) -> ComplexArray:
    """Cut the last digits, in which machines differ, off ohms per km."""
    return np.asarray(np.round(z, 12), dtype=np.complex128)


def positions_m(line: LineType, phases: str) -> tuple[FloatArray, FloatArray]:
    """Return where the wires of a line hang, x and height in metres: the phases in order, then the neutral.

    The wires of a bundle touch: each insulated phase lies on the bare neutral and two phases on each other. Four cores
    of a cable stand in a square with the neutral across phase b, and two side by side.
    """
    core, neutral = line.conductor, line.neutral
    if not isinstance(core, Conductor) or neutral is None:
        raise ValueError(line.name)
    if line.geometry == "crossarm":
        place = {r["wire"]: (float(r["x_m"]), float(r["height_m"])) for r in rows_of("geometries")}
        x, y = np.array([place[wire] for wire in phases + "n"]).T
        return x, y
    radius = core.diameter_mm / 2e3 + core.insulation_mm / 1e3
    if line.geometry == "bundle":
        away = radius + neutral.diameter_mm / 2e3
        # Neighbouring phases touch: their angle about the neutral follows from both distances.
        turn = 2 * np.arcsin(radius / away)
        angle = np.array([k * turn for k in range(len(phases))])
        x, y = np.append(away * np.cos(angle), 0.0), np.append(away * np.sin(angle), 0.0)
    else:
        corner = {"a": (0.0, 1.0), "b": (0.0, 0.0), "c": (1.0, 0.0), "n": (1.0, 1.0)}
        wires = phases + "n" if line.geometry == "quad" else "bc"
        x, y = 2 * radius * np.array([corner[wire] for wire in wires]).T
    return x, y + 8.0


def primitive_ohm_per_km(line: LineType, phases: str, f_hz: float) -> ComplexArray:
    """Return Carson's matrix of the phases and the neutral, (k + 1, k + 1)."""
    core, neutral = line.conductor, line.neutral
    if not isinstance(core, Conductor) or neutral is None:
        raise ValueError(line.name)
    x, height = positions_m(line, phases)
    r = [core.r_ohm_per_km] * len(phases) + [neutral.r_ohm_per_km]
    gmr = [core.gmr_mm / 1e3] * len(phases) + [neutral.gmr_mm / 1e3]
    z = carson_impedance(x, height, r, gmr, f_hz=f_hz) / line.parallel
    return _rounded(z)


def impedance_ohm_per_km(line: LineType, phases: str, f_hz: float) -> ComplexArray:
    """Return the matrix of the phases alone, (k, k).

    Medium voltage: the neutral is on earth all along and is eliminated after Kron; screened cables from their sequence
    values. Low voltage: the neutral is on earth at the transformer only and carries all that comes back, so that
    ``z'_ij = z_ij - z_in - z_nj + z_nn`` gives phase-to-neutral voltages; the earth's part drops out.
    """
    cable = line.conductor
    if isinstance(cable, Cable):
        z1 = complex(cable.r_ohm_per_km, cable.x_ohm_per_km)
        # Homopolar current returns in the core's own screen; its reactance is small beside the resistances.
        return _rounded(sequence_matrix(z1, z1.real + cable.screen_ohm_per_km + 0.5j * z1.imag) / line.parallel)
    z = primitive_ohm_per_km(line, phases, f_hz)
    if line.level == "mv":
        return _rounded(kron_reduced(z, len(phases)))
    return _rounded(z[:-1, :-1] - z[:-1, -1:] - z[-1:, :-1] + z[-1, -1])


def capacitance_nf_per_km(line: LineType, phases: str) -> FloatArray | None:
    """Return the matrix of nodal capacitances, (k, k); none is kept for low voltage.

    Overhead: Maxwell's potential coefficients with images in the earth, the neutral eliminated.
    """
    cable = line.conductor
    if isinstance(cable, Cable):
        return np.eye(len(phases)) * cable.c_nf_per_km * line.parallel
    if line.level != "mv" or line.neutral is None:
        return None
    x, y = positions_m(line, phases)
    radius = np.array([cable.diameter_mm] * len(phases) + [line.neutral.diameter_mm]) / 2e3
    direct = np.hypot(x[:, None] - x, y[:, None] - y) + np.diag(radius)
    image = np.hypot(x[:, None] - x, y[:, None] + y)
    potential = np.log(image / direct) / (2 * np.pi * _EPSILON_NF_PER_KM)
    return np.asarray(np.round(np.linalg.inv(kron_reduced(potential, len(phases)).real) * line.parallel, 9))


def phases_of(mask: int) -> str:
    """Return the letters of a bit mask: 1 is a, 2 is b, 4 is c."""
    return "".join(letter for bit, letter in ((1, "a"), (2, "b"), (4, "c")) if mask & bit)


def may_serve(line: LineType, mask: int) -> bool:
    """Tell whether a line can have these phases."""
    return mask > 0 and line.phases in (0, mask.bit_count())


@cache
def impedance_table(practice: Practice) -> ComplexArray:
    """Return the matrix of every line type and mask, (lines, 8, 3, 3) ohm per km; zero where there is no wire."""
    table = np.zeros((len(practice.lines), 8, 3, 3), dtype=np.complex128)
    for i, line in enumerate(practice.lines):
        for mask in range(1, 8):
            if may_serve(line, mask):
                at = [k for k in range(3) if mask >> k & 1]
                table[i, mask][np.ix_(at, at)] = impedance_ohm_per_km(line, phases_of(mask), practice.f_hz)
    table.setflags(write=False)
    return table


@cache
def capacitance_table(practice: Practice) -> FloatArray:
    """Return the capacitances of every line type and mask, (lines, 8, 3, 3) nF per km; zero for low voltage."""
    table = np.zeros((len(practice.lines), 8, 3, 3))
    for i, line in enumerate(practice.lines):
        for mask in range(1, 8):
            found = (
                capacitance_nf_per_km(line, phases_of(mask)) if may_serve(line, mask) and line.level == "mv" else None
            )
            if found is not None:
                at = np.flatnonzero((mask >> np.arange(3)) & 1)
                table[i, mask][np.ix_(at, at)] = found
    table.setflags(write=False)
    return table
