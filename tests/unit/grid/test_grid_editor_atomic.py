"""Whatever is done in a transaction that is aborted was never done, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from power_grid_support import small_grid

from ghostload.errors import DataError, UsageError
from ghostload.grid.editor import GridEditor
from ghostload.grid.power_grid import PowerGrid

POWER = st.floats(-3.0, 3.0).map(lambda p: round(p, 3))
PICK = st.integers(0, 10_000)
PARAMETERS = {"load": "p_mw", "line": "length_km", "bus": "in_service", "switch": "closed", "sgen": "q_mvar"}


class BoomError(Exception):
    """What the user's own code may throw."""


def _outcome(grid: PowerGrid) -> object:
    """Solve, and return what is said of it."""
    try:
        return grid.solve()._replace(runtime_ms=0.0)
    except DataError as error:
        return str(error)


class Transactions(RuleBasedStateMachine):
    """A grid with transactions that are aborted, beside a twin that only sees those that were committed."""

    def __init__(self) -> None:
        super().__init__()
        self.grid: PowerGrid = small_grid()
        self.twin: PowerGrid = small_grid()
        self.editor: GridEditor | None = None
        self.log: list[Any] = []

    @initialize(solved=st.booleans())
    def begin(self, solved: bool) -> None:
        if solved:
            self.grid.solve()
            self.twin.solve()

    def _do(self, command: Any) -> None:
        """Do something now, and remember it for the twin."""
        assert self.editor is not None
        try:
            command(self.grid, self.editor)
        except UsageError:
            return
        self.log.append(command)

    @precondition(lambda self: self.editor is None)
    @rule()
    def open(self) -> None:
        self.editor, self.log = self.grid.edit(), []

    @precondition(lambda self: self.editor is not None)
    @rule(pick=PICK, p=POWER)
    def add_bus_line_and_load(self, pick: int, p: float) -> None:
        def command(grid: PowerGrid, e: GridEditor) -> None:
            ids = grid.data["bus"]["id"]
            number, bus = e.add_bus(20.0)
            e.add_line(int(ids[pick % len(ids)]), bus, 0.5, c_nf_per_km=10.0)
            e.add_load(number, p, 0.1)

        self._do(command)

    @precondition(lambda self: self.editor is not None)
    @rule(pick=PICK, p=POWER, what=st.sampled_from(["load", "sgen", "shunt"]))
    def add_to_a_bus(self, pick: int, p: float, what: str) -> None:
        def command(grid: PowerGrid, e: GridEditor) -> None:
            ids = grid.data["bus"]["id"]
            e.add(what, bus=int(ids[pick % len(ids)]), p_mw=p, q_mvar=0.0)

        self._do(command)

    @precondition(lambda self: self.editor is not None)
    @rule(pick=PICK, what=st.sampled_from(["load", "line", "bus", "switch", "sgen"]), cascade=st.booleans())
    def remove(self, pick: int, what: str, cascade: bool) -> None:
        def command(grid: PowerGrid, e: GridEditor) -> None:
            ids = grid.data[what]["id"]
            if len(ids) and not (what == "bus" and ids[pick % len(ids)] < 3):
                e.remove(grid.element(what, int(ids[pick % len(ids)])), cascade=cascade)  # type: ignore[arg-type]

        self._do(command)

    @precondition(lambda self: self.editor is not None)
    @rule(pick=PICK, p=POWER, what=st.sampled_from(sorted(PARAMETERS)))
    def write(self, pick: int, p: float, what: str) -> None:
        def command(grid: PowerGrid, e: GridEditor) -> None:
            ids, field = grid.data[what]["id"], PARAMETERS[what]
            if len(ids):
                handle = grid.element(what, int(ids[pick % len(ids)]))
                setattr(handle, field, p > 0 if what in ("bus", "switch") else abs(p) + 0.1)

        self._do(command)

    @precondition(lambda self: self.editor is not None)
    @rule(how=st.sampled_from(["abort", "throw"]))
    def give_up(self, how: str) -> None:
        assert self.editor is not None
        if how == "abort":
            self.editor.abort()
        else:
            try:
                with self.editor:
                    raise BoomError
            except BoomError:
                pass
        self.editor = None

    @precondition(lambda self: self.editor is not None)
    @rule()
    def commit(self) -> None:
        assert self.editor is not None
        try:
            self.editor.commit()
        except UsageError:
            self.log = []
        else:
            with self.twin.edit() as e:
                for command in self.log:
                    command(self.twin, e)
        self.editor = None

    @precondition(lambda self: self.editor is None)
    @rule()
    def solve(self) -> None:
        assert _outcome(self.grid) == _outcome(self.twin)
        if self.grid.report is not None:
            np.testing.assert_array_equal(self.grid.v, self.twin.v)

    @precondition(lambda self: self.editor is None)
    @invariant()
    def both_are_the_same_bytes(self) -> None:
        assert self.grid.get_parquet_case() == self.twin.get_parquet_case()
        assert self.grid._next_id == self.twin._next_id


Transactions.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTransactions = Transactions.TestCase
