"""Meters at the heads of feeders: every substation has one for each feeder."""

from __future__ import annotations

import numpy as np

from ghostload.config.model import MeteringConfig
from ghostload.metering.register import ERROR_LIMIT_SD
from ghostload.streams import FloatArray, Stage, Streams


def feeder_gain(count: int, metering: MeteringConfig, streams: Streams) -> FloatArray:
    """Return registered over supplied energy of each feeder's meter, real and reactive; cut at three deviations.

    Parameters
    ----------
    count : int
        Feeders.
    metering : MeteringConfig
    streams : Streams

    Returns
    -------
    (count, 2) array
    """
    normal = streams.normal(Stage.FEEDER_METER, 0, count, 2)
    gain: FloatArray = 1.0 + metering.feeder_error_sd * np.clip(normal, -ERROR_LIMIT_SD, ERROR_LIMIT_SD)
    return gain
