"""Meters at the heads of feeders: every substation has one for each feeder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import MeteringConfig
from ghostload.metering.register import ERROR_LIMIT_SD
from ghostload.metering.transformers import registered_at_transformers
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


def registered_at_feeder(supplied: FloatArray, gain: FloatArray) -> NDArray[np.int64]:
    """Return what the meter of a feeder registers: differences of its two registers in whole Wh and varh.

    Parameters
    ----------
    supplied : (2, S) array
        Wh and varh, from the start of a month on.
    gain : (2,) array

    Returns
    -------
    (2, S) array; what is rounded off one step turns up in the next.
    """
    return registered_at_transformers(supplied, gain)
