"""Records put right by voltages: which transformer and which phase a meter hangs on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.detection.rewire import rewired, shares
from ghostload.detection.seen import FeederReadings
from ghostload.streams import BoolArray, FloatArray, IntArray

MARGIN = 0.1
"""A meter is moved when its voltage correlates by so much more with another group's than with its own."""

ROUNDS = 6

LEAST_STEPS = 96
"""Steps with voltages that a meter must have to be judged."""

SEVERAL = 3
"""Place of the group of a transformer's meters on several phases, after those of its three phases."""


@dataclass(frozen=True, eq=False)
class _Courses:
    """What is a meter's own in the changes of its voltage from step to step: n meters, K changes.

    Attributes
    ----------
    volts : (n, K) array
        Over its standard deviation; 0 where it is not known.
    known : (n, K) array of 0 and 1
    """

    volts: FloatArray
    known: FloatArray

    @property
    def judged(self) -> BoolArray:
        """Meters with enough voltages, that are not the feeder's mean alone."""
        return np.asarray((self.known.sum(axis=1) >= LEAST_STEPS) & self.volts.any(axis=1))


def mended_by_voltage(feeder: FeederReadings) -> FeederReadings:
    r"""Put meters on the transformer and phase whose voltage theirs follows.

    Voltages behind one transformer and phase move together [1]_, [2]_. From the changes of each meter's voltage what
    moves with the mean of the feeder and with the meter's own registered power is taken away by regression: no
    impedance has to be known. What is left is correlated with the mean of the same over the other meters of each group,
    a transformer's phase as recorded. A meter goes to the group of the highest correlation, if that is :data:`MARGIN`
    above its own group's; groups are averaged again from their new members until nothing moves, as in k-means, so that
    many records may be wrong at first.

    Meters on several phases are compared with the mean of all of a transformer's meters. A meter that is alone in its
    group stays.

    Parameters
    ----------
    feeder : FeederReadings
        Returned as it is when it has no voltages or no wires, or nothing moves.

    References
    ----------
    .. [1] W. Luan, J. Peng, M. Maras, J. Lo, B. Harapnuk, "Smart meter data analytics for distribution network
       connectivity verification", IEEE Trans. Smart Grid 6, 2015. :doi:`10.1109/TSG.2015.2421304`
    .. [2] L. Blakely, M. J. Reno, W. Feng, "Spectral clustering for customer phase identification using AMI voltage
       timeseries", Power and Energy Conference at Illinois, 2019. :doi:`10.1109/PECI.2019.8698780`
    """
    if feeder.voltage_v is None or feeder.network is None or feeder.steps <= LEAST_STEPS or len(feeder.rows) < 2:
        return feeder
    courses = _courses(feeder)
    share = shares(feeder)
    single = np.asarray(share.max(axis=1) > 1.0 - 1e-9)
    start = (SEVERAL + 1) * feeder.home + np.where(single, share.argmax(axis=1), SEVERAL)
    group = start
    for _ in range(ROUNDS):
        moved = _nearest(courses, group, single, feeder.num_transformers)
        if np.array_equal(moved, group):
            break
        group = moved
    if np.array_equal(group, start):
        return feeder
    phases = np.where(single[:, None], np.eye(SEVERAL + 1, SEVERAL)[group % (SEVERAL + 1)], share)
    return rewired(feeder, group // (SEVERAL + 1), phases)


def _courses(feeder: FeederReadings) -> _Courses:
    volts = np.array(feeder.voltage_v, dtype=np.float64)
    there = np.isfinite(volts)
    known = (there[:, 1:] & there[:, :-1]).astype(np.float64)
    volts[~there] = 0.0
    level = volts.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    change = np.diff(volts) / np.maximum(level, 1.0) * known
    power = np.diff(feeder.registered_wh.astype(np.float64)) * known
    common = (change.sum(axis=0) / np.maximum(known.sum(axis=0), 1.0)) * known
    power -= _along(power, common)
    change -= _along(change, common)
    change -= _along(change, power)
    spread = np.sqrt(np.einsum("it,it->i", change, change) / np.maximum(known.sum(axis=1), 1.0))
    return _Courses(change / np.maximum(spread, 1e-12)[:, None], known)


def _along(values: FloatArray, base: FloatArray) -> FloatArray:
    """Return the part of each row that goes along with the same row of a base."""
    power = np.einsum("it,it->i", base, base)
    slope = np.divide(np.einsum("it,it->i", values, base), power, out=np.zeros(len(base)), where=power > 0.0)
    return np.asarray(slope[:, None] * base)


def _nearest(courses: _Courses, group: IntArray, single: BoolArray, transformers: int) -> IntArray:
    """Return the group of each meter with which its voltage correlates best."""
    width = SEVERAL + 1
    member = np.zeros((width * transformers, len(group)))
    member[group, np.arange(len(group))] = 1.0
    size = member.sum(axis=1).reshape(-1, width)
    total, heard = member @ courses.volts, member @ courses.known
    for parts in (total, heard):
        parts[SEVERAL::width] += sum(parts[phase::width] for phase in range(SEVERAL))
    mean = np.divide(total, heard, out=np.zeros_like(total), where=heard > 0.0)
    power = np.einsum("it,it->i", courses.volts, courses.volts)
    with_all = _correlation(courses.volts @ mean.T, power[:, None], courses.known @ (mean**2).T)
    others = heard[group] - courses.known
    rest = np.divide(total[group] - courses.volts, others, out=np.zeros_like(courses.volts), where=others > 0.5)
    rest *= courses.known
    own = _correlation(np.einsum("it,it->i", courses.volts, rest), power, np.asarray(np.einsum("it,it->i", rest, rest)))
    one = size > 0.0
    one[:, SEVERAL] = False
    several = np.zeros_like(one)
    several[:, SEVERAL] = size.sum(axis=1) > 0.0
    found = np.where(np.where(single[:, None], one.reshape(-1), several.reshape(-1)), with_all, -np.inf)
    stays = ~courses.judged | ~rest.any(axis=1)
    found[np.arange(len(group)), group] = np.where(stays, np.inf, own + MARGIN)
    return np.asarray(found.argmax(axis=1))


def _correlation(product: FloatArray, power: FloatArray, other: FloatArray) -> FloatArray:
    size = np.sqrt(power * other)
    return np.divide(product, size, out=np.zeros_like(product), where=size > 1e-12)
