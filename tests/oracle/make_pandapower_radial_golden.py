"""Make the golden folder of a radial feeder with pandapower.

python tests/oracle/make_pandapower_radial_golden.py      (needs pandapower)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "grid" / "pandapower_radial_dyn5"


def feeder() -> Any:
    """Three Dyn5 transformers with taps on a 20 kV line, streets with ZIP loads, generation and a capacitor."""
    rng = np.random.default_rng(5)
    net = pp.create_empty_network(sn_mva=1.0)
    mv = [pp.create_bus(net, 20.0) for _ in range(4)]
    pp.create_ext_grid(net, mv[0], vm_pu=1.01, va_degree=3.0)
    line = {"r_ohm_per_km": 0.4, "x_ohm_per_km": 0.35, "c_nf_per_km": 250.0, "max_i_ka": 0.3, "g_us_per_km": 1.0}
    for k in range(3):
        pp.create_line_from_parameters(net, mv[k + 1], mv[k], length_km=2.0 + k, **line)
        top = pp.create_bus(net, 0.4)
        pp.create_transformer_from_parameters(
            net, mv[k + 1], top, sn_mva=0.4, vn_hv_kv=20.0, vn_lv_kv=0.4, vk_percent=4.0, vkr_percent=1.1, pfe_kw=0.6,
            i0_percent=0.3, shift_degree=150.0, tap_side="hv", tap_neutral=0, tap_min=-2, tap_max=2,
            tap_step_percent=2.5, tap_pos=k - 1, tap_changer_type="Ratio",
        )  # fmt: skip
        street = [top]
        for _ in range(12):
            bus = pp.create_bus(net, 0.4)
            near = int(street[int(rng.integers(max(0, len(street) - 3), len(street)))])
            pp.create_line_from_parameters(
                net, near, bus, length_km=float(rng.uniform(0.02, 0.09)), r_ohm_per_km=0.32, x_ohm_per_km=0.08,
                c_nf_per_km=210.0, max_i_ka=0.2, parallel=1 + int(rng.random() < 0.2),
            )  # fmt: skip
            street.append(bus)
            pp.create_load(
                net, bus, p_mw=float(rng.uniform(0.001, 0.012)), q_mvar=float(rng.uniform(0, 0.004)),
                const_z_p_percent=20.0, const_z_q_percent=20.0, const_i_p_percent=30.0, const_i_q_percent=30.0,
            )  # fmt: skip
        # On a bus with ZIP loads pandapower would apply their shares to the generation too.
        pp.create_sgen(net, top, p_mw=0.01, q_mvar=-0.001)
    pp.create_shunt(net, mv[2], q_mvar=-0.2, p_mw=0.001)
    return net


def main() -> None:
    """Write the folder."""
    net = feeder()
    pp.runpp(net, tolerance_mva=1e-11, calculate_voltage_angles=True, init="dc", max_iteration=50)
    tables = {}
    for name in ("bus", "line", "trafo", "load", "sgen", "shunt", "ext_grid"):
        frame = net[name].drop(columns=["geo"], errors="ignore").dropna(axis=1, how="all")
        tables[name] = {"id": frame.index.tolist()} | {
            column: [None if value != value else value for value in frame[column].tolist()] for column in frame
        }
    expected = {
        "vm_pu": net.res_bus.vm_pu.tolist(),
        "va_degree": net.res_bus.va_degree.tolist(),
        "losses_mw": float(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "input.json").write_text(json.dumps({"sn_mva": 1.0, "tables": tables}) + "\n", encoding="utf-8")
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")
    (FOLDER / "case.yaml").write_text(
        "what: three Dyn5 transformers on a 20 kV line, streets with ZIP loads, generation, a capacitor\n"
        f"oracle: pandapower\nversion: {pp.__version__}\ntolerance_v_pu: 1.0e-10\n"
        "command: python tests/oracle/make_pandapower_radial_golden.py\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
