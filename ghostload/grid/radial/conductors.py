"""Impedance and capacitance of lines as matrices: from sequence values, or from the wires themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ghostload.errors import UsageError

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]


def sequence_matrix(z1: complex, z0: complex) -> ComplexArray:
    """Return the 3x3 matrix of a balanced line with these positive- and zero-sequence values, in their unit.

    Self ``(z0 + 2 z1) / 3``, mutual ``(z0 - z1) / 3``. It serves impedances and capacitances alike.
    """
    return np.full((3, 3), (z0 - z1) / 3, dtype=np.complex128) + np.eye(3) * z1


def carson_impedance(
    x_m: ArrayLike,
    height_m: ArrayLike,
    r_ohm_per_km: ArrayLike,
    gmr_m: ArrayLike,
    *,
    f_hz: float = 50.0,
    earth_ohm_m: float = 100.0,
) -> ComplexArray:
    """Return the series impedance of parallel wires above earth, Carson's equations in their modified form [1]_.

    ``z_ii = r_i + pi^2 f 1e-4 + j 4 pi f 1e-4 ln(D_e / gmr_i)`` and
    ``z_ij = pi^2 f 1e-4 + j 4 pi f 1e-4 ln(D_e / d_ij)`` in ohm per km, with ``D_e = 658.37 sqrt(rho / f)`` metres.

    Parameters
    ----------
    x_m, height_m : (k,) arrays
        Where each wire hangs.
    r_ohm_per_km : (k,) array
    gmr_m : (k,) array
        Geometric mean radius.
    f_hz, earth_ohm_m : float
        Frequency, and resistivity of the soil. Default: 100 ohm metre, Kersting's choice [1]_.

    Returns
    -------
    (k, k) complex array of ohm per km.

    References
    ----------
    .. [1] W. H. Kersting, "Distribution System Modeling and Analysis", 3rd ed., CRC Press, 2012, chapter 4.
    """
    x, y, r, gmr = (np.asarray(a, dtype=np.float64) for a in (x_m, height_m, r_ohm_per_km, gmr_m))
    distance = np.hypot(x[:, None] - x, y[:, None] - y) + np.diag(gmr)
    if not (distance > 0).all():
        raise UsageError("wires must have a positive gmr_m and stand apart; two of them share one place")
    depth = 658.37 * np.sqrt(earth_ohm_m / f_hz)
    result: ComplexArray = np.diag(r) + np.pi**2 * f_hz * 1e-4 + 4j * np.pi * f_hz * 1e-4 * np.log(depth / distance)
    return result


def kron_reduced(z: ArrayLike, keep: int) -> ComplexArray:
    """Return the matrix of the first ``keep`` wires, the others earthed all along: ``z_aa - z_ab z_bb^-1 z_ba``."""
    whole = np.asarray(z, dtype=np.complex128)
    a, b = slice(None, keep), slice(keep, None)
    reduced: ComplexArray = whole[a, a] - whole[a, b] @ np.linalg.solve(whole[b, b], whole[b, a])
    return reduced
