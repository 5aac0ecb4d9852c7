"""The kernel of reactive energy: one pass over the intervals of all customers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostload.grid.kernels.compiled import bare


@bare
def fill_varh(wh: Any, knee: Any, below: Any, above: Any, factor: Any, out: Any) -> None:
    """Fill in the reactive energy of n customers.

    Parameters
    ----------
    wh : (n, S) array of int32
    knee, below, above : (n,) arrays of float32
        Real energy of an interval at the bend, and var-hours for each watt-hour below and above it.
    factor : (n, a_day) array of float32
        By interval of the day.
    out : (n, S) array of int32
    """
    a_day = factor.shape[1]
    for i in range(len(wh)):
        for first in range(0, wh.shape[1], a_day):
            for j in range(a_day):
                real = np.float32(wh[i, first + j])
                low = min(real, knee[i])
                varh = (low * below[i] + (real - low) * above[i]) * factor[i, j]
                out[i, first + j] = np.int32(np.rint(varh))
