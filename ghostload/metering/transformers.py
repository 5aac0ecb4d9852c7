"""Meters at transformers: which transformer has one, and what it registers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import MeteringConfig
from ghostload.metering.register import ERROR_LIMIT_SD
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, Stage, Streams, spans


def has_transformer_meter(
    count: int, metering: MeteringConfig, streams: Streams, scratch: Scratch | None = None
) -> BoolArray:
    """Tell which of ``count`` transformers have a meter at their low-voltage terminals; (count,)."""
    found: BoolArray = (scratch or Scratch()).zeros(count, np.bool_)
    for part in spans(count):
        drawn = streams.uniform(Stage.TRANSFORMER_METER, part.start, part.stop, 1)[:, 0]
        found[part] = drawn < metering.transformer_meter_share
    return found


def transformer_gain(
    count: int, metering: MeteringConfig, streams: Streams, scratch: Scratch | None = None
) -> FloatArray:
    """Return registered over delivered energy of each transformer's meter; (count,), cut at three deviations."""
    gain: FloatArray = (scratch or Scratch()).zeros(count)
    for part in spans(count):
        normal = streams.normal(Stage.TRANSFORMER_METER, part.start, part.stop, 1, 1)[:, 0]
        gain[part] = 1.0 + metering.transformer_error_sd * np.clip(normal, -ERROR_LIMIT_SD, ERROR_LIMIT_SD)
    return gain


def registered_by_grid_meters(given: FloatArray, gain: FloatArray) -> NDArray[np.int64]:
    """Return what the registers of meters in the grid, at transformers and feeders, advance by in each step.

    Parameters
    ----------
    given : (T, S) array
        Wh or varh that went through them, from the start of a month on.
    gain : (T,) array

    Returns
    -------
    (T, S) array of whole Wh or varh; what is rounded off one step turns up in the next.
    """
    counted = np.rint(np.cumsum(given * gain[:, None], axis=1)).astype(np.int64)
    counted[:, 1:] -= counted[:, :-1].copy()
    return counted
