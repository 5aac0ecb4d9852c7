"""Three-phase transformers: the vector group as wiring of three pairs of windings.

Each pair is an ideal transformer with its share of the short-circuit impedance. Wiring the six windings to their
terminals, ``Y = A^T Y_windings A``, gives the nodal admittance of any vector group [1]_.

References
----------
.. [1] M.-S. Chen, W. E. Dillon, "Power system modeling", Proc. IEEE, 1974. :doi:`10.1109/PROC.1974.9547`
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]

_GROUP = re.compile(r"^(YN|Y|D)(yn|y|d)(\d{1,2})$")
_A = np.exp(-2j * np.pi / 3)
_BALANCED = np.array([1.0, _A, _A**2])


def vector_group(name: str) -> tuple[str, str, int]:
    """Split ``"Dyn11"`` into ``("D", "yn", 11)``; the clock number is odd between wye and delta, else even."""
    match = _GROUP.match(name.strip())
    if match is None:
        raise UsageError(f"vector group {name!r} is not known; write it as Dyn11, Yyn0, YNd5")
    high, low, clock = match[1], match[2], int(match[3])
    mixed = (high == "D") != (low == "d")
    if clock > 11 or clock % 2 != int(mixed):
        odd = "odd" if mixed else "even"
        raise UsageError(f"vector group {name!r}: its clock number must be {odd} and at most 11")
    return high, low, clock


def _wiring(delta: bool) -> FloatArray:
    """Return which terminals (a, b, c, star point) each of three windings joins."""
    rows = np.zeros((3, 4))
    for k in range(3):
        rows[k, k] = 1.0
        rows[k, (k + 1) % 3 if delta else 3] = -1.0
    return rows


def wiring(name: str) -> tuple[FloatArray, FloatArray]:
    """Return the wiring of the high and of the low side, (3, 4) each: windings by terminals a, b, c and star point.

    The low side is shifted among the phases and, where needed, reversed until both windings of a pair have the same
    phase when the low side lags by 30 degrees times the clock number.
    """
    high, low, clock = vector_group(name)
    first, second = _wiring(high == "D"), _wiring(low == "d")
    lagging = _BALANCED * np.exp(-1j * np.pi / 6 * clock)
    for shift in range(3):
        turned = np.roll(second, shift, axis=0)
        ratio = (turned[0, :3] @ lagging) / (first[0, :3] @ _BALANCED)
        if abs(ratio.imag) < 1e-9:
            return first, turned * np.sign(ratio.real)
    raise UsageError(f"vector group {name!r} cannot be wired")


def winding_admittance(
    name: str, sn_kva: float, vn_kv: tuple[float, float], z_pu: complex, y_magnetising_pu: complex, tap_pu: float
) -> ComplexArray:
    """Return the (8, 8) nodal admittance in siemens: high a, b, c, star point, then low.

    Parameters
    ----------
    name : str
        Vector group.
    sn_kva, vn_kv : float, pair of float
        Rated power of all three phases and rated voltages, line to line.
    z_pu : complex
        Short-circuit impedance on the rating.
    y_magnetising_pu : complex
        Admittance of the open transformer on the rating, placed across the low-side windings.
    tap_pu : float
        Turns of the high side over rated turns.
    """
    high, low = wiring(name)
    group = vector_group(name)
    v_high = vn_kv[0] * 1e3 * tap_pu / (1.0 if group[0] == "D" else np.sqrt(3.0))
    v_low = vn_kv[1] * 1e3 / (1.0 if group[1] == "d" else np.sqrt(3.0))
    per_phase = sn_kva * 1e3 / 3
    joined = np.block([[high / v_high, np.zeros((3, 4))], [np.zeros((3, 4)), low / v_low]])
    pair = np.array([[1, -1], [-1, 1]]) / z_pu + np.array([[0, 0], [0, 1]]) * y_magnetising_pu
    windings = np.kron(pair, np.eye(3)) * per_phase
    result: ComplexArray = joined.T @ windings @ joined
    return result
