"""``PowerGrid``: the object that people hold in their hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.batches import Batches
from ghostload.grid.data import GridData
from ghostload.grid.elements import Elements
from ghostload.grid.grid_files import GridFiles
from ghostload.grid.kernels.solution import ComplexArray
from ghostload.grid.lookup import Epoch
from ghostload.grid.options import SolveOptions
from ghostload.grid.res_tables import ResultTables
from ghostload.grid.schema import COMPONENTS
from ghostload.grid.solves import Solves
from ghostload.grid.working import Cell, WorkingCopy

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

    from ghostload.grid.editor import GridEditor
    from ghostload.grid.findings import Finding


class PowerGrid(Elements, Solves, ResultTables, GridFiles, Batches):
    """A power grid that is solved, changed and solved again.

    Three ways of working::

        PowerGrid("case.zip").solve()                    # A: load a case and solve it
        grid.load(bus=5).p_mw = 50.0; grid.solve()       # B: change parameters; incremental, warm start
        with grid.edit() as e: e.add_bus(110.0)          # C: change the topology, all or nothing

    Parameters
    ----------
    case_path : path, optional
        File to read: zip of pandapower's CSV tables or of Parquet tables, pandapower JSON, MATPOWER ``.m``. Without,
        the grid is empty.
    qlim : bool
        Whether generators keep to their reactive limits.
    **kwargs
        Further options: see :class:`ghostload.grid.options.SolveOptions`.

    Notes
    -----
    Grids are independent: threads may work on one each. One grid solves for one thread at a time; a write of another
    thread during a solve takes effect at the next.
    """

    def __init__(self, case_path: str | Path | None = None, qlim: bool = False, **kwargs: Any) -> None:
        options = SolveOptions.of({"qlim": qlim, **kwargs})
        if case_path is None:
            self._begin(GridData({}), options)
        else:
            from ghostload.grid.io.files import read_grid_and_start

            data, start = read_grid_and_start(case_path)
            self._begin(data, options)
            self._start_at(start)

    @classmethod
    def from_data(cls, data: GridData, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return a grid on given tables."""
        grid = cls.__new__(cls)
        grid._begin(data, SolveOptions.of({"qlim": qlim, **kwargs}))
        return grid

    @classmethod
    def from_case(cls, name: str, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return a case by name: ``"case118"``, ``"pglib:case118_ieee"``; ``ghostload cases`` lists them."""
        from ghostload.grid.io.cases import load_case_and_start

        data, start = load_case_and_start(name)
        grid = cls.from_data(data, qlim, **kwargs)
        grid._start_at(start)
        return grid

    @classmethod
    def from_pandapower(cls, net: Any, qlim: bool = False, **kwargs: Any) -> PowerGrid:
        """Return the grid of a pandapower net; the net is only read."""
        from ghostload.grid.io import from_pandapower

        return cls.from_data(from_pandapower(net), qlim, **kwargs)

    def _begin(self, data: GridData, options: SolveOptions) -> None:
        self._options = options
        self._lock = threading.RLock()
        self._serial = 0
        self._loaded = 0
        self._births: dict[tuple[str, int], int] = {}
        self._next_id: dict[str, int] = {}
        self._editor: ReferenceType[GridEditor] | None = None
        self._take_over(data)
        self._make_ready()

    def _take_over(self, data: GridData) -> None:
        """Stand on new tables; what was solved is gone."""
        self._epoch = Epoch(WorkingCopy(data))
        self._circuit = self._v = self._v_next = self._report = self._results = None
        self._checked = False

    # -- the grid as data --------------------------------------------------------------------------------------------

    @property
    def data(self) -> GridData:
        """The grid as it is now, as immutable tables."""
        return self._epoch.copy.data()

    @property
    def options(self) -> SolveOptions:
        """How the grid is solved."""
        return self._options

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return len(self.data["bus"])

    @property
    def n_line(self) -> int:
        """Number of lines."""
        return len(self.data["line"])

    @property
    def islands(self) -> int:
        """Number of islands under voltage, as solved last, or as it is now when nothing was solved."""
        island = self._circuit_seen().network.island
        return int(island.max(initial=-1)) + 1

    @property
    def y_bus(self) -> csr_matrix:
        """Nodal admittance matrix as solved last, or as it is now when nothing was solved."""
        circuit = self._circuit_seen()
        return circuit.pattern.matrix(circuit.y.copy())

    def describe(self) -> pd.DataFrame:
        """Count the elements: columns element and count."""
        import pandas as pd

        counts = [(name, len(table)) for name, table in self.data.tables.items()]
        return pd.DataFrame(counts, columns=["element", "count"])

    def validate(self) -> list[Finding]:
        """Return what is wrong with the grid; empty when nothing is."""
        from ghostload.grid.findings import validate_grid

        return validate_grid(self.data)

    # -- births and rows ---------------------------------------------------------------------------------------------

    def _birth_of(self, component: str, number: int) -> int:
        """Return when an element came into the grid: the serial of the edit or of the loading."""
        return self._births.get((component, number), self._loaded)

    def _row_of(self, component: str, number: int, birth: int) -> int | None:
        if self._birth_of(component, number) != birth:
            return None
        return self._epoch.rows(component).get(number)

    def _why_missing(self, component: str, number: int, birth: int) -> str:
        editor = self._open_editor()
        if editor is not None and editor._knows(component, number, birth):
            return f"{component} {number} is in an edit that is not committed yet; use its handle after the with block"
        return (
            f"{component} {number} is not in the grid any more (removed, or its edit was aborted, or another case was "
            f"loaded); get a new handle"
        )

    def _replace_by(self, data: GridData) -> None:
        """Put another case in place of this one; all handles become invalid."""
        self._serial += 1
        self._loaded = self._serial
        self._births, self._next_id = {}, {}
        self._take_over(data)
        self._make_ready()

    # -- transactions ------------------------------------------------------------------------------------------------

    def edit(self) -> GridEditor:
        """Open a transaction in which elements are added and removed; use it in a ``with`` block."""
        from ghostload.grid.editor import GridEditor

        self._refuse_open_edit("edit()")
        self._serial += 1
        editor = GridEditor(self, self._serial)
        self._editor = ref(editor)
        return editor

    def __getattr__(self, name: str) -> Any:
        """Say how elements are added and removed, and name the nearest attribute."""
        if name == "remove" or (name.startswith("add_") and name[4:] in COMPONENTS):
            return _outside(name)
        known = [known for known in dir(type(self)) if not known.startswith("_")]
        raise AttributeError(f"PowerGrid has no attribute {name!r}{did_you_mean(name, known)}", name=name, obj=self)

    def _open_editor(self) -> GridEditor | None:
        editor = self._editor() if self._editor is not None else None
        return editor if editor is not None and editor.is_open else None

    def _refuse_open_edit(self, what: str) -> None:
        if self._editor is not None:
            if self._open_editor() is not None:
                raise UsageError(f"{what} while an edit is open: end its with block first, or call commit() or abort()")
            self._editor = None

    def _install(
        self, data: GridData, births: Mapping[tuple[str, int], int], next_id: Mapping[str, int], *, checked: bool
    ) -> None:
        """Put the grid of a transaction in force."""
        self._births.update(births)
        self._next_id = dict(next_id)
        self._take_over(data)
        self._checked = checked

    def _restore(self, data: GridData, pending: Mapping[Cell, Any], start: ComplexArray | None) -> None:
        """Go back to how the grid was when a transaction began; what was solved then still holds."""
        epoch = Epoch(WorkingCopy(data))
        epoch.copy.pending.update(pending)
        self._epoch, self._v_next = epoch, start

    # -- copies ------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        self._refuse_open_edit("a copy of the grid was asked for")
        kept = ("_options", "_serial", "_loaded", "_births", "_next_id", "_circuit", "_v", "_v_next", "_report")
        state = {name: getattr(self, name) for name in kept}
        copied = {name: dict(state[name]) for name in ("_births", "_next_id")}
        state |= {"_checked": self._checked, "_results": self._results}
        state["_circuit"] = None if self._circuit is None else self._circuit.copy()
        return {**state, **copied, "data": self.data, "pending": dict(self._epoch.copy.pending)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        data, pending = state["data"], state["pending"]
        self.__dict__.update({name: value for name, value in state.items() if name.startswith("_")})
        self._lock = threading.RLock()
        self._editor = None
        self._restore(data, pending, self._v_next)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(table)} {name}" for name, table in self.data.tables.items() if len(table))
        state = "not solved" if self._report is None else "solved" if self._report.converged else "not converged"
        return f"PowerGrid({self.data.name!r}: {counts or 'empty'}; {state})"


def _outside(name: str) -> Callable[..., Any]:
    """Return what refuses to add or remove outside a transaction."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UsageError(f"grid.{name}() is part of a transaction: with grid.edit() as e: e.{name}(...)")

    return refuse
