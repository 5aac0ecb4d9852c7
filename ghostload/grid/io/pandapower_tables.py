"""pandapower's element tables as a grid, whether they come from JSON, CSV or a net in memory; versions 2 and 3."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ghostload.errors import DataError
from ghostload.grid.data import GridData, Table, make_table
from ghostload.grid.io.pandapower_extra import UNSUPPORTED, as_own_components
from ghostload.grid.schema import COMPONENTS

Raw = dict[str, Any]
"""Columns of one table by name, with ``id``; numbers, text, None or NaN."""

READ: Final = frozenset(
    {*COMPONENTS, *UNSUPPORTED, "bus_geodata", "storage", "motor", "ward", "xward"}
    | {"asymmetric_load", "asymmetric_sgen", "dcline"}
)
"""Tables that are looked at; all others are results, types and costs."""


def grid_from_tables(
    tables: Mapping[str, Raw], *, source: str, sn_mva: Any = 1.0, f_hz: Any = 50.0, name: Any = ""
) -> GridData:
    """Convert tables of pandapower.

    Parameters
    ----------
    tables : mapping of table to columns
        Version 2's ``const_z_percent``, ``tap_phase_shifter`` and ``bus_geodata`` are understood. Storages, motors,
        asymmetric loads, wards, extended wards and DC lines become loads, shunts, generators and impedances of the same
        effect; closed switches with an impedance become impedances.
    source : str
        File, for messages.
    sn_mva, f_hz, name
        Of the net.

    Raises
    ------
    DataError
        A table or column is missing, a cell is of the wrong kind, or an element has no counterpart here.
    """
    if "bus" not in tables:
        raise DataError(f"{source}: has no table 'bus'; give a pandapower net with buses")
    given = {key: dict(columns) for key, columns in tables.items() if key in READ}
    _place_buses(given)
    _loads_of_version_2(given)
    for key in ("trafo", "trafo3w"):
        _taps(given, key, source)
    _no_characteristics(given, source)
    own: dict[str, Table] = {}
    for key, kind in COMPONENTS.items():
        if key in given:
            own[key] = make_table(kind.name, given.pop(key), place=f"{source}: {key}")
    data = GridData(own, _positive(sn_mva, "sn_mva", source), _positive(f_hz, "f_hz", source), _text(name))
    return as_own_components(data, given, _switch_ohm(tables), source)


def rows_of(columns: Raw) -> int:
    """Count the rows of a table."""
    return len(columns["id"]) if "id" in columns else max((len(v) for v in columns.values()), default=0)


def _positive(value: Any, what: str, source: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number > 0):
        raise DataError(f"{source}: {what} is {value!r}, must be a positive number")
    return number


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _place_buses(given: dict[str, Raw]) -> None:
    """Take coordinates from version 3's column ``geo`` or version 2's table ``bus_geodata``."""
    bus = given["bus"]
    geo = given.pop("bus_geodata", None)
    if "x" in bus or "y" in bus:
        return
    if "geo" in bus:
        points = [_point(cell) for cell in bus["geo"]]
        bus["x"], bus["y"] = [p[0] for p in points], [p[1] for p in points]
    elif geo and {"x", "y", "id"} <= geo.keys():
        at = {str(i): (x, y) for i, x, y in zip(geo["id"], geo["x"], geo["y"], strict=True)}
        ids = bus.get("id", range(rows_of(bus)))
        points = [at.get(str(i), (np.nan, np.nan)) for i in ids]
        bus["x"], bus["y"] = [p[0] for p in points], [p[1] for p in points]


def _point(cell: Any) -> tuple[float, float]:
    try:
        geometry = json.loads(cell) if isinstance(cell, str) else cell
        x, y = geometry["coordinates"][:2] if geometry["type"] == "Point" else (np.nan, np.nan)
        return float(x), float(y)
    except (ValueError, TypeError, KeyError, IndexError):
        return np.nan, np.nan


def _loads_of_version_2(given: dict[str, Raw]) -> None:
    load = given.get("load", {})
    for share in ("z", "i"):
        both = load.get(f"const_{share}_percent")
        if both is not None:
            load.setdefault(f"const_{share}_p_percent", both)
            load.setdefault(f"const_{share}_q_percent", both)


def _taps(given: dict[str, Raw], key: str, source: str) -> None:
    trafo = given.get(key, {})
    if not trafo:
        return
    rows = rows_of(trafo)
    if "tap_changer_type" not in trafo:
        shifter = trafo.get("tap_phase_shifter", [False] * rows)
        sides = trafo.get("tap_side", [""] * rows)
        trafo["tap_changer_type"] = [
            "" if not _is_side(side) else "Ideal" if _is_true(ideal) else "Ratio"
            for side, ideal in zip(sides, shifter, strict=True)
        ]
    for row, cell in enumerate(trafo.get("tap_dependency_table", [])):
        if _is_true(cell):
            raise _refused(
                source, key, trafo, row, "tap_dependency_table", "write its values into the table, set it False"
            )
    if "tap2_pos" in trafo:
        for row, (pos, neutral) in enumerate(
            zip(trafo["tap2_pos"], trafo.get("tap2_neutral", [0] * rows), strict=True)
        ):
            if _number(pos) != _number(neutral) and np.isfinite(_number(pos)):
                raise _refused(
                    source, key, trafo, row, "tap2_pos", "one tap changer is supported; set it to tap2_neutral"
                )


def _no_characteristics(given: dict[str, Raw], source: str) -> None:
    shunt, trafo = given.get("shunt", {}), given.get("trafo", {})
    for row, cell in enumerate(shunt.get("step_dependency_table", [])):
        if _is_true(cell):
            raise _refused(source, "shunt", shunt, row, "step_dependency_table", "write its powers into the table")
    for column in ("leakage_resistance_ratio_hv", "leakage_reactance_ratio_hv"):
        for row, cell in enumerate(trafo.get(column, [])):
            if np.isfinite(_number(cell)) and _number(cell) != 0.5:
                raise _refused(source, "trafo", trafo, row, column, "only 0.5 is supported")


def _refused(source: str, key: str, columns: Raw, row: int, column: str, cure: str) -> DataError:
    number = columns["id"][row] if "id" in columns else row
    return DataError(f"{source}: {key} {number}: {column} is {columns[column][row]}, which is not supported; {cure}")


def _switch_ohm(tables: Mapping[str, Raw]) -> Sequence[float]:
    switch = tables.get("switch", {})
    return [_number(cell) for cell in switch.get("z_ohm", [])]


def _is_true(cell: Any) -> bool:
    return str(cell).strip().lower() in {"true", "1", "1.0"}


def _is_side(cell: Any) -> bool:
    return isinstance(cell, str) and re.fullmatch(r"\s*(hv|mv|lv)\s*", cell) is not None


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")
