"""An honest register: its own small error, and its last digit."""

from __future__ import annotations

import numpy as np

from ghostload.config.model import MeteringConfig
from ghostload.streams import FloatArray, Stage, Streams

ERROR_LIMIT_SD = 3.0


def registered_kwh(shown_kwh: FloatArray, metering: MeteringConfig, streams: Streams, start: int = 0) -> FloatArray:
    """Record energy as registers do.

    Each meter runs fast or slow by a share of its own, normally distributed and cut at three standard deviations. The
    register counts up from the start of the data; a month is the difference of two readings in whole last digits, so
    that what is rounded off one month turns up in the next.

    Parameters
    ----------
    shown_kwh : (n, T) array
        What an errorless register of endless digits would show in each month, non-negative.
    metering : MeteringConfig
    streams : Streams
    start : int
        Number of the first meter.

    Returns
    -------
    (n, T) array of kWh, non-negative multiples of ``10 ** -register_decimals``.
    """
    normal = streams.normal(Stage.METER_ERROR, start, start + len(shown_kwh), 1)
    gain = 1.0 + metering.error_sd * np.clip(normal, -ERROR_LIMIT_SD, ERROR_LIMIT_SD)
    scale = 10.0**metering.register_decimals
    counted = np.rint(np.cumsum(shown_kwh * gain, axis=1) * scale)
    counted[:, 1:] -= counted[:, :-1].copy()
    counted /= scale
    return counted
