"""Voltages against the voltages that registered power explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostload.detection.effective import Effective, believable, effective_resistance
from ghostload.detection.features import FeatureTable
from ghostload.detection.hidden_power import (
    Hidden,
    Registered,
    hidden_power,
    sensitivity_ratio,
    voltage_residual,
)
from ghostload.detection.interval_balance import NAMES as BALANCE_NAMES
from ghostload.detection.interval_balance import SMALL_KW, balance_of, lines_loss_kw
from ghostload.detection.mend_voltage import mended_by_voltage
from ghostload.detection.seen import FeederReadings, clean_steps, lacks_voltage, plausible_steps, seen_of
from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

NAMES = (
    "hidden_slope",
    "hidden_corr",
    "hidden_ratio",
    "hidden_sd_kw",
    "hidden_share",
    "hidden_lean",
    "hidden_evening",
    "hidden_night",
    "sensitivity",
    "hidden_z",
    "voltage_score",
    "apart_z",
    "apart_lean",
    "own_response",
    "others_response",
    "covered",
    "covers",
    "voltage_noise",
)

MENDED = tuple(f"mended_{name}" for name in BALANCE_NAMES)
"""The balance of intervals once more, with each meter on the transformer that its voltage follows."""

NOISE_KW = 0.05
"""Spread of hidden power that is taken as nothing: what rounding of voltages alone gives to a usual home."""

OUTER = 0.005
"""Share of steps at each end of the course of hidden power that is held at the rest's bounds."""

SHARE_WEIGHT = 3.0
"""What an unregistered share weighs in ``voltage_score``, against logs of spreads; chosen on one data set, seed 0."""

LEAN = -0.45
"""Least lean of hidden power that still may be demand; a course that is as often above its mean as below it has 0."""


def voltage_of(feeder: FeederReadings, transformer: int, members: IntArray) -> FloatArray:
    """Return the features :data:`NAMES` of one transformer's meters, (m, 18); zeros where voltages do not suffice."""
    out = np.zeros((len(members), len(NAMES)))
    if feeder.voltage_v is None or feeder.network is None or len(members) == 0:
        return out
    network, volts = feeder.network[transformer], np.asarray(feeder.voltage_v[members], dtype=np.float64)
    if not np.isfinite(volts).any():
        return out
    steps = clean_steps(feeder, members)
    kw = feeder.registered_kw(members)
    excess = None
    if feeder.delivered_wh is not None and np.isfinite(feeder.delivered_wh[transformer]).any():
        power = feeder.delivered_wh[transformer] * feeder.kw_per_wh
        beyond = power - kw.sum(axis=0)
        steps &= plausible_steps(beyond, power)
        excess = (beyond - lines_loss_kw(kw, network.r_ohm, float(np.nanmean(volts))))[steps]
    seen = Registered(kw[:, steps], volts[:, steps], feeder.tan_phi[members], excess)
    left = voltage_residual(network, seen)
    keep = left.used.copy()
    keep[left.used] = believable(left)
    seen = seen.at(keep)
    left = voltage_residual(network, seen)
    if left.volts.shape[1] < 2:
        return out
    hour = feeder.step_of_day()[steps][keep][left.used] * feeder.minutes // 60
    hidden = hidden_power(network, seen, left)
    _fill(out, hidden, seen.kw[:, left.used], hour)
    out[:, 8] = np.clip(sensitivity_ratio(network, seen, left), -5.0, 20.0)
    effective = effective_resistance(network, seen, left)
    _fill_effective(out, effective, hidden_power(network, seen.unexplained(left.used), effective.apart))
    out[left.heard, 17] = np.log(left.volts.std(axis=1) + 1e-3)
    return out


def _fill(out: FloatArray, hidden: Hidden, kw: FloatArray, hour: IntArray) -> None:
    """Write what the course of hidden power says; its wildest steps, half a per cent at each end, are held."""
    low, high = np.quantile(hidden.kw, (OUTER, 1.0 - OUTER), axis=1, keepdims=True)
    course = np.clip(hidden.kw, low, high)
    course -= course.mean(axis=1, keepdims=True)
    own = kw - kw.mean(axis=1, keepdims=True)
    count = course.shape[1]
    own_spread, spread = own.std(axis=1), course.std(axis=1)
    beyond = np.sqrt(np.maximum(spread**2 - hidden.noise_kw**2, 0.0))
    together = np.einsum("it,it->i", course, own) / count
    lean = np.cbrt(np.einsum("it,it,it->i", course, course, course) / count) / (spread + NOISE_KW)
    evening, night = (hour >= 17) & (hour < 23), hour < 6
    out[:, 0] = np.clip(together / (own_spread**2 + NOISE_KW**2), -1.0, 20.0)
    out[:, 1] = together / (own_spread * spread + NOISE_KW**2)
    out[:, 2] = beyond / (own_spread + NOISE_KW)
    out[:, 3] = np.log(beyond + SMALL_KW)
    out[:, 4] = spread**2 / max(float((spread**2).sum()), 1e-12)
    out[:, 5] = lean
    out[:, 6] = course[:, evening].mean(axis=1) if evening.any() else 0.0
    out[:, 7] = course[:, night].mean(axis=1) if night.any() else 0.0
    out[:, 6:8] /= (spread + NOISE_KW)[:, None]
    out[:, 9] = np.log((spread + 1e-3) / (hidden.noise_kw + 1e-3))


