"""The transformer's meter against the meters behind it, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.features import FeatureTable
from ghostload.detection.mend_energy import mended_by_energy
from ghostload.detection.seen import FeederReadings, clean_steps, lacks_delivered, plausible_steps, seen_of
from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

BLOCKS = 8
"""Parts of the day, of three hours each, in which a transformer may have a load of its own that no meter follows."""

SMALL_KW = 0.02
"""Added to powers before ratios: a lamp."""

NAMES = (
    "unregistered_share",
    "unregistered_z",
    "fallen_share",
    "fallen_z",
    "hidden_over_own",
    "share_of_excess",
    "excess_share",
    "unattributed_share",
    "excess_over_own",
    "silent_excess",
    "residual_score",
)


@dataclass(frozen=True, eq=False)
class Shares:
    """What m meters let pass, as the balance tells.

    Attributes
    ----------
    k, z : (m,) arrays
        Unregistered over registered power of each meter, not negative; and, without that bound, over its standard
        error.
    fallen, z_fallen : (m,) arrays
        Likewise over what the meter has fallen short of its own past.
    excess_kw : float
        Mean excess beyond lines' losses.
    unattributed_kw : float
        The part of it that follows no meter.
    """

    k: FloatArray
    z: FloatArray
    fallen: FloatArray
    z_fallen: FloatArray
    excess_kw: float
    unattributed_kw: float


def unregistered_shares(
    excess_kw: FloatArray, kw: FloatArray, block: IntArray, short_kw: FloatArray | None = None, *, blocks: int = BLOCKS
) -> Shares:
    r"""Explain a transformer's excess by what its meters register, and by what they no longer do.

    .. math:: r_t = \sum_i (k_i x_{i,t} + l_i s_{i,t}) + \lambda \frac{(\sum_i x_{i,t})^2}{\overline{\sum_i x_i}} +
              a_{b(t)} + \epsilon_t, \qquad k, l, \lambda, a \ge 0

    A customer who registers the share q of each kilowatt has k = 1/q - 1. One who stopped to register has l = 1, s
    being how far the meter has fallen below its own better weeks. Losses of the lines grow with the square of the load,
    :math:`\lambda`; what follows no meter, such as a tap before one, stays with the part of the day, a. The regression
    of the excess on registered energies is that of [1]_; here non-negative [2]_ and with a prior on k and l of one
    standard deviation 1, which matters where steps are few.

    Parameters
    ----------
    excess_kw : (S,) array
        Delivered less registered.
    kw : (m, S) array
        Registered.
    block : (S,) array of int
        Part of the day of each step, from 0 to ``blocks`` - 1.
    short_kw : (m, S) array, optional
        s; see :func:`shortfall_kw`.

    References
    ----------
    .. [1] S.-C. Yip, K. Wong, W.-P. Hew, M.-T. Gan, R. C.-W. Phan, S.-W. Tan, "Detection of energy theft and defective
       smart meters in smart grids using linear regression", Int. J. Electrical Power & Energy Systems 91, 2017.
       :doi:`10.1016/j.ijepes.2017.04.005`
    .. [2] C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems", SIAM, 1995, chapter 23.
       :doi:`10.1137/1.9781611971217`
    """
    from scipy.optimize import nnls

    meters, steps = kw.shape
    nothing = np.zeros(meters)
    if steps == 0 or meters == 0:
        return Shares(nothing, nothing, nothing, nothing, 0.0, 0.0)
    followed = kw if short_kw is None else np.vstack([kw, short_kw])
    count = len(followed)
    total = kw.sum(axis=0)
    mean = max(float(np.abs(total).mean()), SMALL_KW)
    parts = (block == np.arange(blocks)[:, None]).astype(np.float64)
    bases = np.vstack([followed, total * np.abs(total) / mean, parts])
    gram, moment = bases @ bases.T, bases @ excess_kw
    # Once without the prior to learn how large the errors are, once with what follows from it.
    misfit = excess_kw - np.linalg.lstsq(gram, moment, rcond=1e-10)[0] @ bases
    variance = float(misfit @ misfit) / max(steps - len(bases), 1)
    gram[np.arange(count), np.arange(count)] += variance
    gram[np.diag_indices_from(gram)] += 1e-12 * float(np.trace(gram)) / len(gram)
    root = np.linalg.cholesky(gram)
    found, _ = nnls(root.T, np.linalg.solve(root, moment))
    inverse = np.linalg.inv(gram)
    error = np.sqrt(max(variance, 1e-30) * np.diag(inverse))[:count]
    z = (inverse @ moment)[:count] / np.maximum(error, 1e-9)
    unattributed = float(found[count + 1 :] @ parts.mean(axis=1))
    k, z_k = found[:meters], z[:meters]
    fallen, z_fallen = (nothing, nothing) if short_kw is None else (found[meters:count], z[meters:count])
    return Shares(k, z_k, fallen, z_fallen, float(excess_kw.mean()), unattributed)


def shortfall_kw(kw: FloatArray, step: IntArray, per_day: int) -> FloatArray:
    """Return how far each meter is below its own better weeks, spread over the day as it usually draws, (m, S).

    The better weeks are the upper quartile of the weekly means. Weeks count from the first step.

    Parameters
    ----------
    kw : (m, S) array
    step : (S,) array of int
        Number of each step within its day.
    per_day : int
    """
    week = np.arange(kw.shape[1]) // (7 * per_day)
    first = np.flatnonzero(np.r_[True, week[1:] != week[:-1]])
    count = np.diff(np.r_[first, len(week)])
    weekly = np.add.reduceat(kw, first, axis=1) / count
    better = np.quantile(weekly, 0.75, axis=1, keepdims=True)
    short = np.maximum(better - weekly, 0.0)[:, week]
    number = np.bincount(step, minlength=per_day)
    usual = np.stack([np.bincount(step, weights=row, minlength=per_day) for row in kw]) / np.maximum(number, 1)
    mean = kw.mean(axis=1, keepdims=True)
    shape = np.divide(usual, mean, out=np.ones_like(usual), where=mean > 0.0)
    return np.asarray(short * shape[:, step])


def lines_loss_kw(kw: FloatArray, r_ohm: FloatArray, volts: float) -> FloatArray:
    """Return what the wires behind a transformer lose for registered powers (m, S), kW; (S,)."""
    amps = 1e3 * kw / volts
    return np.asarray(np.einsum("it,it->t", amps, r_ohm @ amps) / 1e3)


def balance_of(feeder: FeederReadings, transformer: int, members: IntArray) -> FloatArray:
    """Return the features :data:`NAMES` of one transformer's meters, (m, 11); zeros where it has no meter."""
    out = np.zeros((len(members), len(NAMES)))
    if feeder.delivered_wh is None or len(members) == 0:
        return out
    delivered = feeder.delivered_wh[transformer]
    registered = feeder.registered_wh[members].sum(axis=0)
    steps = clean_steps(feeder, members) & plausible_steps(delivered - registered, delivered)
    if not steps.any():
        return out
    every = feeder.registered_kw(members)
    kw = every[:, steps]
    power = delivered[steps] * feeder.kw_per_wh
    step = feeder.step_of_day()
    short = shortfall_kw(every, step, 1440 // feeder.minutes)[:, steps]
    found = unregistered_shares(power - kw.sum(axis=0), kw, step[steps] * feeder.minutes * BLOCKS // 1440, short)
    mean = np.abs(kw.mean(axis=1))
    hidden = found.k * mean + found.fallen * short.mean(axis=1)
    total, excess = float(power.mean()) + SMALL_KW, max(found.excess_kw, 0.0)
    silent = np.abs(kw).max(axis=1) == 0.0
    alone = found.unattributed_kw / max(int(silent.sum()), 1)
    out[:, 0] = np.log1p(found.k)
    out[:, 1] = np.arcsinh(found.z)
    out[:, 2] = np.log1p(found.fallen)
    out[:, 3] = np.arcsinh(found.z_fallen)
    out[:, 4] = np.log((hidden + SMALL_KW) / (mean + SMALL_KW))
    out[:, 5] = hidden / (excess + SMALL_KW)
    out[:, 6] = found.excess_kw / total
    out[:, 7] = found.unattributed_kw / total
    out[:, 8] = np.log((excess + SMALL_KW) / (mean + SMALL_KW))
    out[:, 9] = np.where(silent, np.log1p(alone / SMALL_KW), 0.0)
    out[:, 10] = np.maximum(np.maximum(out[:, 1], out[:, 3]), np.where(silent, np.arcsinh(alone / SMALL_KW), -np.inf))
    return out


def interval_balance_features(dataset: Dataset) -> FeatureTable:
    """Return what the transformers' meters say about each meter, from interval readings.

    ======================  ========================================================================================
    ``unregistered_share``  log(1 + k), k of :func:`unregistered_shares`
    ``unregistered_z``      asinh of k over its standard error
    ``fallen_share``, ``fallen_z``  likewise of l: what the meter no longer registers
    ``hidden_over_own``     log of the power that both mean over the meter's own
    ``share_of_excess``     the same power over the transformer's excess
    ``excess_share``        the transformer's excess over what it delivers
    ``unattributed_share``  the part of that which follows no meter
    ``excess_over_own``     log of the transformer's excess over the meter's own power
    ``silent_excess``       for meters that register nothing: their part of what follows no meter, log(1 + x / 20 W)
    ``residual_score``      the largest of ``unregistered_z``, ``fallen_z`` and, as asinh, the silent meter's part
    ======================  ========================================================================================

    Meters of transformers without a meter have zeros. Meters are put on the transformer whose excess they follow,
    see :func:`~ghostload.detection.mend_energy.mended_by_energy`.
    """
    missing = lacks_delivered(dataset)
    if missing is not None:
        raise DataError(missing)
    seen = seen_of(dataset)
    values = np.zeros((dataset.num_meters, len(NAMES)))
    for recorded in seen.feeders():
        feeder = mended_by_energy(recorded)
        for number, members in enumerate(feeder.members()):
            values[feeder.rows[members]] = balance_of(feeder, number, members)
    return FeatureTable(NAMES, values)
