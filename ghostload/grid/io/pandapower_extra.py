"""pandapower's further components as the grid's own, with the same effect on the power flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.coerce import convert
from ghostload.grid.data import GridData
from ghostload.grid.schema import REQUIRED, Field

FloatArray = NDArray[np.float64]

UNSUPPORTED: Final = (
    *("svc", "ssc", "tcsc", "vsc", "vsc_stacked", "vsc_bipolar"),
    *("bus_dc", "line_dc", "load_dc", "source_dc", "b2b_vsc"),
)
"""Tables that must not hold elements in service."""

_SWITCH_R_OVER_X: Final = 2.0
"""pandapower's default ``switch_rx_ratio``."""


class _Columns:
    """Columns of one table, converted when they are asked for."""

    def __init__(self, name: str, columns: Mapping[str, Any], source: str) -> None:
        self.name, self._columns, self._place = name, columns, f"{source}: {name}"
        self.rows = max((np.size(values) for values in columns.values()), default=0)

    def real(self, name: str, default: float | None = None) -> FloatArray:
        values: FloatArray = self._get(Field(name, "float", "", REQUIRED if default is None else default))
        return values

    def whole(self, name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self._get(Field(name, "int", ""))
        return values

    @property
    def in_service(self) -> NDArray[np.bool_]:
        values: NDArray[np.bool_] = self._get(Field("in_service", "bool", "", True))
        return values

    @property
    def labels(self) -> list[str]:
        """Names, or the component and the id where there is no name."""
        names = self._get(Field("name", "text", "", ""))
        ids = self._columns.get("id", range(self.rows))
        return [name or f"{self.name} {number}" for name, number in zip(names, ids, strict=True)]

    def _get(self, field: Field) -> Any:
        if field.name in self._columns:
            return convert(field, self._columns[field.name], place=self._place)
        if field.required:
            raise DataError(f"{self._place}: column {field.name!r} is missing")
        return convert(field, [field.default] * self.rows, place=self._place)


def as_own_components(
    data: GridData, others: Mapping[str, Mapping[str, Any]], switch_ohm: Sequence[float], source: str
) -> GridData:
    """Return the grid with the effect of further tables added.

    Raises
    ------
    DataError
        An element in service has no counterpart.
    """
    for name in UNSUPPORTED:
        table = _Columns(name, others.get(name, {}), source)
        if table.rows and table.in_service.any():
            raise DataError(f"{source}: has {int(table.in_service.sum())} {name} in service, which is not supported")
    for name, add in _ADD.items():
        table = _Columns(name, others.get(name, {}), source)
        if table.rows:
            data = add(data, table)
    return _switches_with_impedance(data, switch_ohm)


def _storage(data: GridData, t: _Columns) -> GridData:
    return _append_load(data, t, t.real("p_mw"), t.real("q_mvar", 0.0), t.real("scaling", 1.0))


def _motor(data: GridData, t: _Columns) -> GridData:
    p_mw = t.real("pn_mech_mw") / t.real("efficiency_percent", 100.0) * t.real("loading_percent", 100.0)
    cos_phi = t.real("cos_phi")
    return _append_load(data, t, p_mw, p_mw * np.sqrt(1.0 - cos_phi**2) / cos_phi, t.real("scaling", 1.0))


def _phases(t: _Columns, quantity: str, unit: str) -> FloatArray:
    return t.real(f"{quantity}_a_{unit}") + t.real(f"{quantity}_b_{unit}") + t.real(f"{quantity}_c_{unit}")


def _asymmetric_load(data: GridData, t: _Columns) -> GridData:
    return _append_load(data, t, _phases(t, "p", "mw"), _phases(t, "q", "mvar"), t.real("scaling", 1.0))


def _asymmetric_sgen(data: GridData, t: _Columns) -> GridData:
    columns = {"p_mw": _phases(t, "p", "mw"), "q_mvar": _phases(t, "q", "mvar"), "scaling": t.real("scaling", 1.0)}
    return data.append("sgen", {**_common(t), **columns})


def _ward(data: GridData, t: _Columns) -> GridData:
    data = _append_load(data, t, t.real("ps_mw"), t.real("qs_mvar"), np.ones(t.rows))
    return data.append("shunt", {**_common(t), "p_mw": t.real("pz_mw"), "q_mvar": t.real("qz_mvar")})


def _xward(data: GridData, t: _Columns) -> GridData:
    """Convert a ward with a voltage source behind an impedance; the source sits at a bus of its own."""
    data = _ward(data, t)
    rows = data["bus"].rows_of(t.whole("bus"))
    if (rows < 0).any():
        raise DataError(f"xward.bus: bus {t.whole('bus')[rows < 0][0]} does not exist; give the id of a bus")
    vn_kv = data["bus"]["vn_kv"][rows]
    inner = np.arange(t.rows) + int(data["bus"]["id"].max()) + 1
    base_ohm = vn_kv**2 / data.sn_mva
    r_pu, x_pu = t.real("r_ohm") / base_ohm, t.real("x_ohm") / base_ohm
    names, on = t.labels, t.in_service
    data = data.append("bus", {"id": inner, "name": names, "vn_kv": vn_kv, "in_service": on})
    branch = {"name": names, "from_bus": t.whole("bus"), "to_bus": inner, "in_service": on, "sn_mva": data.sn_mva}
    both_ways = {"rft_pu": r_pu, "xft_pu": x_pu, "rtf_pu": r_pu, "xtf_pu": x_pu}
    data = data.append("impedance", {**branch, **both_ways})
    return data.append(
        "gen", {"name": names, "bus": inner, "p_mw": np.zeros(t.rows), "vm_pu": t.real("vm_pu"), "in_service": on}
    )


def _dcline(data: GridData, t: _Columns) -> GridData:
    """Convert a DC line to two generators: what one end takes in, less the losses, the other feeds in."""
    p_mw = np.abs(t.real("p_mw"))
    arrives = p_mw * (1.0 - t.real("loss_percent", 0.0) / 100.0) - t.real("loss_mw", 0.0)
    forward = t.real("p_mw") > 0
    ends = {"to": np.where(forward, arrives, -p_mw), "from": np.where(forward, -p_mw, arrives)}
    for end, power in ends.items():
        columns = {
            "name": [f"{label} {end}" for label in t.labels],
            "bus": t.whole(f"{end}_bus"),
            "p_mw": power,
            "vm_pu": t.real(f"vm_{end}_pu"),
            "min_q_mvar": t.real(f"min_q_{end}_mvar", np.nan),
            "max_q_mvar": t.real(f"max_q_{end}_mvar", np.nan),
            "in_service": t.in_service,
        }
        data = data.append("gen", columns)
    return data


_ADD: Final[Mapping[str, Callable[[GridData, _Columns], GridData]]] = {
    "storage": _storage,
    "motor": _motor,
    "asymmetric_load": _asymmetric_load,
    "asymmetric_sgen": _asymmetric_sgen,
    "ward": _ward,
    "xward": _xward,
    "dcline": _dcline,
}


def _common(t: _Columns) -> dict[str, Any]:
    return {"name": t.labels, "bus": t.whole("bus"), "in_service": t.in_service}


def _append_load(data: GridData, t: _Columns, p_mw: FloatArray, q_mvar: FloatArray, scaling: FloatArray) -> GridData:
    return data.append("load", {**_common(t), "p_mw": p_mw, "q_mvar": q_mvar, "scaling": scaling})


def _switches_with_impedance(data: GridData, z_ohm: Sequence[float]) -> GridData:
    """Turn closed bus-bus switches with an impedance into impedances; the switches stay, open."""
    switch = data["switch"]
    if len(z_ohm) != len(switch):
        return data
    ohm = np.nan_to_num(np.asarray(z_ohm, dtype=np.float64))
    mask = (switch["et"] == "b") & switch["closed"] & (ohm > 0)
    if not mask.any():
        return data
    rows = data["bus"].rows_of(switch["bus"][mask])
    base_ohm = np.where(rows >= 0, data["bus"]["vn_kv"][rows], 1.0) ** 2 / data.sn_mva
    x_pu = ohm[mask] / base_ohm / np.sqrt(1.0 + _SWITCH_R_OVER_X**2)
    r_pu = x_pu * _SWITCH_R_OVER_X
    columns = {
        "name": [
            name or f"switch {number}" for name, number in zip(switch["name"][mask], switch["id"][mask], strict=True)
        ],
        "from_bus": switch["bus"][mask],
        "to_bus": switch["element"][mask],
        "sn_mva": data.sn_mva,
    }
    both_ways = {"rft_pu": r_pu, "xft_pu": x_pu, "rtf_pu": r_pu, "xtf_pu": x_pu}
    return data.append("impedance", {**columns, **both_ways}).replace("switch", closed=switch["closed"] & ~mask)
