"""One feeder: its customers and events, and what a month of it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.in_time import Part
from ghostload.consumption.habits import Habits
from ghostload.consumption.reactive import ReactiveShares
from ghostload.errors import UsageError
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan
from ghostload.streams import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Feeder:
    """n meters on T transformers of one feeder, ready to be simulated.

    Attributes
    ----------
    number : int
    meters, transformers : (n,), (T,) arrays
        Their numbers, ascending.
    home : (n,) array
        Position of each meter's transformer in ``transformers``.
    part : Part
        The meters' months and their events.
    demand_kwh, registered_kwh : (n, months) arrays
        As :class:`~ghostload.simulation.months.Months` keeps them.
    habits : Habits
    shares : ReactiveShares, optional
        Of the meters.
    plan : FeederPlan, optional
        None, like the shares and the order, where no power flow is solved.
    order : (n,) array, optional
        Position in ``meters`` of each of the plan's.
    gain : (T,) array
        Registered over delivered energy of the transformers' meters.
    has_meter : (T,) array of bool
        Which transformers have a meter.
    head_gain : (2,) array
        Registered over supplied real and reactive energy of the meter at the feeder's head.
    """

    number: int
    meters: IntArray
    transformers: IntArray
    home: IntArray
    part: Part
    demand_kwh: FloatArray
    registered_kwh: FloatArray
    habits: Habits
    shares: ReactiveShares | None
    plan: FeederPlan | None
    order: IntArray | None
    gain: FloatArray
    has_meter: BoolArray
    head_gain: FloatArray

    @property
    def node_kind(self) -> NDArray[np.int8]:
        """Kinds of the feeder's nodes, (nodes,).

        Raises
        ------
        UsageError
            No power flow is solved.
        """
        plan, _ = self._planned()
        return plan.wires.layout.kind[plan.nodes]

    def _planned(self) -> tuple[FeederPlan, IntArray]:
        if self.plan is None or self.order is None:
            raise UsageError(f"feeder {self.number}: has no wires; set physics to power_flow")
        return self.plan, self.order

    def by_transformer(self, of_meters: NDArray[Any]) -> NDArray[Any]:
        """Sum (n, S) values of meters over each transformer's; (T, S) of int64 or float64."""
        kind = np.int64 if of_meters.dtype.kind in "iu" else np.float64
        summed = np.zeros((len(self.transformers), of_meters.shape[1]), dtype=kind)
        order = np.argsort(self.home, kind="stable")
        first = np.searchsorted(self.home[order], np.arange(len(summed) + 1))
        for row, (start, stop) in enumerate(pairwise(first.tolist())):
            np.sum(of_meters[order[start:stop]], axis=0, dtype=kind, out=summed[row])
        return summed

    def solve(
        self,
        real: NDArray[Any],
        reactive: NDArray[Any],
        minutes: float,
        *,
        weight: FloatArray | None = None,
        voltages: bool = True,
    ) -> FeederFlows:
        """Solve the power flow, inputs and results in the order of :attr:`meters` and :attr:`transformers`.

        Parameters
        ----------
        real, reactive : (n, S) arrays
            Whole watt-hours and var-hours, or kW and kvar of floats.
        minutes : float
            Length of a step.
        weight : (S,) array, optional
            How many steps each stands for.
        voltages : bool
            Whether the voltages of the meters are wanted in every step.
        """
        plan, order = self._planned()
        rows = np.argsort(plan.transformers, kind="stable")
        solve = plan.solve_wh if real.dtype.kind == "i" else plan.solve
        flows = solve(real[order], reactive[order], minutes=minutes, weight=weight, voltages=voltages)
        if not (np.diff(rows) == 1).all():
            names = ("delivered_wh", "delivered_varh", "low_loss_wh", "own_loss_wh", "iron_loss_kwh")
            flows = replace(flows, **{name: getattr(flows, name)[rows] for name in names})
        if not voltages:
            return flows
        return replace(flows, service_v=flows.service_v[np.argsort(order, kind="stable")])


@dataclass(frozen=True)
class Energies:
    """Energies of a feeder and its T transformers in S steps.

    Attributes
    ----------
    flows : FeederFlows
        The power flow, NaN in steps without a solution.
    true_wh, registered_wh, meter_wh : (T, S) arrays of int
        Of the customers: what they drew, and what their meters registered; what the transformer's meter registers, if
        there is one.
    head_wh : (2, S) array of int
        What the meter at the feeder's head registers, Wh and varh.
    """

    flows: FeederFlows
    true_wh: IntArray
    registered_wh: IntArray
    meter_wh: IntArray
    head_wh: IntArray


@dataclass(frozen=True)
class FeederMonth:
    """One calendar month of a feeder in S steps.

    Attributes
    ----------
    true_wh, registered_wh : (n, S) arrays of int32
    flags : (n, S) array of uint8
    lost_wh : (E,) array of int
        Drawn but not shown in the month because of each event of the feeder.
    voltage_v, true_voltage_v : (n, S) arrays of float32, optional
        As the meters report it, and as it is, in hundredths; None where no power flow is solved.
    flow : Energies, optional
    unsolved : int
        Steps for which the power flow has no solution.
    """

    true_wh: NDArray[np.int32]
    registered_wh: NDArray[np.int32]
    flags: NDArray[np.uint8]
    lost_wh: IntArray
    voltage_v: NDArray[np.float32] | None = None
    true_voltage_v: NDArray[np.float32] | None = None
    flow: Energies | None = None
    unsolved: int = 0

    @property
    def energies(self) -> Energies:
        """Energies of the feeder and its transformers.

        Raises
        ------
        UsageError
            No power flow was solved.
        """
        if self.flow is None:
            raise UsageError("there are no energies without a power flow; set physics to power_flow")
        return self.flow
