"""Branches of a grid as two-port admittances, whatever their component."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid import branches as pi
from ghostload.grid import topology
from ghostload.grid.data import GridData

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BRANCH_COMPONENTS = ("line", "trafo", "trafo3w", "impedance")


def _two_port_of(
    component: str,
    columns: pi.Columns,
    vn_kv: tuple[FloatArray, FloatArray],
    live: BoolArray,
    base: tuple[float, float],
    trafo_model: pi.TrafoModel,
    angles: bool,
) -> pi.Branches:
    """Compute the admittances of branches of one component; ``base`` is ``sn_mva`` and ``f_hz``."""
    sn_mva, f_hz = base
    if component == "line":
        return pi.line_branches(columns, vn_kv[0], live, sn_mva=sn_mva, f_hz=f_hz)
    if component == "impedance":
        return pi.impedance_branches(columns, live, sn_mva=sn_mva)
    return pi.trafo_branches(
        columns, *vn_kv, live, sn_mva=sn_mva, trafo_model=trafo_model, angles=angles, component=component
    )


def two_ports_of_rows(
    component: str,
    columns: pi.Columns,
    vn_kv: tuple[FloatArray, FloatArray],
    *,
    base: tuple[float, float],
    trafo_model: pi.TrafoModel = "t",
    angles: bool = True,
) -> pi.Branches:
    """Compute the admittances of some lines, transformers or impedances, all under voltage.

    Parameters
    ----------
    columns : mapping of str to (k,) array
        Columns of the component, of these rows.
    vn_kv : two (k,) arrays
        Rated voltages of the nodes at both ends.
    base : (float, float)
        ``sn_mva`` and ``f_hz`` of the grid.
    angles : bool
        Whether phase shifts of vector groups count.

    Raises
    ------
    DataError
        One has no impedance, or its admittance is no number.
    """
    live = np.ones(len(columns["id"]), np.bool_)
    with np.errstate(all="ignore"):
        two = _two_port_of(component, columns, vn_kv, live, base, trafo_model, angles)
        refuse_infinite(columns["id"], component, two, live)
    return two


LINE_COLUMNS = (
    "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "g_us_per_km", "length_km", "parallel"
)  # fmt: skip
"""Columns that the admittances of a line hang on."""


def line_two_port(
    values: Sequence[float], vn_kv: float, sn_mva: float, f_hz: float
) -> tuple[complex, complex, complex, complex, float] | None:
    """Compute the admittances of one line from numbers: :func:`~ghostload.grid.branches.line_branches` without arrays.

    Parameters
    ----------
    values : (6,) sequence
        Of :data:`LINE_COLUMNS`.

    Returns
    -------
    ``yff``, ``yft``, ``ytf``, ``ytt``, ``dc_b``; None where they are no numbers.
    """
    r, x, c, g, length, parallel = values
    base_ohm = vn_kv * vn_kv / sn_mva
    up = 1.0 / base_ohm * (1.0 / parallel) if base_ohm and parallel else math.nan
    r, x = r * length * up, x * length * up
    size = r * r + x * x
    if not 0.0 < size < math.inf:
        return None
    there = complex(r / size, -x / size)
    scale = base_ohm * length * parallel / 2.0
    own = there + complex(g * 1e-6 * scale, 2.0 * math.pi * f_hz * c * 1e-9 * scale)
    if not math.isfinite(abs(own)):
        return None
    return own, -there, -there, own, 1.0 / (x if x != 0.0 else abs(r))


def two_ports(
    data: GridData, wiring: topology.Wiring, vn_kv: FloatArray, trafo_model: pi.TrafoModel, angles: bool
) -> Iterator[tuple[str, pi.Branches]]:
    """Compute the admittances of all branches, component by component."""
    base = data.sn_mva, data.f_hz
    for component in BRANCH_COMPONENTS:
        live = wiring.live[component]
        if not len(live):
            yield component, pi.NO_BRANCHES
            continue
        columns = pi.trafo3w_windings(data) if component == "trafo3w" else data.tables[component]
        at = vn_kv[wiring.start[component]], vn_kv[wiring.end[component]]
        yield component, _two_port_of(component, columns, at, live, base, trafo_model, angles)


def refuse_infinite(ids: IntArray, component: str, two: pi.Branches, kept: BoolArray) -> None:
    """Raise on a branch under voltage whose admittance is no number, naming the element."""
    bad = kept & ~np.isfinite(two.yff + two.yft + two.ytf + two.ytt)
    if bad.any():
        row = int(np.flatnonzero(bad)[0]) % len(ids)
        raise DataError(
            f"{component} {ids[row]}: admittance is not finite; correct its impedances, rated voltages and taps"
        )
