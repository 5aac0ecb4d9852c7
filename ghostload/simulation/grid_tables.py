"""What is said of transformers, feeders and lines, taken in feeder by feeder as they are solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.export.network import MOST_LINES
from ghostload.simulation.balance import Balances
from ghostload.simulation.elements import Elements, elements_of
from ghostload.simulation.energy_tables import energy_tables
from ghostload.simulation.network import element_ids, network_table
from ghostload.simulation.world import World
from ghostload.wires.parts import WiresPart


class GridTables:
    """Tables of energies, of what is lost in each element, and of lines.

    Parameters
    ----------
    world : World
        Prepared. When its service drops alone are more than are written as lines, the drops are left out there.

    Attributes
    ----------
    balances : Balances
        Of the feeders that were taken in.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.balances = Balances(world.busy_feeders, len(world.capacity_kva), len(world.numbers), world.scratch)
        self._lines, self._losses = world.scratch.table(), world.scratch.table()
        self._seen: dict[int, tuple[pa.Table, Elements]] = {}
        self._begun = 0

    def see(self, feeder: int) -> None:
        """Make ready what is said of a feeder's part; threads may do so at once, before the feeder is taken in."""
        part, _ = self._world.wiring.of(feeder)
        if part.number not in self._seen:
            self._seen[part.number] = self._made(part)

    def add(self, feeder: int, balance: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take in a feeder; they come in ascending order.

        Parameters
        ----------
        feeder : int
        balance : mapping
            As :func:`~ghostload.simulation.balance.stacked` gives it.
        """
        world = self._world
        number, local = world.wiring.place_of(feeder)
        self._begin(number)
        transformers = world.transformers_of(feeder)
        self.balances.add(feeder, transformers, balance)
        loading = (balance["peak_kva"] / world.capacity_kva[transformers, None]).max(axis=1)
        self._losses.add(self._seen[number][1].losses(local, transformers, balance, loading))

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables of energies and of what is lost, when all feeders are taken in."""
        world = self._world
        energies = energy_tables(
            self.balances, world.busy_feeders, world.capacity_kva, world.has_meter, world.numbers, world.scratch
        )
        return {**energies, "network_losses": self._losses.whole()}

    def lines(self) -> pa.Table:
        """Return all lines, as :func:`~ghostload.simulation.network.network_table` does."""
        self._begin(len(self._world.wiring) - 1)
        return self._lines.whole()

    def _begin(self, number: int) -> None:
        """Take in the lines of all parts up to one; of those before it nothing is needed any more."""
        for at in range(self._begun, number + 1):
            if at not in self._seen:
                self._seen[at] = self._made(self._world.wiring.part(at))
            self._lines.add(self._seen[at][0])
            self._seen.pop(at - 1, None)
        self._begun = max(self._begun, number + 1)

    def _made(self, part: WiresPart) -> tuple[pa.Table, Elements]:
        named = element_ids(part)
        lines = network_table(part, named)
        if len(self._world.known) > MOST_LINES:
            lines = lines.filter(pc.not_equal(lines["kind"], "drop"))
        return lines, elements_of(part, named)
