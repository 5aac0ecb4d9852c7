"""What each meter's registered current does to each meter's voltage: found by regression, not taken from records."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ghostload.detection.hidden_power import Registered, Residual, typical_voltage
from ghostload.detection.low_voltage import LowVoltage
from ghostload.streams import BoolArray, FloatArray

VOLT_NOISE_V, PRIOR_SHARE = 0.05, 1.0
"""Error of a voltage; and the error of an impedance that is thought possible beforehand, over the middle way's."""

WILD, WILD_V = 12.0, 0.5
"""A voltage is too high to be believed beyond so many robust spreads of its meter and so many volts."""


@dataclass(frozen=True, eq=False)
class Effective:
    """Impedances as the data of one transformer have them: h heard meters of m.

    Attributes
    ----------
    beyond_ohm : (h, m) array
        Drop at each meter for a registered ampere of each, less what the records say; what is common to a phase is
        taken off.
    own : (m,) array
        The same of a meter on itself, over the records'.
    others : (m,) array
        The same of a meter on all others, over the records': k where it registers 1 / (1 + k) of what it takes. Errors
        in the others' ways average out.
    covered, covers : (m,) arrays
        Largest rise of another meter's voltage with this one's registered power, in kilowatts that the other registers
        too much for each of this one's, and the reverse.
    apart : Residual
        What no registered current explains.
    """

    beyond_ohm: FloatArray
    own: FloatArray
    others: FloatArray
    covered: FloatArray
    covers: FloatArray
    apart: Residual


def believable(left: Residual) -> BoolArray:
    """Return the steps in which no meter registers far more than its voltage shows, (K,).

    A register that stood still and moves on seems to draw the energy of hours in one step.
    """
    middle = np.median(left.volts, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(left.volts - middle), axis=1, keepdims=True)
    return np.asarray((left.volts - middle <= WILD * spread + WILD_V).all(axis=0))


def effective_resistance(network: LowVoltage, seen: Registered, left: Residual) -> Effective:
    r"""Regress the voltages that the records do not explain on all meters' registered currents.

    .. math:: e_{i,t} = -\sum_j \Delta_{ij} I_{j,t} + \epsilon_{i,t}

    a ridge regression for all meters i at once: sensitivities from readings [1]_, not from lengths and conductors. Who
    registers 1 / (1 + k) of each kilowatt makes the voltages of *all* meters fall 1 + k times as much for each
    kilowatt registered, but nothing makes its own fall more with the others' currents: a wrong impedance acts both ways
    and theft one way. Who registers for another makes that one's current seem to lift its own voltage.

    Parameters
    ----------
    network : LowVoltage
        m meters.
    seen : Registered
    left : Residual
        Of the same.

    References
    ----------
    .. [1] C. Mugnier, K. Christakou, J. Jaton, M. De Vivo, M. Carpita, M. Paolone, "Model-less/measurement-based
       computation of voltage sensitivities in unbalanced electrical distribution networks", PSCC, 2016.
       :doi:`10.1109/PSCC.2016.7540852`
    """
    amps = 1e3 * seen.kw[:, left.used] / typical_voltage(seen.voltage_v[:, left.used])
    amps = amps - amps.mean(axis=1, keepdims=True)
    volts = left.volts - left.volts.mean(axis=1, keepdims=True)
    at = np.flatnonzero(left.heard)
    ways = network.r_ohm.diagonal()
    ridge = (VOLT_NOISE_V / (PRIOR_SHARE * max(float(np.median(ways)), 1e-6))) ** 2
    gram = amps @ amps.T
    gram[np.diag_indices_from(gram)] += ridge
    inverse = np.linalg.inv(gram)
    beyond = -(inverse @ (amps @ volts.T)).T
    apart = replace(left, volts=volts + beyond @ amps)
    model = left.projection @ network.r_ohm[at]
    count = len(network.meters)
    own, off = np.zeros(count), np.ones(model.shape, dtype=np.bool_)
    mine = np.arange(len(at))
    own[at] = _over(beyond[mine, at], model[mine, at])
    off[mine, at] = False
    groups = network.share[at]
    expected, answer = _among_others(model, off, groups), _among_others(beyond, off, groups)
    # With a prior on k of one standard deviation 1: a meter next to the terminals shares little with anybody.
    unsure = apart.volts.var(axis=1).mean() * np.diag(inverse) if len(at) else np.zeros(count)
    others = _over((expected * answer).sum(axis=0), (expected**2).sum(axis=0) + unsure)
    lifted = np.where(off, -beyond, 0.0) / np.maximum(ways[at], 1e-6)[:, None]
    covers = np.zeros(count)
    covers[at] = np.maximum(lifted.max(axis=1, initial=0.0), 0.0)
    return Effective(beyond, own, others, np.maximum(lifted.max(axis=0, initial=0.0), 0.0), covers, apart)


def _among_others(ohm: FloatArray, off: BoolArray, share: FloatArray) -> FloatArray:
    """Return each column less its mean over the *other* meters of the same phases, and 0 for the meter itself.

    What is common to a phase is taken off already, and holds the meter's own way: this takes that away.
    """
    patterns, group = np.unique(share, axis=0, return_inverse=True)
    member = (np.arange(len(patterns))[:, None] == group.reshape(-1)).astype(np.float64)
    mean = (member @ (ohm * off)) / np.maximum(member @ off, 1.0)
    return np.asarray((ohm - member.T @ mean) * off)


def _over(values: FloatArray, by: FloatArray) -> FloatArray:
    return np.divide(values, by, out=np.zeros_like(values), where=np.abs(by) > 1e-9)
