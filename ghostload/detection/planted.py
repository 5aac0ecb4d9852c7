"""A small town with interval readings, made for the contract check: who steals what in it is known exactly."""

from __future__ import annotations

import numpy as np

from ghostload.detection.low_voltage import LowVoltage
from ghostload.detection.seen import FeederReadings
from ghostload.streams import FloatArray, IntArray, Stage, Streams

MINUTES = 180
STREET_OHM, DROP_OHM, VOLTS = 0.002, 0.08, 230.0


def street(count: int) -> LowVoltage:
    """Return a single-phase main with one house after the other, each at a service drop of its own."""
    at = np.arange(1, count + 1)
    shared = STREET_OHM * np.minimum(at[:, None], at)
    share = np.zeros((count, 3))
    share[:, 0] = 1.0
    return LowVoltage(np.arange(count), shared + DROP_OHM * np.eye(count), 0.0 * shared, share)


def planted_feeder(
    true_kwh: FloatArray, registered_kwh: FloatArray, home: IntArray, streams: Streams
) -> FeederReadings:
    """Spread months of a year over steps of three hours, and let the currents make voltages.

    Parameters
    ----------
    true_kwh, registered_kwh : (n, 12) arrays
    home : (n,) array of int
        Transformer of each meter, from 0.
    streams : Streams
    """
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    steps = days * (1440 // MINUTES)
    month = np.repeat(np.arange(12), steps)
    count = len(home)
    course = np.exp(0.8 * streams.normal(Stage.EVALUATION, 0, count, len(month), 12))
    first = np.cumsum(steps) - steps
    course /= np.add.reduceat(course, first, axis=1)[:, month]
    true_wh = 1e3 * true_kwh[:, month] * course
    registered = np.rint(1e3 * registered_kwh[:, month] * course).astype(np.int64)
    amps = true_wh * (60.0 / MINUTES) / VOLTS
    volts = np.empty(true_wh.shape)
    groups = int(home.max()) + 1
    delivered = np.empty((groups, len(month)))
    networks = []
    for group in range(groups):
        members = np.flatnonzero(home == group)
        network = street(len(members))
        drop = network.r_ohm @ amps[members]
        volts[members] = VOLTS - drop
        delivered[group] = true_wh[members].sum(axis=0) + (amps[members] * drop).sum(axis=0) * MINUTES / 60.0
        networks.append(network)
    return FeederReadings(
        rows=np.arange(count),
        home=home,
        start=np.datetime64("2025-01-01T00:00:00"),
        minutes=MINUTES,
        registered_wh=registered,
        actual=np.ones(true_wh.shape, dtype=np.bool_),
        tan_phi=np.zeros(count),
        delivered_wh=np.rint(delivered),
        voltage_v=np.round(volts, 1),
        network=tuple(networks),
    )


def delivered_months(feeder: FeederReadings) -> FloatArray:
    """Return what the transformers' meters registered in each month, (groups, 12) kWh."""
    if feeder.delivered_wh is None:
        return np.empty((0, 12))
    month = (feeder.days().astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12
    first = np.flatnonzero(np.r_[True, month[1:] != month[:-1]])
    return np.asarray(np.add.reduceat(feeder.delivered_wh, first, axis=1) / 1e3)
