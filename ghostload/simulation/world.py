"""All of a data set but the energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from ghostload.anomalies.events import Events
from ghostload.config.model import GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import Habits, draw_habits
from ghostload.consumption.intervals import RESOLUTIONS, steps_in_month
from ghostload.consumption.reactive import ReactiveShares, reactive_shares
from ghostload.metering.feeders import feeder_gain
from ghostload.metering.transformers import has_transformer_meter, transformer_gain
from ghostload.simulation.balance import Arrays
from ghostload.simulation.energy_tables import energy_tables
from ghostload.simulation.feeder import Feeder
from ghostload.simulation.months import Months
from ghostload.streams import BoolArray, FloatArray, IntArray, Streams
from ghostload.territory import Territory
from ghostload.wires import Wires, build_wires


@dataclass(frozen=True)
class World:
    """All of a data set but the energies.

    Attributes
    ----------
    config : GeneratorConfig
    streams : Streams
    numbers : (T,) array of int
        Month numbers.
    territory : Territory
    customers : Customers
    capacity_kva : (transformers,) array
    events : Events
    """

    config: GeneratorConfig
    streams: Streams
    numbers: IntArray
    territory: Territory
    customers: Customers
    capacity_kva: FloatArray
    events: Events

    @property
    def minutes(self) -> int:
        """Length of a step; 60 where there are months only."""
        return RESOLUTIONS[self.config.interval or "1h"]

    @property
    def flow(self) -> bool:
        """Whether the power flow is solved."""
        return self.config.physics != "none"

    @property
    def num_feeders(self) -> int:
        """How many feeders there are."""
        return len(self.territory.feeder_substation)

    @cached_property
    def steps(self) -> IntArray:
        """(T,) steps of each month."""
        return steps_in_month(self.numbers, self.minutes)

    @cached_property
    def habits(self) -> Habits:
        """Habits of all customers."""
        return draw_habits(self.customers, self.streams)

    @cached_property
    def shares(self) -> ReactiveShares:
        """Reactive power of all customers."""
        return reactive_shares(self.customers, self.streams, habits=self.habits)

    @cached_property
    def wires(self) -> Wires:
        """The wires of all feeders."""
        return build_wires(self.territory, self.customers, self.capacity_kva, self.config, self.streams)

    @cached_property
    def has_meter(self) -> BoolArray:
        """(transformers,) which of them have a meter."""
        return has_transformer_meter(len(self.capacity_kva), self.config.metering, self.streams)

    @cached_property
    def gain(self) -> FloatArray:
        """(transformers,) registered over delivered energy of their meters."""
        return transformer_gain(len(self.capacity_kva), self.config.metering, self.streams)

    @cached_property
    def head_gain(self) -> FloatArray:
        """(feeders, 2) registered over supplied real and reactive energy of the meters at the heads."""
        return feeder_gain(self.num_feeders, self.config.metering, self.streams)

    @cached_property
    def _meters_by_feeder(self) -> tuple[IntArray, IntArray]:
        """Meters feeder by feeder, and where each feeder's begin."""
        feeder = self.territory.transformer_feeder[self.territory.meter_transformer]
        order = np.argsort(feeder, kind="stable")
        return order, np.searchsorted(feeder[order], np.arange(self.num_feeders + 1))

    def meters_of(self, feeder: int) -> IntArray:
        """Return the numbers of a feeder's meters, ascending."""
        order, first = self._meters_by_feeder
        return order[first[feeder] : first[feeder + 1]]

    def transformers_of(self, feeder: int) -> IntArray:
        """Return the numbers of a feeder's transformers, ascending."""
        return np.flatnonzero(self.territory.transformer_feeder == feeder)

    def energy_tables(self, balance: Arrays) -> dict[str, pa.Table]:
        """Return the tables of the balances of transformers and feeders, and of what is lost in each element."""
        return energy_tables(balance, self.wires, self.capacity_kva, self.has_meter, self.numbers)

    def prepare(self) -> None:
        """Draw what all feeders share, before threads ask for it at once."""
        _ = (self._meters_by_feeder, self.habits, self.has_meter, self.gain, self.head_gain, self.steps)
        if self.flow:
            _ = (self.shares, self.wires)

    def feeder(self, number: int, months: Months, *, meters: IntArray | None = None, flow: bool = True) -> Feeder:
        """Return a feeder, ready to be simulated.

        Parameters
        ----------
        number : int
        months : Months
            At least of its meters.
        meters : array of int, optional
            Ascending; of them those of the feeder are simulated, where no power flow is wanted. Not given, all are.
        flow : bool
            Whether a power flow is wanted, where there is one.
        """
        own, transformers = self.meters_of(number), self.transformers_of(number)
        plan = None
        if flow and self.flow:
            from ghostload.physics.plan import FeederPlan

            plan = FeederPlan(self.wires, number)
        meters = own if meters is None or plan is not None else np.intersect1d(own, meters)
        return Feeder(
            number=number,
            meters=meters,
            transformers=transformers,
            home=np.searchsorted(transformers, self.territory.meter_transformer[meters]),
            part=months.part_of(meters, self.customers),
            registered_kwh=months.registered_of(meters),
            shares=self.shares.take(meters) if plan is not None else None,
            plan=plan,
            gain=self.gain[transformers],
            has_meter=self.has_meter[transformers],
            head_gain=self.head_gain[number],
        )
