"""Meters at transformers: which transformer has one, and what it registers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import MeteringConfig
from ghostload.metering.register import ERROR_LIMIT_SD
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams


def has_transformer_meter(count: int, metering: MeteringConfig, streams: Streams) -> BoolArray:
    """Tell which of ``count`` transformers have a meter at their low-voltage terminals; (count,)."""
    drawn = streams.uniform(Stage.TRANSFORMER_METER, 0, count, 1)[:, 0]
    found: BoolArray = drawn < metering.transformer_meter_share
    return found


def transformer_gain(count: int, metering: MeteringConfig, streams: Streams) -> FloatArray:
    """Return registered over delivered energy of each transformer's meter; (count,), cut at three deviations."""
    normal = streams.normal(Stage.TRANSFORMER_METER, 0, count, 1, 1)[:, 0]
    gain: FloatArray = 1.0 + metering.transformer_error_sd * np.clip(normal, -ERROR_LIMIT_SD, ERROR_LIMIT_SD)
    return gain


def registered_at_transformers(delivered_wh: FloatArray, gain: FloatArray) -> NDArray[np.int64]:
    """Return what the meters of transformers register: differences of the register in whole watt-hours.

    Parameters
    ----------
    delivered_wh : (T, S) array
        From the start of a month on.
    gain : (T,) array

    Returns
    -------
    (T, S) array; what is rounded off one step turns up in the next.
    """
    counted = np.rint(np.cumsum(delivered_wh * gain[:, None], axis=1)).astype(np.int64)
    counted[:, 1:] -= counted[:, :-1].copy()
    return counted


def installed(numbers: IntArray, has_meter: BoolArray) -> IntArray:
    """Return the positions in ``numbers`` of the transformers that have a meter."""
    return np.flatnonzero(has_meter[numbers])