def _fill_effective(out: FloatArray, effective: Effective, hidden: Hidden) -> None:
    """Write what does not hang on the recorded impedances."""
    low, high = np.quantile(hidden.kw, (OUTER, 1.0 - OUTER), axis=1, keepdims=True)
    course = np.clip(hidden.kw, low, high)
    spread = course.std(axis=1)
    centred = course - course.mean(axis=1, keepdims=True)
    out[:, 11] = np.log((spread + 1e-3) / (hidden.noise_kw + 1e-3))
    out[:, 12] = np.cbrt((centred**3).mean(axis=1)) / (spread + NOISE_KW)
    out[:, 13] = np.clip(effective.own, -5.0, 20.0)
    out[:, 14] = np.clip(effective.others, -5.0, 20.0)
    out[:, 15] = np.log1p(effective.covered)
    out[:, 16] = np.log1p(effective.covers)
    # A neighbour that registers too much has hidden power too, but it leans to below its mean.
    apart = np.where(out[:, 12] >= LEAN, out[:, 11], -np.abs(out[:, 11]))
    share = np.sqrt(np.clip(effective.own, 0.0, 5.0) * np.clip(effective.others, 0.0, 5.0))
    out[:, 10] = apart + SHARE_WEIGHT * share + effective.covered


def voltage_features(dataset: Dataset) -> FeatureTable:
    """Return what voltages say about each meter beyond its registered power.

    Meters are put on the transformer and phase that their voltages follow, see
    :func:`~ghostload.detection.mend_voltage.mended_by_voltage`. Hidden power is that of
    :func:`~ghostload.detection.hidden_power.hidden_power`; what counts is its course about its mean. The first features
    believe the records of the wires; from ``apart_z`` on, what registered powers explain by regression is taken off
    first (:func:`~ghostload.detection.effective.effective_resistance`), whatever the records say.

    ==================  ============================================================================================
    ``hidden_slope``    regression of hidden on registered power: 1/q - 1 where the share q of each kilowatt registers
    ``hidden_corr``     correlation of the two
    ``hidden_ratio``    standard deviation of hidden power beyond its noise over that of registered power
    ``hidden_sd_kw``    log of the same standard deviation
    ``hidden_share``    its variance over the sum of those of the transformer's meters
    ``hidden_lean``     cube root of the third moment over the standard deviation: demand leans to above its mean
    ``hidden_evening``, ``hidden_night``   mean from 17 to 23 h and from 0 to 6 h, over the standard deviation
    ``sensitivity``     :func:`~ghostload.detection.hidden_power.sensitivity_ratio`
    ``hidden_z``        log of the standard deviation over that of noise alone
    ``apart_z``, ``apart_lean``  spread over noise, and lean, of hidden power that goes along with no registered power
    ``own_response``, ``others_response``  how much more than recorded the meter's own and the others' voltages fall
                        with its registered power: :class:`~ghostload.detection.effective.Effective`
    ``covered``, ``covers``  log(1 + x): another meter registers x kW too much for each of this one's, and the reverse
    ``voltage_noise``   log of what of the meter's voltage the records do not explain
    ``voltage_score``   ``apart_z``, negative where it leans to below its mean; plus 3 times the root of both responses;
                        plus x of ``covered``
    ``mended_...``      the features of the balance of intervals once more
    ==================  ============================================================================================
    """
    missing = lacks_voltage(dataset)
    if missing is not None:
        raise DataError(missing)
    seen = seen_of(dataset)
    values = np.zeros((dataset.num_meters, len(NAMES) + len(MENDED)))
    for feeder in seen.feeders():
        mended = mended_by_voltage(feeder)
        for number, members in enumerate(mended.members()):
            rows = mended.rows[members]
            values[rows, : len(NAMES)] = voltage_of(mended, number, members)
            values[rows, len(NAMES) :] = balance_of(mended, number, members)
    return FeatureTable((*NAMES, *MENDED), values)
