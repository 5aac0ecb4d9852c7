r"""Branches in per unit: lines, transformers and impedances as two-port admittances.

Every branch is a pi circuit behind an ideal transformer at its start, with the complex ratio :math:`t e^{j\theta}`:

.. math::

    \begin{pmatrix} i_f \\ i_t \end{pmatrix} =
    \begin{pmatrix} (y_s + y_f)/t^2 & -y_s/(t e^{-j\theta}) \\ -y_s/(t e^{j\theta}) & y_s + y_t \end{pmatrix}
    \begin{pmatrix} v_f \\ v_t \end{pmatrix}

with :math:`y_s` the series admittance and :math:`y_f, y_t` those to earth. The conventions (what is referred to which
side, how taps act, how three windings are split) are pandapower's, so that results agree to rounding [1]_.

References
----------
.. [1] L. Thurner et al., "pandapower - an open-source Python tool for convenient modeling, analysis, and optimization
   of electric power systems", IEEE Transactions on Power Systems 33 (2018). :doi:`10.1109/TPWRS.2018.2829021`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.data import GridData, Table

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TrafoModel = Literal["t", "pi"]
Columns = Table | Mapping[str, Any]
"""Columns as of a table of the grid, of all rows or some."""

WINDINGS = ("hv", "mv", "lv")


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """Two-port admittances of ``m`` branches of one component, per unit of the grid's power and the nodes' voltages.

    ``dc_b`` is the susceptance of the linear (DC) model, ``shift_rad`` its phase shift from start to end.
    """

    yff: ComplexArray
    yft: ComplexArray
    ytf: ComplexArray
    ytt: ComplexArray
    dc_b: FloatArray
    shift_rad: FloatArray


NO_BRANCHES = Branches(*(np.zeros(0, np.complex128),) * 4, *(np.zeros(0),) * 2)


def _two_port(
    z: ComplexArray,
    y_from: ComplexArray,
    y_to: ComplexArray,
    ratio: FloatArray | None = None,
    shift_rad: FloatArray | None = None,
    z_back: ComplexArray | None = None,
) -> Branches:
    """Return the admittances of a pi circuit behind a ratio; ``z_back`` is the impedance from end to start."""
    y_there = 1.0 / z
    y_back = y_there if z_back is None else 1.0 / z_back
    x = np.where(z.imag != 0.0, z.imag, np.abs(z))
    if ratio is None and shift_rad is None:
        return Branches(y_there + y_from, -y_there, -y_back, y_back + y_to, 1.0 / x, np.zeros(len(z)))
    t = np.ones(len(z)) if ratio is None else ratio
    shift = np.zeros(len(z)) if shift_rad is None else shift_rad
    turn = np.exp(1j * shift)
    return Branches(
        yff=(y_there + y_from) / (t * t),
        yft=-y_there * turn / t,
        ytf=-y_back / (t * turn),
        ytt=y_back + y_to,
        dc_b=1.0 / (x * t),
        shift_rad=shift,
    )


def _refuse_zero(z: ComplexArray, live: BoolArray, component: str, ids: IntArray) -> ComplexArray:
    """Return ``z`` with 1 in place of what is not in service, or raise on an impedance of 0 or NaN."""
    fine = np.abs(z) > 0.0
    if fine.all():
        return z if live.all() else np.where(live, z, 1.0)
    bad = live & ~fine
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{component} {ids[row]}: series impedance is {z[row]:g} pu, must not be 0 or NaN; "
            "use a closed bus-bus switch where there is none"
        )
    return np.where(live, z, 1.0)


def line_branches(line: Columns, vn_from_kv: FloatArray, live: BoolArray, *, sn_mva: float, f_hz: float) -> Branches:
    """Model lines as pi circuits; per unit on the voltage of the bus at the start, half of the charging at each end."""
    base_ohm = vn_from_kv**2 / sn_mva
    length, parallel = line["length_km"], line["parallel"]
    z = (line["r_ohm_per_km"] + 1j * line["x_ohm_per_km"]) * length / base_ohm / parallel
    charging_s = 2.0 * np.pi * f_hz * line["c_nf_per_km"] * 1e-9
    y = np.asarray((line["g_us_per_km"] * 1e-6 + 1j * charging_s) * base_ohm * length * parallel, dtype=np.complex128)
    return _two_port(_refuse_zero(z, live, "line", line["id"]), y / 2.0, y / 2.0)


def impedance_branches(t: Columns, live: BoolArray, *, sn_mva: float) -> Branches:
    """Convert impedances from per unit of their own power to the grid's."""
    up = sn_mva / t["sn_mva"]
    there = _refuse_zero((t["rft_pu"] + 1j * t["xft_pu"]) * up, live, "impedance", t["id"])
    back = _refuse_zero((t["rtf_pu"] + 1j * t["xtf_pu"]) * up, live, "impedance", t["id"])
    y_from = (t["gf_pu"] + 1j * t["bf_pu"]) / up
    y_to = (t["gt_pu"] + 1j * t["bt_pu"]) / up
    return _two_port(there, y_from, y_to, z_back=back)


