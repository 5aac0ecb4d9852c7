"""pandapower's JSON files and nets in memory, without pandapower.

A net is ``{"_module": ..., "_class": "pandapowerNet", "_object": {table: ...}}``; a table is a DataFrame in pandas'
orientation "split", as text within the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ghostload.errors import DataError
from ghostload.grid.coerce import DTYPES
from ghostload.grid.data import GridData, Table
from ghostload.grid.io.pandapower_tables import READ, Raw, grid_from_tables
from ghostload.grid.schema import COMPONENTS

FORMAT_VERSION: Final = "3.0.0"
"""Of the tables that are written; later pandapowers convert from it."""


def from_pandapower_json(text: str, source: str = "net.json") -> GridData:
    """Read the text of a file that ``pandapower.to_json`` wrote.

    Raises
    ------
    DataError
        It is not JSON, is cut short, or no net of pandapower 2 or 3.
    """
    try:
        tree = json.loads(text)
    except ValueError as problem:
        at = f"line {problem.lineno}" if isinstance(problem, json.JSONDecodeError) else "too deep"
        raise DataError(
            f"{source}: not JSON ({at}); it may be cut short, or not what pandapower.to_json wrote"
        ) from None
    except RecursionError:
        raise DataError(f"{source}: not a pandapower net, the JSON is nested too deeply") from None
    net = tree.get("_object") if isinstance(tree, dict) and tree.get("_class") == "pandapowerNet" else tree
    if not isinstance(net, dict) or not isinstance(net.get("bus"), dict):
        raise DataError(f"{source}: not a pandapower net; give what pandapower.to_json wrote, version 2 or 3")
    tables = {key: _table(value, f"{source}: {key}") for key, value in net.items() if key in READ and _is_frame(value)}
    return grid_from_tables(
        tables, source=source, sn_mva=net.get("sn_mva", 1.0), f_hz=net.get("f_hz", 50.0), name=net.get("name", "")
    )


def _is_frame(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_class") == "DataFrame"


def _table(value: Mapping[str, Any], place: str) -> Raw:
    try:
        frame = value["_object"]
        frame = json.loads(frame) if isinstance(frame, str) else frame
        columns, index, rows = frame["columns"], frame["index"], frame["data"]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{place}: not a table in orientation 'split'; write it with pandapower.to_json") from None
    if len(index) != len(rows) or any(len(row) != len(columns) for row in rows):
        raise DataError(f"{place}: rows, index and columns do not fit together; the file is damaged")
    out: Raw = {str(name): [row[k] for row in rows] for k, name in enumerate(columns)}
    out["id"] = index
    return out


def from_pandapower_net(net: Any) -> GridData:
    """Read a pandapower net, or anything with its tables as DataFrames: ``net.bus``, ``net.line`` and so on.

    Raises
    ------
    DataError
        It has no table of buses, or as :func:`from_pandapower_json`.
    """
    tables = {key: _from_frame(frame) for key in sorted(READ) if _has_rows(frame := _get(net, key))}
    if "bus" not in tables:
        raise DataError(f"{type(net).__name__}: not a pandapower net with buses; give what pandapower made")
    given = {key: _get(net, key) for key in ("sn_mva", "f_hz", "name")}
    known = {key: value for key, value in given.items() if value is not None}
    return grid_from_tables(tables, source="net", **known)


def _get(net: Any, key: str) -> Any:
    if isinstance(net, Mapping):
        return net.get(key)
    return getattr(net, key, None)


def _has_rows(frame: Any) -> bool:
    return hasattr(frame, "columns") and hasattr(frame, "index") and len(frame) > 0


def _from_frame(frame: Any) -> Raw:
    out: Raw = {str(name): frame[name].to_numpy() for name in frame.columns}
    out["id"] = frame.index.to_numpy()
    return out


def to_pandapower_json(data: GridData) -> str:
    """Return a grid as the text of a file that ``pandapower.from_json`` reads.

    Every component, column and id is kept, and ``from_pandapower_json`` gives an equal grid; but JSON has no infinity,
    so a limit at infinity becomes none.
    """
    tables: dict[str, Any] = {key: _encode(key, table) for key, table in data.tables.items()}
    net = {
        **tables,
        "version": FORMAT_VERSION,
        "format_version": FORMAT_VERSION,
        "converged": False,
        "OPF_converged": False,
        "name": data.name,
        "f_hz": data.f_hz,
        "sn_mva": data.sn_mva,
        "std_types": {"line": {}, "trafo": {}, "trafo3w": {}, "fuse": {}},
        "user_pf_options": {},
    }
    tree = {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": net}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _encode(component: str, table: Table) -> dict[str, Any]:
    columns = _columns(component, table)
    cells = [_cells(values) for values in columns.values()]
    frame = {
        "columns": list(columns),
        "index": table["id"].tolist(),
        "data": [list(row) for row in zip(*cells, strict=True)] if len(table) else [],
    }
    return {
        "_module": "pandas.core.frame",
        "_class": "DataFrame",
        "_object": json.dumps(frame, ensure_ascii=False),
        "orient": "split",
        "dtype": {name: str(values.dtype) for name, values in columns.items()},
        "is_multiindex": False,
        "is_multicolumn": False,
    }


def _columns(component: str, table: Table) -> dict[str, Any]:
    kinds = COMPONENTS[component].by_name
    columns = {name: table[name].astype(DTYPES[kinds[name].kind]) for name in table if name not in ("id", "x", "y")}
    extra = _EXTRA.get(component)
    return {**columns, **extra(table)} if extra else columns


def _cells(values: Any) -> list[Any]:
    """Return JSON types; NaN and infinity become null, as pandas writes them."""
    if values.dtype.kind == "f":
        return [v if np.isfinite(v) else None for v in values.tolist()]
    if values.dtype.kind == "O":
        return [v if v != "" else None for v in values.tolist()]
    return list(values.tolist())


def _objects(cells: list[Any]) -> Any:
    out = np.empty(len(cells), object)
    out[:] = cells
    return out


def _of_bus(table: Table) -> dict[str, Any]:
    places = zip(table["x"].tolist(), table["y"].tolist(), strict=True)
    points = [
        "" if np.isnan(x) or np.isnan(y) else json.dumps({"coordinates": [x, y], "type": "Point"}) for x, y in places
    ]
    return {"type": _objects(["b"] * len(table)), "zone": _objects([""] * len(table)), "geo": _objects(points)}


def _of_switch(table: Table) -> dict[str, Any]:
    return {"type": _objects([""] * len(table)), "z_ohm": np.zeros(len(table)), "in_ka": np.full(len(table), np.nan)}


def _of_line(table: Table) -> dict[str, Any]:
    empty = _objects([""] * len(table))
    return {"std_type": empty, "type": empty, "geo": empty}


def _of_trafo(table: Table) -> dict[str, Any]:
    return {
        "std_type": _objects([""] * len(table)),
        "tap_dependency_table": np.zeros(len(table), np.bool_),
        "id_characteristic_table": np.full(len(table), np.nan),
    }


def _of_load(table: Table) -> dict[str, Any]:
    return {"sn_mva": np.full(len(table), np.nan), "type": _objects(["wye"] * len(table))}


def _of_sgen(table: Table) -> dict[str, Any]:
    unknown = np.full(len(table), np.nan)
    return {"sn_mva": unknown, "type": _objects([""] * len(table)), "current_source": np.ones(len(table), np.bool_)}


def _of_gen(table: Table) -> dict[str, Any]:
    return {"sn_mva": np.full(len(table), np.nan), "type": _objects([""] * len(table))}


def _of_shunt(table: Table) -> dict[str, Any]:
    return {
        "max_step": np.maximum(table["step"], 1),
        "step_dependency_table": np.zeros(len(table), np.bool_),
        "id_characteristic_table": np.full(len(table), np.nan),
    }


_EXTRA: Final[Mapping[str, Callable[[Table], dict[str, Any]]]] = {
    "bus": _of_bus,
    "line": _of_line,
    "trafo": _of_trafo,
    "trafo3w": _of_trafo,
    "load": _of_load,
    "sgen": _of_sgen,
    "gen": _of_gen,
    "shunt": _of_shunt,
    "switch": _of_switch,
}
