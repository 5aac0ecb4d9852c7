"""What the comparison of single solves and handle loops runs: a grid, and the loops of each engine on it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ghostload import PowerGrid  # noqa: E402
from ghostload.grid.data import GridData  # noqa: E402
from ghostload.grid.io.cases import load_case  # noqa: E402
from ghostload.grid.io.files import read_grid  # noqa: E402
from ghostload.grid.io.matpower_case import parse  # noqa: E402
from ghostload.grid.io.matpower_write import to_matpower  # noqa: E402
from ghostload.grid.io.pandapower_zip import to_csv_zip_bytes  # noqa: E402

TOL = 1e-8
GOLDEN = ROOT / "tests" / "golden" / "grid"
FACTORS = (1.02, 0.99, 1.01, 0.98)


@dataclass
class Grid:
    """A case with what the loops touch: a load, a line, and the bus that is read."""

    name: str
    data: GridData = field(init=False)

    def __post_init__(self) -> None:
        folder = GOLDEN / f"powerflow_{self.name}"
        data = read_grid(folder / "input.zip") if folder.is_dir() else load_case(self.name)
        self.data = without_impedances(data)
        grid = PowerGrid.from_data(self.data)
        if not grid.solve():
            raise SystemExit(f"{self.name} does not converge")
        self.v = grid.v[self.data["bus"]["id"]]
        turned = bool((self.data["trafo"]["shift_degree"] != 0).any())
        self.flat = np.exp(1j * np.angle(self.v)) if turned else np.ones_like(self.v)
        load = self.data["load"]
        self.load_row = int(np.flatnonzero(load["in_service"] & (load["p_mw"] > 0))[len(load) // 3])
        self.load_bus = int(load["bus"][self.load_row])
        self.p_mw = float(load["p_mw"][self.load_row])
        self.line_row = self._line()
        self.meshed = self.line_row >= 0
        self.loops = int(np.clip(3000 // len(self.data["bus"]), 2, 60))

    def _line(self) -> int:
        """Return the first line that may go without a bus losing its voltage; -1, the last line, in a radial grid."""
        line = self.data["line"]
        for row in range(len(line)):
            twin = PowerGrid.from_data(self.data.replace("line", in_service=np.arange(len(line)) != row))
            if twin.islands and twin.solve() and np.isfinite(twin.v[self.data["bus"]["id"]]).all():
                return row
        return -1


def without_impedances(data: GridData) -> GridData:
    """Return the grid with lines in place of impedances (branches between unlike rated voltages), for RustPower."""
    t = data["impedance"]
    if not len(t):
        return data
    vn_kv = data["bus"]["vn_kv"][data["bus"].rows_of(t["from_bus"])]
    base_ohm = vn_kv**2 / t["sn_mva"]
    lines = {
        "name": t["name"], "from_bus": t["from_bus"], "to_bus": t["to_bus"], "in_service": t["in_service"],
        "length_km": np.ones(len(t)), "r_ohm_per_km": t["rft_pu"] * base_ohm, "x_ohm_per_km": t["xft_pu"] * base_ohm,
        "c_nf_per_km": (t["bf_pu"] + t["bt_pu"]) / base_ohm / (2e-9 * np.pi * data.f_hz),
    }  # fmt: skip
    return data.append("line", lines).keep("impedance", np.zeros(len(t), bool))


class Ours:
    """ghostload, by its handles."""

    name = "ghostload"

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.zip = PowerGrid.from_data(grid.data).get_parquet_case()
        self.ids = grid.data["bus"]["id"]

    def make(self) -> PowerGrid:
        """Load the grid, as its users do."""
        made = PowerGrid()
        made.load_parquet_case(self.zip)
        return made

    def first(self, made: PowerGrid) -> None:
        """Solve a grid that was just loaded."""
        if not made.solve():
            raise SystemExit(f"ghostload does not converge on {self.grid.name}")

    def take(self, made: PowerGrid) -> None:
        """Get ready for loops."""
        data, grid = self.grid.data, self.grid
        self.made = made
        self.load = made.element("load", int(data["load"]["id"][grid.load_row]))
        self.line = made.element("line", int(data["line"]["id"][grid.line_row]))
        self.bus = made.bus(grid.load_bus)
        self.x = self.line.x_ohm_per_km
        self.flat = np.full(len(made.v), complex(np.nan, np.nan))
        self.flat[self.ids] = grid.flat

    def voltages(self) -> np.ndarray:
        """Return the voltages, in the order of our buses."""
        return np.asarray(self.made.v[self.ids])

    def again(self) -> None:
        """Solve again from the same start."""
        self.made.solve(v_init=self.flat)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, bus, p_mw = self.made, self.load, self.bus, self.grid.p_mw
        for factor in FACTORS:
            load.p_mw = p_mw * factor
            made.solve()
            bus.vm_pu  # noqa: B018

    def branch_loop(self) -> None:
        """Write a reactance, solve, read."""
        for factor in FACTORS:
            self.line.x_ohm_per_km = self.x * factor
            self.made.solve()
            self.bus.vm_pu  # noqa: B018

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        for value in (False, True) * 2:
            self.line.in_service = value
            self.made.solve()
            self.bus.vm_pu  # noqa: B018


class RustPower:
    """RustPower's ``PowerGrid``, by its handles, on pandapower's tables as CSV."""

    name = "RustPower"
    branch_loop = None

    def __init__(self, grid: Grid, folder: Path) -> None:
        self.grid = grid
        self.path = folder / f"{grid.name}.zip"
        self.path.write_bytes(to_csv_zip_bytes(grid.data, for_rustpower=True))
        self.dc = bool((grid.data["trafo"]["shift_degree"] != 0).any())

    def make(self) -> Any:
        """Load the grid, as its users do."""
        from rustpower import PowerGrid as Theirs

        made = Theirs(str(self.path))
        if self.dc:
            made.enable_dcpf_init(True)
        return made

    def first(self, made: Any) -> None:
        """Solve a grid that was just loaded."""
        if not made.solve(tol=TOL):
            raise RuntimeError("does not converge")

    def take(self, made: Any) -> None:
        """Get ready for loops."""
        data, grid = self.grid.data, self.grid
        self.made = made
        buses = [made.bus(number) for number in range(made.n_bus)]
        number = {bus.pp_id: bus.id for bus in buses}
        at = [buses[number[int(bus)]].matrix_index for bus in data["bus"]["id"]]
        self.load = made.load(bus=number[grid.load_bus])
        ends = (int(data["line"][end][grid.line_row]) for end in ("from_bus", "to_bus"))
        self.line = made.line(*(number[bus] for bus in ends))
        self.bus = buses[number[grid.load_bus]]
        self.flat = np.ones_like(np.asarray(made.v))
        self.flat[at] = grid.flat

    def voltages(self) -> np.ndarray:
        """Return the magnitudes, in the order of our buses."""
        frame = self.made.res_bus
        return np.asarray(frame.set_index("pp_bus_id").vm_pu.reindex(self.grid.data["bus"]["id"]))

    def again(self) -> None:
        """Solve again from the same start."""
        self.made.solve(v_init=self.flat, tol=TOL)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, bus, p_mw = self.made, self.load, self.bus, self.grid.p_mw
        for factor in FACTORS:
            load.p_mw = p_mw * factor
            made.solve(tol=TOL)
            bus.vm_pu  # noqa: B018

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        for value in (False, True) * 2:
            self.line.in_service = value
            self.made.solve(tol=TOL)
            self.bus.vm_pu  # noqa: B018


class LightSim:
    """lightsim2grid's grid model, from the grid as a MATPOWER case."""

    name = "lightsim2grid"

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        case = parse(to_matpower(grid.data), grid.name)
        self.case = {
            "version": "2", "baseMVA": case.base_mva, "bus": case.bus, "gen": case.gen, "branch": case.branch,
        }  # fmt: skip
        self.rows = {int(number): row for row, number in enumerate(case.bus[:, 0])}
        self.flat = np.ones(len(case.bus), complex)
        self.flat[[self.rows[self._number(int(bus))] for bus in grid.data["bus"]["id"]]] = grid.flat

    def make(self) -> Any:
        """Load the grid, as its users do."""
        from lightsim2grid.network import init_from_matpower

        made = init_from_matpower(self.case)
        made.deactivate_result_computation()
        return made

    def first(self, made: Any) -> None:
        """Solve a grid that was just loaded."""
        self.v = made.ac_pf(self.flat, 20, TOL)
        if not len(self.v):
            raise RuntimeError("does not converge")

    def take(self, made: Any) -> None:
        """Get ready for loops."""
        self.made = made
        self.at = self.rows[self._number(self.grid.load_bus)]
        loads = [number for number, load in enumerate(made.get_loads()) if load.bus_id == self.at]
        self.load = loads[0]
        self.p_mw = made.get_loads()[self.load].target_p_mw
        self.line = self._line(made)
        lines = made.get_lines()
        self.r = np.array([line.r_pu for line in lines])
        self.x = np.array([line.x_pu for line in lines])
        self.h = [np.array([getattr(line, name) for line in lines]) for name in ("h1_pu", "h2_pu")]

    def _number(self, bus: int) -> int:
        """Return what a bus is called in the MATPOWER case, which numbers from 1 where ours begin at 0."""
        ids = self.grid.data["bus"]["id"]
        return bus + (1 if ids.min() == 0 else 0)

    def _line(self, made: Any) -> int:
        row, line = self.grid.line_row, self.grid.data["line"]
        ends = {self.rows[self._number(int(line[end][row]))] for end in ("from_bus", "to_bus")}
        found = [k for k, line in enumerate(made.get_lines()) if {line.bus1_id, line.bus2_id} == ends]
        return found[0]

    def voltages(self) -> np.ndarray:
        """Return the magnitudes, in the order of our buses."""
        rows = [self.rows[self._number(int(bus))] for bus in self.grid.data["bus"]["id"]]
        return np.asarray(np.abs(self.v[rows]))

    def again(self) -> None:
        """Solve again from the same start."""
        self.v = self.made.ac_pf(self.flat, 20, TOL)

    def load_loop(self) -> None:
        """Write a load, solve, read."""
        made, load, at, p_mw, v = self.made, self.load, self.at, self.p_mw, self.v
        for factor in FACTORS:
            made.change_p_load(load, p_mw * factor)
            v = made.ac_pf(v, 20, TOL)
            abs(v[at])
        self.v = v

    def branch_loop(self) -> None:
        """Write a reactance, solve, read."""
        made, v = self.made, self.v
        x = self.x.copy()
        for factor in FACTORS:
            x[self.line] = self.x[self.line] * factor
            made.update_powerlines_parameters(self.r, x, *self.h)
            v = made.ac_pf(v, 20, TOL)
            abs(v[self.at])
        self.v = v

    def toggle_loop(self) -> None:
        """Take a line out and put it back, solve each time."""
        made, v = self.made, self.v
        for _ in range(2):
            made.deactivate_powerline(self.line)
            v = made.ac_pf(v, 20, TOL)
            made.reactivate_powerline(self.line)
            v = made.ac_pf(v, 20, TOL)
            abs(v[self.at])
        self.v = v
