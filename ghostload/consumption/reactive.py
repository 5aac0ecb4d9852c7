"""Reactive power of customers, as a function of their real power and the hour of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits, draw_habits
from ghostload.consumption.intervals import HALF_HOURS_A_DAY, checked_minutes
from ghostload.consumption.shapes import POWER_FACTOR
from ghostload.errors import UsageError
from ghostload.streams import FloatArray, IntArray, Stage, Streams

HOME_BASE_TAN = 0.48
"""Reactive over real power of what runs for long in a home, fans, refrigerator, electronics: power factor .90."""
HOME_USES_TAN, HOME_COOLED_USES_TAN = 0.20, 0.36
"""The same of what is added on top: mostly heat, or compressors of room air conditioners as well."""
KNEE = 1.5
"""Multiple of a home's long-run mean up to which the first value holds."""
LIGHT_LOAD = 0.25
"""By how much the share of a business rises towards no load: motors draw their magnetising current all the same."""
LARGEST_TAN = 0.75
"""Power factor .80; Philippine tariffs charge for what is below .85, and most correct it."""
OWN_SPREAD = 0.15
WARM_SWING = 0.12
"""By how much a home's share is higher in mid-afternoon and lower before dawn, when compressors run least."""


@dataclass(frozen=True)
class ReactiveShares:
    """Reactive over real power of n customers: ``below`` up to the knee, ``above`` for what is beyond it.

    Attributes
    ----------
    knee_w, below, above : (n,) arrays
    by_half_hour : (n, 48) array
        Factor on both by the half hour of the day, mean 1.
    """

    knee_w: FloatArray
    below: FloatArray
    above: FloatArray
    by_half_hour: FloatArray

    def take(self, rows: IntArray) -> ReactiveShares:
        """Return the shares of the customers at some positions."""
        return ReactiveShares(self.knee_w[rows], self.below[rows], self.above[rows], self.by_half_hour[rows])


def reactive_shares(customers: Customers, streams: Streams, *, habits: Habits | None = None) -> ReactiveShares:
    """Draw what reactive power each customer takes.

    A business has the share of its class's power factor at full load, and more below its mean; a home that of its
    base up to the knee and less for what is switched on for heat.
    """
    habits = draw_habits(customers, streams) if habits is None else habits
    own = own_reactive(customers.start, customers.start + len(customers), streams)
    return shares_of(customers.class_index, customers.level_kwh, habits, own)


def own_reactive(start: int, stop: int, streams: Streams) -> FloatArray:
    """Draw by how much the customers ``start .. stop - 1`` take more or less than others of their kind."""
    own: FloatArray = np.exp(OWN_SPREAD * np.clip(streams.normal(Stage.REACTIVE, start, stop, 1)[:, 0], -3, 3))
    return own


def shares_of(class_index: IntArray, level_kwh: FloatArray, habits: Habits, own: FloatArray) -> ReactiveShares:
    """Return the shares of n customers from their own rows; see :func:`reactive_shares`.

    Parameters
    ----------
    class_index, level_kwh : (n,) arrays
        As in :class:`~ghostload.consumption.customers.Customers`.
    habits : Habits
    own : (n,) array
        As :func:`own_reactive` gives it.
    """
    home = class_index == 0
    factors = np.array([POWER_FACTOR[name] for name in CUSTOMER_CLASSES])
    at_load = np.sqrt(1.0 / factors**2 - 1.0)[class_index]
    uses = np.where(habits.room_cooling_share > 0.0, HOME_COOLED_USES_TAN, HOME_USES_TAN)
    mean_w = level_kwh / 730.5 * 1000.0
    hour = (np.arange(HALF_HOURS_A_DAY) + 0.5) / 2.0
    swing = np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)
    return ReactiveShares(
        knee_w=np.where(home, KNEE * mean_w, mean_w),
        below=np.minimum(LARGEST_TAN, np.where(home, HOME_BASE_TAN, (1.0 + LIGHT_LOAD) * at_load) * own),
        above=np.minimum(LARGEST_TAN, np.where(home, uses, (1.0 - LIGHT_LOAD) * at_load) * own),
        by_half_hour=1.0 + np.where(home, WARM_SWING, 0.0)[:, None] * swing,
    )


def interval_q_varh(wh: NDArray[np.int32], minutes: int, shares: ReactiveShares) -> NDArray[np.int32]:
    """Return the reactive energy that goes with real energy.

    The function bends at the knee, so the sum over finer intervals is near that of a coarser one, not equal.

    Parameters
    ----------
    wh : (n, steps) array of int32
        Real energy in intervals; the first starts at midnight.
    minutes : int
        60, 30, 15 or 5.
    shares : ReactiveShares
        Of the same customers.

    Returns
    -------
    (n, steps) array of int32, var-hours, non-negative: inductive

    Raises
    ------
    UsageError
        The intervals are not whole days of these customers.
    """
    a_day = 1440 // checked_minutes(minutes)
    customers, steps = wh.shape
    if customers != len(shares.knee_w) or steps % a_day:
        raise UsageError(
            f"wh: has shape {wh.shape}, must have {len(shares.knee_w)} rows and a multiple of {a_day} steps: whole days"
        )
    half_hour = np.arange(a_day) * HALF_HOURS_A_DAY // a_day
    from ghostload.consumption.reactive_kernel import fill_varh
    from ghostload.grid.kernels.compiled import first_call

    knee, below, above, factor = (
        values.astype(np.float32)
        for values in (
            shares.knee_w * minutes / 60.0,
            shares.below,
            shares.above,
            shares.by_half_hour[:, half_hour],
        )
    )
    varh = np.empty(wh.shape, dtype=np.int32)
    with first_call("reactive energy"):
        fill_varh(np.ascontiguousarray(wh), knee, below, above, np.ascontiguousarray(factor), varh)
    return varh
