"""What a utility holds at interval level, feeder by feeder: the only thing that interval features are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.streams import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ghostload.detection.low_voltage import LowVoltage

SECOND = "datetime64[s]"


@dataclass(frozen=True, eq=False)
class FeederReadings:
    """One feeder over S steps: n meters and T transformers. It holds no ground truth and cannot reach any.

    Attributes
    ----------
    rows : (n,) array of int
        Rows of the meters in the meters table.
    home : (n,) array of int
        Transformer of each meter, counted from 0 within the feeder.
    start : numpy.datetime64
        Local time at which the first step begins; steps follow one another without a hole.
    minutes : int
        Length of a step; a divisor of a day.
    registered_wh : (n, S) array of int
        As the head end holds it, estimates included; 0 where nothing came in.
    actual : (n, S) array of bool
        Whether a reading is neither missing nor estimated.
    tan_phi : (n,) array
        Reactive over active power that the utility assumes of each customer, by class.
    delivered_wh : (T, S) array, optional
        Meters at the transformers' low-voltage terminals; NaN where there is none or it failed.
    voltage_v : (n, S) array, optional
        As recorded; NaN where nothing came in.
    network : tuple of T LowVoltage, optional
        The utility's model of the wires behind each transformer; its meters in the order of ``rows``.
    """

    rows: IntArray
    home: IntArray
    start: np.datetime64
    minutes: int
    registered_wh: NDArray[np.integer]
    actual: BoolArray
    tan_phi: FloatArray
    delivered_wh: FloatArray | None = None
    voltage_v: NDArray[np.floating] | None = None
    network: tuple[LowVoltage, ...] | None = None

    @property
    def steps(self) -> int:
        """Number of steps, S."""
        return int(self.registered_wh.shape[1])

    @property
    def kw_per_wh(self) -> float:
        """Mean power over the energy of a step."""
        return 0.06 / self.minutes

    def registered_kw(self, members: IntArray) -> FloatArray:
        """Return the mean registered power of some meters in each step, (m, S)."""
        return np.asarray(self.registered_wh[members] * self.kw_per_wh, dtype=np.float64)

    def step_of_day(self) -> IntArray:
        """Return the number of each step within its local day, (S,)."""
        first = int((self.start - self.start.astype("datetime64[D]")).astype("timedelta64[m]").astype(np.int64))
        minute = first + self.minutes * np.arange(self.steps)
        return np.asarray(minute % 1440 // self.minutes, dtype=np.int64)

    def days(self) -> IntArray:
        """Return the local day of each step, counted from 1970-01-01, (S,)."""
        at = self.start.astype(SECOND) + np.arange(self.steps) * np.timedelta64(60 * self.minutes, "s")
        return np.asarray(at.astype("datetime64[D]").astype(np.int64))

    def members(self) -> list[IntArray]:
        """Return the positions of each transformer's meters, ascending."""
        order = np.argsort(self.home, kind="stable")
        count = self.num_transformers
        return np.split(order, np.searchsorted(self.home[order], np.arange(1, count))) if count else []

    @property
    def num_transformers(self) -> int:
        """Number of transformers, T."""
        if self.delivered_wh is not None:
            return len(self.delivered_wh)
        return len(self.network) if self.network is not None else int(self.home.max(initial=-1)) + 1


class Seen(Protocol):
    """Interval readings that come feeder by feeder, so that memory is that of one feeder."""

    def feeders(self) -> Iterator[FeederReadings]:
        """Yield every feeder once, always in the same order; each meter stands in one of them."""
        ...

    @property
    def has_delivered(self) -> bool:
        """Whether any transformer has a meter of its own."""
        ...

    @property
    def has_voltage(self) -> bool:
        """Whether voltages are recorded and the wires are known."""
        ...


@dataclass(frozen=True, repr=False)
class SeenDataset(Dataset):
    """A data set in memory with interval readings beside its tables.

    Attributes
    ----------
    seen : tuple of FeederReadings
    """

    seen: tuple[FeederReadings, ...] = ()

    def feeders(self) -> Iterator[FeederReadings]:
        """Yield the feeders."""
        return iter(self.seen)

    @property
    def has_delivered(self) -> bool:
        """Whether any transformer has a meter of its own."""
        return any(feeder.delivered_wh is not None for feeder in self.seen)

    @property
    def has_voltage(self) -> bool:
        """Whether voltages are recorded and the wires are known."""
        return any(feeder.voltage_v is not None and feeder.network is not None for feeder in self.seen)


NO_READINGS = "readings: are not in this data set; generate it with an interval, such as --interval 30min"
NO_DELIVERED = (
    "readings_transformers: is not in this data set; generate it with physics power_flow and transformer meters"
)
NO_VOLTAGE = "readings: hold no voltages, or the wires are not known; generate with physics power_flow"


def find_seen(dataset: Dataset) -> Seen | None:
    """Return the interval readings of a data set, None when it has none."""
    if isinstance(dataset, SeenDataset):
        return dataset if dataset.seen else None
    from ghostload.detection.records import RecordedDataset

    if isinstance(dataset, RecordedDataset):
        return dataset if dataset.source is not None else None
    from ghostload.detection.stored_readings import stored_readings

    return stored_readings(dataset)


def seen_of(dataset: Dataset) -> Seen:
    """Return the interval readings of a data set.

    Raises
    ------
    DataError
        It has none.
    """
    seen = find_seen(dataset)
    if seen is None:
        raise DataError(NO_READINGS)
    return seen


def lacks_readings(dataset: Dataset) -> str | None:
    """Say what a data set lacks for interval features; None when nothing."""
    return NO_READINGS if find_seen(dataset) is None else None


def lacks_delivered(dataset: Dataset) -> str | None:
    """Say what a data set lacks for a balance in intervals; None when nothing."""
    seen = find_seen(dataset)
    return NO_READINGS if seen is None else (None if seen.has_delivered else NO_DELIVERED)


def lacks_voltage(dataset: Dataset) -> str | None:
    """Say what a data set lacks for voltages; None when nothing."""
    seen = find_seen(dataset)
    return NO_READINGS if seen is None else (None if seen.has_voltage else NO_VOLTAGE)


def clean_steps(feeder: FeederReadings, members: IntArray, *, tolerated: float = 0.02) -> BoolArray:
    """Return the steps in which nearly all energy behind a transformer was really read, (S,).

    A step is left out when meters that are usually read, and that are more than ``tolerated`` of the transformer's
    energy together, were not. Meters that are hardly ever read (a month of estimates) are taken as they stand.
    """
    actual = feeder.actual[members]
    energy = np.abs(feeder.registered_wh[members]).sum(axis=1, dtype=np.float64)
    energy = np.where(actual.mean(axis=1) >= 0.8, energy, 0.0)
    total = energy.sum()
    if total == 0.0:
        return np.ones(feeder.steps, dtype=np.bool_)
    return np.asarray((energy @ ~actual) <= tolerated * total)


def plausible_steps(excess: FloatArray, load: FloatArray) -> BoolArray:
    """Return the steps in which the meters do not register far more than the transformer delivers, (S,).

    A register that stood still and then moves on brings the energy of hours in one step; such a step says nothing.

    Parameters
    ----------
    excess, load : (S,) arrays
        Delivered less registered, and delivered, in one unit; NaN is not plausible.
    """
    known = np.isfinite(excess)
    if not known.any():
        return known
    middle = float(np.median(excess[known]))
    spread = float(np.median(np.abs(excess[known] - middle)))
    floor = middle - 12.0 * spread - 0.05 * float(np.mean(load[known]))
    return np.asarray(known & (np.where(known, excess, -np.inf) >= floor))
