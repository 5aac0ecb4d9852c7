"""Small grids for the tests of ``PowerGrid``."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from ghostload.grid.data import GridData
from ghostload.grid.power_grid import PowerGrid

LINE = {"length_km": 1.0, "r_ohm_per_km": 0.2, "x_ohm_per_km": 0.35, "c_nf_per_km": 10.0, "max_i_ka": 0.4}


def small_data() -> GridData:
    """Return 110 kV and 20 kV with one of nearly everything: nine buses, a ring, a switch, a Dyn5 transformer."""
    lines = [(2, 3), (3, 4), (4, 5), (5, 2), (5, 6), (3, 4)]
    return GridData.from_tables(
        {
            "bus": {"id": [0, 1, 2, 3, 4, 5, 6, 8, 9], "vn_kv": [110.0, 110.0, *[20.0] * 7], "name": list("abcdefghi")},
            "line": {
                "id": [0, 1, 2, 3, 4, 7],
                "from_bus": [a for a, _ in lines],
                "to_bus": [b for _, b in lines],
                **{name: [value] * len(lines) for name, value in LINE.items()},
            },
            "trafo": {
                "id": [0], "hv_bus": [1], "lv_bus": [2], "sn_mva": [40.0], "vn_hv_kv": [110.0], "vn_lv_kv": [20.0],
                "vk_percent": [12.0], "vkr_percent": [0.3], "pfe_kw": [20.0], "i0_percent": [0.05],
                "shift_degree": [150.0], "tap_side": ["hv"], "tap_neutral": [0], "tap_pos": [0], "tap_min": [-9],
                "tap_max": [9], "tap_step_percent": [1.5], "tap_changer_type": ["Ratio"], "vector_group": ["Dyn5"],
            },
            "impedance": {
                "from_bus": [0], "to_bus": [1], "rft_pu": [0.001], "xft_pu": [0.01], "rtf_pu": [0.001],
                "xtf_pu": [0.01], "sn_mva": [100.0],
            },
            "load": {
                "id": [0, 1, 2, 5], "bus": [3, 4, 4, 6], "p_mw": [4.0, 2.0, 1.0, 1.5], "q_mvar": [1.0, 0.5, 0.2, 0.4],
                "scaling": [1.0, 0.9, 1.0, 1.0], "const_z_p_percent": [0.0, 0.0, 0.0, 40.0],
                "name": ["mill", "", "", "farm"],
            },
            "sgen": {"bus": [6], "p_mw": [0.8], "q_mvar": [0.1]},
            "gen": {"bus": [5], "p_mw": [2.0], "vm_pu": [1.01], "min_q_mvar": [-3.0], "max_q_mvar": [3.0]},
            "ext_grid": {"bus": [0], "vm_pu": [1.02]},
            "shunt": {"bus": [4], "p_mw": [0.0], "q_mvar": [-0.5]},
            "switch": {"bus": [6, 5], "element": [8, 3], "et": ["b", "l"], "closed": [True, True]},
        },
        sn_mva=10.0,
        name="small",
    )  # fmt: skip


def small_grid(**options: object) -> PowerGrid:
    """Return a :class:`PowerGrid` on :func:`small_data`."""
    return PowerGrid.from_data(small_data(), **options)  # type: ignore[arg-type]


def counted_from_0(data: GridData) -> GridData:
    """Return a MATPOWER case with its buses numbered from 0, as pandapower's copies of them are."""
    first = int(data["bus"]["id"].min())
    for component, table in data.tables.items():
        columns = [name for name in ("bus", "from_bus", "to_bus", "hv_bus", "lv_bus") if name in table]
        if component == "bus":
            columns = ["id"]
        data = data.replace(component, **{name: table[name] - first for name in columns})
    return data


def write_csv_zip(data: GridData, path: Path) -> Path:
    """Write a grid as a zip of pandapower's CSV tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for component, table in data.tables.items():
            if len(table):
                text = io.StringIO()
                data.frame(component).to_csv(text, index_label="")
                archive.writestr(f"{component}.csv", text.getvalue())
        archive.writestr("parameters.csv", f"index,parameter\nf_hz,{data.f_hz}\nsn_mva,{data.sn_mva}\n")
    return path