def tapped(windings: Columns, shift_degree: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rated voltages and phase shift at the present tap position.

    A step adds a voltage ``du = vn * step_percent/100`` at the angle ``step_degree`` to the winding ("Ratio" and
    "Symmetrical"), or turns the phase ("Ideal": by ``step_degree``, or by the chord of ``step_percent``). At the low-
    voltage side the turn counts backwards. Without a tap changer type or side, taps do nothing.

    Returns
    -------
    vn_hv_kv, vn_lv_kv, shift_degree : (m,) arrays
    """
    kind, side = windings["tap_changer_type"], windings["tap_side"]
    steps = np.nan_to_num(windings["tap_pos"] - windings["tap_neutral"])
    percent = np.nan_to_num(windings["tap_step_percent"])
    degree = np.nan_to_num(windings["tap_step_degree"])
    shift = np.array(shift_degree, dtype=np.float64)
    vn: list[FloatArray] = []
    for name, direction in (("hv", 1.0), ("lv", -1.0)):
        u = np.array(windings[f"vn_{name}_kv"], dtype=np.float64)
        here = side == name
        ideal = here & (kind == "Ideal")
        turns = here & ((kind == "Ratio") | (kind == "Symmetrical"))
        if ideal.any():
            chord = 2.0 * np.degrees(np.arcsin(steps[ideal] * percent[ideal] / 200.0))
            shift[ideal] += direction * np.where(degree[ideal] != 0.0, steps[ideal] * degree[ideal], chord)
        if turns.any():
            added = u[turns] * percent[turns] * steps[turns] / 100.0
            along = u[turns] + added * np.cos(np.radians(degree[turns]))
            across = added * np.sin(np.radians(degree[turns]))
            u[turns] = np.hypot(along, across)
            shift[turns] += direction * np.degrees(np.arctan(across / along))
        vn.append(u)
    return vn[0], vn[1], shift


def trafo_branches(
    windings: Columns,
    vn_hv_bus_kv: FloatArray,
    vn_lv_bus_kv: FloatArray,
    live: BoolArray,
    *,
    sn_mva: float,
    trafo_model: TrafoModel,
    angles: bool,
    component: str = "trafo",
) -> Branches:
    """Model transformers with two windings.

    The short-circuit impedance and the magnetising branch are referred to the low-voltage side at its tapped voltage;
    in the T model the magnetising branch sits between two equal halves of the impedance, in the pi model half of it at
    each end.
    """
    shift_degree = windings["shift_degree"] if angles else np.zeros(len(vn_lv_bus_kv))
    vn_hv, vn_lv, shift = tapped(windings, shift_degree)
    parallel, rated = windings["parallel"], windings["sn_mva"]
    to_pu = (vn_lv / vn_lv_bus_kv) ** 2 * sn_mva / rated / parallel / 100.0
    z_size, r = windings["vk_percent"] * to_pu, windings["vkr_percent"] * to_pu
    with np.errstate(invalid="ignore"):
        z = r + 1j * np.sign(z_size) * np.sqrt(z_size**2 - r**2)
    z = _refuse_zero(z, live, component, windings["id"])
    iron_mw = windings["pfe_kw"] * 1e-3
    magnetising_mvar = np.sqrt(np.maximum((windings["i0_percent"] / 100.0 * rated) ** 2 - iron_mw**2, 0.0))
    drawn_pu = (iron_mw - 1j * magnetising_mvar) * parallel / sn_mva
    y = np.asarray(drawn_pu * (vn_lv_bus_kv / vn_lv) ** 2, dtype=np.complex128)
    if trafo_model == "t":
        z, y_hv, y_lv = _star_to_delta(z, y)
    else:
        y_hv = y_lv = y / 2.0
    ratio = (vn_hv / vn_lv) * (vn_lv_bus_kv / vn_hv_bus_kv)
    return _two_port(z, y_hv, y_lv, ratio, np.radians(shift))


def _star_to_delta(z: ComplexArray, y: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """T circuit of two halves of ``z`` and ``y`` to earth between them, as a pi circuit (equal at both ends)."""
    through = z * (1.0 + z * y / 4.0)
    to_earth = y / 2.0 / (1.0 + z * y / 4.0)
    return through, to_earth, to_earth


def trafo3w_windings(data: GridData) -> dict[str, Any]:
    """Three-winding transformers as three of two windings that meet at a star node: all hv, then all mv, then all lv.

    The short-circuit voltages between pairs (hv-mv, mv-lv, hv-lv, each on the smaller rating of the two) become star
    impedances; iron losses sit in the hv part; the star node has the hv rated voltage.
    """
    t = data.tables["trafo3w"]
    rated = np.stack([t[f"sn_{w}_mva"] for w in WINDINGS])
    vk = np.stack([t[f"vk_{w}_percent"] for w in WINDINGS])
    vkr = np.stack([t[f"vkr_{w}_percent"] for w in WINDINGS])
    pair = np.stack([np.minimum(rated[a], rated[b]) for a, b in ((0, 1), (1, 2), (0, 2))])
    with np.errstate(invalid="ignore"):
        real = vkr * rated[0] / pair
        imag = np.sqrt((vk * rated[0] / pair) ** 2 - real**2)
    star_r, star_x = _pairs_to_star(real, rated), _pairs_to_star(imag, rated)
    none = np.zeros(len(t))
    first = np.concatenate([np.ones(len(t), dtype=bool), np.zeros(2 * len(t), dtype=bool)])
    return {
        "id": np.tile(t["id"], 3),
        "sn_mva": rated.ravel(),
        "vk_percent": (np.sign(star_x) * np.hypot(star_x, star_r)).ravel(),
        "vkr_percent": star_r.ravel(),
        "pfe_kw": np.where(first, np.tile(t["pfe_kw"], 3), 0.0),
        "i0_percent": np.where(first, np.tile(t["i0_percent"], 3), 0.0),
        "vn_hv_kv": np.tile(t["vn_hv_kv"], 3),
        "vn_lv_kv": np.concatenate([t[f"vn_{w}_kv"] for w in WINDINGS]),
        "shift_degree": np.concatenate([none, t["shift_mv_degree"], t["shift_lv_degree"]]),
        "parallel": np.ones(3 * len(t)),
        **_star_taps(t),
    }


def _pairs_to_star(pair: FloatArray, rated: FloatArray) -> FloatArray:
    """Star values from those between pairs (hv-mv, mv-lv, hv-lv), each on its own winding's rating."""
    hv_mv, mv_lv, hv_lv = pair
    star = np.stack([hv_mv + hv_lv - mv_lv, mv_lv + hv_mv - hv_lv, hv_lv + mv_lv - hv_mv])
    return np.asarray(0.5 * star * rated / rated[0], dtype=np.float64)


def _star_taps(t: Table) -> dict[str, Any]:
    """Tap changers of the three parts; at the star point a step acts at the other end and inversely."""
    n = len(t)
    percent, degree = np.array(t["tap_step_percent"]), np.nan_to_num(t["tap_step_degree"])
    at_star = t["tap_at_star_point"] & (t["tap_side"] != "")
    steps = t["tap_pos"] - t["tap_neutral"]
    if at_star.any():
        step = percent * np.exp(1j * np.radians(degree))
        inverse = 100.0 * step / (100.0 + step * steps)
        percent = np.where(at_star, np.abs(inverse), percent)
        degree = np.where(at_star, np.degrees(np.angle(inverse)) - 180.0, degree)
    side = np.full(3 * n, "", dtype=object)
    for part, winding in enumerate(WINDINGS):
        here = t["tap_side"] == winding
        outer, inner = ("hv", "lv") if winding == "hv" else ("lv", "hv")
        side[part * n : (part + 1) * n][here] = np.where(at_star[here], inner, outer)
    return {
        "tap_side": side,
        "tap_changer_type": np.tile(t["tap_changer_type"], 3),
        "tap_pos": np.tile(t["tap_pos"], 3),
        "tap_neutral": np.tile(t["tap_neutral"], 3),
        "tap_step_percent": np.tile(percent, 3),
        "tap_step_degree": np.tile(degree, 3),
    }
