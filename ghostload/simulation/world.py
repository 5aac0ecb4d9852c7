"""All of a data set but the energies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.events import Events
from ghostload.config.model import GeneratorConfig
from ghostload.consumption.customers import Customers, draw_customers
from ghostload.consumption.habits import Habits, draw_habits, join_habits
from ghostload.consumption.intervals import RESOLUTIONS, steps_in_month
from ghostload.consumption.reactive import own_reactive, shares_of
from ghostload.metering.feeders import feeder_gain
from ghostload.metering.transformers import has_transformer_meter, transformer_gain
from ghostload.scratch import Scratch, let_go
from ghostload.simulation.feeder import Feeder
from ghostload.simulation.months import Months, blocks_of, habits_in, rows_of
from ghostload.simulation.rows import Rows
from ghostload.simulation.run import Arrays
from ghostload.streams import BLOCK, BoolArray, FloatArray, IntArray, Streams
from ghostload.territory import Territory
from ghostload.territory.order import Grouped, grouped
from ghostload.wires import Wires, build_wires
from ghostload.wires.parts import WiresInParts


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
    known : Customers
        As :func:`~ghostload.consumption.customers.known_customers` keeps them.
    capacity_kva : (transformers,) array
    events : Events
    scratch : Scratch
        Where what is as long as the meters lies.
    """

    config: GeneratorConfig
    streams: Streams
    numbers: IntArray
    territory: Territory
    known: Customers
    capacity_kva: FloatArray
    events: Events
    scratch: Scratch = field(default_factory=Scratch)

    @property
    def customers(self) -> Customers:
        """All customers, with all attributes; drawn anew each time."""
        return draw_customers(self.config, self.streams)

    def customers_of(self, start: int, stop: int) -> Customers:
        """Return the customers ``start .. stop - 1`` with all attributes."""
        return draw_customers(self.config, self.streams, start, stop)

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
    def busy_feeders(self) -> list[int]:
        """Numbers of the feeders that have meters, ascending."""
        busy: list[int] = np.flatnonzero(np.diff(self._meters_by_feeder.first)).tolist()
        return busy

    @cached_property
    def steps(self) -> IntArray:
        """(T,) steps of each month."""
        return steps_in_month(self.numbers, self.minutes)

    def habits_of(self, meters: IntArray) -> Habits:
        """Return the habits of some meters, ascending, drawn block by block and not kept."""
        blocks = blocks_of(meters, BLOCK, len(self.known))
        parts = [
            draw_habits(self.customers_of(a, b), self.streams).take(meters[(meters >= a) & (meters < b)] - a)
            for a, b in blocks
        ]
        return join_habits(parts) if parts else draw_habits(self.customers_of(0, 0), self.streams)

    def rows_of(self, start: int, arrays: Arrays) -> Rows:
        """Return what is kept of a block of meters from ``start`` on, from its months."""
        registered = arrays["registered_kwh"]
        demand = arrays["drawn_kwh" if self.config.interval is not None else "true_kwh"]
        stop = start + len(registered)
        habits = draw_habits(self.customers_of(start, stop), self.streams)
        return rows_of(demand, registered, habits, own_reactive(start, stop, self.streams))

    @cached_property
    def wires(self) -> Wires:
        """The wires of all feeders at once."""
        return build_wires(self.territory, self.known, self.capacity_kva, self.config, self.streams)

    @cached_property
    def wiring(self) -> WiresInParts:
        """The wires of some feeders at a time."""
        parts = (self.territory, self.known, self.capacity_kva, self.config, self.streams)
        return WiresInParts(*parts, self._meters_by_feeder, self.scratch)

    @cached_property
    def has_meter(self) -> BoolArray:
        """(transformers,) which of them have a meter."""
        return has_transformer_meter(len(self.capacity_kva), self.config.metering, self.streams, self.scratch)

    @cached_property
    def gain(self) -> FloatArray:
        """(transformers,) registered over delivered energy of their meters."""
        return transformer_gain(len(self.capacity_kva), self.config.metering, self.streams, self.scratch)

    @cached_property
    def head_gain(self) -> FloatArray:
        """(feeders, 2) registered over supplied real and reactive energy of the meters at the heads."""
        return feeder_gain(self.num_feeders, self.config.metering, self.streams)

    @cached_property
    def _meters_by_feeder(self) -> Grouped:
        """Meters feeder by feeder."""
        places = self.territory

        def feeders(part: slice) -> IntArray:
            return places.transformer_feeder[places.meter_transformer[part]]

        return grouped(feeders, len(self.known), self.num_feeders, self.scratch)

    @cached_property
    def row_of_meter(self) -> NDArray[np.int32]:
        """(N,) place of each meter where all stand feeder by feeder, so that a feeder's months lie together."""
        return self._meters_by_feeder.places(self.scratch)

    def meters_of(self, feeder: int) -> IntArray:
        """Return the numbers of a feeder's meters, ascending."""
        return self._meters_by_feeder.of(feeder)

    def transformers_of(self, feeder: int) -> IntArray:
        """Return the numbers of a feeder's transformers, ascending."""
        return np.arange(*np.searchsorted(self.territory.transformer_feeder, [feeder, feeder + 1]))

    def prepare(self) -> None:
        """Draw what all feeders share, before threads ask for it at once."""
        _ = (self._meters_by_feeder, self.row_of_meter, self.has_meter, self.gain, self.head_gain, self.steps)
        if self.flow:
            _ = self.wiring
        let_go()

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
        plan = order = shares = None
        if flow and self.flow:
            from ghostload.physics.plan import FeederPlan

            part, local = self.wiring.of(number)
            plan = FeederPlan(part.wires, local)
            order = np.searchsorted(own, part.meters[plan.meters])
        meters = own if meters is None or plan is not None else np.intersect1d(own, meters)
        rows = months.take(meters)
        habits = habits_in(rows)
        if plan is not None:
            customers = self.known
            shares = shares_of(customers.class_index[meters], customers.level_kwh[meters], habits, rows["reactive"])
        home = np.searchsorted(transformers, self.territory.meter_transformer[meters])
        part_of_months = months.part_of(meters, rows, self.known)
        let_go()
        return Feeder(
            number=number,
            meters=meters,
            transformers=transformers,
            home=home,
            part=part_of_months,
            demand_kwh=np.ascontiguousarray(rows["demand_kwh"]),
            registered_kwh=np.ascontiguousarray(rows["registered_kwh"]),
            habits=habits,
            shares=shares,
            plan=plan,
            order=order,
            gain=self.gain[transformers],
            has_meter=self.has_meter[transformers],
            head_gain=self.head_gain[number],
        )
