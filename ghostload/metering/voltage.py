"""The voltage channel of a meter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import MeteringConfig
from ghostload.metering.intervals import own_normal
from ghostload.streams import IntArray, Stage, Streams

STEPS_PER_VOLT = 10
"""Meters report tenths of a volt."""


def recorded_voltage_v(
    true_v: NDArray[np.floating], meters: IntArray, metering: MeteringConfig, streams: Streams
) -> NDArray[np.float32]:
    """Record voltages as meters do: each with a gain of its own, in tenths of a volt.

    Parameters
    ----------
    true_v : (n, S) array
        Voltages at the service points; NaN where there is none.
    meters : (n,) array of int
        Meter numbers, ascending.
    metering : MeteringConfig
    streams : Streams

    Returns
    -------
    (n, S) array of float32, the nearest to multiples of 0.1 V.
    """
    gain = 1.0 + metering.voltage_error_sd * own_normal(Stage.VOLTAGE_ERROR, meters, streams)
    scaled = np.asarray(true_v * (STEPS_PER_VOLT * gain)[:, None])
    np.rint(scaled, out=scaled)
    scaled /= STEPS_PER_VOLT
    return scaled.astype(np.float32)


def known_voltage_v(true_v: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return voltages to the nearest hundredth of a volt, as the truth keeps them; NaN stays."""
    scaled = true_v * np.float32(100.0)
    np.rint(scaled, out=scaled)
    scaled /= np.float32(100.0)
    return scaled
