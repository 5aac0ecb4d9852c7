"""What a kind of anomaly is: a small class that changes what is drawn, what is registered, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np

from ghostload.anomalies.hours import HourBlock
from ghostload.anomalies.spread import Spread
from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.streams import BoolArray, FloatArray, IntArray


class Family(StrEnum):
    """What sort of event it is."""

    THEFT = "theft"
    FAULT = "fault"
    BENIGN = "benign"


class Channel(StrEnum):
    """Where it acts: on what is truly drawn, or on what the register shows, by the month or hour by hour."""

    DEMAND = "on_demand"
    REGISTER = "on_register"
    HOURS = "on_hours"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kind, drawn uniformly for each event: from a range, or one of some values.

    Attributes
    ----------
    name : str
    low, high : float
        Ends of the range.
    description : str
    choices : tuple of float
        The only values; the range is then from the first to the last of them.
    """

    name: str
    low: float
    high: float
    description: str
    choices: tuple[float, ...] = ()

    def draw(self, uniform: FloatArray) -> FloatArray:
        """Turn uniform numbers in [0, 1) into values."""
        if self.choices:
            return np.array(self.choices)[(uniform * len(self.choices)).astype(np.int64)]
        return self.low + (self.high - self.low) * uniform


@dataclass(frozen=True)
class EventBlock:
    """E events of one kind over the T months of the data.

    Attributes
    ----------
    active : (E, T) array
        Share of each month, 0 to 1, in which the event is on.
    elapsed_months : (E, T) array
        Months since it began, at the middle of each month; 0 before.
    closing : (E, T) array of bool
        The month in which it ends; nowhere when it goes on past the data.
    parameters : mapping of name to (E,) array
    strength : (E,) array
        0 to 1: how far a theft is pushed, by the difficulty; 1 is the kind's nominal form, and that of faults and
        look-alikes always.
    uniform : (E, T) array
        A draw in [0, 1) of its own for each month.
    level_kwh : (E,) array
        The customers' long-run monthly energy.
    class_index : (E,) array of int
        Position in :data:`ghostload.config.CUSTOMER_CLASSES`.
    numbers : (T,) array of int
        Month numbers, see :mod:`ghostload.consumption.calendar`.
    """

    active: FloatArray
    elapsed_months: FloatArray
    closing: BoolArray
    parameters: Mapping[str, FloatArray]
    strength: FloatArray
    uniform: FloatArray
    level_kwh: FloatArray
    class_index: IntArray
    numbers: IntArray

    def column(self, name: str) -> FloatArray:
        """Return a parameter as an (E, 1) array, to go with (E, T) arrays."""
        return self.parameters[name][:, None]

    def factor(self, registered_share: FloatArray | float) -> FloatArray:
        """Mix a share into each month: ``1 - active * strength * (1 - share)``; shape (E, T)."""
        return 1.0 - self.active * self.strength[:, None] * (1.0 - np.asarray(registered_share))


class AnomalyKind:
    """Base of all kinds: by itself it changes nothing.

    A subclass sets the class attributes and overrides the method of its channel. :meth:`on_demand` and
    :meth:`on_register` take and return (E, T) kWh; how a month's change lies over its hours is said by
    :meth:`demand_in_time` and :meth:`register_in_time`. A kind that only hours can show overrides :meth:`on_hours`
    instead, on (E, H) watt-hours of one month, and its months are the sums of them.

    Attributes
    ----------
    name : str
        As in labels, events and settings.
    family : Family
    channel : Channel
        Its main channel.
    parameters : tuple of Parameter
    classes : tuple of str
        Customer classes in which it occurs.
    lasting_months : (float, float)
        Shortest and mean duration in months; an infinite mean goes on past any data.
    lifelong : bool
        Whether it began before the data, whichever window is asked for.
    group : bool
        Whether it is done by several customers of one transformer together.
    moves_only : bool
        Whether a theft leaves the energy of each month as it is, and gains by the time at which it is registered.
    companion : str
        Kind that another customer of the same transformer gets for each such theft; none by default.
    alone : bool
        Whether settings may name it; a companion comes with its theft only.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    channel: ClassVar[Channel]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    classes: ClassVar[tuple[str, ...]] = CUSTOMER_CLASSES
    lasting_months: ClassVar[tuple[float, float]] = (1.0, np.inf)
    lifelong: ClassVar[bool] = False
    group: ClassVar[bool] = False
    moves_only: ClassVar[bool] = False
    companion: ClassVar[str] = ""
    alone: ClassVar[bool] = True

    def on_demand(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is truly drawn, from what would be without the event."""
        return kwh

    def on_register(self, kwh: FloatArray, events: EventBlock) -> FloatArray:
        """Return what is registered, from what would be without the event."""
        return kwh

    def on_hours(self, wh: IntArray, hours: HourBlock) -> FloatArray:
        """Return what is registered in each hour of a month, from what is drawn; both (E, H) Wh.

        What is returned may have fractions, and may be negative where a register runs backwards; a month's sum may not.
        """
        return wh.astype(np.float64)

    def added_wh(self, hours: HourBlock) -> FloatArray:
        """Return what is drawn in each hour on top of the customer's own demand; (E, H) Wh, none by default."""
        return np.zeros(hours.active.shape)

    def demand_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Say how the demand that is cut in a month lies over its hours; by default in proportion, while it is on.

        Parameters
        ----------
        wh : (E, H) array of int
            Drawn without the event.
        total_wh : (E,) array of int
            What the event takes away in the month; negative where it adds.
        hours : HourBlock
        """
        return Spread(wh * hours.active)

    def register_in_time(self, wh: IntArray, total_wh: IntArray, hours: HourBlock) -> Spread:
        """Say how the energy that is not registered in a month lies over its hours, as :meth:`demand_in_time`."""
        return Spread(wh * hours.active)
