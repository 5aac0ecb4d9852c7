"""A zip of CSV files, one a table of pandapower: ``bus.csv``, ``line.csv``, ``load.csv`` and so on.

The first column is the index: named ``index``, ``id``, or not at all. ``parameters.csv`` with the columns ``index`` and
``parameter`` may say ``sn_mva``, ``f_hz`` and ``name``; without it they are 1 MVA and 60 Hz, for RustPower 0.5.4, from
which the format is, takes the capacitance of lines at 60 Hz.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from io import BytesIO, StringIO
from typing import Any, Final

import numpy as np

from ghostload.errors import DataError, UsageError
from ghostload.grid.data import GridData, Table
from ghostload.grid.io.files import decode, zip_members
from ghostload.grid.io.pandapower_tables import READ, Raw, grid_from_tables

_INDEX: Final = ("index", "id", "", "Unnamed: 0")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PARAMETERS: Final = "parameters.csv"
_F_HZ: Final = 60.0
_NEUTRAL: Final = {
    "max_i_ka": 99999.0,
    "min_vm_pu": 0.0,
    "max_vm_pu": 2.0,
    "min_q_mvar": -99999.0,
    "max_q_mvar": 99999.0,
}
"""What stands for "no limit" where every number has to be given."""


def from_csv_zip(data: bytes, source: str = "data.zip") -> GridData:
    """Read the bytes of a zip of CSV tables.

    Raises
    ------
    DataError
        It is no zip, has no ``bus.csv``, or a table is damaged; names the table, the column and the row.
    """
    return from_csv_members(zip_members(data, source), source)


def from_csv_members(members: Mapping[str, bytes], source: str) -> GridData:
    """Read the files of a zip, by name."""
    tables: dict[str, Raw] = {}
    for name, content in members.items():
        key, _, suffix = name.rpartition(".")
        if suffix.lower() == "csv" and key in READ:
            tables[key] = _read(decode(content, f"{source}: {name}"), f"{source}: {name}")
    if "bus" not in tables:
        held = ", ".join(sorted(members)[:5])
        raise DataError(f"{source}: has no bus.csv; it holds {held}; give a zip of pandapower's tables as CSV")
    return grid_from_tables(tables, source=source, **_parameters(members, source))


def _parameters(members: Mapping[str, bytes], source: str) -> dict[str, Any]:
    if _PARAMETERS not in members:
        return {"f_hz": _F_HZ}
    table = _read(decode(members[_PARAMETERS], source), f"{source}: {_PARAMETERS}")
    values = table.get("parameter", [])
    given = {k: v for k, v in zip(table["id"], values, strict=False) if k in ("sn_mva", "f_hz", "name")}
    return {"f_hz": _F_HZ, **given}


def _read(text: str, place: str) -> Raw:
    first = text.partition("\n")[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ",")
    try:
        rows = [row for row in reader if row]
    except csv.Error as problem:
        raise DataError(f"{place}: not CSV ({problem})") from None
    if not rows:
        raise DataError(f"{place}: is empty; a table has a header")
    header = [name.strip() for name in rows.pop(0)]
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise DataError(
                f"{place}: row {number} has {len(row)} cells, the header {len(header)}; the file is damaged"
            )
    columns: Raw = {name: [row[k] for row in rows] for k, name in enumerate(header)}
    if len(columns) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(f"{place}: column {twice!r} is given twice")
    index = next((name for name in _INDEX if name in columns), None)
    columns["id"] = columns.pop(index) if index is not None else list(range(len(rows)))
    return columns


def to_csv_zip_bytes(data: GridData, *, for_rustpower: bool = False) -> bytes:
    """Return a grid as a zip of CSV tables; the inverse is :func:`from_csv_zip`.

    Components without rows have no file. The columns are those of pandapower 3, and those of pandapower 2 where that
    had others, so that older readers find what they know.

    Parameters
    ----------
    data : GridData
    for_rustpower : bool
        Write an equivalent grid that RustPower 0.5.4 solves alike: capacitances restated at 60 Hz, and wide limits and
        neutral taps in place of empty cells. It has no impedances and no three-winding transformers.
    """
    if for_rustpower:
        data = _without_gaps(data)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, table in data.tables.items():
            if len(table):
                _add(archive, f"{key}.csv", _rows(key, table))
        given = {"sn_mva": repr(data.sn_mva), "f_hz": repr(data.f_hz), "name": data.name}
        _add(archive, _PARAMETERS, [["index", "parameter"], *([k, v] for k, v in given.items())])
    return out.getvalue()


def _without_gaps(data: GridData) -> GridData:
    for name in ("impedance", "trafo3w"):
        if len(data[name]):
            raise UsageError(f"{name}: {len(data[name])} elements that RustPower does not read; take them out first")
    data = data.replace("line", c_nf_per_km=data["line"]["c_nf_per_km"] * (data.f_hz / _F_HZ))
    for component in ("bus", "line", "trafo", "gen"):
        table = data[component]
        gaps = {
            c: np.isnan(v) for c, v in table.items() if v.dtype.kind == "f" and (c in _NEUTRAL or c.startswith("tap_"))
        }
        whole = {c: np.where(gap, _NEUTRAL.get(c, 0.0), table[c]) for c, gap in gaps.items() if gap.any()}
        data = data.replace(component, **whole)
    side = data["trafo"]["tap_side"]
    data = data.replace("trafo", tap_side=np.where(side == "", "hv", side))
    return GridData(data.tables, data.sn_mva, _F_HZ, data.name)


def _rows(component: str, table: Table) -> list[list[str]]:
    columns = {"index": table["id"], **{name: values for name, values in table.items() if name != "id"}}
    columns.update(_for_version_2(component, table))
    cells = [[_cell(value) for value in values.tolist()] for values in columns.values()]
    return [list(columns), *map(list, zip(*cells, strict=True))]


def _for_version_2(component: str, table: Table) -> dict[str, Any]:
    nothing = np.full(len(table), "", object)
    match component:
        case "bus":
            return {"type": np.full(len(table), "b", object), "zone": nothing}
        case "line":
            return {"std_type": nothing, "type": nothing, "max_loading_percent": np.full(len(table), 100.0)}
        case "load":
            shares = {f"const_{s}_percent": table[f"const_{s}_p_percent"] for s in ("z", "i")}
            return {**shares, "sn_mva": np.full(len(table), np.nan), "type": nothing, "controllable": nothing}
        case "sgen":
            return {"sn_mva": np.full(len(table), np.nan), "type": nothing, "current_source": np.ones(len(table), bool)}
        case "gen":
            unknown = np.full(len(table), np.nan)
            limits = {"min_p_mw": unknown, "max_p_mw": unknown}
            return {**limits, "sn_mva": unknown, "type": nothing, "controllable": nothing}
        case "trafo":
            return {"std_type": nothing, "tap_phase_shifter": table["tap_changer_type"] == "Ideal"}
        case "shunt":
            return {"max_step": np.maximum(table["step"], 1)}
        case "switch":
            return {"type": nothing, "z_ohm": np.zeros(len(table))}
    return {}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "NaN" if np.isnan(value) else repr(value)
    return str(value)


def _add(archive: zipfile.ZipFile, name: str, rows: list[list[str]]) -> None:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    archive.writestr(zipfile.ZipInfo(name, date_time=_EPOCH), text.getvalue().encode(), zipfile.ZIP_DEFLATED)
