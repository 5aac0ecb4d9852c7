"""Records put right by energy: which transformer a meter hangs on, where transformers have meters of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.detection.rewire import rewired
from ghostload.detection.seen import FeederReadings, clean_steps, plausible_steps
from ghostload.streams import BoolArray, FloatArray, IntArray

NOT_HERE = -0.5
"""A meter whose coefficient in the excess of its transformer lies below this is not fed by it: -1 is expected."""

HERE = (0.5, 2.0)
"""Coefficients, in the excess of another transformer, of a meter that is fed by it: 1, or more if it steals."""

SURE = 8.0
"""Standard errors by which both have to differ from nothing."""


@dataclass(frozen=True, eq=False)
class _Fit:
    """A transformer's excess regressed on its meters, over U steps.

    Attributes
    ----------
    steps : (S,) array of bool
        Those U steps.
    bases : (B, U) array
        What the excess is regressed on.
    inverse : (B, B) array
        Of their products.
    left_kw : (U,) array
        What the regression leaves.
    slope, z : (m,) arrays
        Coefficient of each meter, and over its standard error.
    """

    steps: BoolArray
    bases: FloatArray
    inverse: FloatArray
    left_kw: FloatArray
    slope: FloatArray
    z: FloatArray


def mended_by_energy(feeder: FeederReadings) -> FeederReadings:
    r"""Put meters on the transformer whose excess follows what they register.

    Delivered less registered energy of a transformer is regressed, step by step, on each of its meters, on the square
    of the load and on a constant. A meter that is recorded there and fed from elsewhere has the coefficient -1; in the
    excess of the transformer that does feed it, it has +1, or more if it registers less than it takes. Meters that show
    both are moved, the surest first, each once. Connectivity from energy conservation is a known method [1]_.

    Parameters
    ----------
    feeder : FeederReadings
        Returned as it is when transformers have no meters or nothing moves.

    References
    ----------
    .. [1] S. J. Pappu, N. Bhatt, R. Pasumarthy, A. Rajeswaran, "Identifying topology of low voltage distribution
       networks based on smart meter data", IEEE Trans. Smart Grid 9, 2018. :doi:`10.1109/TSG.2017.2680542`
    """
    if feeder.delivered_wh is None:
        return feeder
    fits = [_fit(feeder, number, members) for number, members in enumerate(feeder.members())]
    home = feeder.home.copy()
    for number, (fit, members) in enumerate(zip(fits, feeder.members(), strict=True)):
        if fit is None:
            continue
        for meter in members[(fit.slope < NOT_HERE) & (fit.z < -SURE)].tolist():
            home[meter] = _where(feeder, fits, meter, number)
    return rewired(feeder, home)


def _fit(feeder: FeederReadings, number: int, members: IntArray) -> _Fit | None:
    delivered = np.zeros(0) if feeder.delivered_wh is None else feeder.delivered_wh[number]
    registered = feeder.registered_wh[members].sum(axis=0)
    steps = clean_steps(feeder, members) & plausible_steps(delivered - registered, delivered)
    if len(members) == 0 or steps.sum() < 4 * (len(members) + 2):
        return None
    kw = feeder.registered_kw(members)[:, steps]
    total = kw.sum(axis=0)
    excess = delivered[steps] * feeder.kw_per_wh - total
    bases = np.vstack([kw, total**2 / max(float(np.abs(total).mean()), 1e-9), np.ones(len(total))])
    gram = bases @ bases.T
    # A trace of ridge, so that silent meters and the like do no harm.
    gram[np.diag_indices_from(gram)] += 1e-9 * float(np.trace(gram)) / len(gram) + 1e-12
    inverse = np.linalg.inv(gram)
    slope = inverse @ (bases @ excess)
    left = excess - slope @ bases
    error = np.sqrt(float(left @ left) / max(len(left) - len(slope), 1) * np.diag(inverse))
    count = len(members)
    return _Fit(steps, bases, inverse, left, slope[:count], (slope / np.maximum(error, 1e-12))[:count])


def _where(feeder: FeederReadings, fits: list[_Fit | None], meter: int, number: int) -> int:
    """Return the transformer whose excess a meter follows best; where it is recorded when no other does."""
    best, surest = number, SURE
    kw = feeder.registered_kw(np.array([meter]))[0]
    for other, fit in enumerate(fits):
        if fit is None or other == number:
            continue
        course = kw[fit.steps]
        course = course - (fit.inverse @ (fit.bases @ course)) @ fit.bases
        power = float(course @ course)
        if power <= 0.0:
            continue
        slope = float(course @ fit.left_kw) / power
        left = fit.left_kw - slope * course
        z = slope / np.sqrt(max(float(left @ left), 1e-30) / max(len(left) - len(fit.bases) - 1, 1) / power)
        if HERE[0] < slope < HERE[1] and z > surest:
            best, surest = other, float(z)
    return best
